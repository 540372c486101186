"""Settings: SET, RESET, SHOW, set_config, and what a new search_path means for the rest of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tidewaiter.model import EffectKind, Resource, ResourceType
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.levels import Level
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import PG_TEMP, Handler, Reading

_PLAIN = re.compile(
    rb"\s*(?:"
    rb"(?:set\s+(?:(?:session|local)\s+)?(?:standard_conforming_strings|client_encoding)\s*(?:=\s*|\s+to\s+)\w+)"
    rb"|(?:reset\s+(?:standard_conforming_strings|client_encoding))"
    rb"|(?:(?:rollback|abort|commit|end)(?:\s+(?:work|transaction))?)"
    rb")\s*;?\s*",
    re.IGNORECASE | re.ASCII,
)

_ROLE_SETTINGS = {"role": EffectKind.ROLE, "session_authorization": EffectKind.ROLE}


def is_plain(text: bytes) -> bool:
    """Whether a text means the same however its quotes, backslashes and letters beyond ASCII are read.

    It has none: it is the end of a transaction, or SET or RESET of a setting that changes how texts are read.
    """
    return _PLAIN.fullmatch(text) is not None


def effective_path(names: Iterable[str], catalog: Catalog, user: str) -> tuple[str, ...] | None:
    """The schemas that a search_path setting searches, in order; None when `"$user"` counts and `user` is not known.

    Rules: https://www.postgresql.org/docs/18/runtime-config-client.html#GUC-SEARCH-PATH
    """
    path: list[str] = []
    for name in names:
        if name == "$user":
            if not user:
                return None
            name = user
        if name not in path and (name in catalog.schemas or name == PG_TEMP):
            path.append(name)
    return tuple(path) if "pg_catalog" in path else ("pg_catalog", *path)


def split_path(value: str) -> tuple[str, ...]:
    """The names in the text of a search_path setting: separated by commas, quoted or folded to lower case."""
    names: list[str] = []
    for part in value.split(","):
        part = part.strip()
        if len(part) > 1 and part[0] == part[-1] == '"':
            names.append(part[1:-1].replace('""', '"'))
        elif part:
            names.append(part.lower())
    return tuple(names)


def change_setting(reading: Reading, name: str | None, value: str | None, names: Iterable[str] | None = None) -> None:
    """Note that a setting changes. `name` or `value` None: not known. `names`: the value as a list, for search_path.

    A name that is not known is for the caller to report.
    """
    if name is None:
        reading.path = None
        reading.effect(EffectKind.SETTING, "")
        return
    name = name.lower()
    if name in _ROLE_SETTINGS:
        reading.touch("set_role", Resource(ResourceType.ROLE, (value if value is not None else "none",)))
        reading.effect(EffectKind.ROLE, value or "")
        reading.path = None  # another role may see other schemas
        return
    reading.touch("set", Resource(ResourceType.SETTING, (name,)))
    reading.effect(EffectKind.SETTING, name)
    if name == "search_path":
        if names is None and value is not None:
            names = split_path(value)
        reading.path = None if names is None else effective_path(names, reading.catalog, reading.user)
        reading.path_changed = True


def _set(reading: Reading, fields: Node, level: Level) -> None:
    kind, name = fields["kind"], fields.get("name", "")
    if kind == "VAR_RESET_ALL":
        reading.touch("set", Resource(ResourceType.SETTING, ("all",)))
        reading.effect(EffectKind.SETTING, "")
        reading.path = None
    elif kind == "VAR_SET_MULTI":
        _set_several(reading, fields, name)
    else:
        values = [text for node in fields.get("args", ()) if (text := _value(node)) is not None]
        value = values[0] if values else None
        change_setting(reading, name, value, values if kind == "VAR_SET_VALUE" and name == "search_path" else None)


def _set_several(reading: Reading, fields: Node, name: str) -> None:
    """SET TRANSACTION … is transaction control; SET SESSION CHARACTERISTICS sets the defaults."""
    if name.startswith("SESSION"):
        for node in fields.get("args", ()):
            setting = "default_" + node["DefElem"]["defname"]
            reading.touch("set", Resource(ResourceType.SETTING, (setting,)))
            reading.effect(EffectKind.SETTING, setting)
    else:
        reading.control = "set_transaction"


def _value(node: Node) -> str | None:
    constant = node.get("A_Const")
    if constant is None:
        return None
    for kind in ("sval", "fval", "bsval"):
        if kind in constant:
            text: str = constant[kind].get(kind, "")
            return text
    return str(constant.get("ival", {}).get("ival", 0))


def _show(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("show", Resource(ResourceType.SETTING, (fields["name"].lower(),)))


def _constraints(reading: Reading, fields: Node, level: Level) -> None:
    reading.control = "set_constraints"


def _discard(reading: Reading, fields: Node, level: Level) -> None:
    target = fields.get("target", "DISCARD_ALL")
    if target == "DISCARD_ALL":
        reading.touch("set", Resource(ResourceType.SETTING, ("all",)))
        reading.effect(EffectKind.DISCARD, "all")
        reading.path = None
    elif target == "DISCARD_TEMP":
        reading.effect(EffectKind.DISCARD, "temp")
        reading.dropped.update(name for schema, name in reading.created if schema == PG_TEMP)


HANDLERS: dict[str, Handler] = {
    "ConstraintsSetStmt": _constraints,
    "DiscardStmt": _discard,
    "VariableSetStmt": _set,
    "VariableShowStmt": _show,
}

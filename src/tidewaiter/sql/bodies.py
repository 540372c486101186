"""What functions written in SQL do: their bodies are read as any statement is, and what they touch is touched.

A body is read once per snapshot and search_path, without looking into what it calls; `sql.settling` follows the calls.
 A function of whose body anything is not understood is opaque, like one in another language.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tidewaiter.model import Effect, Relation
from tidewaiter.sql.effort import Effort
from tidewaiter.sql.entities import Function, Path
from tidewaiter.sql.expressions import walk
from tidewaiter.sql.levels import Entry, Level, Source
from tidewaiter.sql.parse import Node, Parsed, parse
from tidewaiter.sql.reading import Reading, Scope
from tidewaiter.sql.settings import effective_path, split_path

MOST_BYTES = 64 << 10
"""Of one body: it is parsed where its first caller is, 3 ms for this."""

BYTES_PER_STEP = 8
"""Of a body, which is parsed and read once and then remembered."""

REMEMBERED = 20_000
"""Bodies × search_paths per snapshot; all are read again when there are more."""

_CHANGES_MEANING = frozenset(
    {"role", "session_authorization", "standard_conforming_strings", "backslash_quote", "transform_null_equals"}
)
"""Settings of a function with which its body would be another text, or another's."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a body does itself. `early`: functions that run before its last statement is read."""

    entries: tuple[Entry, ...] = ()
    effects: tuple[Effect, ...] = ()
    has_where: bool = True
    reason: str = ""
    early: frozenset[Path] = frozenset()
    follows_caller: bool = False
    """Its names mean what the caller's search_path makes of them."""

    @property
    def is_understood(self) -> bool:
        """Whether nothing in it is unknown."""
        return not self.reason


def read_body(reading: Reading, function: Function) -> Body:
    """The body of a function in SQL, as it means where `reading` stands."""
    own = _own_path(function)
    follows = own is None and not _is_atomic(function)
    path = reading.path if follows else own or ()
    if path is None or (follows and not reading.is_settled):
        return Body(reason="what its names mean is not known after an earlier statement of this text")
    reading.effort.spend(len(function.body) // BYTES_PER_STEP)  # whether it is remembered or not, to end alike
    remembered = reading.catalog.remembered
    key = (function, path, reading.user) if reading.is_plain else None
    found: Body | None = remembered.get(key) if key is not None else None
    if found is None:
        found = _read(reading, function, own, path)
        if key is not None:
            if len(remembered) >= REMEMBERED:
                remembered.clear()
            remembered[key] = found
    return found


def _own_path(function: Function) -> tuple[str, ...] | None:
    for setting in function.settings:
        name, _, value = setting.partition("=")
        if name == "search_path":
            return split_path(value)
    return None


def _is_atomic(function: Function) -> bool:
    """Whether the server printed the body from its tree, with every name qualified."""
    return function.body.startswith(("BEGIN ATOMIC", "RETURN "))


def _read(reading: Reading, function: Function, own: tuple[str, ...] | None, path: tuple[str, ...]) -> Body:
    odd = [name for name in (one.partition("=")[0] for one in function.settings) if name in _CHANGES_MEANING]
    if odd:
        return Body(reason=f"it sets {odd[0]}")
    if len(function.body) > MOST_BYTES:
        return Body(reason=f"longer than {MOST_BYTES} characters")
    statements = _statements(function)
    if statements is None:
        return Body(reason="not readable")
    inner = _inner_reading(reading, function, own, path)
    return _touched(inner, function, statements, follows=own is None and not _is_atomic(function))


def _inner_reading(reading: Reading, function: Function, own: tuple[str, ...] | None, path: tuple[str, ...]) -> Reading:
    catalog = reading.catalog
    user = function.owner if function.security_definer else reading.user
    if own is not None:
        path = effective_path((name for name in own if name != "$user" or user), catalog, user) or ()
    elif _is_atomic(function):
        path = ("pg_catalog",)
    elif function.security_definer and function.owner in catalog.schemas and function.owner not in path:
        path = (function.owner, *path)  # `"$user"` is the owner here
    inner = Reading(catalog, Scope(path, reading.created, user=user), reading.handlers, Effort(len(function.body)))
    inner.dropped = set(reading.dropped)
    # Another role may have no right to use the first schemas of the path: then the next one is meant.
    inner.path_changed = (own is not None or function.security_definer) and not _is_atomic(function)
    return inner


def _statements(function: Function) -> list[Node] | None:
    """The statements of a body; an expression after RETURN as itself. None: not readable."""
    if not _is_atomic(function):
        parsed = parse(function.body)
        return list(parsed.statements) if isinstance(parsed, Parsed) else None
    parsed = parse("create function f() returns void language sql " + function.body)
    if not isinstance(parsed, Parsed):
        return None
    body: Node = parsed.statements[0]["CreateFunctionStmt"]["sql_body"]
    if "List" not in body:
        return [body]
    return [node for item in body["List"]["items"] for node in item.get("List", {}).get("items", [item])]


def _touched(inner: Reading, function: Function, statements: Iterable[Node], *, follows: bool) -> Body:
    early: set[Path] = set()
    for number, node in enumerate(statements):
        inner.part = number
        early.update(_called(inner.entries.values()))
        level = Level(outer=_parameters(function))
        if "ReturnStmt" in node:
            walk(inner, node["ReturnStmt"]["returnval"], level)
        else:
            inner.statement(node, level)
        inner.settle_casts()
        if inner.control is not None:
            inner.unknown("transaction control")
        inner.is_shaken = inner.is_shaken or inner.ran_code
    return Body(
        tuple(inner.entries.values()),
        tuple(inner.effects),
        inner.has_where,
        next(iter(inner.reasons), ""),
        frozenset(early),
        follows,
    )


def _parameters(function: Function) -> Level:
    """Parameters are what a name means that nothing nearer explains: `a`, `f.a`, `a.field`."""
    names = tuple(name for name in function.parameters if name)
    held = Relation(function.schema, function.name, "c", names or ("",))
    return Level([Source(function.name, held), *(Source(name) for name in names)])


def _called(entries: Iterable[Entry]) -> set[Path]:
    return {(entry.resource.path[0], entry.resource.path[1]) for entry in entries if entry.runs}

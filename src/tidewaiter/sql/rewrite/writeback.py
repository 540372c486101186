"""The write-back guard: no value that was read masked is written over the real one.

A masked column takes constants, parameters, and what is computed from them and from columns that are not masked. What
comes out of stored relations is refused: it may have been read masked, now or when it was stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tidewaiter.model import ColumnMask, Relation
from tidewaiter.sql.parse import Node
from tidewaiter.sql.rewrite.plain import references
from tidewaiter.sql.rewrite.state import Refusal, Rewriting

SOURCES: Final[tuple[str, ...]] = ("withClause", "selectStmt", "fromClause", "usingClause", "sourceRelation")
NULL: Final = ""
"""The pattern of a guard that refuses NULL."""
_Written = tuple[str, Node | None, Node]
"""A column, its value (None: whatever the sources give), and the statement or action that writes it."""


def check_values(
    rewriting: Rewriting, fields: Node, relation: Relation, masks: Mapping[str, ColumnMask], names: frozenset[str]
) -> None:
    """Refuse what may write a masked value into a masked column; note the parameters that are written there.

    `fields` are those of an INSERT, UPDATE or MERGE before it is rewritten, `names` what the target's row is called.
    """
    sources = {name: fields[name] for name in SOURCES if name in fields}
    for column, value, action in _written(fields, relation):
        mask = masks.get(column)
        if mask is None:
            continue
        if _shows_null(mask) and _event(action) == "update" and value is not None:
            _check_null(rewriting, column, value)
        if value is not None and "SubLink" not in str(value) and not any(references(value)):
            _check_constants(rewriting, column, mask, [value])
        elif value is None or not _is_own(value, column):
            _check_sources(sources, action, column, value, masks, names)
            _check_constants(rewriting, column, mask, [*sources.values(), value])


def written_columns(fields: Node, relation: Relation) -> dict[str, frozenset[str]]:
    """The columns that an INSERT, UPDATE or MERGE writes itself, by what it does to rows: insert or update."""
    found: dict[str, frozenset[str]] = {}
    for column, _, action in _written(fields, relation):
        found[_event(action)] = found.get(_event(action), frozenset()) | {column}
    return found


def _event(action: Node) -> str:
    return "insert" if "selectStmt" in action or action.get("commandType") == "CMD_INSERT" else "update"


def _shows_null(mask: ColumnMask) -> bool:
    return not mask.is_late and mask.sql.startswith("NULL::")


def _check_null(rewriting: Rewriting, column: str, value: Node) -> None:
    """Refuse to overwrite with the NULL that the mask shows; INSERT overwrites nothing."""
    while "TypeCast" in value:
        value = value["TypeCast"]["arg"]
    if "ParamRef" in value:
        rewriting.guards.append((value["ParamRef"].get("number", 0), column, NULL))
    elif value.get("A_Const", {}).get("isnull"):
        raise Refusal("write-back", f"NULL for {column} is what its mask shows and would overwrite the real value")


def _written(fields: Node, relation: Relation) -> Iterator[_Written]:
    for clause in fields.get("mergeWhenClauses", ()):
        action = clause["MergeWhenClause"]
        if action["commandType"] == "CMD_INSERT":
            names = [item["ResTarget"]["name"] for item in action.get("targetList", ())] or list(relation.columns)
            yield from ((name, value, action) for name, value in zip(names, action.get("values", ()), strict=False))
        else:
            yield from _assigned(action)
    yield from _assigned(fields)
    yield from _assigned(fields.get("onConflictClause", {}))
    if "selectStmt" in fields:
        given = [item["ResTarget"]["name"] for item in fields.get("cols", ())]
        yield from _inserted(fields, given or list(relation.columns))


def _assigned(fields: Node) -> Iterator[_Written]:
    """SET lists."""
    for item in fields.get("targetList", ()):
        value = item["ResTarget"].get("val", {})
        several = value.get("MultiAssignRef", {})
        row = several.get("source", {}).get("RowExpr", {}).get("args")
        yield item["ResTarget"]["name"], row[several.get("colno", 1) - 1] if row else value, fields


def _inserted(fields: Node, names: list[str]) -> Iterator[_Written]:
    select = fields["selectStmt"]["SelectStmt"]
    rows = [row["List"]["items"] for row in select.get("valuesLists", ())]
    targets = [item["ResTarget"].get("val", {}) for item in select.get("targetList", ())]
    if not rows and not any("A_Star" in str(target) for target in targets) and targets:
        rows = [targets]
    if not rows:
        yield from ((name, None, fields) for name in names)
    for row in rows:
        yield from ((name, value, fields) for name, value in zip(names, row, strict=False))


def _is_own(value: Node, column: str) -> bool:
    """`excluded.x` for x in ON CONFLICT: what was to be inserted there has been looked at."""
    parts = [part.get("String", {}).get("sval") for part in value.get("ColumnRef", {}).get("fields", ())]
    return parts == ["excluded", column]


def _check_sources(
    sources: Node, action: Node, column: str, value: Node | None, masks: Mapping[str, ColumnMask],
    names: frozenset[str],
) -> None:  # fmt: skip
    """Raises Refusal when a value may come from something masked, or from a stored relation."""
    found = [] if value is None else [_parts(one) for one in references(value)]
    target = names - {"excluded"}
    sees_target = action.get("commandType") != "CMD_INSERT" and "selectStmt" not in action
    if sees_target and any(_is_masked(parts, masks, target) for parts in found):
        raise Refusal("write-back", f"a masked value would be written into {column}")
    is_of_target = sees_target and bool(found) and all(len(parts) > 1 and parts[-2] in target for parts in found)
    if is_of_target and "SubLink" not in str(value):
        return
    if reads_stored({**sources, "value": value}, frozenset()):
        reason = f"a value that was read would be written into {column}, which is masked: it may be a masked one"
        raise Refusal("write-back", f"{reason}; write constants or parameters there")


def _parts(reference: Node) -> list[str | None]:
    return [part.get("String", {}).get("sval") for part in reference["fields"]]


def _is_masked(parts: list[str | None], masks: Mapping[str, ColumnMask], names: frozenset[str]) -> bool:
    """Whether a reference may mean a masked column of the target, or its whole row."""
    is_of_target = len(parts) == 1 or parts[-2] in names
    return (parts[-1] is None or parts[-1] in masks or parts[-1] in names) and is_of_target


def reads_stored(value: Any, made: frozenset[str]) -> bool:
    """Whether anything below names a relation that is not one of the queries `made` in a WITH list."""
    if isinstance(value, list):
        return any(reads_stored(one, made) for one in value)
    if not isinstance(value, dict):
        return False
    if "relname" in value:
        return "schemaname" in value or value["relname"] not in made
    clause = value.get("withClause", {})
    for item in clause.get("ctes", ()):
        query = item["CommonTableExpr"]
        own = {query["ctename"]} if clause.get("recursive") else set()
        if reads_stored(query["ctequery"], made | own):
            return True
        made = made | {query["ctename"]}
    return any(reads_stored(one, made) for name, one in value.items() if name != "withClause")


def _check_constants(rewriting: Rewriting, column: str, mask: ColumnMask, values: Iterable[Any]) -> None:
    """Refuse constants that look like what the mask shows; note the parameters, for who knows what they are."""
    if not mask.trace:
        return
    pattern = _within(mask.trace) if _is_nested(values) else mask.trace
    for kind, fields in _leaves(values):
        if kind == "ParamRef":
            guard = (fields.get("number", 0), column, pattern)
            if guard not in rewriting.guards:
                rewriting.guards.append(guard)
        elif re.fullmatch(pattern, fields.get("sval", {}).get("sval", "")):
            raise Refusal("write-back", f"the value for {column} looks like a masked one and would overwrite the real")


def _is_nested(values: Iterable[Any]) -> bool:
    """Whether a value is more than a constant or parameter with casts: parts of it may be taken out, then."""
    for value in values:
        while isinstance(value, dict) and "TypeCast" in value:
            value = value["TypeCast"]["arg"]
        if not isinstance(value, dict) or not value.keys() & {"A_Const", "ParamRef", "SetToDefault"}:
            return True
    return False


def _within(trace: str) -> str:
    """What a constant looks like that is a masked value, or an array, row or JSON, as text or binary, that has one."""
    return rf"(?s)(?:{trace})|[\[{{(](?:.*[\[{{(,:\"' ])?(?:{trace})[\]}}),\"' ].*|[\x00\x01].*(?:{trace}).*"


def _leaves(values: Iterable[Any]) -> Iterator[tuple[str, Node]]:
    """All constants and parameters below."""
    stack: list[Any] = list(values)
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(one)
        elif isinstance(one, dict):
            for kind, below in one.items():
                if kind in ("A_Const", "ParamRef"):
                    yield kind, below
                else:
                    stack.append(below)

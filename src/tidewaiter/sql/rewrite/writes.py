"""INSERT, UPDATE, DELETE and MERGE. The target stays raw; what the statement reads of it is masked column by column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tidewaiter.model import ColumnMask, Relation
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, quoted
from tidewaiter.sql.levels import SYSTEM_COLUMNS
from tidewaiter.sql.parse import Node
from tidewaiter.sql.rewrite.plain import references
from tidewaiter.sql.rewrite.relations import with_clause
from tidewaiter.sql.rewrite.state import Ctes, Handler, Refusal, Rewriting, Target, path_of, string

_SOURCES: Final = frozenset({"selectStmt", "fromClause", "usingClause", "sourceRelation"})
_APART: Final = frozenset({"withClause", "relation", "targetList", "cols"}) | _SOURCES


def target_of(rewriting: Rewriting, var: Node) -> Relation:
    """The relation that is written. Raises Refusal for views over masked data and system relations."""
    relation = rewriting.resolve(var)
    path = path_of(relation)
    labels = rewriting.labels
    if path[0] in SYSTEM_SCHEMAS:
        raise Refusal("write", f"{quoted(path)} belongs to the system")
    if path in labels.inlined or path in labels.closed or (relation.kind != "r" and relation.kind != "p"
                                                           and path in labels.masks):  # fmt: skip
        raise Refusal("write-view", f"{quoted(path)} shows masked data and cannot be written through")
    return relation


def check_guarded(
    rewriting: Rewriting, relation: Relation, columns: Iterable[str], masks: Mapping[str, ColumnMask]
) -> None:
    """Refuse writes whose success would tell what masked columns of other rows hold."""
    guarded = rewriting.catalog.guarded.get(path_of(relation), frozenset())
    told = sorted(column for column in columns if column in masks and column in guarded)
    if told:
        raise Refusal("guarded-write", f"a constraint on the masked column {told[0]} would tell what others hold")


def _write(rewriting: Rewriting, kind: str, fields: Node, ctes: Ctes) -> None:
    ctes = with_clause(rewriting, fields, ctes)
    relation = target_of(rewriting, fields["relation"])
    masks = rewriting.labels.masks.get(path_of(relation), {})
    outer = rewriting.target
    if masks:
        _open_target(rewriting, kind, fields, relation, masks)
    rewriting.target = None if masks else outer  # its sources are subqueries and relations of their own
    target = _target(rewriting, fields, relation, masks) if masks else outer
    for name in fields:
        if name in _SOURCES:
            # A LATERAL source could reach the target only in a sublink, where the outer target counts.
            rewriting.within(kind, {name: fields[name]}, ctes) if name != "sourceRelation" else None
    if "sourceRelation" in fields:
        fields["sourceRelation"] = rewriting.node(fields["sourceRelation"], ctes)
    rewriting.target = target
    rewriting.within(kind, fields, ctes, _APART)
    _assignments(rewriting, fields, masks, ctes)
    rewriting.target = outer


def _target(rewriting: Rewriting, fields: Node, relation: Relation, masks: Mapping[str, ColumnMask]) -> Target:
    name = fields["relation"].get("alias", {}).get("aliasname") or relation.name
    options = fields.get("returningClause", {}).get("options", ())
    renamed = {option["ReturningOption"]["value"] for option in options}
    path = path_of(relation)
    rewriting.labels.columns[path] = (*relation.columns, *SYSTEM_COLUMNS)
    return Target(path, masks, frozenset({name, "old", "new", "excluded"} | renamed))


def _open_target(
    rewriting: Rewriting, kind: str, fields: Node, relation: Relation, masks: Mapping[str, ColumnMask]
) -> None:
    """What holds for every write of a masked table, before anything of it is rewritten."""
    if kind == "MergeStmt":
        raise Refusal("merge", f"MERGE into {quoted(path_of(relation))}, which has masked columns")
    rewriting.writes = True
    written = [item["ResTarget"]["name"] for item in fields.get("cols", ())]
    if kind == "InsertStmt" and not written:
        written = list(_given(fields, relation))
    if kind == "UpdateStmt":
        written = [item["ResTarget"]["name"] for item in fields["targetList"]]
    conflict = fields.get("onConflictClause", {})
    written += [item["ResTarget"]["name"] for item in conflict.get("targetList", ())]
    check_guarded(rewriting, relation, written, masks)
    if kind == "InsertStmt" and any(column in masks for column in written) and _reads(fields.get("selectStmt", {})):
        raise Refusal("write-back", "values that are read may be masked ones: masked columns take constants only")
    _check_values(rewriting, fields, relation, masks)
    _spell_out_stars(rewriting, fields, relation)


def _given(fields: Node, relation: Relation) -> tuple[str, ...]:
    """The columns that an INSERT without a list fills: as many as its rows have values."""
    rows = fields.get("selectStmt", {}).get("SelectStmt", {}).get("valuesLists")
    if not fields.get("selectStmt"):
        return ()
    return relation.columns[: len(rows[0]["List"]["items"])] if rows else relation.columns


def _reads(query: Node) -> bool:
    """Whether a query is more than VALUES or a SELECT without FROM."""
    select = query.get("SelectStmt", {})
    return "fromClause" in str(select) or "withClause" in select


def _check_values(rewriting: Rewriting, fields: Node, relation: Relation, masks: Mapping[str, ColumnMask]) -> None:
    """Refuse to write a constant that looks like what the mask shows: it was read and comes back.

    Parameters that such a value depends on are noted, for who knows what they are.
    """
    for column, value in _written_values(fields, relation):
        mask = masks.get(column)
        if mask is None or not mask.trace:
            continue
        rewriting.guards += [(number, column, mask.trace) for number in _parameters(value)]
        while "TypeCast" in value:
            value = value["TypeCast"]["arg"]
        text = value.get("A_Const", {}).get("sval", {}).get("sval")
        if text is not None and re.fullmatch(mask.trace, text):
            raise Refusal("write-back", f"the value for {column} looks like a masked one and would overwrite the real")


def _written_values(fields: Node, relation: Relation) -> Iterator[tuple[str, Node]]:
    """Each column that SET, VALUES, a SELECT without FROM or ON CONFLICT writes, with its value."""
    for item in (*fields.get("targetList", ()), *fields.get("onConflictClause", {}).get("targetList", ())):
        value = item["ResTarget"].get("val", {})
        several = value.get("MultiAssignRef", {})
        row = several.get("source", {}).get("RowExpr", {}).get("args")
        yield item["ResTarget"]["name"], row[several.get("colno", 1) - 1] if row else value
    names = [item["ResTarget"]["name"] for item in fields.get("cols", ())] or list(relation.columns)
    select = fields.get("selectStmt", {}).get("SelectStmt", {})
    for row in select.get("valuesLists", ()):
        yield from zip(names, row["List"]["items"], strict=False)
    yield from zip(names, [item["ResTarget"].get("val", {}) for item in select.get("targetList", ())], strict=False)


def _parameters(value: Any) -> Iterator[int]:
    """The numbers of all parameters below."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack.extend(one)
        elif isinstance(one, dict):
            if "ParamRef" in one:
                yield one["ParamRef"].get("number", 0)
            stack.extend(one.values())


def _spell_out_stars(rewriting: Rewriting, fields: Node, relation: Relation) -> None:
    """Replace `*` in RETURNING by the columns, so that each can be masked; masked columns keep their names."""
    clause = fields.get("returningClause")
    if not clause:
        return
    name = fields["relation"].get("alias", {}).get("aliasname") or relation.name
    others = fields.get("fromClause") or fields.get("usingClause")
    listed: list[Node] = []
    for item in clause["exprs"]:
        target = item["ResTarget"]
        parts = [
            part.get("String", {}).get("sval") for part in target.get("val", {}).get("ColumnRef", {}).get("fields", ())
        ]
        is_star = bool(parts) and parts[-1] is None
        if is_star and len(parts) == 1 and others:
            raise Refusal("raw-row", "RETURNING * of a masked table with other relations: name the columns")
        if is_star and (len(parts) == 1 or parts[-2] in {name, "old", "new"}):
            qualifier = parts[-2] if len(parts) > 1 else name
            listed += [_returned(qualifier or name, column) for column in rewriting.columns(relation)]
            continue
        if parts and not is_star and "name" not in target:
            target["name"] = parts[-1]
        listed.append(item)
    clause["exprs"] = listed


def _returned(qualifier: str, column: str) -> Node:
    value = {"ColumnRef": {"fields": [string(qualifier), string(column)]}}
    return {"ResTarget": {"name": column, "val": value}}


def _assignments(rewriting: Rewriting, fields: Node, masks: Mapping[str, ColumnMask], ctes: Ctes) -> None:
    """SET lists and column lists. A masked column takes no value that depends on what was read masked."""
    conflict = fields.get("onConflictClause", {})
    for item in fields.get("targetList", ()):
        _assign(rewriting, item["ResTarget"], fields, masks, ctes)
    for item in conflict.get("targetList", ()):
        if item["ResTarget"]["name"] in masks and _may_bring(item["ResTarget"].get("val", {}), fields, masks):
            raise Refusal("write-back", f"a masked value would be written into {item['ResTarget']['name']}")
    for item in fields.get("cols", ()):
        rewriting.within("ResTarget", item["ResTarget"], ctes)


def _assign(rewriting: Rewriting, target: Node, fields: Node, masks: Mapping[str, ColumnMask], ctes: Ctes) -> None:
    value = target.get("val", {})
    if target.get("name") in masks and _may_bring(value, fields, masks):
        raise Refusal("write-back", f"a masked value would be written into {target['name']}")
    rewriting.within("ResTarget", target, ctes)


def _may_bring(value: Any, fields: Node, masks: Mapping[str, ColumnMask]) -> bool:
    """Whether a value may hold, or be computed from, something masked."""
    found = list(references(value))
    if any("A_Star" in one["fields"][-1] or one["fields"][-1]["String"]["sval"] in masks for one in found):
        return not all(_is_excluded(one) for one in found)
    is_joined = any(name in fields for name in ("fromClause", "usingClause", "withClause"))
    return "SubLink" in str(value) or (bool(found) and is_joined)


def _is_excluded(reference: Node) -> bool:
    """`excluded.x` in ON CONFLICT is the client's own new value."""
    parts = reference["fields"]
    return len(parts) == 2 and bool(parts[0].get("String", {}).get("sval") == "excluded")


def _handler(kind: str) -> Handler:
    def handle(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
        _write(rewriting, kind, fields, ctes)

    return handle


HANDLERS: dict[str, Handler] = {
    kind: _handler(kind) for kind in ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt")
}

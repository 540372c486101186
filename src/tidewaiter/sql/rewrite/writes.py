"""INSERT, UPDATE, DELETE and MERGE. The target stays raw; what the statement reads of it is masked column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tidewaiter.model import ColumnMask, Relation
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, quoted
from tidewaiter.sql.levels import SYSTEM_COLUMNS
from tidewaiter.sql.parse import Node
from tidewaiter.sql.rewrite.guards import check_guarded
from tidewaiter.sql.rewrite.relations import with_clause
from tidewaiter.sql.rewrite.state import Ctes, Handler, Refusal, Rewriting, Target, path_of, string
from tidewaiter.sql.rewrite.through import base_of, is_by_trigger
from tidewaiter.sql.rewrite.writeback import check_values, written_columns

_SOURCES: Final = frozenset({"selectStmt", "fromClause", "usingClause", "sourceRelation"})
_APART: Final = frozenset({"withClause", "relation", "targetList", "cols", "mergeWhenClauses"}) | _SOURCES


def target_of(rewriting: Rewriting, var: Node, events: frozenset[str]) -> Relation:
    """The relation that is written. Raises Refusal for system relations, and views that compute with masked data."""
    relation = rewriting.resolve(var)
    path = path_of(relation)
    labels = rewriting.labels
    if path[0] in SYSTEM_SCHEMAS:
        raise Refusal("write", f"{quoted(path)} belongs to the system")
    if path in labels.closed and relation.kind not in ("v", "m"):
        raise Refusal("closed-view", f"{quoted(path)} cannot be written by itself: {labels.closed[path]}")
    if path in labels.inlined or path in labels.closed:
        raise Refusal("write-view", f"{quoted(path)} computes with masked columns and cannot be written through")
    if relation.kind != "v":
        return relation
    is_over = any(labels.concerns(reach.path) for reach in rewriting.catalog.reaches.get(path, ()))
    if is_over:
        rewriting.writes = True  # errors of the table below show whole rows
    is_by_server = (is_over or path in labels.masks) and not is_by_trigger(rewriting.catalog, path, events)
    if is_by_server and base_of(rewriting.catalog, path) is None:
        raise Refusal("write-view", f"{quoted(path)} is over masked data and more than columns of one table")
    return relation


def _write(rewriting: Rewriting, kind: str, fields: Node, ctes: Ctes) -> None:
    events = _events(kind, fields)
    relation = target_of(rewriting, fields["relation"], events)
    masks = rewriting.labels.masks.get(path_of(relation), {})
    target = _target(rewriting, fields, relation, masks)
    written = written_columns(fields, relation)
    check_guarded(rewriting, relation, {event: written.get(event, frozenset()) for event in events})
    if path_of(relation) in rewriting.labels.split and kind != "InsertStmt":
        _check_order(rewriting, fields)
    if masks:
        rewriting.writes = True
        check_values(rewriting, fields, relation, masks, target.names)
        _spell_out_stars(rewriting, fields, relation)
    ctes = with_clause(rewriting, fields, ctes)
    outer = rewriting.target
    # Sources are subqueries and relations of their own: a target outside counts in them only where this one is bare.
    rewriting.target = None if masks else outer
    for name in _SOURCES & fields.keys():
        rewriting.within(kind, {name: fields[name]}, ctes) if name != "sourceRelation" else None
    if "sourceRelation" in fields:
        fields["sourceRelation"] = rewriting.node(fields["sourceRelation"], ctes)
    for clause in fields.get("mergeWhenClauses", ()):
        action = clause["MergeWhenClause"]
        is_blind = masks and action["matchKind"] == "MERGE_WHEN_NOT_MATCHED_BY_TARGET"  # the target is not seen there
        rewriting.target = None if is_blind else target if masks else outer
        rewriting.within("MergeWhenClause", action, ctes)
    rewriting.target = target if masks else outer
    rewriting.within(kind, fields, ctes, _APART)
    for item in (*fields.get("targetList", ()), *fields.get("cols", ())):
        rewriting.within("ResTarget", item["ResTarget"], ctes)
    rewriting.target = outer


def _check_order(rewriting: Rewriting, fields: Node) -> None:
    """Rows are written partition by partition: nothing may tell, or number, them in that order."""
    builtins = rewriting.catalog.builtins
    if "returningClause" in fields:
        raise Refusal("raw-row", "RETURNING would tell which rows are in one partition by a masked column")
    volatile = sorted(name for name in rewriting.mentions.names if builtins.get(name))
    if volatile:
        raise Refusal("raw-row", f"{volatile[0]} would tell which rows are in one partition by a masked column")


def _events(kind: str, fields: Node) -> frozenset[str]:
    """What a statement does to its target: insert, update, delete."""
    if kind != "MergeStmt":
        event = kind.removesuffix("Stmt").lower()
        return frozenset({event, "update"} if fields.get("onConflictClause", {}).get("targetList") else {event})
    actions = {clause["MergeWhenClause"]["commandType"] for clause in fields["mergeWhenClauses"]}
    return frozenset(action.removeprefix("CMD_").lower() for action in actions) - {"nothing"}


def _target(rewriting: Rewriting, fields: Node, relation: Relation, masks: Mapping[str, ColumnMask]) -> Target:
    name = fields["relation"].get("alias", {}).get("aliasname") or relation.name
    options = fields.get("returningClause", {}).get("options", ())
    renamed = {option["ReturningOption"]["value"] for option in options}
    path = path_of(relation)
    rewriting.labels.columns[path] = (*relation.columns, *SYSTEM_COLUMNS)
    return Target(path, masks, frozenset({name, "old", "new", "excluded"} | renamed))


def _spell_out_stars(rewriting: Rewriting, fields: Node, relation: Relation) -> None:
    """Replace `*` in RETURNING by the columns, so that each can be masked; masked columns keep their names."""
    clause = fields.get("returningClause")
    if not clause:
        return
    name = fields["relation"].get("alias", {}).get("aliasname") or relation.name
    versions = {"old", "new"} | {option["ReturningOption"]["value"] for option in clause.get("options", ())}
    listed: list[Node] = []
    for item in clause["exprs"]:
        target = item["ResTarget"]
        parts = [
            part.get("String", {}).get("sval") for part in target.get("val", {}).get("ColumnRef", {}).get("fields", ())
        ]
        if parts and parts[-1] is None and (len(parts) == 1 or parts[-2] in {name} | versions):
            qualifier = (parts[-2] if len(parts) > 1 else None) or name
            own = [_returned(qualifier, column) for column in rewriting.columns(relation)]
            if len(parts) > 1:
                listed += own
            else:  # MERGE returns its source first
                others = [_all_of(one) for one in _others(fields)]
                listed += [*others, *own] if "sourceRelation" in fields else [*own, *others]
            continue
        if parts and parts[-1] is not None and "name" not in target:
            target["name"] = parts[-1]
        listed.append(item)
    clause["exprs"] = listed


def _others(fields: Node) -> Iterator[str]:
    """What the other relations of a write are called, in order. Raises Refusal where that is not told."""
    source = [fields["sourceRelation"]] if "sourceRelation" in fields else []
    stack = [*source, *fields.get("fromClause", ()), *fields.get("usingClause", ())][::-1]
    while stack:
        kind, item = next(iter(stack.pop().items()))
        if kind == "JoinExpr" and not ({"usingClause", "alias", "isNatural"} & item.keys()):
            stack += (item["rarg"], item["larg"])
            continue
        name = item.get("alias", {}).get("aliasname") or item.get("relname")
        if name is None:
            raise Refusal("raw-row", "RETURNING * of a masked table with other relations: name the columns")
        yield name


def _all_of(name: str) -> Node:
    return {"ResTarget": {"val": {"ColumnRef": {"fields": [string(name), {"A_Star": {}}]}}}}


def _returned(qualifier: str, column: str) -> Node:
    value = {"ColumnRef": {"fields": [string(qualifier), string(column)]}}
    return {"ResTarget": {"name": column, "val": value}}


def _handler(kind: str) -> Handler:
    def handle(rewriting: Rewriting, fields: Node, ctes: Ctes) -> None:
        _write(rewriting, kind, fields, ctes)

    return handle


HANDLERS: dict[str, Handler] = {
    kind: _handler(kind) for kind in ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt")
}

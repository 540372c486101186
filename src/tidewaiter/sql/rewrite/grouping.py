"""GROUP BY a primary key lets a query use the table's other columns. A masking subquery has no key, so the columns that
are used are added to the list: each is determined by the key, and the groups stay the same."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.model import Relation
from tidewaiter.sql.parse import Node
from tidewaiter.sql.rewrite.plain import references
from tidewaiter.sql.rewrite.state import Ctes, Rewriting, path_of, string


def repair_grouping(rewriting: Rewriting, select: Node, ctes: Ctes) -> None:
    """Add columns of masked relations whose primary key is grouped by."""
    group = select["groupClause"]
    if select.get("groupDistinct") or not all("ColumnRef" in item or "A_Const" in item for item in group):
        return
    grouped = {name for item in group if (name := _column(item, select.get("targetList", [])))}
    for relation, alias in _relations(rewriting, select, ctes):
        key = rewriting.catalog.primary_keys.get(path_of(relation))
        is_masked = path_of(relation) in rewriting.labels.masks
        if not key or not is_masked or not all({(alias, part), ("", part)} & grouped for part in key):
            continue
        wanted, is_star = _wanted(select)
        for column in relation.columns:
            if (is_star or column in wanted) and not {(alias, column), ("", column)} & grouped:
                group.append({"ColumnRef": {"fields": [string(alias), string(column)]}})


def _column(item: Node, targets: list[Node]) -> tuple[str, str] | None:
    """(qualifier or "", column) of a grouping item; a position means the output there."""
    if "A_Const" in item:
        at = item["A_Const"].get("ival", {}).get("ival", 0) - 1
        if not 0 <= at < len(targets):
            return None
        item = targets[at]["ResTarget"].get("val", {})
    fields = item.get("ColumnRef", {}).get("fields", [])
    parts = [field["String"]["sval"] for field in fields if "String" in field]
    if not parts or len(parts) != len(fields):
        return None
    return (parts[-2] if len(parts) > 1 else "", parts[-1])


def _relations(rewriting: Rewriting, select: Node, ctes: Ctes) -> Iterator[tuple[Relation, str]]:
    stack = list(select.get("fromClause", ()))
    while stack:
        kind, fields = next(iter(stack.pop().items()))
        if kind == "JoinExpr":
            stack.extend((fields["larg"], fields["rarg"]))
        elif kind == "RangeVar" and ("schemaname" in fields or fields["relname"] not in ctes):
            found = rewriting.reading.look_up(fields["relname"], fields.get("schemaname"))
            if len(found) == 1:
                yield found[0], fields.get("alias", {}).get("aliasname") or fields["relname"]


def _wanted(select: Node) -> tuple[set[str], bool]:
    names, is_star = set(), False
    parts = [select.get(clause) for clause in ("targetList", "havingClause", "sortClause", "windowClause")]
    for reference in references(parts):
        last = reference["fields"][-1]
        is_star = is_star or "A_Star" in last
        names.add(last.get("String", {}).get("sval", ""))
    return names, is_star

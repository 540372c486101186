"""Writing through views: which table a simple view writes, and which views leave that to triggers."""

from __future__ import annotations

from collections.abc import Mapping

from tidewaiter.model import Relation
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.deparse import Tree, read_tree
from tidewaiter.sql.parse import Node
from tidewaiter.sql.rewrite.plain import outputs_of
from tidewaiter.sql.rewrite.state import Path

Base = tuple[Path, Mapping[str, str]]
"""A table, and which of its columns a view's columns are."""


def is_by_trigger(catalog: Catalog, path: Path, events: frozenset[str]) -> bool:
    """Whether INSTEAD OF triggers do all of these events on a view: the server then writes nothing itself."""
    found = catalog.triggers.get(path, ())
    return all(any(one.is_instead and event in one.events for one in found) for event in events)


def base_of(catalog: Catalog, path: Path) -> Base | None:
    """What is written through a view over one table, at any depth; None for anything else."""
    remembered = catalog.remembered
    key = ("base", path)
    if key not in remembered:
        remembered[key] = _base_of(catalog, path)
    found: Base | None = remembered[key]
    return found


def _base_of(catalog: Catalog, path: Path) -> Base | None:
    view, text = catalog.relations.get(path), catalog.view_definitions.get(path)
    tree = read_tree(text) if view is not None and view.kind == "v" and text is not None else None
    if not isinstance(tree, Tree) or view is None:
        return None

    def resolve(var: Node) -> Relation | None:
        return catalog.relations.get((var.get("schemaname", "pg_catalog"), var["relname"]))

    select = tree.statements[0]["stmt"]["SelectStmt"]
    outputs = outputs_of(select, resolve)
    tables = select.get("fromClause", ())
    if len(tables) != 1 or "RangeVar" not in tables[0] or not outputs.plain:
        return None
    below = outputs.plain[0].source.relation
    columns = {view.columns[one.index]: one.column for one in outputs.plain}
    path = (below.schema, below.name)
    if below.kind != "v":
        return path, columns
    further = base_of(catalog, path)
    if further is None:
        return None
    return further[0], {name: further[1][column] for name, column in columns.items() if column in further[1]}

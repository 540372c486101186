"""What is masked flows on: to partitions and children, generated columns, views and materialized views.

A view that shows masked columns only as they are is masked itself, and goes on to read with its owner's rights. Any
other view over masked columns is read by its definition, rewritten; a materialized one holds raw data and is closed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tidewaiter.model import ColumnMask, Relation
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, Catalog
from tidewaiter.sql.deparse import DeparseError, Tree, canonical, read_tree
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite.names import HIDDEN_FUNCTIONS
from tidewaiter.sql.rewrite.plain import outputs_of, sources_of
from tidewaiter.sql.rewrite.relations import HIDDEN_CATALOGS
from tidewaiter.sql.rewrite.state import Handler, Labels, Path, Refusal, Rewriting
from tidewaiter.sql.routines import action_of

Masked = Mapping[Path, Mapping[str, ColumnMask]]

_FLOATS: Final = "pg_catalog.float4[]"
_CATALOGS: Final[Mapping[Path, Mapping[str, str]]] = MappingProxyType({
    ("pg_catalog", "pg_stats"): {
        "null_frac": "real", "avg_width": "integer", "n_distinct": "real", "most_common_vals": "pg_catalog.text",
        "most_common_freqs": _FLOATS, "histogram_bounds": "pg_catalog.text", "correlation": "real",
        "most_common_elems": "pg_catalog.text", "most_common_elem_freqs": _FLOATS, "elem_count_histogram": _FLOATS,
        "range_length_histogram": "pg_catalog.text", "range_empty_frac": "real",
        "range_bounds_histogram": "pg_catalog.text",
    },
    ("pg_catalog", "pg_stats_ext"): {
        "n_distinct": "pg_catalog.text", "dependencies": "pg_catalog.text", "most_common_vals": "pg_catalog.text[]",
        "most_common_val_nulls": "pg_catalog.bool[]", "most_common_freqs": "pg_catalog.float8[]",
        "most_common_base_freqs": "pg_catalog.float8[]",
    },
    ("pg_catalog", "pg_attribute"): {"attmissingval": "pg_catalog.text"},
    ("pg_catalog", "pg_cursors"): {"statement": "pg_catalog.text"},
    ("pg_catalog", "pg_prepared_statements"): {"statement": "pg_catalog.text"},
    ("pg_catalog", "pg_subscription"): {"subconninfo": "pg_catalog.text"},
    ("pg_catalog", "pg_user_mappings"): {"umoptions": "pg_catalog.text[]"},
    ("pg_catalog", "pg_stat_activity"): {"query": "pg_catalog.text", "application_name": "pg_catalog.text"},
})  # fmt: skip
"""Columns of system relations that show values of user data or other sessions' texts, with a type for their NULL."""

_PLACE: Final = MappingProxyType(
    {name: ColumnMask("", f"NULL::pg_catalog.{type_}") for name, type_ in (("tableoid", "oid"), ("ctid", "tid"))}
)
"""Where a row is."""
_WORD: Final = re.compile(r"[a-z_][a-z0-9_$]*")
_SHOWING: Final = HIDDEN_CATALOGS | HIDDEN_FUNCTIONS | {name for _, name in _CATALOGS}


def spread(catalog: Catalog, masked: Masked, handlers: Mapping[str, Handler]) -> Labels:
    """Everything that some masked columns flow to."""
    labels = Labels()
    for path, masks in masked.items():
        relation = catalog.relations.get(path)
        if relation is not None and masks:
            labels.masks[path] = {name: mask for name, mask in masks.items() if name in relation.columns}
    _spread_tables(catalog, labels)
    _close_partitions(catalog, labels)
    for path, columns in _CATALOGS.items():
        known = catalog.relations.get(path)
        if known is not None:
            labels.masks[path] = {
                name: ColumnMask("", f"NULL::{type_}") for name, type_ in columns.items() if name in known.columns
            }
    visited: set[Path] = set()
    for path in catalog.view_definitions:
        _visit(catalog, labels, handlers, path, visited)
    return labels


def _spread_tables(catalog: Catalog, labels: Labels) -> None:
    """Partitions and children share their parents' columns, in both directions; generated columns derive."""
    changed = True
    while changed:
        changed = False
        for child, parent in catalog.inheritance:
            changed |= _share(catalog, labels, child, parent) | _share(catalog, labels, parent, child)
        for path, pairs in catalog.generated.items():
            masks = labels.masks.get(path)
            if masks:
                for generated, source in pairs:
                    if source in masks and generated not in masks:
                        masks[generated] = _null(catalog, path, generated, masks[source].tag)
                        changed = True


def _close_partitions(catalog: Catalog, labels: Labels) -> None:
    """Where a masked column is in a partition key, nobody is told which partition has which row, or in which order."""
    for path, guards in catalog.guards.items():
        if path not in labels.masks:
            continue
        key = frozenset().union(*(guard.columns for guard in guards if guard.kind == "partition"))
        masked = sorted(key & labels.masks[path].keys())
        if not masked:
            continue
        parts = list(catalog.partitions.get(path, ()))
        for part in parts:
            labels.closed[part] = f"which rows it has tells what the masked {masked[0]} holds"
            parts += catalog.partitions.get(part, ())
        above = [path]
        for one in above:
            labels.split.add(one)
            labels.masks.setdefault(one, {}).update(_PLACE)
            above += [parent for child, parent in catalog.inheritance if child == one and parent not in above]


def _share(catalog: Catalog, labels: Labels, source: Path, target: Path) -> bool:
    relation = catalog.relations.get(target)
    if relation is None or source not in labels.masks:
        return False
    missing = {
        name: mask
        for name, mask in labels.masks[source].items()
        if name in relation.columns and name not in labels.masks.get(target, {})
    }
    labels.masks.setdefault(target, {}).update(missing)
    return bool(missing)


def _null(catalog: Catalog, path: Path, name: str, tag: str) -> ColumnMask:
    types = {column.name: column.type for column in catalog.columns.get(path, ())}
    return ColumnMask(tag, f"NULL::{types[name]}")


def _visit(catalog: Catalog, labels: Labels, handlers: Mapping[str, Handler], path: Path, visited: set[Path]) -> None:
    """Label a view, after those that it is made of."""
    if path in visited or path not in catalog.view_definitions:
        return
    visited.add(path)
    used = [reach.path for reach in catalog.reaches.get(path, ())]
    for below in used:
        _visit(catalog, labels, handlers, below, visited)
    is_over = any(labels.concerns(below) for below in used if below[0] not in SYSTEM_SCHEMAS)
    if not is_over and not _may_show(catalog, catalog.view_definitions[path]):
        return
    own = labels.masks.pop(path, {})
    tree = read_tree(catalog.view_definitions[path])
    if not isinstance(tree, Tree) or len(tree.statements) != 1:
        labels.closed[path] = "its definition cannot be read"
        return
    select = tree.statements[0]["stmt"]["SelectStmt"]
    relation = catalog.relations[path]
    plain = _plain_masks(catalog, labels, relation, select)
    if plain is not None:
        if plain or own:
            labels.masks[path] = {**plain, **own}
    elif relation.kind != "v":
        labels.closed[path] = "it keeps a copy of what it was made from"
    else:
        _inline(catalog, labels, handlers, path, tree)


def _may_show(catalog: Catalog, definition: str) -> bool:
    """Whether a view may name something of the system that shows data, which is not open in a statement either."""
    words = frozenset(_WORD.findall(definition.lower()))
    return not words.isdisjoint(_SHOWING) or any(
        action_of(name, catalog.builtins[name]) not in (None, "lock") for name in words & catalog.builtins.keys()
    )


def _plain_masks(catalog: Catalog, labels: Labels, view: Relation, select: Node) -> dict[str, ColumnMask] | None:
    """The masks of a view's columns when it shows masked columns only as they are; None for any other view."""

    def resolve(var: Node) -> Relation | None:
        return catalog.relations.get((var.get("schemaname", "pg_catalog"), var["relname"]))

    sources = sources_of(select, resolve)
    outputs = outputs_of(select, resolve)
    if not sources or outputs.used is None:
        return None
    found: dict[str, ColumnMask] = {}
    for source in sources:
        path = (source.relation.schema, source.relation.name)
        is_hidden = path[0] == "pg_catalog" and path[1] in HIDDEN_CATALOGS
        if is_hidden or path in labels.inlined or path in labels.closed or path in labels.split:
            return None
        for column in labels.masks.get(path, {}):
            if not outputs.is_free(source, column):
                return None
    for output in outputs.plain:
        mask = labels.masks.get((output.source.relation.schema, output.source.relation.name), {}).get(output.column)
        if mask is not None:
            if output.index >= len(view.columns):
                return None
            found[view.columns[output.index]] = mask
    return found


def _inline(catalog: Catalog, labels: Labels, handlers: Mapping[str, Handler], path: Path, tree: Tree) -> None:
    scope = Scope(search_path=("pg_catalog",))
    rewriting = Rewriting(catalog, scope, labels, tree, handlers, "tidewaiter_view_")
    try:
        for item in tree.statements:
            item["stmt"] = rewriting.node(item["stmt"], frozenset())
        text = canonical(tree.statements)
    except (Refusal, DeparseError, RecursionError) as refusal:
        labels.closed[path] = str(refusal) or "nested too deeply"
        return
    for name, subquery in rewriting.texts:
        text = text.replace(name, subquery)
    if rewriting.texts:
        labels.inlined[path] = text

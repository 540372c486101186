"""Constraints as oracles: whether a write succeeds must not tell what masked columns hold.

What looks at rows when they are written (unique indexes, exclusions, CHECK, foreign keys, policies, and expressions of
generated columns that can fail) answers yes or no. That tells something where a masked value that the client has not
just given itself takes part in the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from tidewaiter.model import Indirect, Relation
from tidewaiter.sql.catalog import Catalog, quoted
from tidewaiter.sql.entities import RowGuard
from tidewaiter.sql.levels import words
from tidewaiter.sql.rewrite.state import Path, Refusal, Rewriting, path_of
from tidewaiter.sql.rewrite.through import base_of, is_by_trigger
from tidewaiter.sql.rewrite.triggers import telling

_TOTAL: Final = words("text varchar bpchar tsvector bytea bool json jsonb uuid name")
"""Base types of generated columns whose expressions hardly fail for one value and not for another: no sums."""


def check_guarded(rewriting: Rewriting, relation: Relation, written: Mapping[str, frozenset[str]]) -> None:
    """Raises Refusal when success would tell something. `written`: columns by event, none for "delete"."""
    path = path_of(relation)
    catalog = rewriting.catalog
    if relation.kind == "v" and is_by_trigger(catalog, path, frozenset(written)):
        masked = sorted(frozenset().union(*written.values()) & rewriting.labels.masks.get(path, {}).keys())
        if masked:
            raise Refusal("guarded-write", f"a trigger decides what becomes of the masked column {masked[0]}")
        for event, columns in written.items():
            _check_triggers(rewriting, path, event, columns)
        return
    base, names = base_of(catalog, path) or (path, None)
    for event, columns in written.items():
        below = columns if names is None else frozenset(names[one] for one in columns if one in names)
        for table in _with_parts(catalog, base):
            _check_table(rewriting, table, event, below)


def check_cascades(rewriting: Rewriting, indirect: Iterable[Indirect]) -> None:
    """The same for what foreign keys do to other tables because of a write: it tells as a write there would."""
    for one in indirect:
        if one.kind == "cascade":
            columns = _set_by(rewriting, one) if one.action == "update" else frozenset()
            for table in _with_parts(rewriting.catalog, one.path):
                _check_table(rewriting, table, one.action, columns)


def _set_by(rewriting: Rewriting, cascade: Indirect) -> frozenset[str]:
    """The columns that a cascade sets; whatever is not masked, where that is not known."""
    catalog = rewriting.catalog
    keys = [key for key in catalog.keys.get(cascade.cause, ()) if key.name == cascade.name]
    if keys:
        return frozenset().union(*(key.columns for key in keys))
    relation = catalog.relations.get(cascade.path)
    masks = rewriting.labels.masks.get(cascade.path, {})
    return frozenset(relation.columns if relation is not None else ()) - masks.keys()


def _with_parts(catalog: Catalog, path: Path) -> Iterator[Path]:
    """A table with its partitions and children at any depth: a write reaches them too."""
    found = {path: None}
    queue = [path]
    for one in queue:
        yield one
        queue += [part for part in catalog.partitions.get(one, ()) if part not in found]
        found.update(dict.fromkeys(queue))


def _check_table(rewriting: Rewriting, table: Path, event: str, columns: frozenset[str]) -> None:
    catalog, masks = rewriting.catalog, rewriting.labels.masks
    masked = masks.get(table, {}).keys()
    _check_triggers(rewriting, table, event, columns)
    _check_references(rewriting, table, event, columns)
    if event == "delete":
        return
    generated = catalog.generated.get(table, ())
    written = columns | {made for made, source in generated if source in columns}
    for guard in (*catalog.guards.get(table, ()), *_sums(catalog, table)):
        if guard.columns.isdisjoint(written):
            continue
        told = _told(guard, event, written, guard.columns & masked)
        if guard.kind == "references":
            told |= guard.referenced & masks.get(guard.other, {}).keys()
        if told:
            what = {"policy": "a policy", "generated": "a generated column"}.get(guard.kind, "a constraint")
            raise Refusal("guarded-write", f"{what} of {quoted(table)} would tell what the masked {min(told)} holds")


def _check_triggers(rewriting: Rewriting, table: Path, event: str, columns: frozenset[str]) -> None:
    found = telling(rewriting.catalog, rewriting.labels, table, event, columns)
    if found is not None:
        reason = f"trigger {found[0].name} of {quoted(table)} could tell what the masked {found[1]} holds"
        raise Refusal("trigger", reason)


def _check_references(rewriting: Rewriting, table: Path, event: str, columns: frozenset[str]) -> None:
    """Keys that hang on masked columns at either end: what becomes of a row, or of others, tells who has a value."""
    masks = rewriting.labels.masks
    for key in rewriting.catalog.keys.get(table, ()):
        if event != "delete" and (event != "update" or columns.isdisjoint(key.referenced)):
            continue
        far, near = masks.get(key.table, {}).keys() & key.columns, masks.get(table, {}).keys() & key.referenced
        if far or near:
            named = f"{quoted(key.table)}.{min(far)}" if far else f"{quoted(table)}.{min(near)}"
            raise Refusal("guarded-write", f"foreign key {key.name} would tell which rows have which masked {named}")


def _told(guard: RowGuard, event: str, written: frozenset[str], masked: frozenset[str]) -> frozenset[str]:
    """Masked columns of which an answer would depend on values that are not the client's own."""
    if guard.kind == "unique":  # compared with other rows
        return masked & written if event == "insert" else masked
    if event == "insert":
        return frozenset()
    return masked & written if guard.kind == "referenced" else masked - written


def _sums(catalog: Catalog, table: Path) -> Iterator[RowGuard]:
    """Generated columns whose expression can fail: an overflow, a division."""
    bases = {column.name: "" if column.is_array else column.base for column in catalog.columns.get(table, ())}
    sources: dict[str, set[str]] = {}
    for made, source in catalog.generated.get(table, ()):
        sources.setdefault(made, set()).add(source)
    for made, columns in sources.items():
        if bases.get(made) not in _TOTAL:
            yield RowGuard("generated", frozenset(columns))

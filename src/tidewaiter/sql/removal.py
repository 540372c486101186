"""DROP of relations, their parts, schemas and every other object."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from tidewaiter.model import EffectKind, Resource
from tidewaiter.sql.catalog import quoted
from tidewaiter.sql.levels import Level
from tidewaiter.sql.locks import ACCESS_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE
from tidewaiter.sql.objects import RELATIONS, Path, names_of, resources
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import Handler, Reading


def _drop(reading: Reading, fields: Node, level: Level) -> None:
    objtype, is_cascade = fields["removeType"], fields.get("behavior") == "DROP_CASCADE"
    missing_ok = fields.get("missing_ok", False)
    is_object = objtype in RELATIONS or objtype in ("OBJECT_SCHEMA",)
    action = "drop" if is_object or objtype not in _PARTS else "alter_destructive"
    for node in fields["objects"]:
        for found in list(resources(reading, objtype, node, missing_ok=missing_ok)):
            reading.touch(action, found)
            if objtype in RELATIONS:
                lock = SHARE_UPDATE_EXCLUSIVE if fields.get("concurrent") else ACCESS_EXCLUSIVE
                drop_relation(reading, (found.path[0], found.path[1]), is_cascade, lock)
            elif objtype in _PARTS:
                reading.lock_table((found.path[0], found.path[1]), ACCESS_EXCLUSIVE)
            elif objtype == "OBJECT_SCHEMA":
                _drop_schema(reading, found.path[0], is_cascade)
            elif is_cascade and objtype in _USED:
                _drop_used(reading, _USED[objtype], found, names_of(node))
            elif is_cascade and objtype not in _ALONE:
                reading.unknown("what goes with it by CASCADE is not in the catalog")
    reading.effect(EffectKind.DEFINE)


_PARTS = frozenset({"OBJECT_POLICY", "OBJECT_RULE", "OBJECT_TRIGGER"})
"""Dropping one of these changes its table."""

_USED = {
    **dict.fromkeys(("OBJECT_FUNCTION", "OBJECT_AGGREGATE", "OBJECT_PROCEDURE", "OBJECT_ROUTINE"), "function"),
    **dict.fromkeys(("OBJECT_TYPE", "OBJECT_DOMAIN"), "type"),
}
"""What tables are made with, without being it: the word of `Catalog.attached` for it."""

_ALONE = frozenset({"OBJECT_EVENT_TRIGGER", "OBJECT_PUBLICATION", "OBJECT_STATISTIC_EXT"})
"""What nothing depends on."""


def drop_relation(reading: Reading, path: Path, is_cascade: bool, lock: str) -> None:
    """Note what else goes with a relation, or is locked for it."""
    reading.dropped.add(path[1])
    if reading.known(path) is not None:
        reading.lock_table(path, lock)
        reading.lock_referenced(path)
    via = (quoted(path),)
    table = reading.catalog.indexes.get(path)
    if table is not None:
        reading.touch("alter", reading.table(table), via)
        reading.lock_table(table, lock)
    for parent in _parents(reading, path):
        reading.lock_table(parent, ACCESS_EXCLUSIVE)
    gone = [path, *_below(reading, path), *(reading.catalog.dependents.get(path, ()) if is_cascade else ())]
    for other in gone[1:]:
        reading.dropped.add(other[1])
        reading.touch("drop", reading.table(other), via)
        reading.lock_table(other, lock)
    if is_cascade:
        _detach(reading, "relation", gone, via)


def _parents(reading: Reading, path: Path) -> Iterator[Path]:
    """The partitioned table of a partition. A parent by inheritance stays as it is."""
    for child, parent in reading.catalog.inheritance:
        relation = reading.catalog.relations.get(parent)
        if child == path and relation is not None and relation.kind == "p":
            yield parent


def _detach(
    reading: Reading, kind: str, gone: Iterable[Path], via: tuple[str, ...], also_gone: Collection[Path] = ()
) -> None:
    """CASCADE takes keys, rules, policies, triggers, defaults … of tables that stay."""
    paths = set(gone)
    for path in sorted(paths):
        for table in reading.catalog.attached.get((kind, path), ()):
            if table not in paths and table not in also_gone:
                reading.touch("alter_destructive", reading.table(table), via)
                reading.lock_table(table, ACCESS_EXCLUSIVE)


def drop_part(reading: Reading, path: Path, command: Node) -> None:
    """What else goes with a column or a constraint, or is locked for it: views count by the columns that they use."""
    name, is_column = command["name"], command["subtype"] == "AT_DropColumn"
    catalog = reading.catalog
    reading.effort.spend(len(catalog.keys))
    for referenced, keys in catalog.keys.items():
        if any(key.table == path and (name in key.columns if is_column else key.name == name) for key in keys):
            reading.lock_table(referenced, ACCESS_EXCLUSIVE)
    if command.get("behavior") != "DROP_CASCADE":
        return
    via = (quoted(path),)
    for view in catalog.dependents.get(path, ()) if is_column else ():
        used = [reach for reach in catalog.reaches.get(view, ()) if reach.path == path]
        if any(reach.star or name in reach.columns for reach in used):
            reading.touch("drop", reading.table(view), via)
            drop_relation(reading, view, True, ACCESS_EXCLUSIVE)
    _detach(reading, "relation", [path], via)


def _drop_used(reading: Reading, kind: str, found: Resource, names: list[str]) -> None:
    """A function or a type goes with CASCADE: views over it go too, tables lose what was made with it."""
    catalog = reading.catalog
    path: Path = (found.path[0], found.path[-1] if kind == "function" else names[-1])
    via = (quoted(path),)
    reading.effort.spend(len(catalog.calls))
    views = [
        view for view, calls in catalog.calls.items() if kind == "function" and any(one == path for one, _ in calls)
    ]
    tables = catalog.attached.get((kind, path), ()) if kind == "type" else ()
    views += [view for table in tables for view in catalog.dependents.get(table, ())]
    for view in dict.fromkeys(views):
        reading.touch("drop", reading.table(view), via)
        drop_relation(reading, view, True, ACCESS_EXCLUSIVE)
    _detach(reading, kind, [path], via)


def _below(reading: Reading, path: Path) -> Iterator[Path]:
    """Partitions go with their table; so do inheritance children, with CASCADE, which is the cautious reading."""
    queue = list(reading.catalog.partitions.get(path, ()))
    for child in queue:
        queue.extend(reading.catalog.partitions.get(child, ()))
        yield child


def _drop_schema(reading: Reading, schema: str, is_cascade: bool) -> None:
    """Everything in the schema goes, and with CASCADE what depends on it elsewhere."""
    catalog, within = reading.catalog, (quoted((schema,)),)
    reading.effort.spend(len(catalog.relations) + len(catalog.attached))
    gone = [path for path, one in catalog.relations.items() if path[0] == schema and one.kind not in "iI"]
    views = {view: path for path in gone for view in catalog.dependents.get(path, ()) if view[0] != schema}
    for path in (*gone, *(views if is_cascade else ())):
        reading.dropped.add(path[1])
        reading.touch("drop", reading.table(path), within if path[0] == schema else (quoted(views[path]),))
        reading.lock_table(path, ACCESS_EXCLUSIVE)
        reading.lock_referenced(path)
    if is_cascade:
        _detach(reading, "relation", (*gone, *views), within)
        for kind, used in catalog.attached:
            if used[0] == schema and kind != "relation":
                _detach(reading, kind, [used], within, set(gone))


HANDLERS: dict[str, Handler] = {"DropStmt": _drop}

"""DROP of relations, their parts, schemas and every other object."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.model import EffectKind
from tidewaiter.sql.catalog import quoted
from tidewaiter.sql.levels import Level
from tidewaiter.sql.locks import ACCESS_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE
from tidewaiter.sql.objects import RELATIONS, resources
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
                _drop_relation(reading, (found.path[0], found.path[1]), is_cascade, lock)
            elif objtype in _PARTS:
                reading.lock_table((found.path[0], found.path[1]), ACCESS_EXCLUSIVE)
            elif objtype == "OBJECT_SCHEMA":
                _drop_schema(reading, found.path[0])
    reading.effect(EffectKind.DEFINE)


_PARTS = frozenset({"OBJECT_POLICY", "OBJECT_RULE", "OBJECT_TRIGGER"})
"""Dropping one of these changes its table."""


def _drop_relation(reading: Reading, path: tuple[str, str], is_cascade: bool, lock: str) -> None:
    reading.dropped.add(path[1])
    if reading.known(path) is not None:
        reading.lock_table(path, lock)
        reading.lock_referenced(path)
    via = (quoted(path),)
    table = reading.catalog.indexes.get(path)
    if table is not None:
        reading.touch("alter", reading.table(table), via)
        reading.lock_table(table, lock)
    below = _below(reading, path)
    also = reading.catalog.dependents.get(path, ()) if is_cascade else ()
    for other in (*below, *also):
        reading.dropped.add(other[1])
        reading.touch("drop", reading.table(other), via)
        reading.lock_table(other, lock)


def _below(reading: Reading, path: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Partitions go with their table; so do inheritance children, with CASCADE, which is the cautious reading."""
    queue = list(reading.catalog.partitions.get(path, ()))
    for child in queue:
        queue.extend(reading.catalog.partitions.get(child, ()))
        yield child


def _drop_schema(reading: Reading, schema: str) -> None:
    reading.effort.spend(len(reading.catalog.relations))
    for (one, name), relation in reading.catalog.relations.items():
        if one == schema and relation.kind not in "iI":
            reading.dropped.add(name)
            reading.touch("drop", reading.table((one, name)), (quoted((schema,)),))
            reading.lock_table((one, name), ACCESS_EXCLUSIVE)


HANDLERS: dict[str, Handler] = {"DropStmt": _drop}

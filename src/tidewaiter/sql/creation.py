"""New relations: what their names mean from the moment that they exist, and how the session learns of them."""

from __future__ import annotations

from collections.abc import Iterable

from tidewaiter.model import EffectKind, Relation, ResourceType
from tidewaiter.sql.levels import Level
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import PG_TEMP, Reading, creation_schema, strings

_READS = frozenset({"select", "explain"})


def create_relation(
    reading: Reading,
    var: Node,
    kind: str,
    columns: Iterable[str] = (),
    base: tuple[tuple[str, str], ...] = (),
) -> Relation:
    """Note a CREATE of the relation that a RangeVar names; its name means it from here on.

    `columns` empty: not known, so every column name counts as one of them.
    """
    schema = var.get("schemaname")
    if schema is None:
        schema = PG_TEMP if var.get("relpersistence") == "t" else creation_schema(reading)
    elif schema.startswith(PG_TEMP):
        schema = PG_TEMP
    relation = Relation(schema, var["relname"], kind, tuple(columns), base)
    if not reading.explains:
        reading.touch("create", reading.table((schema, relation.name)))
        introduce(reading, relation)
    return relation


def introduce(reading: Reading, relation: Relation) -> None:
    """Let a name mean a relation from here on, in this text and in the session."""
    reading.created[(relation.schema, relation.name)] = relation
    reading.effect(EffectKind.CREATE, relation.name, of=relation)
    reading.effect(EffectKind.DEFINE, PG_TEMP if relation.schema == PG_TEMP else "")


def create_from_query(reading: Reading, into: Node, query: Node | None, level: Level, kind: str = "r") -> None:
    """CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW. `level` holds the query's sources after it was read."""
    names = tuple(strings(into.get("colNames", ())))
    columns = output_columns(query, level) if query is not None else ()
    named = (*names, *columns[len(names) :]) if columns else ()
    create_relation(reading, into["rel"], kind, named, bases_read(reading) if kind == "m" else ())


def bases_read(reading: Reading) -> tuple[tuple[str, str], ...]:
    """The tables that the present statement has read so far: what a view over it is made of."""
    found: dict[tuple[str, str], None] = {}
    reading.effort.spend(len(reading.present))
    for entry in reading.present:
        resource = entry.resource
        if entry.action in _READS and resource.type is ResourceType.TABLE:
            found[(resource.path[0], resource.path[1])] = None
    return tuple(found)


def output_columns(query: Node, level: Level) -> tuple[str, ...]:
    """The names of a query's columns; empty when they do not all follow from its text and the catalog."""
    while query.get("op", "SETOP_NONE") != "SETOP_NONE":
        query, level = query["larg"], Level()
    columns: list[str] = []
    for node in query.get("targetList", ()):
        names = _output_names(node["ResTarget"], level)
        if not names:
            return ()
        columns.extend(names)
    return tuple(columns)


def _output_names(target: Node, level: Level) -> tuple[str, ...]:
    if "name" in target:
        return (target["name"],)
    kind, fields = next(iter(target["val"].items()))
    if kind == "ColumnRef":
        last = fields["fields"][-1]
        if "String" in last:
            return (last["String"]["sval"],)
        parts = list(strings(fields["fields"]))
        return _star(level, parts[-2] if len(parts) > 1 else None)
    if kind == "FuncCall":
        return tuple(strings(fields["funcname"]))[-1:]
    return ()


def _star(level: Level, name: str | None) -> tuple[str, ...]:
    columns: list[str] = []
    for source in level.sources:
        if name is None or source.name == name:
            if source.relation is None or source.renames is not None or not source.relation.columns:
                return ()
            columns.extend(source.relation.columns)
    return tuple(columns)

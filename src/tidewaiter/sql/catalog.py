"""A frozen snapshot of what names mean in one database: relations, views' base tables, functions, foreign keys. Pure.

Paths are (schema, name). System schemas are included; temporary relations are not, sessions bring their own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar

import orjson

from tidewaiter.model import Column, Relation
from tidewaiter.sql.catalog_queries import QUERIES
from tidewaiter.sql.entities import Cast, ForeignKey, Function, Path, RowGuard, Rule, TableCall, Trigger

__all__ = [
    "QUERIES", "SYSTEM_SCHEMAS", "Cast", "Catalog", "Column", "Function", "Reach", "Rows", "grown", "quoted",
]  # fmt: skip

Rows = Mapping[str, Sequence[Sequence[Any]]]
"""Answers to QUERIES, by their names."""

K = TypeVar("K")
V = TypeVar("V")

SYSTEM_SCHEMAS = frozenset({"pg_catalog", "information_schema"})
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")


def identifier(name: str) -> str:
    """A name as SQL writes it, always quoted."""
    return '"' + name.replace('"', '""') + '"'


def quoted(path: Iterable[str]) -> str:
    """A path as SQL writes it: parts joined by dots, quoted unless plain lower-case words (key words stay bare)."""
    return ".".join(part if _PLAIN.match(part) else identifier(part) for part in path)


@dataclass(frozen=True, slots=True)
class Reach:
    """A relation that is reached through another one. `star`: not known to be limited to `columns`.

    `mirrors`: the columns are those touched of the relation itself (a partition's parent).
    """

    path: Path
    via: tuple[str, ...]
    columns: tuple[str, ...] = ()
    star: bool = False
    mirrors: bool = False


def _none() -> Mapping[Any, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Catalog:
    """The snapshot. `version` is a digest of the content: equal content, equal version."""

    version: int = 0
    relations: Mapping[Path, Relation] = field(default_factory=_none)
    schemas: frozenset[str] = frozenset()
    required: Mapping[Path, frozenset[str]] = field(default_factory=_none)
    """NOT NULL columns."""
    reaches: Mapping[Path, tuple[Reach, ...]] = field(default_factory=_none)
    """What reading or writing a relation also reaches: what views are made of, the parents of a partition or child."""
    heirs: Mapping[Path, tuple[Path, ...]] = field(default_factory=_none)
    """Inheritance children at any depth, whose rows a parent shows. Not partitions: their rows are the parent's."""
    calls: Mapping[Path, tuple[tuple[Path, tuple[str, ...]], ...]] = field(default_factory=_none)
    """Functions that reading a view calls, with the views on the way."""
    dependents: Mapping[Path, tuple[Path, ...]] = field(default_factory=_none)
    """Views over a relation at any depth: what DROP … CASCADE takes along."""
    referrers: Mapping[Path, tuple[Path, ...]] = field(default_factory=_none)
    """Tables with foreign keys to a table, at any depth: what TRUNCATE … CASCADE takes along."""
    attached: Mapping[tuple[str, Path], tuple[Path, ...]] = field(default_factory=_none)
    """("relation", "function" or "type", its path) → tables that lose a part when it is dropped with CASCADE."""
    partitions: Mapping[Path, tuple[Path, ...]] = field(default_factory=_none)
    """Direct partitions and inheritance children."""
    indexes: Mapping[Path, Path] = field(default_factory=_none)
    """Table of an index."""
    functions: Mapping[str, tuple[Function, ...]] = field(default_factory=_none)
    builtins: Mapping[str, bool] = field(default_factory=_none)
    """Functions of the system schemas by name; True when one of that name is volatile."""
    builtin_oids: Mapping[int, Path] = field(default_factory=_none)
    oids: Mapping[int, Path] = field(default_factory=_none)
    """All functions by oid."""
    row_functions: Mapping[str, tuple[Function, ...]] = field(default_factory=_none)
    operators: Mapping[str, tuple[Path, ...]] = field(default_factory=_none)
    casts: Mapping[str, tuple[Cast, ...]] = field(default_factory=_none)
    """User casts by target type."""
    implicit_casts: tuple[Cast, ...] = ()
    """Those of them that happen without being written."""
    types: Mapping[str, tuple[str, ...]] = field(default_factory=_none)
    """Schemas in which a type of that name exists."""
    triggers: Mapping[Path, tuple[Trigger, ...]] = field(default_factory=_none)
    event_triggers: tuple[tuple[str, Path], ...] = ()
    """Name and function of what DDL sets off."""
    rules: Mapping[Path, tuple[Rule, ...]] = field(default_factory=_none)
    keys: Mapping[Path, tuple[ForeignKey, ...]] = field(default_factory=_none)
    """Foreign keys by the table that they refer to; those of the referencing table's partitions are left out."""
    table_calls: Mapping[Path, tuple[TableCall, ...]] = field(default_factory=_none)
    operator_classes: Mapping[str, tuple[Path, ...]] = field(default_factory=_none)
    """Functions of an operator class of that name, where they are not the server's own."""
    policy_reads: Mapping[Path, tuple[tuple[str, Path], ...]] = field(default_factory=_none)
    """Policies of a table's row security, and what they read besides it."""
    domain_calls: Mapping[str, tuple[Path, ...]] = field(default_factory=_none)
    """Functions that a cast to a type of that name calls: the checks of domains."""
    made_of: Mapping[Path, tuple[Path, ...]] = field(default_factory=_none)
    """Functions that one calls besides its body: what an aggregate is made of, what defaults of parameters call."""
    columns: Mapping[Path, tuple[Column, ...]] = field(default_factory=_none)
    """The columns with their types, of relations outside the system schemas."""
    relation_oids: Mapping[int, Path] = field(default_factory=_none)
    primary_keys: Mapping[Path, tuple[str, ...]] = field(default_factory=_none)
    guards: Mapping[Path, tuple[RowGuard, ...]] = field(default_factory=_none)
    """What looks at a table's rows when they are written."""
    generated: Mapping[Path, tuple[tuple[str, str], ...]] = field(default_factory=_none)
    """(generated column, column that it is computed from)."""
    view_definitions: Mapping[Path, str] = field(default_factory=_none)
    """The query of each view and materialized view, names qualified, as the server prints it."""
    inheritance: tuple[tuple[Path, Path], ...] = ()
    """(child, parent): partitions and inheritance children."""
    remembered: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """What was found out from this snapshot alone (the facts of a function's body), by whoever found it."""

    def find(self, name: str, schema: str | None, search_path: Sequence[str]) -> Relation | None:
        """The relation that a name means, with its schema or along the effective search_path."""
        if schema is not None:
            return self.relations.get((schema, name))
        for entry in search_path:
            found = self.relations.get((entry, name))
            if found is not None:
                return found
        return None

    def find_functions(self, name: str, schema: str | None, search_path: Sequence[str]) -> tuple[Function, ...]:
        """Every function outside the system schemas that a call by this name can mean: overloads are not told apart."""
        found = self.functions.get(name)
        if not found:
            return ()
        if schema is not None:
            return tuple(function for function in found if function.schema == schema)
        return tuple(function for function in found if function.schema in search_path)

    @property
    def by_name(self) -> Mapping[str, tuple[Relation, ...]]:
        """The relations of a name in any schema."""
        found: Mapping[str, tuple[Relation, ...]] | None = self.remembered.get("by name")
        if found is None:
            found = self.remembered["by name"] = _grouped((name, one) for (_, name), one in self.relations.items())
        return found

    def function_by_oid(self, oid: int) -> Path | None:
        """(schema, name) of any function, built-in ones included."""
        return self.oids.get(oid)

    @classmethod
    def from_rows(cls, *parts: Rows) -> Catalog:
        """A snapshot from the answers to QUERIES, or to both halves of them. Missing keys count as empty."""
        sections = {name: [list(row) for rows in parts for row in rows.get(name, ())] for name in QUERIES}
        digest = hashlib.blake2b(orjson.dumps(sections), digest_size=8).digest()
        return grown(None, sections, (), int.from_bytes(digest, "big"))


def grown(before: Catalog | None, rows: Sections, differing: Collection[str], version: int) -> Catalog:
    """The catalog of these rows. What no differing section says is taken from the catalog before it."""
    made: dict[str, Any] = {"version": version}
    for name, (sections, make) in _FIELDS.items():
        if before is not None and sections.isdisjoint(differing):
            made[name] = getattr(before, name)
        else:
            made[name] = make(rows, made, before)
    return Catalog(**made)


Sections = Mapping[str, Sequence[Sequence[Any]]]
"""Rows of every section."""

_Make = Callable[[Sections, Mapping[str, Any], "Catalog | None"], Any]


def _made(make: Callable[..., Any], *sections: str) -> tuple[frozenset[str], _Make]:
    """A field that is made of the rows of these sections alone."""
    return frozenset(sections), lambda rows, made, before: make(*(rows[name] for name in sections))


_Table = Sequence[Sequence[Any]]


def _first(row: Sequence[Any]) -> Path:
    return (row[0], row[1])


def _second(row: Sequence[Any]) -> Path:
    return (row[2], row[3])


def _function(row: Sequence[Any]) -> Function:
    known = Function(*row[:9])
    parameters, body, settings, owner = row[9:]
    return replace(known, parameters=tuple(parameters), body=body, settings=tuple(settings), owner=owner)


_RULE_EVENTS = {"2": "update", "3": "insert", "4": "delete"}
_TRIGGER_EVENTS = {4: "insert", 8: "delete", 16: "update", 32: "truncate"}  # TRIGGER_TYPE_… of pg_trigger.h
_BEFORE, _INSTEAD = 2, 64


def _trigger(row: Sequence[Any]) -> Trigger:
    bits: int = row[5]
    events = frozenset(event for bit, event in _TRIGGER_EVENTS.items() if bits & bit)
    when = (bool(bits & _INSTEAD), bool(bits & _BEFORE))
    return Trigger(row[2], (row[3], row[4]), events, tuple(row[6]), row[7], *when, *row[8:])


def _key(row: Sequence[Any]) -> ForeignKey:
    return ForeignKey(row[6], _first(row), tuple(row[7]), tuple(row[8]), row[4], row[5], row[9])


def _row_guard(row: Sequence[Any]) -> RowGuard:
    return RowGuard(row[2], frozenset(row[3]), (row[4], row[5]), frozenset(row[6]))


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    found: dict[K, dict[V, None]] = {}
    for key, value in pairs:
        found.setdefault(key, {})[value] = None
    return {key: tuple(values) for key, values in found.items()}


def _closure(edges: Iterable[tuple[Path, Path]]) -> dict[Path, tuple[Path, ...]]:
    """Everything reachable from each start, itself excluded, in breadth-first order."""
    direct = _grouped(edges)
    found: dict[Path, tuple[Path, ...]] = {}
    for start in direct:
        seen: dict[Path, None] = {start: None}
        queue = list(direct[start])
        for path in queue:
            if path not in seen:
                seen[path] = None
                queue.extend(direct.get(path, ()))
        found[start] = tuple(seen)[1:]
    return found


def _reaches(view_uses: _Table, inheritance: _Table) -> dict[Path, tuple[Reach, ...]]:
    """Breadth first, so that `via` is a shortest way; several ways to one relation are merged into one Reach.

    A view of the server stands for itself: pg_user shows what everybody may see of pg_shadow.
    """
    edges: dict[Path, list[Reach]] = {}
    for row in view_uses:
        if row[0] in SYSTEM_SCHEMAS and row[2] in SYSTEM_SCHEMAS:
            continue
        columns = tuple(sorted(name for name in row[4] if name is not None))
        is_whole = row[5] or not columns
        edges.setdefault(_first(row), []).append(Reach(_second(row), (), columns, is_whole))
    for row in inheritance:
        edges.setdefault(_first(row), []).append(Reach(_second(row), (), mirrors=True))
    return {start: _reached(start, edges) for start in edges}


def _reached(start: Path, edges: Mapping[Path, list[Reach]]) -> tuple[Reach, ...]:
    found: dict[Path, Reach] = {}
    queue: list[tuple[Path, tuple[str, ...], Reach | None]] = [(start, (), None)]
    for path, via, arrived in queue:
        way = (*via, quoted(path))
        for edge in edges.get(path, ()):
            if edge.mirrors and arrived is not None:  # a view over a partition: the parent's columns are the view's
                edge = replace(edge, columns=arrived.columns, star=arrived.star, mirrors=arrived.mirrors)
            known = found.get(edge.path)
            if known is not None:
                columns = tuple(sorted({*known.columns, *edge.columns}))
                found[edge.path] = replace(known, columns=columns, star=known.star or edge.star)
            elif edge.path != start:
                found[edge.path] = reach = replace(edge, via=way)
                queue.append((edge.path, way, reach))
    return tuple(found.values())


def _heirs(relations: _Table, inheritance: _Table) -> dict[Path, tuple[Path, ...]]:
    partitions = {_first(row) for row in relations if row[5]}
    return _closure((_second(row), _first(row)) for row in inheritance if _first(row) not in partitions)


def _relations(
    rows: _Table, reaches: Mapping[Path, tuple[Reach, ...]], before: Mapping[Path, Relation]
) -> dict[Path, Relation]:
    views = {_first(row) for row in rows if row[2] == "v"}
    found: dict[Path, Relation] = {}
    for schema, name, kind, columns, _required, _is_partition in rows:
        base: tuple[Path, ...] = ()
        if kind in "vm":
            reached = (reach.path for reach in reaches.get((schema, name), ()))
            base = tuple(path for path in reached if path not in views)
        known, names = before.get((schema, name)), tuple(columns)
        if known is None or (known.kind, known.columns, known.base) != (kind, names, base):
            known = Relation(schema, name, kind, names, base)
        found[(schema, name)] = known
    return found


def _calls(
    rows: _Table, reaches: Mapping[Path, tuple[Reach, ...]]
) -> dict[Path, tuple[tuple[Path, tuple[str, ...]], ...]]:
    direct = _grouped((_first(row), _second(row)) for row in rows)
    pairs: list[tuple[Path, tuple[Path, tuple[str, ...]]]] = []
    for view, functions in direct.items():
        pairs.extend((view, (function, (quoted(view),))) for function in functions)
    for view, reached in reaches.items():
        for reach in reached:
            via = (*reach.via, quoted(reach.path))
            pairs.extend((view, (function, via)) for function in direct.get(reach.path, ()))
    return _grouped(pairs)


class _Columns(dict[Path, tuple[Column, ...]]):
    """Columns by relation, with what they were made from: names and row, and types by oid."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[Path, tuple[tuple[str, ...], Sequence[Any]]] = {}
        self.types: dict[int, tuple[Any, ...]] = {}


def _columns(rows: Sections, made: Mapping[str, Any], before: Catalog | None) -> _Columns:
    """The columns of each relation. Those whose row and types are the ones of the catalog before are taken from it."""
    types = {row[0]: tuple(row[1:]) for row in rows["column_types"]}
    relations: Mapping[Path, Relation] = made["relations"]
    known = before.columns if before is not None and isinstance(before.columns, _Columns) else _Columns()
    if any(types.get(oid, kind) != kind for oid, kind in known.types.items()):
        known = _Columns()
    found = _Columns()
    found.types = types
    for row in rows["columns"]:
        path = _first(row)
        names = relations[path].columns
        if known.rows.get(path) == (names, row) and all(oid in known.types for oid in row[5]):
            found[path] = known[path]
        else:
            given = zip(names, row[3], row[4], row[5], strict=True)
            found[path] = tuple(Column(name, number, text, oid, *types[oid]) for name, number, text, oid in given)
        found.rows[path] = (names, row)
    return found


def _casts(casts: _Table, cast_sources: _Table) -> dict[str, tuple[Cast, ...]]:
    found = _grouped((row[0], (row[1], row[2])) for row in cast_sources)
    holders = {name: frozenset(paths) for name, paths in found.items()}
    none: frozenset[Path] = frozenset()
    return _grouped(
        (
            target,
            Cast(
                (schema, name),
                source,
                None if is_system else holders.get(source, none),
                context != "e" or target in ("json", "jsonb"),  # to_json and its kin use it unasked
                holders.get(target, none),
            ),
        )
        for target, schema, name, source, is_system, context, extension in casts
        if not extension  # those of an extension compute, whatever its functions do: they came with a superuser
    )


def _builtins(rows: _Table) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for _schema, name, _oids, is_volatile in rows:
        found[name] = found.get(name, False) or is_volatile
    return found


_FIELDS: Mapping[str, tuple[frozenset[str], _Make]] = {
    "schemas": _made(lambda rows: frozenset(row[0] for row in rows), "schemas"),
    "required": _made(lambda rows: {(row[0], row[1]): frozenset(row[4]) for row in rows if row[4]}, "relations"),
    "reaches": _made(_reaches, "view_uses", "inheritance"),
    "relations": (
        frozenset({"relations", "view_uses", "inheritance"}),
        lambda rows, made, before: _relations(rows["relations"], made["reaches"], before.relations if before else {}),
    ),
    "heirs": _made(_heirs, "relations", "inheritance"),
    "calls": (
        frozenset({"view_calls", "view_uses", "inheritance"}),
        lambda rows, made, before: _calls(rows["view_calls"], made["reaches"]),
    ),
    "dependents": _made(lambda rows: _closure((_second(row), _first(row)) for row in rows), "view_uses"),
    "referrers": _made(lambda rows: _closure((_second(row), _first(row)) for row in rows), "foreign_keys"),
    "attached": _made(
        lambda rows: _grouped(((row[0], (row[1], row[2])), (row[3], row[4])) for row in rows), "attached"
    ),
    "partitions": _made(lambda rows: _grouped((_second(row), _first(row)) for row in rows), "inheritance"),
    "indexes": _made(lambda rows: {_first(row): _second(row) for row in rows}, "indexes"),
    "functions": _made(lambda rows: _grouped((one.name, one) for one in map(_function, rows)), "functions"),
    "builtins": _made(_builtins, "builtins"),
    "builtin_oids": _made(lambda rows: {oid: _first(row) for row in rows for oid in row[2]}, "builtins"),
    "oids": (
        frozenset({"builtins", "functions"}),
        lambda rows, made, before: {**made["builtin_oids"], **{row[2]: _first(row) for row in rows["functions"]}},
    ),
    "row_functions": (
        frozenset({"functions"}),
        lambda rows, made, before: {
            name: callable_on_rows
            for name, found in made["functions"].items()
            if (callable_on_rows := tuple(one for one in found if one.takes_row))
        },
    ),
    "operators": _made(lambda rows: _grouped((row[0], (row[1], row[2])) for row in rows if not row[3]), "operators"),
    "casts": _made(_casts, "casts", "cast_sources"),
    "implicit_casts": (
        frozenset({"casts", "cast_sources"}),
        lambda rows, made, before: tuple(
            cast for found in made["casts"].values() for cast in found if cast.is_implicit
        ),
    ),
    "types": _made(lambda rows: _grouped((row[1], row[0]) for row in rows), "types"),
    "triggers": _made(lambda rows: _grouped((_first(row), _trigger(row)) for row in rows), "triggers"),
    "event_triggers": _made(lambda rows: tuple((row[0], (row[1], row[2])) for row in rows), "event_triggers"),
    "rules": _made(
        lambda rows: _grouped((_first(row), Rule(row[2], _RULE_EVENTS[row[3]], row[4], row[5])) for row in rows),
        "rules",
    ),
    "keys": _made(
        lambda rows: _grouped((_second(row), _key(row)) for row in rows if row[9] != "child"), "foreign_keys"
    ),
    "table_calls": _made(
        lambda rows: _grouped((_first(row), TableCall(row[2], row[3], (row[4], row[5]))) for row in rows),
        "table_calls",
    ),
    "operator_classes": _made(lambda rows: _grouped((row[0], (row[1], row[2])) for row in rows), "operator_classes"),
    "policy_reads": _made(
        lambda rows: _grouped((_first(row), (row[2], (row[3], row[4]))) for row in rows), "policy_reads"
    ),
    "domain_calls": _made(lambda rows: _grouped((row[0], (row[1], row[2])) for row in rows), "domain_calls"),
    "made_of": _made(lambda rows: _grouped((_first(row), _second(row)) for row in rows), "made_of"),
    "columns": (frozenset({"columns", "column_types", "relations"}), _columns),
    "relation_oids": _made(lambda rows: {row[2]: _first(row) for row in rows}, "columns"),
    "primary_keys": _made(lambda rows: {_first(row): tuple(row[2]) for row in rows}, "primary_keys"),
    "guards": _made(lambda rows: _grouped((_first(row), _row_guard(row)) for row in rows), "guarded"),
    "generated": _made(lambda rows: _grouped((_first(row), (row[2], row[3])) for row in rows), "generated"),
    "view_definitions": _made(lambda rows: {_first(row): row[2] for row in rows}, "view_definitions"),
    "inheritance": _made(lambda rows: tuple((_first(row), _second(row)) for row in rows), "inheritance"),
}
"""How each field is made: the sections that it depends on; from rows, fields made before it, and the catalog before.

Sets of lists share what did not change: a definition costs what it touches, not what there is.
"""

"""Objects that definitions name: which resource stands for a table, a trigger of a table, a type, a role, a server."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.model import Resource, ResourceType, SyntaxFault
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS
from tidewaiter.sql.levels import words
from tidewaiter.sql.locks import ACCESS_SHARE
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import DATASOURCE, PG_TEMP, Reading, creation_schema, strings

Path = tuple[str, str]

RELATIONS = {
    "OBJECT_TABLE": "table",
    "OBJECT_VIEW": "view",
    "OBJECT_MATVIEW": "materialized view",
    "OBJECT_SEQUENCE": "sequence",
    "OBJECT_FOREIGN_TABLE": "foreign table",
    "OBJECT_INDEX": "index",
}
"""Object types that are relations, with the server's word for them."""

PARTS_OF_TABLE = frozenset({"OBJECT_COLUMN", "OBJECT_POLICY", "OBJECT_RULE", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER"})
_ROUTINES = frozenset({"OBJECT_AGGREGATE", "OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE"})
_IN_SCHEMA = words(
    "OBJECT_COLLATION OBJECT_CONVERSION OBJECT_DOMAIN OBJECT_OPCLASS OBJECT_OPERATOR OBJECT_OPFAMILY "
    "OBJECT_STATISTIC_EXT OBJECT_TSCONFIGURATION OBJECT_TSDICTIONARY OBJECT_TSPARSER OBJECT_TSTEMPLATE OBJECT_TYPE "
    "OBJECT_ATTRIBUTE OBJECT_DOMCONSTRAINT"
)


def names_of(node: Node) -> list[str]:
    """The parts of a name in any of the forms that the grammar gives it."""
    kind, fields = next(iter(node.items()))
    if kind == "String":
        return [fields.get("sval", "")]
    if kind == "TypeName":
        return list(strings(fields.get("names", ())))
    if kind == "ObjectWithArgs":
        return list(strings(fields["objname"]))
    if kind == "RangeVar":
        return [part for part in (fields.get("schemaname"), fields["relname"]) if part]
    if kind == "List":
        return [name for item in fields["items"] if item for name in names_of(item)]
    return []


def resources(reading: Reading, objtype: str, node: Node, *, missing_ok: bool = False) -> Iterator[Resource]:
    """The resource that an object of a type is, or belongs to."""
    names = names_of(node)
    if objtype in PARTS_OF_TABLE:
        names, objtype = names[:-1], "OBJECT_TABLE"
    if objtype in RELATIONS:
        for path in relation_paths(reading, names, RELATIONS[objtype], missing_ok=missing_ok):
            yield reading.table(path)
    else:
        yield resource(reading, objtype, names)


def resource(reading: Reading, objtype: str, names: list[str]) -> Resource:
    """The resource for an object that is no relation and no part of one."""
    if objtype in _ROUTINES:
        return Resource(ResourceType.FUNCTION, routine_path(reading, names))
    if objtype == "OBJECT_SCHEMA":
        return Resource(ResourceType.SCHEMA, (names[-1],))
    if objtype == "OBJECT_ROLE":
        return Resource(ResourceType.ROLE, (names[-1],))
    if objtype == "OBJECT_PARAMETER_ACL":
        return Resource(ResourceType.SETTING, (names[-1].lower(),))
    if objtype in _IN_SCHEMA:
        if objtype == "OBJECT_DOMCONSTRAINT" or (objtype in ("OBJECT_OPCLASS", "OBJECT_OPFAMILY") and len(names) > 1):
            names = names[:-1] if objtype == "OBJECT_DOMCONSTRAINT" else names[1:]
        return schema_of(reading, names)
    return DATASOURCE


def schema_of(reading: Reading, names: list[str]) -> Resource:
    """The schema of a qualified name, or the one in which an unqualified object would be made."""
    schema = names[-2] if len(names) > 1 else creation_schema(reading)
    return Resource(ResourceType.SCHEMA, (schema,))


def routine_path(reading: Reading, names: list[str]) -> Path:
    """The path of a function that is named in a definition, whether it exists yet or not."""
    name = names[-1]
    if len(names) > 1:
        return (names[-2], name)
    known = reading.catalog.find_functions(name, None, reading.path or ())
    return known[0].path if known else (creation_schema(reading), name)


def relations_in(reading: Reading, schema: str | None, kinds: str) -> Iterator[Path]:
    """The relations of these kinds (`pg_class.relkind`) in a schema; None: in any that is not the system's."""
    reading.effort.spend(len(reading.catalog.relations))
    for path, relation in reading.catalog.relations.items():
        is_within = path[0] not in SYSTEM_SCHEMAS if schema is None else path[0] == schema
        if is_within and relation.kind in kinds:
            yield path


def relation_paths(
    reading: Reading, names: list[str], noun: str, *, missing_ok: bool = False, position: int | None = None
) -> Iterator[Path]:
    """The paths of a relation that a definition names. A missing one is noted, unless IF EXISTS makes it harmless."""
    found = reading.look_up(names[-1], names[-2] if len(names) > 1 else None)
    for relation in found:
        yield (relation.schema, relation.name)
    if found:
        return
    if missing_ok:
        schema = names[-2] if len(names) > 1 else creation_schema(reading)
        yield (PG_TEMP if schema.startswith(PG_TEMP) else schema, names[-1])
        return
    shown = ".".join(names[-2:])
    sqlstate = "42704" if noun == "index" else "42P01"
    fault = SyntaxFault(sqlstate, f'{noun} "{shown}" does not exist', position)
    reading.unknown(f"{noun} {shown} is not in the catalog", fault)


def give_sequence(reading: Reading, fields: Node) -> None:
    """`OWNED BY table.column`: the sequence goes when the column goes. The table's owner has a say in that."""
    for option in fields.get("options", ()):
        if option["DefElem"]["defname"] == "owned_by":
            names = list(strings(option["DefElem"]["arg"]["List"]["items"]))[:-1]  # NONE is a single word
            for path in relation_paths(reading, names, "relation") if names else ():
                reading.touch("alter", reading.table(path))
                reading.lock_table(path, ACCESS_SHARE)

"""What makes something new (CREATE), and definitions that ask one thing whatever is in them, in the policies' words."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.model import Resource, ResourceType
from tidewaiter.sql import locks
from tidewaiter.sql.catalog import quoted
from tidewaiter.sql.creation import bases_read, create_from_query, create_relation, output_columns
from tidewaiter.sql.defining import copy_calls, defined, parts_of, touch_references, touch_relation, walk_definition
from tidewaiter.sql.expressions import walk
from tidewaiter.sql.levels import Level, Source
from tidewaiter.sql.objects import (
    Path,
    give_sequence,
    names_of,
    relations_in,
    resource,
    resources,
    routine_path,
    schema_of,
)
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import DATASOURCE, Handler, Reading, creation_schema, strings
from tidewaiter.sql.routines import action_of


def _create_table(reading: Reading, fields: Node, level: Level) -> None:
    columns: list[str] = []
    elements = fields.get("tableElts", ())
    lock = locks.ACCESS_EXCLUSIVE if "partbound" in fields else locks.SHARE_UPDATE_EXCLUSIVE
    for var in (node["RangeVar"] for node in fields.get("inhRelations", ())):
        for parent in touch_relation(reading, "alter", var, lock=lock):
            columns.extend(parent.columns)
    for node in elements:
        if "ColumnDef" in node:
            columns.append(node["ColumnDef"]["colname"])
        elif "TableLikeClause" in node:
            columns.extend(_like(reading, node["TableLikeClause"]))
    if "ofTypename" in fields:
        reading.check(list(strings(fields["ofTypename"]["names"]))[-1])
    created = create_relation(reading, fields["relation"], "r", dict.fromkeys(columns))
    level.sources.append(Source(created.name, created))
    touch_references(reading, elements)
    walk_definition(reading, [elements, fields.get("partbound"), fields.get("partspec")], level)


def _like(reading: Reading, clause: Node) -> tuple[str, ...]:
    source = reading.reach("select", clause["relation"])
    for entry in source.entries:
        copy_calls(reading, (entry.resource.path[0], entry.resource.path[1]), clause.get("options", 0))
    return source.columns


def _create_foreign_table(reading: Reading, fields: Node, level: Level) -> None:
    """Whoever makes one chooses what is read by its name: a file, a program's output, any table of another server."""
    reading.touch("create", DATASOURCE)
    _create_table(reading, fields["base"], level)


def _create_view(reading: Reading, fields: Node, level: Level) -> None:
    query = fields["query"]
    reading.statement(query, level)
    names = tuple(strings(fields.get("aliases", ())))
    columns = output_columns(query["SelectStmt"], level)
    columns = (*names, *columns[len(names) :]) if columns else names
    if fields.get("replace"):
        for relation in reading.look_up(fields["view"]["relname"], fields["view"].get("schemaname")):
            reading.lock_table((relation.schema, relation.name), locks.ACCESS_EXCLUSIVE)
    create_relation(reading, fields["view"], "v", columns, bases_read(reading))


def _create_table_as(reading: Reading, fields: Node, level: Level) -> None:
    reading.statement(fields["query"], level)
    kind = "m" if fields.get("objtype") == "OBJECT_MATVIEW" else "r"
    create_from_query(reading, fields["into"], fields["query"].get("SelectStmt"), level, kind)


def _create_sequence(reading: Reading, fields: Node, level: Level) -> None:
    create_relation(reading, fields["sequence"], "S", ("last_value", "log_cnt", "is_called"))
    give_sequence(reading, fields)


def _create_index(reading: Reading, fields: Node, level: Level) -> None:
    lock = locks.SHARE_UPDATE_EXCLUSIVE if fields.get("concurrent") else locks.SHARE
    relations = touch_relation(reading, "create", fields["relation"], lock=lock)
    level.sources.append(Source(fields["relation"]["relname"], relations[0] if relations else None))
    walk_definition(reading, [fields.get("indexParams"), fields.get("whereClause")], level)
    defined(reading)


def _create_function(reading: Reading, fields: Node, level: Level) -> None:
    names = list(strings(fields["funcname"]))
    reading.touch("create", Resource(ResourceType.FUNCTION, (_new_schema(reading, names), names[-1])))
    walk_definition(reading, fields.get("parameters"), level)
    defined(reading)


def _define(reading: Reading, fields: Node, level: Level) -> None:
    """CREATE AGGREGATE, OPERATOR, TYPE, COLLATION, TEXT SEARCH …"""
    names = list(strings(fields["defnames"]))
    if fields["kind"] == "OBJECT_AGGREGATE":
        reading.touch("create", Resource(ResourceType.FUNCTION, (_new_schema(reading, names), names[-1])))
    else:
        reading.touch("create", resource(reading, fields["kind"], names))
    defined(reading)


def _new_schema(reading: Reading, names: list[str]) -> str:
    return names[-2] if len(names) > 1 else creation_schema(reading)


def _create_schema(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("create", DATASOURCE)
    defined(reading)
    before = reading.path
    name = fields.get("schemaname") or fields.get("authrole", {}).get("rolename")
    if name and before is not None:
        reading.path = (name, *before)
    for node in fields.get("schemaElts", ()):
        reading.statement(node, Level())
    reading.path = before


_RANGE_ROUTINES = frozenset({"subtype_diff", "canonical"})


def _create_range(reading: Reading, fields: Node, level: Level) -> None:
    """A range type calls its routines wherever its values are made or indexed, which no later statement shows."""
    reading.touch("create", schema_of(reading, list(strings(fields["typeName"]))))
    for node in fields.get("params", ()):
        option = node["DefElem"]
        if option["defname"].lower() in _RANGE_ROUTINES:
            _attach(reading, names_of(option["arg"]))
    defined(reading)


def _operator_class(action: str, field: str) -> Handler:
    """Operator classes and families: an index calls their functions, whoever's statement uses it."""

    def handler(reading: Reading, fields: Node, level: Level) -> None:
        reading.touch(action, schema_of(reading, list(strings(fields[field]))))
        for node in fields.get("items", ()):
            item = node.get("CreateOpClassItem", {})
            if item.get("itemtype") == _FUNCTION_ITEM and "name" in item:
                _attach(reading, names_of({"ObjectWithArgs": item["name"]}))
        defined(reading)

    return handler


_FUNCTION_ITEM = 2  # OPCLASS_ITEM_FUNCTION in parsenodes.h


def _attach(reading: Reading, names: list[str]) -> None:
    """A routine that will be called unseen: asked for now. One that is not in the catalog may be the session's own."""
    name, schema = names[-1], names[-2] if len(names) > 1 else None
    catalog = reading.catalog
    found = catalog.find_functions(name, schema, reading.path or ())
    is_builtin = not found and schema in (None, "pg_catalog") and name in catalog.builtins
    if is_builtin and action_of(name, catalog.builtins[name]) is None:
        return
    path = ("pg_catalog", name) if is_builtin else routine_path(reading, names)
    entry = reading.touch("function", Resource(ResourceType.FUNCTION, path))
    if not found and not is_builtin:
        entry.traits |= {"opaque"}


def _create_trigger(reading: Reading, fields: Node, level: Level) -> None:
    relations = touch_relation(reading, "alter", fields["relation"], lock=locks.SHARE_ROW_EXCLUSIVE)
    if "constrrel" in fields:
        touch_relation(reading, "alter", fields["constrrel"], lock=locks.SHARE_ROW_EXCLUSIVE)
    path = routine_path(reading, list(strings(fields["funcname"])))
    reading.touch("function", Resource(ResourceType.FUNCTION, path))
    relation = relations[0] if relations else None
    level.sources.extend((Source("old", relation), Source("new", relation)))
    walk(reading, fields.get("whenClause"), level)
    defined(reading)


def _create_rule(reading: Reading, fields: Node, level: Level) -> None:
    """A rule's actions run whenever it fires: whoever makes it asks for them too."""
    relations = touch_relation(reading, "alter", fields["relation"], lock=locks.ACCESS_EXCLUSIVE)
    relation = relations[0] if relations else None
    rows = Level([Source("old", relation), Source("new", relation)])
    walk(reading, fields.get("whereClause"), rows)
    for node in fields.get("actions", ()):
        reading.statement(node, rows.below())
    defined(reading)


def _policy(reading: Reading, fields: Node, level: Level) -> None:
    relations = touch_relation(reading, "alter", fields["table"], lock=locks.ACCESS_EXCLUSIVE)
    level.sources.append(Source(fields["table"]["relname"], relations[0] if relations else None))
    walk(reading, fields.get("qual"), level)
    walk(reading, fields.get("with_check"), level)
    defined(reading)


def _statistics(reading: Reading, fields: Node, level: Level) -> None:
    for node in fields["relations"]:
        if "RangeVar" in node:
            for relation in touch_relation(reading, "alter", node["RangeVar"], lock=locks.SHARE_UPDATE_EXCLUSIVE):
                level.sources.append(Source(node["RangeVar"]["relname"], relation))
    walk_definition(reading, fields.get("exprs"), level)
    defined(reading)


def _publication(reading: Reading, fields: Node, level: Level) -> None:
    """A publication sends tables elsewhere: it reads them."""
    reading.touch("create" if "action" not in fields else "alter", DATASOURCE)
    for node in fields.get("pubobjects", ()):
        table = node["PublicationObjSpec"].get("pubtable")
        if table:
            source = reading.reach("select", table["relation"])
            source.hit_star()
            if source.relation is not None:
                reading.lock_table((source.relation.schema, source.relation.name), locks.SHARE_UPDATE_EXCLUSIVE)
    for path in _published(reading, fields):
        reading.touch("select", reading.table(path), (quoted(path[:1]),)).star = True
    defined(reading)


def _published(reading: Reading, fields: Node) -> Iterator[Path]:
    """The tables that a publication sends without naming them."""
    if fields.get("for_all_tables"):
        yield from relations_in(reading, None, "rp")
    for node in fields.get("pubobjects", ()):
        told = node["PublicationObjSpec"]
        if told["pubobjtype"] == "PUBLICATIONOBJ_TABLES_IN_SCHEMA":
            yield from relations_in(reading, told["name"], "rp")
        elif told["pubobjtype"] == "PUBLICATIONOBJ_TABLES_IN_CUR_SCHEMA":
            yield from relations_in(reading, creation_schema(reading), "rp")


def _extension_contents(reading: Reading, fields: Node, level: Level) -> None:
    """What becomes a member of an extension goes with it."""
    reading.touch("alter", DATASOURCE)
    for found in resources(reading, fields["objtype"], fields["object"]):
        reading.touch("alter", found)
    defined(reading)


def _import_schema(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("create", DATASOURCE)  # as each foreign table would
    reading.touch("create", Resource(ResourceType.SCHEMA, (fields["local_schema"],)))
    defined(reading)


def _create_domain(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("create", schema_of(reading, list(strings(fields["domainname"]))))
    walk_definition(reading, fields.get("constraints"), level)
    defined(reading)


def _database_setting(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("alter", DATASOURCE)
    reading.touch("set", Resource(ResourceType.SETTING, (fields["setstmt"].get("name", "all").lower(),)))


def _alter_system(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("system", DATASOURCE)
    reading.touch("set", Resource(ResourceType.SETTING, (fields["setstmt"].get("name", "all").lower(),)))


def _on_datasource(action: str) -> Handler:
    def handler(reading: Reading, fields: Node, level: Level) -> None:
        reading.touch(action, DATASOURCE)
        defined(reading)

    return handler


def _in_schema(action: str, field: str) -> Handler:
    def handler(reading: Reading, fields: Node, level: Level) -> None:
        value = fields[field]
        if isinstance(value, list):
            names = list(strings(value))
        elif "relname" in value:
            names = parts_of(value)
        else:
            names = list(strings(value["objname"]))
        reading.touch(action, schema_of(reading, names))
        defined(reading)

    return handler


_OF_DATASOURCE = {
    "create": "CreatedbStmt CreateTableSpaceStmt CreateExtensionStmt CreateFdwStmt CreateForeignServerStmt "
    "CreateUserMappingStmt CreateAmStmt CreateEventTrigStmt CreatePLangStmt CreateConversionStmt CreateCastStmt "
    "CreateTransformStmt CreateSubscriptionStmt",
    "alter": "AlterDatabaseStmt AlterDatabaseRefreshCollStmt AlterTableSpaceOptionsStmt AlterTableMoveAllStmt "
    "AlterExtensionStmt AlterFdwStmt AlterForeignServerStmt AlterUserMappingStmt "
    "AlterEventTrigStmt AlterSubscriptionStmt",
    "drop": "DropdbStmt DropTableSpaceStmt DropUserMappingStmt DropSubscriptionStmt",
}


_OF_SCHEMA = {
    "create": "CompositeTypeStmt.typevar CreateEnumStmt.typeName CreateOpFamilyStmt.opfamilyname",
    "alter": "AlterEnumStmt.typeName AlterTypeStmt.typeName AlterOperatorStmt.opername "
    "AlterCollationStmt.collname AlterTSDictionaryStmt.dictname AlterTSConfigurationStmt.cfgname "
    "AlterStatsStmt.defnames",
}


HANDLERS: dict[str, Handler] = {
    **{kind: _on_datasource(action) for action, kinds in _OF_DATASOURCE.items() for kind in kinds.split()},
    **{
        entry.partition(".")[0]: _in_schema(action, entry.partition(".")[2])
        for action, entries in _OF_SCHEMA.items()
        for entry in entries.split()
    },
    "AlterDatabaseSetStmt": _database_setting,
    "AlterExtensionContentsStmt": _extension_contents,
    "AlterOpFamilyStmt": _operator_class("alter", "opfamilyname"),
    "AlterPolicyStmt": _policy,
    "AlterPublicationStmt": _publication,
    "AlterSystemStmt": _alter_system,
    "CreateDomainStmt": _create_domain,
    "CreateForeignTableStmt": _create_foreign_table,
    "CreateFunctionStmt": _create_function,
    "CreateOpClassStmt": _operator_class("create", "opclassname"),
    "CreatePolicyStmt": _policy,
    "CreatePublicationStmt": _publication,
    "CreateRangeStmt": _create_range,
    "CreateSchemaStmt": _create_schema,
    "CreateSeqStmt": _create_sequence,
    "CreateStatsStmt": _statistics,
    "CreateStmt": _create_table,
    "CreateTableAsStmt": _create_table_as,
    "CreateTrigStmt": _create_trigger,
    "DefineStmt": _define,
    "ImportForeignSchemaStmt": _import_schema,
    "IndexStmt": _create_index,
    "RuleStmt": _create_rule,
    "ViewStmt": _create_view,
}

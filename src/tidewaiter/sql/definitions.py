"""Definitions (CREATE, ALTER, RENAME, COMMENT) mapped to the policy vocabulary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tidewaiter.model import EffectKind, Relation, Resource, ResourceType
from tidewaiter.sql import locks
from tidewaiter.sql.creation import bases_read, create_from_query, create_relation, introduce, output_columns
from tidewaiter.sql.expressions import FIELDS, SPECIAL, walk
from tidewaiter.sql.levels import Level, Source, words
from tidewaiter.sql.objects import (
    RELATIONS,
    give_sequence,
    names_of,
    relation_paths,
    resource,
    resources,
    routine_path,
    schema_of,
)
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import DATASOURCE, Handler, Reading, creation_schema, strings
from tidewaiter.sql.removal import drop_part
from tidewaiter.sql.routines import action_of

_EXPRESSIONS = (FIELDS.keys() | SPECIAL.keys()) - {"List", "String", "TypeName", "Integer", "Float", "Boolean"}

DESTRUCTIVE = words(
    # they lose data or rewrite it
    "AT_DropColumn AT_AlterColumnType AT_DropConstraint AT_DetachPartition AT_DetachPartitionFinalize AT_SetLogged "
    "AT_SetUnLogged AT_DropExpression AT_SetExpression AT_DropInherit AT_DropIdentity "
    # they take protection away
    "AT_DisableTrig AT_DisableTrigAll AT_DisableTrigUser AT_DisableRule AT_DisableRowSecurity "
    "AT_NoForceRowSecurity"
)
"""Subcommands of ALTER TABLE that ask `alter_destructive`."""


def _defined(reading: Reading) -> None:
    reading.effect(EffectKind.DEFINE)


def walk_definition(reading: Reading, value: Any, level: Level) -> None:
    """Read the expressions somewhere below a definition: defaults, checks, index expressions, partition bounds."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            if len(item) == 1 and next(iter(item)) in _EXPRESSIONS:
                walk(reading, item, level)
            else:
                stack.extend(reversed(item.values()))


def _touch_relation(
    reading: Reading, action: str, var: Node, noun: str = "relation", lock: str | None = None
) -> list[Relation]:
    """Touch what a RangeVar names, itself only, and lock it."""
    names = [part for part in (var.get("schemaname"), var["relname"]) if part]
    position = var["location"] + 1 if "location" in var else None
    paths = list(relation_paths(reading, names, noun, position=position))
    for path in paths:
        reading.touch(action, reading.table(path))
        if lock is not None:
            reading.lock_table(path, lock)
    return [found for path in paths if (found := reading.known(path)) is not None]


# -- CREATE ---------------------------------------------------------------------------------------------------------


def _create_table(reading: Reading, fields: Node, level: Level) -> None:
    columns: list[str] = []
    elements = fields.get("tableElts", ())
    lock = locks.ACCESS_EXCLUSIVE if "partbound" in fields else locks.SHARE_UPDATE_EXCLUSIVE
    for var in (node["RangeVar"] for node in fields.get("inhRelations", ())):
        for parent in _touch_relation(reading, "alter", var, lock=lock):
            columns.extend(parent.columns)
    for node in elements:
        if "ColumnDef" in node:
            columns.append(node["ColumnDef"]["colname"])
        elif "TableLikeClause" in node:
            columns.extend(reading.reach("select", node["TableLikeClause"]["relation"]).columns)
    created = create_relation(reading, fields["relation"], "r", dict.fromkeys(columns))
    level.sources.append(Source(created.name, created))
    _references(reading, elements)
    walk_definition(reading, [elements, fields.get("partbound"), fields.get("partspec")], level)


def _references(reading: Reading, value: Any) -> None:
    """A foreign key puts triggers on the table that it refers to."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            var = item.get("pktable")
            if var:
                _touch_relation(reading, "alter", var, lock=locks.SHARE_ROW_EXCLUSIVE)
            stack.extend(item.values())


def _create_foreign_table(reading: Reading, fields: Node, level: Level) -> None:
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
    relations = _touch_relation(reading, "create", fields["relation"], lock=lock)
    level.sources.append(Source(fields["relation"]["relname"], relations[0] if relations else None))
    walk_definition(reading, [fields.get("indexParams"), fields.get("whereClause")], level)
    _defined(reading)


def _create_function(reading: Reading, fields: Node, level: Level) -> None:
    names = list(strings(fields["funcname"]))
    reading.touch("create", Resource(ResourceType.FUNCTION, (_new_schema(reading, names), names[-1])))
    walk_definition(reading, fields.get("parameters"), level)
    _defined(reading)


def _define(reading: Reading, fields: Node, level: Level) -> None:
    """CREATE AGGREGATE, OPERATOR, TYPE, COLLATION, TEXT SEARCH …"""
    names = list(strings(fields["defnames"]))
    if fields["kind"] == "OBJECT_AGGREGATE":
        reading.touch("create", Resource(ResourceType.FUNCTION, (_new_schema(reading, names), names[-1])))
    else:
        reading.touch("create", resource(reading, fields["kind"], names))
    _defined(reading)


def _new_schema(reading: Reading, names: list[str]) -> str:
    return names[-2] if len(names) > 1 else creation_schema(reading)


def _create_schema(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("create", DATASOURCE)
    _defined(reading)
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
    _defined(reading)


def _operator_class(action: str, field: str) -> Handler:
    """Operator classes and families: an index calls their functions, whoever's statement uses it."""

    def handler(reading: Reading, fields: Node, level: Level) -> None:
        reading.touch(action, schema_of(reading, list(strings(fields[field]))))
        for node in fields.get("items", ()):
            item = node.get("CreateOpClassItem", {})
            if item.get("itemtype") == _FUNCTION_ITEM and "name" in item:
                _attach(reading, names_of({"ObjectWithArgs": item["name"]}))
        _defined(reading)

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
    relations = _touch_relation(reading, "alter", fields["relation"], lock=locks.SHARE_ROW_EXCLUSIVE)
    if "constrrel" in fields:
        _touch_relation(reading, "alter", fields["constrrel"], lock=locks.SHARE_ROW_EXCLUSIVE)
    path = routine_path(reading, list(strings(fields["funcname"])))
    reading.touch("function", Resource(ResourceType.FUNCTION, path))
    relation = relations[0] if relations else None
    level.sources.extend((Source("old", relation), Source("new", relation)))
    walk(reading, fields.get("whenClause"), level)
    _defined(reading)


def _create_rule(reading: Reading, fields: Node, level: Level) -> None:
    """A rule's actions run whenever it fires: whoever makes it asks for them too."""
    relations = _touch_relation(reading, "alter", fields["relation"], lock=locks.ACCESS_EXCLUSIVE)
    relation = relations[0] if relations else None
    rows = Level([Source("old", relation), Source("new", relation)])
    walk(reading, fields.get("whereClause"), rows)
    for node in fields.get("actions", ()):
        reading.statement(node, rows.below())
    _defined(reading)


def _policy(reading: Reading, fields: Node, level: Level) -> None:
    relations = _touch_relation(reading, "alter", fields["table"], lock=locks.ACCESS_EXCLUSIVE)
    level.sources.append(Source(fields["table"]["relname"], relations[0] if relations else None))
    walk(reading, fields.get("qual"), level)
    walk(reading, fields.get("with_check"), level)
    _defined(reading)


def _statistics(reading: Reading, fields: Node, level: Level) -> None:
    for node in fields["relations"]:
        if "RangeVar" in node:
            for relation in _touch_relation(reading, "alter", node["RangeVar"], lock=locks.SHARE_UPDATE_EXCLUSIVE):
                level.sources.append(Source(node["RangeVar"]["relname"], relation))
    walk_definition(reading, fields.get("exprs"), level)
    _defined(reading)


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
    _defined(reading)


def _import_schema(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("create", Resource(ResourceType.SCHEMA, (fields["local_schema"],)))
    _defined(reading)


# -- ALTER ----------------------------------------------------------------------------------------------------------


def _alter_table(reading: Reading, fields: Node, level: Level) -> None:
    commands = [node["AlterTableCmd"] for node in fields["cmds"]]
    noun = RELATIONS.get(fields.get("objtype", ""), "relation")
    relations: list[Relation] = []
    for action in dict.fromkeys(_alter_action(command) for command in commands):
        if fields.get("missing_ok"):
            _touch_if_exists(reading, action, fields["relation"], noun)
        elif fields.get("objtype") == "OBJECT_TYPE":
            reading.touch(action, schema_of(reading, _names(fields["relation"])))
        else:
            relations = _touch_relation(reading, action, fields["relation"])  # the server says "relation" here
    _lock_altered(reading, fields, commands)
    relation = relations[0] if relations else None
    level.sources.append(Source(fields["relation"]["relname"], relation))
    for command in commands:
        _alter_command(reading, command, level)
    added = [command["def"]["ColumnDef"]["colname"] for command in commands if command["subtype"] == "AT_AddColumn"]
    if relation is not None and added and relation.columns:
        introduce(reading, replace(relation, columns=tuple(dict.fromkeys((*relation.columns, *added)))))
    _defined(reading)


def _lock_altered(reading: Reading, fields: Node, commands: list[Node]) -> None:
    """ALTER TABLE takes one lock for all its subcommands, on the children that it reaches too."""
    if fields.get("objtype") == "OBJECT_TYPE" or not commands:
        return
    mode: str | None = None
    for command in commands:
        mode = locks.stronger(mode, locks.of_alter_table(command))
    var = fields["relation"]
    is_attaching = any(command["subtype"] in locks.PARTITIONING for command in commands)
    for relation in reading.look_up(var["relname"], var.get("schemaname")):
        path = (relation.schema, relation.name)
        below = reading.catalog.partitions.get(path, ()) if var.get("inh") and not is_attaching else ()
        for one in (path, *below):
            reading.lock_table(one, mode or locks.ACCESS_EXCLUSIVE)
        for command in commands:
            if command["subtype"] in ("AT_DropColumn", "AT_DropConstraint"):
                drop_part(reading, path, command)


def _names(var: Node) -> list[str]:
    return [part for part in (var.get("schemaname"), var["relname"]) if part]


def _touch_if_exists(reading: Reading, action: str, var: Node, noun: str) -> None:
    for path in relation_paths(reading, _names(var), noun, missing_ok=True):
        reading.touch(action, reading.table(path))


def _alter_action(command: Node) -> str:
    return "alter_destructive" if command["subtype"] in DESTRUCTIVE else "alter"


def _alter_command(reading: Reading, command: Node, level: Level) -> None:
    definition = command.get("def")
    if not definition:
        return
    if "PartitionCmd" in definition:
        if "name" in definition["PartitionCmd"]:
            part = definition["PartitionCmd"]["name"]
            _touch_relation(reading, _alter_action(command), part, lock=locks.of_partition(command))
        walk_definition(reading, definition["PartitionCmd"].get("bound"), level)
    elif "RangeVar" in definition:
        lock = locks.SHARE_UPDATE_EXCLUSIVE if command["subtype"] == "AT_AddInherit" else None
        _touch_relation(reading, "alter", definition["RangeVar"], lock=lock)
    else:
        _references(reading, definition)
        walk_definition(reading, definition, level)
        names = definition.get("ColumnDef", {}).get("typeName", {}).get("names")
        if names:
            reading.check(list(strings(names))[-1])  # the rows that are there get a value of the type


def _alter_sequence(reading: Reading, fields: Node, level: Level) -> None:
    if fields.get("missing_ok"):
        _touch_if_exists(reading, "alter", fields["sequence"], "sequence")
    else:
        _touch_relation(reading, "alter", fields["sequence"], lock=locks.SHARE_ROW_EXCLUSIVE)
    give_sequence(reading, fields)
    _defined(reading)


def _alter_domain(reading: Reading, fields: Node, level: Level) -> None:
    action = "alter_destructive" if fields.get("subtype") == "X" else "alter"
    reading.touch(action, schema_of(reading, list(strings(fields["typeName"]))))
    walk_definition(reading, fields.get("def"), level)
    _defined(reading)


def _create_domain(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("create", schema_of(reading, list(strings(fields["domainname"]))))
    walk_definition(reading, fields.get("constraints"), level)
    _defined(reading)


def _alter_function(reading: Reading, fields: Node, level: Level) -> None:
    path = routine_path(reading, list(strings(fields["func"]["objname"])))
    reading.touch("alter", Resource(ResourceType.FUNCTION, path))
    _defined(reading)


def _on_object(action: str, objtype: str, relation: Node | None, node: Node | None, subname: str | None) -> Node:
    """One form for the object of RENAME, SET SCHEMA, OWNER TO, DEPENDS ON, COMMENT and SECURITY LABEL."""
    return {"action": action, "type": objtype, "relation": relation, "object": node, "subname": subname}


def _touch_object(reading: Reading, what: Node, *, missing_ok: bool = False) -> list[Relation]:
    if what["relation"] and what["type"] != "OBJECT_ATTRIBUTE":
        if missing_ok:
            _touch_if_exists(reading, what["action"], what["relation"], "relation")
            return []
        lock = locks.SHARE_UPDATE_EXCLUSIVE if what["type"] == "OBJECT_INDEX" else locks.ACCESS_EXCLUSIVE
        return _touch_relation(reading, what["action"], what["relation"], lock=lock)
    if what["relation"]:
        reading.touch(what["action"], schema_of(reading, _names(what["relation"])))
    elif what["object"]:
        for found in resources(reading, what["type"], what["object"], missing_ok=missing_ok):
            reading.touch(what["action"], found)
            if what["type"] == "OBJECT_COLUMN" or (
                what["type"] in RELATIONS and what["action"] in ("comment", "alter")
            ):
                reading.lock_table((found.path[0], found.path[1]), locks.SHARE_UPDATE_EXCLUSIVE)
    else:
        reading.touch(what["action"], resource(reading, what["type"], [what["subname"] or ""]))
    return []


def _rename(reading: Reading, fields: Node, level: Level) -> None:
    objtype, subname = fields["renameType"], fields.get("subname")
    what = _on_object("rename", objtype, fields.get("relation"), fields.get("object"), subname)
    relations = _touch_object(reading, what, missing_ok=fields.get("missing_ok", False))
    _defined(reading)
    for relation in relations:
        if objtype == "OBJECT_COLUMN" and relation.columns:
            introduce(reading, replace(relation, columns=(*relation.columns, fields["newname"])))
        elif objtype in RELATIONS:
            _move(reading, relation, relation.schema, fields["newname"])
    if objtype == "OBJECT_SCHEMA":
        reading.is_shaken = True
    if objtype == "OBJECT_ROLE":
        reading.touch("alter_role", Resource(ResourceType.ROLE, (subname or "",)))


def _move(reading: Reading, relation: Relation, schema: str, name: str) -> None:
    """From here on a new name means the relation, through its old one; what the old name means is less certain."""
    reading.dropped.add(relation.name)
    old = (relation.schema, relation.name)
    introduce(reading, replace(relation, schema=schema, name=name, base=(old, *relation.base)))


def _set_schema(reading: Reading, fields: Node, level: Level) -> None:
    what = _on_object("alter_destructive", fields["objectType"], fields.get("relation"), fields.get("object"), None)
    for relation in _touch_object(reading, what, missing_ok=fields.get("missing_ok", False)):
        _move(reading, relation, fields["newschema"], relation.name)
    _defined(reading)


def _set_owner(reading: Reading, fields: Node, level: Level) -> None:
    _touch_object(reading, _on_object("alter", fields["objectType"], fields.get("relation"), fields["object"], None))
    _defined(reading)


def _depends(reading: Reading, fields: Node, level: Level) -> None:
    what = _on_object("alter", fields["objectType"], fields.get("relation"), fields.get("object"), None)
    _touch_object(reading, what)
    _defined(reading)


def _comment(reading: Reading, fields: Node, level: Level) -> None:
    _touch_object(reading, _on_object("comment", fields["objtype"], None, fields["object"], None))
    _defined(reading)


def _label(reading: Reading, fields: Node, level: Level) -> None:
    _touch_object(reading, _on_object("alter", fields["objtype"], None, fields["object"], None))
    _defined(reading)


# -- everything with one rule ---------------------------------------------------------------------------------------


def _database_setting(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("alter", DATASOURCE)
    reading.touch("set", Resource(ResourceType.SETTING, (fields["setstmt"].get("name", "all").lower(),)))


def _alter_system(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("system", DATASOURCE)
    reading.touch("set", Resource(ResourceType.SETTING, (fields["setstmt"].get("name", "all").lower(),)))


def _on_datasource(action: str) -> Handler:
    def handler(reading: Reading, fields: Node, level: Level) -> None:
        reading.touch(action, DATASOURCE)
        _defined(reading)

    return handler


def _in_schema(action: str, field: str) -> Handler:
    def handler(reading: Reading, fields: Node, level: Level) -> None:
        value = fields[field]
        if isinstance(value, list):
            names = list(strings(value))
        elif "relname" in value:
            names = _names(value)
        else:
            names = list(strings(value["objname"]))
        reading.touch(action, schema_of(reading, names))
        _defined(reading)

    return handler


_OF_DATASOURCE = {
    "create": "CreatedbStmt CreateTableSpaceStmt CreateExtensionStmt CreateFdwStmt CreateForeignServerStmt "
    "CreateUserMappingStmt CreateAmStmt CreateEventTrigStmt CreatePLangStmt CreateConversionStmt CreateCastStmt "
    "CreateTransformStmt CreateSubscriptionStmt",
    "alter": "AlterDatabaseStmt AlterDatabaseRefreshCollStmt AlterTableSpaceOptionsStmt AlterTableMoveAllStmt "
    "AlterExtensionStmt AlterExtensionContentsStmt AlterFdwStmt AlterForeignServerStmt AlterUserMappingStmt "
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
    "AlterDomainStmt": _alter_domain,
    "AlterFunctionStmt": _alter_function,
    "AlterObjectDependsStmt": _depends,
    "AlterOpFamilyStmt": _operator_class("alter", "opfamilyname"),
    "AlterObjectSchemaStmt": _set_schema,
    "AlterOwnerStmt": _set_owner,
    "AlterPolicyStmt": _policy,
    "AlterPublicationStmt": _publication,
    "AlterSeqStmt": _alter_sequence,
    "AlterSystemStmt": _alter_system,
    "AlterTableStmt": _alter_table,
    "CommentStmt": _comment,
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
    "RenameStmt": _rename,
    "RuleStmt": _create_rule,
    "SecLabelStmt": _label,
    "ViewStmt": _create_view,
}

"""Changes of what exists (ALTER, RENAME, SET SCHEMA, COMMENT) mapped to the policy vocabulary."""

from __future__ import annotations

from dataclasses import replace

from tidewaiter.model import Relation, Resource, ResourceType
from tidewaiter.sql import locks
from tidewaiter.sql.creation import introduce
from tidewaiter.sql.defining import (
    defined,
    parts_of,
    touch_if_exists,
    touch_references,
    touch_relation,
    walk_definition,
)
from tidewaiter.sql.levels import Level, Source, words
from tidewaiter.sql.objects import RELATIONS, give_sequence, resource, resources, routine_path, schema_of
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import DATASOURCE, Handler, Reading, strings
from tidewaiter.sql.removal import drop_part

DESTRUCTIVE = words(
    # they lose data or rewrite it
    "AT_DropColumn AT_AlterColumnType AT_DropConstraint AT_DetachPartition AT_DetachPartitionFinalize AT_SetLogged "
    "AT_SetUnLogged AT_DropExpression AT_SetExpression AT_DropInherit AT_DropIdentity "
    # they take protection away
    "AT_DisableTrig AT_DisableTrigAll AT_DisableTrigUser AT_DisableRule AT_DisableRowSecurity "
    "AT_NoForceRowSecurity"
)
"""Subcommands of ALTER TABLE that ask `alter_destructive`."""


def _alter_table(reading: Reading, fields: Node, level: Level) -> None:
    commands = [node["AlterTableCmd"] for node in fields["cmds"]]
    noun = RELATIONS.get(fields.get("objtype", ""), "relation")
    relations: list[Relation] = []
    for action in dict.fromkeys(_alter_action(command) for command in commands):
        if fields.get("missing_ok"):
            touch_if_exists(reading, action, fields["relation"], noun)
        elif fields.get("objtype") == "OBJECT_TYPE":
            reading.touch(action, schema_of(reading, parts_of(fields["relation"])))
        else:
            relations = touch_relation(reading, action, fields["relation"])  # the server says "relation" here
    _lock_altered(reading, fields, commands)
    relation = relations[0] if relations else None
    level.sources.append(Source(fields["relation"]["relname"], relation))
    for command in commands:
        _alter_command(reading, command, level)
    added = [command["def"]["ColumnDef"]["colname"] for command in commands if command["subtype"] == "AT_AddColumn"]
    if relation is not None and added and relation.columns:
        introduce(reading, replace(relation, columns=tuple(dict.fromkeys((*relation.columns, *added)))))
    defined(reading)


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


_REDIRECTS = frozenset({"AT_GenericOptions", "AT_AlterColumnGenericOptions"})
"""Subcommands that say which file, or which table of another server, a foreign table shows."""


def _alter_action(command: Node) -> str:
    return "alter_destructive" if command["subtype"] in DESTRUCTIVE else "alter"


def _alter_command(reading: Reading, command: Node, level: Level) -> None:
    definition = command.get("def")
    if command["subtype"] in _REDIRECTS:
        reading.touch("alter", DATASOURCE)
    if not definition:
        return
    if "PartitionCmd" in definition:
        if "name" in definition["PartitionCmd"]:
            part = definition["PartitionCmd"]["name"]
            touch_relation(reading, _alter_action(command), part, lock=locks.of_partition(command))
        walk_definition(reading, definition["PartitionCmd"].get("bound"), level)
    elif "RangeVar" in definition:
        lock = locks.SHARE_UPDATE_EXCLUSIVE if command["subtype"] == "AT_AddInherit" else None
        touch_relation(reading, "alter", definition["RangeVar"], lock=lock)
    else:
        touch_references(reading, definition)
        walk_definition(reading, definition, level)
        names = definition.get("ColumnDef", {}).get("typeName", {}).get("names")
        if names:
            reading.check(list(strings(names))[-1])  # the rows that are there get a value of the type


def _alter_sequence(reading: Reading, fields: Node, level: Level) -> None:
    if fields.get("missing_ok"):
        touch_if_exists(reading, "alter", fields["sequence"], "sequence")
    else:
        touch_relation(reading, "alter", fields["sequence"], lock=locks.SHARE_ROW_EXCLUSIVE)
    give_sequence(reading, fields)
    defined(reading)


def _alter_domain(reading: Reading, fields: Node, level: Level) -> None:
    action = "alter_destructive" if fields.get("subtype") == "X" else "alter"
    reading.touch(action, schema_of(reading, list(strings(fields["typeName"]))))
    walk_definition(reading, fields.get("def"), level)
    defined(reading)


def _alter_function(reading: Reading, fields: Node, level: Level) -> None:
    path = routine_path(reading, list(strings(fields["func"]["objname"])))
    reading.touch("alter", Resource(ResourceType.FUNCTION, path))
    defined(reading)


def _on_object(action: str, objtype: str, relation: Node | None, node: Node | None, subname: str | None) -> Node:
    """One form for the object of RENAME, SET SCHEMA, OWNER TO, DEPENDS ON, COMMENT and SECURITY LABEL."""
    return {"action": action, "type": objtype, "relation": relation, "object": node, "subname": subname}


def _touch_object(reading: Reading, what: Node, *, missing_ok: bool = False) -> list[Relation]:
    if what["relation"] and what["type"] != "OBJECT_ATTRIBUTE":
        if missing_ok:
            touch_if_exists(reading, what["action"], what["relation"], "relation")
            return []
        lock = locks.SHARE_UPDATE_EXCLUSIVE if what["type"] == "OBJECT_INDEX" else locks.ACCESS_EXCLUSIVE
        return touch_relation(reading, what["action"], what["relation"], lock=lock)
    if what["relation"]:
        reading.touch(what["action"], schema_of(reading, parts_of(what["relation"])))
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
    defined(reading)
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
    defined(reading)


def _set_owner(reading: Reading, fields: Node, level: Level) -> None:
    _touch_object(reading, _on_object("alter", fields["objectType"], fields.get("relation"), fields["object"], None))
    defined(reading)


def _depends(reading: Reading, fields: Node, level: Level) -> None:
    what = _on_object("alter", fields["objectType"], fields.get("relation"), fields.get("object"), None)
    _touch_object(reading, what)
    defined(reading)


def _comment(reading: Reading, fields: Node, level: Level) -> None:
    _touch_object(reading, _on_object("comment", fields["objtype"], None, fields["object"], None))
    defined(reading)


def _label(reading: Reading, fields: Node, level: Level) -> None:
    _touch_object(reading, _on_object("alter", fields["objtype"], None, fields["object"], None))
    defined(reading)


HANDLERS: dict[str, Handler] = {
    "AlterDomainStmt": _alter_domain,
    "AlterFunctionStmt": _alter_function,
    "AlterObjectDependsStmt": _depends,
    "AlterObjectSchemaStmt": _set_schema,
    "AlterOwnerStmt": _set_owner,
    "AlterSeqStmt": _alter_sequence,
    "AlterTableStmt": _alter_table,
    "CommentStmt": _comment,
    "RenameStmt": _rename,
    "SecLabelStmt": _label,
}

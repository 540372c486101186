"""Rights and roles: GRANT, REVOKE, default privileges, roles and what they own."""

from __future__ import annotations

from collections.abc import Iterable

from tidewaiter.model import EffectKind, Resource, ResourceType
from tidewaiter.sql.catalog import quoted
from tidewaiter.sql.levels import Level
from tidewaiter.sql.objects import RELATIONS, relations_in, resources
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import DATASOURCE, Handler, Reading, strings


def _grant(reading: Reading, fields: Node, level: Level) -> None:
    action = "grant_right" if fields.get("is_grant") else "revoke_right"
    columns = [name for one in fields.get("privileges", ()) for name in strings(one["AccessPriv"].get("cols", ()))]
    in_schema = fields["targtype"] == "ACL_TARGET_ALL_IN_SCHEMA"
    objtype = "OBJECT_SCHEMA" if in_schema else fields["objtype"]
    for node in fields.get("objects", ()):
        for found in resources(reading, objtype, node):
            reading.touch(action, found).columns.update(dict.fromkeys(columns))
            if in_schema:
                _grant_within(reading, action, fields["objtype"], found.path[0])
    reading.effect(EffectKind.DEFINE)


def _grant_within(reading: Reading, action: str, objtype: str, schema: str) -> None:
    """ON ALL TABLES IN SCHEMA is a grant on each of them."""
    via = (quoted((schema,)),)
    if objtype in RELATIONS:
        for path in relations_in(reading, schema, "S" if objtype == "OBJECT_SEQUENCE" else "rpvmf"):
            reading.touch(action, reading.table(path), via)
        return
    reading.effort.spend(len(reading.catalog.functions))
    for function in (one for several in reading.catalog.functions.values() for one in several):
        if function.path[0] == schema:
            reading.touch(action, Resource(ResourceType.FUNCTION, function.path), via)


def _grant_role(reading: Reading, fields: Node, level: Level) -> None:
    action = "grant_right" if fields.get("is_grant") else "revoke_right"
    for node in fields["granted_roles"]:
        reading.touch(action, Resource(ResourceType.ROLE, (node["AccessPriv"].get("priv_name", ""),)))
    reading.effect(EffectKind.DEFINE)


def _default_rights(reading: Reading, fields: Node, level: Level) -> None:
    action = "grant_right" if fields["action"].get("is_grant") else "revoke_right"
    schemas = [
        name
        for option in fields.get("options", ())
        if option["DefElem"]["defname"] == "schemas"
        for name in strings(option["DefElem"]["arg"]["List"]["items"])
    ]
    for schema in schemas:
        reading.touch(action, Resource(ResourceType.SCHEMA, (schema,)))
    if not schemas:
        reading.touch(action, DATASOURCE)
    reading.effect(EffectKind.DEFINE)


def _role_name(spec: Node) -> str:
    """A RoleSpec's name; CURRENT_USER and its kin under their own name."""
    name: str = spec.get("rolename") or spec["roletype"].removeprefix("ROLESPEC_").lower()
    return name


def _touch_roles(reading: Reading, action: str, roles: Iterable[Node]) -> None:
    for node in roles:
        reading.touch(action, Resource(ResourceType.ROLE, (_role_name(node["RoleSpec"]),)))


def _create_role(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("alter_role", Resource(ResourceType.ROLE, (fields["role"],)))
    reading.effect(EffectKind.DEFINE)


def _alter_role(reading: Reading, fields: Node, level: Level) -> None:
    role = _role_name(fields["role"]) if "role" in fields else "all"
    reading.touch("alter_role", Resource(ResourceType.ROLE, (role,)))
    if any(option["DefElem"]["defname"] == "password" for option in fields.get("options", ())):
        reading.sets_password = True
    if "setstmt" in fields:
        reading.touch("set", Resource(ResourceType.SETTING, (fields["setstmt"].get("name", "all").lower(),)))
    reading.effect(EffectKind.DEFINE)


def _drop_role(reading: Reading, fields: Node, level: Level) -> None:
    _touch_roles(reading, "drop", fields["roles"])
    _touch_roles(reading, "alter_role", fields["roles"])
    reading.effect(EffectKind.DEFINE)


def _reassign_owned(reading: Reading, fields: Node, level: Level) -> None:
    reading.touch("alter_destructive", DATASOURCE)
    _touch_roles(reading, "alter_role", fields["roles"])
    reading.effect(EffectKind.DEFINE)


def _drop_owned(reading: Reading, fields: Node, level: Level) -> None:
    """What the roles own is not in the catalog snapshot: it counts as anything in the datasource."""
    reading.touch("drop", DATASOURCE)
    _touch_roles(reading, "alter_role", fields["roles"])
    reading.is_shaken = True
    reading.effect(EffectKind.DEFINE)


HANDLERS: dict[str, Handler] = {
    "AlterDefaultPrivilegesStmt": _default_rights,
    "AlterRoleSetStmt": _alter_role,
    "AlterRoleStmt": _alter_role,
    "CreateRoleStmt": _create_role,
    "DropOwnedStmt": _drop_owned,
    "DropRoleStmt": _drop_role,
    "GrantRoleStmt": _grant_role,
    "GrantStmt": _grant,
    "ReassignOwnedStmt": _reassign_owned,
}

"""The few entities that one statement's questions are about, as Cedar JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from tidewaiter.model import Kind, Principal, Resource, ResourceType
from tidewaiter.policy.names import COLUMN, TAG, TRAITS, Target, entity_id

TYPES = {Kind.USER: "User", Kind.SERVICE: "Service", Kind.AGENT: "Agent"}
Tags = Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]
"""(schema, table) → column → tags, of one datasource."""
Found = dict[tuple[str, str], dict[str, object]]
"""(type, id) → one entity in Cedar's JSON form."""

SCHEMA, TABLE, DATASOURCE = ResourceType.SCHEMA.value, ResourceType.TABLE.value, ResourceType.DATASOURCE.value
FUNCTION = ResourceType.FUNCTION.value


def entities_of(principals: Iterable[Principal], targets: Iterable[Target], datasource: str, tags: Tags) -> str:
    """All entities of some questions, each once, as a JSON document."""
    found: Found = {}
    for principal in principals:
        _add_principal(found, principal)
    for target in targets:
        _add_target(found, target, datasource, tags)
    return orjson.dumps(list(found.values())).decode()


def _add_principal(found: Found, principal: Principal) -> None:
    attributes: dict[str, object] = {"name": principal.name}
    owner = principal.owner
    if principal.kind is Kind.AGENT and owner is not None and owner.kind is Kind.USER:
        attributes["owner"] = {"__entity": _uid("User", owner.name)}
    groups = [("Group", group) for group in sorted(principal.groups)]
    _add(found, TYPES[principal.kind], principal.name, attributes, groups)
    for type_, name in groups:
        _add(found, type_, name, {}, ())


def _add_target(found: Found, target: Target, datasource: str, tags: Tags) -> None:
    path, id_ = target.path, target.id(datasource)
    if (target.type, id_) in found:
        return
    if target.type == DATASOURCE:
        _add(found, DATASOURCE, datasource, {"name": datasource}, ())
        return
    attributes: dict[str, object] = {"datasource": datasource, "name": path[-1]}
    parents = [(DATASOURCE, datasource)]
    around = Target(Resource(ResourceType.DATASOURCE))
    if len(path) > 1:
        attributes["schema"] = path[0]
        parents = [(SCHEMA, entity_id(SCHEMA, datasource, path[:1]))]
        around = Target(Resource(ResourceType.SCHEMA, path[:1]))
    if target.type == COLUMN:
        attributes["table"] = path[1]
        parents = [(TABLE, entity_id(TABLE, datasource, path[:2]))]
        within = tags.get((path[0], path[1]), {}).get(path[2], ()) if target.tag is None else (target.tag,)
        parents += [(TAG, tag) for tag in within]
        around = Target(target.resource)
    elif target.type == FUNCTION:
        attributes.update((trait, trait in target.traits) for trait in TRAITS)
    _add(found, target.type, id_, attributes, parents)
    for type_, name in parents[1:]:
        _add(found, type_, name, {}, ())
    _add_target(found, around, datasource, tags)


def _add(found: Found, type_: str, id_: str, attributes: Mapping[str, object],
         parents: Iterable[tuple[str, str]]) -> None:  # fmt: skip
    if (type_, id_) not in found:
        uids = [_uid(*parent) for parent in parents]
        found[type_, id_] = {"uid": _uid(type_, id_), "attrs": attributes, "parents": uids}


def _uid(type_: str, id_: str) -> dict[str, str]:
    return {"type": type_, "id": id_}

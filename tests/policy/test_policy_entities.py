"""The entities that Cedar is given: few, whole, and in the hierarchy that policies are written about."""

from __future__ import annotations

import json

import cedarpy
import pytest

from tidewaiter.model import Kind, Principal, Resource, ResourceType
from tidewaiter.policy.entities import Tags, entities_of
from tidewaiter.policy.names import Target
from tidewaiter.policy.rules import SCHEMA

ADA = Principal("ada", Kind.USER, frozenset({"analysts"}))
BOT = Principal("bot", Kind.AGENT, frozenset({"agents"}), owner=ADA)
CUSTOMERS = Resource(ResourceType.TABLE, ("public", "customers"))
Parents = dict[str, list[str]]


def parents(*targets: Target, principals: tuple[Principal, ...] = (), tags: Tags | None = None) -> Parents:
    document = entities_of(principals, targets, "shop", tags or {})
    cedarpy.Entities.from_json_str(document, SCHEMA)  # validates

    def name(uid: dict[str, str]) -> str:
        return f"{uid['type']} {uid['id']}"

    entities = json.loads(document)
    found = {name(entity["uid"]): [name(parent) for parent in entity["parents"]] for entity in entities}
    assert len(found) == len(entities)
    return found


def test_a_table_is_in_its_schema_in_its_datasource() -> None:
    assert parents(Target(CUSTOMERS), Target(CUSTOMERS)) == {
        "Table shop.public.customers": ["Schema shop.public"],
        "Schema shop.public": ["Datasource shop"],
        "Datasource shop": [],
    }


def test_a_column_is_in_its_table_and_its_tags() -> None:
    tags = {("public", "customers"): {"ssn": ("ssn", "secret")}}
    found = parents(Target(CUSTOMERS, "ssn"), Target(CUSTOMERS, "name"), tags=tags)
    assert found["Column shop.public.customers.ssn"] == ["Table shop.public.customers", "Tag ssn", "Tag secret"]
    assert found["Column shop.public.customers.name"] == ["Table shop.public.customers"]
    assert {"Table shop.public.customers", "Tag ssn", "Tag secret", "Schema shop.public", "Datasource shop"} < set(
        found
    )


@pytest.mark.parametrize("type_", list(ResourceType))
def test_every_type_of_resource_fits_the_schema(type_: ResourceType) -> None:
    lengths = {ResourceType.DATASOURCE: 0, ResourceType.TABLE: 2, ResourceType.FUNCTION: 2}
    found = parents(Target(Resource(type_, ("a", "b")[: lengths.get(type_, 1)])))
    assert found["Datasource shop"] == []


def test_principals_are_in_their_groups() -> None:
    assert parents(principals=(BOT, ADA, Principal("job", Kind.SERVICE))) == {
        "Agent bot": ["Group agents"],
        "Group agents": [],
        "User ada": ["Group analysts"],
        "Group analysts": [],
        "Service job": [],
    }


def test_an_agent_names_the_user_that_owns_it() -> None:
    (agent,) = [one for one in json.loads(entities_of((BOT,), (), "shop", {})) if one["uid"]["type"] == "Agent"]
    assert agent["attrs"] == {"name": "bot", "owner": {"__entity": {"type": "User", "id": "ada"}}}
    of_service = Principal("b", Kind.AGENT, owner=Principal("job", Kind.SERVICE))
    (agent,) = json.loads(entities_of((of_service,), (), "shop", {}))
    assert agent["attrs"] == {"name": "b"}

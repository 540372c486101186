from __future__ import annotations

import pytest

from tidewaiter.model import Resource, ResourceType
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import HANDLERS, understand
from tidewaiter.sql.objects import names_of, relation_paths, resource, resources, routine_path, schema_of
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import Reading, Scope


def string(text: str) -> Node:
    return {"String": {"sval": text}}


@pytest.mark.parametrize(
    ("node", "names"),
    [
        (string("a"), ["a"]),
        ({"TypeName": {"names": [string("s"), string("t")]}}, ["s", "t"]),
        ({"ObjectWithArgs": {"objname": [string("f")]}}, ["f"]),
        ({"RangeVar": {"schemaname": "s", "relname": "t"}}, ["s", "t"]),
        ({"List": {"items": [string("s"), {}, string("t")]}}, ["s", "t"]),
        ({"Integer": {}}, []),
    ],
)
def test_names_are_read_in_every_form(node: Node, names: list[str]) -> None:
    assert names_of(node) == names


@pytest.mark.parametrize(
    ("objtype", "names", "expected"),
    [
        ("OBJECT_FUNCTION", ["purge"], Resource(ResourceType.FUNCTION, ("public", "purge"))),
        ("OBJECT_FUNCTION", ["not_yet"], Resource(ResourceType.FUNCTION, ("public", "not_yet"))),
        ("OBJECT_SCHEMA", ["hr"], Resource(ResourceType.SCHEMA, ("hr",))),
        ("OBJECT_ROLE", ["ada"], Resource(ResourceType.ROLE, ("ada",))),
        ("OBJECT_PARAMETER_ACL", ["Work_Mem"], Resource(ResourceType.SETTING, ("work_mem",))),
        ("OBJECT_TYPE", ["hr", "t"], Resource(ResourceType.SCHEMA, ("hr",))),
        ("OBJECT_DOMCONSTRAINT", ["hr", "d", "c"], Resource(ResourceType.SCHEMA, ("hr",))),
        ("OBJECT_OPCLASS", ["btree", "hr", "o"], Resource(ResourceType.SCHEMA, ("hr",))),
        ("OBJECT_FDW", ["x"], Resource(ResourceType.DATASOURCE)),
    ],
)
def test_an_object_stands_for_its_resource(shop: Catalog, objtype: str, names: list[str], expected: Resource) -> None:
    assert resource(Reading(shop, Scope(), HANDLERS), objtype, names) == expected


def test_a_part_of_a_table_is_the_table(shop: Catalog) -> None:
    node: Node = {"List": {"items": [string("orders"), string("orders_logged")]}}
    reading = Reading(shop, Scope(), HANDLERS)
    assert list(resources(reading, "OBJECT_TRIGGER", node)) == [reading.table(("public", "orders"))]


def test_a_missing_relation_is_noted_unless_that_is_allowed(shop: Catalog) -> None:
    reading = Reading(shop, Scope(), HANDLERS)
    assert list(relation_paths(reading, ["nowhere"], "table", missing_ok=True)) == [("public", "nowhere")]
    assert not reading.reasons
    assert list(relation_paths(reading, ["nowhere"], "index")) == []
    assert reading.fault is not None
    assert (reading.fault.sqlstate, reading.fault.message) == ("42704", 'index "nowhere" does not exist')


def test_unqualified_names_are_where_the_path_says(shop: Catalog) -> None:
    reading = Reading(shop, Scope(("pg_catalog", "hr", "public")), HANDLERS)
    assert routine_path(reading, ["raise_all"]) == ("hr", "raise_all")
    assert schema_of(reading, ["t"]) == Resource(ResourceType.SCHEMA, ("hr",))


def test_the_owner_of_a_sequence_is_touched(shop: Catalog) -> None:
    touches = understand("alter sequence ticket_numbers owned by orders.id", shop, Scope()).touches
    assert [touch.resource.path[1] for touch in touches] == ["ticket_numbers", "orders"]
    assert len(understand("alter sequence ticket_numbers owned by none", shop, Scope()).touches) == 1

from __future__ import annotations

from tidewaiter.model import EffectKind, ResourceType
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.defining import (
    defined,
    parts_of,
    touch_if_exists,
    touch_references,
    touch_relation,
    walk_definition,
)
from tidewaiter.sql.facts import HANDLERS
from tidewaiter.sql.levels import Level
from tidewaiter.sql.reading import Reading, Scope


def reading(shop: Catalog) -> Reading:
    return Reading(shop, Scope(("pg_catalog", "public")), HANDLERS)


def test_a_name_has_its_schema_where_one_is_written() -> None:
    assert parts_of({"relname": "orders"}) == ["orders"]
    assert parts_of({"schemaname": "hr", "relname": "employees"}) == ["hr", "employees"]


def test_a_relation_is_touched_and_locked(shop: Catalog) -> None:
    one = reading(shop)
    (found,) = touch_relation(one, "alter", {"relname": "orders"}, lock="ShareLock")
    assert (found.schema, found.name) == ("public", "orders")
    assert [(entry.action, entry.resource.path) for entry in one.entries.values()] == [("alter", ("public", "orders"))]
    assert list(one.locks) != []


def test_what_is_not_there_is_a_reason_unless_it_may_be_missing(shop: Catalog) -> None:
    one, other = reading(shop), reading(shop)
    touch_relation(one, "alter", {"relname": "nowhere"})
    assert one.reasons
    touch_if_exists(other, "alter", {"relname": "nowhere"}, "relation")
    assert not other.reasons


def test_expressions_are_found_at_any_depth(shop: Catalog) -> None:
    one = reading(shop)
    call = {"FuncCall": {"funcname": [{"String": {"sval": "purge"}}]}}
    walk_definition(one, [{"Constraint": {"raw_expr": call}}, None], Level())
    assert [entry.resource.type for entry in one.entries.values()] == [ResourceType.FUNCTION]


def test_a_referenced_table_is_altered(shop: Catalog) -> None:
    one = reading(shop)
    touch_references(one, [{"ColumnDef": {"constraints": [{"Constraint": {"pktable": {"relname": "customers"}}}]}}])
    assert [entry.action for entry in one.entries.values()] == ["alter"]


def test_a_definition_changes_the_catalog(shop: Catalog) -> None:
    one = reading(shop)
    defined(one)
    assert [effect.kind for effect in one.effects] == [EffectKind.DEFINE]

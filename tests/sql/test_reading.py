from __future__ import annotations

from tidewaiter.model import Effect, EffectKind, Facts, Indirect, Lock, Relation, Resource, ResourceType, Touch
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import HANDLERS
from tidewaiter.sql.reading import Reading, Scope, creation_schema, disturbs, strings

ORDERS = Resource(ResourceType.TABLE, ("public", "orders"))
TEMPORARY = Relation("pg_temp", "orders", "r", ("a",))


def reading_of(catalog: Catalog, **scope: object) -> Reading:
    return Reading(catalog, Scope(**scope), HANDLERS)  # type: ignore[arg-type]


def test_the_same_touch_of_one_statement_is_one(shop: Catalog) -> None:
    reading = reading_of(shop)
    assert reading.touch("select", ORDERS) is reading.touch("select", ORDERS)
    assert reading.touch("select", ORDERS, ("v",)) is not reading.touch("select", ORDERS)
    first = reading.touch("select", ORDERS)
    reading.begin(1)
    assert reading.touch("select", ORDERS) is not first
    assert len(reading.present) == 1


def test_a_temporary_relation_hides_another_and_may_be_gone(shop: Catalog) -> None:
    reading = reading_of(shop, created={("pg_temp", "orders"): TEMPORARY})
    assert [one.schema for one in reading.look_up("orders", None)] == ["pg_temp", "public"]
    assert [one.schema for one in reading.look_up("orders", "public")] == ["public"]
    assert [one.schema for one in reading.look_up("orders", "pg_temp_3")] == ["pg_temp"]


def test_after_something_was_dropped_whatever_it_hid_counts(shop: Catalog) -> None:
    reading = reading_of(shop, search_path=("pg_catalog", "shadow", "public"))
    assert [one.schema for one in reading.look_up("orders", None)] == ["shadow"]
    reading.dropped.add("orders")
    assert [one.schema for one in reading.look_up("orders", None)] == ["shadow", "public"]


def test_a_missing_name_is_unknown_with_the_servers_message(shop: Catalog) -> None:
    reading = reading_of(shop)
    assert reading.resolve({"relname": "nowhere", "location": 14}) == ()
    assert reading.fault is not None
    assert (reading.fault.sqlstate, reading.fault.position) == ("42P01", 15)


def test_what_a_plan_would_do_changes_nothing(shop: Catalog) -> None:
    reading = reading_of(shop)
    reading.explains = True
    reading.effect(EffectKind.DEFINE)
    reading.lock_table(("public", "orders"), "ShareLock")
    assert not reading.effects
    assert not reading.locks
    assert reading.touch("delete", ORDERS).action == "explain"


def test_the_strongest_lock_of_a_relation_counts(shop: Catalog) -> None:
    reading = reading_of(shop)
    for mode in ("ShareLock", "AccessExclusiveLock", "ShareLock"):
        reading.lock_table(("public", "orders"), mode)
    assert reading.facts(1, ends_failed=False, changes=False).locks == (
        Lock(("public", "orders"), "AccessExclusiveLock"),
    )


def test_facts_that_are_brought_count_whole(shop: Catalog) -> None:
    indirect = Indirect("trigger", "t", "function", ("public", "f"), ("public", "orders"))
    facts = Facts(
        touches=(Touch("delete_all", ORDERS, ("id",), traits=("volatile",)),),
        effects=(Effect(EffectKind.SETTING, "search_path"),),
        has_where=False,
        indirect=(indirect,),
        locks=(Lock(("public", "orders"), "ShareLock"),),
        unknown=("why",),
    )
    reading = reading_of(shop)
    reading.bring(facts)
    found = reading.facts(1, ends_failed=False, changes=True)
    assert found.touches == facts.touches
    assert (found.has_where, found.indirect, found.locks, found.unknown) == (False, (indirect,), facts.locks, ("why",))
    assert reading.ran_code, "the rest of the text may mean something else"
    assert found.session_bound


def test_settings_that_move_names_disturb_and_others_do_not() -> None:
    assert disturbs(Effect(EffectKind.SETTING, "search_path"))
    assert disturbs(Effect(EffectKind.SETTING, ""))
    assert disturbs(Effect(EffectKind.ROLE, "ada"))
    assert not disturbs(Effect(EffectKind.SETTING, "work_mem"))
    assert not disturbs(Effect(EffectKind.DEFINE))


def test_new_objects_go_into_the_first_schema_that_is_not_implicit(shop: Catalog) -> None:
    assert creation_schema(reading_of(shop, search_path=("pg_temp_3", "pg_catalog", "hr", "public"))) == "hr"
    assert creation_schema(reading_of(shop, search_path=("pg_catalog",))) == "public"
    moved = reading_of(shop, search_path=("pg_catalog", "hr", "public"))
    moved.path_changed = True
    creation_schema(moved)
    assert moved.reasons


def test_empty_strings_are_strings() -> None:
    assert list(strings([{"String": {"sval": "a"}}, {"String": {}}])) == ["a", ""]

from __future__ import annotations

from dataclasses import replace

import pytest

from tidewaiter.model import EffectKind, Facts, Indirect
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import Function
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.settling import EVENT_TRIGGERS, MOST_FUNCTIONS


def with_functions(catalog: Catalog, *functions: Function) -> Catalog:
    found = dict(catalog.functions)
    for function in functions:
        found[function.name] = (*found.get(function.name, ()), function)
    return replace(catalog, functions=found, remembered={})


def in_sql(name: str, body: str) -> Function:
    return Function("public", name, hash(name), body=body, volatility="i")


def opaque(facts: Facts) -> set[str]:
    return {touch.resource.path[-1] for touch in facts.touches if "opaque" in touch.traits}


def test_a_function_that_cannot_be_looked_into_is_opaque_and_shakes_the_rest(shop: Catalog) -> None:
    facts = understand("select purge(); table orders", shop, Scope())
    assert opaque(facts) == {"purge"}
    assert [effect.kind for effect in facts.effects] == [EffectKind.SETTING]
    assert facts.unknown


def test_a_function_in_sql_is_looked_into_and_leaves_the_session_alone(shop: Catalog) -> None:
    facts = understand("select forget_all(); table orders", shop, Scope())
    assert opaque(facts) == set()
    assert facts.effects == ()
    assert facts.unknown == ()
    assert not facts.has_where


def test_traits_say_what_the_catalog_knows(shop: Catalog) -> None:
    (touch, *_) = understand("select hr.raise_all(1)", shop, Scope()).touches
    assert touch.traits == ("security_definer", "volatile")
    (touch,) = understand("select pg_read_file('/x')", shop, Scope()).touches
    assert touch.traits == ("volatile",)
    (touch,) = understand("select query_to_xml('table orders', true, true, '')", shop, Scope()).touches
    assert touch.traits == ("opaque", "volatile")


def test_calls_are_followed_to_any_depth_and_loops_end(shop: Catalog) -> None:
    chain = [in_sql(f"f{n}", f"select f{n + 1}()") for n in range(50)]
    catalog = with_functions(shop, *chain, in_sql("f50", "select f0(), count(*) from hr.employees"))
    facts = understand("select f0()", catalog, Scope())
    assert ("hr", "employees") in {touch.resource.path for touch in facts.touches}
    assert opaque(facts) == set()


def test_more_functions_than_anyone_looks_into_are_opaque(shop: Catalog) -> None:
    chain = [in_sql(f"f{n}", f"select f{n + 1}()") for n in range(MOST_FUNCTIONS + 10)]
    facts = understand("select f0()", with_functions(shop, *chain), Scope())
    assert opaque(facts)


def test_a_body_that_is_read_after_the_path_may_have_moved_is_opaque(shop: Catalog) -> None:
    late = in_sql("late", "select elsewhere(); table orders")
    assert "late" in opaque(understand("select late()", with_functions(shop, late), Scope()))
    fine = in_sql("fine", "select order_total(1); table orders")
    assert opaque(understand("select fine()", with_functions(shop, fine), Scope())) == set()


def test_one_opaque_overload_makes_the_name_opaque(shop: Catalog) -> None:
    assert opaque(understand("select mixed(1)", shop, Scope())) == {"mixed"}


def test_a_function_that_the_catalog_lost_sight_of_is_opaque(shop: Catalog) -> None:
    catalog = replace(shop, operators={"@@@": (("public", "gone"),)})
    assert opaque(understand("select 1 @@@ 2", catalog, Scope())) == {"gone"}


def test_explain_plans_what_a_volatile_body_would_do_and_asks_for_what_the_planner_may_call(shop: Catalog) -> None:
    assert "delete_all" not in understand("explain select forget_all()", shop, Scope()).verbs
    assert "select" in understand("explain select order_total(1)", shop, Scope()).verbs
    assert "delete_all" in understand("explain analyze select forget_all()", shop, Scope()).verbs


def test_definitions_set_off_event_triggers_and_queries_do_not(shop: Catalog) -> None:
    catalog = replace(shop, event_triggers=(("watch_ddl", ("public", "log_change")),))
    assert understand("create table t (a integer)", catalog, Scope()).indirect == (
        Indirect("trigger", "watch_ddl", "function", ("public", "log_change"), EVENT_TRIGGERS),
    )
    assert understand("table orders", catalog, Scope()).indirect == ()


@pytest.mark.parametrize("text", ["prepare p as select purge()", "prepare p as select elsewhere()"])
def test_a_prepared_statement_does_nothing_to_the_session_until_it_runs(shop: Catalog, text: str) -> None:
    facts = understand(f"{text}; table orders", shop, Scope())
    assert [effect.kind for effect in facts.effects] == [EffectKind.PREPARE]
    assert facts.unknown == ()
    prepared = understand(text, shop, Scope()).effects[0].facts
    assert prepared is not None
    later = understand("execute p; table orders", shop, Scope(prepared={"p": prepared}))
    assert later.unknown, "what it did to the search_path"

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.model import EffectKind, Facts, Relation, Resource, ResourceType, SyntaxFault, Touch
from tidewaiter.sql import facts as facts_module
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.levels import Level
from tidewaiter.sql.parse import Node
from tidewaiter.sql.reading import Reading

CUSTOMERS = Resource(ResourceType.TABLE, ("public", "customers"))


def verbs(text: str, catalog: Catalog, scope: Scope | None = None) -> tuple[str, ...]:
    return understand(text, catalog, scope or Scope()).verbs


def test_a_point_read_is_one_touch(shop: Catalog) -> None:
    facts = understand("select name from customers where id = 1", shop, Scope())
    assert facts.touches == (Touch("select", CUSTOMERS, ("name", "id")),)
    assert facts.verbs == ("select",)
    assert facts.reads_only
    assert not facts.literals_matter


def test_an_unknown_relation_asks_for_a_fresh_catalog_and_is_found_then(shop: Catalog) -> None:
    facts = understand("select * from public.fresh", shop, Scope())
    assert facts.fault == SyntaxFault("42P01", 'relation "public.fresh" does not exist', 15)
    assert facts.unknown == ("relation public.fresh is not in the catalog",)
    newer = replace(shop, relations={**shop.relations, ("public", "fresh"): Relation("public", "fresh", "r", ("id",))})
    assert understand("select * from public.fresh", newer, Scope()).fault is None


def test_everything_is_unknown_to_an_empty_catalog() -> None:
    facts = understand("select lower(name) from customers", Catalog(), Scope())
    assert len(facts.unknown) == 2
    assert facts.fault is not None


def test_only_the_first_fault_is_kept(shop: Catalog) -> None:
    facts = understand("select * from a, b", shop, Scope())
    assert facts.fault == SyntaxFault("42P01", 'relation "a" does not exist', 15)
    assert len(facts.unknown) == 2


def test_a_defect_is_a_reason_and_never_an_exception(shop: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(reading: Reading, fields: Node, level: Level) -> None:
        raise ZeroDivisionError("defect")

    monkeypatch.setattr(facts_module, "HANDLERS", {"SelectStmt": broken})
    facts = understand("select 1", shop, Scope())
    assert facts == Facts(unknown=("could not be analysed: ZeroDivisionError('defect')",))


def test_a_statement_that_is_not_on_the_list_is_unknown(shop: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_module, "HANDLERS", {})
    assert understand("select 1", shop, Scope()).unknown == ("statement SelectStmt",)


def test_nesting_beyond_python_is_a_reason(shop: Catalog) -> None:
    text = "select " + "(select " * 150 + "1" + ")" * 150
    facts = understand(text, shop, Scope())
    assert facts.unknown in ((), ("nested too deeply",))
    deep = "select * from " + "(select * from " * 190 + "customers" + ") a" * 190
    assert understand(deep, shop, Scope()).unknown or "select" in verbs(deep, shop)


def test_a_thousand_unions_need_no_stack(shop: Catalog) -> None:
    facts = understand(" union all ".join(["select id from customers"] * 900), shop, Scope())
    assert facts.touches == (Touch("select", CUSTOMERS, ("id",)),)
    assert not facts.unknown


def test_long_chains_of_operators_need_no_stack(shop: Catalog) -> None:
    facts = understand("select " + " || ".join(["name"] * 500) + " from customers", shop, Scope())
    assert facts.touches == (Touch("select", CUSTOMERS, ("name",)),)


def test_a_text_that_is_too_long_or_too_deep_is_unknown(shop: Catalog) -> None:
    assert understand("x" * (1 << 21), shop, Scope()).unknown == ("longer than 1048576 bytes",)
    assert understand("select " + "+".join(["1"] * 50_000), shop, Scope()).unknown == ("nested too deeply",)


def test_the_cursor_and_the_prepared_statement_of_the_session_are_used(shop: Catalog) -> None:
    known = understand("delete from orders where id = $1", shop, Scope())
    scope = Scope(prepared={"p": known}, cursors={"c": known})
    for text in ("execute p(1)", "fetch c"):
        facts = understand(text, shop, scope)
        assert facts.verbs == ("delete",)
        assert facts.session_bound
        assert facts.literals_matter


def test_prepare_carries_facts_that_start_at_part_0(shop: Catalog) -> None:
    facts = understand("select 1; prepare p as select id from customers", shop, Scope())
    (effect,) = facts.effects
    assert effect.kind is EffectKind.PREPARE
    assert effect.facts is not None
    assert effect.facts.touches == (Touch("select", CUSTOMERS, ("id",)),)


def test_what_runs_code_keeps_its_effect_until_it_runs(shop: Catalog) -> None:
    prepared = understand("prepare p as select purge()", shop, Scope())
    assert [effect.kind for effect in prepared.effects] == [EffectKind.PREPARE]
    stored = prepared.effects[0].facts
    assert stored is not None
    run = understand("execute p", shop, Scope(prepared={"p": stored}))
    assert [effect.kind for effect in run.effects] == [EffectKind.SETTING]


def test_a_prepared_statement_means_something_else_after_the_path_changed(shop: Catalog) -> None:
    facts = understand("prepare p as select 1; set search_path = hr; execute p", shop, Scope())
    assert facts.unknown


def test_relations_of_the_session_resolve(shop: Catalog) -> None:
    made = Relation("pg_temp", "mine", "r", ("a",))
    scope = Scope(("pg_temp_3", "pg_catalog", "public"), {("pg_temp", "mine"): made})
    for text in ("select a from mine", "select a from pg_temp.mine", "select a from pg_temp_3.mine"):
        facts = understand(text, shop, scope)
        assert facts.touches == (Touch("select", Resource(ResourceType.TABLE, ("pg_temp", "mine")), ("a",)),)
    assert understand("select a from mine", shop, Scope()).unknown


def test_a_view_of_the_session_leads_to_its_tables(shop: Catalog) -> None:
    made = Relation("public", "fresh", "v", ("id",), (("public", "active_customers"),))
    facts = understand("select id from fresh", shop, Scope(created={("public", "fresh"): made}))
    paths = [touch.resource.path for touch in facts.touches]
    assert paths == [("public", "fresh"), ("public", "active_customers"), ("public", "customers")]
    assert facts.touches[2].via == ("public.fresh", "public.active_customers")


def test_facts_of_a_text_do_not_leak_into_the_scope(shop: Catalog) -> None:
    scope = Scope()
    understand("create temp table x (a integer); prepare p as select 1; declare c cursor for select 1", shop, scope)
    assert scope == Scope()


CONSTANTS = st.one_of(st.integers(0, 9).map(str), st.sampled_from(["'a'", "'%'", "''", "1.5", "'x%'"]))
SHAPES = [
    "select name from customers where id = {0} and name like {1} limit 3",
    "delete from orders where status = {0} or id = {1}",
    "delete from orders where status like {0}",
    "update orders set status = {0} where {1} = {1}",
    "update orders set status = {0} where id in ({1}, {0})",
    "insert into orders values ({0}, {1}) on conflict (id) do update set status = {1} where orders.id = {0}",
    "select set_config({0}, {1}, false)",
    "select nextval({0})",
    "delete from orders where id = {0} or id <> {1}",
    "update orders set status = {0} where status similar to {1}",
]


@given(st.sampled_from(SHAPES), CONSTANTS, CONSTANTS, CONSTANTS, CONSTANTS)
def test_shareable_facts_do_not_depend_on_constants(shape: str, a: str, b: str, c: str, d: str) -> None:
    catalog = CATALOG
    one, other = shape.format(a, b), shape.format(c, d)
    facts = understand(one, catalog, Scope())
    if not facts.literals_matter and facts.fault is None:
        twin = understand(other, catalog, Scope())
        assert twin.fault is not None or twin == facts


CATALOG = Catalog.from_rows(
    {
        "relations": [
            ["public", "customers", "r", ["id", "name"], ["id"], False],
            ["public", "orders", "r", ["id", "status"], ["id"], False],
        ],
        "builtins": [["pg_catalog", "set_config", [1], True], ["pg_catalog", "nextval", [2], True]],
    }
)


WORDS = "select insert delete from where customers id = ( ) , 1 'x' * ; with as c"


@given(st.lists(st.sampled_from(sorted(WORDS.split()))))
def test_any_words_give_facts(words: list[str]) -> None:
    facts = understand(" ".join(words), CATALOG, Scope())
    assert isinstance(facts, Facts)
    assert not any("could not be analysed" in reason for reason in facts.unknown)


def test_facts_are_quick_enough(shop: Catalog) -> None:
    """A generous bound, against mistakes of order; bench/ measures."""
    began = time.thread_time()
    for _ in range(200):
        understand("select c.name, o.total from customers c join orders o on o.customer_id = c.id", shop, Scope())
    assert (time.thread_time() - began) / 200 < 0.005

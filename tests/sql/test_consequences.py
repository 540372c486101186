from __future__ import annotations

from dataclasses import replace

from tidewaiter.model import Indirect
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.consequences import MOST
from tidewaiter.sql.entities import ForeignKey, Rule, Trigger
from tidewaiter.sql.facts import Scope, understand

Path = tuple[str, str]


def set_off(text: str, catalog: Catalog) -> list[tuple[str, str, str]]:
    return [(one.kind, one.name, one.action) for one in understand(text, catalog, Scope()).indirect]


def key(name: str, table: str, action: str, standing: str = "own") -> ForeignKey:
    return ForeignKey(name, ("public", table), ("a",), ("id",), action, action, standing)


def test_cascades_are_followed_with_what_they_set_off(shop: Catalog) -> None:
    assert understand("delete from shops where id = 1", shop, Scope()).indirect == (
        Indirect("cascade", "shelves_shop_fkey", "delete", ("public", "shelves"), ("public", "shops")),
        Indirect("cascade", "notes_shop_label_fkey", "delete", ("public", "notes"), ("public", "shelves")),
        Indirect("trigger", "notes_gone", "function", ("public", "note_shop"), ("public", "notes")),
    )


def test_an_update_cascades_only_from_columns_that_a_key_refers_to(shop: Catalog) -> None:
    assert set_off("update regions set name = 'x' where code = 'n'", shop) == []
    assert ("cascade", "shops_region_fkey", "update") in set_off("update regions set code = 'x' where code = 'n'", shop)


def test_a_before_trigger_may_set_any_column(shop: Catalog) -> None:
    before = Trigger("b", ("public", "log_change"), frozenset({"update"}), is_before=True)
    catalog = replace(shop, triggers={**shop.triggers, ("public", "regions"): (before,)})
    assert ("cascade", "shops_region_fkey", "update") in set_off("update regions set name = 'x'", catalog)


def test_set_null_is_an_update_and_no_action_is_nothing(shop: Catalog) -> None:
    keys: dict[Path, tuple[ForeignKey, ...]] = {
        ("public", "customers"): (key("n", "orders", "n"), key("d", "people", "d"), key("r", "managers", "r"))
    }
    catalog = replace(shop, keys=keys, triggers={})
    assert set_off("delete from customers", catalog) == [("cascade", "n", "update"), ("cascade", "d", "update")]


def test_tables_that_refer_to_each_other_end(shop: Catalog) -> None:
    keys: dict[Path, tuple[ForeignKey, ...]] = {
        ("public", "people"): (key("up", "people", "c"), key("over", "orders", "c")),
        ("public", "orders"): (key("back", "people", "c"),),
    }
    assert len(set_off("delete from people", replace(shop, keys=keys, triggers={}))) == 3


def test_partitions_count_and_repeated_keys_and_triggers_do_not(shop: Catalog) -> None:
    seen = Trigger("seen", ("public", "log_change"), frozenset({"delete"}))
    keys: dict[Path, tuple[ForeignKey, ...]] = {
        ("public", "payments"): (key("k", "orders", "c"),),
        ("public", "payments_2026"): (key("k", "orders", "c", "parent"), key("own", "people", "c")),
    }
    triggers: dict[Path, tuple[Trigger, ...]] = {
        ("public", "payments"): (seen,),
        ("public", "payments_2026"): (replace(seen, is_repeat=True), replace(seen, name="more")),
    }
    catalog = replace(shop, keys=keys, triggers=triggers)
    assert set_off("delete from payments", catalog) == [
        ("trigger", "seen", "function"),
        ("cascade", "k", "delete"),
        ("trigger", "more", "function"),
        ("cascade", "own", "delete"),
    ]
    direct = set_off("delete from payments_2026", catalog)
    assert ("trigger", "seen", "function") in direct
    assert ("cascade", "k", "delete") in direct


def test_an_instead_rule_is_what_the_write_means(shop: Catalog) -> None:
    facts = understand("insert into open_letters values (1, 'x')", shop, Scope())
    assert ("insert", ("public", "letters"), ("public.open_letters",)) in {
        (touch.action, touch.resource.path, touch.via) for touch in facts.touches
    }
    assert ("rule", "letters_logged", "insert") in set_off("insert into open_letters values (1, 'x')", shop)


def test_a_rule_that_is_not_understood_makes_the_statement_unknown(shop: Catalog) -> None:
    rules: dict[Path, tuple[Rule, ...]] = {
        ("public", "orders"): (
            Rule("broken", "insert", is_instead=False, text="no rule"),
            Rule(
                "odd",
                "delete",
                is_instead=False,
                text="create rule odd as on delete to public.orders do delete from gone",
            ),
        )
    }
    catalog = replace(shop, rules=rules, remembered={})
    facts = understand("insert into orders values (1)", catalog, Scope())
    assert facts.unknown == ("rule broken on public.orders: its text is not readable",)
    facts = understand("delete from orders where id = 1", catalog, Scope())
    assert facts.unknown == ("rule odd on public.orders: relation gone is not in the catalog",)


def test_reading_calls_policies_and_writing_calls_defaults_and_checks(shop: Catalog) -> None:
    assert set_off("select id from prices", shop) == [("policy", "own_prices", "function")]
    assert {kind for kind, _, _ in set_off("insert into prices values (1)", shop)} == {
        "constraint",
        "default",
        "policy",
    }
    assert {kind for kind, _, _ in set_off("update prices set id = 1", shop)} == {"constraint", "policy"}


def test_more_consequences_than_are_listed_make_the_statement_unknown(shop: Catalog) -> None:
    many = tuple(Trigger(f"t{n}", ("public", "log_change"), frozenset({"delete"})) for n in range(MOST + 1))
    keys: dict[Path, tuple[ForeignKey, ...]] = {("public", "orders"): (key("k", "people", "c"),)}
    catalog = replace(shop, triggers={("public", "orders"): many}, keys=keys)
    (reason,) = understand("delete from orders where id = 1", catalog, Scope()).unknown
    assert reason.startswith("sets off more than")


def reached(text: str, catalog: Catalog) -> set[tuple[str, str]]:
    return {(one.kind, one.path[1]) for one in understand(text, catalog, Scope()).indirect}


def test_policies_that_look_elsewhere_read_there(shop: Catalog) -> None:
    for text in ("select id from secrets", "select id from open_secrets", "delete from secrets where id = 1"):
        assert set_off(text, shop) == [("policy", "granted_secrets", "select")]
        assert reached(text, shop) == {("policy", "secret_grants")}
    assert set_off("explain select id from secrets", shop) == []


def test_a_policy_that_reads_a_view_reads_its_tables(shop: Catalog) -> None:
    catalog = replace(shop, policy_reads={("public", "letters"): (("p", ("public", "customer_names")),)})
    names = {name for _, name in reached("select id from letters", catalog)}
    assert names == {"customer_names", "active_customers", "customers"}


def test_generated_columns_and_indexes_call_functions_when_rows_change(shop: Catalog) -> None:
    assert reached("update members set name = 'x' where id = 1", shop) == {("generated", "initials")}
    assert reached("insert into spans values (1, '[a,b)')", shop) == {("operator class", "gap")}
    assert ("operator class", "by_length") in reached("select id from titles", shop)

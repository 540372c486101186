from __future__ import annotations

import pytest

from tidewaiter.model import EffectKind
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.commands import CONTROLS, ENDS_FAILED, is_on
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.parse import Node


def options(*pairs: tuple[str, Node | None]) -> Node:
    return {"options": [{"DefElem": {"defname": name, **({"arg": arg} if arg else {})}} for name, arg in pairs]}


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (None, True),
        ({"String": {"sval": "true"}}, True),
        ({"String": {"sval": "OFF"}}, False),
        ({"Integer": {"ival": 1}}, True),
        ({"Integer": {}}, False),
        ({"Boolean": {}}, False),
        ({"String": {"sval": "whatever"}}, True),
    ],
)
def test_an_option_is_on_unless_it_is_switched_off(argument: Node | None, expected: bool) -> None:
    assert is_on(options(("ANALYZE", argument)), "analyze") is expected
    assert not is_on(options(("verbose", argument)), "analyze")


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("explain delete from orders", ("explain",)),
        ("explain (analyze off) delete from orders", ("explain",)),
        ("explain analyze delete from orders", ("delete_all",)),
        ("copy orders from stdin", ("copy_in",)),
        ("copy (delete from orders returning id) to stdout", ("delete_all", "select", "copy_out")),
        ("copy orders from program 'x'", ("system", "copy_in")),
        ("truncate people", ("truncate",)),
        ("vacuum (full, analyze) orders", ("vacuum", "analyze")),
        ("checkpoint", ("checkpoint",)),
        ("load 'x'", ("load",)),
        ("do 'begin end'", ("do",)),
        ("call close_day(1)", ("call",)),
        ("lock table orders", ("lock",)),
        ("refresh materialized view revenue_copy", ("refresh", "select")),
    ],
)
def test_commands_are_what_they_contain(shop: Catalog, text: str, verbs: tuple[str, ...]) -> None:
    assert understand(text, shop, Scope()).verbs == verbs


@pytest.mark.parametrize("text", ["begin", "commit", "rollback", "savepoint s", "release s", "rollback to s"])
def test_transaction_control_asks_nothing(shop: Catalog, text: str) -> None:
    facts = understand(text, shop, Scope())
    assert facts.control in CONTROLS.values()
    assert facts.touches == ()
    assert facts.ends_failed_transaction == (facts.control in ENDS_FAILED)


def test_a_prepared_statement_is_what_it_was_prepared_as(shop: Catalog) -> None:
    prepared = understand("prepare p as delete from orders", shop, Scope()).effects[0].facts
    assert prepared is not None
    facts = understand("execute p", shop, Scope(prepared={"p": prepared}))
    assert facts.verbs == ("delete_all",)
    assert facts.session_bound
    assert not facts.has_where
    assert understand("execute q", shop, Scope(prepared={"p": prepared})).unknown
    assert understand("deallocate p; execute p", shop, Scope(prepared={"p": prepared})).unknown
    assert understand("deallocate all; execute p", shop, Scope(prepared={"p": prepared})).unknown


def test_a_cursor_reads_when_it_is_fetched_from(shop: Catalog) -> None:
    declared = understand("declare c cursor for table orders", shop, Scope())
    effect = declared.effects[-1]
    assert (effect.kind, effect.name) == (EffectKind.DECLARE, "c")
    assert effect.facts is not None
    scope = Scope(cursors={"c": effect.facts})
    assert understand("fetch all from c", shop, scope).verbs == ("select",)
    assert understand("close c; fetch c", shop, scope).unknown


def test_a_refresh_reads_what_the_view_is_made_of(shop: Catalog) -> None:
    read = {
        touch.resource.path[1]: touch.via
        for touch in understand("refresh materialized view revenue_copy", shop, Scope()).touches
        if touch.action == "select"
    }
    assert read["revenue"] == ("public.revenue_copy",)
    assert read["customers"] == read["orders"] == ("public.revenue_copy", "public.revenue")


def test_analyze_samples_inheritance_children_too(shop: Catalog) -> None:
    touches = understand("analyze people", shop, Scope()).touches
    assert [touch.resource.path[1] for touch in touches] == ["people", "managers"]

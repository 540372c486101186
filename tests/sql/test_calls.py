from __future__ import annotations

import pytest

from tidewaiter.model import Facts
from tidewaiter.sql.calls import constant
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand


def asked(facts: Facts) -> list[tuple[str, str]]:
    return [(touch.action, ".".join(touch.resource.path)) for touch in facts.touches]


def text_constant(text: str) -> dict[str, object]:
    return {"A_Const": {"sval": {"sval": text}}}


def test_a_constant_is_seen_through_casts_and_nothing_else_is_one() -> None:
    assert constant([text_constant("a")], 0) == "a"
    assert constant([{"TypeCast": {"arg": text_constant("a")}}], 0) == "a"
    assert constant([{"A_Const": {"sval": {}}}], 0) == ""
    assert constant([{"A_Const": {"isnull": True}}], 0) is None
    assert constant([{"NamedArgExpr": {"arg": text_constant("a")}}], 0) is None
    assert constant([], 0) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select lower('X')", [("function", "public.lower")]),
        ("select upper('X')", []),
        ("select pg_catalog.lower('X')", []),
        ("select pg_terminate_backend(1)", [("signal", "")]),
        ("select pg_reload_conf()", [("system", "")]),
        ("select set_config('work_mem', '1MB', false)", [("set", "work_mem")]),
        ("select pg_notify('news', '')", [("notify", "news")]),
        ("select nextval('public.ticket_numbers')", [("update", "public.ticket_numbers")]),
        ("select nextval(x) from (select '1' as x) s", [("function", "pg_catalog.nextval")]),
        ("select ssn(customers) from customers", [("select", "public.customers")]),
        ("select ('/etc/passwd'::text).pg_read_file", [("function", "pg_catalog.pg_read_file")]),
    ],
)
def test_a_call_asks_for_what_it_can_mean(shop: Catalog, text: str, expected: list[tuple[str, str]]) -> None:
    facts = understand(text, shop, Scope())
    assert facts.unknown == ()
    assert asked(facts) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("select no_such(1)", "function no_such is not in the catalog"),
        ("select hr.lower('x')", "function hr.lower is not in the catalog"),
        (
            "select set_config(name, 'x', false) from customers",
            "set_config of a setting that is not named by a constant",
        ),
        ("select pg_notify(name, '') from customers", "pg_notify on a channel that is not named by a constant"),
    ],
)
def test_a_call_that_is_not_understood_is_unknown(shop: Catalog, text: str, reason: str) -> None:
    assert understand(text, shop, Scope()).unknown == (reason,)

"""Changes of a catalog: which of them concern a statement that was judged before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from maskstage import judged

from tidewaiter.model import Resource, ResourceType, Touch
from tidewaiter.proxy.history import NAMES, UNTOLD, History, defined_by, reached, spelled_by
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.sql.catalog_reach import Reach

ORDERS = judged(b"select id from orders")
NAMES_OF = judged(b"select upper(name) from customer_names")


def paths(*names: str) -> frozenset[tuple[str, str]]:
    return frozenset(("public", name) for name in names)


def concerns(history: History, one: Judged, since: int = 0) -> bool:
    return history.concerns(one.facts, one.plan, since)


def after(reach: Reach | None, one: Judged) -> bool:
    history = History()
    history.note(reach)
    return concerns(history, one)


def test_what_a_statement_touches_is_what_it_names_and_what_that_sets_off() -> None:
    assert reached(ORDERS.facts) == paths("orders")
    assert reached(NAMES_OF.facts) == paths("customer_names", "active_customers", "customers")


def test_a_change_concerns_what_touches_it_and_was_judged_before() -> None:
    history = History()
    history.note(Reach(paths("customers")))
    assert not concerns(history, ORDERS)
    history.note(Reach(paths("orders", "other")))
    assert concerns(history, ORDERS)
    assert concerns(history, ORDERS, 1)
    assert not concerns(history, ORDERS, history.epoch)
    history.note(Reach(paths("other")))
    assert concerns(history, ORDERS, 1), "what changed later does not hide it"
    assert not concerns(history, ORDERS, 2)


def test_what_a_statement_defines_itself_is_its_own_unless_it_does_anything_else_with_it() -> None:
    assert defined_by(ORDERS.facts) == frozenset()
    copying = judged(b"create table copied as select id from orders").facts
    assert defined_by(copying) == paths("copied")
    assert defined_by(judged(b"alter table orders rename to bought").facts) == paths("orders", "bought")
    assert defined_by(judged(b"truncate orders").facts) == paths("orders")
    assert defined_by(replace(copying, touches=(*copying.touches, *ORDERS.facts.touches))) == paths("copied")
    mine = Touch("create", Resource(ResourceType.TABLE, ("public", "orders")))
    assert defined_by(replace(ORDERS.facts, touches=(*ORDERS.facts.touches, mine))) == frozenset()


def test_its_own_changes_do_not_concern_a_statement_and_others_do() -> None:
    one = judged(b"create table copied as select id from orders")
    own = defined_by(one.facts)
    history = History()
    history.note(
        Reach(paths("copied"), types=frozenset([("public", "copied"), ("public", "_copied")]), kin=paths("copied"))
    )
    assert concerns(history, one)
    assert not history.concerns(one.facts, one.plan, 0, own)
    history.note(Reach(paths("orders")))
    assert history.concerns(one.facts, one.plan, 0, own)


def test_a_new_table_may_have_been_a_part_of_anything_where_what_nobody_classified_is_masked() -> None:
    assert ORDERS.plan is not None and ORDERS.plan.sight is not None
    history = History()
    history.note(Reach(kin=paths("elsewhere")))
    for hides_new in (False, True):
        plan = replace(ORDERS.plan, sight=replace(ORDERS.plan.sight, hides_new=hides_new))
        assert history.concerns(ORDERS.facts, plan, 0) is hides_new


def test_a_change_of_which_nobody_can_tell_what_it_means_concerns_all() -> None:
    history = History()
    history.note(None)
    history.note(Reach())
    assert concerns(history, ORDERS, 0)
    assert not concerns(history, ORDERS, 1)


def test_what_is_older_than_what_is_remembered_is_concerned() -> None:
    history = History()
    for number in range(NAMES + 1):
        history.note(Reach(paths(f"t{number}")))
    assert concerns(history, ORDERS, 0)
    assert not concerns(history, ORDERS, 1)


@pytest.mark.parametrize(
    ("text", "reach", "is_concerned"),
    [
        ("select id from orders", Reach(functions=frozenset({"lower"})), False),
        ("select lower(status) from orders", Reach(functions=frozenset({"lower"})), True),
        ("select 'Lower' from orders", Reach(functions=frozenset({"LOWER"})), True),
        ("select id from orders", Reach(functions=frozenset({"id of"})), False),
        ('select id as "of id" from orders', Reach(functions=frozenset({"id of"})), True),
        ("select name from customer_names", Reach(functions=frozenset({"deleted_at"})), True),  # in the view's text
        ("select '1'::int from orders", Reach(types=paths("mood")), False),
        ("select 'a'::mood from orders", Reach(types=paths("mood")), True),
        ("select '{a}'::mood[] from orders", Reach(types=paths("mood")), True),
        ("select '{a}'::_mood from orders", Reach(types=paths("mood")), True),
        ("select '\"', 'a'::mood from orders", Reach(types=paths("mood")), True),
        ("select null::customers from orders", Reach(relations=paths("customers")), True),
        ("select id from orders", Reach(schemas=frozenset({"hr"})), False),
        ("select id from orders", Reach(schemas=frozenset({"public"})), True),
        ("select 'hr.employees'::regclass from orders", Reach(schemas=frozenset({"hr"})), True),
        ("select id from orders", Reach(operators=frozenset({"==="})), False),
        ("select id from orders", Reach(operators=frozenset({"="})), True),
        ("select id + 1 from orders", Reach(operators=frozenset({"+"})), True),
        ("select id from orders", Reach(kin=paths("orders", "elsewhere")), False),
        ("select id from orders", Reach(kin=paths("customers")), True),
        ("select id from orders", Reach(kin=paths("active_customers")), True),
    ],
)
def test_a_change_concerns_who_spells_it_or_could_show_it(text: str, reach: Reach, is_concerned: bool) -> None:
    found = judged(text.encode())
    assert found.plan is not None, found.verdict
    assert after(reach, found) == is_concerned


def cause(text: str, *reaches: Reach | None) -> str:
    history, found = History(), judged(text.encode())
    for reach in reaches:
        history.note(reach)
    return history.cause(found.facts, found.plan, 0)


def test_it_is_told_what_concerned_a_statement() -> None:
    beside = Reach(paths("elsewhere"), functions=frozenset({"unlike"}), schemas=frozenset({"hr"}))
    assert cause("select id from orders", beside) == ""
    assert cause("select id from orders", beside, None) == UNTOLD
    assert cause("select id from orders", Reach(paths("orders")), beside) == "relation public.orders"
    assert cause("select name from customer_names", Reach(paths("customers"))) == "relation public.customers"
    assert cause("select null::customers from orders", Reach(paths("customers"))) == "relation public.customers"
    assert cause("select id from orders", Reach(schemas=frozenset({"public"}))) == "schema public"
    assert cause("select 'hr.x'::regclass from orders", beside) == "schema hr"
    told = "part of others for a while, perhaps: public.customers"
    assert cause("select id from orders", Reach(kin=paths("customers"))) == told
    assert cause("select 'a'::mood from orders", Reach(types=paths("mood"))) == "type public.mood"
    assert cause("select lower(status) from orders", Reach(functions=frozenset({"lower"}))) == "function lower"
    assert cause("select id from orders", Reach(operators=frozenset({"="}))) == "operator ="


def test_a_statement_of_which_not_all_is_spelled_is_concerned_by_every_function_and_type() -> None:
    facts, plan = ORDERS.facts, ORDERS.plan
    assert plan is not None
    function = Touch("function", Resource(ResourceType.FUNCTION, ("public", "similarity")))
    builtin = Touch("function", Resource(ResourceType.FUNCTION, ("pg_catalog", "lower")))
    assert spelled_by(replace(facts, touches=(*facts.touches, builtin)), plan) is not None
    odd = "select 'ä' from orders".encode()
    unknown = [
        (replace(facts, touches=(*facts.touches, function)), plan),
        (facts, None),
        (facts, replace(plan, sight=None)),
        (facts, replace(plan, is_bound=True)),
        (facts, replace(plan, text=odd, said="")),
        (facts, replace(plan, is_bound=True, runs=(odd,))),
    ]
    known = [
        (facts, plan),
        (facts, replace(plan, said="")),
        (facts, replace(plan, text=odd)),
        (facts, replace(plan, is_bound=True, runs=(b"select id from public.orders",))),
    ]
    for reach in (Reach(types=paths("odd")), Reach(functions=frozenset({"odd"})), Reach(operators=frozenset({"==="}))):
        history = History()
        history.note(reach)
        assert [history.concerns(*one, 0) for one in unknown] == [True] * len(unknown)
        assert [history.concerns(*one, 0) for one in known] == [False] * len(known)
    history = History()
    history.note(Reach(paths("elsewhere")))
    assert not any(history.concerns(*one, 0) for one in unknown)


def test_what_runs_under_a_name_is_spelled_too() -> None:
    facts, plan = ORDERS.facts, ORDERS.plan
    assert plan is not None
    spelled = spelled_by(facts, replace(plan, is_bound=True, runs=(b'select "a""b" . c from t',)))
    assert spelled is not None
    assert {('a"b', "c"), ("public", "orders")} <= spelled.dotted

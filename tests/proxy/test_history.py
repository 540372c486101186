"""Changes of a catalog: which of them concern what a statement touches."""

from __future__ import annotations

from playstage import PATH, shop

from tidewaiter.proxy.history import CHANGES, History, reached
from tidewaiter.sql.facts import Scope, understand

ORDERS = understand("select id from orders", shop(), Scope(PATH))


def test_what_a_statement_touches_is_what_it_names_and_what_that_sets_off() -> None:
    assert reached(ORDERS) == {("public", "orders")}


def test_a_change_concerns_what_touches_it_and_was_judged_before() -> None:
    history = History()
    before = history.epoch
    history.note(frozenset({("public", "customers")}))
    assert not history.concerns(ORDERS, before)
    history.note(frozenset({("public", "orders"), ("public", "other")}))
    assert history.concerns(ORDERS, before)
    assert history.concerns(ORDERS, before + 1)
    assert not history.concerns(ORDERS, history.epoch)


def test_a_change_of_which_nobody_can_tell_what_it_means_concerns_all() -> None:
    history = History()
    history.note(None)
    history.note(frozenset())
    assert history.concerns(ORDERS, 0)
    assert not history.concerns(ORDERS, 1)


def test_what_is_older_than_what_is_remembered_is_concerned() -> None:
    history = History()
    for _ in range(CHANGES + 1):
        history.note(frozenset())
    assert history.concerns(ORDERS, 0)
    assert not history.concerns(ORDERS, 1)

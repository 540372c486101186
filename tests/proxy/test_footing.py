"""Judges, shared by sessions on the same ground."""

from __future__ import annotations

from dataclasses import replace

from playstage import ADA, PATH, Shelf, policies, shop

from tidewaiter.model import Context
from tidewaiter.proxy.footing import JUDGES, Footing, Judges
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.standing import Standing
from tidewaiter.sql.catalog import Catalog


def session(footing: Footing, name: str = ADA.name) -> Standing:
    """A session that has judged something."""
    found = Standing(replace(ADA, name=name), footing, Names())
    found.set_path(PATH)
    found.study(b"select 1", in_transaction=False)
    return found


def footing(shelf: Shelf, judges: Judges) -> Footing:
    return Footing("shop", False, False, shelf, policies, judges, Context("127.0.0.1", "test"), lambda: 0)


def test_sessions_on_the_same_ground_share_what_is_known() -> None:
    judges, shelf = Judges(), Shelf(shop())
    session(footing(shelf, judges))
    other = Standing(ADA, footing(shelf, judges), Names())
    other.set_path(PATH)
    assert other.recall(b"select 1", in_transaction=False) is not None
    assert other.recall(b"select name from customers", in_transaction=False) is None


def test_a_judge_does_not_outlive_the_catalog_it_stands_on() -> None:
    judges, shelf = Judges(), Shelf(shop())
    for version in range(5):
        shelf.current = Catalog(version=version)
        session(footing(shelf, judges))
    assert len(judges) == 1


def test_the_oldest_judges_are_forgotten() -> None:
    judges, shelf = Judges(), Shelf(shop())
    for number in range(JUDGES + 1):
        session(footing(shelf, judges), f"p{number}")
    assert len(judges) == JUDGES - JUDGES // 4 + 1

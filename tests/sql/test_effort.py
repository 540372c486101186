from __future__ import annotations

from collections.abc import Callable

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.effort import FLOOR_STEPS, STEPS_PER_BYTE, Effort, TooMuchWork
from tidewaiter.sql.facts import HANDLERS, Scope, understand
from tidewaiter.sql.levels import Level
from tidewaiter.sql.parse import LOOP_BYTES, Parsed, parse
from tidewaiter.sql.reading import Reading
from tidewaiter.sql.settling import settle


def test_work_beyond_the_budget_is_refused() -> None:
    effort = Effort(10)
    effort.spend(FLOOR_STEPS + 10 * STEPS_PER_BYTE)
    with pytest.raises(TooMuchWork):
        effort.spend(1)


def _many(pattern: str, count: int, joined: str = ",") -> str:
    return joined.join(pattern.replace("#", str(n)) for n in range(count))


HOSTILE = {
    "10,000 parentheses": "select " + "(" * 10_000 + "1" + ")" * 10_000,
    "10,000 nested subqueries": "select * from (" * 10_000 + "select 1" + ") x" * 10_000,
    "50,000 terms": "select " + _many("1", 50_000, "+"),
    "50,000 conditions": "select 1 from orders where " + _many("id <> #", 50_000, " and "),
    "20,000 alternatives": "delete from orders where " + _many("id <> #", 20_000, " or "),
    "1,000 unions": _many("select id from orders", 1_000, " union "),
    "nested alternatives": "delete from orders where " + "(id = 1 or (status = 'x' and " * 150 + "id=2" + "))" * 150,
    "1 MB of IN": "select 1 from orders where id in (" + _many("#", 150_000) + ")",
    "1 MB of IN to delete": "delete from orders where id in (" + _many("#", 150_000) + ")",
    "20,000 rows": "insert into orders values " + _many("(#, #, 1, 'x')", 20_000),
    "3,000 tables and as many columns": "select 1 from "
    + _many("orders o#", 3_000)
    + " where "
    + _many("o#.id = id", 3_000, " and "),
    "20,000 tables and unknown columns": f"select {_many('n#', 20_000)} from {_many('orders o#', 20_000)}",
    "20,000 WITH queries": "with recursive " + _many("c# as (select 1)", 20_000) + " select * from c1",
    "500 joins": "select * from orders o " + _many("join orders o# using (id)", 500, " "),
    "10,000 statements": _many("insert into shops values (1)", 10_000, ";"),
    "8,000 prepared statements": _many("prepare p# as select 1", 8_000, ";"),
    "5,000 twins": "update orders o set id = 1 from "
    + _many("orders t#", 5_000)
    + " where "
    + _many("o.id = t#.id", 5_000, " and "),
    "2,000 locks of 2,000 tables": "select 1 from " + _many("orders o#", 2_000) + " for update" * 2_000,
    "10,000 drops": "drop table " + _many("orders", 10_000),
    "3,000 subqueries that refer": "delete from orders where " + _many("exists (select from people p)", 3_000, " and "),
    "views over views": _many("select * from busy_shops", 10_000, ";"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_come_to_an_end_in_bounded_time(shop: Catalog, name: str) -> None:
    facts = understand(HOSTILE[name], shop, Scope())  # the suite's own timeout is the bound: a clock decides nothing
    assert facts.touches or facts.unknown or not facts.literals_matter or facts.effects
    assert not any("could not be analysed" in reason for reason in facts.unknown), facts.unknown


def test_the_same_text_always_comes_to_the_same_end(shop: Catalog) -> None:
    text = HOSTILE["nested alternatives"]
    assert understand(text, shop, Scope()) == understand(text, shop, Scope())
    assert understand(text, shop, Scope()).unknown == ("takes longer to analyse than its budget allows",)


@pytest.mark.parametrize("name", ["1 MB of IN", "20,000 rows", "20,000 alternatives"])
def test_bulk_work_stays_within_its_budget(shop: Catalog, name: str) -> None:
    assert understand(HOSTILE[name], shop, Scope()).unknown == ()


def _steps(text: str, catalog: Catalog) -> int:
    parsed = parse(text)
    assert isinstance(parsed, Parsed)
    effort = Effort(len(text))
    before = effort.left
    reading = Reading(catalog, Scope(), HANDLERS, effort)
    for part, node in enumerate(parsed.statements):
        reading.begin(part)
        reading.statement(node, Level())
        settle(reading)
    return before - effort.left


FORMS: dict[str, Callable[[int], str]] = {
    "columns": lambda n: f"select {_many('id', n)} from orders",
    "tables": lambda n: f"select 1 from {_many('orders o#', n)} where {_many('o#.id = 1', n, ' and ')}",
    "with queries": lambda n: f"with {_many('c# as (select id from orders)', n)} select 1",
    "statements": lambda n: _many("select id from orders", n, ";"),
    "alternatives": lambda n: "delete from orders where " + _many("id = #", n, " or "),
    "triggers": lambda n: _many("delete from shops where id = #", n, ";"),
    "functions": lambda n: _many("select forget_twice(#)", n, ";"),
}


@pytest.mark.parametrize("form", FORMS)
def test_steps_grow_with_the_text_and_not_with_its_square(shop: Catalog, form: str) -> None:
    """What a budget per byte rests on: twice the text takes about twice the steps."""
    few, many = _steps(FORMS[form](500), shop), _steps(FORMS[form](1000), shop)
    assert 1.5 * few < many < 2.5 * few


def test_texts_for_the_event_loop_have_few_steps() -> None:
    assert Effort(LOOP_BYTES).left < 20_000, "a step takes about a microsecond, the loop waits 20 ms at most"

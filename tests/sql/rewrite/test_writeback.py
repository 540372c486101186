from __future__ import annotations

import re

import pytest
from rewritekit import SHOP, done, refused, sent

from tidewaiter.model import ColumnMask
from tidewaiter.sql.deparse import Tree, read_tree
from tidewaiter.sql.facts import understand
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite import Refused, Rewritten, labels_of, rewrite
from tidewaiter.sql.rewrite.writeback import NULL, reads_stored


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("insert into customers (id, ssn) values ($1, $2), (2, $3)", [2, 3]),
        ("insert into customers (id, ssn) select $1, $2", [2]),
        ("update customers set ssn = $1::text where id = $2", [1]),
        ("update customers set (name, ssn) = ($1, $2)", [2]),
        ("insert into customers (id) values (1) on conflict (id) do update set ssn = $1", [1]),
        ("merge into customers c using orders o on o.id = c.id when matched then update set ssn = $1", [1]),
        ("merge into customers c using orders o on false when not matched then insert (id, ssn) values (1, $1)", [1]),
        ("update customers set name = $1", []),
    ],
)  # fmt: skip
def test_parameters_that_become_values_of_masked_columns_are_noted(text: str, numbers: list[int]) -> None:
    made = done(text)
    assert isinstance(made, Rewritten), made
    assert made.guards == tuple((number, "ssn", "x....") for number in numbers)


@pytest.mark.parametrize(
    "text",
    [
        "update customers set ssn = coalesce($1, 'y')",
        "update customers c set ssn = v.s from unnest($1::int[], array['a']) as v(i, s) where c.id = v.i",
        "update customers c set ssn = v.ssn from (values (1, $1)) as v(id, ssn) where c.id = v.id",
        "insert into customers (id, ssn) select i, s from json_to_recordset($1) as v(i int, s text)",
        "insert into customers (id, ssn) select * from (values (1, $1)) as v",
        "with v as (select $1 as s) insert into customers (id, ssn) select 1, s from v",
        "merge into customers c using (values (1, $1)) v(i, s) on c.id = v.i when matched then update set ssn = v.s",
        "insert into customers (id, ssn) values (1, (select $1::text))",
    ],
)
def test_sources_without_relations_bring_constants_and_parameters(text: str) -> None:
    made = done(text)
    assert isinstance(made, Rewritten), made
    (guard,) = made.guards
    assert guard[:2] == (1, "ssn")
    for value in ("x4426", "{a,x4426}", '[{"i": 1, "s": "x4426"}]', '{"x4426","b"}', "\0\0\0\1\0\0\0\5x4426\0"):
        assert re.fullmatch(guard[2], value), value
    for value in ("4426", "{a,xx44265}", "box4426", '[{"s": "axe and more"}]'):
        assert not re.fullmatch(guard[2], value), value


@pytest.mark.parametrize(
    "text",
    [
        "update customers set ssn = reverse(ssn)",
        "update customers set ssn = 'x4426'",
        "update customers set (name, ssn) = ('n', 'x4426')",
        "update customers c set ssn = q.s from (select ssn as s from customers) q",
        "update customers c set ssn = o.status from orders o",
        "update customers set ssn = (select max(status) from orders)",
        "insert into customers (id, ssn) select 1, ssn from customers",
        "insert into customers (id, ssn) select 1, 'x4426'",
        "insert into customers (id, ssn) values (1, 'x4426')",
        "insert into customers (id, ssn) select * from (values (1, 'x4426')) v",
        "insert into customers (id, ssn) select * from unnest(array[1], '{x4426}'::text[])",
        "insert into customers (id, name, ssn) select 1, 'x', v.s from (values ('x4426')) v(s)",
        "insert into customers (id, name) values (1, 'x4426') on conflict (id) do update set ssn = excluded.name",
        "insert into customers (id, name) values (1, 'a') on conflict (id) do update set ssn = customers.email",
        "insert into customers (id, name) select 1, '' from orders on conflict (id) do update set ssn = excluded.name",
        "with q as (select status as s from orders) update customers set ssn = q.s from q",
        "with q as (delete from orders returning status) insert into customers (id, ssn) select 1, status from q",
        "merge into customers c using orders o on c.id = o.id when matched then update set ssn = o.status",
        "merge into customers c using orders o on false when not matched then insert (id, ssn) values (1, o.status)",
        "merge into customers c using orders o on c.id = o.id when matched then update set ssn = 'x4426'",
    ],
)  # fmt: skip
def test_what_was_read_is_not_written_into_masked_columns(text: str) -> None:
    assert refused(text) == "write-back"


@pytest.mark.parametrize(
    "text",
    [
        "insert into customers (id, name, ssn) select id, status, '123' from orders",
        "insert into customers (id, ssn) values (1, 'a') on conflict (id) do update set ssn = excluded.ssn",
        "insert into customers (id, ssn) select 1, '' on conflict (id) do update set ssn = excluded.ssn, name = 'x442'",
        "update customers c set ssn = lower(c.name) from orders o where o.id = c.id",
        "update customers set ssn = lower(name)",
        "update customers set ssn = default",
        "merge into customers c using orders o on c.id = o.id when matched then update set name = o.status, ssn = '12'",
        "insert into customers (id, name) select id, status from orders",
    ],
)
def test_other_values_are_written(text: str) -> None:
    assert sent(text)


@pytest.mark.parametrize(
    ("text", "is_stored"),
    [
        ("select * from (values (1)) v, unnest($1::int[])", False),
        ("with a as (select 1), b as (select * from a) select * from b", False),
        ("with recursive a as (select 1 union select * from a) select * from a", False),
        ("with a as (select * from b), b as (select 1) select * from a", True),
        ("with a as (select 1) select * from public.a", True),
        ("select (with a as (select 1) select 1 from a), (select 1 from a)", True),
        ("select (select 1 from orders)", True),
    ],
)
def test_a_query_reads_stored_relations_or_not(text: str, is_stored: bool) -> None:
    tree = read_tree(text)
    assert isinstance(tree, Tree)
    assert reads_stored(tree.statements[0]["stmt"], frozenset()) is is_stored


def test_a_null_that_the_mask_shows_is_not_written_over_the_real_value() -> None:
    labels = labels_of(SHOP, {("public", "customers"): {"ssn": ColumnMask("ssn", "NULL::pg_catalog.text")}})

    def made(text: str) -> Rewritten | Refused:
        return rewrite(text, understand(text, SHOP, Scope()), SHOP, Scope(), labels, "tw0q")

    for text in (
        "update customers set ssn = null",
        "update customers set (name, ssn) = ('n', null::text)",
        "insert into customers (id) values (1) on conflict (id) do update set ssn = null",
        "merge into customers c using orders o on c.id = o.id when matched then update set ssn = null",
    ):
        found = made(text)
        assert isinstance(found, Refused), text
        assert found.rule == "write-back"
    kept = made("update customers set ssn = $2::text where id = $1")
    assert isinstance(kept, Rewritten)
    assert kept.guards == ((2, "ssn", NULL),)
    for text in ("insert into customers (id, ssn) values (1, null)", "insert into customers (id, ssn) values (1, $1)"):
        found = made(text)
        assert isinstance(found, Rewritten)
        assert found.guards == ()
    assert isinstance(made("update customers set ssn = default"), Rewritten)
    assert sent("update customers set ssn = null")

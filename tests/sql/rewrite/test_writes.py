from __future__ import annotations

import pytest
from rewritekit import done, refused, sent

from tidewaiter.sql.rewrite import Rewritten

MASK = "('x' || pg_catalog.right(ssn, 4))::pg_catalog.text"


def test_what_a_write_reads_of_its_target_is_masked() -> None:
    text = sent("update customers set name = ssn where ssn = 'a' returning ssn")
    assert text == (f"UPDATE public.customers SET name = {MASK} WHERE {MASK} = 'a' RETURNING {MASK} AS ssn")
    made = done("delete from customers where id = 1")
    assert isinstance(made, Rewritten)
    assert made.is_raw


def test_returning_star_is_spelled_out() -> None:
    assert "RETURNING customers.id AS id, customers.name AS name, NULL::pg_catalog.text AS email" in sent(
        "update customers set name = 'x' returning *"
    )


def test_constants_and_parameters_can_be_written() -> None:
    assert sent("update customers set ssn = $1 where id = 1").startswith("UPDATE public.customers SET ssn = $1")
    assert "VALUES (1, 'a', '1')" in sent("insert into customers (id, name, ssn) values (1, 'a', '1')")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("update customers set ssn = reverse(ssn)", "write-back"),
        ("update customers set ssn = 'x4426'", "write-back"),
        ("update customers c set ssn = q.s from (select ssn as s from customers) q", "write-back"),
        ("insert into customers (id, ssn) select 1, ssn from customers", "write-back"),
        ("insert into customers (id, ssn) values (1, 'x4426')", "write-back"),
        ("update customers set name = 'x' returning customers", "raw-row"),
        ("delete from orders o using customers returning *, o", ""),
        ("merge into customers c using orders o on o.id = c.id when matched then delete", "merge"),
        ("update active_customers set name = 'x'", "write-view"),
        ("update pg_class set relname = 'x'", "write"),
    ],
)
def test_masked_values_are_never_written_back(text: str, rule: str) -> None:
    assert refused(text) == rule if rule else sent(text)


def test_a_subquery_in_a_write_stays_within_the_mask() -> None:
    text = sent("update customers set name = (with q as (select ssn as s) select s from q)")
    assert f"SELECT {MASK} AS s" in text


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("insert into customers (id, ssn) values ($1, $2), (2, $3)", [2, 3]),
        ("insert into customers (id, ssn) select $1, $2", [2]),
        ("update customers set ssn = $1::text where id = $2", [1]),
        ("update customers set (name, ssn) = ($1, $2)", [2]),
        ("update customers set ssn = coalesce($1, 'x')", [1]),
        ("insert into customers (id) values (1) on conflict (id) do update set ssn = $1", [1]),
        ("update customers set name = $1", []),
    ],
)
def test_parameters_that_become_values_of_masked_columns_are_noted(text: str, numbers: list[int]) -> None:
    made = done(text)
    assert isinstance(made, Rewritten), made
    assert made.guards == tuple((number, "ssn", "x....") for number in numbers)


def test_a_row_of_constants_that_looks_masked_is_not_written() -> None:
    assert refused("update customers set (name, ssn) = ('n', 'x4426')") == "write-back"
    assert refused("insert into customers (id, ssn) select 1, 'x4426'") == "write-back"

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
        ("update pg_class set relname = 'x'", "write"),
    ],
)
def test_masked_values_are_never_written_back(text: str, rule: str) -> None:
    assert refused(text) == rule if rule else sent(text)


def test_a_subquery_in_a_write_stays_within_the_mask() -> None:
    text = sent("update customers set name = (with q as (select ssn as s) select s from q)")
    assert f"SELECT {MASK} AS s" in text


def test_merge_reads_its_target_through_masks_and_not_where_it_is_not_seen() -> None:
    text = sent(
        "merge into customers c using orders ssn on c.id = ssn.id and c.ssn = 'a' "
        "when matched and c.ssn > 'b' then update set name = c.ssn "
        "when not matched then insert (id, name) values (ssn.id, ssn) returning c.ssn"
    )
    mask = MASK.replace("ssn", "c.ssn")
    assert f"ON c.id = ssn.id AND {mask} = 'a'" in text
    assert f"WHEN MATCHED AND {mask} > 'b' THEN UPDATE SET name = {mask}" in text
    assert "VALUES (ssn.id, ssn)" in text  # the target is not seen there: the source's row
    assert text.endswith(f"RETURNING {mask} AS ssn")


def test_the_source_of_a_merge_is_masked_as_any_relation() -> None:
    text = sent("merge into orders o using customers c on o.id = c.id when matched then update set status = c.ssn")
    assert "USING (SELECT id, ('x' ||" in text


def test_returning_star_with_other_relations_is_spelled_out() -> None:
    text = sent("update customers c set name = 'x' from orders o, (select 1 as a) q where o.id = c.id returning *")
    assert "RETURNING c.id AS id" in text
    assert text.endswith("o.*, q.*")
    text = sent("merge into customers c using orders o on o.id = c.id when matched then delete returning *")
    assert "RETURNING o.*, c.id AS id" in text
    assert refused("delete from customers c using orders join hr.employees using (id) returning *") == "raw-row"


def test_simple_views_are_written_through_and_others_are_not() -> None:
    assert sent("update active_customers set name = 'x' where id = 1 returning id").startswith(
        "UPDATE public.active_customers SET name = 'x' WHERE id = 1 RETURNING"
    )

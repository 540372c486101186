from __future__ import annotations

import pytest
from rewritekit import done, refused, sent

from tidewaiter.sql.rewrite import Rewritten


def test_only_columns_that_the_text_can_notice_are_listed() -> None:
    assert "name" not in sent("select ssn from customers")
    assert "deleted_at" in sent("select c from customers c")


def test_a_predicate_on_a_masked_column_is_fenced() -> None:
    assert "OFFSET 0" in sent("select id from customers where ssn like '7%'")
    assert "OFFSET 0" not in sent("select upper(ssn) from customers where id = 1")


def test_a_common_table_expression_hides_a_relation_of_its_name() -> None:
    text = sent("with customers as (select ssn from customers) select ssn from customers")
    assert text.count("public.customers") == 1
    assert text.endswith("SELECT ssn FROM customers")


def test_system_columns_sampling_and_only_go_into_the_subquery() -> None:
    assert "ctid FROM public.customers" in sent("select ctid, ssn from customers")
    assert "FROM public.customers TABLESAMPLE system(10)" in sent("select ssn from customers tablesample system (10)")
    assert "FROM ONLY public.customers" in sent("select ssn from only customers")


def test_views_are_masked_at_their_output_or_read_by_their_definition() -> None:
    assert "FROM public.active_customers" in sent("select id, name from active_customers")
    made = done("select email from active_customers")
    assert isinstance(made, Rewritten)
    assert made.late[0].path == ("public", "active_customers")
    assert "FROM public.customers OFFSET 0" in sent("select * from customer_rows")


@pytest.mark.parametrize("name", ["pg_statistic", "pg_authid", "pg_shadow", "pg_largeobject"])
def test_catalogs_that_hold_data_are_hidden(name: str) -> None:
    assert refused(f"select * from {name}") == "hidden-catalog"


def test_statistics_are_masked_columns() -> None:
    assert "NULL::pg_catalog.text AS histogram_bounds" in sent("select histogram_bounds from pg_stats")

from __future__ import annotations

import pytest
from rewritekit import refused, sent


def test_a_name_that_somebody_overloaded_means_the_built_in() -> None:
    assert "pg_catalog.lower(name)" in sent("select lower(name) from customers")


def test_a_built_in_that_nobody_overloaded_yet_means_itself() -> None:
    assert "pg_catalog.upper(name)" in sent("select upper(name) from customers")
    assert "pg_catalog.max(id)" in sent("select max(id) from customers")


def test_what_is_syntax_only_without_a_schema_stays_so() -> None:
    several = sent("select * from customers, unnest(array[1], array['a']) u(a, b)")
    assert " unnest(" in several and "pg_catalog.unnest" not in several
    assert "pg_catalog.unnest(" in sent("select * from customers, unnest(array[1]) u(a)")


def test_types_are_named_with_their_schema() -> None:
    assert "::pg_catalog.text" in sent("select 1::text")
    assert "::public.mood" in sent("select 'ok'::mood")


def test_column_in_function_notation_is_a_field() -> None:
    assert "(customers).ssn" in sent("select ssn(customers) from customers")


@pytest.mark.parametrize(
    "call",
    ["purge()", "query_to_xml('x', true, true, '')", "pg_read_file('x')", "pg_stat_get_activity(1)", "lo_get(1)",
     "set_config('role', 'x', true)", "set_config(name, 'x', true)"],
)  # fmt: skip
def test_functions_that_read_by_name_or_change_the_session_are_refused(call: str) -> None:
    assert refused(f"select {call} from customers") in ("function", "setting", "unknown")


def test_a_case_and_a_join_are_followed() -> None:
    assert "CASE WHEN" in sent("select case when ssn like '7%' then 1 end from customers")
    assert "USING (id)" in sent("select 1 from customers join orders using (id)")


def test_operators_of_somebody_are_never_called() -> None:
    assert refused("select id from orders a where a === any (select b from orders b)") in ("operator", "function")

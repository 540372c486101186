from __future__ import annotations

from dataclasses import replace

import pytest

from tidewaiter.sql.bodies import MOST_BYTES, read_body
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import Function
from tidewaiter.sql.facts import HANDLERS
from tidewaiter.sql.reading import Reading, Scope


def reading_of(catalog: Catalog, *path: str) -> Reading:
    return Reading(catalog, Scope(path or ("pg_catalog", "public")), HANDLERS)


def in_sql(body: str, **known: object) -> Function:
    function = Function("public", "f", 1, body=body, parameters=("customer", "row_of"))
    return replace(function, **known)  # type: ignore[arg-type]


def touched(catalog: Catalog, function: Function, *path: str) -> list[tuple[str, ...]]:
    body = read_body(reading_of(catalog, *path), function)
    assert body.is_understood, body.reason
    return [(entry.action, *entry.resource.path, *sorted(entry.columns)) for entry in body.entries]


def test_parameters_are_what_nothing_nearer_explains(shop: Catalog) -> None:
    body = "select name from customers where id = customer and f.customer = $1 and (row_of).id = row_of.id"
    assert touched(shop, in_sql(body)) == [("select", "public", "customers", "id", "name")]


def test_columns_come_before_parameters_of_the_same_name(shop: Catalog) -> None:
    function = in_sql("select status from orders", parameters=("status",))
    assert touched(shop, function) == [("select", "public", "orders", "status")]


def test_names_mean_what_the_callers_path_makes_of_them(shop: Catalog) -> None:
    assert touched(shop, in_sql("table orders"), "pg_catalog", "shadow", "public") == [("select", "shadow", "orders")]
    assert touched(shop, in_sql("table orders"), "pg_catalog", "public") == [("select", "public", "orders")]


def test_a_path_of_its_own_comes_first(shop: Catalog) -> None:
    function = in_sql("table orders", settings=("search_path=shadow, pg_temp",))
    assert touched(shop, function) == [("select", "shadow", "orders")]


def test_with_its_owners_rights_any_schema_of_the_path_may_be_out_of_reach(shop: Catalog) -> None:
    function = in_sql("table orders", security_definer=True, owner="hr")
    assert touched(shop, function, "pg_catalog", "shadow", "public") == [
        ("select", "shadow", "orders"),
        ("select", "public", "orders"),
    ]


def test_bodies_that_the_server_prints_need_no_path(shop: Catalog) -> None:
    atomic = in_sql("BEGIN ATOMIC\n SELECT id FROM public.orders;\n DELETE FROM hr.employees;\nEND")
    assert touched(shop, atomic, "hr") == [("select", "public", "orders", "id"), ("delete_all", "hr", "employees")]
    expression = in_sql("RETURN ( SELECT count(*) FROM public.orders)")
    assert touched(shop, expression) == [("select", "public", "orders")]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (in_sql("select from nowhere"), "relation nowhere is not in the catalog"),
        (in_sql("selekt 1"), "not readable"),
        (in_sql("BEGIN ATOMIC selekt 1; END"), "not readable"),
        (in_sql("commit"), "transaction control"),
        (in_sql("select 1", settings=("standard_conforming_strings=off",)), "it sets standard_conforming_strings"),
        (in_sql("select 1", settings=("role=postgres",)), "it sets role"),
        (in_sql("select 1" + " " * MOST_BYTES), f"longer than {MOST_BYTES} characters"),
    ],
)
def test_what_is_not_understood_has_a_reason(shop: Catalog, function: Function, reason: str) -> None:
    body = read_body(reading_of(shop), function)
    assert not body.is_understood
    assert body.reason == reason


def test_after_a_change_of_the_path_a_body_that_follows_it_is_not_understood(shop: Catalog) -> None:
    reading = reading_of(shop)
    reading.path_changed = True
    assert not read_body(reading, in_sql("table orders")).is_understood
    assert read_body(reading, in_sql("table orders", settings=("search_path=public",))).is_understood
    reading.path = None
    assert not read_body(reading, in_sql("table orders")).is_understood


def test_functions_that_run_before_a_later_statement_is_read_are_noted(shop: Catalog) -> None:
    body = read_body(reading_of(shop), in_sql("select purge(); select order_total(1)"))
    assert body.early == {("public", "purge")}


def test_a_body_is_read_once_per_snapshot_and_path(shop: Catalog) -> None:
    catalog = replace(shop, remembered={})
    function = in_sql("table orders")
    first = read_body(reading_of(catalog), function)
    assert read_body(reading_of(catalog), function) is first
    assert read_body(reading_of(catalog, "shadow"), function) is not first
    private = Reading(catalog, Scope(created={("pg_temp", "t"): shop.relations[("public", "orders")]}), HANDLERS)
    assert read_body(private, function) is not first, "what a session made counts for it alone"

from __future__ import annotations

import pytest

from tidewaiter.model import EffectKind, Relation
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand


def created(text: str, catalog: Catalog, scope: Scope | None = None) -> Relation:
    found = [
        one.relation for one in understand(text, catalog, scope or Scope()).effects if one.kind is EffectKind.CREATE
    ]
    assert found[0] is not None
    return found[0]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("create table t as select id, name as n, upper(name) from customers", ("id", "n", "upper")),
        ("create table t as select * from customers", ("id", "name", "email", "ssn", "deleted_at")),
        ("create table t (a, b) as select id, name, ssn from customers", ("a", "b", "ssn")),
        ("create table t as select id + 1 from customers", ()),
        ("create table t as select x.* from (select 1) x", ()),
        ("create table t as table people union table people", ()),
        ("select id into t from orders", ("id",)),
    ],
)
def test_columns_follow_from_the_query_or_are_not_known(shop: Catalog, text: str, columns: tuple[str, ...]) -> None:
    assert created(text, shop).columns == columns


def test_new_relations_are_where_the_path_puts_them(shop: Catalog) -> None:
    assert created("create table t (a integer)", shop).schema == "public"
    assert created("create table hr.t (a integer)", shop).schema == "hr"
    assert created("create temp table t (a integer)", shop).schema == "pg_temp"
    assert created("create table pg_temp.t (a integer)", shop).schema == "pg_temp"
    assert created("create table t (a integer)", shop, Scope(("pg_catalog", "hr", "public"))).schema == "hr"


def test_a_view_is_made_of_what_it_reads(shop: Catalog) -> None:
    view = created("create view v as select name from active_customers", shop)
    assert view.kind == "v"
    assert ("public", "customers") in view.base


def test_a_plan_creates_nothing(shop: Catalog) -> None:
    assert understand("explain create table t as select 1", shop, Scope()).effects == ()
    assert understand("explain analyze create table t as select 1", shop, Scope()).effects != ()

from __future__ import annotations

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("create table t (a integer)", ("create",)),
        ("create table t (a integer references customers)", ("create", "alter")),
        ("create table t (like customers)", ("select", "create")),
        ("create index on orders (total)", ("create",)),
        ("create publication p for table orders", ("create", "select")),
        ("create rule r as on insert to orders do instead delete from people", ("alter", "delete_all")),
        ("create role ada", ("alter_role",)),
        ("alter system set work_mem = 1", ("system", "set")),
        ("alter database shop set search_path = x", ("alter", "set")),
    ],
)
def test_definitions_are_in_the_policies_words(shop: Catalog, text: str, verbs: tuple[str, ...]) -> None:
    assert understand(text, shop, Scope()).verbs == verbs


@pytest.mark.parametrize(
    "text",
    [
        "create table t (a integer default purge())",
        "create table t (a integer check (purge() > 0))",
        "create table t (a integer generated always as (purge()) stored)",
        "create table t partition of payments for values from (purge()) to ('2030-01-01')",
        "create index on orders ((purge())) where purge() > 0",
        "create domain d as integer check (purge() > 0)",
        "create domain d as integer default purge()",
        "create statistics s on (purge()), id from orders",
        "create policy p on orders using (purge() > 0)",
        "create function f(a integer default purge()) returns integer language sql as 'select 1'",
        "create view v as select purge()",
        "create trigger t before insert on orders for each row when (purge() > 0) execute function log_change()",
        "create rule r as on insert to orders where purge() > 0 do nothing",
        "create schema s create table t (a integer default purge())",
    ],
)
def test_functions_in_a_definitions_expressions_are_asked_for(shop: Catalog, text: str) -> None:
    assert ("public", "purge") in {touch.resource.path for touch in understand(text, shop, Scope()).touches}


def test_what_a_definition_makes_is_known_to_the_rest_of_the_text(shop: Catalog) -> None:
    assert understand("create table t (a integer); select a from t", shop, Scope()).unknown == ()

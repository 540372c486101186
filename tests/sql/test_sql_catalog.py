from __future__ import annotations

from typing import Any

import pytest

from tidewaiter.model import Relation, SyntaxFault
from tidewaiter.sql.catalog import QUERIES, Catalog, Reach, grown, identifier, quoted
from tidewaiter.sql.entities import RowGuard
from tidewaiter.sql.parse import parse


def relation(name: str, kind: str = "r", *columns: str, partition: bool = False) -> list[Any]:
    return ["public", name, kind, list(columns), [], partition]


def uses(view: str, used: str, *columns: str | None, whole: bool = False) -> list[Any]:
    return ["public", view, "public", used, list(columns), whole]


def test_equal_rows_have_equal_versions_and_others_do_not() -> None:
    rows = {"relations": [relation("t", "r", "a")]}
    assert Catalog.from_rows(rows).version == Catalog.from_rows(rows).version
    assert Catalog.from_rows(rows).version != Catalog.from_rows({"relations": [relation("t", "r", "b")]}).version
    assert Catalog.from_rows(rows).version != Catalog.from_rows({"relations": [relation("u", "r", "a")]}).version


def test_rows_may_be_tuples_or_lists() -> None:
    assert Catalog.from_rows({"schemas": [("public",)]}).version == Catalog.from_rows({"schemas": [["public"]]}).version


def test_what_did_not_change_is_taken_from_the_catalog_before() -> None:
    rows = {name: list[Any]() for name in QUERIES} | {"relations": [relation("t", "r", "a"), relation("u", "r", "a")]}
    before = grown(None, rows, (), 1)
    after = grown(before, {**rows, "relations": [relation("t", "r", "a"), relation("u", "r", "b")]}, ("relations",), 2)
    assert after.relations[("public", "t")] is before.relations[("public", "t")]
    assert after.relations[("public", "u")].columns == ("b",)
    assert after.oids is before.oids


def test_names_resolve_along_the_path_or_in_their_schema(shop: Catalog) -> None:
    found = shop.find("orders", None, ("pg_catalog", "shadow", "public"))
    assert found is not None
    assert found.schema == "shadow"
    assert shop.find("orders", "public", ()) == shop.relations[("public", "orders")]
    assert shop.find("orders", None, ("hr",)) is None
    assert shop.find("orders", "hr", ("public",)) is None
    assert shop.find("pg_class", None, ("pg_catalog", "public")) is not None


def test_functions_resolve_along_the_path_or_in_their_schema(shop: Catalog) -> None:
    assert [one.path for one in shop.find_functions("purge", None, ("public",))] == [("public", "purge")]
    assert shop.find_functions("purge", None, ("hr",)) == ()
    assert shop.find_functions("raise_all", "hr", ())[0].security_definer
    assert shop.find_functions("no_such", None, ("public",)) == ()


def test_functions_are_found_by_oid_built_in_ones_too(shop: Catalog) -> None:
    (purge,) = shop.find_functions("purge", None, ("public",))
    assert shop.function_by_oid(purge.oid) == ("public", "purge")
    assert shop.function_by_oid(764) == ("pg_catalog", "lo_import")
    assert shop.function_by_oid(1) is None


def test_views_reach_their_tables_at_any_depth_with_columns() -> None:
    rows = {
        "relations": [relation("t", "r", "a", "b"), relation("v", "v", "a"), relation("w", "v", "a")],
        "view_uses": [uses("v", "t", "a"), uses("w", "v", "a")],
    }
    catalog = Catalog.from_rows(rows)
    assert catalog.reaches[("public", "w")] == (
        Reach(("public", "v"), ("public.w",), ("a",)),
        Reach(("public", "t"), ("public.w", "public.v"), ("a",)),
    )
    assert catalog.relations[("public", "w")] == Relation("public", "w", "v", ("a",), (("public", "t"),))


def test_several_ways_to_a_table_are_one_reach_by_the_shortest_way() -> None:
    rows = {
        "relations": [relation("t"), relation("v", "v"), relation("w", "v")],
        "view_uses": [uses("w", "t", "b"), uses("w", "v", "a"), uses("v", "t", "a")],
    }
    reaches = {reach.path: reach for reach in Catalog.from_rows(rows).reaches[("public", "w")]}
    assert reaches[("public", "t")] == Reach(("public", "t"), ("public.w",), ("a", "b"))


@pytest.mark.parametrize("use", [uses("v", "t", None), uses("v", "t", "a", whole=True)])
def test_a_view_without_single_columns_or_with_a_whole_row_reaches_all(use: list[Any]) -> None:
    rows = {"relations": [relation("t"), relation("v", "v")], "view_uses": [use]}
    (reach,) = Catalog.from_rows(rows).reaches[("public", "v")]
    assert reach.star


def test_a_partition_reaches_its_table_with_its_own_columns() -> None:
    rows = {
        "relations": [relation("p", "p"), relation("p1", "r", partition=True), relation("v", "v")],
        "inheritance": [["public", "p1", "public", "p"]],
        "view_uses": [uses("v", "p1", "a")],
    }
    catalog = Catalog.from_rows(rows)
    assert catalog.reaches[("public", "p1")] == (Reach(("public", "p"), ("public.p1",), mirrors=True),)
    assert catalog.reaches[("public", "v")][1] == Reach(("public", "p"), ("public.v", "public.p1"), ("a",))
    assert catalog.partitions[("public", "p")] == (("public", "p1"),)
    assert catalog.heirs == {}


def test_inheritance_children_at_any_depth_are_heirs() -> None:
    rows = {
        "relations": [relation("a"), relation("b"), relation("c")],
        "inheritance": [["public", "b", "public", "a"], ["public", "c", "public", "b"]],
    }
    assert Catalog.from_rows(rows).heirs[("public", "a")] == (("public", "b"), ("public", "c"))


def test_views_that_use_each_other_end() -> None:
    rows = {"view_uses": [uses("v", "w", "a"), uses("w", "v", "a")]}
    catalog = Catalog.from_rows(rows)
    assert [reach.path for reach in catalog.reaches[("public", "v")]] == [("public", "w")]
    assert catalog.dependents[("public", "v")] == (("public", "w"),)


def test_a_name_is_volatile_when_one_of_its_functions_is() -> None:
    rows = {"builtins": [["pg_catalog", "f", [1], True], ["information_schema", "f", [2], False]]}
    assert Catalog.from_rows(rows).builtins == {"f": True}


def test_a_function_of_a_view_below_is_called_through_it() -> None:
    rows = {
        "relations": [relation("v", "v"), relation("w", "v")],
        "view_uses": [uses("w", "v", "a")],
        "view_calls": [["public", "v", "public", "f"]],
    }
    calls = Catalog.from_rows(rows).calls
    assert calls[("public", "v")] == ((("public", "f"), ("public.v",)),)
    assert calls[("public", "w")] == ((("public", "f"), ("public.w", "public.v")),)


def test_paths_are_quoted_where_sql_would() -> None:
    assert quoted(("public", "customers")) == "public.customers"
    assert identifier("a") == '"a"'
    assert quoted(("Sales", 'a"b', "x y", "1a", "é")) == '"Sales"."a""b"."x y"."1a"."é"'


def test_every_query_says_where_its_names_come_from() -> None:
    assert all("pg_" in query for query in QUERIES.values())


def test_a_cast_needs_a_relation_that_brings_its_source_type() -> None:
    rows: dict[str, list[list[object]]] = {
        "casts": [
            ["text", "public", "f", "t", False, "e", ""],
            ["text", "public", "g", "int4", True, "i", ""],
            ["text", "public", "h", "t", False, "e", "hstore"],
        ],
        "cast_sources": [["t", "public", "t"], ["t", "public", "holder"]],
    }
    mine, system = Catalog.from_rows(rows).casts["text"]
    assert mine.relations == frozenset({("public", "t"), ("public", "holder")})
    assert system.relations is None
    assert system.is_implicit
    assert not mine.is_implicit


def test_a_column_is_known_with_the_type_that_a_cast_names(shop: Catalog) -> None:
    columns = {column.name: column for column in shop.columns["public", "customers"]}
    assert (columns["ssn"].number, columns["ssn"].type, columns["ssn"].base) == (4, "pg_catalog.text", "text")
    assert columns["deleted_at"].type == "timestamp with time zone"
    amount = next(column for column in shop.columns["public", "offers"] if column.name == "amount")
    assert (amount.type, amount.base, amount.is_constrained) == ("public.price", "numeric", True)


def test_keys_guarded_columns_and_view_texts_are_known(shop: Catalog) -> None:
    assert shop.primary_keys["public", "customers"] == ("id",)
    assert set(shop.guards["public", "shelves"]) == {
        RowGuard("unique", frozenset({"shop", "label"})),
        RowGuard("referenced", frozenset({"shop", "label"})),
        RowGuard("references", frozenset({"shop"}), ("public", "shops"), frozenset({"id"})),
    }
    assert {(one.kind, one.columns) for one in shop.guards["public", "prices"]} == {
        ("check", frozenset({"amount"})),
        ("policy", frozenset({"amount", "owner"})),
    }
    assert "FROM public.customers" in shop.view_definitions["public", "active_customers"]
    assert (("public", "payments_2026"), ("public", "payments")) in shop.inheritance


def test_a_body_that_is_not_printed_is_not_understood() -> None:
    assert isinstance(parse("?"), SyntaxFault)
    assert isinstance(parse("create function f() returns void language sql ?"), SyntaxFault)

"""Catalogs from declarations."""

from __future__ import annotations

import runpy
from pathlib import Path

from tidewaiter.model import Facts
from tidewaiter.sql.declared import SYSTEM, declared
from tidewaiter.sql.entities import Function
from tidewaiter.sql.facts import Scope, understand

SCRIPTS = Path(__file__).parents[2] / "scripts"
CATALOG = declared(
    {("public", "orders"): ("id", "total")},
    (Function("hr", "opaque", language="plpgsql"), Function("hr", "plain", body="select total from public.orders")),
)


def facts(sql: str) -> Facts:
    return understand(sql, CATALOG, Scope(("pg_catalog", "public"), {}, {}, {}))


def test_tables_and_built_ins_are_known() -> None:
    found = facts("select count(*), max(total), now(), total::text from orders join pg_class on oid = id")
    assert (found.unknown, found.fault) == ((), None)
    assert {touch.resource.path for touch in found.touches} == {("public", "orders"), ("pg_catalog", "pg_class")}


def test_what_is_not_declared_is_not_known() -> None:
    assert facts("select * from nowhere").fault is not None
    assert facts("select nothing()").unknown


def test_functions_are_what_they_are_declared_to_be() -> None:
    assert [touch.traits for touch in facts("select hr.opaque()").touches if touch.action == "function"] == [
        ("opaque", "volatile")
    ]
    assert ("public", "orders") in {touch.resource.path for touch in facts("select hr.plain()").touches}


def test_the_packaged_rows_are_those_of_the_corpus() -> None:
    made = runpy.run_path(str(SCRIPTS / "system_catalog.py"))["made"]
    assert SYSTEM.read_bytes() == made(), "run `python scripts/system_catalog.py`"


def test_columns_have_the_types_that_they_are_declared_with() -> None:
    catalog = declared({("public", "t"): ("id int", "born date", "at timestamptz", "name", "odd kind", "n NUMERIC")})
    assert catalog.relations["public", "t"].columns == ("id", "born", "at", "name", "odd kind", "n")
    found = {one.name: (one.number, one.type, one.base) for one in catalog.columns["public", "t"]}
    assert found == {
        "id": (1, "integer", "int4"),
        "born": (2, "pg_catalog.date", "date"),
        "at": (3, "timestamp with time zone", "timestamptz"),
        "name": (4, "pg_catalog.text", "text"),
        "odd kind": (5, "pg_catalog.text", "text"),
        "n": (6, "numeric", "numeric"),
    }
    assert list(catalog.relation_oids.values()) == [("public", "t")]

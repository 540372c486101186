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

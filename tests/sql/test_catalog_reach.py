"""How far definitions reach, as the database tells what changed: by names, whatever these were meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import asyncpg
import pytest
from test_catalog_mirror import source

from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.proxy import catalogs
from tidewaiter.sql.catalog_reach import Reach, reach

connect: Callable[..., Any] = asyncpg.connect  # asyncpg has no types

PREPARED = """
drop schema if exists r, gone cascade; create schema r; set search_path = r;
create function called() returns integer language sql begin atomic select 1; end;
create function calling() returns integer language sql begin atomic select r.called(); end;
create function fire() returns trigger language plpgsql as 'begin return new; end';
create domain low as integer check (value < 9);
create domain lower_still as low;
create type pair as (a integer, b text);
create table parent (id integer, x text) partition by range (id);
create table part partition of parent for values from (0) to (9);
create table lone (id integer, x text);
create table plain (id integer, x text);
create table holding (p pair[], l lower_still);
create table fired (id integer);
create trigger t before insert on fired for each row execute function fire();
create view over as select x from plain;
create view calls as select called() as c;
"""


def of(*relations: str, types: str = "", functions: str = "", kin: str = "", schemas: str = "") -> Reach:
    paths = (frozenset(("r", name) for name in names) for names in (relations, types.split(), kin.split()))
    found, held, tables = paths
    return Reach(found, held, frozenset(functions.split()), tables, frozenset(schemas.split()))


CASES: Mapping[str, tuple[Reach, ...]] = {
    "create table r.new (id integer); drop table r.new": (of(),),
    "create table r.new (id integer)": (of("new", kin="new"),),
    "drop table r.lone": (of("lone", kin="lone"),),
    "drop table r.lone; create table r.lone (id integer)": (of("lone", kin="lone"),),
    "grant select on r.plain to public": (of("plain", "over"),),
    "alter table r.plain add y text; alter table r.plain drop y": (of("plain", "over", kin="plain"),),
    "create or replace view r.over as select id::text as x from r.plain": (of("plain", "over"), of("over")),
    "alter table r.parent attach partition r.lone for values from (10) to (19);"
    " alter table r.parent detach partition r.lone": (of("lone", kin="lone"),),
    "grant usage on schema r to public": (of(schemas="r", functions="called calling"),),
    "alter schema r rename to gone": (of(schemas="r gone", functions="called calling"),),
    "create schema gone": (of(),),
    "create temporary table mine (id integer primary key, x text default 'x')": (of(),),
    "create function pg_temp.mine() returns integer language sql as 'select 1'": (of(),),
    "create function r.new() returns integer language sql as 'select 1'": (of(functions="new"),),
    "drop function r.calling()": (of(functions="calling"),),
    "create or replace function r.called() returns integer language sql begin atomic select 2; end": (
        of("calls", functions="called calling"),
    ),
    "create or replace function r.fire() returns trigger language plpgsql as 'begin return null; end'": (
        of("fired", functions="fire"),
    ),
    "create operator r.=== (leftarg = integer, rightarg = integer, function = int4eq)": (
        Reach(operators=frozenset({"==="})),
    ),
    "create type r.new as (a integer)": (of(),),
    "drop domain r.low cascade": (of("holding", types="low lower_still", kin="holding"),),
    "alter domain r.low add check (value > 1)": (of("holding", types="low lower_still"),),
    "alter domain r.low drop constraint low_check": (of(types="low lower_still"),),
    "alter type r.pair rename to two": (of("holding", types="pair two"),),
}


async def reached(server: EmbeddedPostgres, texts: Iterable[str], told: list[Reach]) -> list[list[Reach]]:
    """What a watch is told of each text's definitions, which it does not see one by one."""
    watch = catalogs.CatalogWatch(source(server), server.password, clock_s=lambda: 0.0)
    connection = await connect(dsn=server.dsn())
    found = []
    try:
        for text in texts:
            await connection.execute(PREPARED)
            await watch.refresh()
            told.clear()
            await connection.execute(f"begin; {text}; commit")
            await watch.refresh()
            found.append(list(told) or [Reach()])
    finally:
        await connection.close()
        await watch.close()
    return found


def test_definitions_reach_what_they_are_about(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Reach] = []

    def telling(*asked: Any) -> Reach:
        told.append(reach(*asked))
        return told[-1]

    monkeypatch.setattr(catalogs, "reach", telling)
    found = asyncio.run(reached(server, CASES, told))
    assert {text: ones for text, ones in zip(CASES, found, strict=True) if ones[0] not in CASES[text]} == {}

"""After any definitions the catalog that was kept by what changed is the one that is read anew, on 15 and on 18."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tidewaiter.config import Address, Datasource
from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.proxy.catalogs import CatalogWatch
from tidewaiter.proxy.overlays import Reader
from tidewaiter.proxy.probe import SURROUNDINGS, Question, Surroundings
from tidewaiter.sql.catalog_mirror import (
    Amendment,
    Keys,
    Mirror,
    amended,
    amendment,
    changed_types,
    differs,
    system,
    whole,
)
from tidewaiter.sql.catalog_reading import LISTS, SECTIONS, Changes, Entry, Row, answered, statement

connect: Callable[..., Any] = asyncpg.connect  # asyncpg has no types

NAMES = ("t0", "t1", "t2")
VIEWS = ("v0", "1259:(0,1):7")
POOLS: Mapping[str, tuple[str, ...]] = {
    "s": ("a", "b"),
    "t": NAMES,
    "u": NAMES,
    "v": VIEWS,
    "r": (*NAMES, *VIEWS),
    "f": ("f0", "f1"),
    "k": ("id", "x", "y"),
    "y": ("integer", "text[]", "numeric(8,2)", "a.d0", "a.e0[]", "a.c0", "a.d1", "a.t0", "a.c2[]", "a.r1"),
}
DEFINITIONS = """
create table {s}.{t} (id integer primary key, x text not null, y {y})
create table {s}.{t} (id integer, x text, y integer) partition by list (id)
create table {s}.{t} partition of {s}.{u} for values in (1, 2)
create table {s}.{t} () inherits ({s}.{u})
create table {s}.{t} (id integer generated always as identity, x text unique, y integer references a.{u})
create table {s}.{t} as select 1 as id, 'x' as x
create temporary table t0 (id integer, y a.d0)
drop table pg_temp.t0
alter table {s}.{t} add column y {y}
alter table {s}.{t} add column z integer generated always as (a.f0(id)) stored
alter table {s}.{t} drop column {k} cascade
alter table {s}.{t} rename column {k} to z
alter table {s}.{t} rename column z to {k}
alter table {s}.{t} alter column {k} type {y} using null
alter table {s}.{t} alter column {k} set not null
alter table {s}.{t} alter column {k} set default a.f0(1)
alter table {s}.{t} alter column {k} drop default
alter table {s}.{t} add check (a.f0(id) > 0)
alter table {s}.{t} add constraint c unique ({k})
alter table {s}.{t} drop constraint c cascade
alter table {s}.{t} add constraint c foreign key (id) references a.{u}
alter table {s}.{t} inherit {s}.{u}
alter table {s}.{t} no inherit {s}.{u}
alter table {s}.{t} attach partition {s}.{u} for values in (7)
alter table {s}.{t} detach partition {s}.{u}
alter table {s}.{t} rename to {u}
alter table {s}.{t} set schema b
alter table {s}.{t} enable row level security
alter table {s}.{t} disable trigger all
drop table {s}.{t} cascade
truncate {s}.{t} cascade
create view {s}.{v} as select * from {s}.{t}
create view {s}.{v} as select a.f0(id) as id, e from {s}.{t} as e
create or replace view {s}.{v} as select 1 as id, 'y'::a.e0 as e
create or replace view {s}.{v} as select a.f1(id) as id from a.{r}
create materialized view {s}.{v} as select id from {s}.{t}
alter view {s}.{v} rename to v1
drop view {s}.{v} cascade
create rule w as on insert to {s}.{r} do also select a.f0(1), * from a.{t}
alter rule w on {s}.{r} rename to w2
drop rule w on {s}.{r}
create trigger g before insert on {s}.{t} for each row execute function a.fire()
alter trigger g on {s}.{t} rename to g2
drop trigger g on {s}.{t}
create policy p on {s}.{t} using (id in (select id from a.{u}))
alter policy p on {s}.{t} using (a.f0(1) > 0)
drop policy p on {s}.{t}
create index on {s}.{t} (a.f0(id))
create unique index i on {s}.{t} ({k})
create index i on {s}.{t} ({k} a.by_cmp)
create index i on {s}.{t} using gist ({k})
alter index {s}.i rename to i2
alter index {s}.i2 rename to i
drop index {s}.i
reindex table {s}.{t}
cluster {s}.{t} using i
alter table {s}.{t} rename constraint c to c9
create statistics {s}.st on (a.f0(id)), x from {s}.{t}
create or replace function a.{f}(integer) returns integer language sql immutable as 'select 1'
create or replace function a.{f}(integer) returns integer language sql immutable begin atomic select 2; end
create or replace function b.{f}(a.{t}) returns integer language sql as 'select 1'
create or replace function a.{f}(n integer default a.f1(1)) returns integer language plpgsql as 'begin end'
alter function a.{f}(integer) rename to f9
alter function a.f9(integer) rename to {f}
drop function a.{f}(integer) cascade
create aggregate a.agg(integer) (sfunc = int4pl, stype = integer)
create domain a.d0 as integer check (value > 0)
create domain a.d1 as a.d0 check (a.f0(value) > 0)
alter domain a.d0 add check (a.f0(value) < 9)
alter domain a.d0 add check (a.f0(value) < 8) not valid
alter domain a.d0 rename to d2
drop domain a.d0 cascade
create type a.e0 as enum ('x', 'y')
alter type a.e0 add value 'z'
alter type a.e0 rename value 'y' to 'yes'
drop type a.e0 cascade
create type a.c0 as (n integer, d a.d0)
alter type a.c0 add attribute m text cascade
alter type a.c0 add attribute d3 a.d1 cascade
alter type a.c0 drop attribute d cascade
alter type a.c0 rename to c1
create type a.c2 as (c a.c0, t a.t0[])
alter type a.c2 rename to c3
alter domain a.d0 set not null
alter domain a.d0 drop not null
alter domain a.d0 drop constraint d0_check
alter domain a.d1 set schema b
create table {s}.{t} (id integer, x a.d0, y a.c2)
create trigger h before update on {s}.{t} for each row when (old.x::text = 'x'::a.e0::text) execute function a.fire()
create type a.r0 as range (subtype = integer)
alter type a.r1 rename to r2
alter function a.away(integer, integer) rename to gone
alter function a.cmp(integer, integer) set schema b
create operator class a.by_cmp2 for type integer using btree as operator 1 <, function 1 a.cmp(integer, integer)
alter operator family a.by_cmp using btree add function 1 (integer, bigint) a.cmp2(integer, bigint)
alter operator family a.by_cmp using btree drop function 1 (integer, bigint)
alter operator class a.by_cmp using btree rename to by_cmp3
drop operator class a.by_cmp using btree cascade
create cast (a.e0 as integer) with function b.f2(a.e0)
create operator a.### (function = a.f0, rightarg = integer)
drop operator a.### (none, integer)
create event trigger ev on ddl_command_end execute function a.event()
drop event trigger ev
create schema c
alter schema c rename to c2
drop schema c cascade
alter schema b rename to b2
alter schema b2 rename to b
grant select on {s}.{t} to public
comment on table {s}.{t} is 'told'
analyze
vacuum {s}.{t}
create extension if not exists plpgsql
do $$ begin create table a.t0 (id integer); raise exception 'no'; exception when others then null; end $$
do $$ begin create table a.t0 (id integer); create view a.v0 as select id from a.t0; end $$
""".strip().splitlines()
CONTROL = ("begin", "commit", "rollback", "savepoint one", "rollback to one", "release one")

PREPARED = """
drop schema if exists a, b, b2, c, c2 cascade; create schema a; create schema b;
drop event trigger if exists ev;
create function a.fire() returns trigger language plpgsql as 'begin return new; end';
create function a.event() returns event_trigger language plpgsql as 'begin end';
create function a.f0(integer) returns integer language sql immutable as 'select 1';
create function a.f1(integer) returns integer language sql immutable begin atomic select 2; end;
create domain a.d0 as integer check (value > 0);
create type a.e0 as enum ('x', 'y');
create function a.away(integer, integer) returns float8 language sql immutable as 'select $1 - $2 + 0.0::float8';
create type a.r1 as range (subtype = integer, subtype_diff = a.away);
create function a.cmp(integer, integer) returns integer language sql immutable as 'select btint4cmp($1, $2)';
create function a.cmp2(integer, bigint) returns integer language sql immutable as 'select btint48cmp($1, $2)';
create operator class a.by_cmp for type integer using btree as operator 1 <, operator 2 <=, operator 3 =,
    operator 4 >=, operator 5 >, function 1 a.cmp(integer, integer);
create type a.c0 as (n integer, d a.d0);
create table a.t0 (id integer primary key, x text, y integer);
create index i on a.t0 (id a.by_cmp);
"""


@st.composite
def definitions(draw: st.DrawFn) -> str:
    if not draw(st.integers(0, 3)):
        return draw(st.sampled_from(CONTROL))
    template = draw(st.sampled_from(DEFINITIONS))
    if template.startswith("do "):
        return template
    return template.format_map({name: draw(st.sampled_from(pool)) for name, pool in POOLS.items()})


def source(server: EmbeddedPostgres) -> Datasource:
    address = Address(server.host, server.port)
    return Datasource(
        "own", "postgres", address, "postgres", server.superuser, "disable", "env:X", "observe", {}, True, "detect"
    )


class Inside:
    """The catalog as a session's open transaction sees it, read by the product over that session's connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def read(self, base: Mirror | None, shared: Mirror | None) -> Mirror:
        """What changed since one of them, or everything."""
        around = Surroundings.read(await self._ask(SURROUNDINGS))
        return await Reader(self._ask, around, "utf-8").read(base, shared)

    async def _ask(self, questions: Sequence[Question]) -> list[bytes]:
        answers: list[bytes] = []
        for question in questions:
            text = question.text.decode()
            values: Sequence[object] = [value.decode() for value in question.values]
            if "$1::oid[]" in text:
                values = [[int(oid) for value in question.values for oid in value[1:-1].split(b",")]]
            rows = await self._connection.fetch(text, *values)
            answers += (row[0] if question.is_binary else row[0].encode() for row in rows)
        return answers


def is_amended(before: Mirror | None, after: Mirror | None) -> bool:
    """Whether some sections were read anew, and others kept."""
    assert before is not None and after is not None
    kept = [after.sections[name] is before.sections[name] for name in SECTIONS]
    return any(kept) and not all(kept)


def told(kept: Mirror, fresh: Mirror) -> str:
    """What differs."""
    names = [name for name in SECTIONS if kept.sections[name].rows != fresh.sections[name].rows]
    keys = [name for name in kept.keys if kept.keys[name] != fresh.keys[name]]
    return f"{names} {keys} {[(kept.sections[name].rows, fresh.sections[name].rows) for name in names]}"


@pytest.mark.live
def test_whatever_is_defined_the_kept_catalog_is_the_one_read_anew(server: EmbeddedPostgres) -> None:
    """Others see what is committed, the session that defines sees what it did, back to each savepoint."""
    amendments = 0

    async def played(steps: list[str]) -> None:
        nonlocal amendments
        login = {"host": server.host, "port": server.port, "user": server.superuser, "database": "postgres"}
        one = await connect(
            password=server.password.value, server_settings={"jit": "off"}, statement_cache_size=0, **login
        )
        # A clock that stands still: nothing is read whole because it is time to.
        kept, anew = (CatalogWatch(source(server), server.password, clock_s=lambda: 0.0) for _ in range(2))
        try:
            await one.execute(PREPARED)
            inside = Inside(one)
            await kept.refresh()
            mine: Mirror | None = None
            for step in steps:
                try:
                    await one.execute(step)
                except Exception:
                    if one.is_in_transaction():
                        await one.execute("rollback")
                        mine = None
                if step.startswith("rollback"):
                    mine = None  # rows are again what they were, and do not look new
                if one.is_in_transaction():
                    before, mine = mine or kept.mirror, await inside.read(mine, kept.mirror)
                    amendments += is_amended(before, mine)
                    whole_one = await inside.read(None, None)
                    assert not differs(unseen(mine), unseen(whole_one)), f"{steps}\n{told(mine, whole_one)}"
                    both = contents(unseen(mine)), contents(unseen(whole_one))
                    assert both[0] == both[1], f"{steps}\n{told(mine, whole_one)}"
                    continue
                before, mine = kept.mirror, None
                await kept.refresh()
                amendments += is_amended(before, kept.mirror)
                await anew.close()  # what a connection begins with is read whole
                await anew.refresh()
                assert kept.mirror is not None and anew.mirror is not None
                assert not differs(kept.mirror, anew.mirror), f"{steps}\n{told(kept.mirror, anew.mirror)}"
                assert kept.current == anew.current, steps
        finally:
            await one.close()
            await kept.close()
            await anew.close()

    # Not shrunk: each step is read anew, and the failure says what differs.
    @settings(
        max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )  # fmt: skip
    @given(st.lists(definitions(), min_size=8, max_size=16))
    def play(steps: list[str]) -> None:
        asyncio.run(played(steps))

    play()
    assert amendments, "nothing was ever read by what changed"


def contents(mirror: Mirror) -> dict[str, Mapping[int, tuple[Row, ...]]]:
    """The rows of each section by their owners."""
    return {name: section.rows for name, section in mirror.sections.items()}


def unseen(mirror: Mirror) -> Mirror:
    """Without what a session does not read: stored trees, what came with the server."""
    none = {"view_definitions", "rules", "functions"}
    sections = {name: section for name, section in mirror.sections.items() if name not in none}
    return replace(mirror, sections=sections, own={}, catalog=replace(mirror.catalog, version=0))


def changes(**young: tuple[Entry, ...]) -> Changes:
    names = dict.fromkeys(("pg_attribute", "pg_depend"), ())
    empty = whole(Changes("1", "one", {}, everything()), {}, system({}))
    return Changes("2", "one", {name: 0 for name in empty.keys}, {**everything(), **names, **young})


def everything() -> dict[str, tuple[Entry, ...]]:
    return dict.fromkeys(LISTS, ())


def test_another_server_is_read_anew() -> None:
    mirror = whole(Changes("1", "one", {}, everything()), {}, system({}))
    assert amendment(mirror, replace(changes(), server="two"), {}) == "the server is another one, or was started anew"
    assert amendment(mirror, changes(), {}) is None


def test_relations_that_went_or_of_which_columns_were_written_are_kin() -> None:
    none = whole(Changes("1", "one", {}, everything()), {}, system({}))
    mirror = replace(none, keys={**none.keys, "pg_class": {20002: (20003,), 20004: (20005,)}})
    column = Entry(20002, False, "1249:(0,1):7", ())
    found = amendment(mirror, changes(pg_attribute=(column,)), {"pg_class": [20002]})
    assert isinstance(found, Amendment)
    assert found.kin == {20002, 20004}


def test_what_changed_is_whole_where_reading_everything_is_as_fast() -> None:
    mirror = whole(Changes("1", "one", {}, everything()), {}, system({}))
    functions = tuple(Entry(oid, False, f"1255:(0,{oid}):7", ()) for oid in range(20000, 20501))
    few, many = (amendment(mirror, changes(pg_proc=some), {}) for some in (functions[:500], functions))
    assert isinstance(few, Amendment) and isinstance(many, Amendment)
    assert (few.is_whole, many.is_whole) == (False, True)
    assert len(many.owners) == 501


@pytest.mark.parametrize("section", ["functions", "triggers"])
def test_what_was_not_printed_is_read_again(section: str) -> None:
    function: tuple[Any, ...] = ("public", "f", 20000, "f", "sql", "v", False, "", False, [], "?", [], "x")
    trigger: tuple[Any, ...] = ("public", "t", "g", "public", "f", 7, [], False, "?", "")
    values = function if section == "functions" else trigger
    rows = {section: [Row(20000, frozenset({20000}), values, repr(values).encode())]}
    mirror = whole(Changes("1", "one", {}, everything()), rows, system({}), is_unprinted=True)
    change = amendment(mirror, changes(), {})
    assert isinstance(change, Amendment)
    assert change.owners == {20000}
    assert section in change.sections


def test_what_was_taken_in_before_is_no_change() -> None:
    mirror = whole(Changes("1", "one", {}, everything()), {}, system({}))
    said = changes(pg_class=(Entry(20000, False, "1259:(0,1):7", (20001,)),))
    change = amendment(mirror, said, {})
    assert isinstance(change, Amendment)
    assert {20000, 20001} <= change.owners
    after = amended(mirror, change, {})
    assert after.keys["pg_class"] == {20000: (20001,)}
    assert amendment(after, said, {}) is None


def test_types_whose_values_may_be_checked_in_another_way_are_those_that_were_there() -> None:
    none = whole(Changes("1", "one", {}, everything()), {}, system({}))
    lists: dict[str, Keys] = {
        "pg_class": {20000: (20001,)},
        "pg_type": {20001: (0,), 20002: (0,)},
        "checks of types": {20009: (20008,)},
    }
    mirror = replace(none, keys={**none.keys, **lists})
    of_class, of_column = Entry(20000, False, "1259:(0,1):7", (20001,)), Entry(20000, False, "1249:(0,1):7", ())
    assert changed_types(mirror, changes(pg_class=(of_class,))) == (20001,)
    assert changed_types(mirror, changes(pg_attribute=(of_column,))) == (20001,)
    checks = tuple(Entry(oid, False, f"2606:(0,{oid}):7", (of,)) for oid, of in ((20010, 20002), (20011, 20004)))
    assert changed_types(mirror, changes(**{"checks of types": checks})) == (20002,), "20004 is new"
    assert changed_types(none, changes(pg_class=(of_class,))) == (), "there are no checks"


HOLDING = """
create domain a.d1 as a.d0; create type a.c2 as (c a.c0[]);
create table a.t1 (d a.d1, r a.t0); create table a.t2 (c integer, d a.d0[]); create table a.t3 (c integer);
create view a.v0 as select null::a.c2 as c;
"""


@pytest.mark.live
@pytest.mark.parametrize("definition", [
    "alter domain a.d0 add check (a.f0(value) < 9) not valid",
    "alter domain a.d1 set not null",
    "alter type a.c0 add attribute m text",
    "alter type a.c0 drop attribute d",
    "alter table a.t0 add column z integer",
    "alter index a.i rename to i2",
])  # fmt: skip
def test_what_is_in_use_changes_what_holds_it_and_nothing_else(server: EmbeddedPostgres, definition: str) -> None:
    async def kept() -> tuple[Mirror | None, Mirror | None, Mirror | None]:
        login = {"host": server.host, "port": server.port, "user": server.superuser, "database": "postgres"}
        one, watch = (
            await connect(password=server.password.value, **login),
            CatalogWatch(source(server), server.password),
        )
        try:
            await one.execute(PREPARED)
            await one.execute(HOLDING)
            await watch.refresh()
            before = watch.mirror
            await one.execute(definition)
            await watch.refresh()
            after = watch.mirror
            await watch.close()  # what a connection begins with is read whole
            await watch.refresh()
            return before, after, watch.mirror
        finally:
            await one.close()
            await watch.close()

    before, after, anew = asyncio.run(kept())
    assert is_amended(before, after)
    assert after is not None and anew is not None
    assert not differs(after, anew), told(after, anew)


@pytest.mark.live
def test_a_session_in_another_time_zone_goes_on_from_what_is_known(server: EmbeddedPostgres) -> None:
    """The server is the same one, however a session tells the time."""

    async def read() -> tuple[Mirror | None, Mirror | None]:
        login = {"host": server.host, "port": server.port, "user": server.superuser, "database": "postgres"}
        styles = {"TimeZone": "PST8PDT", "DateStyle": "Postgres, MDY"}
        one = await connect(password=server.password.value, server_settings=styles, statement_cache_size=0, **login)
        watch = CatalogWatch(source(server), server.password)
        try:
            await one.execute(PREPARED)
            await watch.refresh()
            async with one.transaction():
                await one.execute("create table a.t7 (id integer)")
                return watch.mirror, await Inside(one).read(None, watch.mirror)
        finally:
            await one.close()
            await watch.close()

    before, after = asyncio.run(read())
    assert is_amended(before, after)


@pytest.mark.parametrize("name", ["pg_cast", "pg_extension", "pg_amproc"])
def test_what_reaches_further_than_lineage_has_everything_read(name: str) -> None:
    mirror = whole(Changes("1", "one", {}, everything()), {}, system({}))
    assert amendment(mirror, changes(**{name: (Entry(20000, False, "1259:(0,1):7", (1, 2)),)}), {}) == f"{name} changed"


def test_rows_that_others_may_yet_add_to_are_known_after_a_whole_reading() -> None:
    """A transaction that runs for long must not make every reading look at everything that was written since."""
    entry = Entry(20000, False, f"1259:(0,1):{2**32 - 5}", (20001,))
    before = Entry(20003, False, f"1259:(0,2):{2**32 - 50}", ())
    said = Changes(str(2**32 - 9), "one", {}, {**everything(), "pg_class": (entry, before)})
    mirror = whole(said, {}, system({}))
    assert mirror.versions == {entry.version}
    assert amendment(mirror, changes(pg_class=(entry,)), {}) is None


@pytest.mark.live
def test_transaction_ids_of_a_later_epoch_are_understood(server: EmbeddedPostgres) -> None:
    async def young() -> list[Mapping[str, tuple[Entry, ...]]]:
        login = {"host": server.host, "port": server.port, "user": server.superuser, "database": "postgres"}
        connection = await connect(password=server.password.value, **login)
        await connection.execute("set search_path = pg_catalog; create table public.young (id integer)")
        now = int(await connection.fetchval("select pg_current_xact_id()::text")) - 3
        found = [answered(await connection.fetchval(statement(), str(oldest)), ())[0] for oldest in (now, now + 2**32)]
        await connection.close()
        return [one.young for one in found]

    one, other = asyncio.run(young())
    assert one == other
    assert one["pg_class"]

"""The catalog watch against a real server: what cannot be seen without one is not worth seeing."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from tidewaiter.config import Address, Datasource
from tidewaiter.demo.postgres import Binaries, EmbeddedPostgres, bundled
from tidewaiter.errors import UpstreamError
from tidewaiter.model import Facts, Secret
from tidewaiter.proxy import catalogs
from tidewaiter.proxy.catalogs import CatalogWatch
from tidewaiter.sql.catalog import QUERIES, Catalog
from tidewaiter.sql.catalog_reading import choice, statement

pytestmark = [pytest.mark.live, pytest.mark.anyio]

connect: Callable[..., Any] = asyncpg.connect  # asyncpg has no types
CORPUS = Path(__file__).parents[1] / "corpus"
SYSTEM_BINARIES = [Path(f"/usr/lib/postgresql/{major}/bin") for major in (15, 16, 17)]


def installations() -> list[Any]:
    """The bundled server and whatever older ones the machine has."""
    found = [bundled(), *(Binaries(folder) for folder in SYSTEM_BINARIES if (folder / "initdb").exists())]
    return [pytest.param(binaries, id=f"PostgreSQL {binaries.version}") for binaries in found]


@pytest.fixture(scope="module", params=installations())
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the server runs as another user than root
        with EmbeddedPostgres(Path(folder) / "server", Secret("secret"), binaries=request.param) as running:
            asyncio.run(execute(running, "create role gateway login password 'plain'"))
            yield running


async def execute(server: EmbeddedPostgres, sql: str) -> None:
    connection = await connect(
        host=server.host, port=server.port, user=server.superuser, password=server.password.value, database="postgres"
    )
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def datasource(server: EmbeddedPostgres, **changes: Any) -> Datasource:
    fields: dict[str, Any] = {
        "name": "shop",
        "kind": "postgres",
        "address": Address(server.host, server.port),
        "database": "postgres",
        "user": "gateway",
        "tls": "prefer",
        "password": "env:X",
        "mode": "enforce",
        "roles": {},
        "allow_superuser": False,
        "unclassified": "detect",
    }
    return Datasource(**{**fields, **changes})


@asynccontextmanager
async def watching(
    server: EmbeddedPostgres, reports: list[str] | None = None, **changes: Any
) -> AsyncIterator[CatalogWatch]:
    """A watch whose connection is closed in the end."""
    report = reports.append if reports is not None else lambda _: None
    watch = CatalogWatch(datasource(server, **changes), Secret("plain"), report)
    try:
        yield watch
    finally:
        await watch.close()


async def until(condition: Callable[[], object]) -> None:
    """Wait until something that the watch does in its own time is done."""
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass within a minute")


async def test_an_ordinary_role_reads_the_whole_catalog(server: EmbeddedPostgres) -> None:
    await execute(server, "drop table if exists seen; create table seen (id integer primary key, note text)")
    async with watching(server) as watch:
        before = watch.stale_since
        catalog = await watch.refresh()
        assert before is not None
        assert watch.current is catalog
        assert watch.stale_since is None
        assert watch.completed == 1
        found = catalog.find("seen", "public", ())
        assert found is not None
        assert found.columns == ("id", "note")
        assert catalog.required[("public", "seen")] == {"id"}
        assert catalog.builtins["lower"] is False
        assert catalog.builtins["random"] is True


async def test_the_corpus_schema_reads_as_its_file_says(server: EmbeddedPostgres) -> None:
    await execute(server, "drop schema if exists public, hr, shadow cascade; create schema public")
    await execute(server, (CORPUS / "schema.sql").read_text())
    async with watching(server) as watch:
        catalog = await watch.refresh()
    rows = orjson.loads((CORPUS / "catalog.json").read_bytes())
    written = type(catalog).from_rows(rows)
    user = {path: one for path, one in catalog.relations.items() if path[0] in ("public", "hr", "shadow")}
    assert user == {path: one for path, one in written.relations.items() if path[0] in ("public", "hr", "shadow")}
    for name in ("heirs", "dependents", "referrers", "partitions", "indexes", "operators", "casts", "required"):
        here, there = getattr(catalog, name), getattr(written, name)
        paths = [path for path in there if path[0] != "pg_catalog" and path[0] != "information_schema"]
        assert {path: here.get(path) for path in paths} == {path: there[path] for path in paths}, name
    assert catalog.reaches[("public", "customer_names")] == written.reaches[("public", "customer_names")]
    assert {one.path for found in catalog.functions.values() for one in found} == {
        one.path for found in written.functions.values() for one in found
    }


async def test_calls_that_wait_together_share_a_reading(server: EmbeddedPostgres) -> None:
    async with watching(server) as watch:
        await watch.refresh()
        found = await asyncio.gather(*(watch.refresh() for _ in range(10)))
        assert watch.completed == 3, "the first call's reading, and one for all who came while it ran"
        assert len({id(catalog) for catalog in found}) == 1


async def test_a_call_during_a_reading_gets_a_later_one(server: EmbeddedPostgres) -> None:
    async with watching(server) as watch:
        await watch.refresh()
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.refresh())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await execute(server, "drop table if exists late; create table late (id integer)")
            group.create_task(watch.refresh())
        assert watch.current.find("late", "public", ()) is not None


async def test_an_unchanged_catalog_stays_the_same_object(server: EmbeddedPostgres) -> None:
    async with watching(server) as watch:
        first = await watch.refresh()
        assert await watch.refresh() is first


CHANGES = [
    "create table changing (id integer)",
    "alter table changing add column note text",
    "alter table changing rename column note to remark",
    "alter table changing alter column id set not null",
    "alter table changing drop column remark",
    "create view changing_view as select id from changing",
    "create or replace view changing_view as select id, 1 as one from changing",
    "create function changing_function() returns integer language sql as 'select 1'",
    "alter function changing_function() security definer",
    "create type changing_type as enum ('a')",
    "create schema changing_schema",
    "alter table changing rename to changed",
    "drop schema changing_schema",
    "drop table changed cascade",
]


async def test_every_kind_of_ddl_done_elsewhere_is_noticed(server: EmbeddedPostgres) -> None:
    await execute(server, "drop table if exists changing, changed cascade; drop schema if exists changing_schema")
    await execute(server, "drop function if exists changing_function; drop type if exists changing_type")
    async with watching(server) as watch:
        await watch.refresh()
        for change in CHANGES:
            version = watch.current.version
            await execute(server, change)
            await watch.refresh()
            assert watch.current.version != version, change


async def test_run_polls_for_changes(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "POLL_S", 0.05)
    monkeypatch.setattr(catalogs, "POLL_SHARE", 0)
    await execute(server, "drop table if exists polled")
    async with watching(server) as watch, asyncio.TaskGroup() as group:
        running = group.create_task(watch.run())
        await until(lambda: watch.completed == 1)
        await asyncio.sleep(0.3)
        assert watch.completed == 1, "nothing changed, so nothing is read"
        await execute(server, "create temporary table mine (id integer); analyze pg_class")
        await asyncio.sleep(0.3)
        assert watch.completed == 1, "temporary tables and ANALYZE change nothing"
        await execute(server, "create table polled (id integer)")
        await until(lambda: watch.current.find("polled", "public", ()) is not None)
        running.cancel()


async def test_a_look_is_fresh_for_a_moment_and_a_failure_keeps_nobody_waiting(server: EmbeddedPostgres) -> None:
    now_s = 0.0
    watch = CatalogWatch(datasource(server), Secret("plain"), clock_s=lambda: now_s)
    try:
        found = [watch.is_fresh]
        for look in (watch.refresh, watch.catch_up):
            await look()
            found.append(watch.is_fresh)
            now_s += catalogs.FRESH_S
            found.append(watch.is_fresh)
        assert found == [False, True, False, True, False]
    finally:
        await watch.close()
    lost = CatalogWatch(datasource(server), Secret("wrong"), clock_s=lambda: now_s)
    with pytest.raises(UpstreamError):
        await lost.catch_up()
    assert lost.is_fresh


async def test_run_reads_what_was_asked_for_soon(server: EmbeddedPostgres) -> None:
    async with watching(server) as watch, asyncio.TaskGroup() as group:
        running = group.create_task(watch.run())
        await until(lambda: watch.completed == 1)
        due = watch.refresh_soon()
        assert watch.is_behind
        assert due == 2
        await until(lambda: watch.completed >= due)
        running.cancel()


async def test_run_does_not_read_again_what_a_session_has_read_itself(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a definition a session asks for a reading, and makes it when it needs it."""
    monkeypatch.setattr(catalogs, "SOON_S", 0.01)
    monkeypatch.setattr(catalogs, "SOON_SHARE", 0)
    monkeypatch.setattr(catalogs, "POLL_S", 600.0)
    readings: list[str] = []

    def counted(*sections: tuple[str, ...], **how: bool) -> str:
        readings.append("changes" if not sections else "everything")
        return statement(*sections, **how)

    async with watching(server) as watch, asyncio.TaskGroup() as group:
        running = group.create_task(watch.run())
        await until(lambda: watch.completed == 1)
        monkeypatch.setattr(catalogs, "statement", counted)
        await execute(server, "select pg_current_xact_id()")
        watch.refresh_soon()
        await watch.refresh()
        await execute(server, "select pg_current_xact_id()")
        await asyncio.sleep(0.3)  # in which it would
        due = watch.refresh_soon()
        await until(lambda: watch.completed >= due)
        assert readings == ["changes", "changes"]
        running.cancel()


async def test_asking_soon_during_a_reading_waits_for_the_next(server: EmbeddedPostgres) -> None:
    async with watching(server) as watch, asyncio.TaskGroup() as group:
        reading = group.create_task(watch.refresh())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert watch.refresh_soon() == 2
        await reading


async def test_everything_is_read_again_after_a_while(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogs, "POLL_S", 0.02)
    monkeypatch.setattr(catalogs, "POLL_SHARE", 0)
    monkeypatch.setattr(catalogs, "FULL_S", 0.0)
    async with watching(server) as watch, asyncio.TaskGroup() as group:
        running = group.create_task(watch.run())
        await until(lambda: watch.completed >= 3)
        running.cancel()


async def test_run_survives_a_lost_connection(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "POLL_S", 0.05)
    monkeypatch.setattr(catalogs, "POLL_SHARE", 0)
    monkeypatch.setattr(catalogs, "BACKOFF_S", (0.05,))
    reports: list[str] = []
    async with watching(server, reports) as watch:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(watch.run())
            await until(lambda: watch.completed == 1)
            kill = (
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tidewaiter catalog'"
            )
            await execute(server, f"{kill}; create table if not exists after_loss (id integer)")
            await until(lambda: watch.current.find("after_loss", "public", ()) is not None)
            await until(lambda: watch.stale_since is None)
            running.cancel()
        assert watch.problem is None


async def test_changes_that_cannot_be_had_are_a_problem(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogs, "POLL_S", 0.02)
    monkeypatch.setattr(catalogs, "POLL_SHARE", 0)
    reports: list[str] = []
    async with watching(server, reports) as watch:
        await watch.refresh()
        monkeypatch.setattr(catalogs, "statement", lambda *_, **__: "select nonsense")
        async with asyncio.TaskGroup() as group:
            running = group.create_task(watch.run())
            await execute(server, "select pg_current_xact_id()")
            await until(lambda: reports)
            running.cancel()
        assert "nonsense" in reports[0]
        assert watch.stale_since is not None


async def test_a_database_that_does_not_answer_is_reported_once(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogs, "BACKOFF_S", (0.01,))
    reports: list[str] = []
    async with watching(server, reports, database="nowhere") as watch:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(watch.run())
            await until(lambda: reports)
            await asyncio.sleep(0.1)
            running.cancel()
        assert len(reports) == 1
        assert reports[0].startswith("datasource shop: the catalog cannot be read: ")
        assert watch.stale_since is not None
        with pytest.raises(UpstreamError, match="the catalog cannot be read"):
            await watch.refresh()


async def test_those_who_wait_for_a_failing_reading_fail_with_it(server: EmbeddedPostgres) -> None:
    async with watching(server, database="nowhere") as watch:
        found = await asyncio.gather(*(watch.refresh() for _ in range(20)), return_exceptions=True)
        assert all(isinstance(error, UpstreamError) for error in found)


async def test_a_cancelled_reading_leaves_a_watch_that_works(server: EmbeddedPostgres) -> None:
    async with watching(server) as watch:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.005):
                await watch.refresh()
        await watch.refresh()
        assert watch.completed == 1


async def test_tls_settings_are_those_of_the_datasource(server: EmbeddedPostgres) -> None:
    async with watching(server, tls="disable") as watch:
        await watch.refresh()
        assert watch.completed == 1
    async with watching(server, tls="require") as watch:
        with pytest.raises(UpstreamError):
            await watch.refresh()


async def test_catching_up_reads_only_what_changed(server: EmbeddedPostgres) -> None:
    await execute(server, "drop table if exists caught")
    async with watching(server) as watch:
        await watch.refresh()
        await watch.catch_up()
        assert watch.completed == 1
        await execute(server, "create table caught (id integer)")
        assert (await watch.catch_up()).find("caught", "public", ()) is not None
        assert watch.completed == 2


async def test_at_rest_returns_when_the_reading_that_is_under_way_has_ended(server: EmbeddedPostgres) -> None:
    async with watching(server) as watch:
        reading = asyncio.create_task(watch.refresh())
        await until(lambda: watch.is_reading)
        await watch.at_rest()
        assert not watch.is_reading
        assert watch.completed == 1
        await reading
        await watch.at_rest()


async def test_both_halves_of_the_queries_are_the_whole(server: EmbeddedPostgres) -> None:
    async with watching(server) as watch:
        halves = await watch.refresh()
    connection = await connect(dsn=server.dsn(), server_settings={"search_path": "pg_catalog"})
    try:
        whole = Catalog.from_rows({name: await connection.fetch(query) for name, query in QUERIES.items()})
    finally:
        await connection.close()
    for part in ("relations", "schemas", "reaches", "calls", "builtins", "oids", "functions", "guards", "columns"):
        assert dict_or_set(getattr(halves, part)) == dict_or_set(getattr(whole, part)), part
    assert {name: set(schemas) for name, schemas in halves.types.items()} == {
        name: set(schemas) for name, schemas in whole.types.items()
    }


def dict_or_set(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


async def test_a_kept_catalog_that_is_not_the_databases_is_told_and_read_anew(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execute(server, "drop table if exists kept; create table kept (id integer)")
    reports: list[str] = []
    async with watching(server, reports) as watch:
        await watch.refresh()
        monkeypatch.setattr(catalogs, "FULL_S", 0.0)
        await watch.refresh()
        assert reports == [], "it was the same"
        assert watch.mirror is not None
        pretended = watch.mirror.sections["relations"].replaced(list(watch.mirror.sections["relations"].rows), ())
        sections = {**watch.mirror.sections, "relations": pretended}
        watch.mirror = replace(watch.mirror, sections=sections, catalog=replace(watch.mirror.catalog, version=1))
        assert (await watch.refresh()).find("kept", "public", ()) is not None
        assert reports == ["datasource shop: the catalog that was kept was not the database's: relations"]


async def test_a_role_that_becomes_a_superuser_is_refused_until_it_is_none(server: EmbeddedPostgres) -> None:
    reports: list[str] = []
    async with watching(server, reports) as watch, watching(server, mode="observe") as observed:
        await watch.refresh()
        assert watch.refuses is None
        await execute(server, "alter role gateway superuser")
        try:
            await watch.catch_up()
            await observed.catch_up()
        finally:
            await execute(server, "alter role gateway nosuperuser")
        assert "superuser" in str(watch.refuses)
        assert [report for report in reports if "superuser" in report]
        assert observed.refuses is None, "nothing is enforced there"
        await watch.catch_up()
        assert watch.refuses is None


async def test_a_reading_gives_way_to_a_definition_that_holds_what_it_would_lock(server: EmbeddedPostgres) -> None:
    await execute(server, "drop table if exists locked cascade; create table locked (id integer)")
    await execute(server, "create view over_locked as select id from locked")
    connection = await connect(dsn=server.dsn())
    async with watching(server) as watch:
        async with connection.transaction():
            await connection.execute("lock table over_locked in access exclusive mode")
            catalog = await asyncio.wait_for(watch.refresh(), 20)
            assert catalog.find("over_locked", "public", ()) is not None
            assert ("public", "over_locked") not in catalog.view_definitions
        assert ("public", "over_locked") in (await watch.catch_up()).view_definitions, "it is read again"
    await connection.close()


BROKEN = "select array_in('{}', 0, cardinality($1::oid[]) + cardinality($2::text[]))::text"
"""Fails as printing a view does that is dropped meanwhile."""


@pytest.mark.parametrize("times", [1, catalogs.PRINTINGS])
async def test_what_is_dropped_while_it_is_printed_is_read_again(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    await execute(server, "drop table if exists goes cascade; create table goes (id integer)")
    printed = 0

    def broken(*, is_printed: bool = False) -> str:
        nonlocal printed
        printed += is_printed
        return BROKEN if is_printed and printed <= times else choice(is_printed=is_printed)

    async with watching(server) as watch:
        await watch.refresh()
        monkeypatch.setattr(catalogs, "choice", broken)
        epoch = watch.history.epoch
        await execute(server, "create view going as select id from goes")
        found = await watch.catch_up()
        assert found.find("going", "public", ()) is not None
        assert (("public", "going") in found.view_definitions) == (times < catalogs.PRINTINGS)
        assert ("public", "going") in (await watch.catch_up()).view_definitions
        assert not watch.history.concerns(Facts(), None, epoch), "the connection was kept, and what changed is known"

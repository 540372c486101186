from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.sql.catalog_queries import QUERIES, SIGNATURE

CORPUS = Path(__file__).parents[1] / "corpus"
connect: Callable[..., Any] = asyncpg.connect  # asyncpg has no types
THE_SAME = [
    *("inheritance", "indexes", "view_calls", "foreign_keys", "triggers", "event_triggers", "rules", "table_calls"),
    *("domain_calls", "made_of", "operators", "casts", "cast_sources"),
]
"""Answers without oids, and without what only one version has."""

CHANGES = [
    "create table fresh (a integer)",
    "alter table fresh add column b integer",
    "create view fresh_view as select a from fresh",
    "create function fresh() returns integer language sql as 'select 1'",
    "create or replace function fresh() returns integer language sql as 'select 2'",
    "alter function fresh() security definer",
    "create trigger fresh before insert on fresh for each row execute function log_change()",
    "alter table fresh disable trigger fresh",
    "create rule fresh as on delete to fresh do instead nothing",
    "alter table fresh add check (a > 0)",
    "alter table fresh alter a set default 1",
    "create policy fresh on fresh using (true)",
    "create domain fresh_domain as integer check (value > 0)",
    "create operator @@@ (function = same_order, leftarg = orders, rightarg = orders)",
    "create event trigger fresh on ddl_command_end execute function fresh_event()",
    "create schema fresh",
    "alter table fresh add foreign key (b) references customers",
]


async def _connected(server: EmbeddedPostgres) -> Any:
    address = {"host": server.host, "port": server.port, "user": server.superuser, "database": "postgres"}
    connection = await connect(password=server.password.value, **address)
    await connection.execute((CORPUS / "schema.sql").read_text())
    return connection


def test_every_version_answers_alike_and_as_captured(server: EmbeddedPostgres) -> None:
    async def answers() -> dict[str, list[list[Any]]]:
        connection = await _connected(server)
        await connection.execute("set search_path = pg_catalog")
        found = {name: [list(row) for row in await connection.fetch(query)] for name, query in QUERIES.items()}
        await connection.close()
        return found

    found = asyncio.run(answers())
    captured = orjson.loads((CORPUS / "catalog.json").read_bytes())
    assert found.keys() == captured.keys()
    for name in THE_SAME:
        assert orjson.loads(orjson.dumps(found[name])) == captured[name], name
    named = [row[:2] for row in found["functions"]]
    assert named == [row[:2] for row in captured["functions"]]


def test_the_signature_changes_with_each_definition_and_with_nothing_else(server: EmbeddedPostgres) -> None:
    async def signatures() -> list[str]:
        connection = await _connected(server)
        await connection.execute("create function fresh_event() returns event_trigger language plpgsql as 'begin end'")
        found = [await connection.fetchval(SIGNATURE)]
        await connection.execute("insert into people values (1); analyze people; create temp table t (a integer)")
        assert await connection.fetchval(SIGNATURE) == found[0]
        for change in CHANGES:
            await connection.execute(change)
            found.append(await connection.fetchval(SIGNATURE))
        await connection.close()
        return found

    found = asyncio.run(signatures())
    for change, before, after in zip(CHANGES, found, found[1:], strict=False):
        assert before != after, change

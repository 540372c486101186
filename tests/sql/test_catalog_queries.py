from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.sql.catalog_queries import QUERIES

CORPUS = Path(__file__).parents[1] / "corpus"
connect: Callable[..., Any] = asyncpg.connect  # asyncpg has no types
THE_SAME = [
    *("inheritance", "indexes", "view_calls", "foreign_keys", "triggers", "event_triggers", "rules", "table_calls"),
    *("domain_calls", "made_of", "operators", "casts", "cast_sources"),
]
"""Answers without oids, and without what only one version has."""


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

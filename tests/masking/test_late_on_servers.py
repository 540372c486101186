"""The late form of a mask and its SQL form give the same bytes, on real servers, in text and in binary format."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from maskkit import KEY, PARTIAL, column, mask

from tidewaiter.config.shape import Mask
from tidewaiter.demo.postgres import Binaries, EmbeddedPostgres, bundled
from tidewaiter.masking.forms import column_mask
from tidewaiter.masking.late import late_mask
from tidewaiter.model import Column, Secret

pytestmark = pytest.mark.live
connect: Callable[..., Any] = asyncpg.connect
SYSTEM_15 = Path("/usr/lib/postgresql/15/bin")

TEXTS = [
    "",
    "a",
    "ab",
    "abc",
    "abcd",
    "a@b.example",
    "@x",
    "x@",
    "äöü@straße.example",
    "日本語テキスト",
    "it's",
    "a\\b",
    "  sp  ",
    "a@b@c",
]
INTEGERS = ["0", "1", "-1", "9999", "-10001", "32767", "-32768"]
DATES = [
    "2024-02-29",
    "1999-12-31",
    "0001-01-01",
    "0044-03-15 BC",
    "9999-12-31",
    "200000-06-01",
    "infinity",
    "-infinity",
]
MOMENTS = [
    "2024-02-29 12:34:56.789",
    "1999-12-31 23:59:59.999999",
    "0044-03-15 01:02:03 BC",
    "-infinity",
    "1969-07-20 20:17:00",
]
# ruff: noqa: E501 - a table
CASES: list[tuple[Mask, Column, list[str]]] = [
    *((PARTIAL, one, TEXTS) for one in (column("pg_catalog.text"), column("character varying(6)", "varchar"), column("character(9)", "bpchar"), column("pg_catalog.name"))),
    (mask("partial", keep_first=0, keep_last=4, char="•"), column("pg_catalog.text"), TEXTS),
    *((mask(name), one, TEXTS) for name in ("email", "redact", "null") for one in (column("pg_catalog.text"), column("character varying(2)", "varchar"), column("character(5)", "bpchar"))),
    *((mask("bucket", size=10), one, INTEGERS) for one in (column("integer", "int4"), column("bigint", "int8"), column("smallint", "int2"))),
    (mask("bucket", size=1000000), column("bigint", "int8"), [*INTEGERS, "-9223372036854775808", "9223372036854775807"]),
    *((mask("redact"), one, INTEGERS) for one in (column("integer", "int4"), column("bigint", "int8"), column("numeric(9,2)", "numeric"), column("numeric"), column("real", "float4"), column("double precision", "float8"))),
    *((mask("truncate", unit=unit), column("pg_catalog.date"), DATES) for unit in ("year", "month", "day")),
    *((mask("truncate", unit=unit), column("timestamp without time zone", "timestamp"), MOMENTS) for unit in ("year", "month", "day")),
    *((mask("redact"), one, ['{"a": 1}', "[]"]) for one in (column("pg_catalog.json"), column("pg_catalog.jsonb"))),
    *((mask("redact"), one, [value]) for one, value in ((column("pg_catalog.uuid"), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), (column("boolean", "bool"), "true"), (column("pg_catalog.inet"), "10.0.0.1"), (column("pg_catalog.bytea"), "\\x00ff"), (column("interval"), "1 day"), (column("pg_catalog.text[]", "_text", is_array=True), "{a,b}"))),
]  # fmt: skip


@pytest.fixture(scope="module", params=["18", "15"])
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    if request.param == "15" and not SYSTEM_15.is_dir():
        pytest.skip(f"PostgreSQL 15 is not installed in {SYSTEM_15}")
    with tempfile.TemporaryDirectory(prefix="tw-late-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        binaries = Binaries(SYSTEM_15) if request.param == "15" else bundled()
        with EmbeddedPostgres(Path(folder) / "server", Secret("late"), binaries=binaries) as running:
            yield running


def literal(value: str, type_: str) -> str:
    return "'" + value.replace("'", "''") + f"'::{type_}"


async def forms(server: EmbeddedPostgres, one: Mask, of: Column, values: list[str]) -> list[list[bytes | None]]:
    """For each value: raw and masked, in text and in binary format."""
    address = {"host": server.host, "port": server.port, "user": server.superuser, "database": "postgres"}
    connection = await connect(password=server.password.value, **address)
    try:
        sql = column_mask("tag", one, of).sql.replace("{}", "v")
        found: list[list[bytes | None]] = []
        for value in values:
            source = f"(select {literal(value, of.type)} as v) t"
            raw = (
                await _copied(connection, f"select v from {source}"),
                await _copied(connection, f"select {sql} from {source}"),
            )
            found.append([*raw[0], *raw[1]])
        return found
    finally:
        await connection.close()


async def _copied(connection: Any, query: str) -> tuple[bytes | None, bytes | None]:
    """The one field of a query's one row as COPY sends it, in text (unescaped) and in binary format."""
    text, binary = io.BytesIO(), io.BytesIO()
    await connection.copy_from_query(query, output=text, format="text")
    await connection.copy_from_query(query, output=binary, format="binary")
    line = text.getvalue()[:-1]
    plain = None if line == b"\\N" else line.replace(b"\\\\", b"\\")
    data = binary.getvalue()[19:]
    size = int.from_bytes(data[2:6], "big", signed=True)
    return plain, None if size < 0 else data[6 : 6 + size]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].name}-{case[1].type}")
def test_late_and_sql_agree(server: EmbeddedPostgres, case: tuple[Mask, Column, list[str]]) -> None:
    one, of, values = case
    for value, (raw, raw_binary, sql, sql_binary) in zip(
        values, asyncio.run(forms(server, one, of, values)), strict=True
    ):
        assert raw is not None and raw_binary is not None
        assert late_mask(one, of, KEY, False).apply(raw) == sql, value
        assert late_mask(one, of, KEY, True).apply(raw_binary) == sql_binary, value

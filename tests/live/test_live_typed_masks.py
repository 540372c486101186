"""Masked values are values of their column's type: each driver's typed getters read them, in text and in binary."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psycopg
import pytest
from rig import MASKED, Deployment, copy_of

connect: Callable[..., Any] = asyncpg.connect
MASKS = {
    "redact": '"redact"', "null": '"null"', "partial": '{ name = "partial", keep_last = 2 }', "email": '"email"',
    "token": '"token"', "bucket": '{ name = "bucket", size = 10 }', "truncate": '{ name = "truncate", unit = "year" }',
    "shift": '{ name = "shift", days = 30 }', "fake": '"fake"', "free_text": '"free_text"',
}  # fmt: skip
TEXT = ("redact", "null", "partial", "email", "token", "fake", "free_text")
TYPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "smallint": ("1234", ("redact", "null", "token", "bucket")),
    "integer": ("123456", ("redact", "null", "token", "bucket")),
    "bigint": ("12345678901", ("redact", "null", "token", "bucket")),
    "numeric(10,2)": ("1234.56", ("redact", "null", "bucket")),
    "real": ("1234.5", ("redact", "null", "bucket")),
    "double precision": ("1234.56", ("redact", "null", "bucket")),
    "boolean": ("true", ("redact", "null")),
    "date": ("1999-12-31", ("redact", "null", "truncate", "shift")),
    "timestamp": ("1999-12-31 23:59:59.5", ("redact", "null", "truncate", "shift")),
    "timestamptz": ("1999-12-31 23:59:59.5+00", ("redact", "null", "truncate", "shift")),
    "uuid": ("0b6f8e2e-6a0c-4c3a-9e43-7f9b2f1d5c11", ("redact", "null", "token")),
    "text": ("ann@example.org", TEXT),
    "varchar(40)": ("ann@example.org", TEXT),
    "char(20)": ("ann@example.org", TEXT),
    "json": ('{"mail":"ann@example.org"}', ("redact", "null", "free_text")),
    "jsonb": ('{"mail": "ann@example.org"}', ("redact", "null", "free_text")),
    "bytea": ("\\x616e6e", ("redact", "null")),
    "integer[]": ("{123456,7}", ("redact", "null")),
    "inet": ("192.0.2.7", ("redact", "null")),
    "interval": ("3 days", ("redact", "null")),
}
COLUMNS = {
    f"{kind.split('(')[0].replace(' ', '_').replace('[]', 's')}_{mask}": (kind, mask, value)
    for kind, (value, masks) in TYPES.items()
    for mask in masks
}
TABLE = "typed_masks"
BARE = ("boolean", "date", "timestamp", "timestamptz", "uuid", "bytea", "integer[]", "inet", "interval")
"""Types of which redact leaves NULL."""
BUCKETS = {"smallint": "1230", "integer": "123450", "bigint": "12345678900", "numeric": "1230", "real": "1230"}


@pytest.fixture(scope="module")
def typed(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    """A gateway in front of a table with each type under each mask that fits it."""
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in COLUMNS.items())
    values = ", ".join(f"'{value}'" for _, _, value in COLUMNS.values())
    template.postgres.execute(
        f"create table {TABLE} (id int primary key, {columns}); insert into {TABLE} values (1, {values});"
        f"insert into {TABLE} (id) values (2); grant select on {TABLE} to shop_rw, shop_ro",
        database="shop",
    )
    made = copy_of(template, workshop / "typed", template.postgres)
    with (made.folder / "classification.toml").open("a") as file:
        file.writelines(f"[tags.as_{name}]\nmask = {mask}\n" for name, mask in MASKS.items())
        file.write(f'[datasource.shop."public.{TABLE}"]\n')
        file.writelines(f'{name} = ["as_{mask}"]\n' for name, (_, mask, _) in COLUMNS.items())
    yield made.start()
    made.kill()
    template.postgres.execute(f"drop table {TABLE}", database="shop")


def test_what_is_shown_is_masked_and_null_stays_null(typed: Deployment) -> None:
    with psycopg.connect(typed.dsn(MASKED), autocommit=True) as connection:
        first, second = connection.execute(f"select * from {TABLE} order by id".encode()).fetchall()
    real = {name: value for name, (_, _, value) in COLUMNS.items()}
    for name, value in zip(COLUMNS, first[1:], strict=True):
        assert str(value).strip() != real[name], name
        assert "ann@" not in str(value), name
    assert set(second[1:]) == {None}


@pytest.mark.parametrize("is_binary", [False, True])
def test_psycopg_reads_every_masked_value_as_its_type(typed: Deployment, is_binary: bool) -> None:
    with (
        psycopg.connect(typed.dsn(MASKED), autocommit=True) as connection,
        connection.cursor(binary=is_binary) as cursor,
    ):
        plain = connection.execute(f"select * from {TABLE} where id = 1".encode()).fetchone()
        for _ in range(8):
            cursor.execute(f"select * from {TABLE} where id = %s".encode(), [1], prepare=True)
            assert cursor.fetchone() == plain


@pytest.mark.parametrize("is_binary", [False, True])
def test_a_moment_is_truncated_where_the_session_says_its_days_begin(typed: Deployment, is_binary: bool) -> None:
    in_utc, in_tokyo = datetime(1999, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 15, tzinfo=UTC)
    with (
        psycopg.connect(typed.dsn(MASKED), autocommit=True) as connection,
        connection.cursor(binary=is_binary) as cursor,
    ):

        def year() -> datetime:
            found = cursor.execute(f"select timestamptz_truncate from {TABLE} where id = %s", [1]).fetchone()
            assert found is not None and isinstance(found[0], datetime)
            return found[0]

        cursor.execute("set timezone to 'utc'")
        assert [year() for _ in range(7)] == [in_utc] * 7, "prepared on the way"
        cursor.execute("set timezone to 'Asia/Tokyo'")
        assert [year(), year()] == [in_tokyo, in_tokyo]
        cursor.execute("set timezone to 'utc'")
        with connection.transaction():
            assert year() == in_utc
            cursor.execute("set local timezone to 'Asia/Tokyo'")
            assert year() == in_tokyo
        assert year() == in_utc
        cursor.execute("select set_config('timezone', 'Asia/Tokyo', false)")
        assert year() == in_tokyo
        cursor.execute("discard all")
        connection.execute("set timezone to 'utc'")
        assert year() == in_utc


def test_asyncpg_reads_every_masked_value_as_its_type(typed: Deployment) -> None:
    async def run() -> list[Any]:
        connection = await connect(typed.dsn(MASKED))
        try:
            return [await connection.fetchrow(f"select * from {TABLE} where id = $1", 1) for _ in range(3)]
        finally:
            await connection.close()

    rows = asyncio.run(run())
    assert rows[0] == rows[1] == rows[2]
    for kind, bucket in BUCKETS.items():
        assert int(rows[0][f"{kind}_bucket"]) == int(bucket)
    assert (rows[0]["date_truncate"].month, rows[0]["date_truncate"].day) == (1, 1)


def test_jdbc_reads_every_masked_value_as_its_type(typed: Deployment, java: list[str]) -> None:
    who = typed.issued[MASKED]
    url = f"jdbc:postgresql://127.0.0.1:{typed.port}/shop?user={who.user}&password={quote(who.password, safe='')}"
    program = [*java, str(Path(__file__).parent / "Typed.java"), url, TABLE]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    runs: dict[str, dict[str, str]] = {}
    for line in done.stdout.splitlines():
        run, name, value = line.split(" ", 2)
        runs.setdefault(run, {})[name] = value
    for told in runs.values():
        assert {name for name, value in told.items() if value == "NULL"} == {
            name for name, (kind, mask, _) in COLUMNS.items() if mask == "null" or (mask == "redact" and kind in BARE)
        }
        for kind, bucket in BUCKETS.items():
            assert float(told[f"{kind}_bucket"]) == float(bucket)
        assert told["integer_redact"] == "0"
    assert all(told == runs["0"] for told in runs.values()), "text and binary differ"

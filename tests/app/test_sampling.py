"""What is read of a database; with a real one in tests/live/test_live_classify.py."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tidewaiter.app.sampling import CHARACTERS, Sampler, is_readable, sampler
from tidewaiter.config import Datasource, load
from tidewaiter.discovery.relations import Source
from tidewaiter.errors import UpstreamError
from tidewaiter.model import Column, Secret

TOML = """
[[datasource]]
name = "shop"
address = "127.0.0.1:1"
user = "tidewaiter"
tls = "disable"
roles = { dba = "owner", analysts = "reader" }
"""
EMAIL = Column('e"mail', 1, "text", 25, "text")
RAW = Column("raw", 2, "bytea", 17, "bytea")
CLOSED = Column("closed", 3, "text", 25, "text")


@pytest.fixture
def shop(tmp_path: Path) -> Datasource:
    (tmp_path / "tidewaiter.toml").write_text(TOML)
    return load(tmp_path / "tidewaiter.toml", {}).datasources["shop"]


class Server:
    """Answers as told, and remembers what was asked."""

    def __init__(self, pages: int, may: dict[str, list[str]], rows: Sequence[Sequence[str | None]] = ()) -> None:
        self.pages, self.may, self.rows = pages, may, rows
        self.asked: list[str] = []
        self.failure: Exception | None = None

    async def fetch(self, query: str, *values: Any) -> Sequence[Sequence[Any]]:
        self.asked.append(query)
        if "has_column_privilege" in query:
            return list(self.may.items())
        if "pg_relation_size" in query:
            return [[self.pages, False]]
        if self.failure is not None:
            raise self.failure
        return self.rows

    async def execute(self, query: str) -> str:
        self.asked.append(query)
        return ""

    def transaction(self, *, readonly: bool) -> AbstractAsyncContextManager[object]:
        assert readonly
        return nullcontext()

    def terminate(self) -> None:
        self.asked.append("terminate")


def source(kind: str = "r") -> Source:
    return Source(("public", "people"), kind, (EMAIL, RAW, CLOSED))


NAMES = ('e"mail', "raw", "closed")


def test_a_small_table_is_read_from_its_beginning_and_nulls_are_counted(shop: Datasource) -> None:
    server = Server(3, {"tidewaiter": ['e"mail', "raw"]}, [["a@b.example"], [None]])
    reading = asyncio.run(Sampler(server, shop, 50).read(source(), NAMES))
    assert server.asked[-1] == (
        f'select pg_catalog.left("e""mail"::pg_catalog.text, {CHARACTERS}) from "public"."people" limit 50'
    )
    email, raw, closed = reading.samples
    assert (email.values, email.nulls, email.is_read) == (("a@b.example",), 1, True)
    assert (raw.values, raw.is_read, closed.is_read) == ((), True, False)
    assert reading.problems == ("public.people: tidewaiter and the roles of shop may not read closed",)


def test_of_a_large_table_some_pages_are_read_and_then_ten_times_as_many(shop: Datasource) -> None:
    server = Server(1_000_000, {"tidewaiter": ['e"mail']})
    reading = asyncio.run(Sampler(server, shop, 50).read(source(), ['e"mail']))
    assert [query.partition("tablesample ")[2] for query in server.asked[-2:]] == [
        "system (0.020000) repeatable (7) limit 50",
        "system (0.200000) repeatable (7) limit 50",
    ]
    assert reading.problems == ("public.people: no rows in the sample",)


def test_a_foreign_table_cannot_be_sampled_by_pages(shop: Datasource) -> None:
    server = Server(1_000_000, {"tidewaiter": ['e"mail']}, [["x"]])
    asyncio.run(Sampler(server, shop).read(source("f"), ['e"mail']))
    assert "tablesample" not in server.asked[-1]


def test_the_role_that_may_read_most_reads_the_user_s_own_before_others(shop: Datasource) -> None:
    server = Server(1, {"tidewaiter": [], "owner": ['e"mail', "closed"], "reader": ['e"mail']}, [["x", "y"]])
    asyncio.run(Sampler(server, shop).read(source(), NAMES))
    assert 'set local role "owner"' in server.asked
    own = Server(1, {"tidewaiter": ['e"mail'], "owner": ['e"mail']}, [["x"]])
    asyncio.run(Sampler(own, shop).read(source(), ['e"mail']))
    assert not any("role" in query for query in own.asked if query.startswith("set"))


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (asyncpg.QueryCanceledError("x"), "public.people: not read within 5 seconds"),
        (asyncpg.LockNotAvailableError("x"), "public.people: not read, somebody else has it locked"),
        (asyncpg.UndefinedTableError("gone"), "public.people: not read: gone"),
        (TimeoutError(), "public.people: not read: "),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "it holds text that is not in the database's encoding"),
    ],
)
def test_a_failure_is_a_problem_and_the_columns_are_unread(shop: Datasource, failure: Exception, told: str) -> None:
    server = Server(1, {"tidewaiter": ['e"mail']})
    server.failure = failure
    reading = asyncio.run(Sampler(server, shop).read(source(), ['e"mail']))
    assert len(reading.problems) == 1 and reading.problems[0].endswith(told)
    assert [sample.is_read for sample in reading.samples] == [False]


def test_only_types_of_the_server_are_read() -> None:
    assert is_readable(EMAIL) and not is_readable(RAW)
    assert is_readable(Column("c", 1, "text[]", 1009, "_text", is_array=True))
    assert not is_readable(Column("c", 1, "public.mood", 99999, "public.mood", kind="e"))
    assert not is_readable(Column("c", 1, "public.pair", 99999, "public.pair", kind="c"))
    assert not is_readable(Column("c", 1, "public.mood[]", 99998, "public._mood", is_array=True))
    assert is_readable(Column("c", 1, "public.citext", 99997, "public.citext"))


def test_a_database_that_does_not_answer_is_an_upstream_error(shop: Datasource) -> None:
    async def go() -> None:
        async with sampler(shop, Secret("")):
            raise AssertionError("nobody is there")

    with pytest.raises(UpstreamError, match="shop cannot be read"):
        asyncio.run(go())

"""The late form of a mask and its SQL form give the same bytes, on real servers, in text and in binary format.

Somebody may get one value masked late by one statement and in SQL by another: the two must not differ, for any value.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import pytest
from maskkit import KEY, PARTIAL, column, mask, values_of

from tidewaiter.config.shape import Mask
from tidewaiter.demo.postgres import Binaries, EmbeddedPostgres, bundled
from tidewaiter.masking.forms import column_mask
from tidewaiter.masking.late import late_mask
from tidewaiter.masking.plan import MaskPlan
from tidewaiter.model import Column, Secret
from tidewaiter.proxy.met import UTC

sys.path.insert(0, str(Path(__file__).parents[1] / "live"))
from rawwire import SYNC, Client, bind, describe, execute, message, parse

pytestmark = pytest.mark.live
connect: Callable[..., Any] = asyncpg.connect
SYSTEM_15 = Path("/usr/lib/postgresql/15/bin")
COUNT = 2_000  # generated values of each column

TEXTS = ["", "a", "ab", "abc", "abcd", "a@b.example", "@b", "none", "äöüß@é.example", "😀x@y", "  sp  ", "a@b@c",
         "\\", "'", "a\\b", "@", "a@", "ａ＠ｂ",
         "e\u0301@x.example", "x" * 100 + "@y", "\u00ad@x", "line\nline@x"]  # fmt: skip
LETTERS = "abcxyzABC012 .-_'\\\"%\t\näöüßéñ\u0301\u200b\u00a0漢字かな😀👍🏽＠"
DATES = ["2024-02-29", "1999-12-31", "0001-01-01", "0044-03-15 BC", "9999-12-31", "200000-06-01", "5874897-12-31",
         "infinity", "-infinity", "4713-01-01 BC", "0001-12-31 BC"]  # fmt: skip
MOMENTS = ["2024-02-29 12:34:56.789", "1999-12-31 23:59:59.999999", "0044-03-15 01:02:03 BC", "-infinity", "infinity",
           "1969-07-20 20:17:00", "294276-10-31 23:59:59.999"]  # fmt: skip
NUMBERS = [
    "0",
    "-0.00",
    "1",
    "-1",
    "9.99",
    "-9.99",
    "10",
    "99999.5",
    "-100000",
    "0.001",
    "12345678.9",
    "-1.10",
    "10000",
    "NaN",
]
LONG = [
    *NUMBERS,
    "Infinity",
    "-Infinity",
    "1e30",
    "-1e-30",
    "99999999999999999999.000001",
    "999999999999999999",
    "1e16",
    "1e131",
]


def text(rng: Random) -> str:
    """Some characters, often an address."""
    letters = rng.choice((LETTERS[:22], LETTERS))
    size = rng.choice((rng.randrange(8), rng.randrange(20), rng.randrange(80)))
    made = "".join(rng.choice(letters) for _ in range(size))
    return f"{made}@{''.join(rng.choice(letters) for _ in range(rng.randrange(9)))}" if rng.random() < 0.5 else made


def number(rng: Random, digits: int) -> str:
    """A number of so many digits before the point at most, and up to six behind it."""
    places = rng.randrange(7)
    size = rng.randrange(digits + 1)
    return f"{rng.choice(('', '-'))}{rng.randrange(10**size)}" + (
        f".{rng.randrange(10**places):0{places}}" if places else ""
    )


def day(rng: Random) -> str:
    """Days from 2000 on."""
    return str(rng.choice((rng.randrange(-40_000, 40_000), rng.randrange(-2_400_000, 3_000_000), rng.randrange(10**9))))


def microsecond(rng: Random) -> str:
    """Microseconds from 2000 on."""
    return str(rng.choice((rng.randrange(-(10**15), 10**15), rng.randrange(-(2 * 10**17), 9 * 10**18))))


@dataclass(frozen=True)
class Kind:
    """A column, its masks, values to remember and how others are made: `to` is what they are in SQL, of `{}`."""

    column: Column
    masks: tuple[Mask, ...]
    values: list[str]
    make: Callable[[Random], str]
    to: str = "{}"
    collation: str = ""

    def __str__(self) -> str:
        return self.column.type + self.collation


BY_TEXT = (
    PARTIAL,
    mask("partial", keep_first=0, keep_last=0, char="x"),
    mask("partial", keep_first=0, keep_last=4, char="•"),
    mask("partial", keep_first=3, keep_last=0, char="😀"),
    mask("partial", keep_first=1, keep_last=1, char="'"),
    mask("partial", keep_first=1, keep_last=1, char="\\"),
    mask("email"),
)
UNITS = tuple(mask("truncate", unit=unit) for unit in ("year", "month", "day"))
BUCKETS = tuple(mask("bucket", size=size) for size in (1, 7, 10, 1000, 10_000, 250_000.0, 10**17 + 3))
KINDS = [
    *(Kind(of, BY_TEXT, TEXTS, text) for of in (
        column("pg_catalog.text"), column("character varying(6)", "varchar"),
        column("character varying(40)", "varchar"),
        column("character(9)", "bpchar"), column("character(30)", "bpchar"), column("pg_catalog.bpchar"),
        column("pg_catalog.name"), column("public.citext", "public.citext"),
    )),
    Kind(column("pg_catalog.text"), BY_TEXT, TEXTS, text, collation=' collate "de-x-icu"'),
    Kind(column("pg_catalog.text"), BY_TEXT, TEXTS, text, collation=" collate loose"),
    Kind(column("numeric"), BUCKETS, LONG, partial(number, digits=40)),
    Kind(column("numeric(12,2)", "numeric"), BUCKETS, NUMBERS, partial(number, digits=10)),
    Kind(column("numeric(30,0)", "numeric"), BUCKETS, NUMBERS, partial(number, digits=30)),
    Kind(column("pg_catalog.date"), UNITS, DATES, day, "date '2000-01-01' + {}::int"),
    *(Kind(column(f"timestamp{size} without time zone", "timestamp"), UNITS, MOMENTS, microsecond,
           "timestamp '2000-01-01' + {}::float8 * interval '1 microsecond'") for size in ("", "(3)")),
    *(Kind(column(f"timestamp{size} with time zone", "timestamptz"), UNITS, MOMENTS, microsecond,
           "timestamptz '2000-01-01' + {}::float8 * interval '1 microsecond'") for size in ("", "(3)")),
]  # fmt: skip


def has_icu(server: EmbeddedPostgres) -> bool:
    asked = server.run("psql", "-Atc", "select count(*) from pg_collation where collname = 'de-x-icu'")
    return asked.stdout.strip() != "0"


@pytest.fixture(scope="module", params=["18", "15"])
def server(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    if request.param == "15" and not SYSTEM_15.is_dir():
        pytest.skip(f"PostgreSQL 15 is not installed in {SYSTEM_15}")
    with tempfile.TemporaryDirectory(prefix="tw-late-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        binaries = Binaries(SYSTEM_15) if request.param == "15" else bundled()
        with EmbeddedPostgres(Path(folder) / "server", Secret("late"), binaries=binaries) as running:
            running.execute("create extension citext; alter database postgres set timezone = 'UTC'")
            if has_icu(running):
                running.execute(
                    "create collation loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
                )
            yield running


def address(server: EmbeddedPostgres) -> tuple[str, int, str, str, str]:
    return server.host, server.port, server.superuser, server.password.value, "postgres"


async def fill(server: EmbeddedPostgres, kind: Kind) -> None:
    """The table `kept` with the column's values, and a NULL."""
    host, port, user, password, database = address(server)
    rng = Random(f"{kind}")
    made = [kind.make(rng) for _ in range(COUNT)]
    connection = await connect(host=host, port=port, user=user, password=password, database=database)
    try:
        await connection.execute(
            f"drop table if exists kept; create table kept (n serial, v {kind.column.type}{kind.collation})"
        )
        insert = (
            "insert into kept (v) select ({})::"
            + kind.column.type
            + " from unnest($1::text[]) with ordinality u (x, o) order by o"
        )
        await connection.execute(insert.format("x"), [*kind.values, None])
        await connection.execute(insert.format(kind.to.format("x")), made)
    finally:
        await connection.close()


def rows(client: Client, expression: str, *, is_binary: bool) -> bytes:
    """The rows of `kept` as they come."""
    return shown(client, f"{expression} from kept order by n", is_binary=is_binary)


def shown(client: Client, selected: str, *, is_binary: bool = False) -> bytes:
    """The rows of a SELECT as they come."""
    client.send(parse(f"select {selected}") + bind(results=[int(is_binary)]) + describe() + execute() + SYNC)
    got = list(client.until())
    assert [one.fields for one in got if one.type == b"E"] == []
    return b"".join(message(b"D", one.body) for one in got if one.type == b"D")


@pytest.mark.parametrize("is_binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_late_and_sql_agree(server: EmbeddedPostgres, kind: Kind, is_binary: bool) -> None:
    if kind.collation and not has_icu(server):
        pytest.skip("the server was built without ICU")
    asyncio.run(fill(server, kind))
    client = Client.connect(*address(server))
    try:
        raw = rows(client, "v", is_binary=is_binary)
        for one in kind.masks:
            sql = column_mask("tag", one, kind.column)
            assert sql.is_late
            plan = MaskPlan([(0, late_mask(one, kind.column, KEY, is_binary))])
            expected = values_of(rows(client, sql.sql.replace("{}", "v"), is_binary=is_binary))
            for apply in (plan.apply, plan.in_python):
                masked = values_of(apply(raw, 0, len(raw)))
                assert len(masked) == len(expected) == len(kind.values) + 1 + COUNT
                assert [
                    (value, late, wanted)
                    for value, late, wanted in zip(values_of(raw), masked, expected, strict=True)
                    if late != wanted
                ][:3] == [], one
    finally:
        client.close()


def test_what_servers_call_utc_is_utc_and_was_always(server: EmbeddedPostgres) -> None:
    moments = ("0044-03-15 12:00 BC", "1847-12-01", "1916-05-21 12:00", "1971-06-01", "2026-07-01", "9999-07-01")
    client = Client.connect(*address(server))
    try:
        for zone in sorted(UTC):
            client.send(message(b"Q", b"set timezone = '%b'\0" % zone.swapcase()))
            told = [one.body for one in client.until() if one.type == b"S"]
            assert told in ([], [b"TimeZone\0" + zone + b"\0"]), "nothing is told of the zone that is set already"
            for moment in moments:
                expression = f"timestamptz '{moment}+00'"
                for value in values_of(shown(client, expression)):
                    assert value[0] is not None and value[0].removesuffix(b" BC").endswith(b":00+00"), (zone, value)
    finally:
        client.close()

"""`python -m bench.masking [--write]`: what masks cost: direct, relay and gateway in turns over the same rows.

The gateway's principal may `unmask` nothing; direct and relay send the rows as they are. Masks in SQL are the server's
work, which direct does not have; late masks are the gateway's. A second gateway keeps its ledger in memory, where the
wait for the disk, which comes before the answer to a read of tagged columns, is nearly nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from bench import machine, report, steps, targets
from bench.__main__ import PAGE, take_turns
from bench.client import Answer, Client
from bench.measures import Measure, Sample
from bench.targets import Target
from tidewaiter.config import Classification, Mask
from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.extensions import Build, found
from tidewaiter.model import PREMISES, Allow, Context, Kind, Principal, Secret
from tidewaiter.policy import Policies
from tidewaiter.proxy.masked import MaskingJudge
from tidewaiter.proxy.masks import Masking
from tidewaiter.proxy.pipeline import Ground
from tidewaiter.sql.catalog import QUERIES, Catalog
from tidewaiter.sql.facts import Scope

MARKERS = ("<!-- masking: begin (written by `python -m bench.masking --write`) -->", "<!-- masking: end -->")
ROWS, STREAMED = 5_000, 300_000
MEMORY = "/dev/shm"
TIMES = 25  # statements of 5,000 rows per turn
STREAMS = 3
STEADY_US, FIRST_SIGHT_US, LABELS_US = 5.0, 1_500.0, 5_000.0

SQL = f"""
create function made(first int, last int) returns table (id int, name text, email text, city text, contact text,
  at timestamptz) language sql as $$
  select n, 'name ' || n, 'person' || n || '@example.com', 'city ' || n % 100, 'c' || n || '@example.org',
    timestamptz '2026-01-01' + n * interval '1 minute' from generate_series(first, last) n $$;
create table plain as select * from made(1, {ROWS});
create table by_sql as select * from made(1, {ROWS});
create table dated as select * from made(1, {ROWS});
create table shaped as select * from made(1, {ROWS});
create table mixed as select * from made(1, {ROWS});
create table noted as select id, name, email, city, 'call ' || case n % 10 when 0 then contact else 'him' end ||
  ' on monday, the order came late and our customer asked for a refund' as note, at
  from made(1, {ROWS}), lateral (select id) x(n);
create table plain_stream as select * from made(1, {STREAMED});
create table masked_stream as select * from made(1, {STREAMED});
create table mixed_stream as select * from made(1, {STREAMED});
vacuum analyze plain, by_sql, dated, shaped, mixed, noted, plain_stream, masked_stream, mixed_stream;
"""

CLASSIFICATION = """
[tags]
shape = { mask = { name = "partial", keep_first = 1, keep_last = 1 } }
address = { mask = "email" }
joined = { mask = "token" }
person = { mask = "fake" }
text = { mask = "free_text" }
shown = { mask = "redact" }
day = { mask = { name = "truncate", unit = "month" } }
about = { mask = { name = "bucket", size = 10 } }
[datasource.bench]
"public.by_sql" = { id = ["about"], email = ["shown"], contact = ["shown"] }
"public.dated" = { email = ["shown"], contact = ["shown"], at = ["day"] }
"public.shaped" = { name = ["shape"], email = ["address"], city = ["shape"], contact = ["address"] }
"public.mixed" = { name = ["person"], email = ["joined"], city = ["shape"], contact = ["address"] }
"public.noted" = { note = ["text"] }
"public.masked_stream" = { email = ["joined"] }
"public.mixed_stream" = { name = ["person"], email = ["joined"], city = ["shape"], contact = ["address"] }
"""

TABLES, VIEWS = 1_500, 500
WIDE = "wide"
WIDE_SQL = f"""
select format('create table table_%s (id int primary key, parent_id int, name text, email text, at timestamptz,
  a int, b int, c text, d text, e numeric)', n) from generate_series(0, {TABLES - 1}) n \\gexec
select format('create view view_%s as select id, name, %s as email, at, a, b, c, d, e, parent_id from table_%s', n,
  case n % 4 when 0 then 'lower(email)' else 'email' end, n * 2) from generate_series(0, {VIEWS - 1}) n \\gexec
"""
JOIN = (
    b"SELECT a.name, b.at, a.email FROM table_70 a JOIN table_9 b ON b.parent_id = a.id "
    b"WHERE b.at > '2026-01-01' AND a.id < 1000 ORDER BY 2 DESC LIMIT 20"
)

CASES = {
    "nothing masked": "plain",
    "in SQL: bucket, redact, redact": "by_sql",
    "in SQL: redact, redact; late: truncate of a timestamptz": "dated",
    "late: partial, email, partial, email": "shaped",
    "late: token, fake, partial, email": "mixed",
    "late: free_text": "noted",
}


@dataclass(frozen=True, slots=True)
class Asking:
    """How a client asks: by a simple query, or by an extended one that wants binary values."""

    name: str
    ask: Callable[[Client, str], Answer]


STREAMS_OF = {
    "nothing masked": "plain_stream",
    "late: token": "masked_stream",
    "late: token, fake, partial, email": "mixed_stream",
}
ASKINGS = (Asking("text", Client.query), Asking("binary", Client.query_binary))


def rows_ms(table: str, asking: Asking) -> Callable[[Target], Sample]:
    """Milliseconds for all rows of a table of 5,000, and the processor time of what is in between."""

    def take(target: Target) -> Sample:
        client = Client(target.login)
        asking.ask(client, f"select * from {table}")
        before = machine.processor_s(target.pid) if target.pid else 0.0
        taken = [asking.ask(client, f"select * from {table}").total_s for _ in range(TIMES)]
        spent = (machine.processor_s(target.pid) - before) / TIMES * 1e6 if target.pid else None
        client.close()
        return Sample(median(taken) * 1e3, spent)

    return take


def instead(quick: Target, take: Callable[[Target], Sample]) -> Callable[[Target], Sample]:
    """The same of another gateway."""
    return lambda target: take(quick if target.name == quick.name else target)


def stream(table: str, value: Callable[[Answer], float]) -> Callable[[Target], Sample]:
    """Something about a result of 300,000 rows."""

    def take(target: Target) -> Sample:
        client = Client(target.login)
        client.query("select * from plain")
        taken = [value(client.query(f"select * from {table}")) for _ in range(STREAMS)]
        client.close()
        return Sample(median(taken))

    return take


def rows_per_processor_s(table: str) -> Callable[[Target], Sample | None]:
    """Rows that the process in between passes on in a second of its processor time: what one worker can do."""

    def take(target: Target) -> Sample | None:
        if target.pid is None:
            return None
        client = Client(target.login)
        client.query("select * from plain")
        before = machine.processor_s(target.pid)
        for _ in range(STREAMS):
            client.query(f"select * from {table}")
        spent = machine.processor_s(target.pid) - before
        client.close()
        return Sample(STREAMS * STREAMED / spent)

    return take


def all_measures(quick: Target) -> Iterator[Measure]:
    """Every line of the table, in its order. `quick` is the gateway with its ledger in memory."""
    for (what, table), asking in itertools.product(CASES.items(), ASKINGS):
        budget = ("direct", 1.15)
        yield Measure(f"5,000 rows × 6, {what}; {asking.name}", "ms", False, rows_ms(table, asking), budget=budget)
    for what, table in CASES.items():
        name = f"5,000 rows × 6, {what}; text, without the wait"
        yield Measure(name, "ms", False, instead(quick, rows_ms(table, ASKINGS[0])), budget=("direct", 1.15))
    for what, table in STREAMS_OF.items():
        first_ms = stream(table, lambda answer: answer.first_row_s * 1e3)
        yield Measure(f"first row of 300,000, {what}", "ms", False, first_ms)
        per_s = stream(table, lambda answer: STREAMED / answer.total_s)
        yield Measure(f"stream of 300,000 rows, {what}", "rows/s", True, per_s)
        able = rows_per_processor_s(table)
        yield Measure(f"rows per second of processor time, {what}", "rows/s", True, able)


def judgements(server: EmbeddedPostgres) -> Iterator[tuple[str, float, float]]:
    """(what, µs of processor time, budget) of judging and rewriting for somebody who sees masks."""
    catalog = asyncio.run(_catalog(server))
    tagged = {f"public.table_{n}": {"name": ("person",), "email": ("address",)} for n in range(0, TABLES, 10)}
    tags = {"person": Mask("token"), "address": Mask("email")}
    classification = Classification(tags, {"bench": tagged})
    policies = Policies.parse({"bench.cedar": f'@id("read") {steps.POLICY}'}, ["bench"], classification=classification)
    principal, scope, context = Principal("bench", Kind.USER), Scope(steps.PATH), Context("127.0.0.1", "bench")
    ground = Ground(
        principal, "bench", False, policies, catalog, steps.PATH, policies.tagged("bench"), False, is_veiled=True,
        met=PREMISES,
    )  # fmt: skip
    numbers = itertools.count()

    def masking() -> Masking:
        return Masking("bench", "bench", Secret("bench"), lambda: f"tw{next(numbers):06x}q")

    one = masking()
    judge = MaskingJudge(ground, one)
    judged = judge.judge(JOIN, scope, context, is_private=False)
    assert isinstance(judged.verdict, Allow) and judged.plan is not None and judged.plan.touches and judged.plan.late
    yield "a masked statement, its text known", steps.processor_us(lambda: judge.recall(JOIN)), STEADY_US
    first = steps.processor_us(lambda: MaskingJudge(ground, one).judge(JOIN, scope, context, is_private=False))
    yield "a masked statement at first sight: judged, rewritten, read again and compared", first, FIRST_SIGHT_US
    counts = f"{len(catalog.relations):,} relations, {sum(map(len, catalog.columns.values())):,} columns"
    labels = steps.processor_us(lambda: masking().sight(policies, principal, catalog, None, context))
    yield f"what masks flow to, once per catalog ({counts})", labels, LABELS_US


async def _catalog(server: EmbeddedPostgres) -> Catalog:
    connect: Callable[..., Awaitable[Any]] = asyncpg.connect  # it has no types of its own
    connection = await connect(
        host=server.host, port=server.port, user="postgres", password=server.password.value, database=WIDE,
        server_settings={"search_path": "pg_catalog"},  # so that views name the schemas of what they read
    )  # fmt: skip
    try:
        return Catalog.from_rows({name: await connection.fetch(text) for name, text in QUERIES.items()})
    finally:
        await connection.close()


@contextlib.contextmanager
def started(folder: Path) -> Iterator[tuple[EmbeddedPostgres, list[Target], Target]]:
    """One PostgreSQL with the tables; direct, relay and gateway in front of it; a gateway with its ledger in memory."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(targets.upstream(folder / "postgres"))
        server.execute(f"create database {WIDE}")
        for database, user, text in ((targets.DATABASE, targets.ROLE, SQL), (WIDE, "postgres", WIDE_SQL)):
            made = server.run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", database=database, user=user, text_in=text)
            if made.returncode:
                raise RuntimeError(f"the tables could not be made: {made.stderr}")
        relay = stack.enter_context(targets.relay(server, folder / "relay"))
        gateway = stack.enter_context(targets.gateway(server, folder / "gateway", classification=CLASSIFICATION))
        memory = stack.enter_context(tempfile.TemporaryDirectory(prefix="tidewaiter-bench-", dir=MEMORY))
        quick = stack.enter_context(targets.gateway(server, Path(memory) / "gateway", classification=CLASSIFICATION))
        yield server, [targets.direct(server), relay, gateway], quick


def main() -> None:
    """Measure, print, and with --write update docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="python -m bench.masking", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="only measures whose name contains this text")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/benchmarks.md")
    given = parser.parse_args()
    if found() is not Build.COMPILED:
        print("the modules are not compiled: run `make compiled`", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)  # PostgreSQL runs as another user when this runs as root
        with started(Path(name)) as (server, three, quick):
            chosen = [measure for measure in all_measures(quick) if given.only in measure.name]
            results = report.Results([target.name for target in three], chosen)
            for turn in range(given.rounds):
                for measure in chosen:
                    take_turns(results, measure, three, turn)
            timed = list(judgements(server))
    lines = [*machine.facts(f"{given.rounds} rounds"), "", *report.tables(results), "", *report.judging_table(timed)]
    print("\n".join(lines))
    if given.write:
        report.write(PAGE, {}, lines, MARKERS)


if __name__ == "__main__":
    main()

"""The steps that every statement takes, each by itself in a loop: processor time, unless it waits for the disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from timeit import Timer

from tidewaiter.ledger.entry import Body
from tidewaiter.ledger.keys import create_keys
from tidewaiter.ledger.log import Log
from tidewaiter.model import Allow, Context, Kind, Principal, Receipt
from tidewaiter.policy import Policies
from tidewaiter.proxy.pipeline import Ground, Judge
from tidewaiter.proxy.trail import Execution, Trail, who
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import BackendFrames, FrontendFrames

TEXT = b"SELECT abalance FROM pgbench_accounts WHERE aid = 4711;"
PREPARED = b"SELECT abalance FROM pgbench_accounts WHERE aid = $1;"
JOIN = (
    b"SELECT DISTINCT a.name, b.at FROM table_7 a JOIN table_9 b ON b.parent_id = a.id "
    b"WHERE b.at > '2026-01-01' AND a.name LIKE 'x%' ORDER BY 2 DESC LIMIT 20"
)
BINDS = b"\0\0\0\1\0\0\0\0044711\0\0"
POLICY = 'permit (principal == User::"bench", action in Action::"read", resource in Datasource::"bench");'
PATH = ("pg_catalog", "public")
RELATION = ["public", "pgbench_accounts", "r", ["aid", "bid", "abalance", "filler"], ["aid"], False]
ANSWER = (
    postgres.bind_complete() + postgres.data_row((b"-1234",)) + postgres.command_complete("SELECT 1")
    + postgres.ready_for_query("I")
)  # fmt: skip
TIMED_S = 0.2
CACHED_US = 5.0
FIRST_SIGHT_US = 1000.0


def per_call_us(step: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Microseconds of one call: the best of five loops of about 0.04 s. `clock` gives seconds."""
    timer = Timer(step, timer=clock)
    loops = max(1, int(TIMED_S / max(timer.timeit(1), 1e-7) / 5))
    while timer.timeit(loops) < TIMED_S / 5:
        loops *= 2
    return min(timer.repeat(5, loops)) / loops * 1e6


class Recorder:
    """The ledger without an event loop: appends; written and hashed apart."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt:
        return self.log.append(kind, members, body)

    async def record_big(self, kind: str, members: bytes, body: bytes) -> Receipt:
        return self.record(kind, members, body)


def processor_us(step: Callable[[], object]) -> float:
    """Microseconds of processor time: what judges waits for nothing, so other work on the machine hardly counts."""
    return per_call_us(step, time.process_time)


def judging_steps() -> Iterator[tuple[str, float, float]]:
    """(what, µs of processor time, budget) of a judgement: a remembered one, and the first of an ordinary statement."""
    judge = Judge(ground())
    scope, context = Scope(PATH, {}, {}, {}), Context("127.0.0.1", "pgbench")
    for text in (PREPARED, TEXT):
        judge.judge(text, scope, context, is_private=False)
    numbers = iter(range(10**9))
    yield "cached judgement, the same text", processor_us(lambda: judge.recall(PREPARED)), CACHED_US
    other = b"SELECT abalance FROM pgbench_accounts WHERE aid = %d;"
    yield "cached judgement, other literals", processor_us(lambda: judge.recall(other % next(numbers))), CACHED_US
    first = _first_sight_us(scope, context)
    yield "first sight of an ordinary statement, 200 tables, 50 policies", first, FIRST_SIGHT_US


def all_steps(folder: Path) -> list[tuple[str, float]]:
    """(what, microseconds) of every step."""
    judge = Judge(ground())
    scope, context = Scope(PATH, {}, {}, {}), Context("127.0.0.1", "pgbench")
    judged = judge.judge(PREPARED, scope, context, is_private=False)
    judge.judge(TEXT, scope, context, is_private=False)
    found = [*_reading_steps(), *((what, us) for what, us, _ in judging_steps())]
    forgetful = processor_us(lambda: Judge(judge.ground).judge(TEXT, scope, context, is_private=False))
    found.append(("parse, understand and decide a text never seen", forgetful))
    keys = create_keys(folder / "keys", "bench/steps")
    log = Log.open(folder / "ledger", origin="bench/steps", keys=keys, clock_ns=time.time_ns)
    try:
        trail = Trail(Recorder(log), "full", who("0123456789ab", judge.ground.principal, "bench"))
        found += _recording_steps(trail, log, lambda: Execution(judged, PREPARED, 0, BINDS, (23,)))
    finally:
        log.close()
    return found


def _first_sight_us(scope: Scope, context: Context) -> float:
    """The judgement of an ordinary join, by somebody whom the last of 50 policies permits it."""
    tables = [["public", f"table_{n}", "r", ["id", "parent_id", "name", "at"], ["id"], False] for n in range(200)]
    catalog = Catalog.from_rows({"relations": tables, "schemas": [["public"], ["pg_catalog"]]})
    texts = [
        f'@id("p{n}") permit (principal == User::"{who}", action in Action::"read", resource in Datasource::"bench");'
        for n, who in enumerate([*(f"other{n}" for n in range(49)), "bench"])
    ]
    policies = Policies.parse({"bench.cedar": "\n".join(texts)}, ["bench"])
    ground = Ground(Principal("bench", Kind.USER), "bench", False, policies, catalog, PATH, frozenset(), False)
    judged = Judge(ground).judge(JOIN, scope, context, is_private=False)
    assert isinstance(judged.verdict, Allow) and not judged.facts.unknown
    return processor_us(lambda: Judge(ground).judge(JOIN, scope, context, is_private=False))


def _reading_steps() -> Iterator[tuple[str, float]]:
    asked = (
        postgres.bind(b"", b"P0_1", (), (b"4711",), ()) + postgres.describe("P", b"") + postgres.execute(b"", 0)
        + postgres.sync()
    )  # fmt: skip
    frontend, backend = FrontendFrames(1 << 20), BackendFrames()
    yield "find the messages of Bind, Describe, Execute, Sync", processor_us(lambda: frontend.feed(asked))
    yield "find the messages of a one-row answer", processor_us(lambda: backend.feed(ANSWER))


def _recording_steps(trail: Trail, log: Log, run: Callable[[], Execution]) -> Iterator[tuple[str, float]]:
    ended = run()
    ended.results, ended.rows, ended.bytes = [("SELECT", 1)], 1, len(ANSWER)
    yield "encode the body", processor_us(lambda: Body(PREPARED, BINDS, (23,)).encode())

    def recorded() -> None:
        trail.outcome(ended, "ok", 100)

    def written() -> None:
        recorded()
        log.write()

    def synced() -> None:
        written()
        log.sync()

    yield "one execution entry: format, seal, frame, hash; written by the megabyte", processor_us(recorded)
    yield "the same, written by itself", processor_us(written)
    yield "the same, written and synced by itself; with the wait for the disk", per_call_us(synced)


def ground() -> Ground:
    """One table, one person who may read it."""
    catalog = Catalog.from_rows({"relations": [RELATION], "schemas": [["public"], ["pg_catalog"]]})
    policies = Policies.parse({"bench.cedar": f'@id("read") {POLICY}'}, ["bench"])
    principal = Principal("bench", Kind.USER)
    return Ground(principal, "bench", False, policies, catalog, PATH, frozenset(), False)

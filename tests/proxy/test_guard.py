"""A guarded statement as a transcript: what the gateway sends step by step, and what the client gets when."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.model import Allow, Context, Effect, EffectKind, Facts, Kind, Principal, Receipt
from tidewaiter.policy import Policies
from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.guard import Guard, Guarded
from tidewaiter.proxy.history import History
from tidewaiter.proxy.limits import RowLimit
from tidewaiter.proxy.masks import Plan
from tidewaiter.proxy.names import Names, Portal, Statement
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Execution, Trail
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.catalog_mirror import Mirror
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import length_at


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


BEGUN = message(b"1") + message(b"2") + message(b"n")
SUSPENDED = message(b"s")
CLOSED = message(b"3")
ROW = postgres.data_row([b"x"])
READY, FAILED_READY = postgres.ready_for_query("I"), postgres.ready_for_query("E")
SYNTAX = postgres.error_response("ERROR", "42601", "syntax error")


def counted(*rows: bytes) -> bytes:
    answer = CLOSED + message(b"1") + message(b"2") + b"".join(postgres.data_row([row]) for row in rows)
    return answer + postgres.command_complete(f"SELECT {len(rows)}") + CLOSED + CLOSED


def done(tag: str) -> bytes:
    return postgres.command_complete(tag)


class Watched:
    current = settled = Catalog()
    completed = 0
    history = History()

    is_fresh = True

    def look(self) -> asyncio.Future[None]:
        looked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        looked.set_result(None)
        return looked

    def refresh_soon(self) -> int:
        return 0

    async def refresh(self) -> Catalog:
        return self.current

    is_reading = False

    async def at_rest(self) -> None:
        return None

    async def catch_up(self) -> Catalog:
        return self.current

    async def catch_up_within(self, limit_s: float) -> None:
        return None

    mirror: Mirror | None = None


@dataclass
class Book:
    """A ledger that remembers what it was told, and breaks from the entry of number `breaks_at` on."""

    entries: list[tuple[str, str]] = field(default_factory=list)
    breaks_at: int = 1000

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt:
        if len(self.entries) >= self.breaks_at:
            raise LedgerUnavailable("full")
        self.entries.append((kind, members.decode()))
        return Receipt(len(self.entries))

    async def record_big(self, kind: str, members: bytes, body: bytes) -> Receipt:
        return self.record(kind, members, body)


class Play:
    """Plays the server: to each step of the gateway the next of `replies`. `steps` has the message types sent."""

    def __init__(self, *replies: bytes, breaks_at: int = 1000) -> None:
        self.replies = list(replies)
        self.steps: list[str] = []
        self.client: list[bytes] = []
        self.refused: list[bytes] = []
        self.interrupts = 0
        self.book = Book(breaks_at=breaks_at)
        trail = Trail(self.book, "none", {})
        policies = Policies.__new__(Policies)
        footing = Footing("shop", False, False, Watched(), lambda: policies, Judges(), Context(), lambda: 0)
        self.names = Names()
        standing = Standing(Principal("lena", Kind.USER), footing, self.names)
        self.answers = Answers(standing, trail, lambda: 0)
        self.guard = Guard("s1", self, self.answers, standing, trail)

    def to_client(self, data: bytes) -> None:
        self.client.append(data)

    def to_server(self, data: bytes) -> None:
        kinds, at = "", 0
        while at < len(data):
            kinds, at = kinds + chr(data[at]), at + length_at(data, at)
        self.steps.append(kinds)
        reply = self.replies.pop(0)
        asyncio.get_running_loop().call_soon(lambda: self.client.append(self.answers.feed(reply)))

    def expect(self, plan: Plan) -> None:
        raise AssertionError("nothing is masked here")

    def refuse(self, error: bytes) -> None:
        self.refused.append(error)

    async def interrupt(self) -> None:
        self.interrupts += 1
        reply = self.replies.pop(0)
        asyncio.get_running_loop().call_soon(lambda: self.client.append(self.answers.feed(reply)))

    def run(self, guarded: Guarded) -> bytes:
        """What the client got."""
        asyncio.run(self.guard.answer(guarded))
        assert self.replies == []
        return b"".join(self.client)

    @property
    def outcome(self) -> str:
        return self.book.entries[-1][1]


def guarded(rows: int, *verbs: str, measured: bool = False, portal: Portal | None = None, most: int = 0) -> Guarded:
    limit = RowLimit(rows, "few", measured, True)
    judged = Judged(Facts(verbs), Allow(("few",), rows, "few"), b'"verdict":"allow"', False, False, limit)
    return Guarded(Execution(judged, b"text", 0, portal=portal), limit, portal, most)


def told(answer: bytes) -> Mapping[str, str]:
    """Fields of the one error in an answer."""
    at = 0
    while answer[at] != ord("E"):
        at += length_at(answer, at)
    return postgres.parse_error_fields(answer[at + 5 : at + length_at(answer, at)])


def test_a_short_read_takes_two_steps_and_its_own_completion() -> None:
    play = Play(BEGUN + ROW + done("SELECT 1"), CLOSED + READY)
    assert play.run(guarded(2, "select")) == ROW + done("SELECT 1") + READY
    assert play.steps == ["PBDEH", "CS"]
    assert [kind for kind, _ in play.book.entries] == ["intent", "outcome"]
    assert '"status":"ok","results":[["SELECT 1",1]],"rows":1' in play.outcome


def test_exactly_the_limit_is_completed_with_the_whole_count() -> None:
    play = Play(BEGUN + ROW + ROW + SUSPENDED, done("SELECT 0"), CLOSED + READY)
    assert play.run(guarded(2, "select")) == ROW + ROW + done("SELECT 2") + READY
    assert play.steps == ["PBDEH", "EH", "CS"]


def test_one_row_more_is_not_passed_and_the_server_fails_the_transaction() -> None:
    play = Play(BEGUN + ROW + ROW + SUSPENDED, ROW + SUSPENDED, SYNTAX + FAILED_READY)
    answer = play.run(guarded(2, "select"))
    assert answer.startswith(ROW + ROW + b"E") and answer.endswith(FAILED_READY)
    assert answer.count(ROW) == 2
    assert told(answer)["C"] == "42501" and told(answer)["D"] == "decision s1/1"
    assert play.steps == ["PBDEH", "EH", "PS"]
    assert '"status":"limited"' in play.outcome and '"limit":{"rows":2,"rule":"few"}' in play.outcome
    assert '"rows":2,"bytes"' in play.outcome and '"sqlstate":"42501"' in play.outcome
    assert play.answers.transaction == "E"


def test_a_write_is_counted_before_the_client_hears_of_it() -> None:
    play = Play(counted(b"16400 5"), BEGUN + done("DELETE 1"), counted(b"16400 7"), CLOSED + READY)
    assert play.run(guarded(2, "delete", measured=True)) == done("DELETE 1") + READY
    assert play.steps == ["CPBECCH", "PBDEH", "CPBECCH", "CS"]


@pytest.mark.parametrize(
    ("tag", "after", "changed"), [("DELETE 3", b"16400 8", 3), ("DELETE 1", b"16401 9", 9), ("DELETE 4", b"", 4)]
)
def test_a_write_of_more_rows_is_undone(tag: str, after: bytes, changed: int) -> None:
    rows = [after] if after else []
    play = Play(counted(b"16400 5"), BEGUN + ROW + done(tag), counted(*rows), SYNTAX + READY)
    answer = play.run(guarded(2, "delete", measured=True))
    assert (told(answer)["C"], ROW in answer) == ("42501", False)
    assert f"change {changed} rows" in told(answer)["M"]
    assert play.steps[-1] == "PS"
    assert f'"changed":{changed}' in play.outcome


def test_an_error_of_the_statement_is_the_server_s_own() -> None:
    play = Play(BEGUN[:5] + SYNTAX, READY + CLOSED + READY)
    assert play.run(guarded(2, "select")) == SYNTAX + READY
    assert play.steps == ["PBDEH", "SCS"]
    assert '"status":"error"' in play.outcome


def test_an_error_at_the_commit_takes_the_place_of_the_completion() -> None:
    deferred = postgres.error_response("ERROR", "23503", "violates foreign key")
    play = Play(counted(), BEGUN + done("INSERT 0 1"), counted(), CLOSED + deferred + READY)
    assert play.run(guarded(2, "insert", measured=True)) == deferred + READY
    assert '"sqlstate":"23503"' in play.outcome


def test_an_error_while_counting_is_the_statement_s_end() -> None:
    cancelled = postgres.error_response("ERROR", "57014", "canceling statement due to user request")
    play = Play(counted(), BEGUN + ROW + done("DELETE 1"), CLOSED + cancelled, READY + CLOSED + READY)
    assert play.run(guarded(2, "delete", measured=True)) == cancelled + READY
    assert '"status":"cancelled"' in play.outcome


def test_copy_out_is_interrupted_where_it_has_more() -> None:
    shape = message(b"H", b"\0\0\0")
    line, cancelled = message(b"d", b"x\n"), postgres.error_response("ERROR", "57014", "cancelled")
    play = Play(BEGUN + shape + line + line + line, line + cancelled, READY)
    answer = play.run(guarded(2, "copy_out"))
    assert answer.startswith(shape + line + line + b"E") and answer.endswith(READY)
    assert (told(answer)["C"], play.interrupts) == ("42501", 1)


def portal() -> Portal:
    return Portal(Statement(b"text", (), Facts(("select",))), b"p")


def test_an_execute_keeps_to_the_client_s_own_smaller_limit() -> None:
    play = Play(ROW + SUSPENDED)
    play.names.bind(one := portal())
    asked = guarded(5, "select", portal=one, most=1)
    assert play.run(asked) == ROW + SUSPENDED
    assert (play.steps, one.execution is asked.run, asked.run.rows) == (["EH"], True, 1)


def test_an_execute_beyond_the_limit_leaves_the_refusal_to_the_client_s_sync() -> None:
    play = Play(ROW + ROW + SUSPENDED, ROW + SUSPENDED)
    assert play.run(guarded(2, "select", portal=portal())) == ROW + ROW
    assert told(play.refused[0])["C"] == "42501"


TWO = b"declare p cursor for select 1; fetch 2 from p"


def fetch(rows: int, cursor: str = "p", **more: Effect) -> Guarded:
    """A simple Query that fetches from a cursor; with `declares`, after it declared it."""
    asked = guarded(rows, "select")
    facts = Facts(("select",), effects=tuple(more.values()), fetches=((len(more), cursor),), parts=1 + len(more))
    return Guarded(Execution(replace(asked.run.judged, facts=facts), TWO if more else b"fetch", 0), asked.limit)


def test_what_execute_and_fetch_gave_of_a_portal_counts_together() -> None:
    play = Play(ROW + SUSPENDED)
    play.names.bind(one := portal())
    play.run(guarded(3, "select", portal=one, most=1))
    play.replies = [BEGUN + ROW + ROW + SUSPENDED, ROW + SUSPENDED, SYNTAX + FAILED_READY]
    play.client.clear()
    answer = play.run(fetch(3))
    assert (answer.count(ROW), told(answer)["C"], one.fetched) == (2, "42501", 3)


def test_what_was_read_before_the_limit_stays_counted_whatever_is_rolled_back() -> None:
    play = Play(ROW + ROW + SUSPENDED, ROW + SUSPENDED)
    play.names.bind(one := portal())
    play.run(guarded(2, "select", portal=one))
    assert one.fetched == 2
    play.replies, play.refused = [ROW + SUSPENDED], []
    play.answers.owed.failed()
    play.client.clear()
    assert play.run(guarded(2, "select", portal=one)) == b""
    assert told(play.refused[0])["C"] == "42501"


def test_a_cursor_that_the_text_declared_is_counted_from_its_beginning() -> None:
    play = Play(BEGUN + done("DECLARE CURSOR"), BEGUN + ROW + ROW + done("FETCH 2"), CLOSED + READY)
    play.names.bind(old := portal())
    old.fetched = 2  # closed and declared anew
    facts = Facts(("select",))
    play.run(fetch(2, declares=Effect(EffectKind.DECLARE, "p", facts)))
    new = play.names.portals[b"p"]
    assert (new is old, new.fetched) == (False, 2)


def test_an_execute_that_fails_skips_to_sync() -> None:
    play = Play(SYNTAX)
    assert play.run(guarded(2, "select", portal=portal())) == SYNTAX
    assert play.answers.owed.is_skipping


def test_nothing_runs_without_an_intent_and_nothing_is_answered_without_an_outcome() -> None:
    play = Play(breaks_at=0)
    with pytest.raises(LedgerUnavailable):
        play.run(guarded(2, "select"))
    assert play.steps == []
    play = Play(BEGUN + done("SELECT 0"), CLOSED + READY, breaks_at=1)
    with pytest.raises(LedgerUnavailable):
        play.run(guarded(2, "select"))
    assert b"".join(play.client) == b""

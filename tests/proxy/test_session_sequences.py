"""Conversations with a model of the server: a client cannot tell the gateway from the server but by refusals."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from modelserver import BY_ID, FILL, NAMES, TEXTS, TWO, UNKNOWN_FUNCTION, WAITS, Gated, Server, Text
from playbook import messages_of
from playstage import ADA, PATH, NoToday, Paper, Shelf, Wire, policies, shop

from tidewaiter.approvals.desk import Request, State
from tidewaiter.model import Context
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.holding import Document, Held, Holding, Radius
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.session import Session
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Trail
from tidewaiter.wire import postgres as pg

JUDGES = Judges()  # shared, so that a text is new once and known ever after
END = [pg.copy_fail(b"at the end"), pg.sync()]  # so that the server has answered everything
TAGGED = frozenset({("public", "customers")})
TAGGED_READS = [NAMES.sql, BY_ID.sql, TWO.sql]
QUIET = 24  # turns of the loop in which nothing happens: then nothing will


class Desk(NoToday):
    """Approves what empties the audit trail and denies all else."""

    async def ask(self, draft: Request, radius: Radius) -> Request:
        is_fine = "audit_trail" in draft.statement
        return replace(draft, id="AR-1", state=State.APPROVED if is_fine else State.OPEN)

    async def radius(self, held: Held, *, is_brief: bool = False) -> Document:
        return {}

    async def consume(self, id_: str, binding: str, session: str, now: Document, radius: Radius) -> Request:
        return replace(await self.decided(id_, 0.0), state=State.CONSUMED)

    def most_rows(self, request: Request) -> int | None:
        return None

    async def fail(self, id_: str, reason: str, session: str) -> Request:
        return await self.decided(id_, 0.0)


@dataclass
class Talk:
    """What a client sends, and how it travels: `moves` are (what happens, how many bytes of it).

    `is_guarded`: customers are tagged, and the ledger's disk is slow.
    """

    messages: list[bytes]
    moves: list[tuple[str, int]] = field(default_factory=list)
    asides: list[bytes] = field(default_factory=list)
    asks_path: bool = False
    is_guarded: bool = False

    def __repr__(self) -> str:
        return f"Talk({self.messages}, {self.moves}, {self.asides}, {self.asks_path}, {self.is_guarded})"


class Conversation:
    """One session between a client that sends a talk and a model of the server."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.paper = Paper(slow_disk=talk.is_guarded)
        self.server = Server(on_run=self._on_run, on_message=self._aside)
        self.said_aside: list[bytes] = []
        self.runs: Counter[bytes] = Counter()
        self.said = b""
        self._asides = iter(talk.asides)
        self._unsent = b"".join(talk.messages)
        self._seen = 0  # bytes of what left the server that the gateway has

    def _aside(self) -> bytes:
        """What the server says unasked, before its next message."""
        found = next(self._asides, b"")
        if found:
            self.said_aside.append(found)
        return found

    def _on_run(self, text: Text) -> None:
        """Nothing runs that is refused, and what is weighty is durable before it runs."""
        assert text.verdict == "allow", f"{text.sql!r} was refused and runs"
        self.runs[text.sql] += 1
        if text.is_weighty:
            known = self._durable_intents([text.sql])
            assert known >= self.runs[text.sql], f"{text.sql!r} runs before its intent is durable"

    def _durable_intents(self, texts: list[bytes]) -> int:
        intents = [one for one in self.paper.kept if one["kind"] == "intent" and one["verdict"] == "allow"]
        return sum(one["sql"] in texts for one in intents)

    def _on_client_write(self, data: bytes) -> None:
        if data[:1] == b"N":  # what is told of a held statement waits for nothing
            return
        assert b"VFATAL\0" in data or self.paper.flushed == len(self.paper.raw), f"{data[:40]!r} left unrecorded"
        self.said += data
        if self.talk.is_guarded:  # ada is the first row of each of these, and of no other
            given, known = self.said.count(b"\0\0\0\3ada"), self._durable_intents(TAGGED_READS)
            assert given <= known, f"{given} answers left, and {known} intents are durable"

    def _build(self) -> None:
        self.client, self.upstream = Wire(self._on_client_write), Wire(lambda _: None)
        found = policies(tagged=TAGGED if self.talk.is_guarded else frozenset())
        footing = Footing(
            "shop", False, False, Shelf(shop()), lambda: found, JUDGES, Context("127.0.0.1", "test"), lambda: 0
        )
        standing = Standing(ADA, footing, Names())
        if not self.talk.asks_path:
            standing.set_path(PATH)
        self.session = Session(
            "s", self.client.link, self.upstream.link, standing, Trail(self.paper, "full", {"session": "s"}),
            self.paper, lambda: 0, 1 << 20, self._interrupt,
            Holding(Desk(), Desk(), "s", "shop", self.client.link.write, lambda: 0.0),
        )  # fmt: skip

    async def _interrupt(self) -> None:
        """Nothing is cancelled here."""

    async def run(self) -> None:
        """Have the talk, to its end."""
        self._build()
        life = asyncio.get_running_loop().create_task(self.session.run())
        try:
            for what, size in self.talk.moves:
                self._move(what, size)
                await asyncio.sleep(0)
            await self._finish()
            assert not life.done() or self.session.ended
        finally:
            self.session.end("the talk is over")
            self.reason = await life
            self.session.close_trail()

    def _move(self, what: str, size: int) -> None:
        if what == "ask" and self.client.is_open and self.client.reads and self._unsent:
            chunk, self._unsent = self._unsent[:size], self._unsent[size:]
            self.client.link.data_received(chunk)
        elif what == "serve":
            chunk, self.upstream.got = self.upstream.got[:size], self.upstream.got[size:]
            self.server.feed(chunk)
        elif what == "answer" and self.upstream.is_open and self.upstream.reads:
            chunk = bytes(self.server.sent[self._seen : self._seen + size])
            self._seen += len(chunk)
            if chunk:
                self.upstream.link.data_received(chunk)
            elif not self.server.is_open:
                self.upstream.lose()
        elif what == "sync":
            self.paper.sync()

    async def _finish(self) -> None:
        """Everything travels until nothing more comes of it."""
        quiet, before = 0, None
        while quiet < QUIET:
            for what in ("ask", "serve", "answer", "sync"):
                self._move(what, 1 << 18)
                await asyncio.sleep(0)
            after = (len(self._unsent), len(self.server.sent), self._seen, len(self.client.got), len(self.paper.raw))
            quiet, before = (quiet + 1 if after == before else 0), after


def direct(messages: list[bytes]) -> Gated:
    """The server after the same messages, without a gateway between."""
    server = Gated()
    server.feed(b"".join(messages))
    return server


def told(stream: bytes) -> Iterator[bytes | tuple[str, ...]]:
    """What a client gets, without what comes unasked; an error is (severity, SQLSTATEs that are right)."""
    for message in messages_of(stream):
        if message[:1] == b"E":
            fields = pg.parse_error_fields(message[5:])
            yield (fields["V"], fields["C"])
        elif message[:1] not in b"NSA":
            yield message


def expected(stream: bytes) -> Iterator[bytes | tuple[str, ...]]:
    for message in messages_of(stream):
        if message[:1] == b"E":
            fields = pg.parse_error_fields(message[5:])
            yield (fields["V"], *fields["M"].split())
        else:
            yield message


def fits(wanted: bytes | tuple[str, ...], found: bytes | tuple[str, ...]) -> bool:
    if isinstance(wanted, tuple) and isinstance(found, tuple):
        return wanted[0] == found[0] and found[1] in wanted[1:]
    return wanted == found


def unasked(stream: bytes) -> list[bytes]:
    return [one for one in messages_of(stream) if one[:1] in b"NSA" and b"AR-1" not in one]


def held(talk: Talk) -> Conversation:
    """Have the talk; what the properties say holds of it."""
    conversation = Conversation(talk)
    asyncio.run(conversation.run())
    wanted = direct(talk.messages)
    found, right = list(told(conversation.client.got)), list(expected(bytes(wanted.sent)))
    said = f"{talk}\n client got {found}\n directly    {right}\n ended: {conversation.reason}"
    if found[-1:] == [("FATAL", "08P01")] and len(found) == len(right) - 1:  # the server says it twice
        found.insert(-1, ("ERROR", "08P01"))
    assert len(found) == len(right) and all(map(fits, right, found)), said
    assert unasked(conversation.client.got) == conversation.said_aside[: len(unasked(conversation.client.got))], said
    wanted.end()
    recorded, ran = entries(conversation.paper), wanted.ran
    said += f"\n recorded {recorded}\n ran {ran}"
    if wanted.is_open:
        assert done(recorded) == done(ran), said
        assert Counter(recorded) >= Counter(ran), said
    else:  # what was under way is recorded as lost, whether the server had begun it or not
        assert Counter(sql for sql, _ in recorded) >= Counter(sql for sql, _ in ran), said
    return conversation


def done(ran: Iterable[tuple[bytes, str]]) -> Counter[bytes]:
    return Counter(sql for sql, status in ran if status == "ok")


def entries(paper: Paper) -> list[tuple[bytes, str]]:
    """Statements that ran, as the ledger tells. Every intent has one outcome."""
    outcomes = Counter(one["intent"] for one in paper.raw if one["kind"] == "outcome")
    intents = [one["seq"] for one in paper.raw if one["kind"] == "intent" and one["verdict"] == "allow"]
    assert outcomes == Counter(intents), paper.raw
    executions = [one for one in paper.unasserted if one["kind"] == "execution" and one["status"] != "skipped"]
    return [(one["sql"], one["status"]) for one in executions]


# -- what random talks found --------------------------------------------------------------------------
COPY = pg.parse(b"", FILL.sql) + pg.bind(b"", b"", [], [], []) + pg.execute(b"")
PREPARED = [pg.parse(b"a", WAITS.sql), pg.sync()]
USE = pg.bind(b"", b"a", [], [], []) + pg.execute(b"") + pg.sync()
ONCE = [("ask", 1 << 18)]  # in one chunk, before anything is answered


def after(*first: bytes) -> list[tuple[str, int]]:
    """All of these are asked and answered before anything else is sent."""
    return [("ask", sum(map(len, first))), ("serve", 1 << 18), ("answer", 1 << 18)]


@pytest.mark.parametrize(
    "failing",
    [
        pg.parse(b"a", b"select 1"),
        (pg.parse(b"a", b"select 1") + pg.sync()) * 2,
        pg.execute(b"missing") + pg.close("S", b"a") + pg.parse(b"a", b"select 1"),
        pg.bind(b"", b"missing", [], [], []) + pg.close("S", b"a") + pg.parse(b"a", b"select 1"),
    ],
    ids=["refused by the server", "refused twice", "skipped here", "skipped there"],
)
@pytest.mark.parametrize("use", [USE, pg.query(b"execute a")], ids=["bound", "in a text"])
def test_a_name_stands_for_what_it_did_until_the_server_agrees(failing: bytes, use: bytes) -> None:
    held(Talk([*PREPARED, failing, pg.sync(), use, *END], after(*PREPARED)))


def test_a_portal_of_a_name_stands_for_what_it_did_until_the_server_agrees() -> None:
    """ROLLBACK TO lets a portal live that was bound before, and a pipeline goes on behind it."""
    bound = [pg.query(b"begin"), *PREPARED, pg.bind(b"a", b"a", [], [], []), pg.sync(), pg.query(b"savepoint s")]
    failing = pg.parse(b"", b"select 1") + pg.bind(b"a", b"", [], [], []) + pg.sync()
    held(Talk([*bound, failing, pg.query(b"rollback to s"), pg.execute(b"a"), pg.sync(), *END], after(*bound)))


def quickly(sql: bytes) -> bytes:
    """A statement without rows that leaves the unnamed portal alone."""
    return pg.parse(b"", sql) + pg.bind(b"b", b"", [], [], []) + pg.execute(b"b") + pg.close("P", b"b") + pg.sync()


def test_a_round_that_the_server_refuses_leaves_the_unnamed_portal_as_it_was() -> None:
    first = [
        pg.query(b"begin"), pg.parse(b"b", b"select 1"), *PREPARED, pg.bind(b"", b"a", [], [], []), pg.sync(),
        quickly(b"savepoint s"),
    ]  # fmt: skip
    refused = pg.bind(b"", b"b", [], [b"too many"], []) + pg.execute(b"") + pg.sync()
    held(Talk([*first, refused, quickly(b"rollback to s"), pg.execute(b""), *END], [*after(*first), *after(refused)]))


def test_a_good_bye_of_the_server_is_passed_on_and_no_other_added() -> None:
    """A Query within copy data ends the session, and its Sync is still owed then."""
    said = held(Talk([COPY, pg.query(b"select 1"), *END]))
    assert not [one for one in said.paper.raw if one["kind"] == "commit.failed"]


@pytest.mark.parametrize("behind", [pg.query(b"select 1"), USE, pg.sync() + pg.query(b"set search_path to public")])
def test_copy_data_may_be_sent_before_the_server_asks_for_it(behind: bytes) -> None:
    data = [b"d\0\0\0\x061\n", b"c\0\0\0\4", pg.sync()]
    held(Talk([*PREPARED, COPY, *data, behind, *END], after(*PREPARED)))


def test_what_is_no_copy_data_ends_a_session_that_would_wait_for_it_for_ever() -> None:
    held(Talk([COPY, pg.sync(), pg.bind(b"", b"", [], [], []), *END]))


def test_a_good_bye_does_not_hurry_what_must_be_durable_first() -> None:
    ended(Talk([pg.query(b"truncate audit_trail"), pg.terminate()], ONCE))


# -- what clients send -------------------------------------------------------------------------------
names = st.sampled_from([b"", b"", b"a", b"b"])
texts = st.sampled_from([text.sql for text in TEXTS])
limits = st.sampled_from([0, 0, 1, 2, 3])
sync, flush = st.just(pg.sync()), st.just(pg.flush())
calls = st.sampled_from([870, UNKNOWN_FUNCTION]).map(lambda oid: pg.function_call(oid, [], [], 0))
copied = st.sampled_from([b"d\0\0\0\x061\n", b"c\0\0\0\4", pg.copy_fail(b"no")])
kinds = st.sampled_from(["P", "S"])


@st.composite
def bind(draw: st.DrawFn) -> bytes:
    return pg.bind(draw(names), draw(names), [], draw(st.sampled_from([(), (), (b"1",)])), [])


@st.composite
def one_round(draw: st.DrawFn) -> bytes:
    """A statement as drivers send it."""
    text = draw(st.sampled_from([text for text in TEXTS]))
    name = draw(names)
    parts = [pg.parse(name, text.sql), pg.bind(b"", name, [], (b"1",) * text.parameters, [])]
    parts += [pg.describe("P", b"")] if draw(st.booleans()) else []
    parts += [pg.execute(b"", draw(limits))]
    parts += [pg.sync()] if draw(st.booleans()) else []
    return b"".join(parts)


@st.composite
def known_round(draw: st.DrawFn) -> bytes:
    """A prepared statement, again."""
    described = pg.describe("P", b"") if draw(st.booleans()) else b""
    return pg.bind(b"", draw(names), [], (), []) + described + pg.execute(b"", 0) + pg.sync()


message = st.one_of(
    texts.map(pg.query),
    st.builds(pg.parse, names, texts),
    bind(),
    st.builds(pg.execute, names, limits),
    st.builds(pg.describe, kinds, names),
    st.builds(pg.close, kinds, names),
    sync, sync, flush, calls, copied, one_round(), one_round(), known_round(),
)  # fmt: skip
aside = st.sampled_from([
    b"", b"", b"", pg.parameter_status(b"TimeZone", b"UTC"), pg.notice_response("NOTICE", "00000", "by the way"),
    b"A\0\0\0\x0b\0\0\0\7n\0\0",
])  # fmt: skip
move = st.tuples(
    st.sampled_from(["ask", "ask", "serve", "answer", "sync"]), st.sampled_from([1, 3, 7, 40, 200, 1 << 18])
)


@st.composite
def talk(draw: st.DrawFn) -> Talk:
    return Talk(
        [*draw(st.lists(message, max_size=12)), *END],
        draw(st.lists(move, max_size=60)),
        draw(st.lists(aside, max_size=20)),
        draw(st.booleans()),
        draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(talk())
def test_a_client_cannot_tell_the_gateway_from_the_server_but_by_refusals(said: Talk) -> None:
    held(said)


# -- ends ---------------------------------------------------------------------------------------------
junk = st.one_of(
    st.sampled_from([
        pg.terminate(), b"@\0\0\0\4", b"Q\0\0\0\3", b"Q\xff\xff\xff\xff", b"P\0\0\0\x05x", b"B\0\0\0\4",
        b"E\0\0\0\6a\0",
        b"B\0\0\0\x08\0\0\0\1", b"D\0\0\0\6X\0", b"S\0\0\0\5\0", b"F\0\0\0\5\0",
    ]),
    st.binary(max_size=20),
)  # fmt: skip
spoilt = st.one_of(
    st.sampled_from([
        b"", b"", b"", b"Z\0\0\0\5X", b"Z\0\0\0\4", b"C\0\0\0\6a\0", b"E\0\0\0\5\0", b"1\0\0\0\4", b"s\0\0\0\4",
        b"G\0\0\0\7\0\0\0", b"S\0\0\0\5\0", b"D\xff\xff\xff\xff", b"R\0\0\0\x08\0\0\0\0",
    ]),
    st.binary(max_size=12),
)  # fmt: skip


def ended(talk: Talk) -> Conversation:
    """Have a talk that may end at once: not by a defect, and with every intent's outcome."""
    conversation = Conversation(talk)
    asyncio.run(conversation.run())
    assert "defect" not in conversation.reason, f"{talk}: {conversation.reason}"
    entries(conversation.paper)
    return conversation


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(talk(), junk)
def test_whatever_a_client_sends_the_session_has_a_defined_end(said: Talk, last: bytes) -> None:
    before = said.messages[: -len(END)]
    said.messages = [*before, last]
    found = [one for one in told(ended(said).client.got) if not (isinstance(one, tuple) and one[0] == "FATAL")]
    right = list(expected(bytes(direct(before).sent)))
    assert all(map(fits, right, found)), f"{said}\n client got {found}\n directly    {right}"


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(talk(), st.lists(spoilt, max_size=8))
def test_whatever_a_server_sends_the_session_has_a_defined_end(said: Talk, asides: list[bytes]) -> None:
    said.asides = asides
    ended(said)

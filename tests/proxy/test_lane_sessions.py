"""In a session: it is the same with a lane and without, and the lane takes what it may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lanestage import EXECUTED, bound, native, parsed
from modelserver import BY_ID, DIVIDE, NAMES, ONE, Server
from playstage import ADA, PATH, RULES, NoToday, Paper, Shelf, Wire, policies, shop
from test_session_sequences import aside, message

from tidewaiter.model import Context
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.holding import Holding
from tidewaiter.proxy.lane import Lane, NoLane
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.session import Session
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Trail
from tidewaiter.sql.catalog import Catalog
from tidewaiter.wire import postgres as pg

pytestmark = pytest.mark.usefixtures("nothing_else_is_under_way")
WHOLE = 1 << 18
NARROW = RULES + '@id("no-customers") forbid (principal, action, resource == Table::"shop.public.customers");'
LIMITED = RULES.replace('@id("all") permit', '@id("all") @max_rows("1") permit')
TIMED = RULES + '@id("hours") permit (principal, action, resource) when { context.application == "test" };'
EMPTY = Catalog.from_rows({})
LAWS = (RULES, NARROW, LIMITED, TIMED)

Action = tuple[str, Any]
Seen = tuple[object, ...]


class Stretch:
    """A session between a client and a model of the server, to which things happen; what can be seen after each."""

    def __init__(self, lane: Callable[..., Any], binds: str) -> None:
        self.paper = Paper(slow_disk=False)
        self.server = Server(on_message=self._aside)
        self.aside = b""
        self.policies = policies(RULES)
        self.shelf = Shelf(shop())
        self.sent = 0  # bytes of what left the server that the session has
        self.asked = b""
        self.client, self.upstream = Wire(self._to_client), Wire(lambda data: None)
        footing = Footing(
            "shop", False, False, self.shelf, lambda: self.policies, Judges(), Context("127.0.0.1", "test"), lambda: 0
        )
        standing = Standing(ADA, footing, Names())
        standing.set_path(PATH)
        self.trail = Trail(self.paper, binds, {"session": "s"})
        holding = Holding(NoToday(), NoToday(), "s", "shop", self.client.link.write, lambda: 0.0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tidewaiter.proxy.session.Lane", lane)
            self.session = Session(
                "s", self.client.link, self.upstream.link, standing, self.trail, self.paper, count().__next__, 4096,
                self._interrupt, holding,
            )  # fmt: skip

    async def _interrupt(self) -> None:
        """Nothing is cancelled here."""

    def _aside(self) -> bytes:
        found, self.aside = self.aside, b""
        return found

    def _to_client(self, data: bytes) -> None:
        assert b"VFATAL\0" in data or self.paper.flushed == len(self.paper.raw), f"{data[:40]!r} left unrecorded"

    async def run(self, actions: list[Action]) -> list[Seen]:
        """What could be seen after each action."""
        found: list[Seen] = []
        life = asyncio.get_running_loop().create_task(self.session.run())
        await asyncio.sleep(0)
        try:
            for what, of in actions:
                await self._happen(what, of)
                found.append(self._seen(is_over=what == "turn" and of > 0))
        finally:
            self.session.end("the stretch is over")
            found.append((await life, self.client.got))
            if self.paper.state not in ("broken", "defective"):
                self.session.close_trail()
            found.append(self._seen())
        return found

    def _seen(self, *, is_over: bool = True) -> Seen:
        """What the client has is looked at when the loop's turn is over: without a lane it never gets it before."""
        session = self.session
        return (
            self.client.got if is_over else b"", self.asked + self.upstream.got, list(self.paper.raw),
            self.trail.statements, self.trail.rows, session.is_idle, session.is_running, session.ended,
            self.client.reads,
        )  # fmt: skip

    async def _happen(self, what: str, of: Any) -> None:
        if what == "ask" and self.client.is_open and self.client.reads:
            self.client.link.data_received(of)
        elif what == "serve":
            chunk, self.upstream.got = self.upstream.got[:of], self.upstream.got[of:]
            self.asked += chunk
            self.server.feed(chunk)
        elif what == "answer" and self.upstream.is_open and self.upstream.reads:
            chunk = bytes(self.server.sent[self.sent : self.sent + of])
            self.sent += len(chunk)
            if chunk:
                self.upstream.link.data_received(chunk)
        elif what == "turn":
            for _ in range(of):
                await asyncio.sleep(0)
        elif what == "policies":
            self.policies = policies(LAWS[of])
        elif what == "catalog":
            self.shelf.current = shop() if of else EMPTY
        elif what == "ledger":
            await asyncio.sleep(0)  # what was answered in this turn may have left already
            self.paper.become(of)
        elif what == "principal":
            self.session.standing.principal = of
        elif what == "aside":
            self.aside = of
        elif what == "call":
            of()


def answered(chunk: bytes) -> list[Action]:
    """A chunk is asked and answered."""
    return [("ask", chunk), ("serve", WHOLE), ("answer", WHOLE), ("turn", 2)]


BEGIN: list[Action] = [
    move
    for chunk in (
        pg.parse(b"a", NAMES.sql) + pg.sync(), pg.parse(b"b", BY_ID.sql) + pg.sync(), pg.query(ONE.sql),
        pg.query(NAMES.sql), pg.parse(b"c", DIVIDE.sql) + pg.sync(), pg.query(DIVIDE.sql),
    )
    for move in answered(chunk)
]  # fmt: skip
plain = st.sampled_from([
    pg.query(ONE.sql), pg.query(NAMES.sql), bound(name=b"a"), bound(name=b"a", after=EXECUTED), bound(b"1", name=b"b"),
    bound(b"1", name=b"b", after=EXECUTED), parsed(ONE.sql), parsed(NAMES.sql, after=EXECUTED), parsed(BY_ID.sql, b"1"),
    parsed(BY_ID.sql, b"1", oids=(23,)), bound(name=b""), bound(b"1", name=b"", after=EXECUTED),
])  # fmt: skip
failing = st.sampled_from([
    bound(name=b"c"), pg.query(DIVIDE.sql), bound(name=b"b"), bound(name=b"nothing"), parsed(DIVIDE.sql),
    parsed(BY_ID.sql), parsed(b"selec 1"), parsed(ONE.sql)[:-5], parsed(ONE.sql, after=pg.sync()),
])  # fmt: skip
control = st.sampled_from([pg.query(b"begin"), pg.query(b"begin"), pg.query(b"commit"), pg.query(b"rollback")])
piece = st.sampled_from([WHOLE, WHOLE, WHOLE, 1, 5, 11, 30])


@st.composite
def hops(draw: st.DrawFn) -> list[Action]:
    """A statement and its answer, perhaps in pieces, perhaps with something else between."""
    chunk = draw(st.one_of(plain, plain, plain, control, failing, message))
    moves: list[Action] = [
        ("ask", chunk),
        ("serve", draw(piece)),
        ("answer", draw(piece)),
        ("turn", draw(st.integers(0, 2))),
    ]
    if draw(st.integers(0, 3)) == 0:
        moves.insert(draw(st.integers(0, 4)), draw(between))
    return moves


between = st.one_of(
    st.tuples(st.just("ask"), plain),
    st.tuples(st.just("ask"), message),
    st.tuples(st.just("serve"), piece),
    st.tuples(st.just("answer"), piece),
    st.tuples(st.just("turn"), st.integers(1, 3)),
    st.tuples(st.just("policies"), st.integers(0, len(LAWS) - 1)),
    st.tuples(st.just("catalog"), st.booleans()),
    st.tuples(st.just("ledger"), st.sampled_from(["open", "open", "full", "broken", "defective"])),
    st.tuples(st.just("aside"), aside),
)


def flat(parts: list[list[Action]]) -> list[Action]:
    return [move for part in parts for move in part]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(hops(), max_size=14).map(flat), st.sampled_from(["full", "full", "redacted", "digest", "none"]))
def test_a_session_is_the_same_with_a_lane_and_without(actions: list[Action], binds: str) -> None:
    with_lane = asyncio.run(Stretch(Lane, binds).run([*BEGIN, *actions]))
    without = asyncio.run(Stretch(NoLane, binds).run([*BEGIN, *actions]))
    for number, (found, wanted) in enumerate(zip(with_lane, without, strict=True)):
        assert found == wanted, f"after move {number} of {[*BEGIN, *actions]}"


def long_road(actions: list[Action], binds: str = "full") -> list[bytes]:
    """The chunks of the client's that the session itself takes, once it is in full swing."""
    taken: list[bytes] = []

    def watched(*, ask: Callable[[bytes], None], **given: object) -> object:
        def note(chunk: bytes) -> None:
            taken.append(chunk)
            ask(chunk)

        return Lane(ask=note, **given)

    asyncio.run(Stretch(watched, binds).run([*BEGIN, ("call", taken.clear), *actions]))
    return taken


@native
def test_a_session_in_full_swing_takes_no_long_road() -> None:
    rounds = [bound(b"1", name=b"b"), pg.query(NAMES.sql), bound(name=b"a", after=EXECUTED), parsed(ONE.sql)] * 3
    assert not long_road(flat([answered(chunk) for chunk in rounds]))


@native
@pytest.mark.parametrize("law", [1, 2, 3])
def test_other_policies_count_from_the_next_statement_on(law: int) -> None:
    asked = pg.query(NAMES.sql)
    assert long_road([*answered(asked), ("policies", law), *answered(asked)]) == [asked]


@native
def test_another_catalog_counts_from_the_next_statement_on() -> None:
    asked = pg.query(NAMES.sql)
    assert long_road([*answered(asked), ("catalog", False), *answered(asked)]) == [asked]


@native
def test_a_full_ledger_counts_from_the_next_statement_on() -> None:
    asked = pg.query(NAMES.sql)
    assert long_road([*answered(asked), ("ledger", "full"), *answered(asked)]) == [asked]


@native
def test_in_a_transaction_the_session_takes_what_ends_it() -> None:
    begin, commit = pg.query(b"begin"), pg.query(b"commit")
    within = (pg.query(ONE.sql), bound(name=b"a"), parsed(ONE.sql), bound(b"1", name=b"b"), bound(name=b""))
    moves = flat([answered(chunk) for chunk in (begin, *within, commit, *within)])
    assert long_road(moves) == [begin, commit]


@native
def test_an_open_portal_and_a_failed_transaction_are_the_sessions() -> None:
    begin, asked = pg.query(b"begin"), pg.query(ONE.sql)
    portal = pg.bind(b"c", b"a", [], (), []) + pg.execute(b"c", 1) + pg.sync()
    moves = flat([answered(chunk) for chunk in (begin, portal, asked, asked)])
    assert long_road(moves) == [begin, portal, asked, asked]
    moves = flat([answered(chunk) for chunk in (begin, pg.query(DIVIDE.sql), asked, asked)])
    assert long_road(moves) == [begin, asked, asked], "the failure itself is handed over with its answer"


@native
def test_digests_of_parameters_are_made_by_the_trail() -> None:
    assert long_road(answered(bound(name=b"a")), "digest") == [bound(name=b"a")]

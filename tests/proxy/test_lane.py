"""The lane: what it takes, that it hands over what it does not, and that a session is the same with it and without."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from modelserver import BY_ID, DIVIDE, NAMES, ONE, Server
from playbook import READY, rows
from playstage import ADA, PATH, RULES, NoToday, Paper, Shelf, Wire, policies, shop
from test_session_sequences import aside, message

from tidewaiter.ledger.entry import encode_body
from tidewaiter.model import Allow, Context, Facts
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.holding import Holding
from tidewaiter.proxy.lane import Lane, NoLane
from tidewaiter.proxy.names import Names, Statement
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.proxy.session import Session
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Trail
from tidewaiter.sql.catalog import Catalog
from tidewaiter.wire import postgres as pg
from tidewaiter.wire.postgres_state import Owes


@pytest.fixture(scope="module", autouse=True)
def what_is_there_stays() -> Iterator[None]:
    """What all test modules hold is much, and no garbage: to walk through it takes longer than a test."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_else_is_under_way() -> None:
    """An answer does not wait for statements that other tests have left behind."""
    gc.collect()


native = pytest.mark.skipif(Lane is NoLane, reason="not compiled")
WHOLE = 1 << 18


def test_without_c_everything_goes_to_the_session() -> None:
    asked: list[bytes] = []
    lane = NoLane(ask=asked.append, answer=asked.append, known={})
    lane.arm(False)
    lane.asked(b"Q")
    lane.answered(b"Z")
    lane.disarm()
    assert (asked, lane.is_busy) == ([b"Q", b"Z"], False)


# -- by itself ----------------------------------------------------------------------------------------------------
JUDGED = Judged(Facts(), Allow(), b'"verbs":["select"]', is_weighty=False, is_barrier=False)
SELECT = pg.query(ONE.sql)
EXECUTED = pg.execute(b"", 0) + pg.sync()
DESCRIBED = pg.describe("P", b"") + EXECUTED
ANSWER = rows(b"1") + READY
HEAD = rows()[: -len(pg.command_complete("SELECT 0"))]  # RowDescription
BOUND = pg.bind_complete()


def said(is_written: bool) -> None:
    """What is called at the end of a turn."""


class Upstream:
    """A link that keeps what is written to it."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.got.append(data)


class Road:
    """A lane without a session: everything that it calls is noted."""

    def __init__(self, *, keeps_binds: bool = True, most_bytes: int = 4096) -> None:
        self.long: list[tuple[str, object]] = []
        self.entries: list[tuple[bytes, bytes, int]] = []
        self.done: list[tuple[object, ...]] = []
        self.counted: list[tuple[int, int]] = []
        self.turns: list[Callable[[bool], None]] = []
        self.unsaid: list[bytes] = []
        self.now: list[bytes] = []
        self.upstream = Upstream()
        self.judged: dict[bytes, Judged] = {ONE.sql: JUDGED, BY_ID.sql: JUDGED}
        self.given: dict[str, Any] = {
            "ask": lambda chunk: self.long.append(("ask", chunk)),
            "answer": lambda chunk: self.long.append(("answer", chunk)),
            "fail": lambda defect: self.long.append(("fail", repr(defect))),
            "plain": self.judged.get,
            "went": lambda *given: self.long.append(("went", given)),
            "done": lambda *given: self.done.append(given),
            "ran": lambda *given: self.entries.append(given),
            "batch": None,
            "counted": lambda *given: self.counted.append(given),
            "say_now": self.now.append,
            "written": self.turns.append,
            "said": said,
            "clock_us": count(1000, 7).__next__,
            "server": self.upstream,
            "known": {b"p": Statement(BY_ID.sql, (23, 4_294_967_295), Facts()), b"sql": Statement(b"", (), Facts())},
            "unsaid": self.unsaid,
            "who": b'"session":"s"',
            "most_bytes": most_bytes,
            "keeps_binds": keeps_binds,
        }
        self.lane = Lane(**self.given)

    def armed(self, *, in_transaction: bool = False) -> Road:
        self.lane.arm(in_transaction)
        return self

    def but(self, **given: object) -> Road:
        """The same, but for what is given; armed."""
        self.lane = Lane(**self.given | given)
        return self.armed()


def bound(*values: bytes, name: bytes = b"p", portal: bytes = b"", after: bytes = DESCRIBED) -> bytes:
    return pg.bind(portal, name, [], values, []) + after


def parsed(text: bytes, *values: bytes, oids: tuple[int, ...] = (), after: bytes = DESCRIBED) -> bytes:
    """A Parse of the unnamed statement and a round of it."""
    return pg.parse(b"", text, oids) + bound(*values, name=b"", after=after)


PARSED = pg.parse_complete()
INTS = (23, 4_294_967_295)


@native
@pytest.mark.parametrize(
    "chunk",
    [
        SELECT, bound(b"7"), bound(b"7", after=EXECUTED), bound(), parsed(ONE.sql), parsed(ONE.sql, after=EXECUTED),
        parsed(BY_ID.sql, b"7", oids=INTS),
    ],
)  # fmt: skip
def test_a_plain_statement_goes_on_as_it_came(chunk: bytes) -> None:
    road = Road().armed()
    road.lane.asked(chunk)
    assert (road.upstream.got, road.long, road.lane.is_busy) == ([chunk], [], True)


@native
@pytest.mark.parametrize(
    "chunk",
    [
        b"", b"Q", SELECT[:-1], SELECT + SELECT, SELECT[:-1] + b"\0\0", pg.query(b"select 2"), b"Q\0\0\0\3",
        b"Q\xff\xff\xff\xff\0", pg.sync(), bound(b"7")[:-1], bound(b"7") + pg.sync(), bound(b"7", name=b"q"),
        bound(b"7", portal=b"a"), bound(b"7", name=b"sql"), bound(b"7", after=b""), bound(b"7", after=pg.sync()),
        bound(b"7", after=pg.execute(b"", 1) + pg.sync()), bound(b"7", after=pg.execute(b"a") + pg.sync()),
        bound(b"7", after=pg.describe("S", b"") + EXECUTED), bound(b"7", after=pg.describe("P", b"a") + EXECUTED),
        bound(b"7" * 5000), pg.query(b"x" * 5000), b"B\0\0\0\4" + EXECUTED, b"B\0\0\0\5\0" + EXECUTED,
        b"B\0\0\0\6\0p" + EXECUTED, b"B\0\0\0\x04", b"B\0\0\0\x08" + EXECUTED,
        pg.parse(b"", ONE.sql), pg.parse(b"", ONE.sql) + pg.sync(), parsed(ONE.sql)[:-1], parsed(ONE.sql) + pg.sync(),
        pg.parse(b"n", ONE.sql) + bound(name=b"n"), pg.parse(b"n", ONE.sql) + bound(name=b""), parsed(b""),
        pg.parse(b"", ONE.sql) + bound(name=b"p"), parsed(ONE.sql, after=pg.sync()), parsed(b"select 2"),
        pg.parse(b"", ONE.sql) * 2 + bound(name=b""), pg.parse(b"", ONE.sql) + SELECT, b"P\0\0\0\4" + bound(name=b""),
        b"P\0\0\0\x07\0\0\0" + bound(name=b""), b"P\0\0\0\x08\0x\0\0" + bound(name=b""),
        b"P\0\0\0\x0e\0select 1\0" + bound(name=b""), b"P\0\0\0\x10\0select 1\0\0\1" + bound(name=b""),
        b"P\0\0\0\x11\0select 1\0\0\0\0" + bound(name=b""), b"P\0\0\0\x0d\0select 1" + bound(name=b""),
    ],
)  # fmt: skip
def test_everything_else_goes_to_the_session_and_so_does_what_follows(chunk: bytes) -> None:
    road = Road().armed()
    road.lane.asked(chunk)
    road.lane.asked(SELECT)
    assert road.long == [("ask", chunk), ("ask", SELECT)]
    assert not road.upstream.got and not road.lane.is_busy


@native
def test_nothing_is_taken_that_may_not_simply_run_now() -> None:
    road = Road().armed()
    del road.judged[ONE.sql]
    road.lane.asked(SELECT)
    assert road.long == [("ask", SELECT)] and not road.upstream.got


@native
@pytest.mark.parametrize(
    ("chunk", "answer", "told"),
    [
        (SELECT, ANSWER, (b'"SELECT 1",1', 1, len(ANSWER))),
        (SELECT, rows() + READY, (b'"SELECT 0",0', 0, len(rows() + READY))),
        (SELECT, pg.command_complete("LISTEN") + READY, (b'"LISTEN",0', 0, 18)),
        (SELECT, pg.command_complete("1") + READY, (b'"1",0', 0, 13)),
        (SELECT, pg.command_complete("COPY 007") + READY, (b'"COPY 007",7', 7, 20)),
        (bound(), BOUND + ANSWER, (b'"SELECT 1",1', 1, len(ANSWER) - len(HEAD) - 6)),
        (bound(), BOUND + pg.no_data() + pg.command_complete("LISTEN") + READY, (b'"LISTEN",0', 0, 12)),
        (bound(after=EXECUTED), BOUND + ANSWER[len(HEAD) :], (b'"SELECT 1",1', 1, len(ANSWER) - len(HEAD) - 6)),
    ],
)  # fmt: skip
def test_a_whole_answer_is_one_entry_and_waits_for_it(
    chunk: bytes, answer: bytes, told: tuple[bytes, int, int]
) -> None:
    road = Road().armed()
    road.lane.asked(chunk)
    road.lane.answered(answer)
    results, found, size = told
    binds = b',"binds":0' if chunk[:1] == b"B" else b""
    ended = b',"status":"ok","results":[[%b]],"rows":%d,"bytes":%d,"duration_us":7' % (results, found, size)
    (members, body, counted), *more = road.entries
    assert members == b'"session":"s","verbs":["select"]' + binds + ended
    assert counted == found and not more
    section = pg.bind(b"", b"p", [], (), [])[8:]
    text = (ONE.sql, b"", ()) if chunk == SELECT else (BY_ID.sql, section, (23, 4_294_967_295))
    assert body == encode_body(*text)
    assert (road.now, road.unsaid, road.long, road.lane.is_busy) == ([answer], [], [], False)


@native
def test_a_statement_that_is_parsed_before_becomes_the_unnamed_one_once_the_server_agrees() -> None:
    road = Road().armed()
    road.lane.asked(parsed(BY_ID.sql, b"7", oids=INTS))
    assert not road.done
    road.lane.answered(PARSED + BOUND + ANSWER)
    section = pg.bind(b"", b"", [], (b"7",), [])[7:]
    assert road.done == [(Owes.DESCRIBED_ROUND, True, None, JUDGED, BY_ID.sql, section, INTS, 1000)]
    (members, body, rows_), *more = road.entries
    ended = b',"results":[["SELECT 1",1]],"rows":1,"bytes":%d,' % (len(ANSWER) - len(HEAD) - 6)
    assert ended in members and rows_ == 1 and not more
    assert body == encode_body(BY_ID.sql, section, INTS)
    assert (road.now, road.long, road.lane.is_busy) == ([PARSED + BOUND + ANSWER], [], False)


@native
@pytest.mark.parametrize("chunk", [SELECT, bound(b"7"), parsed(ONE.sql)])
def test_within_a_transaction_the_session_is_told_of_what_was_done(chunk: bytes) -> None:
    road = Road().armed(in_transaction=True)
    head = {b"Q": b"", b"B": BOUND, b"P": PARSED + BOUND}[chunk[:1]]
    for _ in range(2):
        road.lane.asked(chunk)
        road.lane.answered(head + ANSWER[:-1] + b"T")
    assert [told[1:3] for told in road.done] == [
        (chunk[:1] == b"P", road.given["known"].get(b"p") if chunk[:1] == b"B" else None)
    ] * 2
    assert (len(road.entries), road.long) == (2, [])


@native
@pytest.mark.parametrize("status", [b"I", b"E"])
def test_an_answer_that_ends_the_transaction_goes_to_the_session(status: bytes) -> None:
    road = Road().armed(in_transaction=True)
    road.lane.asked(SELECT)
    road.lane.answered(ANSWER[:-1] + status)
    assert road.long == [WENT, ("answer", ANSWER[:-1] + status)] and not (road.entries or road.done)


@native
@pytest.mark.parametrize("answer", [BOUND + ANSWER, PARSED + ANSWER, PARSED, PARSED * 2 + BOUND + ANSWER, READY])
def test_a_parse_with_another_answer_is_handed_over_with_its_statement(answer: bytes) -> None:
    road = Road().armed()
    road.lane.asked(parsed(ONE.sql))
    road.lane.answered(answer)
    went = (Owes.DESCRIBED_ROUND, True, None, JUDGED, ONE.sql, pg.bind(b"", b"", [], (), [])[7:], (), 1000)
    assert road.long == [("went", went), ("answer", answer)] and not (road.entries or road.done)


@native
def test_answers_wait_for_one_write_while_another_may_come() -> None:
    other, road = Road().armed(), Road().armed()
    other.lane.asked(SELECT)
    for _ in range(3):
        road.lane.asked(SELECT)
        road.lane.answered(ANSWER)
    other.lane.answered(ANSWER)
    assert (road.now, road.unsaid, road.turns, len(road.entries)) == ([], [ANSWER] * 3, [said], 3)
    assert (other.now, other.unsaid) == ([ANSWER], [])


@native
@pytest.mark.parametrize("end", ["answered", "disarmed", "refused", "gone"])
def test_nobody_waits_for_a_lane_that_has_nothing_under_way(end: str) -> None:
    other, road = Road().armed(), Road().armed()
    if end == "refused":
        other.judged.clear()
    other.lane.asked(SELECT)
    if end == "answered":
        other.lane.answered(READY)
    elif end == "disarmed":
        other.lane.disarm()
    elif end == "gone":
        del other
        gc.collect()
    road.lane.asked(SELECT)
    road.lane.answered(ANSWER)
    assert road.now == [ANSWER]


@native
def test_what_waits_already_goes_first() -> None:
    road = Road().armed()
    road.unsaid.append(b"before")
    road.lane.asked(SELECT)
    road.lane.answered(ANSWER)
    assert (road.now, road.unsaid, road.turns) == ([], [b"before", ANSWER], [])


@native
def test_parameters_are_counted_and_kept_if_they_may_be() -> None:
    for keeps in (True, False):
        road = Road(keeps_binds=keeps).armed()
        road.lane.asked(bound(b"7", b"x"))
        road.lane.answered(BOUND + ANSWER)
        (members, body, _), *_ = road.entries
        assert b',"binds":2,' in members
        section = bound(b"7", b"x", after=b"")[8:] if keeps else b""
        assert body == encode_body(BY_ID.sql, section, (23, 4_294_967_295))


WENT = ("went", (Owes.QUERY, False, None, JUDGED, ONE.sql, b"", (), 1000))


@native
@pytest.mark.parametrize(
    "answer",
    [
        b"", READY, ANSWER[:-1], ANSWER + b"N", ANSWER[: -len(READY)], ANSWER[:-1] + b"T", ANSWER[:-1] + b"E",
        rows(b"1")[:9], BOUND + ANSWER, HEAD + HEAD + ANSWER, b"D\0\0\0\3" + ANSWER, b"T\xff\xff\xff\xff" + READY,
        HEAD + b"D\0\0\x7f\xff" + ANSWER[len(HEAD) :], rows(b"1") + ANSWER, pg.empty_query_response() + READY,
        pg.error_response("ERROR", "42601", "no") + READY, pg.command_complete('A"B') + READY,
        pg.command_complete("A\\B") + READY, pg.command_complete("A\nB") + READY, b"C\0\0\0\4" + READY,
        b"C\0\0\0\5\0" + READY, b"C\0\0\0\7A\0\0" + READY, pg.command_complete("x" * 64) + READY, HEAD + READY,
        pg.command_complete("SELECT 1234567890123456789") + READY, pg.notice_response("NOTICE", "00000", "n") + ANSWER,
    ],
)  # fmt: skip
def test_every_other_answer_goes_to_the_session_after_the_statement(answer: bytes) -> None:
    road = Road().armed()
    road.lane.asked(SELECT)
    road.lane.answered(answer)
    road.lane.asked(SELECT)
    assert road.long == [WENT, ("answer", answer), ("ask", SELECT)]
    assert not (road.entries or road.unsaid or road.lane.is_busy)


@native
@pytest.mark.parametrize(
    ("chunk", "answer"),
    [
        (bound(), ANSWER),
        (bound(), BOUND),
        (bound(), BOUND + READY),
        (bound(), BOUND + ANSWER[len(HEAD) :]),
        (bound(after=EXECUTED), BOUND + ANSWER),
        (bound(after=EXECUTED), b"2\0\0\0\5" + ANSWER[len(HEAD) :]),
        (SELECT, pg.no_data() + ANSWER[len(HEAD) :]),
    ],
)
def test_an_answer_that_is_not_to_what_was_asked_goes_to_the_session(chunk: bytes, answer: bytes) -> None:
    road = Road().armed()
    road.lane.asked(chunk)
    road.lane.answered(answer)
    assert [what for what, _ in road.long] == ["went", "answer"] and not road.entries


@native
def test_another_statement_before_the_answer_goes_to_the_session_after_the_first() -> None:
    road = Road().armed()
    road.lane.asked(bound(b"7"))
    road.lane.asked(SELECT)
    section = bound(b"7", after=b"")[8:]
    known = road.given["known"][b"p"]
    went = (Owes.DESCRIBED_ROUND, False, known, JUDGED, BY_ID.sql, section, (23, 4_294_967_295), 1000)
    assert road.long == [("went", went), ("ask", SELECT)]


@native
def test_what_is_under_way_is_handed_over_once() -> None:
    road = Road().armed()
    road.lane.asked(SELECT)
    road.lane.disarm()
    road.lane.disarm()
    assert road.long == [WENT] and not road.lane.is_busy
    road.lane.answered(ANSWER)
    assert road.long == [WENT, ("answer", ANSWER)] and not road.entries


@native
def test_a_server_that_speaks_unasked_disarms() -> None:
    road = Road().armed()
    notice = pg.notice_response("NOTICE", "00000", "by the way")
    road.lane.answered(notice)
    road.lane.asked(SELECT)
    assert road.long == [("answer", notice), ("ask", SELECT)]


def raises(*_: object) -> None:
    raise ZeroDivisionError("a defect")


class Broken:
    """A link that cannot be written to."""

    write = staticmethod(raises)


FAILED = ("fail", "ZeroDivisionError('a defect')")


@native
@pytest.mark.parametrize("given", [{"plain": raises}, {"clock_us": raises}])
def test_a_defect_before_a_statement_goes_on_keeps_it_here(given: dict[str, object]) -> None:
    road = Road().but(**given)
    road.lane.asked(SELECT)
    assert road.long == [FAILED] and not (road.upstream.got or road.lane.is_busy)


@native
def test_a_statement_that_may_have_gone_is_under_way() -> None:
    road = Road().but(server=Broken())
    road.lane.asked(SELECT)
    assert road.long == [FAILED] and road.lane.is_busy
    road.lane.disarm()
    assert road.long == [FAILED, WENT]


@native
@pytest.mark.parametrize("given", [{"ran": raises}, {"say_now": raises}, {"written": raises}])
def test_an_answer_stays_here_whose_entry_fails(given: dict[str, object]) -> None:
    other, road = Road().armed(), Road().but(**given)
    road.lane.asked(SELECT)
    if "written" in given:
        other.lane.asked(SELECT)
    road.lane.answered(ANSWER)
    assert road.long == [FAILED] and not (road.lane.is_busy or road.now)


@native
def test_a_defect_while_handing_over_is_one_of_the_session() -> None:
    road = Road().but(went=raises)
    road.lane.asked(SELECT)
    road.lane.asked(SELECT)
    assert road.long == [FAILED] and not road.lane.is_busy


@native
@pytest.mark.parametrize(
    "given",
    [
        {"clock_us": lambda: "now"},
        {"known": {b"p": object()}, "chunk": bound()},
        {"known": {b"p": Statement(BY_ID.sql, (1 << 32,), Facts())}, "chunk": bound()},
        {"known": {b"p": Statement(BY_ID.sql, (-1,), Facts())}, "chunk": bound()},
        {"plain": lambda text: object()},
        {"plain": lambda text: Judged(Facts(), Allow(), "text", False, False)},  # type: ignore[arg-type]
    ],
)
def test_what_is_not_what_it_must_be_is_a_defect(given: dict[str, Any]) -> None:
    chunk = given.pop("chunk", SELECT)
    road = Road().but(**given)
    with contextlib.suppress(TypeError):  # compiled, a judgement cannot hold the wrong thing
        road.lane.asked(chunk)
        road.lane.answered(ANSWER if chunk == SELECT else BOUND + ANSWER)
        assert road.long[0][0] == "fail" and not (road.entries or road.lane.is_busy)


@native
def test_what_is_no_exception_is_not_taken_for_one() -> None:
    def stop(text: bytes) -> None:
        raise KeyboardInterrupt

    road = Road().but(plain=stop)
    with pytest.raises(KeyboardInterrupt):
        road.lane.asked(SELECT)
    assert not road.long


@native
@pytest.mark.parametrize(
    "given", [{"known": []}, {"unsaid": ()}, {"who": "text"}, {"who": None}, {"most_bytes": None}, {"more": 1}]
)
def test_a_lane_is_made_of_what_it_needs(given: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Lane(**Road().given | given)


@native
def test_a_lane_and_what_it_calls_go_together() -> None:
    road = Road().armed()
    road.lane.asked(SELECT)
    gone = weakref.ref(road)
    del road
    gc.collect()
    assert gone() is None


@native
def test_nothing_is_kept() -> None:
    def rounds_of(times: int) -> None:
        for _ in range(times):
            road = Road().armed()
            for chunk, answer in ((SELECT, ANSWER), (bound(b"7"), BOUND + ANSWER), (SELECT, READY)):
                road.lane.asked(chunk)
                road.lane.answered(answer)
            for chunk in (parsed(BY_ID.sql, b"7", oids=INTS), parsed(ONE.sql)):
                road.armed().lane.asked(chunk)
                road.lane.answered(PARSED + BOUND + ANSWER)
            road.lane.asked(parsed(BY_ID.sql, b"7", oids=INTS))
            road.armed().lane.asked(bound(b"7"))
            road.lane.asked(bound(b"7"))
            for broken in (
                {"plain": raises},
                {"ran": raises},
                {"done": raises},
                {"server": Broken()},
                {"clock_us": lambda: "now"},
            ):
                road.but(**broken).lane.asked(parsed(ONE.sql))
                road.lane.answered(PARSED + BOUND + ANSWER)
            with contextlib.suppress(TypeError):
                Lane(**road.given | {"who": None})

    tracemalloc.start()
    try:
        rounds_of(20)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        rounds_of(100)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 3_000  # an object per round is more
    finally:
        tracemalloc.stop()


# -- in a session, with and without ------------------------------------------------------------------------------
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

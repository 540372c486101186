"""The lane: what it takes, and that it hands over what it does not."""

from __future__ import annotations

import contextlib
import gc
import tracemalloc
import weakref
from typing import Any

import pytest
from lanestage import ANSWER, BOUND, EXECUTED, HEAD, INTS, JUDGED, PARSED, SELECT, Road, bound, native, parsed, said
from modelserver import BY_ID, ONE
from playbook import READY, rows

from tidewaiter.ledger.entry import encode_body
from tidewaiter.model import Allow, Facts
from tidewaiter.proxy.lane import Lane, NoLane
from tidewaiter.proxy.names import Statement
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.wire import postgres as pg
from tidewaiter.wire.postgres_state import Owes

pytestmark = pytest.mark.usefixtures("nothing_else_is_under_way")


def test_without_c_everything_goes_to_the_session() -> None:
    asked: list[bytes] = []
    lane = NoLane(ask=asked.append, answer=asked.append, known={})
    lane.arm(False)
    lane.asked(b"Q")
    lane.answered(b"Z")
    lane.disarm()
    assert (asked, lane.is_busy) == ([b"Q", b"Z"], False)


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

"""A session with the lane in C beside one without, on the same chunks: the same bytes, entries and end.

Clients send statements that are known and others, whole, in pieces and damaged; a model of the server answers, and
besides it come messages that no server would send there. `native.py` fuzzes it, `tests/proxy/test_twin_sessions.py`
runs it on a few inputs; the stage is that of `tests/proxy`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from draws import Draws
from lanestage import EXECUTED, bound
from modelserver import DIVIDE, EXECUTE, NAMES, ONE, TEXTS
from playbook import READY
from test_lane_sessions import BEGIN, LAWS, WHOLE, Stretch

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy.lane import Lane, NoLane
from tidewaiter.wire import postgres as pg

Move = tuple[str, Any]
STATEMENTS = (b"a", b"b", b"c", b"", b"nothing")
PLAIN = (
    pg.query(ONE.sql), pg.query(NAMES.sql), bound(name=b"a"), bound(name=b"a", after=EXECUTED), bound(b"1", name=b"b"),
    bound(b"1", name=b"b", after=EXECUTED), bound(name=b"c"), pg.query(DIVIDE.sql),
)  # fmt: skip
SIZES = (WHOLE, WHOLE, WHOLE, 1, 2, 5, 6, 7, 11, 30)
ROW = b"D\0\0\0\x0b\0\1\0\0\0\1x"
HEAD = b"T\0\0\0\x1a\0\1c\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
TOLD = (
    pg.bind_complete(), HEAD, ROW, ROW, pg.command_complete("SELECT 1"), READY, pg.ready_for_query("T"),
    pg.ready_for_query("E"), pg.no_data(), pg.parse_complete(), pg.close_complete(), pg.empty_query_response(),
    pg.portal_suspended(), pg.error_response("ERROR", "22012", "no"), pg.error_response("FATAL", "57P01", "bye"),
    pg.notice_response("NOTICE", "00000", "n"), pg.parameter_status(b"DateStyle", b"ISO, MDY"),
    pg.parameter_status(b"standard_conforming_strings", b"off"), pg.parameter_status(b"client_encoding", b"LATIN1"),
    b"A\0\0\0\x0b\0\0\0\1c\0p\0"[:12], b"G\0\0\0\7\0\0\0", b"H\0\0\0\7\0\0\0", b"d\0\0\0\6x\n", b"c\0\0\0\4",
    b"V\0\0\0\x08\xff\xff\xff\xff", b"t\0\0\0\6\0\0", pg.command_complete("COPY 007"), pg.command_complete("SELECT"),
    pg.command_complete('A"B'), pg.command_complete("9" * 20), pg.command_complete("SELECT 1234567890123456789"),
    b"C\0\0\0\x0cSELECT\0 1", b"C\0\0\0\4", b"D\0\0\0\3", b"D\0\0\0\4", b"T\xff\xff\xff\xff", b"Z\0\0\0\5X",
    b"Z\0\0\0\4",
    b"Z\0\0\0\6II", b"2\0\0\0\5x", b"Q\0\0\0\4", b"D\0\0\0\x0b\0\1\0\0\0\x06Z\0\0\0\5I",
)  # fmt: skip
"""What a server may say, and what it may not."""
ASKED = (
    pg.sync(), pg.flush(), pg.execute(b"", 0), pg.execute(b"", 1), pg.execute(b"p", 0), pg.describe("P", b""),
    pg.describe("S", b"a"), pg.close("S", b"a"), pg.close("P", b""), pg.copy_data(b"1\n"), pg.copy_done(),
    pg.copy_fail(b"no"), pg.query(EXECUTE.sql), pg.terminate(), b"Q\0\0\0\5\0", b"Q\0\0\0\4", b"B\0\0\0\6\0a",
    b"B\0\0\0\5\0",
    b"Q\0\0\0\xff\0", b"B\xff\xff\xff\xff", b"?\0\0\0\4",
)  # fmt: skip
"""What clients ask besides statements."""


def _client_message(draws: Draws) -> bytes:
    match draws.below(8):
        case 0 | 1:
            return draws.pick(PLAIN)
        case 2:
            return pg.query(draws.pick(TEXTS).sql)
        case 3:
            return pg.parse(draws.pick(STATEMENTS), draws.pick(TEXTS).sql, draws.pick([(), (23,)]))
        case 4:
            values = [draws.some(3)] * draws.below(3)
            return pg.bind(draws.pick((b"", b"", b"p")), draws.pick(STATEMENTS), [], values, [])
        case 5:
            return pg.execute(b"") + pg.sync()
        case _:
            return draws.pick(ASKED)


def _damaged(draws: Draws, message: bytes) -> bytes:
    if draws.below(12):
        return message
    at = draws.below(len(message))
    return message[:at] + draws.some(2) + message[at + draws.below(3) :]


def _moves(draws: Draws) -> list[Move]:
    """A statement and its answer, or something else."""
    match draws.below(10):
        case 0 | 1 | 2:
            asked = draws.pick(PLAIN)
        case 3 | 4:
            asked = b"".join(_damaged(draws, _client_message(draws)) for _ in range(1 + draws.below(5)))
        case 5:
            told = b"".join(_damaged(draws, draws.pick(TOLD)) for _ in range(1 + draws.below(6)))
            return [("tell", told), ("turn", draws.below(2))]
        case 6:
            return [
                draws.pick(
                    [("serve", WHOLE), ("answer", WHOLE), ("answer", 1), ("turn", 1), ("turn", 3), ("forget", 0)]
                )
            ]
        case 7:
            return [("aside", draws.pick(TOLD[13:20]))]
        case 8:
            of: list[Move] = [("policies", n) for n in range(len(LAWS))] + [("catalog", True), ("catalog", False)]
            of += [("ledger", state) for state in ("open", "open", "full", "broken", "defective")]
            return [draws.pick(of)]
        case _:
            asked = draws.pick(PLAIN) + draws.pick(PLAIN)
    moves: list[Move] = []
    while asked:
        size = draws.pick(SIZES)
        moves.append(("ask", asked[:size]))
        asked = asked[size:]
        if len(moves) > 3:
            moves.append(("ask", asked))
            break
    return [*moves, ("serve", draws.pick(SIZES)), ("answer", draws.pick(SIZES)), ("turn", draws.below(3))]


class Rough(Stretch):
    """A stretch in which a server also says what it would not, and is gone when it is asked what it cannot know."""

    is_gone = False

    async def _happen(self, what: str, of: Any) -> None:
        if what == "tell":
            if self.upstream.is_open and self.upstream.reads and of:
                self.upstream.link.data_received(of)
        elif what == "forget":  # what the model of the server was told; it answers nothing of it
            self.asked += self.upstream.got
            self.upstream.got = b""
        elif what == "serve" and not self.is_gone:
            try:
                await super()._happen(what, of)
            except (KeyError, ProtocolViolation, AssertionError, IndexError):
                self.is_gone = True
        elif what != "serve":
            await super()._happen(what, of)


def sessions(data: bytes) -> None:
    """The same moves with a lane and without."""
    draws = Draws(data)
    binds = draws.pick(["full", "full", "redacted", "digest", "none"])
    moves = list(BEGIN)
    while not draws.is_over and len(moves) < 150:
        moves += _moves(draws)
    wanted = asyncio.run(Rough(NoLane, binds).run(moves))
    found = asyncio.run(Rough(Lane, binds).run(moves))
    assert len(found) == len(wanted)
    for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
        assert one == other, f"after move {number} of {moves[len(BEGIN) :]}:\n lane    {one}\n without {other}"


TARGETS: dict[str, Callable[[bytes], None]] = {"sessions": sessions}

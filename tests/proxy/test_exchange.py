"""One step of the gateway's own: where it ends, and what of it passes."""

from __future__ import annotations

import asyncio
from asyncio import Future

import pytest

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy.exchange import Exchange, First, Kept, Nothing, Sieve, Through, first_columns
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HOLD_BYTES, BackendFrames


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def copied(row: bytes) -> bytes:
    return message(b"d", row)


NOTICE = postgres.notice_response("NOTICE", "00000", "hello")
ERROR = postgres.error_response("ERROR", "22012", "division by zero")
ROWS = [postgres.data_row([b"%d" % n]) for n in range(9)]
SHAPE = postgres.row_description([postgres.Column(b"n")])
DONE = postgres.command_complete("SELECT 3")
READY = postgres.ready_for_query("I")
SIZES = [1, 3, 8, 10_000]


def run(sieve: Sieve, sent: bytes, size: int, ends: bytes = b"CIs", times: int = 1) -> tuple[bytes, bytes, bytes]:
    """(what passed, the end or nothing, the error) for an answer that comes in chunks of `size`."""

    async def play() -> tuple[bytes, bytes, bytes]:
        answer: Future[bytes] = asyncio.get_running_loop().create_future()
        exchange = Exchange(answer, sieve, ends, times)
        frames = BackendFrames()
        passed = b"".join(exchange.feed(*frames.feed(sent[at : at + size])) for at in range(0, len(sent), size))
        return passed, answer.result() if answer.done() else b"", exchange.error

    return asyncio.run(play())


@pytest.mark.parametrize("size", SIZES)
def test_rows_pass_and_answers_to_the_gateway_s_own_messages_do_not(size: int) -> None:
    sent = message(b"1") + message(b"2") + SHAPE + ROWS[0] + NOTICE + ROWS[1] + DONE
    assert run(Through(), sent, size) == (SHAPE + ROWS[0] + NOTICE + ROWS[1], DONE, b"")


@pytest.mark.parametrize("size", SIZES)
def test_the_first_rows_pass_and_one_more_is_told(size: int) -> None:
    told: list[bool] = []
    sieve = First(3, lambda: told.append(True))
    passed, end, _ = run(sieve, b"".join(ROWS) + message(b"c") + DONE, size)
    assert (passed, end, told) == (b"".join(ROWS[:3]), DONE, [True])
    told.clear()
    assert run(First(9, lambda: told.append(True)), b"".join(ROWS) + message(b"c") + DONE, size)[0] == b"".join(
        ROWS
    ) + message(b"c")
    assert told == []


@pytest.mark.parametrize("size", SIZES)
def test_the_trailer_of_a_binary_copy_is_no_row(size: int) -> None:
    rows = [copied(b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\0\0"), copied(b"\0\1" + b"\0\0\0\1x")]
    trailer = copied(b"\xff\xff")
    told: list[bool] = []
    sent = message(b"H", b"\1\0\0") + b"".join(rows) + trailer + message(b"c")
    assert run(First(2, lambda: told.append(True)), sent, size)[0] == sent
    assert told == []
    assert run(First(1, lambda: told.append(True)), sent, size)[0] == message(b"H", b"\1\0\0") + rows[0]
    assert told == [True]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_kept_waits_in_order(size: int) -> None:
    sieve = Kept(Through(), 10_000, lambda: pytest.fail("it fits"))
    passed, end, _ = run(sieve, SHAPE + ROWS[0] + NOTICE + ROWS[1] + DONE, size)
    assert (passed, end) == (SHAPE + NOTICE, DONE)
    assert sieve.kept == ROWS[0] + ROWS[1] and not sieve.has_overflowed
    assert list(first_columns(sieve.kept + message(b"c"))) == [b"0", b"1"]


def test_what_does_not_fit_is_dropped_and_told_once() -> None:
    told: list[bool] = []
    sieve = Kept(Through(), 20, lambda: told.append(True))
    run(sieve, b"".join(ROWS) + DONE, 7)
    assert (sieve.kept, sieve.has_overflowed, told) == (b"", True, [True])


@pytest.mark.parametrize("size", SIZES)
def test_an_error_ends_a_step_unless_ready_follows(size: int) -> None:
    assert run(Through(), message(b"1") + ERROR, size) == (b"", ERROR, ERROR)
    second = postgres.error_response("ERROR", "25P02", "aborted")
    assert run(Nothing(), ROWS[0] + ERROR + READY + second + READY, size, b"Z", 2) == (b"", READY, ERROR)


def test_an_end_counts_only_as_often_as_asked() -> None:
    closed = message(b"3")
    assert run(Nothing(), closed + message(b"1") + DONE, 5, b"3", 2)[1] == b""
    assert run(Nothing(), closed + message(b"1") + DONE + closed, 5, b"3", 2)[1] == closed


def test_a_long_notice_passes_in_parts_and_a_long_error_is_refused() -> None:
    long = postgres.notice_response("NOTICE", "00000", "x" * (HOLD_BYTES * 2))
    size = HOLD_BYTES + 1000
    assert run(First(1, lambda: None), long + ROWS[0] + DONE, size) == (long + ROWS[0], DONE, b"")
    with pytest.raises(ProtocolViolation, match="too long"):
        run(Nothing(), postgres.error_response("ERROR", "P0001", "x" * (HOLD_BYTES * 2)), size)

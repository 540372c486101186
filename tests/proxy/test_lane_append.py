"""The lane appends entries by itself: the same bytes as the long way, and only as long as it is granted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from test_lane import ANSWER, BOUND, SELECT, Road, bound

from tidewaiter.ledger.batch import Batch, InPython
from tidewaiter.ledger.seal import BodyKey, DataKey
from tidewaiter.proxy.lane import Lane, NoLane

pytestmark = pytest.mark.skipif(Lane is NoLane or Batch is InPython, reason="not compiled")
KEY = BodyKey(DataKey("2026-11-27-1", bytes(32)))
FRESH = bytes(range(256))[: 3 * 44]
PIECE = 44
START, STEP, UNTIL = 1000, 10, 2000


def clock() -> Iterator[int]:
    return count(START, STEP)


class Granted(Road):
    """A lane with a batch of its own, five entries of which are there, the last at 900."""

    def __init__(self, *, fresh: bytes = FRESH, until: int = UNTIL, last: int = 900, keeps_binds: bool = True) -> None:
        super().__init__(keeps_binds=keeps_binds, most_bytes=1 << 20)
        self.batch: Any = Batch(clock().__next__)
        self.batch.reset(5, last)
        self.batch.grant(KEY.inline, until, fresh)
        self.lane = Lane(**self.given | {"batch": self.batch})
        self.lane.arm(False)

    def ask(self, chunk: bytes, answer: bytes) -> None:
        self.lane.asked(chunk)
        self.lane.answered(answer)


def frames_of(entries: list[tuple[bytes, bytes, int]]) -> tuple[bytes, bytes]:
    """What the long way makes of what it is given."""
    batch = InPython()
    for number, (members, body, _) in enumerate(entries):
        fresh = FRESH[number * PIECE : (number + 1) * PIECE]
        batch.add(5 + number, START + STEP * number, "execution", b"", members, b"", body, KEY, fresh)
    return batch.take()


@pytest.mark.parametrize("keeps_binds", [True, False])
def test_entries_are_those_of_the_long_way(keeps_binds: bool) -> None:
    steps = [(SELECT, ANSWER), (bound(b"7", b"seven"), BOUND + ANSWER), (SELECT, ANSWER)]
    long, granted = Road(keeps_binds=keeps_binds).armed(), Granted(keeps_binds=keeps_binds)
    for chunk, answer in steps:
        long.lane.asked(chunk)
        long.lane.answered(answer)
        granted.ask(chunk, answer)
    assert granted.entries == []
    assert (granted.batch.size, granted.batch.t_ns) == (8, START + 2 * STEP)
    assert granted.batch.take() == frames_of(long.entries)
    assert granted.now == long.now


def test_what_it_appended_is_counted_when_it_hands_over() -> None:
    granted = Granted()
    for _ in range(2):
        granted.ask(SELECT, ANSWER)
    assert granted.counted == []
    granted.lane.disarm()
    granted.lane.disarm()
    assert granted.counted == [(2, 2)]


def test_randomness_is_used_once() -> None:
    granted = Granted()
    for number in range(4):
        assert granted.batch.is_spent == (number == 3)
        granted.ask(SELECT, ANSWER)
    assert (granted.batch.size, len(granted.entries)) == (8, 1)
    granted.batch.grant(KEY.inline, UNTIL, FRESH[:PIECE])
    granted.ask(SELECT, ANSWER)
    assert (granted.batch.size, len(granted.entries)) == (9, 1)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"fresh": FRESH[: PIECE - 1]}, id="no randomness"),
        pytest.param({"until": START}, id="a new day, with a new key"),
        pytest.param({"last": START + 1}, id="a clock that went back"),
    ],
)
def test_what_is_not_granted_goes_the_long_way(given: dict[str, Any]) -> None:
    granted = Granted(**given)
    granted.ask(SELECT, ANSWER)
    assert (granted.batch.take(), len(granted.entries), granted.now) == ((b"", b""), 1, [ANSWER])
    granted.lane.disarm()
    assert granted.counted == []


@pytest.mark.parametrize("how", ["withdraw", "reset"])
def test_what_is_taken_back_is_not_used(how: str) -> None:
    granted = Granted()
    granted.batch.withdraw() if how == "withdraw" else granted.batch.reset(5, 900)
    assert granted.batch.is_spent
    granted.ask(SELECT, ANSWER)
    assert (granted.batch.take(), len(granted.entries)) == ((b"", b""), 1)


def test_a_body_that_becomes_a_file_goes_the_long_way() -> None:
    granted = Granted()
    for size in (65_000, 66_000):
        granted.ask(bound(b"x" * size), BOUND + ANSWER)
    assert (granted.batch.size, len(granted.entries)) == (6, 1)


def test_members_that_must_be_spilled_go_the_long_way() -> None:
    granted = Granted()
    granted.lane = Lane(**granted.given | {"batch": granted.batch, "who": b'"session":"%b"' % (b"s" * 16_000)})
    granted.lane.arm(False)
    granted.ask(SELECT, ANSWER)
    assert (granted.batch.size, len(granted.entries)) == (5, 1)


def test_when_much_waits_it_goes_the_long_way_which_writes() -> None:
    granted = Granted(fresh=FRESH[:PIECE] * 100)
    for _ in range(40):
        granted.ask(bound(b"x" * 60_000), BOUND + ANSWER)
    assert 0 < granted.batch.size - 5 < 20
    assert len(granted.entries) == 40 - (granted.batch.size - 5)


def test_a_clock_that_fails_is_the_long_ways() -> None:
    granted = Granted()
    batch = Batch(lambda: 1 // 0)
    batch.grant(KEY.inline, UNTIL, FRESH)
    granted.lane = Lane(**granted.given | {"batch": batch})
    granted.lane.arm(False)
    granted.ask(SELECT, ANSWER)
    assert (batch.size, len(granted.entries), granted.long) == (0, 1, [])


def test_a_batch_that_is_not_the_one_in_c_is_not_used() -> None:
    granted = Granted()
    granted.lane = Lane(**granted.given | {"batch": InPython()})
    granted.lane.arm(False)
    granted.ask(SELECT, ANSWER)
    assert len(granted.entries) == 1


def test_an_oid_that_is_none_is_a_defect_of_the_session() -> None:
    granted = Granted()
    granted.given["known"][b"p"].oids = (1 << 32,)
    granted.ask(bound(b"7"), BOUND + ANSWER)
    assert [what for what, _ in granted.long] == ["fail"]
    assert (granted.batch.take(), granted.now) == ((b"", b""), [])

"""The lane appends entries by itself: the same bytes as the long way, and only as long as it is granted."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from lanestage import ANSWER, BOUND, SELECT, Road, bound

from tidewaiter.ledger.batch import Batch, InPython
from tidewaiter.ledger.commit import Recorder
from tidewaiter.ledger.entry import decode
from tidewaiter.ledger.files import Files
from tidewaiter.ledger.keys import create_keys
from tidewaiter.ledger.log import Log
from tidewaiter.ledger.reader import FolderSource, LogReader
from tidewaiter.ledger.seal import BodyKey, DataKey
from tidewaiter.ledger.verify import verify
from tidewaiter.proxy.lane import Lane, NoLane
from tidewaiter.proxy.trail import Trail

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


# -- into a real log ----------------------------------------------------------------------------------------------


class NoDisk(Files):
    """A disk that does not wait, and fails when told."""

    is_full = False

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, "injected")
        return super().write(fd, data, at)

    def fdatasync(self, fd: int) -> None:
        pass


class Desk:
    """A log with its recorder, a trail, and a lane that records with them; answers leave once they are written."""

    def __init__(self, folder: Path) -> None:
        self.files = NoDisk()
        self.keys = create_keys(folder / "keys", "test/lane")
        self.folder = folder / "ledger"
        self.log = Log.open(
            self.folder, origin="test/lane", keys=self.keys, clock_ns=time.time_ns, files=self.files, announce=False
        )
        self.recorder = Recorder(self.log, report=lambda line: None)
        self.trail = Trail(self.recorder, "full", {"session": "s"})
        self.road = Road()
        self.lane = Lane(
            **self.road.given
            | {
                "ran": self.trail.ran, "batch": self.recorder.batch, "counted": self.trail.counted,
                "say_now": self._say_now, "who": self.trail.who, "clock_us": None,
            }
        )  # fmt: skip
        self.lane.arm(False)

    def _say_now(self, answer: bytes) -> None:
        self.recorder.flush()
        self.road.now.append(answer)

    def ask(self, chunk: bytes, answer: bytes) -> None:
        self.lane.asked(chunk)
        self.lane.answered(answer)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_log_stays_whole_with_entries_of_both_ways(desk: Desk) -> None:
    for number in range(300):
        desk.ask(bound(b"%d" % number), BOUND + ANSWER)
        if number % 7 == 0:
            desk.trail.event("note", {"n": number})
    desk.lane.disarm()
    assert (desk.trail.statements, desk.trail.rows) == (300, 300)
    desk.log.close()
    assert verify(FolderSource.of(desk.folder), key=desk.keys.verifier).problems == []
    reader = LogReader(desk.folder, desk.keys.kek)
    frames = [stored for stored in reader.frames() if decode(stored.header).kind == "execution"]
    assert [decode(stored.header).fields["binds"] for stored in frames] == [1] * 300
    bodies = [reader.body(stored) for stored in frames]
    assert len({body.binds for body in bodies if body is not None}) == 300


def test_a_log_that_broke_takes_nothing_from_a_lane(desk: Desk) -> None:
    desk.ask(SELECT, ANSWER)
    desk.ask(SELECT, ANSWER)
    assert (desk.log.size, desk.log.batch.is_spent) == (2, False)
    desk.files.is_full = True
    desk.ask(SELECT, ANSWER)
    assert desk.log.batch.is_spent
    desk.lane.arm(False)
    desk.ask(SELECT, ANSWER)
    assert [what for what, _ in desk.road.long] == ["fail", "fail"]
    assert (desk.log.size, len(desk.road.now)) == (3, 2)
    desk.files.is_full = False
    while not desk.log.repair():
        pass
    assert desk.log.batch.is_spent
    desk.lane.arm(False)
    desk.ask(SELECT, ANSWER)
    desk.log.close()
    assert desk.log.batch.is_spent
    assert verify(FolderSource.of(desk.folder), key=desk.keys.verifier).problems == []
    kinds = [decode(stored.header).kind for stored in LogReader(desk.folder).frames()]
    assert kinds == ["execution", "execution", "gap", "execution"]

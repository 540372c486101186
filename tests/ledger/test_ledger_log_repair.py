"""Repair in one thread while the other goes on: nothing is lost, numbered twice or taken too early."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ledgerkit import BODY, NOON_NS, Clock, FaultyFiles, QuickFiles, entries, fill, open_log, sound

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.ledger.log import AHEAD_NS, Log, State

DAY_NS = 86_400 * 10**9


class Halting(QuickFiles):
    """A disk that fails one write or sync when told to, and that halts in one named call until it is let go on."""

    def __init__(self) -> None:
        self.code = 0
        self.halt_in = ""
        self.halted = threading.Event()
        self.go_on = threading.Event()

    def _passes(self, name: str) -> None:
        if name == self.halt_in:
            self.halt_in = ""
            self.halted.set()
            assert self.go_on.wait(10)
        elif self.code and name != "allocate":
            code, self.code = self.code, 0
            raise OSError(code, "injected")

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        self._passes("write")
        return super().write(fd, data, at)

    def fdatasync(self, fd: int) -> None:
        self._passes("fdatasync")

    def allocate(self, fd: int, size: int) -> None:
        self._passes("allocate")
        super().truncate(fd, size)


@contextmanager
def repairing(log: Log, files: Halting, halt_in: str, told: list[object]) -> Iterator[None]:
    """While `repair` stands still in a call of its own thread; afterwards `told` has what it returned or raised."""

    def run() -> None:
        try:
            told.append(log.repair())
        except LedgerUnavailable as error:
            told.append(error)

    files.halt_in = halt_in
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert files.halted.wait(10)
        yield
    finally:
        files.go_on.set()
        thread.join()


@pytest.mark.parametrize("halt_in", ["write", "fdatasync"])
def test_nothing_is_taken_beside_the_gap_entry(tmp_path: Path, halt_in: str) -> None:
    """Two threads that append, or write the same buffer, would lose entries or give a number twice."""
    files, told = Halting(), list[object]()
    log = open_log(tmp_path / "l", files=files)
    fill(log, 2)
    files.code = errno.EIO
    with pytest.raises(LedgerUnavailable):
        log.write()
    calls: tuple[Callable[[], object], ...] = (
        lambda: log.append("outcome", b'"intent":0', BODY, closing=True),
        log.write,
        log.draft,
    )
    with repairing(log, files, halt_in, told):
        for call in calls:
            with pytest.raises(LedgerUnavailable, match="broken"):
                call()
    assert told == [True]
    log.append("outcome", b'"intent":0', BODY, closing=True)
    log.close()
    assert [(one.seq, one.kind) for one in entries(tmp_path / "l")] == [(0, "gap"), (1, "outcome")]
    sound(tmp_path / "l")


def test_log_that_breaks_while_its_disk_is_found_free_stays_broken(tmp_path: Path) -> None:
    files, told = Halting(), list[object]()
    log = open_log(tmp_path / "l", files=files)
    fill(log, 1)
    log.checkpoint()
    files.code = errno.ENOSPC
    fill(log, 1)
    with pytest.raises(LedgerUnavailable):
        log.write()
    full = OSError(errno.ENOSPC, "injected")

    def allocate(fd: int, size: int) -> None:
        raise full

    files.allocate = allocate  # type: ignore[method-assign]
    assert log.repair() is False
    assert log.state is State.FULL
    del files.allocate
    with repairing(log, files, "allocate", told):
        log.append("session.end", b"", closing=True)
        files.code = errno.EIO
        with pytest.raises(LedgerUnavailable):
            log.write()
    assert told == [False]
    with pytest.raises(LedgerUnavailable, match="broken"):
        fill(log, 1)
    assert log.repair() is True
    log.close()
    assert [one.fields.get("lost") for one in entries(tmp_path / "l") if one.kind == "gap"] == [1, 1]
    sound(tmp_path / "l")


def test_a_repair_is_counted_before_anything_is_taken_again(tmp_path: Path) -> None:
    files, told = Halting(), list[object]()
    log = open_log(tmp_path / "l", files=files)
    log._reserve.release()  # so that the repair ends with making it again
    fill(log, 1)
    files.code = errno.EIO
    with pytest.raises(LedgerUnavailable):
        log.write()
    assert log.repairs == 0
    with repairing(log, files, "allocate", told):
        assert (log.repairs, log.state) == (1, State.BROKEN)
    assert (told, log.state) == ([True], State.OPEN)
    assert log.repair() is True
    assert log.repairs == 1, "nothing was lost where nothing was broken"
    log.close()


def test_gap_keeps_the_raw_clock_where_it_was_behind(tmp_path: Path) -> None:
    files, clock = Halting(), Clock()
    log = open_log(tmp_path / "l", files=files, clock=clock)
    fill(log, 1)
    log.checkpoint()
    fill(log, 1)
    files.code = errno.EIO
    with pytest.raises(LedgerUnavailable):
        log.write()
    clock.at_ns = NOON_NS - 10
    assert log.repair()
    log.close()
    first, gap = entries(tmp_path / "l")
    assert (gap.t_ns, gap.t_src) == (first.t_ns, NOON_NS - 9)
    sound(tmp_path / "l")


# --- data keys ahead of their day --------------------------------------------------------------------------------


def test_with_a_prepared_key_the_first_body_of_a_day_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    midnight = NOON_NS // DAY_NS * DAY_NS + DAY_NS
    files, clock = FaultyFiles(), Clock(midnight - AHEAD_NS)
    log = open_log(tmp_path / "l", files=files, clock=clock)
    log.prepare()
    for at_ns in (clock.at_ns, midnight, midnight):
        clock.at_ns = at_ns
        before = len(files.names)
        fill(log, 1)
        assert files.names[before:] == []
        log.write()
        log.prepare()
    log.close()
    deks = [one.body.dek for one in entries(tmp_path / "l") if one.body]
    assert deks == ["2026-11-18-1", "2026-11-19-1", "2026-11-19-1"]
    assert sorted(path.name for path in (tmp_path / "l" / "datakeys").iterdir()) == ["2026-11-18-1", "2026-11-19-1"]
    sound(tmp_path / "l")


def test_a_key_that_cannot_be_prepared_breaks_the_log_until_repair(tmp_path: Path) -> None:
    files = FaultyFiles()
    log = open_log(tmp_path / "l", files=files)
    files.fail_at = len(files.names)
    with pytest.raises(LedgerUnavailable, match="injected"):
        log.prepare()
    log.prepare()  # nothing to do for a log that is broken: repair comes first
    assert log.repair()
    log.prepare()
    fill(log, 1)
    log.close()
    assert [one.kind for one in entries(tmp_path / "l")] == ["gap", "execution"]
    sound(tmp_path / "l")

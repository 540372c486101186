"""The writer when the disk fails, is full, or the process dies: nothing that was promised is lost."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ledgerkit import (
    BODY,
    FaultyFiles,
    QuickFiles,
    entries,
    fill,
    headers,
    open_log,
    sound,
)

from tidewaiter.errors import LedgerUnavailable, Tampered
from tidewaiter.ledger.entry import Body
from tidewaiter.ledger.log import Log, State
from tidewaiter.ledger.segments import HEADROOM_BYTES, RESERVE_BYTES


class Story:
    """Everything that a writer does, in order; `told` are the headers of entries whose `write` returned."""

    def __init__(self, folder: Path, files: FaultyFiles) -> None:
        self.folder = folder
        self.files = files
        self.log: Log | None = None
        self.told = 0

    def run(self) -> None:
        self.log = log = open_log(self.folder, files=self.files, segment_bytes=2500)
        for step in range(5):
            fill(log, 2)
            log.write()
            self.told = log.size
            log.append("execution", b"", Body(os.urandom(66_000)).encode()) if step == 1 else fill(log, 1)
            log.write()
            self.told = log.size
            if step % 2:
                log.sync()
            log.checkpoint()
        log.close()


def number_of_calls(folder: Path) -> int:
    files = FaultyFiles()
    Story(folder, files).run()
    assert sound(folder).entries == 15
    return len(files.names)


@pytest.mark.parametrize("persisted", [False, True])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_every_failing_call_stops_and_repair_resumes(tmp_path: Path, code: int, persisted: bool) -> None:
    calls = number_of_calls(tmp_path / "whole")
    assert calls > 50
    for number in range(calls):
        folder = tmp_path / str(number)
        story = Story(folder, FaultyFiles(number, code, persisted))
        try:
            story.run()
            sound(folder)  # a failing reserve is no reason to stop
            continue
        except LedgerUnavailable:
            pass
        if folder.joinpath("log.vkey").exists():
            sound(folder)
        kept = headers(folder)[: story.told] if folder.joinpath("segments").exists() else []
        assert len(kept) == story.told
        resume(story, kept)


def resume(story: Story, kept: list[bytes]) -> None:
    """Repair or reopen; whatever was told is still there, and the log goes on."""
    log = story.log
    if log is None or log.state is State.CLOSED:
        log = open_log(story.folder)
    elif log.state is State.FULL:  # there was no space for the reserve
        assert log.repair()
    else:
        assert log.state is State.BROKEN
        for call in (lambda: fill(log, 1), log.write, log.sync, log.checkpoint):
            with pytest.raises(LedgerUnavailable, match="injected"):
                call()
        assert log.repair()
        assert log.append("heartbeat", b"") == log.size - 1
        log.checkpoint()
        last = entries(story.folder)[-2]
        assert last.kind == "gap"
        assert set(last.fields) == {"reason", "lost"}
    sound(story.folder)
    fill(log, 3)
    log.close()
    assert headers(story.folder)[: len(kept)] == kept
    sound(story.folder)


def test_gap_counts_what_was_lost(tmp_path: Path) -> None:
    files = FaultyFiles(lasting=True)
    log = open_log(tmp_path / "l", files=files)
    fill(log, 5)
    log.checkpoint()
    fill(log, 3)
    files.fail_at = len(files.names)
    with pytest.raises(LedgerUnavailable):
        log.write()
    for _ in range(3):
        with pytest.raises(LedgerUnavailable, match="broken"):
            log.repair()
    files.is_on = False
    assert log.repair()
    log.close()
    (gap,) = (one for one in entries(tmp_path / "l") if one.kind == "gap")
    assert gap.fields["lost"] == 3
    assert "injected" in gap.fields["reason"]
    assert sound(tmp_path / "l").entries == 6


def test_gap_that_fails_itself_is_not_counted_as_lost(tmp_path: Path) -> None:
    for number in range(40):
        folder = tmp_path / str(number)
        files = FaultyFiles()
        log = open_log(folder, files=files)
        fill(log, 2)
        files.fail_at = len(files.names)
        with pytest.raises(LedgerUnavailable):
            log.write()
        files.fail_at = len(files.names) + number
        try:
            log.repair()
        except LedgerUnavailable:
            sound(folder)
            assert log.repair()
        files.is_on = False
        log.close()
        assert {one.fields["lost"] for one in entries(folder) if one.kind == "gap"} == {2}


def test_descriptor_that_failed_is_not_used_again(tmp_path: Path) -> None:
    class Watching(QuickFiles):
        failed: int | None = None
        opened: list[int]

        def fdatasync(self, fd: int) -> None:
            if self.failed is None and self.is_armed:
                self.failed = fd
                raise OSError(errno.EIO, "injected")

        is_armed = False

    files = Watching()
    log = open_log(tmp_path / "l", files=files)
    fill(log, 2)
    log.write()
    files.is_armed = True
    with pytest.raises(LedgerUnavailable):
        log.sync()
    assert log.durable == 0
    with pytest.raises(LedgerUnavailable):
        log.sync()
    assert log.repair()
    assert log.durable == 3
    log.close()
    assert [one.kind for one in entries(tmp_path / "l")] == ["execution", "execution", "gap"]


def test_tampering_between_failure_and_repair_is_refused(tmp_path: Path) -> None:
    files = FaultyFiles()
    log = open_log(tmp_path / "l", files=files)
    fill(log, 4)
    log.checkpoint()
    (segment,) = (tmp_path / "l" / "segments").iterdir()
    segment.write_bytes(segment.read_bytes()[:-1])
    files.fail_at = len(files.names)
    fill(log, 1)
    with pytest.raises(LedgerUnavailable):
        log.write()
    for _ in range(2):
        with pytest.raises(Tampered, match="entry 3"):
            log.repair()
    log.close()


def test_signer_refuses_hashes_that_changed_on_disk(tmp_path: Path) -> None:
    log = open_log(tmp_path / "l")
    fill(log, 4)
    log.checkpoint()
    hashes = tmp_path / "l" / "hashes"
    hashes.write_bytes(bytes(32) * (hashes.stat().st_size // 32))
    fill(log, 1)
    with pytest.raises(Tampered, match="nothing was signed"):
        log.checkpoint()
    with pytest.raises(LedgerUnavailable):
        fill(log, 1)
    log.close()


class SmallDisk(QuickFiles):
    """A disk with so many bytes left; what is freed by unlinking the reserve can be used again."""

    def __init__(self, free_bytes: int) -> None:
        self.free_bytes = free_bytes

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        grows = max(0, at + len(data) - os.fstat(fd).st_size)
        if grows > self.free_bytes:
            if self.free_bytes < 50:
                raise OSError(errno.ENOSPC, "no space")
            return super().write(fd, data[: self.free_bytes - (grows - self.free_bytes > 0)], at)
        self.free_bytes -= grows
        return super().write(fd, data, at)

    def allocate(self, fd: int, size: int) -> None:
        if size > self.free_bytes:
            raise OSError(errno.ENOSPC, "no space")
        self.free_bytes -= size
        super().truncate(fd, size)

    def truncate(self, fd: int, size: int) -> None:
        self.free_bytes += os.fstat(fd).st_size - size
        super().truncate(fd, size)

    def unlink(self, path: Path) -> None:
        self.free_bytes += path.stat().st_size if path.exists() else 0
        super().unlink(path)


SPARE = RESERVE_BYTES + HEADROOM_BYTES + 50_000


def fill_disk(log: Log) -> None:
    with pytest.raises(LedgerUnavailable):
        while True:
            fill(log, 10)
            log.write()


def test_full_disk_still_takes_closing_entries_and_resumes_when_there_is_space(tmp_path: Path) -> None:
    disk = SmallDisk(SPARE)
    log = open_log(tmp_path / "l", files=disk)
    disk.free_bytes = 20_000
    fill_disk(log)
    assert log.state.value == "broken"
    assert log.repair() is False
    assert log.state.value == "full"
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        fill(log, 1)
    with pytest.raises(LedgerUnavailable, match="disk is full"):
        log.stage(b"", BODY)
    for _ in range(1000):
        log.append("session.end", b'"session":"s"', closing=True)
    log.write()
    log.sync()
    assert log.repair() is False
    disk.free_bytes += SPARE
    assert log.repair() is True
    fill(log, 1)
    log.close()
    kinds = [one.kind for one in entries(tmp_path / "l")]
    assert (kinds.count("gap"), kinds.count("session.end"), kinds[-1]) == (1, 1000, "execution")
    sound(tmp_path / "l")


def test_log_opened_on_a_full_disk_takes_closing_entries_only(tmp_path: Path) -> None:
    with open_log(tmp_path / "l", files=SmallDisk(50_000), announce=True) as log:
        assert log.state is State.FULL
        log.append("session.end", b"", closing=True)
    assert [one.kind for one in entries(tmp_path / "l")] == ["log.start", "session.end"]


def test_reserve_that_runs_out_breaks_and_recovers(tmp_path: Path) -> None:
    disk = SmallDisk(SPARE)
    log = open_log(tmp_path / "l", files=disk)
    disk.free_bytes = 1000
    fill_disk(log)
    log.repair()
    disk.free_bytes = 400
    with pytest.raises(LedgerUnavailable):
        for _ in range(10):
            log.append("session.end", b'"session":"s"', closing=True)
            log.write()
    disk.free_bytes += SPARE
    assert log.repair()
    log.close()
    sound(tmp_path / "l")


def test_reserve_stands_beside_the_log(tmp_path: Path) -> None:
    open_log(tmp_path / "l").close()
    assert (tmp_path / "l.reserve").stat().st_size == RESERVE_BYTES
    assert sound(tmp_path / "l").notes == []


WRITER = """
import os, sys, time
from pathlib import Path
from ledgerkit import KEYS, ORIGIN
from tidewaiter.ledger.entry import Body
from tidewaiter.ledger.log import Log
log = Log.open(Path(sys.argv[1]), origin=ORIGIN, keys=KEYS, clock_ns=time.time_ns, segment_bytes=20_000)
body, number = Body(b"x" * 300).encode(), 0
while True:
    number += 1
    for _ in range(number % 5):
        log.append("execution", b'"session":"s"', body)
    log.write()
    os.write(1, b"%d\\n" % log.size)
    if number % 7 == 0:
        log.checkpoint()
    elif number % 3 == 0:
        log.sync()
"""


@pytest.mark.parametrize("wait_s", [0.0, 0.01, 0.05, 0.1, 0.23, 0.4])
def test_kill_9_loses_no_entry_whose_write_returned(tmp_path: Path, wait_s: float) -> None:
    folder, told = tmp_path / "l", 0
    for _ in range(2):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, folder],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert writer.stdout
        first = writer.stdout.readline()
        time.sleep(wait_s)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read()
        writer.stdout.close()
        assert writer.wait() == -signal.SIGKILL
        told = int((first + rest).rpartition(b"\n")[0].rpartition(b"\n")[2])
        assert len(headers(folder)) >= told
        sound(folder)
    with open_log(folder) as log:
        assert log.size >= told
    sound(folder)

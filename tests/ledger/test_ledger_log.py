"""The writer: what each step promises, and what becomes of it when the disk fails."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from ledgerkit import (
    BODY,
    KEYS,
    NOON_NS,
    ORIGIN,
    OTHER,
    Clock,
    FaultyFiles,
    QuickFiles,
    entries,
    fill,
    headers,
    open_log,
    sound,
)

from tidewaiter.errors import ConfigError, LedgerBusy, LedgerUnavailable, Tampered
from tidewaiter.ledger import log as log_module
from tidewaiter.ledger.entry import Body, members, restore
from tidewaiter.ledger.files import Files
from tidewaiter.ledger.log import Log, State
from tidewaiter.ledger.reader import LogReader
from tidewaiter.ledger.segments import HEADROOM_BYTES, RESERVE_BYTES


def test_entries_are_numbered_and_found_again(tmp_path: Path) -> None:
    with open_log(tmp_path / "l", announce=True) as log:
        assert log.append("intent", b'"a":1', BODY) == 1
        assert log.append("heartbeat", b"") == 2
        assert (log.size, log.durable, log.checkpointed) == (3, 1, 0)
        log.write()
        assert log.sync() == log.durable == 3
        log.checkpoint()
        assert log.checkpointed == 3
        assert (log.origin, log.folder, log.state) == (ORIGIN, tmp_path / "l", State.OPEN)
    start, intent, beat = entries(tmp_path / "l")
    assert (start.kind, start.fields) == ("log.start", {"origin": ORIGIN, "checkpoint": 0, "dropped_bytes": 0})
    assert (intent.kind, intent.fields, beat.kind, beat.fields) == ("intent", {"a": 1}, "heartbeat", {})
    reader = LogReader(tmp_path / "l", KEYS.kek)
    assert [reader.body(stored) for stored in reader.frames()] == [None, Body(b"select 1"), None]
    assert sound(tmp_path / "l").checkpointed == 3


def test_real_disk_takes_the_same_steps(tmp_path: Path) -> None:
    with open_log(tmp_path / "l", files=Files(), segment_bytes=2000) as log:
        fill(log, 20)
        log.append("execution", b"", Body(b"x" * 100_000).encode())
        log.checkpoint()
    assert sound(tmp_path / "l").entries == 21


def test_nothing_new_makes_no_checkpoint(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        fill(log, 1)
        log.checkpoint()
        assert log.draft() is None
        log.checkpoint()
    assert sound(tmp_path / "l").checkpoints == 1


def test_log_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    for round_ in range(5):
        with open_log(tmp_path / "l") as log:
            assert log.size == 3 * round_
            fill(log, 3)
        found = sound(tmp_path / "l")
        assert (found.entries, found.checkpoints) == (3 * round_ + 3, round_ + 1)


def test_segments_rotate_and_every_step_stays_verifiable(tmp_path: Path) -> None:
    with open_log(tmp_path / "l", segment_bytes=1500) as log:
        for number in range(30):
            fill(log, 1)
            log.write()
            if number % 7 == 0:
                log.checkpoint()
            assert sound(tmp_path / "l").entries == number + 1
        assert log.sync() == 30
    names = sorted(path.name for path in (tmp_path / "l" / "segments").iterdir())
    assert len(names) > 5
    assert all(path.stat().st_size <= 1500 for path in (tmp_path / "l" / "segments").iterdir())


def test_second_writer_is_refused_until_the_first_closes(tmp_path: Path) -> None:
    with open_log(tmp_path / "l"), pytest.raises(LedgerBusy, match="another process"):
        open_log(tmp_path / "l")
    open_log(tmp_path / "l").close()


def test_keys_of_another_log_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="origin is other"):
        Log.open(tmp_path / "l", origin="other", keys=KEYS, clock_ns=Clock())
    open_log(tmp_path / "l").close()
    with pytest.raises(Tampered, match="not the public part"):
        Log.open(tmp_path / "l", origin=ORIGIN, keys=OTHER, clock_ns=Clock(), files=QuickFiles())


def test_time_never_goes_backwards_and_the_raw_clock_is_kept(tmp_path: Path) -> None:
    clock = Clock()
    with open_log(tmp_path / "l", clock=clock) as log:
        for at_ns in (NOON_NS, NOON_NS + 50, NOON_NS - 10**12, NOON_NS + 20, -5, NOON_NS + 60):
            clock.at_ns = at_ns - 1
            fill(log, 1)
    got = entries(tmp_path / "l")
    assert [one.t_ns - NOON_NS for one in got] == [0, 50, 50, 50, 50, 60]
    assert [one.t_src for one in got] == [None, None, NOON_NS - 10**12, NOON_NS + 20, 0, None]
    clock.at_ns = NOON_NS - 10**9
    with open_log(tmp_path / "l", clock=clock) as log:
        fill(log, 1)
    assert all(before.t_ns <= after.t_ns for before, after in pairwise(entries(tmp_path / "l")))
    sound(tmp_path / "l")


def test_buffers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "BUFFER_BYTES", 4000)
    monkeypatch.setattr(log_module, "LEAVES", 100)
    with open_log(tmp_path / "l") as log:
        for _ in range(600):
            fill(log, 1)
            assert log.size - log.written <= 4000 // 400  # no entry is shorter
            assert log._unhashed < 100 + 10
    assert sound(tmp_path / "l").entries == 600


def test_oversized_members_are_kept_whole_in_the_body(tmp_path: Path) -> None:
    fields = {"session": "s", "touches": [{"relation": f"public.t{n}", "verbs": ["select"]} for n in range(5000)]}
    with open_log(tmp_path / "l") as log:
        log.append("intent", members(fields), BODY)
        log.append("intent", members(fields))
        staged = log.stage(members(fields), BODY)
        log.append("intent", staged.members, staged.body)
        with pytest.raises(ValueError, match="stage them together"):
            log.append("intent", members(fields), staged.body)
    reader = LogReader(tmp_path / "l", KEYS.kek)
    for stored, entry in zip(reader.frames(), entries(tmp_path / "l"), strict=True):
        assert len(stored.header) <= 16_384
        assert entry.fields["touches"] == {"count": 5000}
        body = reader.body(stored)
        assert body is not None
        assert restore(entry, body) == fields
    assert sound(tmp_path / "l").entries == 3


def test_longest_members_that_do_not_spill_still_fit(tmp_path: Path) -> None:
    clock = Clock((1 << 63) - 100)
    room = log_module.MEMBERS_BYTES - len(b'"a":""')
    with open_log(tmp_path / "l", clock=clock) as log:
        log.append("k" * 64, members({"a": "x" * room}), Body(b"x" * 70_000).encode())
    assert len(entries(tmp_path / "l")[0].fields["a"]) == room
    sound(tmp_path / "l")


def test_kind_must_be_a_word(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        for kind in ("", 'a"b', "A", "x" * 65):
            with pytest.raises(ValueError, match="cannot be an entry's kind"):
                log.append(kind, b"")
        assert log.size == 0


@pytest.mark.parametrize("size", [65_000, 65_600, 300_000])
def test_long_bodies_become_blobs_before_their_entry(tmp_path: Path, size: int) -> None:
    body = Body(os.urandom(size)).encode()
    with open_log(tmp_path / "l") as log:
        log.append("execution", b"", body)
        assert len(list((tmp_path / "l" / "blobs").glob("*/*"))) == (size > 65_470)
    reader = LogReader(tmp_path / "l", KEYS.kek)
    (stored,) = reader.frames()
    assert reader.body(stored) == Body.decode(body)
    sound(tmp_path / "l")


def test_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = open_log(tmp_path / "l")
    log.close()
    log.close()
    calls: list[Callable[[], object]] = [lambda: fill(log, 1), log.write, log.sync, lambda: log.stage(b"", BODY)]
    for call in calls:
        with pytest.raises(LedgerUnavailable, match="closed"):
            call()


def test_sync_may_run_beside_append_and_write(tmp_path: Path) -> None:
    errors: list[BaseException] = []
    with open_log(tmp_path / "l", segment_bytes=5000) as log:
        done = threading.Event()

        def syncing() -> None:
            try:
                while not done.is_set():
                    before = log.durable
                    assert before <= log.sync() <= log.size
            except (LedgerUnavailable, AssertionError, OSError) as error:
                errors.append(error)

        thread = threading.Thread(target=syncing)
        thread.start()
        for _ in range(2000):
            fill(log, 1)
            log.write()
        done.set()
        thread.join()
    assert errors == []
    assert sound(tmp_path / "l").entries == 2000


# --- faults ------------------------------------------------------------------------------------------------------


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


# --- a full disk -------------------------------------------------------------------------------------------------


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


# --- kill -9 -----------------------------------------------------------------------------------------------------

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

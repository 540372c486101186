"""The writer: what each step promises."""

from __future__ import annotations

import os
import threading
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
    QuickFiles,
    entries,
    fill,
    open_log,
    sound,
)

from tidewaiter.errors import ConfigError, LedgerBusy, LedgerUnavailable, Tampered
from tidewaiter.ledger import log as log_module
from tidewaiter.ledger.entry import Body, members, restore
from tidewaiter.ledger.files import Files
from tidewaiter.ledger.log import Log, State
from tidewaiter.ledger.reader import LogReader


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

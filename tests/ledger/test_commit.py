"""What the running server's recorder promises to sessions that share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from ledgerkit import FaultyFiles, QuickFiles, entries, open_log

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.ledger.commit import Recorder


class CountingFiles(QuickFiles):
    """Counts writes."""

    writes = 0

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        self.writes += 1
        return super().write(fd, data, at)


def turn(recorder: Recorder, work: Callable[[list[str]], None]) -> list[str]:
    """Do some work in one turn of a loop; what happened in it and after it."""
    told: list[str] = []

    async def run() -> None:
        work(told)
        told.append("end of turn")
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(run())
    return told


def test_all_who_answer_in_one_turn_share_one_write(tmp_path: Path) -> None:
    files = CountingFiles()
    log = open_log(tmp_path / "log", files=files)
    recorder, before = Recorder(log), files.writes

    def work(told: list[str]) -> None:
        for name in ("ada", "bob", "eve"):
            recorder.record("execution", b'"session":"%b"' % name.encode())
            recorder.written(lambda is_written, name=name: told.append(f"{name} {is_written}"))  # type: ignore[misc]

    assert turn(recorder, work) == ["end of turn", "ada True", "bob True", "eve True"]
    assert files.writes == before + 1
    log.close()


def test_whoever_is_told_of_a_write_finds_the_entry_in_the_file(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    recorder = Recorder(log)
    seen: list[int] = []

    def work(told: list[str]) -> None:
        recorder.record("execution", b'"session":"s"')
        recorder.written(lambda _: seen.append(len(entries(tmp_path / "log"))))
        recorder.record("execution", b'"session":"t"')

    turn(recorder, work)
    assert seen == [2]
    log.close()


def test_write_that_fails_is_told_to_all_who_wait_for_it(tmp_path: Path) -> None:
    files = FaultyFiles(lasting=True)
    log = open_log(tmp_path / "log", files=files)
    recorder = Recorder(log)
    files.fail_at = next(files.calls) + 1

    def work(told: list[str]) -> None:
        for name in ("ada", "bob"):
            recorder.record("execution", b'"session":"s"')
            recorder.written(lambda is_written, name=name: told.append(f"{name} {is_written}"))  # type: ignore[misc]

    assert turn(recorder, work) == ["end of turn", "ada False", "bob False"]
    assert not recorder.available


def test_next_turn_is_told_of_its_own_write(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log")
    recorder = Recorder(log)

    def work(told: list[str]) -> None:
        recorder.written(lambda _: recorder.written(lambda _: told.append("next")))

    assert turn(recorder, work) == ["end of turn", "next"]
    log.close()


def test_nothing_is_left_to_write_until_something_is_recorded_or_the_ledger_breaks(tmp_path: Path) -> None:
    files = FaultyFiles(lasting=True)
    log = open_log(tmp_path / "log", files=files)
    recorder = Recorder(log)
    found = [recorder.is_written]
    recorder.record("execution", b'"session":"s"')
    found.append(recorder.is_written)
    recorder.flush()
    found.append(recorder.is_written)
    recorder.record("execution", b'"session":"s"')
    files.fail_at = next(files.calls) + 1
    with pytest.raises(LedgerUnavailable):
        recorder.flush()
    found.append(recorder.is_written)
    assert found == [True, False, True, False]


def test_whoever_has_a_shorter_turn_ends_it_once_for_all_who_ask(tmp_path: Path) -> None:
    files = CountingFiles()
    log = open_log(tmp_path / "log", files=files)
    recorder, before = Recorder(log), files.writes
    told: list[bool] = []
    turns: list[Callable[[], None]] = []
    recorder.soon = turns.append
    for _ in range(2):
        recorder.record("execution", b'"session":"s"')
        recorder.written(told.append)
    assert (len(turns), told, files.writes) == (1, [], before)
    turns.pop()()
    assert (told, files.writes) == ([True, True], before + 1)
    recorder.written(told.append)
    assert len(turns) == 1
    log.close()


def test_whoever_recorded_before_a_repair_is_not_told_that_it_is_written(tmp_path: Path) -> None:
    """The repair runs in another thread and may end before this turn does: there is nothing left to write then."""
    files = FaultyFiles()
    log = open_log(tmp_path / "log", files=files)
    recorder = Recorder(log)

    def work(told: list[str]) -> None:
        recorder.record("execution", b'"session":"ada"')
        recorder.written(lambda is_written: told.append(f"ada {is_written}"))
        files.fail_at = len(files.names)
        with pytest.raises(LedgerUnavailable):
            recorder.flush()
        assert log.repair()

    assert turn(recorder, work) == ["end of turn", "ada False"]
    assert [entry.kind for entry in entries(tmp_path / "log")] == ["gap"]
    log.close()

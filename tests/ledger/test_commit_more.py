"""The recorder: one sync for all who wait, refusals while the disk fails, repair, and what a full disk still takes."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ledgerkit import BODY, KEYS, FaultyFiles, QuickFiles, entries, open_log, sound

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.ledger.commit import STAGE_BYTES, Recorder
from tidewaiter.ledger.entry import Body, members
from tidewaiter.ledger.log import Log, State
from tidewaiter.ledger.reader import LogReader
from tidewaiter.model import Receipt

STATEMENT = b'"session":"s","verdict":"allow"'


class Gate(QuickFiles):
    """A disk whose syncs wait until they are let through, and are counted."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self.begun = self.syncs = 0

    def fdatasync(self, fd: int) -> None:
        self.begun += 1
        assert self.opened.wait(60)
        self.syncs += 1


class Ailing(FaultyFiles):
    """A disk that fails with `code` from when it is told to until it is told that it is well."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = 0

    def _fails(self, name: str) -> bool:
        self.code = self.failing or errno.EIO
        return self.failing != 0


@asynccontextmanager
async def running(log: Log, reports: list[str] | None = None, **times: float) -> AsyncIterator[Recorder]:
    """A recorder that runs, and is stopped and closed in the end."""
    told = {"sync_s": 0.02, "checkpoint_s": 0.02, "repair_s": 0.01, **times}
    recorder = Recorder(log, report=reports.append if reports is not None else lambda _: None, **told)
    async with asyncio.TaskGroup() as group:
        life = group.create_task(recorder.run())
        try:
            yield recorder
        finally:
            await recorder.stop()
            await asyncio.wait([life])
            log.close()


async def until(condition: Callable[[], object]) -> None:
    for _ in range(30_000):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not come to pass within a minute")


def test_all_who_wait_share_syncs(tmp_path: Path) -> None:
    async def play() -> None:
        files = Gate()
        async with running(open_log(tmp_path / "l", files=files), checkpoint_s=60) as recorder:
            await until(lambda: recorder.available)
            await recorder.durable(recorder.record("execution", STATEMENT, BODY))
            files.opened.clear()
            before, begun = files.syncs, files.begun
            first = recorder.record("intent", STATEMENT, BODY)
            waits = [asyncio.ensure_future(recorder.durable(first))]
            await until(lambda: files.begun > begun)  # the first sync is under way, and covers the first entry only
            waits += [asyncio.ensure_future(recorder.durable(recorder.record("intent", STATEMENT))) for _ in range(50)]
            await asyncio.sleep(0.02)
            assert not any(wait.done() for wait in waits)
            files.opened.set()
            await asyncio.gather(*waits)
            assert files.syncs - before <= 4  # 51 entries: two rounds, each of which may sync its segment and folder

    asyncio.run(play())
    sound(tmp_path / "l")


def test_an_entry_that_is_durable_is_not_waited_for(tmp_path: Path) -> None:
    async def play() -> None:
        log = open_log(tmp_path / "l")
        async with running(log) as recorder:
            receipt = recorder.record("intent", STATEMENT, BODY)
            await recorder.durable(receipt)
            assert log.durable > receipt
            await recorder.durable(receipt)

    asyncio.run(play())


def test_what_nobody_waits_for_becomes_durable_and_checkpointed_by_itself(tmp_path: Path) -> None:
    async def play() -> None:
        log = open_log(tmp_path / "l")
        async with running(log, heartbeat_s=0.05) as recorder:
            recorder.record("execution", STATEMENT, BODY)
            await until(lambda: log.checkpointed >= 3)

    asyncio.run(play())
    assert {entry.kind for entry in entries(tmp_path / "l")} == {"execution", "heartbeat"}
    assert sound(tmp_path / "l").checkpointed == len(entries(tmp_path / "l"))


def test_the_data_key_of_a_day_is_made_in_the_worker_thread(tmp_path: Path) -> None:
    makers: list[int] = []

    class Watched(QuickFiles):
        def put(self, path: Path, data: bytes) -> None:
            if path.parent.name == "datakeys":
                makers.append(threading.get_ident())
            super().put(path, data)

    async def play() -> None:
        async with running(open_log(tmp_path / "l", files=Watched())) as recorder:
            await recorder.durable(recorder.record("heartbeat", b""))  # which the worker does after the key
            await recorder.durable(recorder.record("intent", STATEMENT, BODY))

    asyncio.run(play())
    assert len(makers) == 1
    assert makers[0] != threading.get_ident()


def test_a_data_key_that_cannot_be_made_is_told_and_made_up_for(tmp_path: Path) -> None:
    reports: list[str] = []

    async def play() -> None:
        files = Ailing()
        log = open_log(tmp_path / "l", files=files)
        files.failing = errno.EIO
        async with running(log, reports) as recorder:
            await until(lambda: reports)
            files.failing = 0
            await until(lambda: recorder.available)
            await recorder.durable(recorder.record("intent", STATEMENT, BODY))

    asyncio.run(play())
    assert "injected" in reports[0]
    assert [entry.kind for entry in entries(tmp_path / "l")] == ["gap", "intent"]
    sound(tmp_path / "l")


def test_a_recorder_with_nothing_to_do_sleeps(tmp_path: Path) -> None:
    async def play() -> None:
        log = open_log(tmp_path / "l")
        async with running(log, sync_s=0.002, checkpoint_s=0.002) as recorder:
            for _ in range(2):
                recorder.record("execution", STATEMENT)
                await until(lambda: log.checkpointed == log.size)
            loop, timers = asyncio.get_running_loop(), 0
            call_at = loop.call_at

            def counted(*arguments: Any, **named: Any) -> asyncio.TimerHandle:
                nonlocal timers
                timers += 1
                return call_at(*arguments, **named)

            loop.call_at = counted  # type: ignore[method-assign, assignment]
            await asyncio.sleep(0.3)
            assert timers < 10, "a wake-up every millisecond would be some 300"
            recorder.record("execution", STATEMENT)
            await until(lambda: log.checkpointed == log.size)

    asyncio.run(play())


def test_a_thousand_entries_at_once_end_under_one_root(tmp_path: Path) -> None:
    async def play() -> None:
        async with running(open_log(tmp_path / "l")) as recorder:
            for _ in range(1000):
                recorder.record("execution", STATEMENT, BODY)
            recorder.flush()

    asyncio.run(play())
    assert sound(tmp_path / "l").checkpointed == 1000


def test_those_who_wait_when_the_disk_fails_are_refused_and_later_ones_go_on(tmp_path: Path) -> None:
    reports: list[str] = []

    async def play() -> None:
        files = Ailing()
        log = open_log(tmp_path / "l", files=files)
        async with running(log, reports) as recorder:
            await recorder.durable(recorder.record("intent", STATEMENT, BODY))
            files.failing = errno.EIO
            with pytest.raises(LedgerUnavailable):
                await recorder.durable(recorder.record("intent", STATEMENT, BODY))
            assert not recorder.available
            with pytest.raises(LedgerUnavailable):
                recorder.record("intent", STATEMENT, BODY)
            with pytest.raises(LedgerUnavailable):
                recorder.flush()
            with pytest.raises(LedgerUnavailable):
                await recorder.durable(recorder_next(log))
            await asyncio.sleep(0.05)
            files.failing = 0
            await until(lambda: recorder.available)
            await recorder.durable(recorder.record("intent", STATEMENT, BODY))

    asyncio.run(play())
    found = entries(tmp_path / "l")
    assert "gap" in [entry.kind for entry in found]
    assert found[-1].kind == "intent"
    assert len(reports) == len({*reports[:1], *reports[1:]}) >= 2, "the same failure each round is one line"
    assert reports[-1] == "the ledger is written again"
    sound(tmp_path / "l")


def recorder_next(log: Log) -> Receipt:
    return Receipt(log.size)


def test_whoever_waits_for_an_entry_that_a_repair_lost_is_refused(tmp_path: Path) -> None:
    """Its number is another entry's afterwards, and that one is durable."""

    async def play() -> None:
        files = Ailing()
        log = open_log(tmp_path / "l", files=files)
        async with running(log, checkpoint_s=60, sync_s=60) as recorder:
            await recorder.durable(recorder.record("intent", STATEMENT, BODY))
            await until(lambda: log.checkpointed == log.size)
            lost = recorder.record("intent", b'"lost":true')
            waiting = recorder.durable(lost)
            files.failing = errno.EIO
            with pytest.raises(LedgerUnavailable):
                recorder.flush()  # somebody else's, before the sync begins
            files.failing = 0
            with pytest.raises(LedgerUnavailable, match="repaired"):
                await waiting
            await until(lambda: recorder.available)
            assert log.durable > lost

    asyncio.run(play())
    assert [entry.kind for entry in entries(tmp_path / "l")] == ["intent", "gap"]
    sound(tmp_path / "l")


def test_a_full_disk_takes_what_ends_and_nothing_new(tmp_path: Path) -> None:
    reports: list[str] = []

    async def play() -> None:
        files = Ailing()
        log = open_log(tmp_path / "l", files=files)
        async with running(log, reports) as recorder:
            await recorder.durable(recorder.record("intent", STATEMENT, BODY))
            files.failing = errno.ENOSPC
            with pytest.raises(LedgerUnavailable):
                await recorder.durable(recorder.record("intent", STATEMENT, BODY))
            files.failing = 0
            files.allocate = refuse  # type: ignore[method-assign]
            await until(lambda: log.state is State.FULL)
            with pytest.raises(LedgerUnavailable, match="disk is full"):
                recorder.record("intent", STATEMENT, BODY)
            with pytest.raises(LedgerUnavailable, match="disk is full"):
                await recorder.record_big("intent", STATEMENT, Body(b"x" * STAGE_BYTES).encode())
            await recorder.durable(recorder.record("outcome", b'"intent":0,"status":"ok"'))
            del files.allocate
            await until(lambda: recorder.available)

    def refuse(fd: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    asyncio.run(play())
    assert entries(tmp_path / "l")[-1].kind == "outcome"
    assert any("disk is full" in line for line in reports)
    assert reports[-1] == "the ledger is written again"
    sound(tmp_path / "l")


def test_a_failing_checkpoint_is_told_and_made_up_for(tmp_path: Path) -> None:
    async def play() -> None:
        files = Ailing()
        log = open_log(tmp_path / "l", files=files)
        async with running(log, reports) as recorder:
            recorder.record("execution", STATEMENT, BODY)
            recorder.flush()
            files.failing = errno.EIO
            await until(lambda: not recorder.available)
            files.failing = 0
            await until(lambda: recorder.available and log.checkpointed == log.size)

    reports: list[str] = []
    asyncio.run(play())
    assert "nothing new is forwarded until it can be written again" in reports[0]
    sound(tmp_path / "l")


@pytest.mark.parametrize("size", [10, STAGE_BYTES, 1 << 20, 10_000_000, 100_000_000])
def test_bodies_of_any_length_are_read_back(tmp_path: Path, size: int) -> None:
    body = Body(b"x" * size)

    async def play() -> None:
        async with running(open_log(tmp_path / "l")) as recorder:
            await recorder.durable(await recorder.record_big("intent", STATEMENT, body.encode()))

    asyncio.run(play())
    reader = LogReader(tmp_path / "l", KEYS.kek)
    assert [reader.body(stored) for stored in reader.frames()] == [body]
    sound(tmp_path / "l")


def test_entries_get_their_numbers_in_the_order_in_which_they_are_recorded(tmp_path: Path) -> None:
    """A big body is stored off the loop; meanwhile others go on, and numbers and times still do not decrease."""

    async def play() -> None:
        async with running(open_log(tmp_path / "l")) as recorder:
            big = asyncio.ensure_future(recorder.record_big("intent", STATEMENT, Body(b"x" * (1 << 20)).encode()))
            await asyncio.sleep(0)
            small = recorder.record("intent", members({"session": "other"}))
            assert await big > small

    asyncio.run(play())
    found = entries(tmp_path / "l")
    assert [entry.seq for entry in found] == list(range(len(found)))
    assert sorted(entry.t_ns for entry in found) == [entry.t_ns for entry in found]
    sound(tmp_path / "l")


def test_whoever_waits_when_it_stops_is_served_or_refused_and_nobody_hangs(tmp_path: Path) -> None:
    async def play() -> None:
        files = Gate()
        log = open_log(tmp_path / "l", files=files)
        async with running(log) as recorder:
            await recorder.durable(recorder.record("execution", STATEMENT, BODY))
            wait = asyncio.ensure_future(recorder.durable(recorder.record("intent", STATEMENT)))
            await asyncio.sleep(0)
            await recorder.stop()
            await asyncio.wait_for(wait, 60)
            with pytest.raises(LedgerUnavailable):
                await recorder.durable(recorder_next(log))

    asyncio.run(play())


def test_a_cancelled_recorder_leaves_no_thread_behind_in_the_log(tmp_path: Path) -> None:
    async def play() -> None:
        files = Gate()
        log = open_log(tmp_path / "l", files=files)
        recorder = Recorder(log, sync_s=0.01)
        life = asyncio.ensure_future(recorder.run())
        await recorder.durable(recorder.record("execution", STATEMENT, BODY))
        files.opened.clear()
        begun = files.begun
        wait = asyncio.ensure_future(recorder.durable(recorder.record("intent", STATEMENT)))
        await until(lambda: files.begun > begun)
        life.cancel()
        await asyncio.sleep(0.02)
        assert not life.done(), "the thread that syncs is waited for"
        files.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await life
        with pytest.raises(LedgerUnavailable, match="closing"):
            await wait
        log.close()

    asyncio.run(play())
    assert [entry.kind for entry in entries(tmp_path / "l")] == ["execution", "intent"]
    sound(tmp_path / "l")


def test_a_waiter_that_was_cancelled_is_passed_over(tmp_path: Path) -> None:
    async def play() -> None:
        files = Gate()
        async with running(open_log(tmp_path / "l", files=files)) as recorder:
            await recorder.durable(recorder.record("execution", STATEMENT, BODY))
            files.opened.clear()
            waits = [asyncio.ensure_future(recorder.durable(recorder.record("intent", STATEMENT))) for _ in range(2)]
            await asyncio.sleep(0.01)
            waits[0].cancel()
            files.opened.set()
            await waits[1]
            assert waits[0].cancelled()

    asyncio.run(play())


def test_who_waits_for_the_disk_is_told_in_the_turn_after_it_answered(tmp_path: Path) -> None:
    """In each turn more the loop would read, and have masked, another chunk of the answer that waits."""
    turns, answered, told = [0], [0], [0]

    async def play() -> None:
        loop: Any = asyncio.get_running_loop()
        post = loop.call_soon_threadsafe

        def posted(*given: Any, **named: Any) -> Any:
            post(lambda: answered.__setitem__(0, answered[0] if told[0] else turns[0]))
            return post(*given, **named)

        def count() -> None:
            turns[0] += 1
            loop.call_soon(count)

        loop.call_soon_threadsafe = posted
        async with running(open_log(tmp_path / "log"), checkpoint_s=60) as recorder:
            loop.call_soon(count)
            waiter = recorder.durable(recorder.record("intent", STATEMENT))
            waiter.add_done_callback(lambda _: told.__setitem__(0, turns[0]))
            await waiter

    asyncio.run(play())
    assert 0 < answered[0] == told[0] - 1

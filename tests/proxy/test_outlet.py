"""What leaves when: never before it is written, nor before what it waits for is durable, and always in order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playstage import Paper, Wire

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.ledger.commit import Recorder
from tidewaiter.ledger.files import Files
from tidewaiter.ledger.keys import Keys
from tidewaiter.ledger.log import Log
from tidewaiter.ledger.note import Signer
from tidewaiter.ledger.seal import Kek
from tidewaiter.model import Receipt
from tidewaiter.proxy.outlet import HELD_BYTES, Outlet
from tidewaiter.proxy.trail import Recorder as Asked


class Stand:
    """An outlet between two wires. `failures` is what it told the session."""

    def __init__(self, recorder: Asked, on_write: Callable[[bytes], None] = lambda _: None) -> None:
        self.client, self.server = Wire(on_write), Wire(lambda _: None)
        self.failures: list[Exception] = []
        self.outlet = Outlet(self.client.link, self.server.link, recorder, self.failures.append)

    @property
    def got(self) -> bytes:
        return bytes(self.client.got)

    def reads(self) -> bool:
        """Whether the server is read."""
        return self.server.reads


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def intent(paper: Paper) -> Receipt:
    return paper.record("intent", b'"verdict":"allow"')


def test_what_is_written_leaves_at_once_and_other_things_at_the_end_of_the_turn() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        stand.outlet.say(b"a", is_amid=False)
        assert stand.got == b"a"
        paper.record("execution", b"")
        stand.outlet.say(b"b", is_amid=False)
        stand.outlet.say(b"c", is_amid=False)
        assert stand.got == b"a"
        await turns()
        assert stand.got == b"abc"
        paper.record("execution", b"")
        stand.outlet.say(b"d", is_amid=False)
        paper.record("intent", b'"verdict":"deny"')
        stand.outlet.say(b"e", is_amid=True)
        assert stand.got == b"abcde"
        assert paper.flushed == 3

    asyncio.run(play())


def test_each_answer_waits_for_the_reads_ahead_of_it_and_for_no_other() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        outlet = stand.outlet
        outlet.hold(intent(paper))
        assert paper.flushed == 1
        outlet.say(b"first", is_amid=False)
        first = paper._waiters.pop()[1]
        outlet.hold(intent(paper))
        outlet.say(b"second", is_amid=True)
        first.set_result(None)
        await turns()
        assert stand.got == b"first"
        assert outlet.is_holding
        paper.sync()
        await turns()
        assert stand.got == b"firstsecond"
        assert not outlet.is_holding

    asyncio.run(play())


def test_what_waits_for_the_end_of_the_turn_leaves_before_what_waits_for_the_disk() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        paper.record("execution", b"")
        stand.outlet.say(b"plain", is_amid=False)
        stand.outlet.hold(intent(paper))
        stand.outlet.say(b"tagged", is_amid=False)
        assert stand.got == b"plain"
        await turns()
        assert stand.got == b"plain"
        paper.sync()
        await turns()
        assert stand.got == b"plaintagged"

    asyncio.run(play())


def test_what_is_to_leave_now_waits_for_the_disk_all_the_same() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        paper.record("execution", b"")
        stand.outlet.say_now(b"plain")
        assert (stand.got, paper.flushed) == (b"plain", 1)
        stand.outlet.hold(intent(paper))
        stand.outlet.say_now(b"tagged")
        assert stand.got == b"plain"
        paper.sync()
        await turns()
        assert stand.got == b"plaintagged"

    asyncio.run(play())


def test_reads_that_are_durable_together_leave_together() -> None:
    async def play() -> None:
        writes: list[bytes] = []
        paper = Paper(slow_disk=True)
        stand = Stand(paper, writes.append)
        for part in (b"1", b"2", b"3"):
            stand.outlet.hold(intent(paper))
            stand.outlet.say(part, is_amid=False)
        paper.sync()
        await turns()
        assert writes == [b"123"]

    asyncio.run(play())


def test_an_entry_that_is_durable_already_holds_nothing_back() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        receipt = intent(paper)
        paper.sync()
        stand.outlet.hold(receipt)
        stand.outlet.say(b"a", is_amid=False)
        assert stand.got == b"a"

    asyncio.run(play())


def test_the_server_waits_while_more_is_held_than_the_bound() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        stand.outlet.hold(intent(paper))
        stand.outlet.say(b"x" * HELD_BYTES, is_amid=True)
        assert stand.reads()
        stand.outlet.say(b"x", is_amid=True)
        assert not stand.reads()
        first = paper._waiters.pop()[1]
        stand.outlet.hold(intent(paper))
        stand.outlet.say(b"y", is_amid=True)
        first.set_result(None)
        await turns()
        assert stand.reads()
        assert len(stand.got) == HELD_BYTES + 1

    asyncio.run(play())


@pytest.mark.parametrize("when", ["before the write", "before the sync"])
def test_a_ledger_that_fails_keeps_everything_back_and_is_told_to_the_session(when: str) -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        stand.outlet.hold(intent(paper))
        stand.outlet.say(b"tagged", is_amid=False)
        stand.outlet.when_said(lambda: stand.failures.append(AssertionError("said")))
        if when == "before the write":
            waiter = paper._waiters.pop()[1]
            paper.become("broken")
            waiter.set_result(None)
        else:
            paper.become("broken")
        await turns()
        assert [type(one) for one in stand.failures[:1]] == [LedgerUnavailable]
        assert stand.got == b""
        assert stand.outlet.close(b"bye") == b"bye"
        await turns()
        assert stand.got == b""

    asyncio.run(play())


def test_what_cannot_be_recorded_begins_no_wait() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        receipt = intent(paper)
        paper.become("doomed")
        with pytest.raises(LedgerUnavailable):
            stand.outlet.hold(receipt)
        assert not stand.outlet.is_holding
        paper.record("execution", b"")
        stand.outlet.say(b"a", is_amid=False)
        paper.become("broken")
        await turns()
        assert [type(one) for one in stand.failures] == [LedgerUnavailable]
        assert stand.got == b""

    asyncio.run(play())


def test_the_last_word_comes_after_what_is_written_and_instead_of_what_waits_for_the_disk() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        paper.record("execution", b"")
        stand.outlet.say(b"plain", is_amid=False)
        assert stand.outlet.close(b"") == b""
        assert stand.got == b"plain"
        paper.record("execution", b"")
        stand.outlet.say(b"more", is_amid=False)
        paper.become("broken")
        assert b"58030" in stand.outlet.close(b"")
        stand.outlet.say(b"more", is_amid=False)
        assert stand.outlet.close(b"bye") == b"bye"
        assert stand.got == b"plain"

    asyncio.run(play())


def test_what_is_to_happen_afterwards_happens_at_once_where_nothing_waits() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        told: list[str] = []
        stand.outlet.when_said(lambda: told.append("now"))
        await stand.outlet.drained()
        stand.outlet.hold(intent(paper))
        stand.outlet.say(b"a", is_amid=False)
        stand.outlet.when_said(lambda: told.append(f"after {stand.got.decode()}"))
        stand.outlet.hold(intent(paper))
        assert told == ["now"]
        waiting = asyncio.ensure_future(stand.outlet.drained())
        await turns()
        assert not waiting.done()
        paper.sync()
        await waiting
        assert told == ["now", "after a"]

    asyncio.run(play())


def test_whoever_waits_for_what_is_about_to_leave_lets_it_leave() -> None:
    async def play() -> None:
        paper = Paper(slow_disk=True)
        stand = Stand(paper)
        stand.outlet.hold(intent(paper))
        stand.outlet.say(b"a", is_amid=False)
        paper.sync()  # what comes of it comes in the next turn
        async with asyncio.timeout(10):
            await stand.outlet.drained()
        assert stand.got == b"a"

    asyncio.run(play())


# -- with a real ledger, and power that may be lost at any time ------------------------------------------------
class Platter(Files):
    """A disk that knows what of its files is left when power is lost: `left`, by descriptor, as of the last sync."""

    def __init__(self) -> None:
        self.left: dict[int, bytes] = {}

    def fdatasync(self, fd: int) -> None:
        self.left[fd] = os.pread(fd, os.fstat(fd).st_size, 0)

    def sync_folder(self, path: Path) -> None:
        """Names are not looked at here."""


def test_nothing_leaves_whose_intent_would_be_lost_with_the_power(tmp_path: Path) -> None:
    async def play() -> None:
        platter = Platter()
        keys = Keys(Signer.make("test.example/log", bytes(range(32))), Kek(bytes(range(32, 64))))
        log = Log.open(
            tmp_path / "log", origin="test.example/log", keys=keys, clock_ns=lambda: 1,
            files=platter,
        )  # fmt: skip
        recorder = Recorder(log, sync_s=60, checkpoint_s=60)

        def check(data: bytes) -> None:
            for name in data.split():
                assert any(b'"name":"%b"' % name in left for left in list(platter.left.values())), (
                    f"{name!r} left too early"
                )
                checked.append(name)

        checked: list[bytes] = []
        stand = Stand(recorder, check)
        life = asyncio.ensure_future(recorder.run())
        for number in range(20):
            name = b"read-%d" % number
            stand.outlet.hold(recorder.record("intent", b'"name":"%b"' % name))
            stand.outlet.say(name + b" ", is_amid=False)
            for _ in range(number % 4):
                await asyncio.sleep(0.001)
        await stand.outlet.drained()
        await turns()
        assert checked == [b"read-%d" % number for number in range(20)]
        assert stand.failures == []
        await recorder.stop()
        await life
        log.close()

    asyncio.run(play())

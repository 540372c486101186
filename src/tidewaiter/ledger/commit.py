"""The ledger for a running server: many sessions record, one task makes what they recorded durable.

Group commit: what all sessions record in one turn of the loop goes in one write, and all who wait for durability share
one fdatasync. That runs in one thread of its own, so the event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

from tidewaiter.errors import LedgerUnavailable, TidewaiterError
from tidewaiter.ledger.log import Log, State
from tidewaiter.model import Receipt

T = TypeVar("T")

_OPEN: Final = State.OPEN  # looked up once, not for each statement
STAGE_BYTES = 64 << 10  # bodies that become files are sealed and stored in the worker thread
REPAIR_S = 1.0
CLOSING = frozenset({"outcome", "execution", "session.end", "gap"})
"""Kinds that end what was let in before. They are taken, from the reserve, when the disk is full."""


class Recorder:
    """Record entries from the event loop's thread; `run` must be running for anything to become durable."""

    def __init__(
        self,
        log: Log,
        *,
        sync_s: float = 0.05,
        checkpoint_s: float = 1.0,
        heartbeat_s: float = 60.0,
        repair_s: float = REPAIR_S,
        report: Callable[[str], None] | None = None,
    ) -> None:
        """`sync_s` bounds how long a written entry stays undurable when nobody waits for it, `checkpoint_s` how long it
        stays outside a checkpoint. `report` gets one line for operators when the ledger fails and when it is back.
        """
        self._log = log
        self._sync_s = sync_s
        self._checkpoint_s = checkpoint_s
        self._heartbeat_s = heartbeat_s
        self._repair_s = repair_s
        self._report = report or logging.getLogger("tidewaiter.ledger").warning
        self._reported = ""
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []  # bounded by the sessions: each waits for one thing
        self._wake = asyncio.Event()
        self._turn: list[Callable[[bool], None]] = []  # bounded by the sessions: each asks once per turn
        self._turned = self._end_turn  # these two once, not once per turn
        self._turn_repairs = 0  # when the first of them asked
        self._context = copy_context()
        self.soon: Callable[[Callable[[], None]], object] = self.call_soon
        self._stopping = False
        self._is_idle = False  # asleep until something is recorded

    @property
    def repairs(self) -> int:
        """How often the ledger was repaired: what was recorded before and was not durable then may be lost, its number
        given to another entry."""
        return self._log.repairs

    @property
    def batch(self) -> object:
        """What a lane appends to by itself; see `batch.InPython.grant`."""
        return self._log.batch

    @property
    def available(self) -> bool:
        """True if new traffic can be recorded."""
        return self._log.state is _OPEN

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt:
        """Append an entry; see `Log.append`. It survives nothing before `flush`, and power loss only after `durable`.

        On a full disk only the kinds in CLOSING are taken. Raises LedgerUnavailable.
        """
        try:
            receipt = self._log.append(kind, members, body, kind in CLOSING)
        except LedgerUnavailable:
            self._wake.set()
            raise
        if self._is_idle:
            self._wake.set()
        return receipt

    async def record_big(self, kind: str, members: bytes, body: bytes) -> Receipt:
        """`record` for bodies of any length: one that becomes a file is sealed and stored off the loop."""
        if len(body) < STAGE_BYTES:
            return self.record(kind, members, body)
        try:
            staged = await asyncio.get_running_loop().run_in_executor(None, self._log.stage, members, body)
            receipt = self._log.append(kind, staged.members, staged.body, kind in CLOSING)
        except LedgerUnavailable:
            self._wake.set()
            raise
        if self._is_idle:
            self._wake.set()
        return receipt

    @property
    def is_written(self) -> bool:
        """True if everything recorded so far survives kill -9."""
        log = self._log
        return log.written == log.size and (log.state is _OPEN or log.state is State.FULL)

    def flush(self) -> None:
        """Everything recorded so far survives kill -9. Raises LedgerUnavailable."""
        try:
            self._log.write()
        except LedgerUnavailable:
            self._wake.set()
            raise
        if self._is_idle:  # a lane does not tell of what it records
            self._wake.set()

    def written(self, then: Callable[[bool], None]) -> None:
        """Call `then` at the end of this turn of the event loop: with True if everything recorded until then survives
        kill -9, with False if it may not. All who ask in one turn share one write."""
        self._turn.append(then)
        if len(self._turn) == 1:
            self._turn_repairs = self._log.repairs
            self.soon(self._turned)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """What `soon` is where nobody has a shorter turn than the event loop's."""
        asyncio.get_running_loop().call_soon(callback, context=self._context)

    def _end_turn(self) -> None:
        waiting, self._turn = self._turn, []
        is_written = False
        try:
            self.flush()
            is_written = self._turn_repairs == self._log.repairs
        except LedgerUnavailable:
            pass
        finally:  # after a defect too: nobody waits for ever
            for then in waiting:
                then(is_written)

    def durable(self, receipt: Receipt) -> asyncio.Future[None]:
        """Done when the entry survives the loss of power; LedgerUnavailable, raised or in there, if it may not.

        The sync begins at once. Whoever comes some time after recording compares `repairs` first.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if receipt < self._log.durable:
            waiter.set_result(None)
            return waiter
        self._wake.set()
        if self._log.state in (State.BROKEN, State.CLOSED) or self._stopping:
            raise LedgerUnavailable("the ledger cannot be written")
        self._waiters.append((receipt, waiter))
        return waiter

    async def stop(self) -> None:
        """Let `run` write a last checkpoint and return."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Commit, checkpoint, beat and repair until `stop`, or until cancelled; then `Log.close` does the rest.

        Never ends because of an I/O error: it fails those who wait, says so, and tries to repair every second.
        """
        now = asyncio.get_running_loop().time
        checkpoint_at, beat_at, repair_at = now(), now() + self._heartbeat_s, 0.0
        worker = ThreadPoolExecutor(1, "ledger")
        try:
            await self._prepare(worker)
            while not self._stopping:
                await self._doze(beat_at if self._log.checkpointed == self._log.size else min(beat_at, checkpoint_at))
                if self._log.state is not State.OPEN:
                    if now() >= repair_at:
                        await self._repair(worker)
                        repair_at = now() + self._repair_s
                    if self._log.state is State.BROKEN:
                        self._refuse("the ledger cannot be written")
                        continue
                if now() >= beat_at:
                    beat_at = now() + self._heartbeat_s
                    self._beat()
                    await self._prepare(worker)
                is_due = now() >= checkpoint_at and self._log.checkpointed < self._log.size
                checkpoint_at = now() + self._checkpoint_s if is_due else checkpoint_at
                await self._commit(worker, is_due)
            await self._commit(worker, True)
        finally:
            self._stopping = True
            self._refuse("the ledger is closing")
            worker.shutdown()

    async def _doze(self, due_at: float) -> None:
        """Until somebody waits, or half the time in which entries must become durable, counted from the first of them.

        While there are none, until `due_at` on the loop's clock.
        """
        log = self._log
        if log.state is State.OPEN and log.durable == log.size:
            self._is_idle = True
            await self._woken(due_at)
            self._is_idle = False
        if log.state is not State.OPEN or log.durable < log.size:
            await self._woken(asyncio.get_running_loop().time() + self._sync_s / 2)

    async def _woken(self, until: float) -> None:
        """Return when woken, or at that time of the loop's clock."""
        if not self._waiters and not self._stopping:
            try:
                async with asyncio.timeout_at(until):
                    await self._wake.wait()
            except TimeoutError:
                pass
        self._wake.clear()

    async def _commit(self, worker: ThreadPoolExecutor, with_checkpoint: bool) -> None:
        """Write, sync and, if asked, checkpoint; then let those go on whose entries are durable."""
        log = self._log
        try:
            log.write()
            if log.durable < log.size:
                await self._in(worker, log.sync, self._release)
            self._release()
            draft = log.draft() if with_checkpoint else None
            if draft:
                await self._in(worker, lambda: log.publish(draft))
                self._release()
        except TidewaiterError as error:
            self._fail(error)

    async def _in(self, worker: ThreadPoolExecutor, work: Callable[[], T], then: Callable[[], None] | None = None) -> T:
        """Run in the worker thread. A cancelled caller still waits for the end: two threads must not meet.

        `then` is called in the loop's next turn, which is two turns before this returns.
        """
        loop = asyncio.get_running_loop()
        running = worker.submit(work)
        if then is not None:
            called = then  # the name that a lambda takes along must not be None
            running.add_done_callback(lambda _: loop.call_soon_threadsafe(called))
        future = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError as error:
            cancelled = error
        await asyncio.wait([future])
        future.cancelled() or future.exception()  # fetched, so that the loop does not complain of it
        raise cancelled

    def _release(self) -> None:
        """Wake those whose entries are durable."""
        durable, waiting = self._log.durable, []
        for receipt, waiter in self._waiters:
            if receipt >= durable:
                waiting.append((receipt, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        self._waiters = waiting

    def _refuse(self, why: str) -> None:
        """Fail everybody who waits."""
        waiters, self._waiters = self._waiters, []
        for _, waiter in waiters:
            if not waiter.done():
                waiter.set_exception(LedgerUnavailable(why))

    def _fail(self, error: TidewaiterError) -> None:
        self._refuse(str(error))
        self._say(f"{error}; nothing new is forwarded until it can be written again")

    def _say(self, line: str) -> None:
        if line != self._reported:  # the same failure each second is one line
            self._report(line)
        self._reported = line

    async def _repair(self, worker: ThreadPoolExecutor) -> None:
        if self._log.state is State.BROKEN:  # what they wait for may be lost, and its number become another entry's
            self._refuse("the ledger had to be repaired")
        try:
            is_open = await self._in(worker, self._log.repair)
        except TidewaiterError as error:
            self._fail(error)
            return
        if is_open:
            self._say("the ledger is written again")
        else:
            self._say("the ledger's disk is full: only what is under way is still recorded")

    async def _prepare(self, worker: ThreadPoolExecutor) -> None:
        """Have the data key of a day made before its first entry needs it, and not on the loop."""
        try:
            await self._in(worker, self._log.prepare)
        except LedgerUnavailable as error:
            self._fail(error)

    def _beat(self) -> None:
        try:
            self._log.append("heartbeat", b"")
        except LedgerUnavailable as error:
            self._fail(error)

"""What the client of a session gets, and when: never before what was recorded about it. No socket of its own.

Everything leaves in order. Most bytes wait until all entries so far are written. Behind a read whose intent is not
durable yet they wait for that: `hold` begins the wait, and what comes after it belongs to answers that nobody may see
unless the intent survives the loss of power. What came before it waits for nothing new. Where something is masked,
answers wait for a look at the database as well, in the same order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.model import Receipt
from tidewaiter.proxy.ending import UNRECORDED
from tidewaiter.proxy.link import Link
from tidewaiter.proxy.trail import Recorder

HELD_BYTES: Final = 256 << 10
"""Of answers that wait for the disk; beyond it the server waits. One read of the event loop more may come."""


class Held:
    """What waits for one entry to be durable, or for a look at the database; and what happens once that has left.

    `may_leave` is asked when a look is done.
    """

    __slots__ = ("durable", "may_leave", "parts", "then")

    def __init__(
        self, durable: asyncio.Future[None], may_leave: Callable[[asyncio.Future[None]], bool] | None = None
    ) -> None:
        self.durable = durable
        self.may_leave = may_leave
        self.parts: list[bytes] = []
        self.then: Callable[[], None] | None = None


class Outlet:
    """One session's. `fail` hears of what keeps bytes from leaving: then the session must end.

    `unsaid` waits for the ledger's write at the end of the loop's turn, when `said` is called; a lane puts answers
    there too.
    """

    def __init__(self, client: Link, server: Link, recorder: Recorder, fail: Callable[[Exception], None]) -> None:
        self._client = client
        self._server = server
        self._recorder = recorder
        self._written = recorder.written
        self._told = self.said
        self._synced = self._release
        self._looked = self._look_is_done
        self._fail = fail
        self.unsaid: list[bytes] = []
        self._held: deque[Held] = deque()  # oldest first; bounded by what is on its way to the server
        self._held_bytes = 0

    @property
    def is_holding(self) -> bool:
        """Whether something waits, or would wait, for the disk."""
        return bool(self._held)

    def say(self, answer: bytes, *, is_amid: bool) -> None:
        """Let the client have an answer once everything recorded so far is written, and what it waits for durable: at
        the end of the loop's turn, or now, `is_amid` a long answer. The loop reads many chunks of one connection in a
        turn. Raises LedgerUnavailable.
        """
        if self._held:
            self._keep(answer)
            return
        if is_amid and not self._recorder.is_written:
            self._recorder.flush()
            self.unsaid.append(answer)
            self.said(True)
            return
        if not self.unsaid and self._recorder.is_written:
            self._client.write(answer)
            return
        self.unsaid.append(answer)
        if len(self.unsaid) == 1:
            self._written(self._told)

    def say_now(self, answer: bytes) -> None:
        """Let the client have an answer before which nothing waits, once all entries so far are written, which is now.
        Raises LedgerUnavailable."""
        if self._held:  # nobody who asks for this knows of any, and none may leave for that
            self._keep(answer)
            return
        self._recorder.flush()
        self._client.write(answer)

    def hold(self, receipt: Receipt) -> None:
        """Let nothing that comes from now on leave before this entry, just recorded, is durable.

        It is written when this returns. Raises LedgerUnavailable.
        """
        self._recorder.flush()
        waiter = self._recorder.durable(receipt)
        if waiter.done():
            return
        if self.unsaid:
            self.said(True)
        self._held.append(Held(waiter))
        waiter.add_done_callback(self._synced)

    def wait_for(self, look: asyncio.Future[None], may_leave: Callable[[asyncio.Future[None]], bool]) -> None:
        """Let nothing that comes from now on leave before a look at the database is done, and then only if it
        `may_leave`; otherwise that drops what is held."""
        if self.unsaid:
            self._recorder.flush()
            self.said(True)
        self._held.append(Held(look, may_leave))
        look.add_done_callback(self._looked)

    def drop(self) -> None:
        """Give nothing of what is held."""
        thens = [one.then for one in self._held if one.then is not None]
        self._held.clear()
        self._held_bytes = 0
        self._server.resume("disk")
        for then in thens:
            then()

    def when_said(self, then: Callable[[], None]) -> None:
        """Call `then` once what waits for the disk now has left; at once where nothing does."""
        if self._held:
            self._held[-1].then = then
        else:
            then()

    async def drained(self) -> None:
        """Return when nothing waits for the disk any more. Raises LedgerUnavailable."""
        while self._held:
            first = self._held[0].durable
            if self._held[0].may_leave is not None and not first.done():
                await asyncio.wait((first,))
            await (asyncio.sleep(0) if first.done() else asyncio.shield(first))  # what is done leaves in the next turn

    def close(self, error: bytes) -> bytes:
        """Send what waits for the end of the turn, if it is recorded; drop what waits for the disk. Return the error to
        end with."""
        self._held.clear()
        unsaid = self._take_unsaid()
        if unsaid:
            try:
                self._recorder.flush()
            except LedgerUnavailable:
                return error or UNRECORDED[1]
            self._client.write(unsaid)
        return error

    def said(self, is_written: bool) -> None:
        """The end of the loop's turn: what is in `unsaid` is written, and leaves; or it is not."""
        unsaid = self._take_unsaid()
        if not is_written:
            self._fail(LedgerUnavailable("the ledger cannot be written"))
        elif unsaid:
            self._client.write(unsaid)

    def _take_unsaid(self) -> bytes:
        unsaid = self.unsaid[0] if len(self.unsaid) == 1 else b"".join(self.unsaid)
        self.unsaid.clear()
        return unsaid

    def _keep(self, answer: bytes) -> None:
        self._held[-1].parts.append(answer)
        self._held_bytes += len(answer)
        if self._held_bytes > HELD_BYTES:
            self._server.pause("disk")

    def _release(self, waiter: asyncio.Future[None]) -> None:
        """An entry is durable, or will not be."""
        error = waiter.exception()
        held = self._held
        if not held:  # closed, or released together with another
            return
        if error is not None:
            self._fail(LedgerUnavailable(str(error)))
            return
        self._release_done()

    def _look_is_done(self, look: asyncio.Future[None]) -> None:
        if not look.cancelled():
            look.exception()  # it is asked for when what waits for it is the oldest
            self._release_done()

    def _release_done(self) -> None:
        """Write what waits for nothing any more, up to what must not leave."""
        held = self._held
        done: list[Held] = []
        while held and held[0].durable.done():
            first = held[0]
            if first.may_leave is not None:
                self._leave(done)  # before anything takes the place of what must not
                if not (held and first.may_leave(first.durable)):
                    return
            elif first.durable.exception() is not None:
                break
            done.append(held.popleft())
        self._leave(done)

    def _leave(self, done: list[Held]) -> None:
        """Write what these held, if anything is left to write, and go on."""
        if done:
            self._let_go(b"".join([part for one in done for part in one.parts]))
            thens = [one.then for one in done if one.then is not None]
            done.clear()
            for then in thens:
                then()

    def _let_go(self, answer: bytes) -> None:
        """Write what was held back. What else it tells of is recorded, and must be written as well."""
        try:
            self._recorder.flush()
        except LedgerUnavailable as error:
            self._fail(error)
            return
        if answer:
            self._client.write(answer)
        self._held_bytes -= len(answer)
        if self._held_bytes <= HELD_BYTES:
            self._server.resume("disk")

"""What the client of a session gets, and when: never before what was recorded about it. No socket of its own.

Everything leaves in order. Most bytes wait until all entries so far are written. Behind a read whose intent is not
durable yet they wait for that: `hold` begins the wait, and what comes after it belongs to answers that nobody may see
unless the intent survives the loss of power. What came before it waits for nothing new.
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
    """What waits for one entry to be durable, and what happens once that has left."""

    __slots__ = ("durable", "parts", "then")

    def __init__(self, durable: asyncio.Future[None]) -> None:
        self.durable = durable
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
        out: list[bytes] = []
        done: list[Callable[[], None]] = []
        while held and held[0].durable.done() and held[0].durable.exception() is None:
            one = held.popleft()
            out += one.parts
            if one.then is not None:
                done.append(one.then)
        self._let_go(b"".join(out))
        for then in done:
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

"""What the gateway itself asks of a session's server, on the session's own connection, and waiting for its answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.probe import Interrupted, Probe, Question
from tidewaiter.wire import postgres

ANSWER_S = 60.0  # far above reading the catalog of 10,000 relations; a question waits for no lock of a user's


class Inquiry:
    """One session's. `is_unsynced` tells whether some extended protocol has no Sync yet, `is_amid` whether a Sync would
    end something of it; `send` writes to the server.

    `settled` is to be called when the server owes nothing, or waits for copy data.
    """

    def __init__(
        self,
        answers: Answers,
        is_unsynced: Callable[[], bool],
        is_amid: Callable[[], bool],
        send: Callable[[bytes], None],
    ) -> None:
        self._answers = answers
        self._is_unsynced = is_unsynced
        self._is_amid = is_amid
        self._send = send
        self._drained: asyncio.Future[None] | None = None
        self._is_over = False
        self._was_cancelled = False

    async def drain(self) -> None:
        """Wait until all that was sent is answered. Raises ProtocolViolation where the server waits for copy data."""
        owed = self._answers.owed
        if owed.debts and not owed.is_copying_in:
            if self._is_unsynced():
                self._send(postgres.flush())  # makes the server push what it holds back
            if self._is_over:
                raise asyncio.CancelledError("the session has ended")
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained
        if owed.debts:
            raise ProtocolViolation("another message within copy data")

    async def ask(self, questions: Sequence[Question], *, with_sync: bool = False) -> list[bytes]:
        """The rows of the answers. Raises ProtocolViolation when the server refuses or takes too long.

        `with_sync`: a Sync ends nothing that was sent, whatever waits to be sent. Else that is looked at here.
        """
        with_sync = with_sync or not self._is_unsynced() or not self._is_amid()
        answer: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()
        after, self._was_cancelled = self._was_cancelled, False
        self._answers.probe = Probe(
            answer, self._send, with_sync=with_sync, questions=len(questions), is_after_cancel=after
        )
        self._send(Probe.message(questions, with_sync=with_sync, is_after_cancel=after))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except Interrupted:
            self._was_cancelled = True
            raise
        except TimeoutError:
            raise ProtocolViolation(f"the server did not answer the gateway's own question in {ANSWER_S:g} s") from None

    def settled(self) -> None:
        """All that was sent is answered, or the server waits for copy data."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def cancel(self) -> None:
        """The session has ended: nothing will be answered, of what is asked later neither."""
        self._is_over = True
        if self._drained is not None:
            self._drained.cancel()
        if self._answers.probe is not None:
            self._answers.probe.answer.cancel()
        if self._answers.exchange is not None:
            self._answers.exchange.answer.cancel()

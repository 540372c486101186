"""The road of a statement, on one page: observe → identify → understand → decide → record → forward → record.

A session joins one client to one server connection. `from_client` takes whole chunks: each statement in them is judged,
recorded, and only then put among what is forwarded; `from_server` settles what the server answers against what it owes,
and records every outcome before its bytes leave. What has to wait (a durable entry, the catalog, the server's own
search_path) is a chore: a coroutine that `run` awaits while the client's reading is paused.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from tidewaiter.errors import LedgerUnavailable, ProtocolViolation
from tidewaiter.masking.plan import MaskingError
from tidewaiter.proxy import refusal
from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.asks import Asks
from tidewaiter.proxy.clock import monotonic_us
from tidewaiter.proxy.ending import UNRECORDED, ending_of
from tidewaiter.proxy.errands import Errands
from tidewaiter.proxy.holding import Holding
from tidewaiter.proxy.inquiry import Inquiry
from tidewaiter.proxy.lane import Lane
from tidewaiter.proxy.link import Link
from tidewaiter.proxy.lookout import HINT, Before, Lookout, Outdated, Why
from tidewaiter.proxy.masks import Plan
from tidewaiter.proxy.outlet import Outlet
from tidewaiter.proxy.probe import Interrupted
from tidewaiter.proxy.rounds import Rounds
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Execution, Recorder, Trail
from tidewaiter.proxy.veil import Veil
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import FrontendFrames, Piece

if TYPE_CHECKING:
    from tidewaiter.proxy._poller import Poller

_COPYING = frozenset(b"dcfSH\0")  # copy data, its end, its continuation; drivers send a Sync ahead of it
HELD_BYTES = 64 << 10  # read on while a chore runs, to notice a hang-up; beyond one pipelined batch the client waits
Chore = Coroutine[object, object, None]


class Session:
    """One client, one server connection, and everything that is known between them. `clock_us` is monotonic.

    A `veil` stands before the server where the principal sees something masked: all bytes of both ways go through it.
    `interrupt` has the server cancel what it runs, and returns when it has been told.
    """

    def __init__(
        self,
        session_id: str,
        client: Link,
        server: Link,
        standing: Standing,
        trail: Trail,
        recorder: Recorder,
        clock_us: Callable[[], int],
        statement_bytes: int,
        interrupt: Callable[[], Coroutine[object, object, None]],
        holding: Holding,
        veil: Veil | None = None,
        poller: Poller | None = None,
    ) -> None:
        self.id = session_id
        self.standing = standing
        self.trail = trail
        self.ended: str | None = None
        self._client = client
        self._server = server
        self._recorder = recorder
        self._outlet = Outlet(client, server, recorder, self._fail)
        self._clock_us = clock_us
        self._holding = holding
        self._veil = veil
        self._poller = poller
        self._frontend = FrontendFrames(statement_bytes)
        self._answers = Answers(standing, trail, clock_us)
        self._asks = Asks(session_id, standing, trail, self._answers, clock_us, lambda: recorder.available, veil)
        self._rounds = Rounds(
            standing, self._asks, self._answers, clock_us, lambda: recorder.available, statement_bytes
        )
        self._owed = self._answers.owed
        self._inquiry = Inquiry(
            self._answers, lambda: self._asks.is_unsynced, lambda: self._asks.is_amid, self.to_server
        )
        self._lookout: Lookout | None = None
        if veil is not None:
            self._lookout = Lookout(self, standing, trail, self._asks, self._answers, self._outlet, self._inquiry, veil)
        self._errands = Errands(
            session_id, self, self._asks, self._answers, standing, trail, self._outlet, self._inquiry, holding
        )
        self.interrupt = interrupt
        self._pending: deque[tuple[bytes, Piece]] = deque()
        self._pending_bytes = 0  # that came in while a chore ran
        self._chore: Chore | None = None
        self._wake = asyncio.Event()
        self._since: int | None = None  # the ledger's repairs when what must be durable was recorded, while that waits
        rounds, outlet = self._rounds, self._outlet
        self._lane = Lane(
            ask=self._on_client, answer=self._on_server, fail=self._fail, plain=rounds.plain, went=rounds.went,
            done=rounds.done, ran=trail.ran, batch=recorder.batch, counted=trail.counted, say_now=outlet.say_now,
            written=recorder.written, said=outlet.said, clock_us=None if clock_us is monotonic_us else clock_us,
            server=server, known=standing.names.statements, unsaid=outlet.unsaid, who=trail.who,
            most_bytes=statement_bytes, keeps_binds=trail.binds == "full",
        )  # fmt: skip

    # -- the road: client → server ------------------------------------------------------------------------------------
    def from_client(self, chunk: bytes) -> None:
        """Take what the client sent."""
        if (
            self._chore is None
            and not self._pending
            and self._frontend.is_between
            and self._veil is None
            and self._rounds.take(chunk)
        ):
            self._server.write(chunk)
            return
        data, pieces = self._frontend.feed(chunk)
        for piece in pieces:
            self._pending.append((data, piece))
        if self._chore is None:
            self._advance()
            return
        if self._answers.exchange is not None and self._owed.is_copying_in:
            self._advance_copy()
        self._pending_bytes += len(chunk)
        if self._pending_bytes > HELD_BYTES:
            self._client.pause("busy")

    def _advance(self) -> None:
        """Take message after message, then forward; stop where something must be waited for."""
        pending, asks = self._pending, self._asks
        while pending:
            data, piece = pending[0]
            if piece[0] == postgres.TERMINATE:
                if asks.weighty is not None:
                    break
                self._forward()
                return self.end("client said good-bye")
            need = asks.take(data, piece)
            if need is not None:
                self._later(self._errands.meet(need))
                return
            pending.popleft()
            asks.forget()
        if asks.weighty is not None:
            self._later(self.forward_durably())
            return
        try:
            self._forward()
        except LedgerUnavailable:
            self._unsent()

    async def forward_durably(self, *, is_held: bool = False) -> None:
        """Forward once the weightiest intent is on disk. Raises LedgerUnavailable."""
        if self._asks.weighty is not None:
            self._check_repairs()
            await self._recorder.durable(self._asks.weighty)
            if self._lookout is not None:
                await self._lookout.look_ahead()
        self._forward(is_held=is_held)

    def _forward(self, *, is_held: bool = False) -> None:
        """Send what was taken, one write each way. All of it is recorded, or will be before its answer leaves; where
        that must be durable first, nothing of the answer leaves before. Raises LedgerUnavailable: nothing was sent."""
        if is_held:
            out, local = b"", self._asks.answered()
        else:
            if self._asks.awaited is not None:
                self._check_repairs()
                self._outlet.hold(self._asks.awaited)
            out, local = self._asks.taken()
        if self._asks.awaited is None:
            self._since = None
        if out and self.ended is None:
            self.to_server(out)
        if local and self.ended is None:
            if self._lookout is not None:
                self._lookout.asides += 1
            self._say(local)

    # -- the road: server → client ------------------------------------------------------------------------------------
    def from_server(self, chunk: bytes) -> None:
        """Take what the server sent: settled and recorded first, then passed on."""
        if self._veil is not None and self._lookout is not None:
            chunk = self._unveiled(self._veil, self._lookout, chunk)
            if not chunk:
                return
        answer = chunk if self._answers.feed_round(chunk) else self._answers.feed(chunk)
        if answer:
            self._say(answer)
        if self._answers.exchange is not None and self._owed.is_copying_in:
            self._advance_copy()
        if self._answers.spent:
            self._wake.set()
        is_over = not self._owed.debts or self._owed.is_copying_in
        if is_over:
            self._inquiry.settled()
        if is_over and self._is_at_rest and self.trail.binds != "digest":  # which only the trail makes
            self._lane.arm(self._answers.transaction == "T")

    def _unveiled(self, veil: Veil, lookout: Lookout, chunk: bytes) -> bytes:
        """What may be seen of a chunk. An answer that is withheld is recorded, and fails at the server too."""
        seen = lookout.received(chunk)
        while veil.failures:
            self.trail.event("masking.failed", {"reason": veil.failures.pop(0)})
        if veil.own:
            own, veil.own = veil.own, []
            self._server.write(b"".join(own))
        return seen

    def _say(self, answer: bytes) -> None:
        if self._lookout is not None and self._lookout.is_dropping:
            return
        self._outlet.say(answer, is_amid=self._answers.is_amid)

    # -- beside the road ----------------------------------------------------------------------------------------------
    def _later(self, chore: Chore) -> None:
        if self._since is None and (self._asks.weighty is not None or self._asks.awaited is not None):
            self._since = self._recorder.repairs
        self._chore = chore
        self._wake.set()

    async def _do_chore(self, chore: Chore) -> None:
        """Await a chore, then go on with what the client sent meanwhile."""
        try:
            try:
                await chore
            except Interrupted as cancelled:  # a cancel of the gateway's own question is one of the statement
                self._answers.became(cancelled.status)
                self._asks.interrupted(*self._pending.popleft(), cancelled.error)
                self._asks.forget()
        except asyncio.CancelledError:
            if self.ended is None:
                raise
            return
        except LedgerUnavailable:
            self._unsent()
        except Outdated as outdated:
            self._unsent(outdated.error)
        except Exception as defect:  # noqa: BLE001 - the boundary: a defect never lets traffic through
            self._fail(defect)
        self._chore = None
        if self.ended is None:
            self._pending_bytes = 0
            self._client.resume("busy")
            try:
                self._advance()
            except Exception as defect:  # noqa: BLE001 - the boundary: a defect never lets traffic through
                self._fail(defect)

    def _advance_copy(self) -> None:
        """Let copy data through while a guarded statement reads it; a Sync or Flush among it means nothing."""
        pending = self._pending
        while pending and self._owed.is_copying_in:
            data, piece = pending.popleft()
            if piece[0] not in _COPYING:
                raise ProtocolViolation(f"message {chr(piece[0])!r} within copy data")
            if piece[0] not in b"SH":
                self._asks.take(data, piece)
        self._pending_bytes = 0
        self._forward()

    def _check_repairs(self) -> None:
        if self._since is not None and self._since != self._recorder.repairs:
            raise LedgerUnavailable("the ledger was repaired, and what it had recorded of this may be lost")

    def _unsent(self, error: bytes = b"") -> None:
        """What was taken could not be recorded, or is not to run for this error, and was not sent: answer it with
        errors, or end the session."""
        answer = self._asks.unrecorded(error)
        self._since = None
        if self.ended is not None:
            return
        if answer is None:
            self.end(*(("what was to run would run by other definitions", error) if error else UNRECORDED))
        else:
            self._say(answer)

    def _on_client(self, chunk: bytes) -> None:
        self._taken(self.from_client, chunk)

    def _on_server(self, chunk: bytes) -> None:
        self._taken(self.from_server, chunk)

    def _taken(self, take: Callable[[bytes], None], chunk: bytes) -> None:
        if self.ended is None:
            try:
                take(chunk)
            except Exception as defect:  # noqa: BLE001 - the boundary: a defect never lets traffic through
                self._fail(defect)

    def _fail(self, defect: Exception) -> None:
        """Whatever went wrong ends the session, and nothing more leaves."""
        if isinstance(defect, MaskingError):
            with contextlib.suppress(LedgerUnavailable):  # session.end, or its gap, tells the reason too
                self.trail.event("masking.failed", {"reason": str(defect)})
        self.end(*ending_of(defect))

    # -- what errands and a guard need --------------------------------------------------------------------------------
    def to_client(self, data: bytes) -> None:
        """Let the client have what has been recorded."""
        if data:
            self._say(data)

    def to_server(self, data: bytes) -> None:
        """Send messages: the client's, or a step of the gateway's own. Once the session has ended it is given up."""
        if self.ended is not None:
            raise asyncio.CancelledError("the session has ended")
        self._server.write(data if self._veil is None else self._veil.announced.sent(data))

    def expect(self, plan: Plan) -> None:
        """Tell the veil of a text that is about to be sent."""
        if self._veil is not None:
            self._veil.announced.expect(plan)

    def retract(self, why: Why, before: Before) -> None:
        """Have an answer taken back that was held; the session ends where something else is under way."""
        lookout = self._lookout
        assert lookout is not None
        is_free = self._chore is None and self._answers.exchange is None and not self._owed.is_copying_in
        if not is_free or self.ended is not None:
            self.end(why[1], refusal.good_bye(why[0], why[1], HINT))
            return
        lookout.is_dropping = True
        self._outlet.drop()
        self._later(lookout.retract(why, before))

    def took(self) -> None:
        """The message that waited is taken: it does not come again."""
        self._pending.popleft()
        self._asks.forget()

    def refuse(self, error: bytes) -> None:
        """Put a failing message in the place of what comes next, and drop the client's messages up to Sync."""
        self._asks.refuse_extended(error)

    # -- life -------------------------------------------------------------------------------------------------------
    async def run(self) -> str:
        """Relay until either side ends; return why. The links are attached, so bytes flow from here on."""
        self._client.peer, self._server.peer = self._server, self._client
        self._server.attach(self._lane.answered, lambda: self._outlet.when_said(self._server_closed))
        self._client.attach(self._lane.asked, lambda: self.end("client closed the connection"))
        if self._poller is not None:  # soon: the greeting may wait to be sent
            for link in (self._client, self._server):
                asyncio.get_running_loop().call_soon(link.hasten, self._poller)
        while self.ended is None:
            await self._wake.wait()
            self._wake.clear()
            if self._chore is not None:
                await self._do_chore(self._chore)
            await self._errands.report_spent()
        return self.ended

    def _server_closed(self) -> None:
        self.end("server closed the connection")

    def end(self, reason: str, error: bytes = b"") -> None:
        """End both sides, telling the client `error` if given. The first reason stands."""
        if self.ended is not None:
            return
        self.ended = reason
        self._lane.disarm()
        self._answers.abandon()
        error = self._outlet.close(error)
        if not error and not self._client.is_lost and not self._answers.said_goodbye and self._server.is_lost:
            error = refusal.good_bye("08006", "the database closed the connection")
        if error:
            self._client.write(error)
        self._client.close()
        if not self._server.is_lost:
            self._server.write(postgres.terminate())
            self._server.close()
        self._holding.interrupt("the client went away")
        self._inquiry.cancel()
        self._wake.set()

    def withdraw(self) -> bool:
        """Withdraw the request that a held statement waits for, because of Ctrl-C; False when none does."""
        return self._holding.interrupt("cancelled by who asked")

    @property
    def is_idle(self) -> bool:
        """Whether nothing is running and no transaction is open."""
        is_quiet = self._answers.transaction == "I" and not self.is_running and self._chore is None
        return is_quiet and not self._outlet.is_holding

    @property
    def is_running(self) -> bool:
        """Whether the server works on something."""
        return bool(self._owed.debts) or self._answers.exchange is not None or bool(self._lane.is_busy)

    @property
    def _is_at_rest(self) -> bool:
        """Whether nothing that came before has a bearing on what comes next."""
        is_free = self._chore is None and not self._pending and self._frontend.is_between
        is_free = is_free and not self._outlet.is_holding
        return is_free and self.ended is None and self._veil is None and self._rounds.is_at_rest

    def close_trail(self) -> None:
        """Record what was under way when the session ended. Raises LedgerUnavailable."""
        self._answers.abandon()  # again: what the server ran was cancelled meanwhile
        for _, memo in self._owed.debts:
            if isinstance(memo, Execution):
                self.trail.outcome(memo, "lost", self._clock_us())
        self._owed.debts.clear()
        if self._answers.guarded is not None:
            self.trail.outcome(self._answers.guarded, "lost", self._clock_us())
        for run in self.standing.names.transaction_ended():
            self.trail.outcome(run, "ok", self._clock_us())

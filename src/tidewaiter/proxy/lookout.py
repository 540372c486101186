"""What a session that masks does about definitions that change under its statements, through the gateway or past it.

A statement is judged by the catalog of one moment, and planned by the server a moment later. So nothing of its answer
leaves before the database was looked at once more, after the answer had begun: the server plans first and answers then.
If something had changed by then that the statement touches, even if it was changed back, its answer is dropped and the
client gets an error; what it reads is not looked at, so that it may be an error for nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from tidewaiter.errors import TidewaiterError
from tidewaiter.proxy import refusal
from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.asks import Asks
from tidewaiter.proxy.exchange import Exchange, Nothing
from tidewaiter.proxy.inquiry import Inquiry
from tidewaiter.proxy.outlet import Outlet
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Execution, Trail
from tidewaiter.proxy.veil import Veil
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER

REDEFINED: Final = "40001", "what the statement touches was defined anew while it ran: nothing of its answer is given"
UNKNOWN: Final = (
    "57P03",
    "the catalog cannot be read, so that nobody knows what the answer shows: nothing of it is given",
)
HINT: Final = "run it again: it is judged by what is defined then"
Why = tuple[str, str]
"""SQLSTATE and message."""


class Outdated(TidewaiterError):
    """What was judged, and is not sent yet, would run by other definitions than it was judged by."""

    def __init__(self, why: Why) -> None:
        super().__init__(why[1])
        self.error = postgres.error_response("ERROR", why[0], why[1], hint=HINT)


class Road(Protocol):
    """The session. `retract` has `Lookout.retract` run in it, or ends it where it cannot wait for that."""

    def to_server(self, data: bytes) -> None: ...

    def retract(self, why: Why, before: Before) -> None: ...

    def end(self, reason: str, error: bytes = b"") -> None: ...


@dataclass(frozen=True, slots=True)
class Before:
    """What had been answered before a chunk of the server's came: how often it was ready, how many statements it had
    run that do more than answer; how often the gateway had answered by itself."""

    readies: int
    lasted: int
    asides: int


class Lookout:
    """One session's. `is_dropping`: what the server says is settled, and not passed on. `asides` counts the answers
    that came from the gateway alone."""

    def __init__(
        self,
        road: Road,
        standing: Standing,
        trail: Trail,
        asks: Asks,
        answers: Answers,
        outlet: Outlet,
        inquiry: Inquiry,
        veil: Veil,
    ) -> None:
        self.is_dropping = False
        self.asides = 0
        self._waiting = 0  # answers that wait for a look
        self._road = road
        self._standing = standing
        self._trail = trail
        self._asks = asks
        self._answers = answers
        self._outlet = outlet
        self._inquiry = inquiry
        self._veil = veil

    def received(self, chunk: bytes) -> bytes:
        """Take what the server sent; return what may be seen of it, if an answer began in it not before a look."""
        veil, outlet = self._veil, self._outlet
        if not self._waiting:
            veil.parsed.clear()
        begun, shown, before = veil.begun, veil.shown, Before(self._answers.readies, veil.lasted, self.asides)
        seen = veil.received(chunk)
        if veil.begun != begun and not self.is_dropping:
            memos = [self._answers.guarded, *(memo for _, memo in self._answers.owed.debts)]
            runs = [memo for memo in memos if isinstance(memo, Execution)]
            self._waiting += 1
            is_bare = veil.shown == shown
            outlet.wait_for(self._standing.look(), lambda look: self._leave(look, runs, before, is_bare))
        return seen

    def _leave(self, look: asyncio.Future[None], runs: list[Execution], before: Before, is_bare: bool) -> bool:
        """Whether what waited for a look may leave; it is retracted otherwise. `is_bare`: it is command tags alone."""
        self._waiting -= 1
        why = self._problem(look, runs, is_bare)
        if why is not None:
            self._waiting = 0  # what came behind it goes with it
            self._road.retract(why, before)
        return why is None

    def _problem(self, look: asyncio.Future[None], runs: list[Execution], is_bare: bool) -> Why | None:
        """Why nothing of the answers may leave; recorded with what was redefined, which the client is not told: it may
        be behind a view, or nothing of theirs."""
        error = look.exception()
        if error is not None:
            self._trail.event("masking.failed", {"reason": UNKNOWN[1]})
            return UNKNOWN
        redefined = next(filter(None, (self._standing.redefined(run, is_bare=is_bare) for run in runs)), "")
        if not redefined:
            return None
        self._trail.event("masking.failed", {"reason": REDEFINED[1], "redefined": redefined})
        return REDEFINED

    async def look_ahead(self) -> None:
        """Look before what was taken is sent, where it does more than answer. Raises Outdated."""
        runs = self._asks.unsent()
        look = self._standing.look()
        await asyncio.wait((look,))
        why = self._problem(look, runs, False)
        if why is not None:
            raise Outdated(why)

    async def retract(self, why: Why, before: Before) -> None:
        """Once all is answered, tell the client of each answer since `before` that it failed, and have the transaction
        fail at the server. The session ends where some of that stands, or cannot be told. Raises ProtocolViolation."""
        await self._inquiry.drain()
        answers, asks, outlet = self._answers, self._asks, self._outlet
        count, is_unsynced = answers.readies - before.readies, asks.is_unsynced
        has_lasted = self._veil.lasted != before.lasted and (count != 1 or answers.transaction == "I")
        is_mixed = is_unsynced and (count or self._veil.parsed)
        if has_lasted or is_mixed or self.asides != before.asides:
            return self._road.end(why[1], refusal.good_bye(why[0], why[1], HINT))
        error = postgres.error_response("ERROR", why[0], why[1], hint=HINT)
        if not is_unsynced:
            await self._fail_transaction()
        self.is_dropping = False
        if is_unsynced and not asks.is_skipping:
            return asks.refuse_extended(error)
        ready = postgres.ready_for_query(answers.transaction)
        outlet.say(error if is_unsynced else (error + ready) * count, is_amid=False)

    async def _fail_transaction(self) -> None:
        """Have the server forget what it gave names to, and fail the open transaction."""
        answers, names = self._answers, self._veil.parsed
        own = b"".join(postgres.close("S", name) for name in names) + (postgres.sync() if names else b"")
        times = bool(names) + (answers.transaction == "T")
        if answers.transaction == "T":
            own += postgres.query(refusal.FAILING_TEXT)
        for name in names:
            self._standing.names.statements.pop(name, None)
        names.clear()
        if own:
            answer = asyncio.get_running_loop().create_future()
            answers.exchange = Exchange(answer, Nothing(), b"Z", times)
            self._road.to_server(own)
            last = await answer
            answers.exchange = None
            answers.transaction = chr(last[HEADER])

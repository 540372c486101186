"""Get what a message needs before it can be judged: the disk, the server, the catalog, an estimate, a decision."""

from __future__ import annotations

import contextlib
from typing import Protocol, assert_never

from tidewaiter.errors import LedgerUnavailable, StoreUnavailable
from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.asks import Asks
from tidewaiter.proxy.ending import UNRECORDED
from tidewaiter.proxy.guard import Guard, Guarded, Wire
from tidewaiter.proxy.holding import Held, Holding, NotGranted
from tidewaiter.proxy.inquiry import Inquiry
from tidewaiter.proxy.needs import (
    AllAnswered,
    Decision,
    Definitions,
    Estimate,
    Intent,
    Need,
    Path,
    Quiet,
    Renewal,
    Study,
    Values,
)
from tidewaiter.proxy.outlet import Outlet
from tidewaiter.proxy.probe import PATH, held_answers, held_questions
from tidewaiter.proxy.renewal import renew
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Trail


class Road(Wire, Protocol):
    """The session on whose road the message waits. `ended` is why it has ended, `took` drops the message that waits."""

    @property
    def ended(self) -> str | None: ...

    def took(self) -> None: ...

    def end(self, reason: str, error: bytes = b"") -> None: ...

    async def forward_durably(self, *, is_held: bool = False) -> None: ...


class Errands:
    """One session's: each is run while the client's reading is paused."""

    def __init__(
        self,
        session_id: str,
        road: Road,
        asks: Asks,
        answers: Answers,
        standing: Standing,
        trail: Trail,
        outlet: Outlet,
        inquiry: Inquiry,
        holding: Holding,
    ) -> None:
        self._road = road
        self._asks = asks
        self._answers = answers
        self._standing = standing
        self._trail = trail
        self._outlet = outlet
        self._inquiry = inquiry
        self._holding = holding
        self._guard = Guard(session_id, road, answers, standing, trail)

    async def meet(self, need: Need) -> None:
        """Get what a message needs to be judged. What was taken before it goes first, else nothing would answer it.

        Before what is held only answers go: nothing is to be on the server, with locks, while somebody decides.
        """
        if isinstance(need, (Decision, Estimate, Values)):
            await self._meet_ahead(need)
            return
        await self._road.forward_durably()
        match need:
            case AllAnswered():
                await self._inquiry.drain()
            case Path():
                self._standing.path_answered(await self._inquiry.ask(PATH))
            case Definitions():
                await self._standing.read_overlay(self._inquiry.ask)
            case Quiet():
                await self._standing.watch_at_rest()
            case Study(text):
                in_transaction = self._answers.transaction != "I"
                self._asks.studied = await self._standing.study_patiently(text, in_transaction=in_transaction)
                self._asks.since = self._standing.since
            case Intent(run):
                with contextlib.suppress(LedgerUnavailable):  # taken again, it is refused for the same reason
                    await self._trail.intent_of_long(run)
                self._asks.filed = run
            case Renewal():
                await self._inquiry.drain()
                await self._renew(need)
            case Guarded():
                self._road.took()
                await self._run_guarded(need)
            case _:
                assert_never(need)

    async def _meet_ahead(self, need: Decision | Estimate | Values) -> None:
        match need:
            case Decision(held):
                await self._settle(held)
            case Estimate(question):  # it may have to wait for a decision then
                self._asks.estimated = await self._standing.estimate(question)
            case Values(with_sync):
                own = self._standing.own_settings
                if not with_sync:
                    await self._road.forward_durably()
                    await self._inquiry.drain()
                elif self._asks.local:
                    await self._road.forward_durably(is_held=True)
                await self._outlet.drained()  # what is told from now on comes after all that was answered
                await self._standing.catch_up()
                if self._road.ended is None:
                    told = await self._inquiry.ask(held_questions(own), with_sync=with_sync)
                    self._asks.values = held_answers(own, told)

    async def _renew(self, need: Renewal) -> None:
        veil = self._asks.veil
        assert veil is not None
        with_sync = not self._asks.is_unsynced
        names, send = self._standing.names, self._road.to_server
        error = await renew(need, self._answers, names, veil, send, with_sync=with_sync)
        self._asks.renewed = need.statement
        self._road.to_client(error)

    async def _run_guarded(self, guarded: Guarded) -> None:
        """Once it runs, a failure to record its outcome ends the session, and rolls its transaction back."""
        try:
            await self._guard.answer(guarded)
        except LedgerUnavailable:
            self._road.end(*UNRECORDED)

    async def _settle(self, held: Held) -> None:
        if self._road.ended is not None:  # the client went away meanwhile: no approval is used up for nobody
            return
        assert self._asks.values is not None
        try:
            self._asks.settled = await self._holding.settle(held, self._standing.principal, self._asks.values[0])
        except StoreUnavailable as error:
            fault = error.fault
            self._asks.settled = NotGranted("", held.binding, fault.sqlstate, "requests cannot be kept", fault.remedy)

    async def report_spent(self) -> None:
        """Note on their requests which approved executions failed. What cannot be noted stands in the ledger anyway."""
        while self._answers.spent:
            request, sqlstate = self._answers.spent.pop(0)
            with contextlib.suppress(StoreUnavailable, LedgerUnavailable):
                await self._holding.failed(request, sqlstate)

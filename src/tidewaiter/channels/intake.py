"""From an account elsewhere to a decision of a principal: the same road for every channel, each refusal recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from tidewaiter.approvals.desk import Request, State
from tidewaiter.channels.contract import Decision, Outcome
from tidewaiter.channels.outbox import Outbox
from tidewaiter.errors import Conflict, NotFound, NotPermitted, UsageError
from tidewaiter.identity.accounts import Accounts
from tidewaiter.model import Receipt
from tidewaiter.visible import harmless, shortened

NOTE_CHARACTERS = 2000
PLACE_CHARACTERS = 300
LATE_S = 3600.0

Decide = Callable[..., Awaitable[Request]]
"""(id, principal, word, note=…, channel=…, place=…, seen=…): a principal's decision, with every check that there is.

Raises NotFound, NotPermitted, Conflict, UsageError, each after it was recorded.
"""


class Ledger(Protocol):
    """Where refusals are recorded."""

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt: ...


class Intake:
    """What comes in through one channel. Implements contract.Desk.

    `reject` takes the channel, the reason and the source.
    """

    def __init__(
        self,
        channel: str,
        accounts: Accounts,
        groups_of: Callable[[str], frozenset[str]],
        decide: Decide,
        outbox: Outbox,
        ledger: Ledger,
        reject: Callable[[str, str, str], None],
        now_s: Callable[[], float],
    ) -> None:
        self._channel = channel
        self._accounts = accounts
        self._groups_of = groups_of
        self._decide = decide
        self._outbox = outbox
        self._ledger = ledger
        self._reject = reject
        self._now_s = now_s

    async def decide(self, decision: Decision) -> Outcome:
        """Count a decision, or refuse and record it. Raises StoreUnavailable, LedgerUnavailable."""
        who = f"{decision.realm} account {decision.account}"
        principal = await asyncio.to_thread(self._accounts.principal_of, decision.realm, decision.account)
        if principal is None:
            return await self.refuse(decision.request, f"{who} belongs to no principal", who, decision.place)
        if decision.speaks_for is not None and not decision.speaks_for & self._groups_of(principal):
            trusted = ", ".join(sorted(decision.speaks_for))
            reason = f"channel {self._channel} speaks for {trusted} only, and {principal} is in none of them"
            return await self.refuse(decision.request, reason, who, decision.place)
        place = _line(f"{decision.place} ({who})", PLACE_CHARACTERS)
        try:
            request = await self._decide(
                decision.request,
                principal,
                decision.word,
                note=_line(decision.note, NOTE_CHARACTERS),
                channel=self._channel,
                place=place,
                seen=decision.seen,
            )
        except (NotFound, NotPermitted, Conflict, UsageError) as error:
            return Outcome(False, str(error))
        return Outcome(True, _said(request, principal))

    async def refuse(self, request: str, reason: str, who: str, place: str) -> Outcome:
        """Record that somebody tried to decide who cannot be told apart or trusted. Raises LedgerUnavailable."""
        by = {"channel": self._channel, "place": _line(place, PLACE_CHARACTERS), "who": _line(who, PLACE_CHARACTERS)}
        fields = {"request": _line(request, 32), "decision": "unknown", "reason": _line(reason, PLACE_CHARACTERS)}
        await self._ledger.record("request.refused", fields | {"by": by})
        return Outcome(False, f"this does not count: {reason}")

    def reject(self, reason: str, source: str) -> None:
        """Count a message that is forged, replayed or no message."""
        self._reject(self._channel, reason, source)

    async def was_seen(self, message: str) -> bool:
        """Whether this message of this channel was marked as seen."""
        return await asyncio.to_thread(self._outbox.was_seen, self._channel, message)

    async def mark(self, message: str) -> None:
        """It was dealt with."""
        await asyncio.to_thread(self._outbox.mark, self._channel, message, self._now_s())

    async def announced(self) -> Sequence[tuple[Request, str]]:
        """Requests that this channel announced and that can be decided, or could be an hour ago."""
        return await asyncio.to_thread(self._outbox.announced, self._channel, self._now_s() - LATE_S)


def _said(request: Request, principal: str) -> str:
    if request.state is State.OPEN:
        missing = " and ".join(map(str, request.missing))
        return f"{principal} approved request {request.id}; it still needs {missing}"
    return f"request {request.id} is now {request.state}"


def _line(text: str, characters: int) -> str:
    return shortened(harmless(text), characters)

"""Requests at work: opened by sessions, decided through channels, each transition recorded before it counts.

One instance per gateway; several gateways share a store. What another gateway or process decided is noticed by
`follow` and wakes the sessions that wait for it here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from tidewaiter.approvals import desk
from tidewaiter.approvals.blast import DRIFTED, drift, most_rows, summary
from tidewaiter.approvals.book import EVERYTHING, LIVE, UNSETTLED, Book, Readable
from tidewaiter.approvals.desk import Event, Refused, Request, State, Vote
from tidewaiter.approvals.presentation import sight_of
from tidewaiter.errors import Conflict, StoreUnavailable, TidewaiterError
from tidewaiter.model import Principal, Receipt

FOLLOW_S = 0.05  # looking whether the store changed: 3 µs on SQLite; every `check_s` of it on PostgreSQL
CAREFUL_S = 1.0  # between questions to a store that does not answer
EXPIRE_S = 1.0  # while nobody here waits, a query of 1 ms each time; whoever reads a request looks at the clock itself
PRUNE_S = 3600.0
IDS_AT_ONCE = 500  # in one question to the store: databases bound the number of parameters
SESSION = "session"  # the channel of what sessions did
TRIES = 8  # a request is changed by people and by its own session: meeting eight times in a row is a defect


class Ledger(Protocol):
    """Where transitions are recorded."""

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        """Append an entry; it is durable when this returns. Raises LedgerUnavailable."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things last, in seconds: `decide_s` to decide, `run_s` to run what was approved.

    `drift` is the factor by which the rows of a statement may differ when it runs from what was approved.
    """

    decide_s: float = 3600.0
    run_s: float = 900.0
    drift: float = 2.0


Told = Callable[[Request], None]
Document = Mapping[str, object]
Radius = Callable[[], Awaitable[Document]]
"""Finds out what a statement would do; asked only when there is a request to be made."""
Step = Callable[[Request], Request]


async def _unmeasured() -> Document:
    return {}


class Requests:
    """Opens, decides and uses requests. `told` is called after each change that happened here, for channels.

    `principal` tells who somebody is now, None for who may not log in any more: then an approval is used only if those
    who gave it still may. Without it, votes count as they were cast. It is called in a thread and may ask the store.
    """

    def __init__(
        self,
        book: Book,
        ledger: Ledger,
        now_s: Callable[[], float],
        terms: Terms = Terms(),
        check_s: float = FOLLOW_S,
        told: Told = lambda request: None,
        principal: Callable[[str], Principal | None] | None = None,
    ) -> None:
        self._book = book
        self._ledger = ledger
        self._now_s = now_s
        self._terms = terms
        self._check_s = max(check_s, FOLLOW_S)
        self._told = told
        self._principal = principal
        self._waiting: dict[str, list[asyncio.Future[Request]]] = {}

    # -- sessions ---------------------------------------------------------------------------------------------------
    async def ask(self, draft: Request, radius: Radius = _unmeasured) -> Request:
        """The live request for the draft's binding; a new one, with its blast radius, if there is none.

        Raises StoreUnavailable.
        """
        while True:
            found = await self._live(draft.binding)
            if found is not None:
                return found
            measured = await radius()
            now_s = self._now_s()
            fresh = await asyncio.to_thread(self._book.fresh_id)
            request = replace(
                draft, id=fresh, created_s=now_s, expires_s=now_s + self._terms.decide_s, blast_radius=measured or None
            )
            request = desk.noted(request, self._event("open", draft.principal, draft.session))
            told = {"asked_by": request.principal, "facts": request.facts or {}, "blast_radius": summary(measured)}
            await self._record(request, "open", told)
            if await self._written(request, "opened", partial(self._book.add, request)):
                self._told(request)
                return request
            await self._record(request, "not_opened", {"reason": "another one was opened for the same statement"})

    async def decided(self, id_: str, timeout_s: float) -> Request:
        """The request once it is no longer open, or as it is when the time is up."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Request] = loop.create_future()
        self._waiting.setdefault(id_, []).append(future)
        try:
            request, _ = await asyncio.to_thread(self._book.find, id_)
            if request.state is not State.OPEN:
                return request
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return (await asyncio.to_thread(self._book.find, id_))[0]
        finally:
            self._waiting[id_].remove(future)
            if not self._waiting[id_]:
                del self._waiting[id_]

    async def consume(
        self, id_: str, binding: str, session: str, now: Document, radius: Radius = _unmeasured
    ) -> Request:
        """Use an approval for the execution that `binding` describes, once.

        `now` has the numbers of what it would do now. If they are far from what was approved, or an approver may not
        approve any more, the request is open again instead, with a new blast radius. Raises Refused, StoreUnavailable.
        """
        found, _ = await asyncio.to_thread(self._book.find, id_)
        by = {"session": session, "blast_radius": summary(now)}
        votes = await asyncio.to_thread(self._votes_now, found)
        moved = drift(found.blast_radius, now, self._terms.drift)
        if found.state is not State.APPROVED or not (moved or desk.unmet(found, votes)):
            used = self._event("consumed", found.principal, session)
            return await self._change(id_, lambda one: desk.consumed(one, binding, self._now_s()), "consumed", by, used)
        gone = {vote.approver for vote in found.votes} - {vote.approver for vote in votes}
        why = f"{DRIFTED}{moved}" if moved else f"{', '.join(sorted(gone))} may not approve any more"
        kept, measured = () if moved else votes, await radius()

        def step(one: Request) -> Request:
            if one != found:  # somebody was faster: what was found out is about another state of it
                raise Refused("decided", f"request {one.id} is {one.state} meanwhile")
            after = desk.reopened(one, kept, why, self._now_s(), self._terms.decide_s)
            return replace(after, blast_radius=measured or one.blast_radius)

        event = self._event("reopened", "", session, why)
        return await self._change(id_, step, "reopened", {**by, "reason": why}, event)

    def most_rows(self, request: Request) -> int | None:
        """The most rows that the run of an approved request may change; None where nothing was measured."""
        return most_rows(request.blast_radius, self._terms.drift)

    def _votes_now(self, request: Request) -> tuple[Vote, ...]:
        """The votes that count now. Blocks."""
        return tuple(vote for vote in map(self._as_of_now, request.votes) if vote.groups)

    def _as_of_now(self, vote: Vote) -> Vote:
        """A vote with those of its groups that who cast it is still in."""
        if self._principal is None:
            return vote
        who = self._principal(vote.approver)
        groups = who.groups if who is not None else frozenset[str]()
        return replace(vote, groups=tuple(group for group in vote.groups if group in groups))

    async def break_glass(self, draft: Request, reason: str, session: str) -> Request:
        """Let a held statement run now, with a reason: its request waits for a review.

        Raises Refused, StoreUnavailable.
        """
        request = await self.ask(draft)
        by = {"asked_by": draft.principal, "reason": reason, "session": session}
        event = self._event("break_glass", draft.principal, session, reason)

        def step(one: Request) -> Request:
            return desk.broken(one, reason, self._now_s())

        return await self._change(request.id, step, "break_glass", by, event)

    async def withdraw(self, id_: str, reason: str, session: str) -> Request:
        """Take back an open request. Raises Refused when it was decided meanwhile."""

        def step(one: Request) -> Request:
            return desk.noted(desk.withdrawn(one, reason), self._event("withdrawn", one.principal, session, reason))

        return await self._change(id_, step, "withdrawn", {"reason": reason, "session": session})

    async def fail(self, id_: str, reason: str, session: str) -> Request:
        """Note that the approved execution ended with an error."""
        by = {"reason": reason, "session": session}
        event = self._event("failed", "", session, reason)
        return await self._change(id_, lambda one: desk.failed(one, reason), "failed", by, event)

    def _event(self, what: str, who: str, session: str, note: str = "") -> Event:
        return Event(what, self._now_s(), who, SESSION, session, note)

    # -- people -----------------------------------------------------------------------------------------------------
    async def decide(
        self, id_: str, approver: Principal, *, is_approval: bool, note: str, channel: str, place: str, seen: str = ""
    ) -> Request:
        """Count a decision. Raises Refused (recorded), NotFound, Conflict, StoreUnavailable.

        `seen` is the `sight_of` the request that the approver looked at, where that is known.
        """
        now_s = self._now_s()
        vote = Vote(approver.name, is_approval, tuple(sorted(approver.groups)), now_s, channel, place, note)
        by = {"approver": approver.name, "channel": channel, "place": place, "note": note}
        word = "approve" if is_approval else "deny"

        def step(request: Request) -> Request:
            if seen and is_approval and request.state is State.OPEN and sight_of(request) != seen:
                raise Refused("changed", f"request {request.id} is not what it was when you looked: look again")
            return desk.decide(request, approver, vote, now_s=now_s, approval_s=self._terms.run_s)

        try:
            return await self._change(id_, step, word, by, Event(word, now_s, approver.name, channel, place, note))
        except Refused as refused:
            await self._refuse(id_, word, refused, by)
            raise

    async def close(self, id_: str, closer: Principal, *, note: str, channel: str, place: str) -> Request:
        """End the review of what ran under break glass.

        Raises Refused (recorded), NotFound, Conflict, StoreUnavailable.
        """
        by = {"approver": closer.name, "channel": channel, "place": place, "note": note}
        event = Event("close", self._now_s(), closer.name, channel, place, note)
        try:
            return await self._change(id_, lambda one: desk.closed(one, closer, note), "close", by, event)
        except Refused as refused:
            await self._refuse(id_, "close", refused, by)
            raise

    async def _refuse(self, id_: str, word: str, refused: Refused, by: Mapping[str, object]) -> None:
        await self._ledger.record(
            "request.refused", {"request": id_, "decision": word, "reason": refused.reason, "by": dict(by)}
        )

    async def find(self, id_: str) -> Request:
        """One request as it is now. Raises NotFound."""
        request, _ = await asyncio.to_thread(self._book.find, id_)
        return desk.expired(request, self._now_s())

    async def all(self, *, is_live: bool) -> list[Request]:
        """Requests, oldest first; only those with which somebody still has to do something if asked."""
        found = await asyncio.to_thread(self._book.all, UNSETTLED if is_live else tuple(State))
        now = [desk.expired(one, self._now_s()) for one in found]
        return [one for one in now if one.state in UNSETTLED] if is_live else now

    async def newest(
        self,
        count: int | None,
        before: str = "",
        readable: Readable = EVERYTHING,
        states: Collection[State] = tuple(State),
    ) -> list[Request]:
        """Requests as they are now, newest first: at most so many, those older than request `before` if it is given.

        `states` are those that the store has: one whose time was up a moment ago may still be open there.
        Raises NotFound.
        """
        found = await asyncio.to_thread(self._book.newest, count, before, readable, states)
        return [desk.expired(one, self._now_s()) for one in found]

    async def changed(self, after: int) -> list[tuple[Request, int]]:
        """Requests that changed after that version, each with its own, in order."""
        return await asyncio.to_thread(self._book.changed, after)

    # -- time -------------------------------------------------------------------------------------------------------
    async def follow(self, report: Callable[[str], None]) -> None:
        """Wake those who wait for what was decided elsewhere, and let time run out. Until cancelled."""
        stamp, expire_at, prune_at, problem = -1, 0.0, 0.0, ""
        while True:
            await asyncio.sleep(self._check_s)
            try:
                if self._waiting:
                    now = await asyncio.to_thread(self._book.stamp)
                    if now != stamp:
                        stamp = now
                        await self._wake_decided()
                if self._waiting or self._now_s() >= expire_at:
                    await self._expire_due()
                    expire_at = self._now_s() + EXPIRE_S
                if self._now_s() >= prune_at:
                    prune_at = self._now_s() + PRUNE_S
                    await asyncio.to_thread(self._book.prune, self._now_s())
            except TidewaiterError as error:
                if str(error) != problem:
                    report(f"warning: requests: {error}")
                problem = str(error)
                await asyncio.sleep(CAREFUL_S)
            else:
                problem = ""

    async def _wake_decided(self) -> None:
        ids = list(self._waiting)
        for at in range(0, len(ids), IDS_AT_ONCE):
            for request in await asyncio.to_thread(self._book.decided, ids[at : at + IDS_AT_ONCE]):
                self._wake(request)

    async def _expire_due(self) -> None:
        for request, _ in await asyncio.to_thread(self._book.due, self._now_s()):
            await self._change(request.id, lambda one: desk.expired(one, self._now_s()), "expired", {})

    # -- the one way to change ----------------------------------------------------------------------------------------
    async def _change(
        self, id_: str, step: Step, what: str, by: Mapping[str, object], event: Event | None = None
    ) -> Request:
        """Compute, record, then write, if nobody was faster; else from the start. `event` is noted, if given."""
        for _ in range(TRIES):
            before, version = await asyncio.to_thread(self._book.find, id_)
            after = step(before)
            if after == before:
                return after
            after = desk.noted(after, event) if event is not None else after
            await self._record(after, what, by)
            if await self._written(before, what, partial(self._book.replace, after, version)):
                self._wake(after)
                self._told(after)
                return after
            await self._record(before, f"not_{what}", {"reason": "it was changed elsewhere meanwhile"})
        raise Conflict(f"request {id_} is being changed by others: try again")

    async def _written(self, request: Request, what: str, write: Callable[[], bool]) -> bool:
        """Write what was recorded. When the store goes away meanwhile, nobody here knows whether it did."""
        try:
            return await asyncio.to_thread(write)
        except StoreUnavailable as error:
            lost = error
        await self._record(request, f"unconfirmed_{what}", {"reason": str(lost)})
        raise lost

    async def _live(self, binding: str) -> Request | None:
        found = await asyncio.to_thread(self._book.live, binding)
        if found is None:
            return None
        request = desk.expired(found[0], self._now_s())
        if request.state in LIVE:
            return request
        await self._change(request.id, lambda one: desk.expired(one, self._now_s()), "expired", {})
        return await self._live(binding)

    async def _record(self, request: Request, what: str, more: Mapping[str, object]) -> None:
        fields = {
            "request": request.id,
            "what": what,
            "state": request.state.value,
            "principal": request.principal,
            "on_behalf_of": request.on_behalf_of,
            "datasource": request.datasource,
            "rule": request.rule,
            "binding": request.binding,
        }
        await self._ledger.record("request.change", {**fields, "by": dict(more)})

    def _wake(self, request: Request) -> None:
        if request.state is State.OPEN:
            return
        for future in self._waiting.get(request.id, ()):
            if not future.done():
                future.set_result(request)

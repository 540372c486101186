"""Hold a statement until somebody decides: ask, tell the client, wait, and use the approval for this one execution.

Nothing of what is held is on the server meanwhile, so that no lock waits with it. After an approval the statement is
judged again from its text: policies and catalog may have moved, and the approval counts only for what it was given for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tidewaiter.approvals.blast import DRIFTED
from tidewaiter.approvals.desk import Refused, Request, State
from tidewaiter.errors import Conflict, NotFound, StoreUnavailable
from tidewaiter.ledger.entry import parameter_texts
from tidewaiter.model import Facts, Hold, Kind, Principal
from tidewaiter.proxy import refusal
from tidewaiter.wire import postgres

HEARTBEAT_S = 10.0  # keeps sockets, load balancers and NAT alive: no client's read timeout in common use is shorter
CLEAN_TRANSACTION_S = 5.0  # a transaction that has done nothing yet may wait a moment; one with locks never does
STORE_AGAIN_S = 0.5
USED = (State.CONSUMED, State.FAILED, State.REVIEW, State.CLOSED)
"""Another session of the same principal ran it before this one heard of the decision."""
CANCELLED = "canceling statement due to user request"
TIMED_OUT = "canceling statement due to statement timeout"
REASON_CHARACTERS = 2000  # as much as the note of a decision
STATEMENT_CHARACTERS = 1 << 20  # what approvers can read; the digest covers all of it


@dataclass(frozen=True, slots=True)
class Held:
    """A statement that policy holds. `most_s` is how long it may wait where it stands. `binding` as in approvals.

    `oids` are the parameters' types as Parse gave them, `sent` is the text that the server would get of it. `settings`
    are the session's that give it its meaning.
    """

    verdict: Hold
    facts: Facts
    text: bytes
    binds: bytes
    binding: str
    most_s: float
    oids: tuple[int, ...] = ()
    sent: bytes = b""
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Granted:
    """The approval was used: the execution with this binding may run, now and once.

    It may change no more than `most_rows`, None for no limit.
    """

    request: str
    binding: str
    most_rows: int | None = None


@dataclass(frozen=True, slots=True)
class NotGranted:
    """It may not run now: what the client is told of that."""

    request: str
    binding: str
    sqlstate: str
    message: str
    hint: str


Settled = Granted | NotGranted
Document = Mapping[str, object]
Radius = Callable[[], Awaitable[Document]]


class Gauge(Protocol):
    """What tells the blast radius of a held statement."""

    async def radius(self, held: Held, *, is_brief: bool = False) -> Document:
        """The document that approvers see; never raises for what a database says or does not say.

        `is_brief`: only the numbers that tell whether it is still what was approved.
        """

    def may_break_glass(self) -> bool:
        """Whether the principal may run what is held before anybody decided."""


class Requests(Protocol):
    """What holding needs of requests."""

    async def ask(self, draft: Request, radius: Radius) -> Request: ...

    async def decided(self, id_: str, timeout_s: float) -> Request: ...

    async def consume(self, id_: str, binding: str, session: str, now: Document, radius: Radius) -> Request: ...

    def most_rows(self, request: Request) -> int | None: ...

    async def break_glass(self, draft: Request, reason: str, session: str) -> Request: ...

    async def withdraw(self, id_: str, reason: str, session: str) -> Request: ...

    async def fail(self, id_: str, reason: str, session: str) -> Request: ...


@dataclass(slots=True)
class Holding:
    """The held statements of one session, one at a time. `tell` writes to the client. `clock_s` is monotonic.

    `link` leads to a request's page in the console, empty where there is none.
    """

    requests: Requests
    gauge: Gauge
    session: str
    datasource: str
    tell: Callable[[bytes], None]
    clock_s: Callable[[], float]
    link: Callable[[str], str] = lambda request: ""
    waits_for: str | None = None
    _is_settling: bool = False
    _interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    _reason: str = ""

    def patience_s(self, held: Held, principal: Principal) -> float:
        """How long a statement may wait where it stands; agents and services do not wait."""
        return min(held.verdict.wait_s, held.most_s) if principal.kind is Kind.USER else 0.0

    async def settle(self, held: Held, principal: Principal, timeout_s: float = 0.0) -> Settled | None:
        """What becomes of a held statement; None when it was approved and is to be judged again.

        `timeout_s` is the client's own statement_timeout, 0 for none: when it is up, the request is withdrawn. Raises
        StoreUnavailable, LedgerUnavailable.
        """
        self._interrupted.clear()
        self._is_settling = True
        try:
            return await self._settle(held, principal, timeout_s)
        finally:
            self._is_settling, self.waits_for = False, None

    async def _settle(self, held: Held, principal: Principal, timeout_s: float) -> Settled | None:
        glass = glass_reason(held.text)
        if glass and self.gauge.may_break_glass():
            return await self._break_glass(held, principal, glass)
        request = await self.requests.ask(self._draft(held, principal), lambda: self.gauge.radius(held))
        if self._interrupted.is_set():  # while it was found out what the statement would do
            return await self._withdraw(request, self._reason, CANCELLED)
        if request.state is State.APPROVED:
            now = await self.gauge.radius(held, is_brief=True)
            if self._interrupted.is_set():
                return await self._withdraw(request, self._reason, CANCELLED)
            used = await self._use(request, held, now)
            if used is None:
                return None
            if used.state is State.CONSUMED:
                return Granted(used.id, held.binding, self.requests.most_rows(used))
            request = used
        if glass:
            self.tell(_notice(f"no policy permits {principal.name} to break the glass: it waits as ever"))
        wait_s = self.patience_s(held, principal)
        if wait_s <= 0:
            return _unanswered(request, held.binding, self.link(request.id))
        if 0 < timeout_s < wait_s:
            return await self._wait(request, held, timeout_s, TIMED_OUT)
        return await self._wait(request, held, wait_s)

    async def _use(self, request: Request, held: Held, now: Document) -> Request | None:
        """The request once its approval is used; open if it does not hold any more; None if somebody was faster."""
        try:
            return await self.requests.consume(
                request.id, held.binding, self.session, now, lambda: self.gauge.radius(held)
            )
        except (Refused, Conflict):  # another session, or gateway: ask anew
            return None

    async def _break_glass(self, held: Held, principal: Principal, reason: str) -> Settled | None:
        try:
            request = await self.requests.break_glass(self._draft(held, principal), reason, self.session)
        except (Refused, Conflict):  # it was decided in the same moment: what was decided counts
            return None
        told = postgres.notice_response(
            "WARNING",
            "01000",
            f"glass broken: this runs without approval, as request {request.id}",
            detail=f"{' and '.join(request.approvers)} are told; it stays open until one of them closes it",
        )
        self.tell(told)
        return Granted(request.id, held.binding)

    def interrupt(self, reason: str) -> bool:
        """Withdraw what is being waited for, because of Ctrl-C or a hang-up; False when nothing is."""
        if not self._is_settling:
            return False
        self._reason = reason
        self._interrupted.set()
        return True

    async def failed(self, request: str, sqlstate: str) -> None:
        """Note that the approved execution ended with an error."""
        try:
            await self.requests.fail(request, f"SQLSTATE {sqlstate}", self.session)
        except (Refused, NotFound):  # the statement itself is recorded; a request that is gone needs no remark
            return

    async def _wait(self, request: Request, held: Held, wait_s: float, too_late: str = "") -> Settled | None:
        """Wait for the decision; when the time is up, withdraw if `too_late` says why the client gives up then."""
        self.waits_for = request.id
        self.tell(_asked(request, held, self.link(request.id)))
        deadline = self.clock_s() + wait_s
        while request.state is State.OPEN:
            left_s = deadline - self.clock_s()
            if left_s <= 0:
                return await self._late(request, too_late)
            request = await self._decided(request, min(left_s, HEARTBEAT_S))
            if self._interrupted.is_set():
                return await self._withdraw(request, self._reason, CANCELLED)
            if request.state is State.OPEN and deadline - self.clock_s() > 0:
                self.tell(_waiting(request))
        if request.state is State.APPROVED:
            self.tell(_notice(f"request {request.id} is approved"))
            return None
        if request.state in USED:
            self.tell(_notice(f"request {request.id} was used up by another run of this statement: asking anew"))
            return None
        return _refused(request, held.binding)

    async def _decided(self, request: Request, timeout_s: float) -> Request:
        """Wait for the decision, or the time, or an interruption."""
        async with asyncio.TaskGroup() as group:
            deciding = group.create_task(self._looked_up(request, timeout_s))
            interrupted = group.create_task(self._interrupted.wait())
            await asyncio.wait((deciding, interrupted), return_when=asyncio.FIRST_COMPLETED)
            if not deciding.done():
                deciding.cancel()
            interrupted.cancel()
        return request if deciding.cancelled() else deciding.result()

    async def _looked_up(self, request: Request, timeout_s: float) -> Request:
        """The request once it is decided. A store that is away for a while, as in a restart, is no decision."""
        deadline = self.clock_s() + timeout_s
        while True:
            left_s = deadline - self.clock_s()
            try:
                return await self.requests.decided(request.id, max(left_s, 0.0))
            except StoreUnavailable:
                if left_s <= 0:
                    return request
            await asyncio.sleep(min(STORE_AGAIN_S, left_s))

    async def _late(self, request: Request, too_late: str) -> Settled:
        if too_late:
            return await self._withdraw(request, "its statement_timeout was up", too_late)
        return _unanswered(request, request.binding, self.link(request.id))

    async def _withdraw(self, request: Request, reason: str, message: str) -> Settled:
        """Take the request back. Where it was decided in the same moment, an approval stays for the next run of it."""
        hint = f"request {request.id} was withdrawn"
        try:
            await self.requests.withdraw(request.id, reason, self.session)
        except Refused as decided:
            hint = str(decided)
        return NotGranted(request.id, request.binding, "57014", message, hint)

    def _draft(self, held: Held, principal: Principal) -> Request:
        return Request(
            id="",
            principal=principal.name,
            on_behalf_of=principal.on_behalf_of,
            datasource=self.datasource,
            rule=held.verdict.rule,
            message=held.verdict.message,
            statement=held.text.decode("utf-8", "replace")[:STATEMENT_CHARACTERS],
            parameters=tuple(parameter_texts(held.binds)),
            binding=held.binding,
            needs=held.verdict.needs,
            session=self.session,
            created_s=0.0,
            expires_s=0.0,
            facts=_facts(held.facts),
        )


_GLASS = re.compile(rb"\s*/\*\s*break[ _-]glass\s*:(.*?)\*/", re.I | re.S)


def glass_reason(text: bytes) -> str:
    """The reason in a comment at the very beginning of a text, `/* break glass: REASON */`; "" where there is none."""
    match = _GLASS.match(text)
    return " ".join(match[1].decode("utf-8", "replace").split())[:REASON_CHARACTERS] if match else ""


def _facts(facts: Facts) -> dict[str, object]:
    """What approvers are told of what the statement is."""
    return {
        "verbs": list(facts.verbs),
        "touches": [f"{touch.action} {'.'.join(touch.resource.path)}".rstrip() for touch in facts.touches],
        "indirect": [f"{one.kind} {one.name}: {one.action} {'.'.join(one.path)}" for one in facts.indirect],
        "locks": [f"{lock.mode} {'.'.join(lock.path)}" for lock in facts.locks],
        "has_where": facts.has_where,
        "unknown": list(facts.unknown),
    }


def _asked(request: Request, held: Held, link: str) -> bytes:
    return postgres.notice_response(
        "NOTICE",
        "00000",
        f"{held.verdict.message}: request {request.id}{_again(request)}",
        detail=f"waiting for {' and '.join(map(str, request.missing))}; Ctrl-C withdraws the request",
        hint=f"approvers see it {f'at {link}, or ' if link else ''}with `tidewaiter request show {request.id}`",
    )


def _again(request: Request) -> str:
    """Why an open request, which was approved before, is held again; by how many rows it moved is for approvers."""
    if not request.reason:
        return ""
    is_drift = request.reason.startswith(DRIFTED)
    return f", held again: {'what it would do has changed since it was approved' if is_drift else request.reason}"


def _waiting(request: Request) -> bytes:
    return _notice(f"request {request.id} still waits for {' and '.join(map(str, request.missing))}")


def _notice(message: str) -> bytes:
    return postgres.notice_response("NOTICE", "00000", message)


def _unanswered(request: Request, binding: str, link: str) -> NotGranted:
    needs = " and ".join(map(str, request.missing))
    return NotGranted(
        request.id,
        binding,
        refusal.DENIED,
        f"{request.message}: request {request.id} waits for {needs}{_again(request)}",
        f"run the same statement again once request {request.id} is approved; it then runs once"
        + (f"; approvers see it at {link}" if link else ""),
    )


def _refused(request: Request, binding: str) -> NotGranted:
    """Denied, expired and withdrawn are different things, and are said so."""
    who = next((vote.approver for vote in reversed(request.votes) if not vote.is_approval), "")
    by = f" by {who}" if who else ""
    why = f": {request.reason}" if request.reason else ""
    return NotGranted(
        request.id,
        binding,
        refusal.DENIED,
        f"request {request.id} was {request.state}{by}{why}",
        "run it again to ask again"
        if request.state is not State.DENIED
        else "talk to who denied it before you ask again",
    )

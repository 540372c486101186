"""The desk: what becomes of a request when somebody votes, withdraws, runs out of time or runs it. Pure.

A request is open until every need is met (approved), somebody who may says no (denied), whoever asked goes away
(withdrawn) or its time is up (expired). An approval is used up by the one execution that it was given for (consumed),
which may fail; if it does not hold any more when it is to be used, the request is open again. Who may break the glass
runs it before anybody decided: then it waits for a review until somebody of the group closes it. Nobody decides on
their own request, nor on one of an agent that they own; agents and services decide on nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from tidewaiter.model import Kind, Need, Principal


class State(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    CONSUMED = "consumed"
    FAILED = "failed"
    REVIEW = "review"
    CLOSED = "closed"


class Word(StrEnum):
    """What people say of a request, wherever they say it."""

    APPROVE = "approve"
    DENY = "deny"
    CLOSE = "close"  # the review of what ran under break glass

    @property
    def needs_note(self) -> bool:
        """Whether it has to be explained."""
        return self is not Word.APPROVE


class Step(StrEnum):
    """What can happen to a request."""

    APPROVE = "approve"  # the last need is met
    DENY = "deny"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    CONSUME = "consume"
    FAIL = "fail"
    REOPEN = "reopen"
    BREAK_GLASS = "break glass"
    CLOSE = "close"


NEXT: Mapping[tuple[State, Step], State] = {
    (State.OPEN, Step.APPROVE): State.APPROVED,
    (State.OPEN, Step.DENY): State.DENIED,
    (State.OPEN, Step.EXPIRE): State.EXPIRED,
    (State.OPEN, Step.WITHDRAW): State.WITHDRAWN,
    (State.APPROVED, Step.DENY): State.DENIED,  # an approver thinks better of it before it ran
    (State.APPROVED, Step.EXPIRE): State.EXPIRED,
    (State.APPROVED, Step.CONSUME): State.CONSUMED,
    (State.APPROVED, Step.REOPEN): State.OPEN,
    (State.OPEN, Step.BREAK_GLASS): State.REVIEW,
    (State.REVIEW, Step.CLOSE): State.CLOSED,
    (State.CONSUMED, Step.FAIL): State.FAILED,
}
"""Every transition there is; whatever is not here is refused and changes nothing."""


class Refused(Exception):
    """The step is not possible. `reason` is a word for entries; the text is a sentence for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Vote:
    """One decision of one approver. `groups` are those that the approver was in; `place` is where it came from."""

    approver: str
    is_approval: bool
    groups: tuple[str, ...]
    at_s: float
    channel: str
    place: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a request; `what` is the word of its `request.change` entry.

    `who` is empty for what time or the gateway did. `channel` and `place` say how and from where, `session` and its id
    for what a session did. `at_s` is None where nobody noted it.
    """

    what: str
    at_s: float | None
    who: str = ""
    channel: str = ""
    place: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A held statement that waits for approval.

    `binding` is the digest of all that an approval holds for (see `binding.py`). `needs` must all be met by votes.
    `expires_s` ends the time to decide while it is open, and the time to run it once it is approved. `glass` is the
    reason that was given for running it before anybody decided. `reason` says why it is in its state. `history` has all
    that happened to it, oldest first, votes that do not count any more included.
    """

    id: str
    principal: str
    on_behalf_of: str | None
    datasource: str
    rule: str
    message: str
    statement: str
    parameters: tuple[str | None, ...]
    binding: str
    needs: tuple[Need, ...]
    session: str
    created_s: float
    expires_s: float
    state: State = State.OPEN
    votes: tuple[Vote, ...] = ()
    facts: Mapping[str, object] | None = None
    blast_radius: Mapping[str, object] | None = None
    reason: str = ""
    glass: str = ""
    history: tuple[Event, ...] = ()

    @property
    def approvers(self) -> tuple[str, ...]:
        """The groups that may decide, each once."""
        return tuple(dict.fromkeys(group for need in self.needs for group in need.groups))

    @property
    def missing(self) -> tuple[Need, ...]:
        """The needs that no vote has met yet."""
        return tuple(need for need, met in self.progress if met < need.quorum)

    @property
    def progress(self) -> tuple[tuple[Need, int], ...]:
        """Each need with how many different approvers have met it."""
        return tuple((need, _met(need, self.votes)) for need in self.needs)


def decide(request: Request, approver: Principal, vote: Vote, *, now_s: float, approval_s: float) -> Request:
    """The request after a vote. The same vote again changes nothing, so a double click is one click.

    `approval_s` is how long an approval can be used. Raises Refused for who may not, and for what is decided already.
    """
    _require_entitled(request, approver)
    request = expired(request, now_s)
    earlier = next((one for one in request.votes if one.approver == approver.name), None)
    if earlier is not None and earlier.is_approval == vote.is_approval:
        return request
    if request.state is not State.OPEN and (vote.is_approval or request.state is not State.APPROVED):
        raise Refused("decided", f"request {request.id} is {request.state}: nothing is left to decide")
    votes = (*(one for one in request.votes if one.approver != approver.name), vote)
    request = replace(request, votes=votes)
    if not vote.is_approval:
        return replace(_stepped(request, Step.DENY), reason=vote.note)
    if request.missing:
        return request
    return replace(_stepped(request, Step.APPROVE), expires_s=now_s + approval_s)


def withdrawn(request: Request, reason: str) -> Request:
    """The request after whoever asked went away or changed their mind. Raises Refused once it is decided."""
    return replace(_stepped(request, Step.WITHDRAW), reason=reason)


def expired(request: Request, now_s: float) -> Request:
    """The request as it is at `now_s`: expired if its time is up."""
    if request.expires_s > now_s or (request.state, Step.EXPIRE) not in NEXT:
        return request
    why = "nobody decided in time" if request.state is State.OPEN else "it was approved, but not run in time"
    return noted(replace(_stepped(request, Step.EXPIRE), reason=why), Event("expired", request.expires_s, note=why))


def noted(request: Request, event: Event) -> Request:
    """The request with what happened to it."""
    return replace(request, history=(*request.history, event))


def consumed(request: Request, binding: str, now_s: float) -> Request:
    """The request after its approval was used for the execution that `binding` describes. Raises Refused."""
    request = expired(request, now_s)
    if request.binding != binding:
        raise Refused("other", f"request {request.id} was approved for something else")
    return _stepped(request, Step.CONSUME)


def reopened(request: Request, votes: tuple[Vote, ...], reason: str, now_s: float, decide_s: float) -> Request:
    """The request after its approval turned out not to hold any more: open again, with the votes that still count."""
    request = _stepped(expired(request, now_s), Step.REOPEN)
    return replace(request, votes=votes, reason=reason, expires_s=now_s + decide_s)


def broken(request: Request, reason: str, now_s: float) -> Request:
    """The request after whoever asked broke the glass: it runs, and waits for a review. Raises Refused once decided."""
    return replace(_stepped(expired(request, now_s), Step.BREAK_GLASS), glass=reason, reason="it ran under break glass")


def closed(request: Request, closer: Principal, note: str) -> Request:
    """The request after somebody who may decide on it looked at what was done. Raises Refused."""
    _require_entitled(request, closer)
    return replace(_stepped(request, Step.CLOSE), reason=f"closed by {closer.name}: {note}")


def unmet(request: Request, votes: tuple[Vote, ...]) -> bool:
    """Whether these votes alone would leave a need open."""
    return any(_met(need, votes) < need.quorum for need in request.needs)


def failed(request: Request, reason: str) -> Request:
    """The request after the execution that it was consumed for ended with an error."""
    return replace(_stepped(request, Step.FAIL), reason=reason)


def _stepped(request: Request, step: Step) -> Request:
    state = NEXT.get((request.state, step))
    if state is None:
        raise Refused("decided", f"request {request.id} is {request.state}: it cannot {step}")
    return replace(request, state=state)


def why_not(request: Request, approver: Principal) -> Refused | None:
    """Why a principal may not decide on a request, whatever state it is in; None for who may, if policy permits it."""
    if approver.kind is not Kind.USER:
        return Refused(approver.kind.value, f"{approver.kind}s do not approve: a person does")
    if approver.name in (request.principal, request.on_behalf_of):
        whose = "their own request" if approver.name == request.principal else "a request of an agent that they own"
        return Refused("own", f"nobody decides on {whose}: {approver.name} cannot decide on {request.id}")
    if not any(need.accepts(approver.groups) for need in request.needs):
        wanted = ", ".join(request.approvers)
        return Refused("group", f"{approver.name} is in none of the groups that decide on {request.id}: {wanted}")
    return None


def _require_entitled(request: Request, approver: Principal) -> None:
    refused = why_not(request, approver)
    if refused is not None:
        raise refused


def _met(need: Need, votes: tuple[Vote, ...]) -> int:
    """How many different approvers have met a need."""
    return len({vote.approver for vote in votes if vote.is_approval and need.accepts(vote.groups)})

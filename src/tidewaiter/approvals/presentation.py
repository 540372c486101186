"""What approvers are shown of a request, wherever they read it: one presentation for console, shell and channels. Pure.

Every text in it is harmless to look at (see visible.py) but still raw for the place's own markup: a channel quotes it
for Slack, Markdown or HTML, or hands it over as data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

import orjson

from tidewaiter.approvals.blast import lines
from tidewaiter.approvals.desk import Event, Request, State
from tidewaiter.visible import harmless, harmless_lines, shortened

SAID = {
    "open": "{} asked",
    "approve": "{} approved",
    "deny": "{} denied",
    "close": "{} closed the review",
    "break_glass": "{} ran it before anybody decided",
    "consumed": "{} ran it, and the approval is used up",
    "failed": "it failed at the database",
    "withdrawn": "{} withdrew it",
    "expired": "its time was up",
    "reopened": "it was held again, as its approval does not hold any more",
}
LINE_CHARACTERS = 300
LINES = 20  # of one list: a statement can touch hundreds of things, which `request show` lists in full


@dataclass(frozen=True, slots=True)
class Presentation:
    """A request for people's eyes. `title` is one line; `facts` are (label, one line); `statement` has all of it.

    `outcome` is empty while the request is open and says then what became of it, by whom and why.
    """

    id: str
    state: str
    title: str
    facts: tuple[tuple[str, str], ...]
    statement: str
    parameters: tuple[str, ...]
    outcome: str

    def excerpt(self, characters: int) -> tuple[str, bool]:
        """Statement and parameters within so many characters, and whether that is not all of them."""
        whole = "\n".join((self.statement, *self.parameters))
        return shortened(whole, characters), len(whole) > characters


def presented(request: Request) -> Presentation:
    """What approvers are shown of a request as it is now."""
    whose = f", on behalf of {request.on_behalf_of}" if request.on_behalf_of else ""
    return Presentation(
        id=request.id,
        state=request.state.value,
        title=_line(f"{request.principal}{whose} asks on {request.datasource}: {request.message}"),
        facts=tuple((label, _line(value)) for label, value in _facts(request)),
        statement=harmless_lines(request.statement),
        parameters=tuple(
            f"${number} = {harmless(value) if value is not None else 'NULL'}"
            for number, value in enumerate(request.parameters, 1)
        ),
        outcome=_line(_outcome(request)),
    )


def happened(event: Event) -> tuple[str, str]:
    """What happened, in a few words, and from where."""
    said = SAID.get(event.what, event.what).format(harmless(event.who))
    if event.channel == "session":
        return said, harmless(f"session {event.place}")
    where = f", from {event.place}" if event.place else ""
    return said, harmless(f"by {event.channel}{where}") if event.channel else ""


def sight_of(request: Request) -> str:
    """A digest of what an approver looked at before deciding: what would run, what it would do, why it is held again.

    A decision that brings it back counts only for the request as it was seen, not for one that was opened anew
    meanwhile because what it would do has moved.
    """
    seen = [request.id, request.binding, request.statement, request.parameters, request.blast_radius]
    reason = request.reason if request.state is State.OPEN else ""
    return sha256(orjson.dumps([*seen, reason], option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _facts(request: Request) -> Iterator[tuple[str, str]]:
    yield "principal", request.principal
    if request.on_behalf_of:
        yield "on behalf of", request.on_behalf_of
    yield "datasource", request.datasource
    yield "rule", request.rule
    if request.glass:
        yield "BREAK GLASS", request.glass
    if request.state is State.OPEN and request.reason:
        yield "held again", request.reason
    for label, value in (request.facts or {}).items():
        if isinstance(value, list) and value:
            yield label, _listed([str(item) for item in value])
    if request.blast_radius:  # without rows: a channel may be somebody else's server
        for line in islice(lines(request.blast_radius, with_rows=False), LINES):
            yield "blast radius", line
    yield "needs", " and ".join(map(str, request.needs))
    for vote in request.votes:
        said = "approved" if vote.is_approval else "denied"
        note = f": {vote.note}" if vote.note else ""
        yield vote.approver, f"{said} by {vote.channel}{note}"


def _outcome(request: Request) -> str:
    if request.state is State.OPEN:
        return ""
    if request.state is State.CONSUMED:
        return "consumed by the one run that it was approved for"
    voters = [vote.approver for vote in request.votes if vote.is_approval is (request.state is not State.DENIED)]
    who = f" by {', '.join(voters)}" if voters and request.state in (State.APPROVED, State.DENIED) else ""
    why = f": {request.reason}" if request.reason else ""
    return f"{request.state}{who}{why}"


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - LINES} more" if len(items) > LINES else ""
    return ", ".join(items[:LINES]) + more


def _line(text: str) -> str:
    return shortened(harmless(text), LINE_CHARACTERS)

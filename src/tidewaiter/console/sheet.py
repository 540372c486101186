"""A request as the console's pages show it: as much as its reader may see, every text harmless to look at. Pure.

Texts are still raw for HTML: the templates escape each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tidewaiter.approvals.blast import lines
from tidewaiter.approvals.desk import Request, State
from tidewaiter.approvals.presentation import happened, presented, sight_of
from tidewaiter.console.rights import Rights
from tidewaiter.identity import rfc3339
from tidewaiter.visible import harmless, harmless_lines, shortened

LINE_CHARACTERS = 160  # of a statement in the list
LABELS = {
    "verbs": "does",
    "touches": "touches",
    "indirect": "sets off",
    "locks": "locks",
    "unknown": "not understood",
}
WOULD, RAN = ("What would run", "What it would do"), ("What ran", "What it was expected to do")
TENSES = {
    State.OPEN: WOULD, State.APPROVED: WOULD,
    State.CONSUMED: RAN, State.FAILED: RAN, State.REVIEW: RAN, State.CLOSED: RAN,
}  # fmt: skip
"""Headings by what has become of it; of the rest nothing ran."""
KINDS = {"open": "asked", "approve": "approved", "deny": "denied", "close": "closed", "break_glass": "glass"}
"""Words for colours, of events whose own word is none."""
FACTS = 200  # of one kind: what is beyond is counted


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. `kind` is a word for its colour; `at` is RFC 3339, empty where it is not known."""

    kind: str
    said: str
    at: str = ""
    where: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rows of one table: each its values before, and after where it is changed."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Radius:
    """What it would do. `sureness` is measured, counted, estimate or unknown; `way_back` a word and a sentence."""

    number: str
    sureness: str
    lines: tuple[str, ...]
    way_back: tuple[str, str]
    samples: tuple[Sample, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """One need: who can meet it, how many have, how many must."""

    groups: str
    met: int
    quorum: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One request for one reader. `tense` has the headings of statement and blast radius.

    `version` differs when anything that is shown does; `sight` goes into the form.
    """

    id: str
    state: str
    is_open: bool
    tense: tuple[str, str]
    title: str
    message: str
    principal: str
    on_behalf_of: str
    datasource: str
    rule: str
    session: str
    glass: str
    held_again: str
    outcome: str
    created_at: str
    expires_at: str
    statement: str
    exact: str
    parameters: tuple[str, ...]
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    radius: Radius | None
    progress: tuple[Progress, ...]
    approvers: str
    timeline: tuple[Moment, ...]
    deliveries: tuple[tuple[str, str], ...]
    why_not: str
    has_approved: bool
    may_approve: bool
    may_deny: bool
    may_close: bool
    sight: str

    @property
    def version(self) -> str:
        """A digest of all of it."""
        return sha256(repr(self).encode("utf-8", "replace")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Line:
    """One request in the list."""

    id: str
    state: str
    principal: str
    on_behalf_of: str
    datasource: str
    rule: str
    rows: str
    statement: str
    needs: str
    created_at: str
    expires_at: str
    is_mine: bool
    is_glass: bool
    approvers: str
    waits_for_me: bool


def sheet_of(request: Request, rights: Rights, who: str, deliveries: tuple[tuple[str, str], ...] = ()) -> Sheet:
    """What `who` is shown of a request."""
    shown = presented(request)
    told: Mapping[str, Any] = request.blast_radius or {}
    formatted = harmless_lines(str(told.get("formatted", ""))) if rights.sees_numbers else ""
    state, may = request.state, rights.may_decide
    return Sheet(
        id=request.id,
        state=state.value,
        is_open=state is State.OPEN,
        tense=TENSES.get(state, ("What would have run", "What it would have done")),
        title=shown.title,
        message=harmless(request.message),
        principal=harmless(request.principal),
        on_behalf_of=harmless(request.on_behalf_of or ""),
        datasource=harmless(request.datasource),
        rule=harmless(request.rule),
        session=request.session,
        glass=harmless(request.glass),
        held_again=_held_again(request, rights),
        outcome=shown.outcome,
        created_at=rfc3339(request.created_s),
        expires_at=rfc3339(request.expires_s),
        statement=formatted or shown.statement,
        exact=shown.statement if formatted not in ("", shown.statement) else "",
        parameters=shown.parameters,
        facts=tuple(_facts(request)),
        radius=_radius(told, with_rows=rights.sees_rows) if told and rights.sees_numbers else None,
        progress=tuple(Progress(" or ".join(need.groups), met, need.quorum) for need, met in request.progress),
        approvers=harmless(" or ".join(request.approvers)),
        timeline=tuple(_timeline(request, rights)),
        deliveries=tuple((harmless(name), harmless(said)) for name, said in deliveries),
        why_not=harmless(rights.why_not),
        has_approved=_has_approved(request, who),
        may_approve=may and state is State.OPEN and not _has_approved(request, who),
        may_deny=may and state in (State.OPEN, State.APPROVED),
        may_close=may and state is State.REVIEW,
        sight=sight_of(request),
    )


def line_of(request: Request, rights: Rights, who: str) -> Line:
    """What one reader is shown of a request in the list."""
    told: Mapping[str, Any] = request.blast_radius or {}
    rows = f"{told['rows']} rows, {told['basis']}" if rights.sees_numbers and told.get("rows") is not None else ""
    return Line(
        id=request.id,
        state=request.state.value,
        principal=harmless(request.principal),
        on_behalf_of=harmless(request.on_behalf_of or ""),
        datasource=harmless(request.datasource),
        rule=harmless(request.rule),
        rows=rows,
        statement=shortened(harmless(" ".join(request.statement[: 4 * LINE_CHARACTERS].split())), LINE_CHARACTERS),
        needs=" and ".join(map(str, request.missing)),
        created_at=rfc3339(request.created_s),
        expires_at=rfc3339(request.expires_s),
        is_mine=who in (request.principal, request.on_behalf_of),
        is_glass=bool(request.glass),
        approvers=harmless(" or ".join(request.approvers)),
        waits_for_me=rights.may_decide
        and request.state in (State.OPEN, State.REVIEW)
        and not _has_approved(request, who),
    )


def _has_approved(request: Request, who: str) -> bool:
    return any(vote.approver == who and vote.is_approval for vote in request.votes)


def _held_again(request: Request, rights: Rights) -> str:
    """Why an open request was held anew; the numbers in it are for those who may see numbers."""
    if request.state is not State.OPEN or not request.reason:
        return ""
    return harmless(request.reason) if rights.sees_numbers else "its approval does not hold any more"


def _facts(request: Request) -> Iterator[tuple[str, tuple[str, ...]]]:
    for label, value in (request.facts or {}).items():
        if isinstance(value, list) and value:
            shown = [harmless(str(item)) for item in value[:FACTS]]
            more = [f"and {len(value) - FACTS} more, which `tidewaiter request show` lists"] * (len(value) > FACTS)
            yield LABELS.get(label, label), tuple(shown + more)


def _radius(told: Mapping[str, Any], *, with_rows: bool) -> Radius:
    number, *more = (harmless(line) for line in lines(told, with_rows=False))
    back, sample = told["reversible"], told["sample"] if with_rows else []
    return Radius(
        number=number,
        sureness=harmless(str(told["basis"])) if told["rows"] is not None else "unknown",
        lines=tuple(more[:-1]),  # the last one is the way back, which stands by itself
        way_back=(harmless(str(back["word"])), harmless(str(back["how"]))),
        samples=tuple(_samples([row for row in sample if not isinstance(row, str)])),
        remarks=tuple(harmless(row) for row in sample if isinstance(row, str)),
    )


def _samples(rows: list[Mapping[str, Any]]) -> Iterator[Sample]:
    for table in dict.fromkeys(str(row["table"]) for row in rows):
        of_table = [row for row in rows if row["table"] == table]
        columns = tuple(dict.fromkeys(name for row in of_table for name in (*row["before"], *row.get("after", {}))))
        yield Sample(
            harmless(table),
            tuple(map(harmless, columns)),
            tuple((_values(row["before"], columns), _after(row, columns)) for row in of_table),
        )


def _after(row: Mapping[str, Any], columns: tuple[str, ...]) -> tuple[str, ...]:
    """What becomes of a row, columns that stay included; nothing where it goes."""
    return _values({**row["before"], **row["after"]}, columns) if "after" in row else ()


def _values(row: Mapping[str, Any], columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        "" if name not in row else "NULL" if row[name] is None else harmless(str(row[name])) for name in columns
    )


def _timeline(request: Request, rights: Rights) -> Iterator[Moment]:
    for event in request.history:
        said, where = happened(event)
        if event.what == "open" and request.on_behalf_of:
            said = f"{said} on behalf of {harmless(request.on_behalf_of)}"
        is_told = rights.sees_numbers or event.what != "reopened"  # why has numbers in it
        at = rfc3339(event.at_s) if event.at_s is not None else ""
        yield Moment(KINDS.get(event.what, event.what), said, at, where, harmless(event.note) if is_told else "")
    if request.state is State.OPEN:
        waits = " and ".join(map(str, request.missing))
        yield Moment("open", f"waits for {waits}; expires", rfc3339(request.expires_s))
    elif request.state is State.APPROVED:
        yield Moment("open", "it can be run, once; expires", rfc3339(request.expires_s))
    elif request.state is State.REVIEW:
        yield Moment("open", f"waits for {' or '.join(request.approvers)} to close the review")

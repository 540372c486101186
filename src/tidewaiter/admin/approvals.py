"""Operations on requests for approval: list, show, approve, deny."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tidewaiter.admin.actor import Actor
from tidewaiter.admin.channels import delivery
from tidewaiter.admin.site import Site
from tidewaiter.approvals.book import UNSETTLED
from tidewaiter.approvals.desk import Event, Refused, Request, State, Vote, Word
from tidewaiter.config import request_link
from tidewaiter.errors import Conflict, NotFound, NotPermitted, UsageError
from tidewaiter.identity import rfc3339
from tidewaiter.model import Allow, Context, Principal

Json = Any

ID_CHARACTERS = 32  # of an id that nothing has, as an entry repeats it
NOTE_CHARACTERS = 2000  # a note is a sentence; whatever is longer belongs into a ticket


async def request_ls(
    site: Site, by: Actor, is_live: bool = True, limit: int | None = None, before: str | None = None
) -> Json:
    """Requests, oldest first: those in which something may still happen, or all.

    With `limit`, the newest of them; with `before`, only those older than that request. Raises NotFound, UsageError.
    """
    if limit is None and before is None:
        return [_told(site, found) for found in await site.requests.all(is_live=is_live)]
    if limit is not None and limit < 1:
        raise UsageError("a limit is at least 1")
    states = UNSETTLED if is_live else tuple(State)
    found = await site.requests.newest(limit, before or "", states=states)
    return [_told(site, one) for one in reversed(found) if one.state in states]


async def request_changes(site: Site, by: Actor, after: int | None = None) -> Json:
    """Requests that changed after a version, and the version to ask with next; without one, what may still happen."""
    found = await site.requests.changed(-1 if after is None else after)
    told = [_told(site, one) for one, _ in found if after is not None or one.state in UNSETTLED]
    return {"version": max((version for _, version in found), default=after or 0), "requests": told}


async def request_show(site: Site, by: Actor, id: str) -> Json:
    """One request with everything that is known of it. Raises NotFound."""
    request = await site.requests.find(id)
    deliveries = await asyncio.to_thread(site.outbox.of_request, request.id)
    return _told(site, request) | {"deliveries": [delivery(one) for one in deliveries]}


async def request_approve(site: Site, by: Actor, id: str, principal: str, note: str = "") -> Json:
    """Approve in a principal's name. Raises NotFound, NotPermitted, Conflict, UsageError."""
    return await _decide(site, by, id, principal, note, Word.APPROVE)


async def request_deny(site: Site, by: Actor, id: str, principal: str, reason: str) -> Json:
    """Deny in a principal's name, saying why. Raises NotFound, NotPermitted, Conflict, UsageError."""
    if not reason.strip():
        raise UsageError("a denial needs a reason: whoever asked reads it")
    return await _decide(site, by, id, principal, reason, Word.DENY)


async def request_close(site: Site, by: Actor, id: str, principal: str, note: str) -> Json:
    """End the review of what ran under break glass, in a principal's name, saying what was found.

    Raises NotFound, NotPermitted, Conflict, UsageError.
    """
    if not note.strip():
        raise UsageError("a review ends with a note that says what was found")
    return await _decide(site, by, id, principal, note, Word.CLOSE)


async def _decide(site: Site, by: Actor, id: str, principal: str, note: str, word: Word) -> Json:
    if not site.config.approvals.shell:
        raise NotPermitted("decisions from the shell are switched off: [approvals] shell = true allows them")
    if len(note) > NOTE_CHARACTERS:
        raise UsageError(f"a note has at most {NOTE_CHARACTERS} characters")
    place = f"OS user {by.os_user} ({by.os_uid})"
    decided = await decide_as(site, id, principal, word, note=note, channel=by.channel.value, place=place)
    return _told(site, decided)


async def decide_as(
    site: Site, id: str, principal: str, word: Word, *, note: str, channel: str, place: str, seen: str = ""
) -> Request:
    """What a principal says of a request, however it arrived, with every check that there is; refusals are recorded.

    `seen` is the `sight_of` what they looked at, where that is known: an approval counts for nothing else.
    Raises NotFound, NotPermitted, Conflict, StoreUnavailable, LedgerUnavailable.
    """

    async def act(request: Request, who: Principal) -> Request:
        if word is Word.CLOSE:
            return await site.requests.close(request.id, who, note=note, channel=channel, place=place)
        return await site.requests.decide(
            request.id, who, is_approval=word is Word.APPROVE, note=note, channel=channel, place=place, seen=seen
        )

    said = {"approver": principal, "channel": channel, "place": place, "note": note}
    return await _acted(site, id, principal, word.value, said, act)


Act = Callable[[Request, Principal], Awaitable[Request]]


async def _acted(site: Site, id: str, principal: str, word: str, by: Mapping[str, object], act: Act) -> Request:
    """Have a principal act on a request, if it may; each refusal is recorded."""
    try:
        request = await site.requests.find(id)
        approver = await _approver(site, principal, request.datasource)
    except (NotFound, NotPermitted) as error:
        told = {"request": id[:ID_CHARACTERS], "decision": word, "reason": str(error)[:NOTE_CHARACTERS], "by": by}
        await site.record("request.refused", told)
        raise
    try:
        return await act(request, approver)
    except Refused as refused:
        told_as = Conflict if refused.reason in ("decided", "changed") else NotPermitted
        raise told_as(str(refused)) from None


async def _approver(site: Site, name: str, datasource: str) -> Principal:
    """The principal, if it may decide on requests about a datasource at all. Raises NotFound, NotPermitted."""
    account = site.directory.account(name)
    if not account.can_log_in:
        raise NotPermitted(f"{name} is disabled")
    context = Context(at_ns=int(site.now_s() * 1e9))
    verdict = (await site.policies()).may(account.principal, "approve", datasource, context)
    if not isinstance(verdict, Allow):
        raise NotPermitted(f"{name} may not approve on {datasource}: {verdict.message}")
    return account.principal


def _told(site: Site, request: Request) -> dict[str, object]:
    return {
        "id": request.id,
        "state": request.state.value,
        "principal": request.principal,
        "on_behalf_of": request.on_behalf_of,
        "datasource": request.datasource,
        "rule": request.rule,
        "message": request.message,
        "statement": request.statement,
        "parameters": list(request.parameters),
        "approvers": list(request.approvers),
        "needs": [str(need) for need in request.needs],
        "missing": [str(need) for need in request.missing],
        "votes": [_vote(vote) for vote in request.votes],
        "history": [_event(event) for event in request.history],
        "facts": request.facts,
        "blast_radius": request.blast_radius,
        "reason": request.reason,
        "glass": request.glass,
        "session": request.session,
        "created_at": rfc3339(request.created_s),
        "expires_at": rfc3339(request.expires_s),
        "link": request_link(site.config.console, request.id),
    }


def _event(event: Event) -> dict[str, object]:
    return {
        "what": event.what,
        "at": rfc3339(event.at_s) if event.at_s is not None else None,
        "who": event.who or None,
        "channel": event.channel or None,
        "place": event.place,
        "note": event.note,
    }


def _vote(vote: Vote) -> dict[str, object]:
    return {
        "approver": vote.approver,
        "decision": "approve" if vote.is_approval else "deny",
        "at": rfc3339(vote.at_s),
        "channel": vote.channel,
        "place": vote.place,
        "note": vote.note,
    }

"""The body of an outgoing webhook: our own event, or a JSON document of the receiver's with `${…}` for what we know.

Values are put into the strings of the parsed document, so nothing in a statement can end a string or add a member.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tidewaiter.approvals.presentation import sight_of
from tidewaiter.channels.contract import Notice
from tidewaiter.identity import rfc3339
from tidewaiter.identity.accounts import Realm

PLACE = re.compile(r"\$\{([a-z_]+)\}")
EXCERPT_CHARACTERS = 2000
STATEMENT_CHARACTERS = 64_000  # Standard Webhooks advises small payloads; the whole is behind the link
NAMES = frozenset(
    (
        "id", "state", "title", "principal", "on_behalf_of", "datasource", "rule", "message", "approvers", "needs",
        "excerpt", "facts", "outcome", "reason", "link", "created_at", "expires_at", "members", "seen",
    )
)  # fmt: skip


def event(notice: Notice) -> dict[str, Any]:
    """Our own event: `request.open`, `request.approved` … with everything that a receiver can show."""
    request = notice.request
    statement, is_cut = notice.shown.excerpt(STATEMENT_CHARACTERS)
    return {
        "type": f"request.{request.state}",
        "timestamp": rfc3339(_at(notice)),
        "data": {
            **values(notice),
            "version": notice.version,
            "approvers": list(request.approvers),
            "facts": [{"label": label, "value": value} for label, value in notice.shown.facts],
            "statement": statement,
            "statement_is_cut": is_cut,
            "members": [
                {"principal": member.name, "email": member.account(Realm.EMAIL) or None} for member in notice.members
            ],
            "votes": [
                {
                    "approver": vote.approver,
                    "is_approval": vote.is_approval,
                    "at": rfc3339(vote.at_s),
                    "note": vote.note,
                }
                for vote in request.votes
            ],
        },
    }


def values(notice: Notice) -> dict[str, str]:
    """What `${…}` can name."""
    request, shown = notice.request, notice.shown
    excerpt, is_cut = shown.excerpt(EXCERPT_CHARACTERS)
    return {
        "id": request.id,
        "state": request.state.value,
        "title": shown.title,
        "principal": request.principal,
        "on_behalf_of": request.on_behalf_of or "",
        "datasource": request.datasource,
        "rule": request.rule,
        "message": request.message,
        "approvers": ", ".join(request.approvers),
        "needs": " and ".join(map(str, request.needs)),
        "excerpt": excerpt + ("\n(shortened)" if is_cut else ""),
        "facts": "\n".join(f"{label}: {value}" for label, value in shown.facts),
        "outcome": shown.outcome,
        "reason": request.reason,
        "link": notice.link,
        "created_at": rfc3339(request.created_s),
        "expires_at": rfc3339(request.expires_s),
        "members": ", ".join(member.name for member in notice.members),
        "seen": sight_of(request),
    }


def parsed(text: str) -> Any:
    """A template. Raises ValueError for what is not JSON, and for names that there are not."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    unknown = sorted({name for name in _named(document)} - NAMES)
    if unknown:
        raise ValueError(f"names {', '.join(unknown)}; known are: {', '.join(sorted(NAMES))}")
    return document


def filled(document: Any, known: Mapping[str, str]) -> Any:
    """The document with every `${name}` in its strings replaced."""
    match document:
        case str():
            return PLACE.sub(lambda found: known[found[1]], document)
        case list():
            return [filled(item, known) for item in document]
        case dict():
            return {key: filled(item, known) for key, item in document.items()}
        case _:
            return document


def _named(document: Any) -> list[str]:
    match document:
        case str():
            return PLACE.findall(document)
        case list():
            return [name for item in document for name in _named(item)]
        case dict():
            return [name for item in document.values() for name in _named(item)]
        case _:
            return []


def _at(notice: Notice) -> float:
    """When the request last changed, as far as it says."""
    told = (event.at_s for event in reversed(notice.request.history) if event.at_s is not None)
    return next(told, notice.request.created_s)

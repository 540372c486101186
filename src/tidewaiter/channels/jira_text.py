"""A request as a Jira issue, in the wiki markup of REST API version 2, which Cloud and Data Center both take. Pure.

What comes from others stands in `{noformat}`, where nothing is markup but its own end; a text that has that in it is
not shown.
"""

from __future__ import annotations

from tidewaiter.approvals.desk import State
from tidewaiter.channels.contract import Notice
from tidewaiter.identity import rfc3339
from tidewaiter.visible import harmless, shortened

SUMMARY_CHARACTERS = 250
REASON_CHARACTERS = 1000
STATEMENT_CHARACTERS = 20_000  # a description holds 32,767
MARK = "{noformat}"


def summary_of(notice: Notice) -> str:
    """The issue's summary, which Jira shows as plain text."""
    return shortened(f"[{notice.request.id}] {notice.shown.title}", SUMMARY_CHARACTERS)


def description_of(notice: Notice, approve: str, deny: str, call: str = "") -> str:
    """The issue's description as it is made; what becomes of the request is said in comments.

    `call` is markup at its end: mentions of those who are asked.
    """
    shown = notice.shown
    statement, is_cut = shown.excerpt(STATEMENT_CHARACTERS)
    where = f"[All of it|{notice.link}], or" if notice.link else "All of it:"
    is_open = notice.request.state is State.OPEN
    parts = [
        f"Waits for approval until {rfc3339(notice.request.expires_s)}." if is_open else f"Is {shown.state}.",
        quoted(statement),
        quoted("\n".join(f"{label}: {value}" for label, value in shown.facts)),
        "*The statement is shortened.*" if is_cut else "",
        f"{where} tidewaiter request show {shown.id}.",
        _how(notice, approve, deny),
        call,
    ]
    return "\n\n".join(part for part in parts if part)


def _how(notice: Notice, approve: str, deny: str) -> str:
    """What can be done about it here."""
    edited = "Comments that were edited do not count."
    if notice.request.state is State.OPEN:
        ways = f"moves this issue to {approve} or {deny}, or comments /approve, or /deny and a reason"
        return f"Who may decide {ways}. {edited}"
    if notice.request.state is State.REVIEW:
        return f"Who may decide comments /close and what was found. {edited}"
    return ""


def news_of(notice: Notice, call: str = "") -> str:
    """What a comment says of a request's new state; `call` as in `description_of`."""
    return f"{_news(notice)}\n\n{call}" if call else _news(notice)


def _news(notice: Notice) -> str:
    shown = notice.shown
    if shown.outcome:
        return quoted(f"{shown.id}: {shown.outcome}")
    if notice.request.reason:
        return quoted(f"{shown.id} waits again: {shortened(harmless(notice.request.reason), REASON_CHARACTERS)}")
    votes = ", ".join(vote.approver for vote in notice.request.votes if vote.is_approval)
    missing = " and ".join(map(str, notice.request.missing))
    return quoted(f"{shown.id}: approved by {votes}, still needs {missing}")


def quoted(text: str) -> str:
    """`text` as it is, or a remark where it would end its own quotation."""
    if "{noformat" in text.lower():
        return "(Not shown here, because it contains the markup of Jira that ends a quotation.)"
    return f"{MARK}\n{text}\n{MARK}"

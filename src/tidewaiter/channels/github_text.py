"""A request as a GitHub issue. Pure.

Everything from others stands in code spans and fences that are longer than any run of backticks in it, where GitHub
knows no markup, no mention and no reference: https://github.github.com/gfm/#fenced-code-blocks.
"""

from __future__ import annotations

import re

from tidewaiter.approvals.desk import State
from tidewaiter.channels.contract import Notice
from tidewaiter.identity import rfc3339
from tidewaiter.visible import harmless, shortened

TITLE_CHARACTERS = 200
REASON_CHARACTERS = 1000
STATEMENT_CHARACTERS = 20_000  # an issue holds 65,536


def title_of(notice: Notice) -> str:
    """The issue's title; `marker_of` finds it again."""
    return shortened(f"{marker_of(notice.request.id)} {notice.shown.title}".replace("`", "'"), TITLE_CHARACTERS)


def marker_of(request: str) -> str:
    """What an issue's title begins with."""
    return f"[{request}]"


def body_of(notice: Notice, call: str = "") -> str:
    """The issue's text as it is made, which stays as it is: what becomes of the request is said in comments.

    `call` is markup at its end: mentions of those who are asked.
    """
    shown = notice.shown
    statement, is_cut = shown.excerpt(STATEMENT_CHARACTERS)
    is_open = notice.request.state is State.OPEN
    waits = f"waits for approval until {code(rfc3339(notice.request.expires_s))}" if is_open else f"is {shown.state}"
    parts = [
        f"{code(shown.title)} {waits}.",
        fenced(statement),
        fenced("\n".join(f"{label}: {value}" for label, value in shown.facts)),
    ]
    if is_cut:
        parts.append("**The statement is shortened.**")
    where = f"[All of it]({notice.link}), or" if notice.link else "All of it:"
    parts.append(f"{where} `tidewaiter request show {shown.id}`.")
    if is_open:
        parts.append(
            "Who may decide comments `/approve` or `/deny` and a reason. Comments that were edited do not count."
        )
    if notice.request.state is State.REVIEW:
        parts.append("Who may decide comments `/close` and what was found.")
    return "\n\n".join([*parts, *([call] if call else [])])


def news_of(notice: Notice, call: str = "") -> str:
    """What a comment says of a request's new state; `call` as in `body_of`."""
    return f"{_news(notice)}\n\n{call}" if call else _news(notice)


def _news(notice: Notice) -> str:
    shown = notice.shown
    if shown.outcome:
        return f"Request {shown.id}: {code(shown.outcome)}"
    if notice.request.reason:
        return f"Request {shown.id} waits again: {code(shortened(harmless(notice.request.reason), REASON_CHARACTERS))}"
    votes = [vote.approver for vote in notice.request.votes if vote.is_approval]
    missing = " and ".join(map(str, notice.request.missing))
    return f"Request {shown.id}: approved by {code(', '.join(votes))}, still needs {code(missing)}"


def code(text: str) -> str:
    """`text` as a code span, one line."""
    line = " ".join(text.split()) or " "
    ticks = "`" * (_longest_run(line) + 1)
    return f"{ticks} {line} {ticks}"


def fenced(text: str) -> str:
    """`text` as a fenced block."""
    fence = "`" * max(_longest_run(text) + 1, 3)
    return f"{fence}text\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)

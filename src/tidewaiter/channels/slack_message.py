"""A request as a Slack message: Block Kit, everything from others as plain or preformatted text, never as markup. Pure.

Lengths are Slack's: https://docs.slack.dev/reference/block-kit/blocks. A statement is shortened; all of it is behind
the link, or in `tidewaiter request show`.
"""

from __future__ import annotations

import json
from typing import Any

from tidewaiter.approvals.desk import State, Word
from tidewaiter.approvals.presentation import sight_of
from tidewaiter.channels.contract import Notice
from tidewaiter.visible import shortened

HEADER_CHARACTERS = 150
SECTION_CHARACTERS = 3000
FALLBACK_CHARACTERS = 300
STATEMENT_CHARACTERS = 2500
REASON_CHARACTERS = 2000
TITLE_CHARACTERS = 24
LABELS = {Word.DENY: "Deny", Word.CLOSE: "Close the review"}

Block = dict[str, Any]


def text_of(notice: Notice) -> str:
    """The text of notifications, in Slack's own markup with what has a meaning there escaped."""
    text = shortened(f"{notice.shown.id} is {notice.shown.state}: {notice.shown.title}", FALLBACK_CHARACTERS)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def blocks_of(notice: Notice, roll: str = "") -> list[Block]:
    """The message; with buttons while somebody can decide. `roll` is a line about those who are asked."""
    shown = notice.shown
    statement, is_cut = shown.excerpt(STATEMENT_CHARACTERS)
    facts = "\n".join(f"{label}: {value}" for label, value in shown.facts)
    blocks = [
        {"type": "header", "text": _plain(f"{shown.id}: {shown.state}", HEADER_CHARACTERS)},
        {"type": "section", "text": _plain(shown.title, SECTION_CHARACTERS)},
        _preformatted(statement),
        {"type": "section", "text": _plain(facts, SECTION_CHARACTERS)},
    ]
    if is_cut:
        where = "behind the button" if notice.link else f"what `tidewaiter request show {shown.id}` prints"
        blocks.append({"type": "context", "elements": [_plain(f"The statement is shortened: all of it is {where}.")]})
    if shown.outcome:
        blocks.append({"type": "section", "text": _plain(shown.outcome, SECTION_CHARACTERS)})
    if roll:
        blocks.append({"type": "section", "text": _plain(roll, SECTION_CHARACTERS)})
    buttons = _buttons(notice)
    return [*blocks, {"type": "actions", "elements": buttons}] if buttons else blocks


def dialog(word: Word, request: str, channel: str) -> dict[str, Any]:
    """The dialog that asks why. What is said comes back with the word, `request` and `channel`."""
    label = LABELS[word]
    return {
        "type": "modal",
        "callback_id": word.value,
        "private_metadata": json.dumps({"request": request, "channel": channel}),
        "title": _plain(label, TITLE_CHARACTERS),
        "submit": _plain(label, TITLE_CHARACTERS),
        "blocks": [
            {"type": "section", "text": _plain(f"Whoever asked for {request} reads what you say.")},
            {
                "type": "input",
                "block_id": "reason",
                "label": _plain("Reason" if word is Word.DENY else "What was found"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": "reason",
                    "multiline": True,
                    "min_length": 1,
                    "max_length": REASON_CHARACTERS,
                },
            },
        ],
    }


def _buttons(notice: Notice) -> list[Block]:
    buttons: list[Block] = []
    if notice.request.state is State.OPEN:
        seen = f"{notice.request.id} {sight_of(notice.request)}"  # an approval counts for what this message shows
        buttons.append(_button("approve", "Approve", seen) | {"style": "primary"})
        buttons.append(_button("deny", "Deny…", notice.request.id) | {"style": "danger"})
    elif notice.request.state is State.APPROVED:
        buttons.append(_button("deny", "Take back…", notice.request.id) | {"style": "danger"})
    elif notice.request.state is State.REVIEW:
        buttons.append(_button("close", "Close the review…", notice.request.id))
    if notice.link:
        buttons.append(_button("show", "Show all", notice.request.id) | {"url": notice.link})
    return buttons


def _button(action: str, label: str, value: str) -> Block:
    return {"type": "button", "action_id": action, "text": _plain(label), "value": value}


def _preformatted(text: str) -> Block:
    element = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text or " "}]}
    return {"type": "rich_text", "elements": [element]}


def _plain(text: str, characters: int = SECTION_CHARACTERS) -> Block:
    return {"type": "plain_text", "text": shortened(text, characters) or " ", "emoji": False}

"""A request as a Slack message."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from channelkit import REQUEST, notice

from tidewaiter.approvals.desk import State, Vote, Word
from tidewaiter.channels.slack_message import blocks_of, dialog, text_of

HOSTILE = replace(
    REQUEST,
    statement="```\n*Approved by security* <!channel> <https://evil.example|here> :white_check_mark: &amp;\u202e",
    message="<!here>",
)


def texts(blocks: Any) -> list[tuple[str, str]]:
    """Every text of a message with its type."""
    match blocks:
        case {"type": str(kind), "text": str(text)}:
            return [(kind, text)]
        case dict():
            return [found for value in blocks.values() for found in texts(value)]
        case list():
            return [found for value in blocks for found in texts(value)]
        case _:
            return []


def test_nothing_of_a_statement_is_markup() -> None:
    blocks = blocks_of(notice(HOSTILE))
    assert {kind for kind, _ in texts(blocks)} == {"plain_text", "text"}
    assert ("text", HOSTILE.statement.replace("\u202e", "\\u202e") + "\n$1 = 7\n$2 = NULL") in texts(blocks)
    assert all(block.get("emoji", False) is False for block in blocks)
    assert "mrkdwn" not in json.dumps(blocks)
    assert "&lt;!here&gt;" in text_of(notice(HOSTILE))
    assert "<" not in text_of(notice(HOSTILE))


def test_a_statement_of_a_megabyte_is_shortened_and_says_where_the_whole_is() -> None:
    long = replace(REQUEST, statement="x" * (1 << 20), facts={"touches": ["t" * 500] * 500})
    linked, bare = blocks_of(notice(long)), blocks_of(notice(long, link=""))
    assert len(json.dumps(linked)) < 12_000
    assert any("all of it is behind the button" in text for _, text in texts(linked))
    assert any("tidewaiter request show AR-2222222" in text for _, text in texts(bare))


def test_buttons_are_there_while_they_can_do_something() -> None:
    def buttons(**change: Any) -> list[str]:
        told = blocks_of(notice(replace(REQUEST, **change), link=""))
        return [one["action_id"] for block in told if block["type"] == "actions" for one in block["elements"]]

    assert buttons() == ["approve", "deny"]
    assert buttons(state=State.APPROVED) == ["deny"]
    assert buttons(state=State.REVIEW) == ["close"]
    for state in (State.CLOSED, State.DENIED, State.EXPIRED, State.WITHDRAWN, State.CONSUMED, State.FAILED):
        assert buttons(state=state) == []


def test_it_says_who_voted_and_what_became_of_it() -> None:
    vote = Vote("dora", True, ("dba",), 0.0, "ops", "C1")
    told = texts(blocks_of(notice(replace(REQUEST, state=State.APPROVED, votes=(vote,)))))
    assert ("plain_text", "approved by dora") in told
    assert any("dora: approved by ops" in text for _, text in told)


def test_the_dialog_knows_what_it_is_about() -> None:
    view = dialog(Word.DENY, "AR-2222222", "C1")
    assert json.loads(view["private_metadata"]) == {"request": "AR-2222222", "channel": "C1"}
    assert view["callback_id"] == "deny"
    assert dialog(Word.CLOSE, "AR-2222222", "C1")["callback_id"] == "close"
    assert all(len(dialog(word, "AR-2222222", "C1")["title"]["text"]) <= 24 for word in (Word.DENY, Word.CLOSE))

"""Bodies of outgoing webhooks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from channelkit import REQUEST, alarm, notice

from tidewaiter.approvals.desk import Event, State, Vote
from tidewaiter.channels import template

HOSTILE = replace(REQUEST, statement='"}, "event_action": "resolve", "x": "${link}\x00')


def test_our_own_event_says_everything() -> None:
    vote = Vote("dora", True, ("dba",), 1_800_000_060.0, "ops", "C1", "fine")
    event = Event("approve", 1_800_000_060.0, "dora", "ops", "C1", "fine")
    told = template.event(notice(replace(REQUEST, state=State.APPROVED, votes=(vote,), history=(event,)), 9))
    assert (told["type"], told["timestamp"]) == ("request.approved", "2027-01-15T08:01:00Z")
    data = told["data"]
    assert (data["id"], data["version"], data["approvers"], data["outcome"]) == (
        "AR-2222222", 9, ["dba"], "approved by dora",
    )  # fmt: skip
    assert {"label": "dora", "value": "approved by ops: fine"} in data["facts"]
    assert data["statement"] == "delete from customers\n$1 = 7\n$2 = NULL"
    assert data["votes"] == [{"approver": "dora", "is_approval": True, "at": "2027-01-15T08:01:00Z", "note": "fine"}]


def test_a_broken_glass_comes_with_everyone_who_is_to_be_told() -> None:
    assert template.event(notice())["data"]["members"] == []
    assert template.event(alarm())["data"]["members"] == [
        {"principal": "dora", "email": "dora@example.com"},
        {"principal": "dan", "email": None},
    ]
    assert template.values(alarm())["members"] == "dora, dan"


def test_a_long_statement_is_cut_and_says_so() -> None:
    long = notice(replace(REQUEST, statement="x" * (1 << 20)))
    data = template.event(long)["data"]
    assert (len(data["statement"]), data["statement_is_cut"]) == (template.STATEMENT_CHARACTERS, True)
    assert template.values(long)["excerpt"].endswith("…\n(shortened)")
    assert len(json.dumps(template.event(long))) < 100_000


def test_every_name_is_known_and_every_known_name_has_a_value() -> None:
    assert set(template.values(notice())) == template.NAMES


def test_a_template_is_filled_in_its_strings_only() -> None:
    document = template.parsed('{"a": ["${id} on ${datasource}", 1, null, true], "${id}": "$id ${"}')
    assert template.filled(document, template.values(notice())) == {
        "a": ["AR-2222222 on shop", 1, None, True], "${id}": "$id ${",
    }  # fmt: skip


def test_a_statement_cannot_leave_its_string_or_name_anything() -> None:
    document = template.parsed('{"event_action": "trigger", "text": "${excerpt}"}')
    filled = json.loads(json.dumps(template.filled(document, template.values(notice(HOSTILE)))))
    assert filled["event_action"] == "trigger"
    assert "${link}\\x00" in filled["text"]


def test_a_template_names_only_what_there_is() -> None:
    with pytest.raises(ValueError, match="names password, statment; known are: approvers, "):
        template.parsed('[{"x": "${statment}"}, "${password}"]')
    with pytest.raises(ValueError, match="Expecting property name"):
        template.parsed("{")
    with pytest.raises(ValueError, match="nested too deeply"):
        template.parsed("[" * 100_000)


@pytest.mark.parametrize("name", ["teams.json", "pagerduty.json", "pagerduty-over.json", "servicenow.json"])
def test_the_documented_forms_are_templates_that_a_hostile_statement_cannot_leave(name: str) -> None:
    forms = Path(__file__).parents[2] / "docs" / "how-to" / "channels"
    document = template.parsed((forms / name).read_text())
    filled = template.filled(document, template.values(notice(HOSTILE)))
    assert keys(json.loads(json.dumps(filled))) == keys(document)
    assert "${id" not in json.dumps(filled)


def keys(document: Any) -> Any:
    """The shape of a document without its texts."""
    match document:
        case dict():
            return {key: keys(value) for key, value in document.items()}
        case list():
            return [keys(item) for item in document]
        case _:
            return type(document)

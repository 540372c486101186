"""What Slack sends, parsed."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slackstand import posted

from tidewaiter.channels.slack_click import Click, click_of, is_signed, payload_of

PRESSED = {
    "type": "block_actions", "user": {"id": "U1"}, "trigger_id": "t",
    "container": {"message_ts": "1.2", "channel_id": "C1"},
    "actions": [{"action_id": "approve", "value": "AR-2222222", "action_ts": "3.4"}],
}  # fmt: skip
SUBMITTED = {
    "type": "view_submission", "user": {"id": "U1"},
    "view": {
        "id": "V1", "hash": "h1", "callback_id": "deny",
        "private_metadata": '{"request": "AR-2222222", "channel": "C1"}',
        "state": {"values": {"reason": {"reason": {"value": "no"}}}},
    },
}  # fmt: skip


def test_a_press_and_a_submission_are_clicks() -> None:
    assert click_of(PRESSED) == Click("1.2/3.4/U1/approve/AR-2222222", "approve", "AR-2222222", "U1", "C1", "t")
    assert click_of(SUBMITTED) == Click("V1/h1", "deny", "AR-2222222", "U1", "C1", "", "no")


@pytest.mark.parametrize("payload", [PRESSED, SUBMITTED])
def test_what_lacks_something_is_no_click(payload: dict[str, Any]) -> None:
    for key in payload:
        assert click_of({name: value for name, value in payload.items() if name != key}) is None or key == "trigger"
    other = copy.deepcopy(PRESSED)
    other["actions"][0]["action_id"] = "show"  # type: ignore[index]
    assert click_of(other) is None


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_payload_is_a_click_or_none(payload: Any) -> None:
    assert click_of(payload) is None


@given(st.binary())
def test_any_body_has_a_payload_or_none(body: bytes) -> None:
    payload_of(body)


def test_the_example_of_slacks_documentation_is_signed() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    assert is_signed("8f742231b10e8888abcd99yyyzzz85a5", headers, body, 1531420618)
    assert not is_signed("8f742231b10e8888abcd99yyyzzz85a5", headers, body, 1531420618 + 301)
    assert not is_signed("8f742231b10e8888abcd99yyyzzz85a4", headers, body, 1531420618)


@given(st.text(), st.text())
def test_any_headers_are_a_verdict(at: str, signature: str) -> None:
    assert not is_signed("secret", {"x-slack-request-timestamp": at, "x-slack-signature": signature}, b"", 0)


def test_a_posted_payload_comes_back() -> None:
    assert payload_of(posted(PRESSED, 1)[1]) == PRESSED

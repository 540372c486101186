"""What Slack sends when somebody presses a button or submits the dialog, parsed once; its signature over HTTP. Pure.

https://docs.slack.dev/reference/interaction-payloads
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from tidewaiter.approvals.desk import Word

TOLERANCE_S = 300


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody pressed a button (`reason` is None), or said why they deny or close.

    `id` is the same when Slack sends the same thing again. `trigger` opens a dialog within three seconds. `seen` is the
    `sight_of` what the message showed, where its button says so.
    """

    id: str
    action: str
    request: str
    user: str
    channel: str
    trigger: str
    reason: str | None = None
    seen: str = ""


def click_of(payload: Any) -> Click | None:
    """The click in an interaction payload; None for what is none of ours, such as a button that is only a link."""
    try:
        match payload["type"]:
            case "block_actions":
                found = _pressed(payload)
            case "view_submission":
                found = _submitted(payload)
            case _:
                return None
    except (KeyError, TypeError, IndexError, ValueError, RecursionError):
        return None
    words = (found.id, found.action, found.request, found.user, found.channel, found.trigger, found.reason or "")
    is_ours = found.action in tuple(Word) and all(isinstance(word, str) for word in words)
    return found if is_ours else None


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """Whether Slack signed the body with our secret within the last five minutes. Header names in lower case."""
    at, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (at.isascii() and at.isdigit() and len(at) <= 12) or abs(now_s - int(at)) > TOLERANCE_S:
        return False
    expected = "v0=" + hmac.digest(secret.encode(), f"v0:{at}:".encode() + body, "sha256").hex()
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


def payload_of(body: bytes) -> Any:
    """The payload in the form that Slack posts; None when there is none."""
    try:
        (payload,) = parse_qs(body.decode(), max_num_fields=8)["payload"]
        return json.loads(payload)
    except (ValueError, KeyError, RecursionError):
        return None


def _pressed(payload: Any) -> Click:
    action, user = payload["actions"][0], payload["user"]["id"]
    told = (payload["container"]["message_ts"], action["action_ts"], user, action["action_id"], action["value"])
    request, _, seen = action["value"].partition(" ")
    return Click(
        id="/".join(told),
        action=action["action_id"],
        request=request,
        user=user,
        channel=payload["container"]["channel_id"],
        trigger=payload["trigger_id"],
        seen=seen,
    )


def _submitted(payload: Any) -> Click:
    view = payload["view"]
    told = json.loads(view["private_metadata"])
    return Click(
        id=f"{view['id']}/{view['hash']}",
        action=view["callback_id"],
        request=told["request"],
        user=payload["user"]["id"],
        channel=told["channel"],
        trigger="",
        reason=view["state"]["values"]["reason"]["reason"]["value"] or "",
    )

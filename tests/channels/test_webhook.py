"""Signed messages out and in, against a receiver that checks them with the library of the specification's authors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from channelkit import NOW, REQUEST, Desks, notice
from standardwebhooks import Webhook as Library

from tidewaiter.approvals.desk import State, Word
from tidewaiter.channels import signing
from tidewaiter.channels.contract import Answer, Call, Decision, Outcome, Undelivered
from tidewaiter.channels.webhook import Bodies, Webhook
from tidewaiter.errors import StoreUnavailable
from tidewaiter.identity.accounts import Realm

pytestmark = pytest.mark.anyio
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = signing.key_of(SECRET)
DBA = frozenset({"dba"})


class Receiver:
    """A receiver of webhooks: what it took, and with which headers."""

    def __init__(self, status: int = 204) -> None:
        self.status = status
        self.took: list[tuple[Any, Mapping[str, str]]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        body = Library(SECRET).verify(request.content, dict(request.headers))
        self.took.append((body, request.headers))
        return httpx2.Response(self.status)


def sender(receiver: Receiver, **more: Any) -> Webhook:
    def now_s() -> float:
        return datetime.now(UTC).timestamp()  # the library checks the time

    return Webhook("hook", "https://h.example/in", [KEY], now_s, transport=httpx2.MockTransport(receiver), **more)


async def test_each_change_goes_out_signed_with_an_id_of_its_own() -> None:
    receiver = Receiver()
    hook = sender(receiver)
    reference = await hook.announce(notice(version=4))
    assert await hook.update(reference, notice(replace(REQUEST, state=State.WITHDRAWN), 6)) == "AR-2222222.6"
    assert [body["type"] for body, _ in receiver.took] == ["request.open", "request.withdrawn"]
    assert [headers["webhook-id"] for _, headers in receiver.took] == ["AR-2222222.4", "AR-2222222.6"]
    await hook.close()


async def test_a_retry_has_the_same_id() -> None:
    receiver = Receiver(503)
    hook = sender(receiver)
    for attempt in (1, 2):
        with pytest.raises(Undelivered, match=r"h\.example answered 503"):
            await hook.announce(notice(attempt=attempt))
    assert len({headers["webhook-id"] for _, headers in receiver.took}) == 1


async def test_a_receivers_own_form_is_filled_in_by_state() -> None:
    receiver = Receiver()
    bodies = Bodies(
        {"event_action": "trigger", "dedup_key": "${id}"}, {"event_action": "resolve", "dedup_key": "${id}"}
    )
    hook = sender(receiver, bodies=bodies, authorization="Token t0k")
    await hook.announce(notice())
    await hook.update("", notice(replace(REQUEST, state=State.REVIEW), 2))
    await hook.update("", notice(replace(REQUEST, state=State.DENIED), 3))
    assert [body for body, _ in receiver.took] == [
        {"event_action": "trigger", "dedup_key": "AR-2222222"},
        {"event_action": "trigger", "dedup_key": "AR-2222222"},
        {"event_action": "resolve", "dedup_key": "AR-2222222"},
    ]
    assert receiver.took[0][1]["authorization"] == "Token t0k"


async def test_a_probe_sends_a_test_message() -> None:
    receiver = Receiver()
    assert await sender(receiver).probe() == "the receiver took a test message"
    assert receiver.took[0][0]["type"] == "tidewaiter.test"
    assert await Webhook("hook", "", [KEY], lambda: NOW, speaks_for=DBA).probe() == "only takes decisions"


def decision(**change: object) -> dict[str, object]:
    data = {"request": "AR-2222222", "decision": "approve", "email": "dora@example.com", "note": "CHG7", **change}
    return {"type": "request.decision", "data": data}


def call(told: object, id_: str = "m1", at: float = NOW, key: bytes = KEY) -> Call:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Call(signing.headers_for([key], id_, int(at), body), body, "192.0.2.7")


def receiving(**more: Any) -> Webhook:
    return Webhook("hook", "", [KEY], lambda: NOW, **{"speaks_for": DBA, **more})


def said(answer: Answer) -> tuple[int, bool]:
    return answer.status, json.loads(answer.body)["counts"]


async def test_a_signed_decision_counts_once_and_a_replay_does_not() -> None:
    hook, desk = receiving(), Desks()
    assert said(await hook.receive(call(decision()), desk)) == (200, True)
    assert desk.decisions == [
        Decision("AR-2222222", Word.APPROVE, Realm.EMAIL, "dora@example.com", "CHG7", "message m1", DBA)
    ]
    assert said(await hook.receive(call(decision()), desk)) == (200, False)
    assert len(desk.decisions) == 1
    assert desk.rejected == [("a message was refused: it came before", "192.0.2.7")]


async def test_a_review_is_closed_by_a_message_too() -> None:
    hook, desk = receiving(), Desks()
    assert said(await hook.receive(call(decision(decision="close")), desk)) == (200, True)
    assert [one.word for one in desk.decisions] == [Word.CLOSE]


async def test_what_the_desk_refuses_is_answered_so() -> None:
    hook, desk = receiving(), Desks()
    desk.outcome = Outcome(False, "dora is disabled")
    answer = await hook.receive(call(decision()), desk)
    assert (said(answer), json.loads(answer.body)["message"]) == ((403, False), "dora is disabled")


async def test_after_an_outage_of_ours_the_same_message_still_counts() -> None:
    hook, desk = receiving(), Desks()
    desk.fails = [StoreUnavailable("locked")]
    with pytest.raises(StoreUnavailable):
        await hook.receive(call(decision()), desk)
    assert said(await hook.receive(call(decision()), desk)) == (200, True)


@pytest.mark.parametrize(
    ("forged", "status"),
    [
        (call(decision(), key=b"o" * 32), 401),
        (call(decision(), at=NOW - 301), 401),
        (Call({}, b"{}", "192.0.2.7"), 401),
        (replace(call(decision()), body=json.dumps(decision(request="AR-3333333")).encode()), 401),
    ],
)
async def test_a_forged_or_late_message_is_refused_and_counted(forged: Call, status: int) -> None:
    desk = Desks()
    assert said(await receiving().receive(forged, desk)) == (status, False)
    assert (desk.decisions, len(desk.rejected)) == ([], 1)


@pytest.mark.parametrize(
    "told",
    [
        b"", b"[]", b"\xff", b"[" * 100_000, b'{"data": 7}', {"type": "request.decision"},
        {**decision(), "type": "request.open"}, decision(decision="maybe"), decision(email=7), decision(note=None),
        decision(decision="deny", note=" "), decision(decision="close", note=""), decision(decision="Approve"),
        decision(request="AR-" + "2" * 99), decision(email="d" * 300),
    ],
)  # fmt: skip
async def test_a_signed_message_that_is_no_decision_is_refused(told: object) -> None:
    desk = Desks()
    assert said(await receiving().receive(call(told), desk)) == (400, False)
    assert desk.decisions == []


async def test_who_speaks_for_nobody_takes_no_decisions() -> None:
    desk = Desks()
    assert await receiving(speaks_for=frozenset()).receive(call(decision()), desk) == Answer(404)
    assert desk.decisions == []

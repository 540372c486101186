"""Webhooks: requests go out and decisions come in as signed messages (Standard Webhooks), for whatever has no channel.

Out: one message per change, with the id `AR-….version`, which stays the same over every attempt. In: a decision in the
name of an e-mail account, from a system that holds the secret and speaks for the groups that it is trusted with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from tidewaiter.approvals.desk import State, Word
from tidewaiter.channels import signing, template
from tidewaiter.channels.contract import Answer, Call, Channel, Decision, Desk, Notice
from tidewaiter.channels.http import Http
from tidewaiter.identity.accounts import ACCOUNT_CHARACTERS, Realm

ID_CHARACTERS = 32  # of a request; ours have ten


@dataclass(frozen=True, slots=True)
class Bodies:
    """Templates for a request that somebody has to look at and for any other, None for our own event."""

    open: Any = None
    over: Any = None


class Webhook(Channel):
    """A channel of kind `webhook`. `url` empty: nothing goes out. No `speaks_for`: nothing comes in."""

    tells_late = True

    def __init__(
        self,
        name: str,
        url: str,
        keys: Sequence[bytes],
        now_s: Callable[[], float],
        *,
        bodies: Bodies = Bodies(),
        authorization: str = "",
        speaks_for: frozenset[str] = frozenset(),
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(name, "webhook")
        self._keys = keys
        self._now_s = now_s
        self._bodies = bodies
        self._speaks_for = speaks_for
        headers = {"authorization": authorization} if authorization else {}
        self._http = Http(url, headers, transport) if url else None

    async def announce(self, notice: Notice) -> str:
        """Send the request as it is."""
        return await self.update("", notice)

    async def update(self, reference: str, notice: Notice) -> str:
        """Send the request as it is now; the reference is the message's id."""
        id_ = f"{notice.request.id}.{notice.version}"
        await self._send(id_, self._body(notice))
        return id_

    async def probe(self) -> str:
        """Send `tidewaiter.test`, or say that nothing goes out."""
        if self._http is None:
            return "only takes decisions"
        at_s = int(self._now_s())
        await self._send(f"test.{at_s}", {"type": "tidewaiter.test", "timestamp": at_s, "data": {"channel": self.name}})
        return "the receiver took a test message"

    async def receive(self, call: Call, desk: Desk) -> Answer:
        """Take a decision."""
        if not self._speaks_for:
            return Answer(404)
        try:
            id_ = signing.verified(self._keys, call.headers, call.body, self._now_s())
        except signing.Forged as forged:
            desk.reject(f"a message was refused: {forged}", call.source)
            return _answer(401, False, str(forged))
        decision = _decision(call.body, id_, self._speaks_for)
        if decision is None:
            desk.reject("a message was refused: it is no decision", call.source)
            return _answer(400, False, "it is no decision: see the documentation of webhooks")
        if await desk.was_seen(id_):  # a replay, or the retry of a sender that our answer did not reach
            desk.reject("a message was refused: it came before", call.source)
            return _answer(200, False, f"message {id_} came before: it does not count again")
        outcome = await desk.decide(decision)
        await desk.mark(id_)
        return _answer(200 if outcome.counts else 403, outcome.counts, outcome.said)

    async def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            await self._http.close()

    def _body(self, notice: Notice) -> Any:
        is_waiting = notice.request.state in (State.OPEN, State.REVIEW)
        chosen = self._bodies.open if is_waiting else self._bodies.over
        return template.event(notice) if chosen is None else template.filled(chosen, template.values(notice))

    async def _send(self, id_: str, body: Any) -> None:
        if self._http is None:
            return
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        headers = signing.headers_for(self._keys, id_, int(self._now_s()), raw)
        await self._http.send("POST", "", content=raw, headers={"content-type": "application/json", **headers})


def _decision(body: bytes, id_: str, speaks_for: frozenset[str]) -> Decision | None:
    """`{"type": "request.decision", "data": {"request", "decision", "email", "note", "seen"}}`, None for all else."""
    try:
        told = json.loads(body)
        data = told["data"]
        words = [data["request"], data["decision"], data["email"], data.get("note", ""), data.get("seen", "")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if told["type"] != "request.decision" or not all(isinstance(word, str) for word in words):
        return None
    request, decision, email, note, seen = words
    if decision not in tuple(Word) or len(request) > ID_CHARACTERS or len(email) > ACCOUNT_CHARACTERS:
        return None
    word = Word(decision)
    if word.needs_note and not note.strip():
        return None
    return Decision(request, word, Realm.EMAIL, email, note, f"message {id_}", speaks_for, seen)


def _answer(status: int, counts: bool, said: str) -> Answer:
    return Answer(status, json.dumps({"counts": counts, "message": said}).encode())

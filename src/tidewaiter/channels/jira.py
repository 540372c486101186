"""Jira: one issue per request, decided by moving it to a status or by a comment, the outcome as a comment.

Who moved an issue and who commented is read from Jira with our own token. A webhook only says that it is time to look,
so a forged one gains nothing. REST API version 2, for Cloud and Data Center.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx2

from tidewaiter.approvals.desk import Request, Word
from tidewaiter.channels import jira_text as text
from tidewaiter.channels.commands import command_of
from tidewaiter.channels.contract import EXPLAIN, Answer, Call, Channel, Decision, Desk, Notice, Outcome, Undelivered
from tidewaiter.channels.http import Http, fields
from tidewaiter.identity.accounts import Realm

ROOT = "/rest/api/2"
LABEL = "tidewaiter"
COMMENTS = 50  # newest ones of an issue that are looked at: it is about one statement


@dataclass(frozen=True, slots=True)
class Reference:
    """An issue: its key, the digest of its description as Jira gave it back, and what was said of the request last."""

    key: str
    digest: str
    said: str

    @classmethod
    def parse(cls, written: str) -> Reference | None:
        """Read what `written` wrote; None for what a channel of another kind wrote under the same name."""
        try:
            return cls(**json.loads(written))
        except (ValueError, TypeError):
            return None

    def written(self) -> str:
        """For the outbox."""
        return json.dumps({"key": self.key, "digest": self.digest, "said": self.said})


@dataclass(frozen=True, slots=True)
class Said:
    """A decision on an issue: a move to a status, or a command in a comment. `problem` says why not to trust it."""

    id: str
    word: Word
    note: str
    account: str
    name: str
    place: str
    problem: str = ""


class Jira(Channel):
    """A channel of kind `jira`. `user` and an API token for Cloud; no `user` and a personal access token otherwise."""

    def __init__(
        self,
        name: str,
        url: str,
        project: str,
        token: str,
        *,
        user: str = "",
        issue_type: str = "Task",
        approve_status: str = "Approved",
        deny_status: str = "Declined",
        webhook_secret: str = "",
        poll_s: float = 20.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(name, "jira")
        basic = base64.b64encode(f"{user}:{token}".encode()).decode()
        self._http = Http(url, {"authorization": f"Basic {basic}" if user else f"Bearer {token}"}, transport)
        self._project = project
        self._issue_type = issue_type
        self._approve_status = approve_status
        self._deny_status = deny_status
        self._webhook_secret = webhook_secret
        self._poll_s = poll_s
        self._hinted = asyncio.Event()
        self._looked_at: dict[str, str] = {}

    # -- telling -----------------------------------------------------------------------------------------------------
    async def announce(self, notice: Notice) -> str:
        """Make an issue; after a failed attempt the one that may have been made is looked for first."""
        key = await self._found(notice.request.id) if notice.attempt > 1 else None
        if key is None:
            told = {
                "project": {"key": self._project},
                "issuetype": {"name": self._issue_type},
                "summary": text.summary_of(notice),
                "description": text.description_of(notice, self._approve_status, self._deny_status),
                "labels": [LABEL, notice.request.id],
            }
            key = str(fields(await self._http.send("POST", f"{ROOT}/issue", json={"fields": told}))["key"])
        issue = await self._issue(key)
        return Reference(key, _digest(issue["fields"].get("description")), _state(notice)).written()

    async def update(self, reference: str, notice: Notice) -> str:
        """Comment what has happened."""
        known = Reference.parse(reference)
        if known is None:
            return await self.announce(notice)
        if _state(notice) == known.said:
            return reference
        await self._comment(known.key, text.news_of(notice))
        return Reference(known.key, known.digest, _state(notice)).written()

    async def probe(self) -> str:
        """Ask who we are and whether the project has the issue type."""
        me = fields(await self._http.send("GET", f"{ROOT}/myself"))
        project = fields(await self._http.send("GET", f"{ROOT}/project/{self._project}"))
        types = [str(one.get("name")) for one in project.get("issueTypes", ())]
        if self._issue_type not in types:
            known = ", ".join(types)
            raise Undelivered(f"project {self._project} has no issue type {self._issue_type}: {known}", is_lasting=True)
        return f"{me.get('displayName')} in project {self._project}"

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close()

    async def _found(self, request: str) -> str | None:
        """The issue that has the request's id as a label. Cloud has one address for this, Data Center another."""
        asked = {"jql": f'project = "{self._project}" AND labels = "{request}"', "fields": "labels", "maxResults": "1"}
        try:
            answer = await self._http.send("GET", f"{ROOT}/search/jql", parameters=asked)
        except Undelivered as error:
            if "answered 404" not in str(error):
                raise
            answer = await self._http.send("GET", f"{ROOT}/search", parameters=asked)
        issues = fields(answer).get("issues") or []
        return str(issues[0]["key"]) if issues else None

    async def _issue(self, key: str) -> dict[str, Any]:
        asked = {"fields": "status,description,updated", "expand": "changelog"}
        return fields(await self._http.send("GET", f"{ROOT}/issue/{key}", parameters=asked))

    async def _comment(self, key: str, body: str) -> None:
        await self._http.send("POST", f"{ROOT}/issue/{key}/comment", json={"body": body})

    # -- hearing -----------------------------------------------------------------------------------------------------
    async def listen(self, desk: Desk) -> None:
        """Look at the issues every `poll_s`, and when a webhook says so, while there is something to decide."""
        while True:
            announced = [(Reference.parse(reference), request) for request, reference in await desk.announced()]
            await self._look_at_all([(known, request) for known, request in announced if known is not None], desk)
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._hinted.wait()
            except TimeoutError:
                continue
            self._hinted.clear()

    async def receive(self, call: Call, desk: Desk) -> Answer:
        """Take a webhook as a hint to look."""
        if not self._webhook_secret:
            return Answer(404)
        expected = "sha256=" + hmac.digest(self._webhook_secret.encode(), call.body, "sha256").hex()
        given = call.headers.get("x-hub-signature", "")
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            desk.reject("a webhook was refused: Jira did not sign it", call.source)
            return Answer(401)
        self._hinted.set()
        return Answer(202)

    async def _look_at_all(self, announced: Sequence[tuple[Reference, Request]], desk: Desk) -> None:
        """Look at each issue: one that is gone for good holds up no other. Raises Undelivered for an outage."""
        problems: list[Undelivered] = []
        for known, request in announced:
            try:
                await self._look(request, known, desk)
            except Undelivered as error:
                problems.append(error)
        keys = {known.key for known, _ in announced}
        self._looked_at = {key: at for key, at in self._looked_at.items() if key in keys}
        passing = [error for error in problems if not error.is_lasting]
        if passing or (problems and len(problems) == len(announced)):
            raise [*passing, *problems][0]

    async def _look(self, request: Request, known: Reference, desk: Desk) -> None:
        issue = await self._issue(known.key)
        updated = str(issue["fields"].get("updated"))
        if self._looked_at.get(known.key) == updated:
            return
        is_changed = _digest(issue["fields"].get("description")) != known.digest
        for said in [*self._moved(known.key, issue), *await self._commented(known.key, request.id)]:
            if not await desk.was_seen(said.id):
                await self._act(said, is_changed, request, known.key, desk)
        self._looked_at[known.key] = updated

    async def _act(self, said: Said, is_changed: bool, request: Request, key: str, desk: Desk) -> None:
        problem = said.problem
        if not problem and said.word is Word.APPROVE and is_changed:
            problem = "the text of this issue was changed: what it shows may not be what would run; decide elsewhere"
        if problem:
            outcome = await desk.refuse(request.id, problem, f"Jira user {said.name} ({said.account})", said.place)
        elif said.word.needs_note and not said.note:
            outcome = Outcome(False, EXPLAIN)
        else:
            outcome = await desk.decide(
                Decision(request.id, said.word, Realm.JIRA, said.account, said.note, said.place)
            )
        await desk.mark(said.id)
        if not outcome.counts:
            with contextlib.suppress(Undelivered):  # a courtesy; what happened is recorded
                await self._comment(key, text.quoted(outcome.said))

    def _moved(self, key: str, issue: dict[str, Any]) -> list[Said]:
        """The newest move to a status that decides, if the issue stands there now."""
        now = str((issue["fields"].get("status") or {}).get("name", ""))
        decides = {self._approve_status.lower(): Word.APPROVE, self._deny_status.lower(): Word.DENY}
        if now.lower() not in decides:
            return []
        moves = [
            one
            for one in (issue.get("changelog") or {}).get("histories", ())
            if any(item.get("field") == "status" and item.get("toString") == now for item in one.get("items", ()))
        ]
        if not moves:
            return []
        move = max(moves, key=lambda one: int(one["id"]))
        account, name, problem = _author(move.get("author"))
        id_, word = f"move {move['id']}", decides[now.lower()]
        place = f"{id_} of {key} to {now} by {name}"
        return [Said(id_, word, f"{key} was moved to {now}", account, name, place, problem)]

    async def _commented(self, key: str, request: str) -> list[Said]:
        """Commands in the newest comments, oldest first."""
        asked = {"orderBy": "-created", "maxResults": str(COMMENTS)}
        answer = fields(await self._http.send("GET", f"{ROOT}/issue/{key}/comment", parameters=asked))
        found = []
        for comment in reversed(answer.get("comments") or []):
            command = command_of(str(comment.get("body") or ""))
            if command is None:
                continue
            account, name, problem = _author(comment.get("author"))
            if comment.get("created") != comment.get("updated"):
                problem = "the comment was edited, perhaps by somebody else: write a new one"
            if command.request not in ("", request):
                problem = f"the comment is about {command.request}, and this issue is about {request}"
            place = f"comment {comment['id']} on {key} by {name}"
            said = Said(f"comment {comment['id']}", command.word, command.note, account, name, place, problem)
            found.append(said)
        return found


def _author(author: Any) -> tuple[str, str, str]:
    """Account, name and why not to trust it: Cloud has account ids, Data Center has keys."""
    told = author if isinstance(author, dict) else {}
    account = str(told.get("accountId") or told.get("key") or "")
    problem = ""
    if not account:
        problem = "Jira does not say who it was"
    elif told.get("accountType", "atlassian") != "atlassian":
        problem = "it was a program or a customer, not a member"
    elif told.get("active") is False:
        problem = "the Jira account is deactivated"
    return account, str(told.get("displayName") or account), problem


def _state(notice: Notice) -> str:
    return f"{notice.request.state}/{len(notice.request.votes)}"


def _digest(description: object) -> str:
    return sha256(str(description or "").encode("utf-8", "replace")).hexdigest()

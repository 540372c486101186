"""Jira: a request is decided by moving its issue to a status, or by a comment. REST API 2, Cloud and Data Center."""

from __future__ import annotations

import base64
import re
from typing import Any

import httpx2

from tidewaiter.approvals.desk import Request, Word
from tidewaiter.channels import jira_text as text
from tidewaiter.channels.contract import Desk, Notice, Undelivered
from tidewaiter.channels.http import Http, fields
from tidewaiter.channels.tracker import LABEL, Announced, Reference, Said, Tracker, commented
from tidewaiter.identity.accounts import Realm

ROOT = "/rest/api/2"
NAME = re.compile(r"[\w.@-]{1,128}")
COMMENTS = 50  # newest ones of an issue that are looked at: it is about one statement


class Jira(Tracker):
    """A channel of kind `jira`. `user` and an API token for Cloud; no `user` and a personal access token otherwise."""

    vendor = "Jira"
    realm = Realm.JIRA
    signature = "x-hub-signature"

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
        basic = base64.b64encode(f"{user}:{token}".encode()).decode()
        http = Http(url, {"authorization": f"Basic {basic}" if user else f"Bearer {token}"}, transport)
        super().__init__(name, "jira", http, webhook_secret, poll_s)
        self._is_cloud = bool(user)
        self._project = project
        self._issue_type = issue_type
        self._approve_status = approve_status
        self._deny_status = deny_status
        self._looked_at: dict[str, str] = {}

    # -- telling -----------------------------------------------------------------------------------------------------
    async def _open(self, notice: Notice, call: str) -> str:
        key = await self._found(notice.request.id) if notice.attempt > 1 else None
        if key is not None:
            return key
        told = {
            "project": {"key": self._project},
            "issuetype": {"name": self._issue_type},
            "summary": text.summary_of(notice),
            "description": text.description_of(notice, self._approve_status, self._deny_status, call),
            "labels": [LABEL, notice.request.id],
        }
        return str(fields(await self._http.send("POST", f"{ROOT}/issue", json={"fields": told}))["key"])

    async def _text(self, key: str) -> object:
        return (await self._issue(key))["fields"].get("description")

    async def _name(self, account: str) -> str:
        if self._is_cloud:
            return f"[~accountid:{account}]"
        name = str(fields(await self._http.send("GET", f"{ROOT}/user", parameters={"key": account})).get("name"))
        return f"[~{name}]" if NAME.fullmatch(name) else ""

    async def _tell(self, key: str, notice: Notice, call: str) -> None:
        await self._comment(key, text.news_of(notice, call))

    def _plain(self, said: str) -> str:
        return text.quoted(said)

    async def probe(self) -> str:
        """Ask who we are and whether the project has the issue type."""
        me = fields(await self._http.send("GET", f"{ROOT}/myself"))
        project = fields(await self._http.send("GET", f"{ROOT}/project/{self._project}"))
        types = [str(one.get("name")) for one in project.get("issueTypes", ())]
        if self._issue_type not in types:
            known = ", ".join(types)
            raise Undelivered(f"project {self._project} has no issue type {self._issue_type}: {known}", is_lasting=True)
        return f"{me.get('displayName')} in project {self._project}"

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
    async def _look(self, announced: Announced, desk: Desk) -> None:
        """Look at each issue: one that is gone for good holds up no other. Raises Undelivered for an outage."""
        problems: list[Undelivered] = []
        for known, request in announced:
            try:
                await self._look_at(known, request, desk)
            except Undelivered as error:
                problems.append(error)
        keys = {known.key for known, _ in announced}
        self._looked_at = {key: at for key, at in self._looked_at.items() if key in keys}
        passing = [error for error in problems if not error.is_lasting]
        if passing or (problems and len(problems) == len(announced)):
            raise [*passing, *problems][0]

    async def _look_at(self, known: Reference, request: Request, desk: Desk) -> None:
        issue = await self._issue(known.key)
        updated = str(issue["fields"].get("updated"))
        if self._looked_at.get(known.key) == updated:
            return
        for said in [*self._moved(known.key, issue), *await self._commented(known.key, request.id)]:
            await self._act(said, known, request, desk)
        self._looked_at[known.key] = updated

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
            account, name, problem = _author(comment.get("author"))
            is_edited = comment.get("created") != comment.get("updated")
            body = str(comment.get("body") or "")
            found.append(
                commented(str(comment["id"]), body, request, account, name, key, is_edited=is_edited, problem=problem)
            )
        return [said for said in found if said is not None]


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

"""GitHub issues: one issue per request, `/approve` or `/deny` in a comment, the outcome as a comment.

Comments are read from GitHub with our own token. A webhook only says that it is time to look, so a forged one gains
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import httpx2

from tidewaiter.approvals.book import UNSETTLED
from tidewaiter.approvals.desk import Request, Word
from tidewaiter.channels import github_text as text
from tidewaiter.channels.commands import Command, command_of
from tidewaiter.channels.contract import EXPLAIN, Answer, Call, Channel, Decision, Desk, Notice, Outcome, Undelivered
from tidewaiter.channels.http import Http, fields, json_of
from tidewaiter.identity.accounts import Realm

API = "https://api.github.com"
LABEL = "tidewaiter"
PAGE = 50
PAGES = 40  # of comments in one look: 2,000 since the last one
OVERLAP_S = 120.0  # GitHub may show a comment a little late; what was seen already is known by its id


@dataclass(frozen=True, slots=True)
class Reference:
    """An issue: its number, the digest of its text as GitHub gave it back, and what was said of the request last."""

    number: int
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
        return json.dumps({"number": self.number, "digest": self.digest, "said": self.said})


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as GitHub's API gives it, as far as it matters."""

    id: int
    issue: int
    user: int
    login: str
    kind: str
    body: str
    is_edited: bool
    is_by_app: bool
    updated_at: str


class Github(Channel):
    """A channel of kind `github`. `webhook_secret` empty: no webhooks are taken, comments are asked for only."""

    def __init__(
        self,
        name: str,
        repository: str,
        token: str,
        *,
        webhook_secret: str = "",
        poll_s: float = 15.0,
        api: str = API,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(name, "github")
        headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        }
        self._http = Http(api, headers, transport)
        self._path = f"/repos/{repository}"
        self._webhook_secret = webhook_secret
        self._poll_s = poll_s
        self._is_checked = False
        self._hinted = asyncio.Event()
        self._since = ""
        self._tag = self._next_tag = ""
        self._known: frozenset[int] = frozenset()

    # -- telling -----------------------------------------------------------------------------------------------------
    async def announce(self, notice: Notice) -> str:
        """Open an issue; after a failed attempt the one that may have been opened is looked for first."""
        await self._require_private()
        issue = await self._found(notice.request.id) if notice.attempt > 1 else None
        if issue is not None:  # whatever became of its text meanwhile
            path = f"{self._path}/issues/{int(issue['number'])}"
            issue = fields(await self._http.send("PATCH", path, json={"body": text.body_of(notice)}))
        else:
            told = {"title": text.title_of(notice), "body": text.body_of(notice), "labels": [LABEL]}
            issue = fields(await self._http.send("POST", f"{self._path}/issues", json=told))
        return Reference(int(issue["number"]), _digest(issue["body"]), _said(notice)).written()

    async def update(self, reference: str, notice: Notice) -> str:
        """Comment what has happened; close the issue when nothing is left to decide."""
        known = Reference.parse(reference)
        if known is None:
            return await self.announce(notice)
        if _said(notice) == known.said:
            return reference
        issue = f"{self._path}/issues/{known.number}"
        if notice.request.state not in UNSETTLED:
            why = "completed" if notice.request.state in ("consumed", "closed") else "not_planned"
            await self._http.send("PATCH", issue, json={"state": "closed", "state_reason": why})
        await self._http.send("POST", f"{issue}/comments", json={"body": text.news_of(notice)})
        return Reference(known.number, known.digest, _said(notice)).written()

    async def probe(self) -> str:
        """Look at the repository: it must be private, and have issues."""
        self._is_checked = False
        return await self._require_private()

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close()

    async def _require_private(self) -> str:
        """Statements in a public repository would be for everybody to read."""
        if not self._is_checked:
            found = fields(await self._http.send("GET", self._path))
            if found.get("private") is not True:
                raise Undelivered("the repository is public: everybody would read the statements", is_lasting=True)
            if found.get("has_issues") is not True:
                raise Undelivered("issues are switched off in the repository", is_lasting=True)
            self._is_checked = True
        return f"{self._path.removeprefix('/repos/')}, private"

    async def _found(self, request: str) -> dict[str, Any] | None:
        asked = {"labels": LABEL, "state": "all", "per_page": str(PAGE)}
        issues = json_of(await self._http.send("GET", f"{self._path}/issues", parameters=asked))
        marker = text.marker_of(request)
        return next((one for one in issues if str(one["title"]).startswith(marker)), None)

    # -- hearing -----------------------------------------------------------------------------------------------------
    async def listen(self, desk: Desk) -> None:
        """Look for comments every `poll_s`, and when a webhook says so, while there is something to decide."""
        while True:
            announced = [(Reference.parse(reference), request) for request, reference in await desk.announced()]
            issues = {known.number: (request, known) for known, request in announced if known is not None}
            if issues:
                await self._look(issues, desk)
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
        given = call.headers.get("x-hub-signature-256", "")
        if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
            desk.reject("a webhook was refused: GitHub did not sign it", call.source)
            return Answer(401)
        self._hinted.set()
        return Answer(202)

    async def _look(self, issues: Mapping[int, tuple[Request, Reference]], desk: Desk) -> None:
        if not issues.keys() <= self._known:  # a comment may be there already that was nobody's until now
            self._since = self._tag = ""
        self._known = frozenset(issues)
        since = self._since or _iso(min(request.created_s for request, _ in issues.values()) - OVERLAP_S)
        newest = since
        for page in range(1, PAGES + 1):
            found = await self._comments(since, page)
            for comment in filter(None, map(_comment, found)):
                newest = max(newest, comment.updated_at)
                if comment.issue in issues:
                    await self._act(comment, *issues[comment.issue], desk)
            if len(found) < PAGE:
                break
        self._since, self._tag = max(since, _earlier(newest)), self._next_tag

    async def _comments(self, since: str, page: int) -> list[Any]:
        """A page of comments that were made or changed since then, oldest first. Nothing new costs no rate limit."""
        asked = {"since": since, "sort": "updated", "direction": "asc", "per_page": str(PAGE), "page": str(page)}
        tag = {"if-none-match": self._tag} if page == 1 and self._tag and since == self._since else {}
        if page == 1:  # until all of it is dealt with, nothing is known to be unchanged
            self._tag, self._next_tag = "", self._tag
        answer = await self._http.send("GET", f"{self._path}/issues/comments", parameters=asked, headers=tag)
        if answer.status_code == 304:
            return []
        found = json_of(answer)
        if not isinstance(found, list):
            raise Undelivered("the answer is not a list of comments", is_lasting=True)
        if page == 1:  # a full first page that did not change says nothing of those behind it
            self._next_tag = answer.headers.get("etag", "") if len(found) < PAGE else ""
        return found

    async def _act(self, comment: Comment, request: Request, known: Reference, desk: Desk) -> None:
        command = command_of(comment.body)
        key = f"comment {comment.id}"
        if command is None or await desk.was_seen(key):
            return
        place = f"comment {comment.id} on issue {comment.issue} by {comment.login}"
        problem = await self._problem(comment, command, request, known)
        if problem:
            outcome = await desk.refuse(request.id, problem, f"GitHub user {comment.login} ({comment.user})", place)
        elif command.word.needs_note and not command.note:
            outcome = Outcome(False, EXPLAIN)
        else:
            account = str(comment.user)
            outcome = await desk.decide(Decision(request.id, command.word, Realm.GITHUB, account, command.note, place))
        await desk.mark(key)
        if not outcome.counts:
            told = {"body": text.code(outcome.said)}
            with contextlib.suppress(Undelivered):  # a courtesy; what happened is recorded
                await self._http.send("POST", f"{self._path}/issues/{comment.issue}/comments", json=told)

    async def _problem(self, comment: Comment, command: Command, request: Request, known: Reference) -> str:
        """Why a command cannot be trusted, empty when it can."""
        if comment.is_edited:
            return "the comment was edited, perhaps by somebody else: write a new one"
        if comment.is_by_app or comment.kind != "User":
            return "the comment is a program's"
        if command.request and command.request != request.id:
            return f"the comment is about {command.request}, and this issue is about {request.id}"
        if command.word is Word.APPROVE:
            try:
                issue = fields(await self._http.send("GET", f"{self._path}/issues/{comment.issue}"))
            except Undelivered as error:
                if not error.is_lasting:
                    raise
                return f"the issue cannot be read: {error}"
            if _digest(issue.get("body")) != known.digest:
                return "the text of this issue was changed: what it shows may not be what would run; decide elsewhere"
        return ""


def _comment(found: Any) -> Comment | None:
    """A comment of an account that still exists, None for anything else."""
    try:
        user = found["user"]
        return Comment(
            id=int(found["id"]),
            issue=int(str(found["issue_url"]).rpartition("/")[2]),
            user=int(user["id"]),
            login=str(user["login"]),
            kind=str(user["type"]),
            body=str(found["body"] or ""),
            is_edited=found["created_at"] != found["updated_at"],
            is_by_app=found.get("performed_via_github_app") is not None,
            updated_at=str(found["updated_at"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _said(notice: Notice) -> str:
    return f"{notice.request.state}/{len(notice.request.votes)}"


def _digest(body: object) -> str:
    return sha256(str(body or "").encode("utf-8", "replace")).hexdigest()


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _earlier(at: str) -> str:
    """A little before a time of GitHub's."""
    return _iso(datetime.fromisoformat(at).timestamp() - OVERLAP_S)

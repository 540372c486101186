"""GitHub issues: `/approve`, `/deny` or `/close` in a comment; an issue is closed when nothing is left to decide."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2

from tidewaiter.approvals.book import UNSETTLED
from tidewaiter.channels import github_text as text
from tidewaiter.channels.contract import Desk, Notice, Undelivered
from tidewaiter.channels.http import Http, fields, json_of
from tidewaiter.channels.tracker import LABEL, Announced, Said, Tracker, commented
from tidewaiter.identity.accounts import Realm

API = "https://api.github.com"
PAGE = 50
PAGES = 40  # of comments in one look: 2,000 since the last one
LOGIN = re.compile(r"[A-Za-z0-9-]{1,39}(_[A-Za-z0-9]{1,39})?")
OVERLAP_S = 120.0  # GitHub may show a comment a little late; what was seen already is known by its id


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as GitHub's API gives it, as far as it matters."""

    id: int
    issue: str
    user: int
    login: str
    kind: str
    body: str
    is_edited: bool
    is_by_app: bool
    updated_at: str

    def said(self, request: str) -> Said | None:
        """What it decides, if anything."""
        problem = "the comment is a program's" if self.is_by_app or self.kind != "User" else ""
        where = f"issue {self.issue}"
        return commented(
            str(self.id), self.body, request, str(self.user), self.login, where,
            is_edited=self.is_edited, problem=problem,
        )  # fmt: skip


class Github(Tracker):
    """A channel of kind `github`."""

    vendor = "GitHub"
    realm = Realm.GITHUB
    signature = "x-hub-signature-256"

    def __init__(
        self,
        name: str,
        repository: str,
        token: str | httpx2.Auth,
        *,
        webhook_secret: str = "",
        poll_s: float = 15.0,
        api: str = API,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
        auth = token if isinstance(token, httpx2.Auth) else None
        if auth is None:
            headers["authorization"] = f"Bearer {token}"
        super().__init__(name, "github", Http(api, headers, transport, auth), webhook_secret, poll_s)
        self._path = f"/repos/{repository}"
        self._is_checked = False
        self._since = ""
        self._tag = self._next_tag = ""
        self._known: frozenset[str] = frozenset()

    # -- telling -----------------------------------------------------------------------------------------------------
    async def _open(self, notice: Notice, call: str) -> str:
        await self._require_private()
        issue = await self._found(notice.request.id) if notice.attempt > 1 else None
        if issue is None:
            told = {"title": text.title_of(notice), "body": text.body_of(notice, call), "labels": [LABEL]}
            issue = fields(await self._http.send("POST", f"{self._path}/issues", json=told))
        else:  # whatever became of its text meanwhile
            path = self._issue(str(int(issue["number"])))
            issue = fields(await self._http.send("PATCH", path, json={"body": text.body_of(notice, call)}))
        return str(int(issue["number"]))

    async def _text(self, key: str) -> object:
        return fields(await self._http.send("GET", self._issue(key))).get("body")

    async def _name(self, account: str) -> str:
        login = str(fields(await self._http.send("GET", f"/user/{account}"))["login"])
        return f"@{login}" if LOGIN.fullmatch(login) else ""

    async def _tell(self, key: str, notice: Notice, call: str) -> None:
        """Comment; close the issue when nothing is left to decide."""
        if notice.request.state not in UNSETTLED:
            why = "completed" if notice.request.state in ("consumed", "closed") else "not_planned"
            await self._http.send("PATCH", self._issue(key), json={"state": "closed", "state_reason": why})
        await self._comment(key, text.news_of(notice, call))

    def _plain(self, said: str) -> str:
        return text.code(said)

    async def _comment(self, key: str, body: str) -> None:
        await self._http.send("POST", f"{self._issue(key)}/comments", json={"body": body})

    def _issue(self, key: str) -> str:
        return f"{self._path}/issues/{key}"

    async def probe(self) -> str:
        """Look at the repository: it must be private, and have issues."""
        self._is_checked = False
        return await self._require_private()

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
    async def _look(self, announced: Announced, desk: Desk) -> None:
        issues = {known.key: (known, request) for known, request in announced}
        if not issues:
            return
        if not issues.keys() <= self._known:  # a comment may be there already that was nobody's until now
            self._since = self._tag = ""
        self._known = frozenset(issues)
        since = self._since or _iso(min(request.created_s for _, request in announced) - OVERLAP_S)
        newest = since
        for page in range(1, PAGES + 1):
            found = await self._comments(since, page)
            for comment in filter(None, map(_comment, found)):
                newest = max(newest, comment.updated_at)
                if comment.issue in issues:
                    known, request = issues[comment.issue]
                    said = comment.said(request.id)
                    if said is not None:
                        await self._act(said, known, request, desk)
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


def _comment(found: Any) -> Comment | None:
    """A comment of an account that still exists, None for anything else."""
    try:
        user = found["user"]
        return Comment(
            id=int(found["id"]),
            issue=str(int(str(found["issue_url"]).rpartition("/")[2])),
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


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _earlier(at: str) -> str:
    """A little before a time of GitHub's."""
    return _iso(datetime.fromisoformat(at).timestamp() - OVERLAP_S)

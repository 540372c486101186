"""GitHub's side, as far as a channel meets it: the REST shapes of one repository with issues and comments."""

from __future__ import annotations

import hmac
import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx2

TOKEN, WEBHOOK_SECRET, REPOSITORY = "github_pat_1", "It's a Secret to Everybody", "acme/approvals"
API = "https://api.github.example"
TITLE_CHARACTERS, BODY_CHARACTERS = 256, 65_536


class GithubStand:
    """A private repository. `fails` answers the next calls of a method and path with a status."""

    def __init__(self) -> None:
        self.repository: dict[str, Any] = {"full_name": REPOSITORY, "private": True, "has_issues": True}
        self.issues: dict[int, dict[str, Any]] = {}
        self.comments: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.fails: dict[str, list[int]] = {}
        self.logins = {1001: "dora-gh"}
        self._numbers = itertools.count(1)
        self._seconds = itertools.count(1)

    def now(self) -> str:
        """A time that goes on by a second whenever somebody looks."""
        second = next(self._seconds)
        return f"2027-01-15T08:{second // 60:02}:{second % 60:02}Z"

    # -- what people do ------------------------------------------------------------------------------------------------
    def comment(self, body: str, who: int = 1001, issue: int = 0, **more: Any) -> dict[str, Any]:
        """Comment on an issue, the newest one by default."""
        at = self.now()
        made = {
            "id": 5000 + next(self._numbers),
            "issue_url": f"{API}/repos/{REPOSITORY}/issues/{issue or max(self.issues)}",
            "user": {"id": who, "login": f"user-{who}", "type": "User"},
            "body": body,
            "created_at": at,
            "updated_at": at,
            "performed_via_github_app": None,
            **more,
        }
        self.comments.append(made)
        return made

    def edit(self, comment: dict[str, Any], body: str) -> None:
        comment.update(body=body, updated_at=self.now())

    def said(self) -> list[str]:
        """What the channel itself commented."""
        return [one["body"] for one in self.comments if one["user"]["type"] == "Bot"]

    # -- the API -------------------------------------------------------------------------------------------------------
    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        status, headers, found = self.handle(
            request.method, request.url.path, dict(request.url.params), request.headers, request.content
        )
        return httpx2.Response(status, headers=headers, json=found) if found is not None else httpx2.Response(status)

    def handle(  # noqa: PLR0911 - a table
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], Any]:
        self.calls.append(f"{method} {path}")
        if headers["authorization"] != f"Bearer {TOKEN}":
            return 401, {}, {"message": "Bad credentials"}
        for one, statuses in self.fails.items():
            if re.fullmatch(one, f"{method} {path}") and statuses:
                return statuses.pop(0), {"retry-after": "7"}, {"message": "no"}
        told = json.loads(body) if body else {}
        if user := re.fullmatch(r"/user/(\d+)", path):
            login = self.logins.get(int(user[1]))
            return (200, {}, {"login": login}) if login else (404, {}, {"message": "Not Found"})
        root = f"/repos/{REPOSITORY}"
        match method, path.removeprefix(root).strip("/").split("/"):
            case "GET", [""]:
                return 200, {}, self.repository
            case "POST", ["issues"]:
                return self._made(told)
            case "GET", ["issues"]:
                found = [one for one in self.issues.values() if query["labels"] in one["labels"]]
                return 200, {}, found[::-1]
            case "GET", ["issues", "comments"]:
                return self._listed(query, headers)
            case "GET", ["issues", number]:
                return 200, {}, self.issues[int(number)]
            case "PATCH", ["issues", number]:
                self.issues[int(number)].update(told)
                return 200, {}, self.issues[int(number)]
            case "POST", ["issues", number, "comments"]:
                bot = {"id": 9, "login": "tidewaiter", "type": "Bot"}
                return 201, {}, self.comment(told["body"], issue=int(number), user=bot)
        return 404, {}, {"message": "Not Found"}

    def _made(self, told: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if not 0 < len(told["title"]) <= TITLE_CHARACTERS or len(told["body"]) > BODY_CHARACTERS:
            return 422, {}, {"message": "Validation Failed"}
        number = 10 + next(self._numbers)
        self.issues[number] = {**told, "number": number, "state": "open"}
        return 201, {}, self.issues[number]

    def _listed(self, query: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        size, page = int(query["per_page"]), int(query["page"])
        found = sorted(
            (one for one in self.comments if one["updated_at"] >= query["since"]), key=lambda one: one["updated_at"]
        )[size * (page - 1) : size * page]
        tag = f'W/"{hash(json.dumps(found))}"'
        if headers.get("if-none-match") == tag:
            return 304, {}, None
        return 200, {"etag": tag}, found


def hook(body: bytes = b'{"action": "created"}', secret: str = WEBHOOK_SECRET) -> tuple[dict[str, str], bytes]:
    """Headers and body of a webhook as GitHub sends one."""
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()}, body

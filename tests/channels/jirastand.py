"""Jira's side, as far as a channel meets it: the REST shapes of one project, as Cloud or as Data Center gives them."""

from __future__ import annotations

import base64
import hmac
import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx2

URL, USER, TOKEN, WEBHOOK_SECRET = "https://acme.atlassian.example", "bot@example.com", "api-token", "hook-secret"
DESCRIPTION_CHARACTERS, SUMMARY_CHARACTERS = 32_767, 255


def person(account: str = "jira-dora", **more: Any) -> dict[str, Any]:
    """A user as Cloud describes one."""
    return {"accountId": account, "accountType": "atlassian", "active": True, "displayName": account.title(), **more}


class JiraStand:
    """A project. `is_cloud` false: Data Center. `fails` answers the next calls of a method and path with a status."""

    def __init__(self, *, is_cloud: bool = True) -> None:
        self.is_cloud = is_cloud
        self.issues: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[str] = []
        self.fails: dict[str, list[int]] = {}
        self._numbers = itertools.count(1)

    def now(self) -> str:
        number = next(self._numbers)
        return f"2027-01-15T08:{number // 60:02}:{number % 60:02}.000+0000"

    @property
    def newest(self) -> str:
        return list(self.issues)[-1]

    # -- what people do ------------------------------------------------------------------------------------------------
    def move(self, to: str, who: dict[str, Any] | None = None, key: str = "") -> None:
        """Move an issue, the newest one by default, to a status."""
        issue = self.issues[key or self.newest]
        item = {"field": "status", "fromString": issue["fields"]["status"]["name"], "toString": to}
        history = {"id": str(10_000 + next(self._numbers)), "author": who or person(), "items": [item]}
        histories = issue["changelog"]["histories"]
        histories.insert(0 if self.is_cloud else len(histories), history)  # Cloud: newest first
        issue["fields"]["status"] = {"name": to}
        issue["fields"]["updated"] = self.now()

    def comment(self, body: str, who: dict[str, Any] | None = None, key: str = "") -> dict[str, Any]:
        """Comment on an issue, the newest one by default."""
        key, at = key or self.newest, self.now()
        made = {"id": str(20_000 + next(self._numbers)), "author": who or person(), "body": body}
        made |= {"created": at, "updated": at}
        self.comments[key].append(made)
        self.issues[key]["fields"]["updated"] = at
        return made

    def said(self) -> list[str]:
        """What the channel itself commented."""
        return [one["body"] for found in self.comments.values() for one in found if one["author"]["accountId"] == "bot"]

    # -- the API -------------------------------------------------------------------------------------------------------
    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        status, headers, found = self.handle(
            request.method, request.url.path, dict(request.url.params), request.headers, request.content
        )
        return httpx2.Response(status, headers=headers, json=found)

    def handle(  # noqa: PLR0911 - a table
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], Any]:
        self.calls.append(f"{method} {path}")
        basic = f"Basic {base64.b64encode(f'{USER}:{TOKEN}'.encode()).decode()}"
        if headers["authorization"] != (basic if self.is_cloud else f"Bearer {TOKEN}"):
            return 401, {}, {"errorMessages": ["Client must be authenticated"]}
        for one, statuses in self.fails.items():
            if re.fullmatch(one, f"{method} {path}") and statuses:
                return statuses.pop(0), {"retry-after": "7"}, {"errorMessages": ["no"]}
        told = json.loads(body) if body else {}
        match method, path.removeprefix("/rest/api/2/").split("/"):
            case "GET", ["myself"]:
                return 200, {}, {"displayName": "Tidewaiter"}
            case "GET", ["user"] if not self.is_cloud and query["key"] == "jira-dora":
                return 200, {}, {"key": "jira-dora", "name": "dora"}
            case "GET", ["project", "OPS"]:
                return 200, {}, {"key": "OPS", "issueTypes": [{"name": "Task"}, {"name": "Bug"}]}
            case "POST", ["issue"]:
                return self._made(told["fields"])
            case "GET", ["search", "jql"] if self.is_cloud:
                return self._searched(query)
            case "GET", ["search"] if not self.is_cloud:
                return self._searched(query)
            case "GET", ["issue", key] if key in self.issues:
                return 200, {}, self.issues[key]
            case "GET", ["issue", key, "comment"]:
                assert query["orderBy"] == "-created"
                return 200, {}, {"comments": self.comments[key][::-1][: int(query["maxResults"])]}
            case "POST", ["issue", key, "comment"]:
                return 201, {}, self.comment(told["body"], person("bot"), key)
        return 404, {}, {"errorMessages": ["not found"]}

    def _made(self, told: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        summary, description = told["summary"], told["description"]
        if len(summary) > SUMMARY_CHARACTERS or "\n" in summary or len(description) > DESCRIPTION_CHARACTERS:
            return 400, {}, {"errors": {"summary": "too long"}}
        key = f"OPS-{next(self._numbers)}"
        kept = {**told, "description": description.replace("\n", "\r\n"), "status": {"name": "Open"}}
        self.issues[key] = {"key": key, "fields": {**kept, "updated": self.now()}, "changelog": {"histories": []}}
        self.comments[key] = []
        return 201, {}, {"id": "1", "key": key}

    def _searched(self, query: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        found = re.fullmatch(r'project = "OPS" AND labels = "(AR-\w+)"', query["jql"])
        assert found
        return 200, {}, {"issues": [one for one in self.issues.values() if found[1] in one["fields"]["labels"]]}


def hook(
    body: bytes = b'{"webhookEvent": "jira:issue_updated"}', secret: str = WEBHOOK_SECRET
) -> tuple[dict[str, str], bytes]:
    """Headers and body of a webhook as Jira sends one."""
    return {"x-hub-signature": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()}, body

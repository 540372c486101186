"""A console on a store of its own with people, requests, policies and a ledger that remembers; and browsers for it."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2

from tidewaiter.admin.approvals import decide_as
from tidewaiter.admin.site import Site
from tidewaiter.approvals.book import ID_ALPHABET, Book
from tidewaiter.approvals.desk import Request
from tidewaiter.approvals.requests import Requests, Terms
from tidewaiter.console.app import console
from tidewaiter.console.sessions import Sessions
from tidewaiter.console.views import House
from tidewaiter.errors import LedgerUnavailable
from tidewaiter.identity import Directory, FailedLogins
from tidewaiter.model import Kind, Need, Receipt
from tidewaiter.policy import Policies
from tidewaiter.store import Store, open_store

NOW = 1_800_000_000.0
ADDRESS = "http://127.0.0.1:8480"
POLICY = """
@id("dba-approves") permit (principal in Group::"dba", action == Action::"approve", resource);
@id("auditors") permit (principal in Group::"auditors", action == Action::"audit", resource);
"""
RADIUS: Mapping[str, Any] = {
    "basis": "measured", "rows": 39, "estimated_rows": 41, "total_rows": 39, "not_measured": [], "storage": [],
    "formatted": "DELETE FROM customers\nWHERE id < 40;",
    "tables": [{"table": "public.customers", "does": ["delete"], "columns": ["id"], "rows": 100, "rows_are": "counted",
                "bytes": 8192, "share": 0.39}],
    "cascades": [], "triggers": [], "locks": [], "reversible": {"word": "no", "how": "only from a backup"},
    "sample": [{"table": "public.customers", "before": {"id": "1", "name": "Ann<b>", "email": None}},
               {"table": "public.customers", "before": {"id": "2", "name": "Bob"}, "after": {"id": "2", "name": "Rob"}},
               "and more"],
}  # fmt: skip
DRAFT = Request(
    id="", principal="reporter", on_behalf_of="alice", datasource="shop", rule="holds", message="waits for dba",
    statement="delete from customers where id < 40", parameters=("7", None), binding="b" * 64,
    needs=(Need(("dba",)),), session="s1", created_s=NOW, expires_s=NOW + 600, facts={"verbs": ["delete"]},
)  # fmt: skip
PEOPLE = (
    ("alice", Kind.USER, "analysts"),
    ("dora", Kind.USER, "dba"),
    ("dan", Kind.USER, "dba"),
    ("eve", Kind.USER, "analysts"),
    ("ada", Kind.USER, "auditors"),
    ("etl", Kind.SERVICE, "dba"),
)


@dataclass
class Stage:
    """Everything that a console stands on."""

    store: Store
    addresses: tuple[str, ...] = (ADDRESS, "https://gate.example")
    entries: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    now: float = NOW
    is_full: bool = False
    passwords: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory = Directory(self.store, NOW)
        for name, kind, group in PEOPLE:
            self.directory.add_principal(name, kind, now_s=NOW, groups=[group])
            self.issue(name)
        self.directory.add_principal("reporter", Kind.AGENT, now_s=NOW, groups=["dba"], owner="alice")
        self.issue("reporter")
        self.book = Book(self.store, lambda size: "".join(secrets.choice(ID_ALPHABET) for _ in range(size)))
        self.requests = Requests(self.book, self, self.now_s, Terms(600.0, 60.0), principal=self.directory.principal)
        self.policies = Policies.parse({"console.cedar": POLICY}, ["shop", "other"])
        site = SimpleNamespace(
            requests=self.requests, directory=self.directory, record=self.record, now_s=self.now_s,
            policies=self._policies,
        )  # fmt: skip
        self.decide = partial(decide_as, cast(Site, site))
        self.failed_logins = FailedLogins(5, b"k")
        self.sessions = Sessions(self.store)
        house = House(
            addresses=self.addresses, directory=self.directory, requests=self.requests, ledger=self,
            policies=lambda: self.policies, decide=self.decide, deliveries=self._deliveries, sessions=self.sessions,
            failed_logins=self.failed_logins, reject=lambda *told: self.rejected.append(told), now_s=self.now_s,
        )  # fmt: skip
        self.app = console("1.2.3", list, (), house)

    def issue(self, name: str, *datasources: str, ttl_s: float = 3600.0) -> str:
        issued = self.directory.issue(name, datasources, ttl_s, NOW)
        self.passwords[name], self.ids[name] = issued.password.value, issued.id
        return issued.password.value

    def now_s(self) -> float:
        return self.now

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        if self.is_full:
            raise LedgerUnavailable("the disk is full")
        self.entries.append((kind, dict(fields)))
        return Receipt(len(self.entries))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [fields for found, fields in self.entries if found == kind]

    async def _policies(self) -> Policies:
        return self.policies

    async def _deliveries(self, request: str) -> tuple[tuple[str, str], ...]:
        return (("ops", "told"),)

    def ask(self, radius: Mapping[str, Any] = RADIUS, **changes: Any) -> Request:
        """A new request."""

        async def measured() -> Mapping[str, object]:
            return radius

        draft = replace(DRAFT, binding=secrets.token_hex(32), **changes)
        return asyncio.run(self.requests.ask(draft, measured))

    def find(self, id_: str) -> Request:
        return asyncio.run(self.requests.find(id_))


@dataclass
class Browser:
    """One browser: keeps cookies, and sends what browsers send. `seen` is the last page."""

    stage: Stage
    address: str = ADDRESS
    client: str = "192.0.2.7"
    cookies: dict[str, str] = field(default_factory=dict)
    seen: str = ""

    def ask(self, method: str, path: str, data: Any = None, **headers: str) -> httpx2.Response:
        """One request, redirects not followed. A header given as "" is not sent."""
        if self.cookies:
            headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} | headers
        if method == "POST":
            headers = {"origin": self.address, "sec_fetch_site": "same-origin"} | headers
        sent = {name.replace("_", "-"): value for name, value in headers.items() if value}

        async def go() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.stage.app, client=(self.client, 1))
            async with httpx2.AsyncClient(transport=transport, base_url=self.address) as client:
                more = {"content": data} if isinstance(data, bytes) else {"data": data}
                return await client.request(method, path, headers=sent, **more)

        answer = asyncio.run(go())
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
            if "max-age=0" in line.lower():
                del self.cookies[name]
        self.seen = answer.text
        return answer

    def get(self, path: str, **headers: str) -> httpx2.Response:
        return self.ask("GET", path, **headers)

    def fields(self, action: str) -> dict[str, str]:
        """The fields of the form with this action on the last page."""
        form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', self.seen, re.DOTALL)
        assert form, f"no form {action} on: {self.seen}"
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[0]))

    def submit(self, action: str, _headers: Mapping[str, str] | None = None, **more: str) -> httpx2.Response:
        """Fill in a form of the last page and send it."""
        return self.ask("POST", action, self.fields(action) | more, **(_headers or {}))

    def sign_in(self, name: str = "dora", password: str | None = None, path: str = "/sign-in") -> httpx2.Response:
        self.get(path)
        return self.submit("/sign-in", name=name, password=password or self.stage.passwords[name])


@contextmanager
def staged(folder: Path, **more: Any) -> Iterator[Stage]:
    store = open_store("sqlite:///control.sqlite", folder)
    try:
        yield Stage(store, **more)
    finally:
        store.close()


def signed_in(stage: Stage, name: str = "dora") -> Browser:
    """A browser at which somebody has signed in."""
    browser = Browser(stage)
    answer = browser.sign_in(name)
    assert (answer.status_code, answer.headers["location"]) == (303, "/requests"), answer.text
    return browser

"""Requests on a store of their own, a ledger that remembers, a clock that is set, and a channel that does as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bookkit import Clock, Memory, random_text

from tidewaiter.approvals.book import Book
from tidewaiter.approvals.desk import Request, State
from tidewaiter.approvals.presentation import presented
from tidewaiter.approvals.requests import Requests, Terms
from tidewaiter.channels.contract import Channel, Decision, Desk, Member, Notice, Outcome, Undelivered
from tidewaiter.channels.outbox import Outbox
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Accounts, Realm
from tidewaiter.model import Kind, Need, Principal
from tidewaiter.store import Store, open_store

NOW = 1_800_000_000.0
LINK = "https://gate.example/r"
DORA = Principal("dora", Kind.USER, frozenset({"dba"}))
REQUEST = Request(
    id="AR-2222222", principal="reporter", on_behalf_of="alice", datasource="shop", rule="holds",
    message="waits for dba",
    statement="delete from customers", parameters=("7", None), binding="b" * 64, needs=(Need(("dba",)),), session="s1",
    created_s=NOW, expires_s=NOW + 600, facts={"verbs": ["delete_all"]},
)  # fmt: skip


@dataclass
class Place:
    """Everything that channels stand on, in one folder."""

    store: Store
    ledger: Memory = field(default_factory=Memory)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.book = Book(self.store, random_text)
        self.requests = Requests(self.book, self.ledger, self.clock, Terms(600.0, 60.0))
        self.outbox = Outbox(self.store)
        self.accounts = Accounts(self.store)
        self.directory = Directory(self.store, NOW)

    def people(self) -> None:
        """dora, a DBA with accounts everywhere; eve, who is none."""
        for name, group in (("dora", "dba"), ("eve", "analysts")):
            self.directory.add_principal(name, Kind.USER, now_s=NOW, groups=[group])
            self.accounts.add(name, Realm.EMAIL, f"{name}@example.com")
        self.accounts.add("dora", Realm.GITHUB, "1001")
        self.accounts.add("dora", Realm.JIRA, "jira-dora")
        self.accounts.add("eve", Realm.GITHUB, "1002")

    async def ask(self, binding: str = "b", **changes: Any) -> Request:
        """A new open request."""
        return await self.requests.ask(replace(_bound(binding), **changes))

    async def decide(self, id_: str, *, yes: bool = True) -> Request:
        return await self.requests.decide(id_, DORA, is_approval=yes, note="because", channel="shell", place="here")


def _bound(binding: str) -> Request:
    return replace(REQUEST, binding=binding * 64)


@contextmanager
def opened(folder: Path) -> Iterator[Place]:
    """A place; several on one folder are several gateways."""
    store = open_store("sqlite:///control.sqlite", folder)
    try:
        yield Place(store)
    finally:
        store.close()


def notice(
    request: Request = REQUEST, version: int = 1, link: str = "https://gate.example/r", attempt: int = 1
) -> Notice:
    return Notice(request, version, presented(request), link, attempt)


GLASS = replace(REQUEST, state=State.REVIEW, glass="the site is down")
MEMBERS = (
    Member("dora", ((Realm.EMAIL, "dora@example.com"), (Realm.GITHUB, "1001"), (Realm.JIRA, "jira-dora"))),
    Member("dan"),
)


def alarm(to: Member | None = None) -> Notice:
    """The glass was broken; dan has no accounts."""
    return Notice(GLASS, 1, presented(GLASS), LINK, 1, MEMBERS, to)


async def announced(made: Channel) -> Desks:
    """A desk with one request, which the channel has announced."""
    desk = Desks()
    desk.requests = [(REQUEST, await made.announce(notice()))]
    return desk


@asynccontextmanager
async def heard(made: Channel, desk: Desks) -> AsyncIterator[None]:
    """The channel listens meanwhile."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.listen(desk))
        yield
        task.cancel()


async def eventually(holds: Callable[[], object], limit_s: float = 60.0) -> None:
    """Wait until `holds()` is true."""
    async with asyncio.timeout(limit_s):
        while not holds():  # noqa: ASYNC110 - it waits for whatever the code under test does
            await asyncio.sleep(0.01)


class Recording(Channel):
    """A channel that notes what it is told; `fails` holds what the next attempts raise."""

    def __init__(self, name: str = "ops", *, tells_late: bool = False) -> None:
        super().__init__(name, "recording")
        self.tells_late = tells_late
        self.notices: list[Notice] = []
        self.told: list[tuple[str, str, str]] = []
        self.fails: list[Exception] = []
        self.on_listen: Callable[[Desk], Awaitable[None]] | None = None
        self.is_closed = False

    async def announce(self, notice: Notice) -> str:
        self.notices.append(notice)
        self._fail()
        self.told.append(("announce", notice.request.id, notice.request.state.value))
        return f"ref-{notice.request.id}"

    async def update(self, reference: str, notice: Notice) -> str:
        self.notices.append(notice)
        self._fail()
        self.told.append(("update", reference, notice.request.state.value))
        return reference

    async def probe(self) -> str:
        self._fail()
        return "fine"

    async def listen(self, desk: Desk) -> None:
        if self.on_listen is not None:
            await self.on_listen(desk)

    async def close(self) -> None:
        self.is_closed = True

    def _fail(self) -> None:
        if self.fails:
            raise self.fails.pop(0)


class Desks:
    """A desk that notes what it is asked; `outcome` is its answer to decisions."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.refused: list[tuple[str, str, str, str]] = []
        self.rejected: list[tuple[str, str]] = []
        self.marked: set[str] = set()
        self.requests: list[tuple[Request, str]] = []
        self.outcome = Outcome(True, "request AR-2222222 is now approved")
        self.fails: list[Exception] = []

    async def decide(self, decision: Decision) -> Outcome:
        if self.fails:
            raise self.fails.pop(0)
        self.decisions.append(decision)
        return self.outcome

    async def refuse(self, request: str, reason: str, who: str, place: str) -> Outcome:
        self.refused.append((request, reason, who, place))
        return Outcome(False, f"this does not count: {reason}")

    def reject(self, reason: str, source: str) -> None:
        self.rejected.append((reason, source))

    async def was_seen(self, message: str) -> bool:
        return message in self.marked

    async def mark(self, message: str) -> None:
        self.marked.add(message)

    async def announced(self) -> Sequence[tuple[Request, str]]:
        return self.requests


def outage(message: str = "away", *, after_s: float = 0.0, is_lasting: bool = False) -> Undelivered:
    return Undelivered(message, after_s=after_s, is_lasting=is_lasting)

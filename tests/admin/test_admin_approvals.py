"""Who may decide on a request through the operations, and what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tidewaiter.admin.actor import Actor, Channel
from tidewaiter.admin.approvals import request_approve, request_changes, request_deny, request_ls, request_show
from tidewaiter.admin.site import Site
from tidewaiter.approvals.book import Book
from tidewaiter.approvals.desk import Request
from tidewaiter.approvals.requests import Requests
from tidewaiter.channels.outbox import Outbox
from tidewaiter.config import Address, ConsoleConfig
from tidewaiter.errors import Conflict, NotFound, NotPermitted, UsageError
from tidewaiter.identity import Directory
from tidewaiter.model import Kind, Need, Receipt
from tidewaiter.policy import Policies
from tidewaiter.store import open_store

NOW_S = 1_800_000_000.0
BY = Actor(Channel.SOCKET, "root", 0)
POLICY = '@id("approve") permit (principal in Group::"dba", action == Action::"approve", resource);'
DRAFT = Request(
    id="", principal="bot", on_behalf_of="alice", datasource="shop", rule="holds", message="waits",
    statement="drop table t", parameters=(), binding="b" * 64, needs=(Need(("dba",)),), session="s",
    created_s=0.0, expires_s=0.0,
)  # fmt: skip


class Place:
    """As much of a site as decisions need."""

    def __init__(self, folder: Path) -> None:
        self.config = SimpleNamespace(
            approvals=SimpleNamespace(shell=True), console=ConsoleConfig(Address("127.0.0.1", 8480))
        )
        self.store = open_store("sqlite:///control.sqlite", folder)
        self.directory = Directory(self.store, NOW_S)
        self.requests = Requests(Book(self.store, lambda size: "A" * size), self, self.now_s)
        self.outbox = Outbox(self.store)
        self.entries: list[tuple[str, dict[str, Any]]] = []
        for name, group in (("dora", "dba"), ("alice", "dba"), ("eve", "analysts")):
            self.directory.add_principal(name, Kind.USER, now_s=NOW_S, groups=[group])

    def now_s(self) -> float:
        return NOW_S

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        self.entries.append((kind, dict(fields)))
        return Receipt(len(self.entries))

    async def policies(self) -> Policies:
        return Policies.parse({"p.cedar": POLICY}, ["shop"])

    @property
    def site(self) -> Site:
        return cast(Site, self)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.store.close()


async def _radius() -> dict[str, object]:
    return {}


def asked(place: Place) -> str:
    return asyncio.run(place.requests.ask(DRAFT, _radius)).id


def test_a_decision_names_the_principal_and_the_user_of_the_machine(place: Place) -> None:
    told = asyncio.run(request_approve(place.site, BY, asked(place), "dora", "fine"))
    assert (told["state"], told["votes"][0]["approver"], told["votes"][0]["note"]) == ("approved", "dora", "fine")
    assert place.entries[-1][1]["by"] == {
        "approver": "dora", "channel": "socket", "place": "OS user root (0)", "note": "fine",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("who", "error", "said"),
    [
        ("eve", NotPermitted, "eve may not approve on shop"),
        ("alice", NotPermitted, "nobody decides on a request of an agent that they own"),
        ("nobody", NotFound, "there is no principal 'nobody'"),
    ],
)
def test_who_may_not_is_told_why(place: Place, who: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        asyncio.run(request_approve(place.site, BY, asked(place), who))
    kind, fields = place.entries[-1]
    assert (kind, fields["by"]["approver"]) == ("request.refused", who)


def test_a_disabled_principal_decides_nothing(place: Place) -> None:
    place.directory.set_enabled("dora", False)
    with pytest.raises(NotPermitted, match="dora is disabled"):
        asyncio.run(request_approve(place.site, BY, asked(place), "dora"))


def test_a_denial_says_why_and_is_final(place: Place) -> None:
    id_ = asked(place)
    with pytest.raises(UsageError, match="needs a reason"):
        asyncio.run(request_deny(place.site, BY, id_, "dora", "  "))
    assert asyncio.run(request_deny(place.site, BY, id_, "dora", "no"))["reason"] == "no"
    with pytest.raises(Conflict, match="is denied"):
        asyncio.run(request_approve(place.site, BY, id_, "dora"))


def test_the_shell_decides_only_where_it_may(place: Place) -> None:
    place.config.approvals.shell = False
    with pytest.raises(NotPermitted, match="shell = true"):
        asyncio.run(request_approve(place.site, BY, asked(place), "dora"))


def test_a_note_is_a_note(place: Place) -> None:
    with pytest.raises(UsageError, match="at most 2000 characters"):
        asyncio.run(request_approve(place.site, BY, asked(place), "dora", "x" * 2001))


def test_requests_are_listed_and_shown(place: Place) -> None:
    id_ = asked(place)
    (listed,) = asyncio.run(request_ls(place.site, BY))
    place.outbox.note("ops", lambda request: True, NOW_S)
    shown = asyncio.run(request_show(place.site, BY, id_))
    (told,) = shown.pop("deliveries")
    assert (told["channel"], told["state"], told["attempts"]) == ("ops", "waiting", 0)
    assert listed == shown
    assert listed["expires_at"] == "2027-01-15T09:00:00Z"


def test_changes_are_told_from_where_one_stopped(place: Place) -> None:
    id_ = asked(place)
    first = asyncio.run(request_changes(place.site, BY))
    assert [one["state"] for one in first["requests"]] == ["open"]
    assert asyncio.run(request_changes(place.site, BY, first["version"])) == first | {"requests": []}
    asyncio.run(request_deny(place.site, BY, id_, "dora", "no"))
    then = asyncio.run(request_changes(place.site, BY, first["version"]))
    assert [one["state"] for one in then["requests"]] == ["denied"]
    assert asyncio.run(request_changes(place.site, BY))["requests"] == [], "what is over is not told to who begins"

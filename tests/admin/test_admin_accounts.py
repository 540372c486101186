"""Accounts of principals elsewhere: recorded before they count."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from tidewaiter.admin.accounts import principal_account_add, principal_account_ls, principal_account_rm
from tidewaiter.admin.actor import Actor, Channel
from tidewaiter.admin.site import Site
from tidewaiter.errors import Conflict, LedgerUnavailable, NotFound, UsageError
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Accounts, Realm
from tidewaiter.model import Kind, Receipt
from tidewaiter.store import open_store

BY = Actor(Channel.SOCKET, "root", 0)


class Place:
    """As much of a site as accounts need."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store("sqlite:///control.sqlite", folder)
        self.directory, self.accounts = Directory(self.store, 0.0), Accounts(self.store)
        self.entries: list[dict[str, Any]] = []
        self.is_ledger_broken = False
        for name in ("dora", "dan"):
            self.directory.add_principal(name, Kind.USER, now_s=0.0)

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        if self.is_ledger_broken:
            raise LedgerUnavailable("full")
        self.entries.append({"kind": kind, **fields})
        return Receipt(len(self.entries) - 1)

    @property
    def site(self) -> Site:
        return cast(Site, self)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.store.close()


def test_an_account_is_given_and_taken_and_both_are_recorded(place: Place) -> None:
    added = asyncio.run(principal_account_add(place.site, BY, "dora", "email", "Dora@example.com"))
    assert added == {"name": "dora", "realm": "email", "account": "dora@example.com", "changed": True}
    assert asyncio.run(principal_account_ls(place.site, BY, "dora")) == [
        {"realm": "email", "account": "dora@example.com"}
    ]
    assert asyncio.run(principal_account_rm(place.site, BY, "dora", "email", "dora@example.com"))["changed"]
    assert [(entry["kind"], entry["change"]) for entry in place.entries] == [
        ("principal.change", "account_add"), ("principal.change", "account_rm"),
    ]  # fmt: skip


def test_what_fails_after_it_was_recorded_is_followed_by_an_entry_that_says_so(place: Place) -> None:
    place.accounts.add("dora", Realm.GITHUB, "1")
    with pytest.raises(Conflict):
        asyncio.run(principal_account_add(place.site, BY, "dan", "github", "1"))
    assert [entry.get("failed") for entry in place.entries] == [None, "github account '1' belongs to 'dora'"]


def test_without_the_ledger_nothing_changes(place: Place) -> None:
    place.is_ledger_broken = True
    with pytest.raises(LedgerUnavailable):
        asyncio.run(principal_account_add(place.site, BY, "dora", "github", "1"))
    assert place.accounts.of("dora") == []


@pytest.mark.parametrize(
    ("name", "realm", "account", "error"),
    [("nobody", "github", "1", NotFound), ("dora", "fax", "1", UsageError), ("dora", "github", "x", UsageError)],
)
def test_what_makes_no_sense_is_not_recorded(
    place: Place, name: str, realm: str, account: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        asyncio.run(principal_account_add(place.site, BY, name, realm, account))
    assert place.entries == []

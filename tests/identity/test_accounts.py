"""Accounts that principals have elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tidewaiter.errors import Conflict, NotFound, UsageError
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Accounts, Realm
from tidewaiter.model import Kind
from tidewaiter.store import open_store


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    store = open_store("sqlite:///control.sqlite", tmp_path)
    directory = Directory(store, 0.0)
    for name in ("dora", "dan", "eve@example.com"):
        directory.add_principal(name, Kind.USER, now_s=0.0)
    yield Accounts(store)
    store.close()


def test_an_account_belongs_to_one_principal(accounts: Accounts) -> None:
    assert accounts.add("dora", Realm.EMAIL, "Dora@Example.com")
    assert not accounts.add("dora", Realm.EMAIL, "dora@example.com")
    with pytest.raises(Conflict, match="belongs to 'dora'"):
        accounts.add("dan", Realm.EMAIL, "DORA@example.com")
    assert accounts.principal_of(Realm.EMAIL, "dora@EXAMPLE.com") == "dora"
    assert accounts.principal_of(Realm.JIRA, "dora@example.com") is None


def test_a_principal_that_is_called_like_an_address_has_it(accounts: Accounts) -> None:
    assert accounts.principal_of(Realm.EMAIL, "Eve@example.com") == "eve@example.com"
    with pytest.raises(Conflict):
        accounts.add("dora", Realm.EMAIL, "eve@example.com")


def test_accounts_are_listed_and_taken_away(accounts: Accounts) -> None:
    accounts.add("dora", Realm.JIRA, "5b10a2844c20165700ede21g")
    accounts.add("dora", Realm.GITHUB, "583231")
    assert accounts.of("dora") == [(Realm.GITHUB, "583231"), (Realm.JIRA, "5b10a2844c20165700ede21g")]
    assert not accounts.remove("dan", Realm.GITHUB, "583231")
    assert accounts.remove("dora", Realm.GITHUB, "583231")
    assert accounts.principal_of(Realm.GITHUB, "583231") is None


@pytest.mark.parametrize(
    ("realm", "account"),
    [
        (Realm.EMAIL, "dora"),
        (Realm.EMAIL, "dоra@example.com"),  # a Cyrillic o
        (Realm.EMAIL, f"{'d' * 250}@example.com"),
        (Realm.GITHUB, "octocat"),
        (Realm.GITHUB, "٣"),
        (Realm.JIRA, "a b"),
    ],
)
def test_what_is_no_account_is_refused(accounts: Accounts, realm: Realm, account: str) -> None:
    with pytest.raises(UsageError, match="is not"):
        accounts.add("dora", realm, account)


def test_accounts_belong_to_principals_that_there_are(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        accounts.add("nobody", Realm.GITHUB, "1")

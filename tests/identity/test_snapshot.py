from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tidewaiter.identity import Directory
from tidewaiter.identity.snapshot import EMPTY, Snapshot, advance
from tidewaiter.model import Kind
from tidewaiter.store import Store, open_store

NOW_S = 1_800_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store("sqlite:///control.sqlite", tmp_path)
    yield opened
    opened.close()


def read(store: Store, old: Snapshot = EMPTY, now_s: float = NOW_S) -> Snapshot:
    with store.reading() as connection:
        return advance(old, connection, now_s)


def test_nothing_new_is_the_same_snapshot(store: Store) -> None:
    first = read(store)
    assert read(store, first) is first


def test_what_did_not_change_is_not_read_again(store: Store) -> None:
    directory = Directory(store, NOW_S)
    directory.add_principal("alice", Kind.USER, now_s=NOW_S)
    directory.issue("alice", [], 60, NOW_S)
    first = read(store)
    directory.add_principal("bob", Kind.USER, now_s=NOW_S)
    second = read(store, first)
    assert second.accounts["alice"] is first.accounts["alice"]
    assert second.verifiers["alice"] is first.verifiers["alice"]
    assert list(second.accounts) == ["alice", "bob"]


def test_credentials_that_are_over_are_left_out_unless_revoked(store: Store) -> None:
    directory = Directory(store, NOW_S)
    directory.add_principal("alice", Kind.USER, now_s=NOW_S)
    short, long, revoked = (directory.issue("alice", [], ttl_s, NOW_S).id for ttl_s in (10, 30, 20))
    directory.revoke(revoked, NOW_S)
    later = read(store, now_s=NOW_S + 25)
    assert [verifier.id for verifier in later.verifiers["alice"]] == [long]
    assert later.revoked["alice"] == {revoked}
    assert short not in later.revoked["alice"]


def test_verifiers_come_longest_life_first(store: Store) -> None:
    directory = Directory(store, NOW_S)
    directory.add_principal("alice", Kind.USER, now_s=NOW_S)
    for ttl_s in (20, 30, 10):
        directory.issue("alice", [], ttl_s, NOW_S)
    assert [verifier.expires_at_s - NOW_S for verifier in read(store).verifiers["alice"]] == [30, 20, 10]


def test_a_store_put_back_to_an_older_state_is_read_anew(store: Store) -> None:
    directory = Directory(store, NOW_S)
    directory.add_principal("alice", Kind.USER, now_s=NOW_S)
    ahead = Snapshot(99, {"ghost": read(store).accounts["alice"]}, {"ghost": ()}, {"ghost": frozenset()})
    assert list(read(store, ahead).accounts) == ["alice"]

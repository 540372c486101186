"""Sessions: who is in, for how long, how many, and that all gateways on a store know the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from tidewaiter.console import sessions as module
from tidewaiter.console.sessions import IDLE_S, LIFE_S, NOTED_S, SESSIONS_OF_ONE, Session, Sessions
from tidewaiter.identity import Directory
from tidewaiter.model import Kind
from tidewaiter.store import Store, open_store
from tidewaiter.store.tables import console_sessions

HERE, THERE = "http://127.0.0.1:8480", "https://gate.example"
FOREVER = 1e12
URL = "sqlite:///control.sqlite"
PEOPLE = tuple(f"p{n}" for n in range(9))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(URL, tmp_path)
    directory = Directory(opened, 0.0)
    for name in ("dora", *PEOPLE):
        directory.add_principal(name, Kind.USER, now_s=0.0)
    yield opened
    opened.close()


@pytest.fixture
def sessions(store: Store) -> Sessions:
    numbers = count()
    return Sessions(store, lambda: f"key {next(numbers)}")


def begun(
    sessions: Sessions, principal: str = "dora", expires_s: float = FOREVER, now_s: float = 0.0
) -> tuple[str, Session]:
    return sessions.begin(principal, "c1", frozenset({"shop"}), HERE, "192.0.2.7", expires_s, now_s)


def test_a_key_opens_its_session_where_it_began(sessions: Sessions) -> None:
    key, session = begun(sessions)
    assert sessions.find(key, HERE, 1.0) == session
    assert sessions.find(key, THERE, 1.0) is None
    assert sessions.find(key + "x", HERE, 1.0) is None
    assert sessions.find("", HERE, 1.0) is None
    assert len({key, session.id, session.token}) == 3


def test_keys_are_not_guessed(store: Store) -> None:
    keys = {begun(Sessions(store))[0] for _ in range(3)}
    assert len(keys) == 3
    assert min(map(len, keys)) >= 43  # 256 bits


def test_nothing_that_is_shown_or_stored_of_a_session_is_a_secret(sessions: Sessions, store: Store) -> None:
    key, session = begun(sessions)
    with store.reading() as connection:
        (row,) = connection.execute(select(console_sessions)).all()
    for told in (repr(session), repr(row)):
        assert key not in told
        assert session.token not in told
    assert session.id not in key
    assert sessions.find(row.key_digest, HERE, 0.0) is None, "whoever reads the store cannot sign in with it"


def test_all_gateways_on_a_store_know_the_same_sessions(sessions: Sessions, tmp_path: Path) -> None:
    elsewhere = open_store(URL, tmp_path)
    other = Sessions(elsewhere)
    key, session = begun(sessions)
    assert other.find(key, HERE, 1.0) == session
    other.end(key)
    assert sessions.find(key, HERE, 1.0) is None
    elsewhere.close()


def test_what_a_person_does_keeps_it_alive_for_a_day_at_most(sessions: Sessions) -> None:
    key, _ = begun(sessions)
    now_s = 0.0
    while now_s + IDLE_S - 1 < LIFE_S:
        now_s += IDLE_S - 1
        assert sessions.find(key, HERE, now_s) is not None
    assert sessions.find(key, HERE, LIFE_S) is None


def test_an_idle_session_ends_and_so_does_one_whose_credential_is_over(sessions: Sessions) -> None:
    idle, _ = begun(sessions)
    assert sessions.find(idle, HERE, IDLE_S - 1, is_active=False) is not None
    assert sessions.find(idle, HERE, IDLE_S) is None
    short, _ = begun(sessions, expires_s=10.0)
    assert sessions.find(short, HERE, 9.9) is not None
    assert sessions.find(short, HERE, 10.0) is None


def test_a_page_costs_a_write_once_in_a_while_only(sessions: Sessions, store: Store) -> None:
    key, _ = begun(sessions)
    before = store.stamp()
    assert sessions.find(key, HERE, NOTED_S - 1) is not None
    assert store.stamp() == before
    assert sessions.find(key, HERE, NOTED_S) is not None
    assert store.stamp() != before


def test_an_ended_session_is_over_and_can_be_ended_again(sessions: Sessions) -> None:
    key, _ = begun(sessions)
    sessions.end(key)
    sessions.end(key)
    assert sessions.find(key, HERE, 0.0) is None


def test_there_are_so_many_of_one_and_so_many_of_all(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [begun(sessions, now_s=float(n))[0] for n in range(SESSIONS_OF_ONE)]
    sessions.find(keys[0], HERE, 100.0)
    begun(sessions, now_s=101.0)
    assert sessions.find(keys[0], HERE, 102.0) is not None
    assert sessions.find(keys[1], HERE, 102.0) is None  # the one that was used least recently
    monkeypatch.setattr(module, "SESSIONS", 10)
    for name in PEOPLE[:8]:
        begun(sessions, name, now_s=200.0)
    assert len(sessions) == 10
    assert sessions.find(keys[0], HERE, 200.0) is not None
    assert sessions.find(keys[2], HERE, 200.0) is None


def test_ended_sessions_make_room_for_new_ones(sessions: Sessions) -> None:
    for name in PEOPLE[:5]:
        begun(sessions, name)
    begun(sessions, now_s=LIFE_S)
    assert len(sessions) == 1

"""Live sessions: who is found, who is ended, who may stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tidewaiter.config import Datasource
from tidewaiter.identity import Directory
from tidewaiter.model import Kind
from tidewaiter.proxy.seats import Seat, Seats, role_of
from tidewaiter.store import open_store

NOW_S = 1_800_000_000.0
SHOP = cast(Datasource, SimpleNamespace(roles={"analysts": "shop_ro", "dba": "shop_admin"}))


class Session:
    """Ends as a session does, without sockets."""

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.ended: str | None = None
        self.said = b""
        self.is_running, self.is_idle = False, True
        self.trail = SimpleNamespace(statements=3, rows=7)
        self.standing = SimpleNamespace(principal=None)

    def end(self, reason: str, message: bytes) -> None:
        self.ended, self.said = reason, message


class Office:
    """A directory on a store of its own, and seats."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store("sqlite:///control.sqlite", folder)
        self.directory = Directory(self.store, NOW_S)
        self.directory.add_principal("alice", Kind.USER, now_s=NOW_S, groups=["analysts"])
        self.directory.add_principal("alice-bot", Kind.AGENT, now_s=NOW_S, owner="alice")
        self.seats = Seats(self.directory, {"shop": SHOP}.__getitem__)

    def sit(self, id_: str, name: str, credential: str = "c1", role: str | None = None) -> Session:
        session, owner = Session(id_), "alice" if name == "alice-bot" else None
        backend = cast(Any, SimpleNamespace(pid=len(self.seats) + 1))
        key = id_.encode()
        self.seats.take(
            Seat(cast(Any, session), name, owner, credential, "shop", "::1", "psql", "", NOW_S, backend, key,
                 cast(Any, None), role)
        )  # fmt: skip
        return session


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.store.close()


def test_sessions_are_told_oldest_first_until_they_leave(office: Office) -> None:
    office.sit("s1", "alice")
    office.sit("s2", "alice-bot")
    assert [told["id"] for told in office.seats.sessions()] == ["s1", "s2"]
    told = office.seats.session("s2")
    assert told is not None
    assert (told["on_behalf_of"], told["state"], told["statements"], told["rows"]) == ("alice", "idle", 3, 7)
    first = next(iter(office.seats))
    office.seats.leave(first)
    assert office.seats.session("s1") is None
    assert office.seats.of_cancel_key(1, b"s1") is None
    assert len(office.seats) == 1


def test_a_cancel_key_must_fit_whole(office: Office) -> None:
    session = office.sit("s1", "alice")
    found = office.seats.of_cancel_key(1, b"s1")
    assert found is not None
    assert found.session is cast(Any, session)
    assert office.seats.of_cancel_key(2, b"s1") is None
    assert office.seats.of_cancel_key(1, b"s2") is None


def test_a_session_is_killed_once(office: Office) -> None:
    session = office.sit("s1", "alice")
    assert not office.seats.kill("s9", "no reason")
    assert office.seats.kill("s1", "ended by an administrator")
    assert not office.seats.kill("s1", "again")
    assert session.ended == "terminating connection: ended by an administrator"
    assert b"57P01" in session.said


def test_a_credential_and_a_principal_take_their_sessions_with_them(office: Office) -> None:
    mine, other, agents = office.sit("s1", "alice"), office.sit("s2", "alice", "c2"), office.sit("s3", "alice-bot")
    assert office.seats.kill_credential("c2", "its credential was revoked") == 1
    assert (mine.ended, agents.ended) == (None, None)
    assert other.ended is not None
    assert office.seats.kill_principal("alice", "disabled") == 2
    assert mine.ended == agents.ended == "terminating connection: disabled"


def test_who_was_revoked_while_the_login_went_on_is_ended_at_once(office: Office) -> None:
    issued = office.directory.issue("alice", (), 60.0, NOW_S)
    office.directory.revoke(issued.id, NOW_S)
    session = office.sit("s1", "alice", issued.id)
    assert session.ended == "terminating connection: the credential was revoked"


def test_changed_principals_are_judged_anew_and_sessions_that_may_no_longer_are_ended(office: Office) -> None:
    reader, agent = office.sit("s1", "alice", role="shop_ro"), office.sit("s2", "alice-bot")
    office.seats.principals_changed()
    assert (reader.ended, agent.ended) == (None, None)
    assert reader.standing.principal.name == "alice"
    office.directory.remove_group("alice", "analysts")
    office.seats.principals_changed()
    assert reader.ended == "terminating connection: alice no longer has this session's role"
    assert agent.ended is None
    office.directory.set_enabled("alice", False)
    office.seats.principals_changed()
    assert agent.ended == "terminating connection: the principal is disabled"


def test_the_first_configured_group_gives_the_role(office: Office) -> None:
    alice = office.directory.principal("alice")
    assert alice is not None
    assert role_of(alice, SHOP) == "shop_ro"
    bot = office.directory.principal("alice-bot")
    assert bot is not None
    assert role_of(bot, SHOP) is None

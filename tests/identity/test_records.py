"""Rows as the directory reads and stamps them, on a store in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, select

from tidewaiter.errors import Conflict, NotFound
from tidewaiter.identity import records
from tidewaiter.model import Kind
from tidewaiter.store import Change
from tidewaiter.store.tables import credentials, memberships, meta, metadata, principals

NOW_S = 1000.0


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as opened:
        opened.execute(meta.insert().values(id=1, generation=6, salt_key=b"k"))
        person(opened, "alice")
        person(opened, "bob")
        person(opened, "alice-bot", kind="agent", owner="alice")
        yield opened
    engine.dispose()


def person(connection: Connection, name: str, *, kind: str = "user", owner: str | None = None, on: bool = True) -> None:
    row = {"name": name, "kind": kind, "enabled": on, "owner": owner, "created_at_s": 0.0}
    connection.execute(principals.insert().values(**row, version=1, credentials_version=1))


def issue(connection: Connection, number: int, expires_s: float, revoked_s: float | None = None) -> None:
    row = {"id": f"c{number}", "principal": "alice", "datasources": ["shop"], "label": "l", "created_at_s": 1.0}
    keys = {"stored_key": b"s" * 32, "server_key": b"k" * 32}
    connection.execute(credentials.insert().values(**row, **keys, expires_at_s=expires_s, revoked_at_s=revoked_s))


def versions(connection: Connection, column: str = "version") -> dict[str, int]:
    rows = connection.execute(select(principals.c.name, principals.c[column]))
    return {name: version for name, version in rows}


def test_who_is_not_there_is_none_or_an_error(connection: Connection) -> None:
    assert records.find(connection, "nobody") is None
    with pytest.raises(NotFound, match="no principal 'nobody'"):
        records.principal_row(connection, "nobody")
    with pytest.raises(NotFound, match="no credential 'c1'"):
        records.credential_row(connection, "c1")


def test_a_credential_is_told_without_its_keys(connection: Connection) -> None:
    issue(connection, 1, 2000.0)
    told = records.credential(records.credential_row(connection, "c1"))
    assert (told.id, told.principal, told.datasources, told.expires_at_s) == ("c1", "alice", ("shop",), 2000.0)
    assert "s" * 32 not in repr(told) and "k" * 32 not in repr(told)


def test_a_change_stamps_the_principal_and_the_agents_that_act_for_it(connection: Connection) -> None:
    records.touch(Change(connection), "alice")
    assert versions(connection) == {"alice": 7, "alice-bot": 7, "bob": 1}


def test_a_change_of_credentials_leaves_verdicts_alone(connection: Connection) -> None:
    records.touch_credentials(Change(connection), "alice")
    assert versions(connection) == {"alice": 1, "alice-bot": 1, "bob": 1}
    assert versions(connection, "credentials_version") == {"alice": 7, "alice-bot": 1, "bob": 1}


def test_who_is_disabled_or_belongs_to_somebody_disabled_does_not_act(connection: Connection) -> None:
    assert records.kind_of_acting(connection, "alice-bot") is Kind.AGENT
    connection.execute(principals.update().where(principals.c.name == "alice").values(enabled=False))
    with pytest.raises(Conflict, match="'alice' is disabled"):
        records.kind_of_acting(connection, "alice")
    with pytest.raises(Conflict, match="'alice', the owner of 'alice-bot', is disabled"):
        records.kind_of_acting(connection, "alice-bot")


def test_only_live_credentials_take_room(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LIVE_CREDENTIALS", 2)
    issue(connection, 1, NOW_S)  # expired at this moment
    issue(connection, 2, NOW_S + 1, revoked_s=3.0)
    issue(connection, 3, NOW_S + 1)
    records.require_room(connection, "alice", NOW_S)
    issue(connection, 4, NOW_S + 1)
    with pytest.raises(Conflict, match="2 live credentials"):
        records.require_room(connection, "alice", NOW_S)
    records.require_room(connection, "bob", NOW_S)


def test_a_membership_is_one_principal_in_one_group(connection: Connection) -> None:
    connection.execute(memberships.insert().values(principal="alice", group_name="dba"))
    connection.execute(memberships.insert().values(principal="bob", group_name="dba"))
    connection.execute(memberships.delete().where(*records.membership("alice", "dba")))
    assert connection.execute(select(memberships.c.principal)).scalars().all() == ["bob"]

"""What the tables themselves refuse, whatever the code does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import IntegrityError

from tidewaiter.store.tables import accounts, credentials, memberships, meta, metadata, principals

PERSON: dict[str, Any] = {
    "name": "alice", "kind": "user", "enabled": True, "owner": None, "version": 1, "credentials_version": 1,
    "created_at_s": 0.0,
}  # fmt: skip
CREDENTIAL: dict[str, Any] = {
    "id": "c1", "principal": "alice", "datasources": [], "stored_key": b"", "server_key": b"", "label": "",
    "created_at_s": 0.0, "expires_at_s": 1.0, "revoked_at_s": None,
}  # fmt: skip


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda opened, _: opened.execute("pragma foreign_keys = on"))
    metadata.create_all(engine)
    with engine.connect() as opened:
        opened.execute(principals.insert().values(**PERSON))
        yield opened
    engine.dispose()


@pytest.mark.parametrize(
    "row",
    [
        PERSON,  # a second one of that name
        {**PERSON, "name": "x", "kind": "robot"},
        {**PERSON, "name": "x", "owner": "alice"},  # only agents have owners
        {**PERSON, "name": "x", "kind": "agent", "owner": "nobody"},
        {**PERSON, "name": "x", "enabled": None},
    ],
)
def test_a_principal_that_cannot_be_is_refused(connection: Connection, row: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        connection.execute(principals.insert().values(**row))


def test_there_is_one_row_of_meta(connection: Connection) -> None:
    connection.execute(meta.insert().values(id=1, generation=0, salt_key=b"k"))
    with pytest.raises(IntegrityError):
        connection.execute(meta.insert().values(id=2, generation=0, salt_key=b"k"))


def test_what_belongs_to_nobody_is_refused(connection: Connection) -> None:
    connection.execute(credentials.insert().values(**CREDENTIAL))
    for insert in (
        credentials.insert().values(**{**CREDENTIAL, "id": "c2", "principal": "nobody"}),
        memberships.insert().values(principal="nobody", group_name="dba"),
        accounts.insert().values(realm="slack", account="U1", principal="nobody"),
    ):
        with pytest.raises(IntegrityError):
            connection.execute(insert)


def test_a_membership_and_an_account_are_there_once(connection: Connection) -> None:
    for insert in (
        memberships.insert().values(principal="alice", group_name="dba"),
        accounts.insert().values(realm="slack", account="U1", principal="alice"),
    ):
        connection.execute(insert)
        with pytest.raises(IntegrityError):
            connection.execute(insert)

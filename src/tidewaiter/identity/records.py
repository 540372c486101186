"""Rows of the control store as the directory reads and stamps them, inside the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select, update

from tidewaiter.errors import Conflict, NotFound
from tidewaiter.identity.credentials import Credential
from tidewaiter.model import Kind
from tidewaiter.store import Change
from tidewaiter.store.tables import credentials, memberships, principals

LIVE_CREDENTIALS = 256  # per principal: a login tries each (about 3 µs), so the worst one costs under 1 ms


def find(connection: Connection, name: str) -> Row[Any] | None:
    """The principal's row, None when there is none."""
    return connection.execute(select(principals).where(principals.c.name == name)).first()


def principal_row(connection: Connection, name: str) -> Row[Any]:
    """The principal's row. Raises NotFound."""
    row = find(connection, name)
    if row is None:
        raise NotFound(f"there is no principal {name!r}")
    return row


def membership(name: str, group: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The condition for one principal's membership in one group."""
    return memberships.c.principal == name, memberships.c.group_name == group


def credential_row(connection: Connection, credential_id: str) -> Row[Any]:
    """The credential's row. Raises NotFound."""
    row = connection.execute(select(credentials).where(credentials.c.id == credential_id)).first()
    if row is None:
        raise NotFound(f"there is no credential {credential_id!r}")
    return row


def credential(row: Row[Any]) -> Credential:
    """The row without its keys."""
    return Credential(
        row.id,
        row.principal,
        tuple(row.datasources),
        row.created_at_s,
        row.expires_at_s,
        row.revoked_at_s,
        row.label,
    )


def touch(change: Change, name: str) -> None:
    """Stamp a changed principal, and the agents that act on its behalf: their verdicts rest on it too."""
    affected = or_(principals.c.name == name, principals.c.owner == name)
    change.connection.execute(update(principals).where(affected).values(version=change.generation))


def touch_credentials(change: Change, name: str) -> None:
    """Stamp a principal whose credentials changed. Its version stays, so cached verdicts do."""
    stamped = update(principals).where(principals.c.name == name).values(credentials_version=change.generation)
    change.connection.execute(stamped)


def kind_of_acting(connection: Connection, name: str) -> Kind:
    """The principal's kind. Raises NotFound, and Conflict when it may not log in."""
    row = principal_row(connection, name)
    if not row.enabled:
        raise Conflict(f"{name!r} is disabled")
    if row.owner is not None and not principal_row(connection, row.owner).enabled:
        raise Conflict(f"{row.owner!r}, the owner of {name!r}, is disabled")
    return Kind(row.kind)


def require_room(connection: Connection, name: str, now_s: float) -> None:
    """Raise Conflict when the principal has as many live credentials as it may."""
    is_live = credentials.c.revoked_at_s.is_(None) & (credentials.c.expires_at_s > now_s)
    count = select(func.count()).select_from(credentials).where(credentials.c.principal == name, is_live)
    if connection.execute(count).scalar_one() >= LIVE_CREDENTIALS:
        raise Conflict(f"{name!r} has {LIVE_CREDENTIALS} live credentials: revoke some, or let them expire")

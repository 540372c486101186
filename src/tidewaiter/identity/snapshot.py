"""All that logins need, in memory: accounts and live verifiers as of one generation of the store.

The whole table is kept, not a cache of recent names, so that a name that does not exist costs the same as one that
does. A new snapshot re-reads only the principals that changed since the last one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from tidewaiter.identity.credentials import Verifier
from tidewaiter.model import Kind, Principal
from tidewaiter.store.tables import credentials, memberships, meta, principals


@dataclass(frozen=True, slots=True)
class Account:
    """A principal as the store has it. `can_log_in` needs the owner to be enabled too."""

    principal: Principal
    enabled: bool
    can_log_in: bool
    created_at_s: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The store at `generation`. A principal's `verifiers` come longest life first; `revoked` has its revoked ids."""

    generation: int
    accounts: Mapping[str, Account]
    verifiers: Mapping[str, tuple[Verifier, ...]]
    revoked: Mapping[str, frozenset[str]]


EMPTY = Snapshot(-1, {}, {}, {})


def advance(old: Snapshot, connection: Connection, now_s: float) -> Snapshot:
    """The snapshot that `connection` sees, made from `old`; `old` itself when nothing changed.

    Credentials that are over at `now_s` are left out. The connection must see one consistent state.
    """
    generation = connection.execute(select(meta.c.generation)).scalar_one()
    if generation == old.generation:
        return old
    if generation < old.generation:  # the database was put back to an older state
        old = EMPTY
    people = principals.c.version > old.generation
    people_or_credentials = or_(people, principals.c.credentials_version > old.generation)
    accounts = _accounts(old, connection, people)
    live, revoked = _credentials(connection, people_or_credentials, now_s)
    return Snapshot(generation, accounts, {**old.verifiers, **live}, {**old.revoked, **revoked})


def _accounts(old: Snapshot, connection: Connection, changed: ColumnElement[bool]) -> dict[str, Account]:
    groups: defaultdict[str, set[str]] = defaultdict(set)
    those = select(principals.c.name).where(changed)
    for row in connection.execute(select(memberships).where(memberships.c.principal.in_(those))):
        groups[row.principal].add(row.group_name)
    accounts = dict(old.accounts)
    # Owners first: a changed owner changes its agents' version, so both are in this result.
    for row in connection.execute(select(principals).where(changed).order_by(principals.c.owner.is_not(None))):
        accounts[row.name] = _account(row, groups[row.name], accounts)
    return accounts


def _account(row: Row[Any], groups: Iterable[str], accounts: Mapping[str, Account]) -> Account:
    owner = accounts[row.owner] if row.owner else None
    principal = Principal(row.name, Kind(row.kind), frozenset(groups), owner.principal if owner else None, row.version)
    return Account(principal, row.enabled, row.enabled and (owner is None or owner.can_log_in), row.created_at_s)


def _credentials(
    connection: Connection, changed: ColumnElement[bool], now_s: float
) -> tuple[dict[str, tuple[Verifier, ...]], dict[str, frozenset[str]]]:
    """Live verifiers and revoked ids by principal, for every principal that changed, also if it has none."""
    those = select(principals.c.name).where(changed)
    names = connection.scalars(those).all()
    live: dict[str, list[Verifier]] = {name: [] for name in names}
    revoked: dict[str, set[str]] = {name: set() for name in names}
    # A revoked one is wanted even when it has expired: sessions that it opened may still run.
    wanted = or_(credentials.c.expires_at_s > now_s, credentials.c.revoked_at_s.is_not(None))
    held = select(credentials).where(credentials.c.principal.in_(those), wanted)  # not a join: SQLite would scan
    for row in connection.execute(held.order_by(credentials.c.expires_at_s.desc())):
        if row.revoked_at_s is not None:
            revoked[row.principal].add(row.id)
            continue
        datasources = frozenset(row.datasources)
        live[row.principal].append(Verifier(row.id, row.stored_key, row.server_key, datasources, row.expires_at_s))
    return (
        {name: tuple(verifiers) for name, verifiers in live.items()},
        {name: frozenset(ids) for name, ids in revoked.items()},
    )

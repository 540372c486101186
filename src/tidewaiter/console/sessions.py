"""Who is signed in: sessions of people at the console, in the control store, bounded, and over by themselves.

A browser keeps a session's key in a cookie; the store has the key's digest, so whoever reads it can open nothing. All
gateways on one store know the same sessions, and one that starts anew knows them still.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, or_, select, update

from tidewaiter.store import Change, Store
from tidewaiter.store.tables import console_sessions

IDLE_S = 1800.0  # without a page that somebody asked for
LIFE_S = 8 * 3600.0  # a working day; never longer than the credential that opened it
SESSIONS = 1000  # of all
SESSIONS_OF_ONE = 8  # of one principal: browsers, not robots
NOTED_S = 60.0  # that somebody is active is written so often at most: a page should not cost a write


@dataclass(frozen=True, slots=True)
class Session:
    """One person at one browser. `id` is for entries and tells nothing of the key. `token` goes into each form.

    `origin` is the address at which it began, the only one where it counts. No `datasources` means all.
    """

    id: str
    principal: str
    credential: str
    datasources: frozenset[str]
    origin: str
    source: str
    token: str = field(repr=False)


class Sessions:
    """Sessions by their keys. `random_key` gives text that nobody guesses.

    Every method is one transaction and may wait for the store: call it off the event loop. Raises StoreUnavailable.
    """

    def __init__(self, store: Store, random_key: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> None:
        self._store = store
        self._random_key = random_key

    def begin(
        self,
        principal: str,
        credential: str,
        datasources: frozenset[str],
        origin: str,
        source: str,
        expires_s: float,
        now_s: float,
    ) -> tuple[str, Session]:
        """A new session and its key, which exists in the result and nowhere else. The credential ends at `expires_s`.

        Where there are too many, the one that was used least recently ends.
        """
        key = self._random_key()
        session = Session(
            _digest("session " + key)[:12], principal, credential, datasources, origin, source, _token_of(key)
        )
        with self._store.changing() as change:
            _forget_ended(change, now_s)
            _make_room(change, SESSIONS_OF_ONE, console_sessions.c.principal == principal)
            _make_room(change, SESSIONS)
            change.connection.execute(
                console_sessions.insert().values(
                    key_digest=_digest(key),
                    id=session.id,
                    principal=principal,
                    credential=credential,
                    datasources=sorted(datasources),
                    origin=origin,
                    source=source,
                    ends_s=min(now_s + LIFE_S, expires_s),
                    seen_s=now_s,
                )
            )
        return key, session

    def find(self, key: str, origin: str, now_s: float, *, is_active: bool = True) -> Session | None:
        """The live session of a key at an address. `is_active`: somebody did something, so it stays for longer."""
        this = console_sessions.c.key_digest == _digest(key)
        with self._store.reading() as connection:
            row = connection.execute(
                select(console_sessions).where(this, console_sessions.c.origin == origin, ~_is_over(now_s))
            ).first()
        if row is None:
            return None
        if is_active and now_s >= row.seen_s + NOTED_S:
            with self._store.changing() as change:  # where it ended meanwhile, there is nothing to update
                change.connection.execute(update(console_sessions).where(this).values(seen_s=now_s))
        return _session(row, key)

    def end(self, key: str) -> None:
        """End a session now, everywhere; harmless where it is over."""
        with self._store.changing() as change:
            change.connection.execute(delete(console_sessions).where(console_sessions.c.key_digest == _digest(key)))

    def __len__(self) -> int:
        with self._store.reading() as connection:
            return connection.execute(_counted()).scalar_one()


def _session(row: Row[Any], key: str) -> Session:
    return Session(
        row.id, row.principal, row.credential, frozenset(row.datasources), row.origin, row.source, _token_of(key)
    )


def _is_over(now_s: float) -> ColumnElement[bool]:
    return or_(console_sessions.c.ends_s <= now_s, console_sessions.c.seen_s <= now_s - IDLE_S)


def _forget_ended(change: Change, now_s: float) -> None:
    change.connection.execute(delete(console_sessions).where(_is_over(now_s)))


def _make_room(change: Change, most: int, *of: ColumnElement[bool]) -> None:
    """End those that were used least recently, so that there is room for one more."""
    there = change.connection.execute(_counted().where(*of)).scalar_one()
    if there >= most:
        digest = console_sessions.c.key_digest
        oldest = select(digest).where(*of).order_by(console_sessions.c.seen_s, digest).limit(there - most + 1)
        change.connection.execute(delete(console_sessions).where(digest.in_(oldest)))


def _counted() -> Select[int]:
    return select(func.count()).select_from(console_sessions)


def _token_of(key: str) -> str:
    """What belongs into each form of a session: only who has the key, or a page made for it, knows it."""
    return hmac.digest(key.encode("utf-8", "replace"), b"form of a session", "sha256").hex()


def _digest(text: str) -> str:
    # A look-up by digest takes no longer for a key that begins right, and whoever reads the store has no keys.
    return sha256(text.encode("utf-8", "replace")).hexdigest()

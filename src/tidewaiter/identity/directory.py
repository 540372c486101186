"""Who there is and which credentials live: answers logins from memory, changes the store, notices others' changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from sqlalchemy import Connection, delete, or_, select, update

from tidewaiter.errors import Conflict, NotFound, StoreUnavailable, UsageError
from tidewaiter.identity import names, records
from tidewaiter.identity.credentials import (
    DAY_S,
    ID_CHARACTERS,
    ITERATIONS,
    SECRET_CHARACTERS,
    Credential,
    Issued,
    RandomText,
    Verifier,
    base62,
    derived_key,
    expiry,
    salt_for,
)
from tidewaiter.identity.snapshot import EMPTY, Account, Snapshot, advance
from tidewaiter.model import Kind, Principal, Secret
from tidewaiter.store import Store
from tidewaiter.store.tables import console_sessions, credentials, memberships, principals
from tidewaiter.wire.auth import make_verifier

KEEP_DEAD_S = 30 * DAY_S  # how long listings show what has expired or was revoked; the ledger keeps it for good


class Directory:
    """Principals, groups and credentials of one deployment. Thread-safe.

    Look-ups answer from memory. A change made here counts at once; one made by another process counts within the
    store's `check_s` (20 ms for SQLite), which is how often look-ups ask the store whether anything changed. With
    PostgreSQL that question is a round trip, which may hang: with `stale_s`, look-ups never make it, and somebody calls
    `refresh` from a thread; then others' changes count as often as that. Every method raises StoreUnavailable when the
    store cannot answer, or has not for `stale_s`, so that nobody gets in on stale facts.
    """

    iterations = ITERATIONS

    def __init__(
        self,
        store: Store,
        now_s: float,
        *,
        clock_s: Callable[[], float] = time.monotonic,
        random_text: RandomText = base62,
        stale_s: float | None = None,
    ) -> None:
        """Read the whole directory. `now_s` is the Unix time, `clock_s` paces the checks for others' changes."""
        self._store = store
        self._clock_s = clock_s
        self._random_text = random_text
        self._latest_s = now_s
        self._stale_s = stale_s
        self._lock = threading.Lock()
        self._stamp = -1
        self._checked_s = 0.0
        self._snapshot: Snapshot = EMPTY
        self.refresh()

    # What a login asks

    def principal(self, name: str) -> Principal | None:
        """The principal, None when there is none or it may not log in (it or its owner is disabled)."""
        account = self._current().accounts.get(name)
        return account.principal if account is not None and account.can_log_in else None

    def principal_now(self, name: str) -> Principal | None:
        """`principal`, after a look at what others changed in the store. It blocks. Raises StoreUnavailable."""
        self.refresh()
        return self.principal(name)

    def credentials_of(self, name: str, now_s: float) -> tuple[Verifier, ...]:
        """Verifiers that a login of `name` may match at `now_s` (Unix seconds); none for unknown and disabled names."""
        snapshot = self._current()
        self._latest_s = max(self._latest_s, now_s)
        account = snapshot.accounts.get(name)
        if account is None or not account.can_log_in:
            return ()
        verifiers = snapshot.verifiers[name]
        for live, verifier in enumerate(verifiers):  # longest life first, so the live ones come first
            if verifier.expires_at_s <= now_s:
                return verifiers[:live]
        return verifiers

    def salt_of(self, name: str) -> bytes:
        """The SCRAM salt for a user name, known or not, 16 bytes."""
        return salt_for(self._store.salt_key, name)

    def key_for(self, purpose: str) -> Secret:
        """A key of this deployment for one purpose, always the same, the same for all gateways on one store."""
        return Secret(derived_key(self._store.salt_key, purpose))

    def may_continue(self, principal: str, credential_id: str) -> bool:
        """May a session that this credential opened go on? Revoking and disabling end it, expiry does not."""
        ended = self._current().revoked.get(principal, frozenset())
        return credential_id not in ended and self.principal(principal) is not None

    @property
    def generation(self) -> int:
        """Grows with every change: while it stays, no answer of this directory has changed but by expiry."""
        return self._current().generation

    # What people ask

    def principals(self) -> list[Account]:
        """Every account by name, disabled ones included."""
        return [account for _, account in sorted(self._current().accounts.items())]

    def account(self, name: str) -> Account:
        """The account, disabled or not. Raises NotFound."""
        account = self._current().accounts.get(name)
        if account is None:
            raise NotFound(f"there is no principal {name!r}")
        return account

    def credentials(self, principal: str | None = None) -> list[Credential]:
        """Credentials of one principal or of all, oldest first, dead ones included until they are pruned."""
        query = select(credentials).order_by(credentials.c.created_at_s, credentials.c.id)
        if principal is not None:
            query = query.where(credentials.c.principal == principal)
        with self._store.reading() as connection:
            return [records.credential(row) for row in connection.execute(query)]

    def credential(self, credential_id: str) -> Credential:
        """One credential, dead or alive. Raises NotFound."""
        with self._store.reading() as connection:
            return records.credential(records.credential_row(connection, credential_id))

    # Changes

    def add_principal(
        self, name: str, kind: Kind, *, now_s: float, groups: Iterable[str] = (), owner: str | None = None
    ) -> Principal:
        """Add an enabled principal. Names are never given back: the ledger speaks of them.

        `owner` is a user and makes an agent act on that user's behalf; an agent without one acts for itself.
        Raises UsageError for a malformed name or an owner that does not fit, NotFound for an unknown one, Conflict.
        """
        names.principal_name(name)
        wanted = {names.group_name(group) for group in groups}
        if owner is not None and kind is not Kind.AGENT:
            raise UsageError(f"only agents have owners; {name!r} is to be a {kind}")
        with self._store.changing() as change:
            if records.find(change.connection, name) is not None:
                raise Conflict(f"there is a principal {name!r} already")
            if owner is not None and records.principal_row(change.connection, owner).kind != Kind.USER:
                raise UsageError(f"an owner is a user; {owner!r} is none")
            change.connection.execute(
                principals.insert().values(
                    name=name,
                    kind=kind.value,
                    enabled=True,
                    owner=owner,
                    version=change.generation,
                    credentials_version=change.generation,
                    created_at_s=now_s,
                )
            )
            for group in sorted(wanted):
                change.connection.execute(memberships.insert().values(principal=name, group_name=group))
        self.refresh()
        return self.account(name).principal

    def add_group(self, name: str, group: str) -> bool:
        """Put a principal into a group; False when it was in it. Raises NotFound, UsageError."""
        names.group_name(group)
        with self._store.changing() as change:
            records.principal_row(change.connection, name)
            if (
                change.connection.execute(select(memberships).where(*records.membership(name, group))).first()
                is not None
            ):
                return False
            change.connection.execute(memberships.insert().values(principal=name, group_name=group))
            records.touch(change, name)
        self.refresh()
        return True

    def remove_group(self, name: str, group: str) -> bool:
        """Take a principal out of a group; False when it was not in it. Raises NotFound."""
        with self._store.changing() as change:
            records.principal_row(change.connection, name)
            if not change.connection.execute(delete(memberships).where(*records.membership(name, group))).rowcount:
                return False
            records.touch(change, name)
        self.refresh()
        return True

    def set_enabled(self, name: str, is_enabled: bool) -> bool:
        """Let a principal, and the agents it owns, log in or not; False when that was so already. Raises NotFound.

        Those at the console end with it; other running sessions are the gateway's to end: see `may_continue`.
        """
        with self._store.changing() as change:
            if records.principal_row(change.connection, name).enabled == is_enabled:
                return False
            change.connection.execute(update(principals).where(principals.c.name == name).values(enabled=is_enabled))
            if not is_enabled:  # whoever is enabled again signs in again
                change.connection.execute(delete(console_sessions).where(console_sessions.c.principal == name))
            records.touch(change, name)
        self.refresh()
        return True

    def issue(
        self, principal: str, datasources: Iterable[str], ttl_s: float, now_s: float, *, label: str = ""
    ) -> Issued:
        """Make a credential that lives `ttl_s` from `now_s`. Its password exists in the result and nowhere else.

        `datasources` empty means all; whether they exist is the caller's question. `label` is a remark for listings.
        Raises NotFound, Conflict for a principal that may not log in or has `records.LIVE_CREDENTIALS`, and UsageError
        for a TTL, datasource or label that does not fit.
        """
        allowed, remark = names.datasource_names(datasources), names.label(label)
        with self._store.changing() as change:
            kind = records.kind_of_acting(change.connection, principal)
            expires_at_s = expiry(kind, ttl_s, now_s)
            records.require_room(change.connection, principal, now_s)
            credential_id = self._fresh_id(change.connection)
            password = f"tw1_{credential_id}_{self._random_text(SECRET_CHARACTERS)}"
            stored_key, server_key = make_verifier(password, self.salt_of(principal), self.iterations)
            change.connection.execute(
                credentials.insert().values(
                    id=credential_id,
                    principal=principal,
                    datasources=list(allowed),
                    stored_key=stored_key,
                    server_key=server_key,
                    label=remark,
                    created_at_s=now_s,
                    expires_at_s=expires_at_s,
                )
            )
            records.touch_credentials(change, principal)
        self.refresh()
        return Issued(credential_id, principal, principal, Secret(password), allowed, expires_at_s)

    def revoke(self, credential_id: str, now_s: float) -> bool:
        """End a credential for good, expired or not; False when it was revoked already. Raises NotFound.

        New logins with it fail from now on, and sessions at the console that it opened are over; other running sessions
        are the gateway's to end: see `may_continue`.
        """
        with self._store.changing() as change:
            row = records.credential_row(change.connection, credential_id)
            if row.revoked_at_s is not None:
                return False
            ended = update(credentials).where(credentials.c.id == credential_id).values(revoked_at_s=now_s)
            change.connection.execute(ended)
            opened = console_sessions.c.credential == credential_id
            change.connection.execute(delete(console_sessions).where(opened))
            records.touch_credentials(change, row.principal)
        self.refresh()
        return True

    def prune(self, now_s: float) -> int:
        """Forget credentials that ended more than `KEEP_DEAD_S` ago; how many. Answers to logins do not change."""
        limit_s = now_s - KEEP_DEAD_S
        ended = or_(credentials.c.expires_at_s < limit_s, credentials.c.revoked_at_s < limit_s)
        with self._store.changing() as change:
            return change.connection.execute(delete(credentials).where(ended)).rowcount

    def refresh(self) -> None:
        """Read what changed in the store since the last time, if anything. Raises StoreUnavailable."""
        with self._lock:
            self._refresh()

    def _current(self) -> Snapshot:
        age_s = self._clock_s() - self._checked_s
        if self._stale_s is not None:
            if age_s > self._stale_s:
                raise StoreUnavailable(f"control store {self._store.place}: no answer for {age_s:.0f} s")
            return self._snapshot
        # A look-up that meets another thread's refresh answers from what there is rather than wait for it.
        if age_s >= self._store.check_s and self._lock.acquire(blocking=False):
            try:
                self._refresh()
            finally:
                self._lock.release()
        return self._snapshot

    def _refresh(self) -> None:
        checked_s = self._clock_s()
        stamp = self._store.stamp()  # before the rows: a commit in between makes the next check read again
        if stamp != self._stamp:
            with self._store.reading() as connection:
                self._snapshot = advance(self._snapshot, connection, self._latest_s)
            self._stamp = stamp
        self._checked_s = checked_s

    def _fresh_id(self, connection: Connection) -> str:
        while True:  # 2**47 ids: a second round is a once-in-years event
            credential_id = self._random_text(ID_CHARACTERS)
            if connection.execute(select(credentials.c.id).where(credentials.c.id == credential_id)).first() is None:
                return credential_id

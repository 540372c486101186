"""Keep a datasource's catalog snapshot current: read it, notice DDL done elsewhere, read what changed.

One connection per datasource with the gateway's own credential. What changed is asked for every few seconds and when a
session asks; everything is read once a minute, and compared with what was kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import asyncpg

from tidewaiter.config import Datasource
from tidewaiter.errors import TidewaiterError, UpstreamError
from tidewaiter.model import Secret
from tidewaiter.proxy.history import History
from tidewaiter.proxy.upstream import tls_context
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.catalog_mirror import (
    Amendment,
    Mirror,
    System,
    amended,
    amendment,
    changed_types,
    differs,
    recount,
    system,
    unchanged,
    whole,
)
from tidewaiter.sql.catalog_reach import reach
from tidewaiter.sql.catalog_reading import (
    SECTIONS,
    SNAPSHOT_STATEMENT,
    SYSTEM_STATEMENT,
    answered,
    choice,
    excerpt_answered,
    holders,
    holders_answered,
    keys,
    keys_answered,
    statement,
    system_answered,
)

POLL_S = 2.0
"""DDL done elsewhere shows within this and the time of one reading. Finding that nothing changed takes a few ms."""

POLL_SHARE = 20
"""A poll that took t seconds is followed by a pause of at least 20 t: it never uses more than 5 % of one backend."""

FULL_S = 60.0
"""Everything is read this often regardless, the server's own objects too."""

FRESH_S = 0.05
"""A session that masks judges by a catalog that was looked at within this time. What was defined since is noticed
before anything of the answer leaves (`look`), and costs the client an error: the younger the catalog, the rarer."""

FRESH_SHARE = 5
"""A look that took t seconds counts as fresh for at least 5 t: such sessions use no more than 20 % of one backend."""

SOON_S = 0.05
"""Between a session's DDL and the reading for others: time for the session to read itself, or to go on defining."""

SOON_SHARE = 4
"""A reading that took t seconds is followed by a pause of 4 t, however many definitions a migration makes."""

PRINTINGS = 5
"""A reading is tried so often where a view, rule or trigger is dropped while its text is printed."""

ROLE = "select r.rolsuper from pg_catalog.pg_roles r where r.rolname = session_user"

CONNECT_S = 10.0
COMMAND_S = 60.0  # far above reading the catalog of 10,000 relations; a hung server counts as lost
BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)

_SETTINGS = {
    "application_name": "tidewaiter catalog",
    "search_path": "pg_catalog",
    "default_transaction_read_only": "on",
    # Printing views and rules locks their relations. Below deadlock_timeout (1 s), so that we give way, never a client.
    "lock_timeout": "100ms",
    "jit": "off",  # large statements over few rows
    "plan_cache_mode": "force_generic_plan",  # planning them costs ten times what running them does
    "max_parallel_workers_per_gather": "0",
    "join_collapse_limit": "1",  # joins are written in the order that is right for a few owners
}


class _Connection(Protocol):
    """What is used of asyncpg, which has no types of its own."""

    async def fetchval(self, query: str, *values: str | Sequence[int] | Sequence[str]) -> Any: ...
    def transaction(self, *, isolation: str, readonly: bool) -> AbstractAsyncContextManager[object]: ...
    def is_closed(self) -> bool: ...
    def terminate(self) -> None: ...


_connect: Callable[..., Awaitable[_Connection]] = asyncpg.connect


def _ignore(problem: str) -> None:
    """Where nobody listens; `problem` still shows it."""


class CatalogWatch:
    """The present catalog of one datasource. `report` is told each new problem once, as one line.

    `current` is empty before the first reading, so that every name is unknown. `settled` is the same, None while a
    session has made definitions that are not read yet: then nothing may be judged. `stale_since` is the time on
    `clock_s` since when changes may have been missed, None while everything is read as it should be. `completed` counts
    readings.
    `refuses` says why no session may begin: the datasource's user has become a superuser, whom no policy holds.
    """

    def __init__(
        self,
        datasource: Datasource,
        password: Secret,
        report: Callable[[str], None] = _ignore,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.current = Catalog()
        self.settled: Catalog | None = self.current
        self.completed = 0
        self.history = History()
        self.problem: str | None = None
        self.refuses: str | None = None
        self.mirror: Mirror | None = None
        self._datasource = datasource
        self._password = password
        self._report = report
        self._clock_s = clock_s
        self.stale_since: float | None = clock_s()
        self._connection: _Connection | None = None
        self._lock = asyncio.Lock()
        self._is_reading = False
        self._attempts = self._good_attempt = self._failed_attempt = 0
        self._target = 0
        self._looked = asyncio.Event()
        self._wanted = asyncio.Event()
        self._is_awaited = False
        self._asked = asyncio.Event()
        self._look: asyncio.Future[None] | None = None  # that is asked for and has not begun
        self._change: Amendment | str | None = None  # found by the present reading; a text where nobody knows how far
        self._fresh_until = 0.0
        self._whole_at: float | None = None  # when all was read on the present connection, the server's own objects too

    def refresh_soon(self) -> int:
        """Ask `run` for a reading that begins after now; return the `completed` at which it is there."""
        due = self.completed + (2 if self._is_reading else 1)
        self._target = max(self._target, due)
        self.settled = None
        self._wanted.set()
        return due

    @property
    def is_behind(self) -> bool:
        """Whether a session has made definitions that are not read yet."""
        return self._target > self.completed

    @property
    def is_fresh(self) -> bool:
        """Whether the database was looked at a moment ago."""
        return self._clock_s() < self._fresh_until

    @property
    def is_reading(self) -> bool:
        """Whether a snapshot of the database may be open."""
        return self._is_reading

    async def at_rest(self) -> None:
        """Return when the present reading, if there is one, has ended."""
        async with self._lock:
            pass

    async def refresh(self) -> Catalog:
        """A catalog whose reading began after this call. Calls that wait together share one reading.

        Raises UpstreamError when the database cannot be read; the catalog stays as it was, and `stale_since` says so.
        """
        asked = self._attempts
        async with self._lock:
            if self._failed_attempt > asked:  # began after this call; trying again for each waiter helps nobody
                raise UpstreamError(self.problem or "the catalog cannot be read")
            if self._good_attempt <= asked:
                await self._read()
        return self.current

    async def catch_up(self) -> Catalog:
        """As `refresh`, but counted as a reading only if something changed."""
        asked = self._attempts
        async with self._lock:
            if self._good_attempt <= asked:
                await self._read(is_counted=False)
        return self.current

    async def catch_up_within(self, limit_s: float) -> None:
        """Have `run` look at the database now, and wait no longer than that for what it finds."""
        self._is_awaited = True
        self._wanted.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._looked.wait()

    def look(self) -> asyncio.Future[None]:
        """Done when `run` has looked at the database after now: `history` knows all that had changed before.

        All who ask until the look begins share it. It fails with UpstreamError when the database cannot be read.
        """
        if self._look is None:
            self._look = asyncio.get_running_loop().create_future()
            self._asked.set()
        return self._look

    async def close(self) -> None:
        """End the connection, for those who read once; `run` does so itself."""
        async with self._lock:
            self._drop()
            await asyncio.sleep(0)  # the transport closes in the loop's next round

    async def run(self) -> None:
        """Follow the database until cancelled, and look at it whenever that is asked for."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_when_asked())
                await self._follow()
        finally:
            self._drop()

    async def _follow(self) -> None:
        """Read what changed, again and again. Failures are reported and tried again, with growing pauses."""
        failures, took, is_due = 0, 0.0, True
        while True:
            began = self._clock_s()
            try:
                if await self._poll(is_due=is_due):
                    took = self._clock_s() - began
                failures, pause = 0, max(POLL_S, POLL_SHARE * took)
            except TidewaiterError:
                pause = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                failures += 1
            self._looked.set()
            self._looked = asyncio.Event()
            self._is_awaited = False
            self._wanted.clear()
            if failures or not self.is_behind:
                is_due = await self._pause(pause) or failures > 0
            await asyncio.sleep(max(SOON_S, SOON_SHARE * took))

    async def _look_when_asked(self) -> None:
        """One look after the other, each for all who had asked when it began."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            async with self._lock:
                look, self._look = self._look, None
                assert look is not None
                try:
                    await self._read(is_counted=False)
                except TidewaiterError as error:
                    look.set_exception(error)
                else:
                    look.set_result(None)

    async def _pause(self, pause_s: float) -> bool:
        """Whether the whole pause went by; False when a reading was wanted before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wanted.wait()
                return False
        return True

    async def _poll(self, *, is_due: bool) -> bool:
        """Read what changed; return False where that was only wanted by a session that has read it itself meanwhile.

        Raises UpstreamError.
        """
        async with self._lock:
            if not (is_due or self.is_behind or self._is_awaited):
                return False
            await self._read(is_counted=False)
        return True

    async def _read(self, *, is_counted: bool = True) -> None:
        """One reading, in one transaction, so that its parts fit together. Raises UpstreamError."""
        self._is_reading = True
        self._attempts += 1
        whole_at, began_s, before = self._whole_at, self._clock_s(), self.mirror
        try:
            mirror = await self._present()
        except BaseException as failure:
            self._failed_attempt = self._attempts if isinstance(failure, Exception) else self._failed_attempt
            raise self._failed(failure) from failure
        finally:
            self._is_reading = False
        has_changed = self.mirror is None or mirror.catalog.version != self.current.version
        self.mirror, self.current = mirror, mirror.catalog if has_changed else self.current
        change = self._change
        if isinstance(change, Amendment) and before is not None:
            self.history.note(reach(before, mirror, change))
        elif change is not None:
            self.history.note(None)
        self.completed += is_counted or has_changed or self.is_behind or self._whole_at != whole_at
        self.settled = None if self.is_behind else self.current
        self._good_attempt = self._attempts
        self._fresh_until = began_s + max(FRESH_S, FRESH_SHARE * (self._clock_s() - began_s))
        self._succeeded()

    async def _present(self) -> Mirror:
        """What is there now; the same where no transaction has ended that could have changed anything."""
        connection, known = await self._connected(), self.mirror
        self._change = None
        is_known = known is not None and not (known.unprinted or self._is_whole_due)
        if known is not None and is_known and await connection.fetchval(SNAPSHOT_STATEMENT) == known.snapshot:
            return known
        mirror = await self._printed(connection)
        if mirror is None:
            # A definition elsewhere is under way. Without texts those views and rules are not understood, and soon
            # read again.
            mirror = await self._mirrored(connection, is_printed=False)
        await self._look_at_role(connection)
        return mirror

    async def _printed(self, connection: _Connection) -> Mirror | None:
        """The catalog with stored trees; None where they are locked, or go while they are printed again and again."""
        for _ in range(PRINTINGS):
            # What prints looks relations up as they are now, not as they were when the transaction began.
            with contextlib.suppress(asyncpg.InternalServerError):
                try:
                    return await self._mirrored(connection, is_printed=True)
                except asyncpg.LockNotAvailableError:
                    return None
        return None

    @property
    def _is_whole_due(self) -> bool:
        return self._whole_at is None or self._clock_s() - self._whole_at >= FULL_S

    async def _mirrored(self, connection: _Connection, *, is_printed: bool) -> Mirror:
        """The catalog of this moment, by what changed, or once in a while read as a whole."""
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            mirror, own, now_s = None, None, self._clock_s()
            self._change = "nothing was known"
            if self._whole_at is not None and self.mirror is not None:
                mirror = await self._amended(connection, self.mirror, is_printed=is_printed)
                if now_s - self._whole_at < FULL_S:
                    own = self.mirror.own
                    if mirror is not None:
                        return mirror
            read = await self._whole(connection, own, is_printed=is_printed)
        if mirror is not None and not (read.unprinted or mirror.unprinted) and (wrong := differs(mirror, read)):
            name = self._datasource.name
            self._report(f"datasource {name}: the catalog that was kept was not the database's: {', '.join(wrong)}")
            self._change = "lineage did not tell it"
        self._whole_at = self._whole_at if own is not None else now_s
        return read

    async def _whole(self, connection: _Connection, own: System | None, *, is_printed: bool) -> Mirror:
        """Everything; what came with the server only where it is not given."""
        sections = _sections(SECTIONS, is_printed=is_printed)
        answer = await connection.fetchval(statement(sections, is_printed=is_printed), "")
        if own is None:
            own = system(system_answered(await connection.fetchval(SYSTEM_STATEMENT)))
        # This takes some 50 ms for 1,000 relations: too long for the event loop.
        return await asyncio.to_thread(lambda: whole(*answered(answer, sections), own, is_unprinted=not is_printed))

    async def _amended(self, connection: _Connection, mirror: Mirror, *, is_printed: bool) -> Mirror | None:
        """The mirror with what changed; None when everything must be read."""
        changes, _ = answered(await connection.fetchval(statement(), mirror.oldest), ())
        there = {name: keys_answered(await connection.fetchval(keys(name))) for name in recount(mirror, changes)}
        types = changed_types(mirror, changes)
        held = holders_answered(await connection.fetchval(holders(), types)) if types else ()
        self._change = change = amendment(mirror, changes, there, held)
        if change is None:
            return unchanged(mirror, changes)
        if not isinstance(change, Amendment) or change.is_whole:
            return None
        sections = _sections(change.sections, is_printed=is_printed)
        if not sections:
            return amended(mirror, change, {}, is_unprinted=not is_printed)
        answer = await connection.fetchval(choice(is_printed=is_printed), sorted(change.owners), sections)
        rows = excerpt_answered(answer, SECTIONS)
        return await asyncio.to_thread(amended, mirror, change, rows, is_unprinted=not is_printed)

    async def _connected(self) -> _Connection:
        if self._connection is None or self._connection.is_closed():
            source = self._datasource
            self._connection = await _connect(
                host=source.address.host,
                port=source.address.port,
                database=source.database,
                user=source.user,
                password=self._password.value,
                ssl="prefer" if source.tls == "prefer" else tls_context(source) or False,
                timeout=CONNECT_S,
                command_timeout=COMMAND_S,
                max_cacheable_statement_size=0,  # however long they are, they are prepared once
                max_cached_statement_lifetime=0,
                server_settings=_SETTINGS,
            )
        return self._connection

    async def _look_at_role(self, connection: _Connection) -> None:
        """A role can become a superuser while the gateway runs."""
        source = self._datasource
        is_refused = await connection.fetchval(ROLE) and source.mode == "enforce" and not source.allow_superuser
        if is_refused and self.refuses is None:
            self.refuses = f"user {source.user} of datasource {source.name} is a superuser, whom no policy holds"
            self._report(f"{self.refuses}; sessions on it are refused until it is an ordinary role again")
        elif not is_refused:
            self.refuses = None

    def _failed(self, failure: BaseException) -> BaseException:
        """Drop the connection, whose state nobody knows now; report; say what to raise."""
        self._drop()
        self.stale_since = self.stale_since if self.stale_since is not None else self._clock_s()
        self._fresh_until = self._clock_s() + POLL_S  # nobody waits for a database that gives no answer
        if not isinstance(failure, Exception):  # cancelled, or the interpreter stops
            return failure
        problem = f"datasource {self._datasource.name}: the catalog cannot be read: {failure or failure!r}"
        if problem != self.problem:
            self.problem = problem
            self._report(problem)
        return UpstreamError(problem)

    def _succeeded(self) -> None:
        self.problem = None
        self.stale_since = None

    def _drop(self) -> None:
        self._whole_at = None
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _sections(wanted: tuple[str, ...], *, is_printed: bool) -> tuple[str, ...]:
    return wanted if is_printed else tuple(name for name in wanted if name != "view_definitions")

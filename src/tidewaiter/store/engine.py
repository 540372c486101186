"""Opens the control store: where it is, who may read the file, one writer at a time, and a cheap "did it change?".

SQLite (the default) runs in WAL mode with foreign keys, `synchronous=FULL` (a revocation survives a power cut) and a
busy timeout; https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html. PostgreSQL serves several gateways.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select, text, update
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tidewaiter.errors import ConfigError, StoreUnavailable
from tidewaiter.store import schema
from tidewaiter.store.tables import HEAD, meta

BUSY_MS = 5000  # writers hold the lock for a few ms; a store that is busy for seconds is a fault to report
SQLITE_CHECK_S = 0.02  # one PRAGMA (3 µs) per 20 ms: a revocation elsewhere counts within 20 ms, the cost is nothing
POSTGRES_CHECK_S = 0.25  # a decision made at another gateway counts within this and a few round trips
CONNECT_S = 3
ANSWER_S = 6.0  # the server's own limit, BUSY_MS, comes first; a server that hangs, or a cut line, says nothing at all
_SUPPORTED = "sqlite:///state/control.sqlite or postgresql://HOST/DATABASE"


class Change:
    """One write transaction. Taking `generation` marks the store as changed; not taking it leaves readers' caches."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        # Writers queue here (SQLite: BEGIN IMMEDIATE did it), so that generations commit in order and a check made in
        # this transaction still holds when it commits.
        self._before: int = connection.execute(select(meta.c.generation).with_for_update()).scalar_one()
        self._taken = False

    @property
    def generation(self) -> int:
        """The number of this change: larger than that of every change before it."""
        if not self._taken:
            self._taken = True
            self.connection.execute(update(meta).values(generation=self._before + 1))
        return self._before + 1


class Store:
    """An open control store. Thread-safe. `check_s` is how often, at most, asking `stamp` makes sense.

    `is_shared`: several gateways may use it, and asking it is a round trip.
    """

    def __init__(self, engine: Engine, place: str, check_s: float) -> None:
        """Take an engine whose schema is at `HEAD`; use `open_store` instead."""
        self.place = place
        self.check_s = check_s
        self._engine = engine
        self.is_shared = not _is_sqlite(engine.url)
        options = {"isolation_level": "REPEATABLE READ"} if self.is_shared else {}
        self._reader = engine.execution_options(**options)
        self._writer = engine.execution_options(immediate=True)
        self._asker = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._told = (0.0, 0.0)  # the server's time, and when it said so by our monotonic clock
        with self.reading() as connection:
            self.salt_key: bytes = connection.execute(select(meta.c.salt_key)).scalar_one()
        self._watch = None if self.is_shared else _watch(engine.url)
        self._watch_lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent snapshot. Raises StoreUnavailable."""
        with _reported(self.place), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def changing(self) -> Iterator[Change]:
        """One write transaction, committed durably at the end, rolled back by any error. Raises StoreUnavailable."""
        with _reported(self.place), self._writer.begin() as connection:
            yield Change(connection)

    def stamp(self) -> int:
        """A number that differs from the last one when anything was committed in between, by whichever process.

        Read it before the rows it stands for. Raises StoreUnavailable. Cost: 3 µs (SQLite), a round trip (PostgreSQL).
        """
        if self._watch is None:
            return self._ask()
        try:
            with self._watch_lock:
                return int(self._watch.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise StoreUnavailable(f"control store {self.place}: {error}") from error

    def clock(self, now_s: Callable[[], float]) -> Callable[[], float]:
        """The clock by which whatever several gateways share is judged, Unix time: the server's, or `now_s` on SQLite.

        It goes on by our monotonic clock from what `stamp` was told last, so a clock that is off, or set, here moves
        nothing. Raises StoreUnavailable.
        """
        if not self.is_shared:
            return now_s
        self._ask()

        def shared_s() -> float:
            told_s, at_s = self._told
            return told_s + time.monotonic() - at_s

        return shared_s

    def _ask(self) -> int:
        """The generation, and what time it is."""
        with _reported(self.place), self._asker.connect() as connection:
            row = connection.execute(select(meta.c.generation, func.extract("epoch", func.clock_timestamp()))).one()
        self._told = float(row[1]), time.monotonic()
        return int(row[0])

    def close(self) -> None:
        """Give back every connection. The store must not be used afterwards."""
        if self._watch is not None:
            self._watch.close()
        self._engine.dispose()


def open_store(url: str, folder: Path, token_bytes: Callable[[int], bytes] = secrets.token_bytes) -> Store:
    """Open the store at `url`, creating or upgrading it. `sqlite:///relative/path` is relative to `folder`.

    The SQLite file and its folder are made for the owner only; a file that others could read is tightened to 0600.
    `token_bytes` makes the deployment's salt key, once. Raises ConfigError for a URL that cannot be used, a missing
    driver and a schema newer than this code, StoreUnavailable when the database does not answer.
    """
    try:
        target = _target(url, folder)
    except ValueError as error:
        raise ConfigError([f"[store] url: {error}"]) from None
    place = target.render_as_string(hide_password=True)
    with _reported(place):
        if not _is_sqlite(target):
            return _ready(_postgres(target), place, POSTGRES_CHECK_S, token_bytes)
        _make_private(Path(str(target.database)), place)
        return _ready(_sqlite(target), place, SQLITE_CHECK_S, token_bytes)


def check_url(url: str, folder: Path) -> None:
    """Look at a URL for `open_store` without opening anything. Raises ValueError."""
    _target(url, folder)


def _target(url: str, folder: Path) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:  # its text repeats the URL, which may hold a password
        raise ValueError(f"not a database URL; use {_SUPPORTED}") from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        if not _has_driver():
            raise ValueError("postgresql needs a driver: pip install 'psycopg[binary]>=3.3.9'")
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite":
        raise ValueError(f"{parsed.drivername} is not supported; use {_SUPPORTED}")
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise ValueError("sqlite needs a plain file, as in sqlite:///state/control.sqlite")
    return URL.create("sqlite", database=str(folder / parsed.database))


def _has_driver() -> bool:
    """Whether there is a psycopg that can be told how long to wait for an answer; see `_impatient`."""
    if find_spec("psycopg") is None:
        return False
    import psycopg

    return "timeout" in signature(psycopg.Connection.wait).parameters


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _make_private(path: Path, place: str) -> None:
    """SQLite gives its -wal and -shm files the permissions of the database file, so this one file decides.

    An existing file is not opened: closing it would drop the locks that this process's other connections hold on it
    (https://www.sqlite.org/howtocorrupt.html §2.2).
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
    except OSError as error:
        raise StoreUnavailable(f"control store {place}: {error.strerror or error}") from error


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, pool_size=2, max_overflow=6, connect_args={"timeout": BUSY_MS / 1000})

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in ("foreign_keys=ON", "synchronous=FULL", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        is_writer = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _postgres(url: URL) -> Engine:
    # Writers queue behind one row: a gateway that vanishes in the middle of a change must not keep it for hours.
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": BUSY_MS,
        "options": " ".join(f"-c {name}={BUSY_MS}" for name in names),
    }
    engine = create_engine(url, pool_size=2, max_overflow=6, pool_pre_ping=True, connect_args=arguments)
    event.listen(engine, "do_connect", _impatient)
    return engine


def _impatient(_dialect: object, _record: object, _positional: object, arguments: dict[str, Any]) -> Any:
    """A connection that waits for no answer longer than ANSWER_S, and is closed then."""
    import psycopg  # an optional dependency

    class Impatient(psycopg.Connection[Any]):
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, ANSWER_S if timeout is None else timeout)
            except psycopg.OperationalError:
                if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                    self.close()
                raise

    return Impatient.connect(**arguments)


def _ready(engine: Engine, place: str, check_s: float, token_bytes: Callable[[int], bytes]) -> Store:
    try:
        if not _is_current(engine):
            _upgrade(engine, place, token_bytes)
        return Store(engine, place, check_s)
    except BaseException:
        engine.dispose()
        raise


def _is_current(engine: Engine) -> bool:
    with engine.begin() as connection:
        return schema.revision_of(connection) == HEAD


def _upgrade(engine: Engine, place: str, token_bytes: Callable[[int], bytes]) -> None:
    if _is_sqlite(engine.url):
        _use_wal(engine)
    with engine.execution_options(immediate=True).begin() as connection:
        if not _is_sqlite(engine.url):
            connection.execute(text("select pg_advisory_xact_lock(8410416711)"))  # any number that only we take
        schema.upgrade(connection, place, token_bytes)


def _use_wal(engine: Engine) -> None:
    """WAL mode stays with the file. It cannot be set inside a transaction.

    SQLite does not wait for a lock here, so when several processes open a new store at once, we wait ourselves.
    """
    deadline = time.monotonic() + BUSY_MS / 1000
    raw = engine.raw_connection()
    try:
        while True:
            try:
                raw.cursor().execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
    finally:
        raw.close()


def _watch(url: URL) -> sqlite3.Connection:
    """A connection that never writes: SQLite's data_version tells it of every commit made by any other."""
    path = str(url.database)
    return sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)


@contextmanager
def _reported(place: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise StoreUnavailable(f"control store {place}: {reason}") from error

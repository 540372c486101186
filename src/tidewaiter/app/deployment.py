"""A deployment folder opened for one command while no server runs. The ledger is locked only to record.

Each part is imported when a command needs it: most need the store and the ledger, and neither policies nor databases.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tidewaiter.admin.site import Finding, Reached, Sessions
from tidewaiter.channels.outbox import Outbox
from tidewaiter.config import Config
from tidewaiter.errors import ConfigError, NotFound
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Accounts
from tidewaiter.ledger.entry import members
from tidewaiter.ledger.keys import Keys
from tidewaiter.ledger.log import Log
from tidewaiter.model import Receipt
from tidewaiter.store import Store, open_store

if TYPE_CHECKING:
    from tidewaiter.approvals.requests import Requests
    from tidewaiter.floor.rights import Rights
    from tidewaiter.policy import Policies
    from tidewaiter.sql.catalog import Catalog


def ledger_folder(config: Config) -> Path:
    """Where a deployment's ledger is."""
    return config.state / "ledger"


def keys_of(config: Config) -> Keys:
    """The ledger's keys. Raises ConfigError."""
    keys = Keys.load(config.keys)
    if keys.origin != config.ledger.origin:
        raise ConfigError(
            [
                f"{config.place('ledger', 'origin')}the key in {config.keys} is of the log "
                f'"{keys.origin}": set origin = "{keys.origin}"'
            ]
        )
    return keys


def open_log(config: Config, clock_ns: Callable[[], int], *, announce: bool) -> Log:
    """The deployment's log, locked for writing; `announce` writes a log.start entry.

    Raises ConfigError, LedgerBusy, LedgerUnavailable, Tampered.
    """
    keys = keys_of(config)
    return Log.open(ledger_folder(config), origin=keys.origin, keys=keys, clock_ns=clock_ns, announce=announce)


class Deployment:
    """Store, directory, policies and ledger of a folder without a server. Use it as a context manager."""

    sessions: Sessions | None = None

    def __init__(self, config: Config, environ: Mapping[str, str], clock_ns: Callable[[], int] = time.time_ns) -> None:
        """Nothing is opened until it is needed. `clock_ns` is Unix time."""
        self.config = config
        self._environ = environ
        self._clock_ns = clock_ns
        self._now_s: Callable[[], float] = lambda: clock_ns() / 1e9
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._opened.close()

    def now_s(self) -> float:
        """Unix time; once the store is open, by the clock that its gateways share."""
        return self._now_s()

    @cached_property
    def store(self) -> Store:
        """The control store. Raises ConfigError, StoreUnavailable."""
        store = open_store(self.config.store.url, self.config.folder)
        self._opened.callback(store.close)
        self._now_s = store.clock(self._now_s)
        return store

    @cached_property
    def directory(self) -> Directory:
        """Principals and credentials. Raises ConfigError, StoreUnavailable."""
        return Directory(self.store, self.now_s())

    @cached_property
    def requests(self) -> Requests:
        """Requests for approval. Raises ConfigError, StoreUnavailable."""
        from tidewaiter.app.approving import requests_of

        return requests_of(self.config, self.store, self, self.now_s)

    @cached_property
    def accounts(self) -> Accounts:
        """Accounts of principals elsewhere. Raises ConfigError, StoreUnavailable."""
        return Accounts(self.store)

    @cached_property
    def outbox(self) -> Outbox:
        """What channels were told. Raises ConfigError, StoreUnavailable."""
        return Outbox(self.store)

    @cached_property
    def log(self) -> Log:
        """The ledger, locked until the deployment is closed. Raises LedgerBusy while a server runs."""
        log = open_log(self.config, self._clock_ns, announce=False)
        self._opened.callback(log.close)
        return log

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        """Append an entry and make it durable."""
        receipt = self.log.append(kind, members(fields))
        self.log.write()
        self.log.sync()
        return receipt

    async def policies(self) -> Policies:
        """The policies on disk. Raises ConfigError."""
        from tidewaiter.app.shelf import edition_on_disk

        return edition_on_disk(self.config).policies

    async def catalog(self, datasource: str) -> Catalog:
        """The catalog, read from the database now. Raises UpstreamError."""
        from tidewaiter.app.upstreams import catalog_once, secret_of

        source = self.config.datasources[datasource]
        return await catalog_once(source, secret_of(self.config, source, self._environ))

    async def reach(self, datasource: str) -> Reached:
        """Log in to the datasource's database as the gateway does."""
        from tidewaiter.app.upstreams import reach, secret_of

        source = self.config.datasources[datasource]
        return await reach(source, secret_of(self.config, source, self._environ))

    async def probe(self, channel: str) -> str:
        """Whether a channel would work."""
        from tidewaiter.app.channelling import lines_of, switchboard_of

        lines = lines_of(self.config, self._environ, self.now_s)
        board = switchboard_of(self.config, lines, self.store, self.directory, self, self.now_s, lambda problem: None)
        try:
            return await board.probe(channel)
        finally:
            await board.close()

    def hears(self, channel: str) -> str:
        """No server runs, so none hears anything."""
        return "no server is running"

    async def rights(self, datasource: str, columns: Sequence[tuple[str, str, str]]) -> Rights:
        """Who may read which of some columns by the database's own rules."""
        from tidewaiter.app.upstreams import rights, secret_of

        source = self.config.datasources[datasource]
        return await rights(source, secret_of(self.config, source, self._environ), columns)

    async def reload(self, by: Mapping[str, object]) -> dict[str, object]:
        """There is nothing to reload: the next server reads the files anyway."""
        raise NotFound("no server is running on this folder, so there is nothing to reload")

    async def check(self) -> list[Finding]:
        """Look at everything that has to work; the ledger by opening it."""
        from tidewaiter.app import checks
        from tidewaiter.app.channelling import findings

        channels = findings(self.config, self._environ, self.now_s)
        return [*await checks.common(self), *channels, checks.ledger_opens(lambda: self.log.size)]

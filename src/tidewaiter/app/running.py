"""A running gateway as the operations see it, and what keeps it from serving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from tidewaiter.admin.site import Finding, Reached, Sessions
from tidewaiter.app import checks
from tidewaiter.app.shelf import PolicyShelf, edition_on_disk
from tidewaiter.app.upstreams import reach
from tidewaiter.config import Config
from tidewaiter.errors import ConfigError
from tidewaiter.identity import Directory
from tidewaiter.ledger.entry import members
from tidewaiter.model import Receipt, Secret
from tidewaiter.policy import Policies
from tidewaiter.sql.catalog import Catalog

CONFIG_FILES = ("tidewaiter.toml", "classification.toml")


class Ledger(Protocol):
    """What a running site needs of the ledger's recorder."""

    @property
    def available(self) -> bool: ...

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt: ...

    async def durable(self, receipt: Receipt) -> None: ...


class Watch(Protocol):
    """Where a datasource's present catalog comes from."""

    async def refresh(self) -> Catalog: ...


class Door(Sessions, Protocol):
    """The gateway, as far as the operations need it."""

    @property
    def is_accepting(self) -> bool: ...


def digests_of(config: Config) -> dict[str, str]:
    """SHA-256 of each configuration file, "" for one that is not there. Files hold references, never secrets."""
    found = {}
    for name in CONFIG_FILES:
        path = config.folder / name
        found[name] = sha256(path.read_bytes()).hexdigest() if path.exists() else ""
    return found


@dataclass
class Running:
    """Everything of a running server that an operation can touch. `say` reaches the operator: stderr."""

    config: Config
    directory: Directory
    shelf: PolicyShelf
    recorder: Ledger
    gateway: Door
    watches: Mapping[str, Watch]
    secrets: Mapping[str, Secret]
    config_digests: Mapping[str, str]
    clock_ns: Callable[[], int]
    say: Callable[[str], None]
    is_stopping: bool = False
    is_started: bool = False

    def __post_init__(self) -> None:
        self._changing = asyncio.Lock()

    @property
    def sessions(self) -> Sessions | None:
        """Live sessions."""
        return self.gateway

    def now_s(self) -> float:
        """Unix time."""
        return self.clock_ns() / 1e9

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        """Append an entry and wait until it is durable."""
        receipt = self.recorder.record(kind, members(fields))
        await self.recorder.durable(receipt)
        return receipt

    async def policies(self) -> Policies:
        """The policies in force, which may differ from those on disk."""
        return self.shelf.policies()

    async def catalog(self, datasource: str) -> Catalog:
        """The catalog, read again now."""
        return await self.watches[datasource].refresh()

    async def reach(self, datasource: str) -> Reached:
        """Log in to the datasource's database as the gateway does."""
        return await reach(self.config.datasources[datasource], self.secrets[datasource])

    async def reload(self, by: Mapping[str, object]) -> dict[str, object]:
        """Put the policies on disk in force: recorded first, then swapped at once for all sessions.

        An invalid set changes nothing, is recorded, said on stderr, and raised as ConfigError. Changes of the
        configuration files are not put in force; the answer says which need a restart.
        """
        async with self._changing:
            before = self.shelf.edition
            try:
                edition = await asyncio.to_thread(edition_on_disk, self.config)
            except ConfigError as error:
                self.say("the policies on disk are refused, those in force stay:")
                for problem in error.problems:
                    self.say(f"  {problem}")
                await self.record("policy.refused", {"problems": error.problems[:20], "by": by})
                raise
            changed = edition.policies.version != before.policies.version
            if changed:
                await self.record("policy.change", edition.fields() | {"by": by})
                self.shelf.edition = edition
                for warning in edition.policies.warnings:
                    self.say(f"warning: {warning}")
        now = digests_of(self.config)
        pending = [name for name, digest in now.items() if digest != self.config_digests[name]]
        for name in pending:
            self.say(f"{name} was changed: restart the server to put it in force")
        return {"changed": changed, "policies": edition.policies.version, "needs_restart": pending}

    async def check(self) -> list[Finding]:
        """Look at everything that has to work, from inside the server."""
        said = "is written by the running server" if self.recorder.available else "cannot be written"
        return [*await checks.common(self), Finding("ledger", self.recorder.available, said)]

    def obstacles(self) -> list[str]:
        """What keeps this server from serving; nothing means ready."""
        found = []
        if self.is_stopping:
            found.append("the server is stopping")
        elif not (self.is_started and self.gateway.is_accepting):
            found.append("the server is starting")
        if not self.recorder.available:
            found.append("the ledger cannot be written")
        return found

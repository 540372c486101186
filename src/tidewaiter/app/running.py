"""A running gateway as the operations see it, and what keeps it from serving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

from tidewaiter.admin.site import Finding, Reached, Sessions
from tidewaiter.app import checks
from tidewaiter.app.channelling import findings
from tidewaiter.app.shelf import PolicyShelf, edition_on_disk
from tidewaiter.app.upstreams import reach, rights
from tidewaiter.approvals.requests import Requests
from tidewaiter.channels.outbox import Outbox
from tidewaiter.channels.switchboard import Switchboard
from tidewaiter.config import Config, differing, load
from tidewaiter.errors import ConfigError, TidewaiterError
from tidewaiter.floor.rights import Rights
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Accounts
from tidewaiter.ledger.entry import members
from tidewaiter.model import Receipt, Secret
from tidewaiter.policy import Policies
from tidewaiter.sql.catalog import Catalog

MAIN_FILE = "tidewaiter.toml"


class Ledger(Protocol):
    """What a running site needs of the ledger's recorder."""

    @property
    def available(self) -> bool: ...

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt: ...

    def durable(self, receipt: Receipt) -> Awaitable[None]: ...


class Watch(Protocol):
    """Where a datasource's present catalog comes from."""

    async def refresh(self) -> Catalog: ...


class Door(Protocol):
    """The gateway, as far as the operations need it."""

    @property
    def seats(self) -> Sessions:
        """The live sessions."""

    @property
    def is_accepting(self) -> bool: ...


def digests_of(config: Config) -> dict[str, str]:
    """SHA-256 of the configuration file, "" if it is not there. It holds references, never secrets."""
    path = config.folder / MAIN_FILE
    return {MAIN_FILE: sha256(path.read_bytes()).hexdigest() if path.exists() else ""}


@dataclass
class Running:
    """Everything of a running server that an operation can touch. `say` reaches the operator: stderr."""

    config: Config
    directory: Directory
    requests: Requests
    switchboard: Switchboard
    shelf: PolicyShelf
    recorder: Ledger
    gateway: Door
    watches: Mapping[str, Watch]
    secrets: Mapping[str, Secret]
    config_digests: Mapping[str, str]
    clock_ns: Callable[[], int]
    say: Callable[[str], None]
    environ: Mapping[str, str]
    is_stopping: bool = False
    is_started: bool = False

    def __post_init__(self) -> None:
        self._changing = asyncio.Lock()

    @property
    def sessions(self) -> Sessions | None:
        """Live sessions."""
        return self.gateway.seats

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

    @property
    def accounts(self) -> Accounts:
        """Accounts of principals elsewhere."""
        return self.switchboard.accounts

    @property
    def outbox(self) -> Outbox:
        """What channels were told."""
        return self.switchboard.outbox

    async def probe(self, channel: str) -> str:
        """Whether a channel would work."""
        return await self.switchboard.probe(channel)

    def hears(self, channel: str) -> str:
        """What keeps a channel from hearing decisions."""
        return self.switchboard.hears(channel)

    async def rights(self, datasource: str, columns: Sequence[tuple[str, str, str]]) -> Rights:
        """Who may read which of some columns by the database's own rules."""
        return await rights(self.config.datasources[datasource], self.secrets[datasource], columns)

    async def reload(self, by: Mapping[str, object]) -> dict[str, object]:
        """Put policies and classification on disk in force: recorded first, then swapped at once for all sessions.

        An invalid set changes nothing, is recorded, said on stderr, and raised as ConfigError. Changes of
        tidewaiter.toml are not put in force; the answer says which of its keys need a restart, and what is wrong with
        the tags, which are in force all the same.
        """
        async with self._changing:
            before = self.shelf.edition
            try:
                edition = await asyncio.to_thread(edition_on_disk, self.config)
            except ConfigError as error:
                self.say("the policies and classification on disk are refused, those in force stay:")
                for problem in error.problems:
                    self.say(f"  {problem}")
                await self.record("policy.refused", {"problems": error.problems[:20], "by": by})
                raise
            changed = edition.policies.version != before.policies.version
            if changed:
                await self.record("policy.change", edition.fields() | {"by": by})
                self.shelf.edition = edition
                self.config = replace(self.config, classification=edition.policies.classification)
                for warning in edition.policies.warnings:
                    self.say(f"warning: {warning}")
        pending = await asyncio.to_thread(self._pending)
        for what in pending:
            self.say(f"{what} was changed: restart the server to put it in force")
        problems = [problem async for problem in self._unfit()]
        for problem in problems:
            self.say(f"warning: {problem}")
        return {
            "changed": changed, "policies": edition.policies.version, "needs_restart": pending, "problems": problems
        }  # fmt: skip

    async def _unfit(self) -> AsyncIterator[str]:
        """What is wrong with the tags in force, as `check` says it, or why that cannot be told."""
        classification = self.config.classification
        for name in self.config.datasources:
            if classification.classified(name):
                try:
                    catalog = await self.catalog(name)
                except TidewaiterError as error:
                    yield f"datasource {name}: whether its tags fit could not be looked up: {error}"
                else:
                    for fault in checks.faults(classification, name, catalog):
                        yield f"datasource {name}: {fault}"

    def _pending(self) -> list[str]:
        """Which keys of tidewaiter.toml are not as they were at the start; the file's name if it cannot be read."""
        if digests_of(self.config) == self.config_digests:
            return []
        try:
            there = load(self.config.folder / MAIN_FILE, self.environ)
        except ConfigError as error:
            for problem in error.problems:
                self.say(f"the server would not start again: {problem}")
            return [MAIN_FILE]
        return differing(self.config, there)

    async def check(self) -> list[Finding]:
        """Look at everything that has to work, from inside the server."""
        said = "is written by the running server" if self.recorder.available else "cannot be written"
        channels = findings(self.config, self.environ, self.now_s)
        return [*await checks.common(self), *channels, Finding("ledger", self.recorder.available, said)]

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

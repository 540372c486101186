"""What an operation works on: a running gateway, or a deployment folder while no server runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tidewaiter.approvals.requests import Requests
    from tidewaiter.channels.outbox import Outbox
    from tidewaiter.config import Config
    from tidewaiter.floor.rights import Rights
    from tidewaiter.identity import Directory
    from tidewaiter.identity.accounts import Accounts
    from tidewaiter.model import Receipt
    from tidewaiter.policy import Policies
    from tidewaiter.sql.catalog import Catalog


class Sessions(Protocol):
    """Live sessions, as a running gateway knows them."""

    def sessions(self) -> list[dict[str, object]]: ...

    def session(self, identifier: str, /) -> dict[str, object] | None: ...

    def kill(self, identifier: str, reason: str, /) -> bool: ...

    def kill_credential(self, credential: str, reason: str, /) -> int: ...

    def kill_principal(self, name: str, reason: str, /) -> int: ...

    def principals_changed(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reached:
    """What a datasource's database answered. `warnings` say what is wrong with the login that the gateway uses."""

    server_version: str
    is_superuser: bool
    tls: str
    connect_ms: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `check` looked at. `is_ok` false keeps a server from starting or from working as configured."""

    what: str
    is_ok: bool
    said: str
    is_warning: bool = False


class Site(Protocol):
    """Ground under the operations. `sessions` is None while no server runs."""

    @property
    def config(self) -> Config: ...

    @property
    def directory(self) -> Directory: ...

    @property
    def requests(self) -> Requests: ...

    @property
    def accounts(self) -> Accounts: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def sessions(self) -> Sessions | None: ...

    def now_s(self) -> float:
        """Unix time."""

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        """Append an entry; it is durable when this returns. Raises LedgerUnavailable, LedgerBusy."""

    async def policies(self) -> Policies:
        """The policies in force. Raises ConfigError."""

    async def catalog(self, datasource: str) -> Catalog:
        """The datasource's present catalog. Raises UpstreamError."""

    async def reach(self, datasource: str) -> Reached:
        """Log in to the datasource's database as the gateway does. Raises UpstreamError, ConfigError for its secret."""

    async def probe(self, channel: str) -> str:
        """Whether an approval channel would work, and as what it is known. Raises NotFound, Conflict, ConfigError."""

    def hears(self, channel: str) -> str:
        """What keeps a channel of a running server from hearing decisions, empty when nothing does."""

    async def rights(self, datasource: str, columns: Sequence[tuple[str, str, str]]) -> Rights:
        """Who may read which of some (schema, relation, column) by the database's own rules. Raises as `reach`."""

    async def reload(self, by: Mapping[str, object]) -> dict[str, object]:
        """Put the policies on disk in force. Raises ConfigError and keeps the old ones; UsageError without a server."""

    async def check(self) -> list[Finding]:
        """Look at everything that has to work."""

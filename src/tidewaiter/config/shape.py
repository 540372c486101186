"""The configuration as values: what `load` promises about each is written here. Paths are absolute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

RequireTls = Literal["never", "remote", "always"]
Durability = Literal["strict", "balanced"]
Binds = Literal["full", "redacted", "digest", "none"]
Mode = Literal["enforce", "observe"]
SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
Unclassified = Literal["detect", "mask", "deny", "allow"]


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP end point. `host` is a name or an IP address without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TlsPair:
    """PEM files: the certificate chain that clients see, and its private key."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """`[gateway]`: where PostgreSQL clients connect. `tls` is None when no usable pair is configured."""

    postgres: Address
    workers: int
    require_tls: RequireTls
    tls: TlsPair | None
    login_timeout_s: float
    drain_s: float


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """`[console]`: where the console listens, with TLS where `tls` is given.

    `url` is where people reach it from elsewhere, as through a proxy: scheme, host and port, no path.
    `proxies` are networks whose word on a client's address (X-Forwarded-For) is taken.
    """

    listen: Address
    url: str | None = None
    tls: TlsPair | None = None
    proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerConfig:
    """`[ledger]`: what is kept and when it is on disk. `origin` names the log in every checkpoint."""

    durability: Durability
    binds: Binds
    origin: str
    sync_ms: int
    checkpoint_s: float
    heartbeat_s: float


@dataclass(frozen=True, slots=True)
class ApprovalsConfig:
    """`[approvals]`: `shell` allows `request approve --as` on this machine.

    `decide_s` is the time to decide on a request, `run_s` the time to run what was approved. `url` is where approvers
    reach the console, for links in messages, by default `[console] url`; None: messages have no links. `drift` is the
    factor by which the rows of a statement may differ when it runs from what was approved.
    """

    shell: bool
    decide_s: float
    run_s: float
    url: str | None = None
    drift: float = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """`[limits]`: bounds that keep one client from harming the others. Logins are counted per source address."""

    connections: int
    analyse_bytes: int
    statement_bytes: int
    failed_logins_per_minute: int


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """`[store]`: SQLAlchemy URL of the control store; it may hold a password, so it is not shown."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Datasource:
    """One `[[datasource]]`: an upstream database that clients reach as `dbname=<name>`.

    `password` is a secret reference for `resolve_secret`, empty when the upstream asks for none. `roles` maps a
    principal's group to the upstream role that its sessions take. `tls` means what libpq's sslmode means.
    `side_effect_free` are functions, (schema, name), that leave nothing behind when what they did is rolled back.
    """

    name: str
    kind: Literal["postgres"]
    address: Address
    database: str
    user: str
    tls: SslMode
    password: str
    mode: Mode
    roles: Mapping[str, str]
    allow_superuser: bool
    unclassified: Unclassified
    side_effect_free: frozenset[tuple[str, str]] = frozenset()
    tls_root: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True, slots=True)
class Mask:
    """What replaces a tagged value: the mask's name and its parameters, defaults filled in."""

    name: str
    parameters: Mapping[str, int | float | str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Classification:
    """Which columns hold what. `columns` is datasource → "schema.table" as written → column → tags.

    A column with an empty list was looked at and holds nothing; one that is not there was not looked at. `lines` are
    1-based lines of classification.toml, by (datasource, schema, table, column).
    """

    tags: Mapping[str, Mask] = field(default_factory=lambda: MappingProxyType({}))
    columns: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    lines: Mapping[tuple[str, str, str, str], int] = field(
        default_factory=lambda: MappingProxyType({}), compare=False, repr=False
    )

    def tagged(self, datasource: str) -> frozenset[tuple[str, str]]:
        """The (schema, table) of every relation with a tagged column."""
        return frozenset(self.by_relation(datasource))

    def by_relation(self, datasource: str) -> Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]:
        """Column → tags for each (schema, table) of a datasource with a tagged column."""
        found = {}
        for path, columns in self.classified(datasource).items():
            tagged = {column: tags for column, tags in columns.items() if tags}
            if tagged:
                found[path] = tagged
        return found

    def classified(self, datasource: str) -> Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]]:
        """Column → tags, empty for columns that hold nothing, for each (schema, table) that is written down."""
        written = self.columns.get(datasource, {})
        return {split_relation(relation): columns for relation, columns in written.items()}


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """What all kinds have: `datasources` and `groups` say which requests are announced, empty means all."""

    name: str
    kind: str
    datasources: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlackConfig(ChannelConfig):
    """`kind = "slack"`. Either `app_token` (Socket Mode) or `signing_secret` (HTTP) is there. Tokens are references."""

    channel: str
    bot_token: str
    app_token: str | None
    signing_secret: str | None
    api: str


@dataclass(frozen=True, slots=True)
class GithubConfig(ChannelConfig):
    """`kind = "github"`. `repository` is OWNER/NAME. `poll_s` is how often comments are asked for.

    `app` is the client id of a GitHub App; then `token` is its private key.
    """

    repository: str
    token: str
    app: str | None
    webhook_secret: str | None
    poll_s: float
    api: str


@dataclass(frozen=True, slots=True)
class JiraConfig(ChannelConfig):
    """`kind = "jira"`. With `user` the token is Cloud's API token, without it one of Data Center."""

    url: str
    project: str
    token: str
    user: str | None
    issue_type: str
    approve_status: str
    deny_status: str
    webhook_secret: str | None
    poll_s: float


@dataclass(frozen=True, slots=True)
class WebhookConfig(ChannelConfig):
    """`kind = "webhook"`. `url` may be a secret reference. Secrets are references for `resolve_secret`."""

    url: str | None
    secret: str
    previous_secret: str | None
    authorization: str | None
    template: Path | None
    template_over: Path | None
    speaks_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """A deployment, checked. `warnings` are for the operator to read: each is a sentence with its place."""

    folder: Path
    name: str
    timezone: str
    gateway: GatewayConfig
    console: ConsoleConfig
    ledger: LedgerConfig
    approvals: ApprovalsConfig
    limits: Limits
    store: StoreConfig
    datasources: Mapping[str, Datasource]
    classification: Classification
    channels: Mapping[str, ChannelConfig] = field(default_factory=lambda: MappingProxyType({}))
    warnings: tuple[str, ...] = ()
    places: Mapping[tuple[str, ...], str] = field(
        default_factory=lambda: MappingProxyType({}), compare=False, repr=False
    )

    def place(self, *path: str) -> str:
        """How complaints about a key begin that turn up after reading: `tidewaiter.toml:7: [datasource] password: `.

        `path` is section and key, for tables of which there may be several with the name in between.
        """
        found = self.places.get(path)
        return f"[{path[0]}] {'.'.join(path[1:])}: " if found is None else found

    @property
    def state(self) -> Path:
        """Folder of everything that the product writes: ledger, control store, admin socket."""
        return self.folder / "state"

    @property
    def keys(self) -> Path:
        """Folder of private keys; its files are readable by their owner only."""
        return self.folder / "keys"

    @property
    def policies(self) -> Path:
        """Folder of the `*.cedar` files."""
        return self.folder / "policies"


def split_relation(written: str) -> tuple[str, str]:
    """Split `schema.table`, with double quotes as in SQL. Raises ValueError when there are not exactly two names."""
    parts: list[str] = []
    rest = written
    while True:
        part, rest = _quoted(rest) if rest.startswith('"') else _bare(rest)
        parts.append(part)
        if not rest:
            break
        if not rest.startswith("."):
            raise ValueError(f"unexpected {rest!r}")
        rest = rest[1:]
    if len(parts) != 2 or not all(parts):
        raise ValueError('must name schema and table, as in "public.customers"')
    return parts[0], parts[1]


def _bare(text: str) -> tuple[str, str]:
    """An unquoted name folds to lower case, as the server does."""
    name, dot, rest = text.partition(".")
    if '"' in name:
        raise ValueError("a quote must begin and end a name")
    return name.lower(), dot + rest


def _quoted(text: str) -> tuple[str, str]:
    end = 1
    while True:
        end = text.find('"', end)
        if end < 0:
            raise ValueError("a quote is not closed")
        if text[end + 1 : end + 2] != '"':
            return text[1:end].replace('""', '"'), text[end + 1 :]
        end += 2


def differing(before: Config, after: Config) -> list[str]:
    """The keys of tidewaiter.toml whose values differ, as sentences name them: `[gateway] postgres`."""
    found: list[str] = []
    for field_ in fields(Config):
        old, new = getattr(before, field_.name), getattr(after, field_.name)
        if old == new or field_.name in ("classification", "warnings", "folder", "places"):
            continue
        if field_.name == "datasources":
            found += _differing_tables("datasource", old, new)
        elif field_.name == "channels":
            found += _differing_tables("channel", old, new)
        elif is_dataclass(old):
            found += [f"[{field_.name}] {key}" for key in _keys(old, new)]
        else:
            found.append(f"[deployment] {field_.name}")
    return found


def _differing_tables(section: str, before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    found = [f"[[{section}]] {name}" for name in sorted(before.keys() ^ after.keys())]
    for name in sorted(before.keys() & after.keys()):
        same_kind = type(before[name]) is type(after[name])
        keys = _keys(before[name], after[name]) if same_kind else ["kind"]
        found += [f"[[{section}]] {name}: {key}" for key in keys]
    return found


def _keys(before: object, after: object) -> list[str]:
    assert is_dataclass(before)
    return [one.name for one in fields(before) if getattr(before, one.name) != getattr(after, one.name)]

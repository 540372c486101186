"""The control store's tables, in the portable part of SQLAlchemy Core. The migrations make the same tables.

Times are Unix seconds. `generation` counts committed changes of the whole store. A row's `version` is the generation
of its last change, so it grows, is never used twice, and "what changed since generation g" is one indexed comparison.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

HEAD = "0005"
"""The schema revision that this code reads and writes."""

VERSION_TABLE = "tidewaiter_schema"
"""Alembic's table, under a name of our own so that it does not meet another program's `alembic_version`."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", BigInteger, nullable=False),
    Column("salt_key", LargeBinary(32), nullable=False),
    CheckConstraint("id = 1", name="meta_has_one_row"),
)

principals = Table(
    "principals",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("owner", String(63), ForeignKey("principals.name", name="principals_owner"), nullable=True),
    Column("version", BigInteger, nullable=False),
    Column("credentials_version", BigInteger, nullable=False),
    Column("created_at_s", Double, nullable=False),
    CheckConstraint("kind in ('user', 'service', 'agent')", name="principals_kind"),
    CheckConstraint("owner is null or kind = 'agent'", name="principals_only_agents_have_owners"),
    Index("principals_by_owner", "owner"),
    Index("principals_by_version", "version"),
    Index("principals_by_credentials_version", "credentials_version"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("principal", String(63), ForeignKey("principals.name", name="memberships_principal"), primary_key=True),
    Column("group_name", String(63), primary_key=True),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("principal", String(63), ForeignKey("principals.name", name="credentials_principal"), nullable=False),
    Column("datasources", JSON, nullable=False),
    Column("stored_key", LargeBinary(32), nullable=False),
    Column("server_key", LargeBinary(32), nullable=False),
    Column("label", String(200), nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("expires_at_s", Double, nullable=False),
    Column("revoked_at_s", Double, nullable=True),
    Index("credentials_by_principal", "principal"),
    Index("credentials_by_expiry", "expires_at_s"),
)

requests = Table(
    "requests",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("binding", String(64), nullable=False),
    Column("principal", String(63), nullable=False),
    Column("on_behalf_of", String(63), nullable=True),
    Column("datasource", String(63), nullable=False),
    Column("created_s", Double, nullable=False),
    Column("expires_s", Double, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("document", JSON, nullable=False),
    Index("requests_by_state", "state", "expires_s"),
    Index("requests_by_binding", "binding"),
    Index("requests_by_version", "version"),
    Index("requests_by_age", "created_s"),
)
"""Requests for approval. `document` is the request itself; the columns beside it are what is looked up."""

accounts = Table(
    "accounts",
    metadata,
    Column("realm", String(16), primary_key=True),
    Column("account", String(254), primary_key=True),
    Column("principal", String(63), ForeignKey("principals.name", name="accounts_principal"), nullable=False),
    Index("accounts_by_principal", "principal"),
)
"""Accounts of principals elsewhere, by which approval channels recognise them."""

channel_marks = Table(
    "channel_marks",
    metadata,
    Column("channel", String(63), primary_key=True),
    Column("seen", BigInteger, nullable=False),
)
"""Up to which version of `requests` a channel's deliveries were noted."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("request", String(16), primary_key=True),
    Column("channel", String(63), primary_key=True),
    Column("member", String(63), primary_key=True),
    Column("wanted", BigInteger, nullable=False),
    Column("told", BigInteger, nullable=False),
    Column("reference", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since_s", Double, nullable=False),
    Column("next_at_s", Double, nullable=False),
    Column("told_at_s", Double, nullable=True),
    Column("problem", String, nullable=False),
    Column("given_up", Boolean, nullable=False),
    Index("deliveries_by_time", "channel", "next_at_s"),
)
"""What each approval channel was told of each request: the version that it is to know, and the one that it knows.

`member` is the principal who is told individually, empty for the channel's own place.
"""

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("key_digest", String(64), primary_key=True),
    Column("id", String(12), nullable=False),
    Column("principal", String(63), ForeignKey("principals.name", name="console_sessions_principal"), nullable=False),
    Column("credential", String(8), nullable=False),
    Column("datasources", JSON, nullable=False),
    Column("origin", String, nullable=False),
    Column("source", String, nullable=False),
    Column("ends_s", Double, nullable=False),
    Column("seen_s", Double, nullable=False),
    Index("console_sessions_by_principal", "principal"),
)
"""Who is signed in at the console. A session's key is in its browser's cookie; here is its digest."""

received = Table(
    "received",
    metadata,
    Column("channel", String(63), primary_key=True),
    Column("message", String(64), primary_key=True),
    Column("at_s", Double, nullable=False),
    Index("received_by_time", "at_s"),
)
"""Digests of the messages that came through channels, so that each counts once."""

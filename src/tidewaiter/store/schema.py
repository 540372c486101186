"""Brings a store's schema to the revision that this code reads, inside the caller's transaction.

A store that has no schema yet gets the tables as they are now; an older one is upgraded with Alembic. A test holds that
both end up the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select, text

from tidewaiter.errors import ConfigError
from tidewaiter.store.tables import HEAD, VERSION_TABLE, meta, metadata

MIGRATIONS = Path(__file__).parent / "migrations"
SALT_KEY_BYTES = 32  # as long as HMAC-SHA-256's output: more adds nothing (RFC 2104 §3)

# As Alembic makes it.
_version = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)


def revision_of(connection: Connection) -> str | None:
    """The schema revision of the database, None when it has none yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"select version_num from {VERSION_TABLE}"))  # noqa: S608 - a constant
    return found


def upgrade(connection: Connection, place: str, token_bytes: Callable[[int], bytes]) -> None:
    """Upgrade to `HEAD` and make the deployment's salt key if there is none. `place` names the store in errors.

    The caller's transaction must hold the store's write lock. Raises ConfigError for a schema that this version does
    not know, which means that a newer one made it.
    """
    present = revision_of(connection)
    if present is None:
        _found(connection)
    elif present != HEAD:
        _migrate(connection, present, place)
    if connection.scalar(select(meta.c.id)) is None:
        connection.execute(meta.insert().values(id=1, generation=0, salt_key=token_bytes(SALT_KEY_BYTES)))


def _found(connection: Connection) -> None:
    """Every table, in a store that has none of them: one of that name is somebody else's, and an error."""
    metadata.create_all(connection, checkfirst=False)
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=HEAD))


def _migrate(connection: Connection, present: str, place: str) -> None:
    # Alembic costs 0.15 s to import, which no command should pay while the schema is current.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present not in known:
        problem = f"{place}: schema revision {present} is newer than this version of Tidewaiter ({HEAD})"
        raise ConfigError([f"{problem}; upgrade Tidewaiter"])
    command.upgrade(config, "head")

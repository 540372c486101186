"""The corpus's database on a real server: schema.sql with rows.sql, and the roles that its statements name."""

from __future__ import annotations

import asyncio

from capture import rows_of
from witness import ROLE

from corpus import HERE
from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.sql.catalog import Catalog

DATABASE = "corpus"
NAMED_ROLES = ("ada", "bea", "g", ROLE)


def furnish(server: EmbeddedPostgres, database: str = DATABASE) -> None:
    """Create the database and the roles. ROLE may call no function of the schema until it is granted."""
    known = server.execute("select rolname from pg_roles").split()
    server.execute("".join(f"create role {role};" for role in NAMED_ROLES if role not in known))
    server.execute(f"create database {database}")
    server.execute((HERE / "schema.sql").read_text() + (HERE / "rows.sql").read_text(), database=database)
    server.execute(
        f"grant usage on schema public, hr, shadow to {ROLE};"
        "revoke execute on all routines in schema public, hr, shadow from public",
        database=database,
    )


def catalog_of(server: EmbeddedPostgres, database: str = DATABASE) -> Catalog:
    """The catalog as the gateway would read it."""
    return Catalog.from_rows(asyncio.run(rows_of(server, database)))

"""Write catalog.json anew: `python tests/corpus/capture.py`, after a change of schema.sql or of the catalog queries."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.model import Secret
from tidewaiter.sql.catalog import QUERIES

connect: Callable[..., Any] = asyncpg.connect  # asyncpg has no types
HERE = Path(__file__).parent


async def rows_of(server: EmbeddedPostgres, database: str = "postgres") -> dict[str, list[list[Any]]]:
    """What a database answers to the catalog queries."""
    address = {"host": server.host, "port": server.port, "user": server.superuser, "database": database}
    connection = await connect(password=server.password.value, **address)
    try:
        await connection.execute("set search_path = pg_catalog")
        return {name: [list(row) for row in await connection.fetch(query)] for name, query in QUERIES.items()}
    finally:
        await connection.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder) / "server", Secret("capture")) as server:
            server.execute((HERE / "schema.sql").read_text())
            rows = asyncio.run(rows_of(server))
    lines = [b'"%s": [\n%s\n]' % (name.encode(), b",\n".join(map(orjson.dumps, table))) for name, table in rows.items()]
    (HERE / "catalog.json").write_bytes(b"{\n" + b",\n".join(lines) + b"\n}\n")


if __name__ == "__main__":
    main()

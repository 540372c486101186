"""Write src/tidewaiter/sql/builtins.txt from the catalogs of real servers: `python scripts/list_builtins.py FOLDER…`.

Each folder holds the binaries of a supported server version; without one, those of the embedded server and of
/usr/lib/postgresql. What the file says of a name is what `tidewaiter.sql.routines` says; whoever adds a version reads
the difference (git diff) before committing it: each new name is a decision.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from tidewaiter.demo.postgres import Binaries, EmbeddedPostgres, bundled
from tidewaiter.model import Secret
from tidewaiter.sql import routines

TARGET = Path(routines.__file__).with_name("builtins.txt")
HEADER = """\
# What PostgreSQL's own functions and operators are to a policy. Written by scripts/list_builtins.py from the catalogs
# of the server versions named on each line; what is stable or volatile was then looked at one by one. A name that is
# not here asks `function`.
#   computes   immutable: what it gives follows from its arguments
#   looks      stable: it also looks at the catalog, the settings or the clock, as any query may
#   harmless   volatile, and reviewed: routines.HARMLESS_VOLATILE says why
#   constant   its question depends on a constant argument: sql/calls.py reads it
#   function   asks `function`: it changes, reads or runs what its text does not name
#   lock, signal, system   ask the action of that name
"""
FUNCTIONS = """
    select p.proname::text, max(case p.provolatile when 'v' then 2 when 's' then 1 else 0 end)
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('pg_catalog', 'information_schema') and p.oid < 16384 group by 1"""
OPERATORS = """
    select o.oprname::text, array_agg(distinct p.proname::text)
      from pg_operator o join pg_proc p on p.oid = o.oprcode where o.oid < 16384 group by 1"""

connect: Callable[..., Any] = asyncpg.connect  # asyncpg has no types


def class_of(name: str, volatility: int) -> str:
    """The class of a function. `volatility`: 0 immutable, 1 stable, 2 volatile."""
    if name in routines.BY_CONSTANT:
        return "constant"
    action = routines.reviewed_action(name, volatility == 2)
    return action or ("computes", "looks", "harmless")[volatility]


async def _read(server: EmbeddedPostgres) -> dict[str, str]:
    connection = await connect(
        host=server.host, port=server.port, user=server.superuser, password=server.password.value, database="postgres"
    )
    try:
        found = {name: class_of(name, volatility) for name, volatility in await connection.fetch(FUNCTIONS)}
        for name, functions in await connection.fetch(OPERATORS):
            classes = {found[function] for function in functions}
            found[f"operator {name}"] = max(classes, key=("computes", "looks", "harmless", "function").index)
        return found
    finally:
        await connection.close()


def lines_of(versions: Mapping[int, Mapping[str, str]]) -> list[str]:
    """The lines of the file, for what each version's catalog says."""
    seen: dict[tuple[str, str], list[int]] = {}
    for version, classes in sorted(versions.items()):
        for name, word in classes.items():
            seen.setdefault((name, word), []).append(version)
    return [f"{name}\t{word}\t{','.join(map(str, found))}" for (name, word), found in sorted(seen.items())]


def read_servers(binaries: Iterable[Binaries]) -> dict[int, dict[str, str]]:
    """Start a server from each of the binaries and read its catalog."""
    found: dict[int, dict[str, str]] = {}
    for one in binaries:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)
            with EmbeddedPostgres(Path(folder) / "server", Secret("builtins"), binaries=one) as server:
                found[one.version] = asyncio.run(_read(server))
    return found


def installed() -> list[Binaries]:
    """The servers at hand."""
    return [*(Binaries(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))), bundled()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--to", type=Path, default=TARGET, help="the file to write")
    told = parser.parse_args()
    lines = lines_of(read_servers([Binaries(folder) for folder in told.folders] or installed()))
    told.to.write_text(HEADER + "\n".join(lines) + "\n")
    sys.stdout.write(f"{len(lines)} lines\n")


if __name__ == "__main__":
    main()

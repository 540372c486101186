"""Read a sample of a database: read-only, with time limits, some hundred pages of a table, never all of a large one.

Values are read as text, of built-in types only: nothing that a user defined is called. Each relation has a transaction
of its own, with the first of the datasource's roles that may read most of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from tidewaiter.config import Datasource
from tidewaiter.discovery.kinds import Sample
from tidewaiter.discovery.relations import Source
from tidewaiter.errors import UpstreamError
from tidewaiter.masking.forms import JSONS, base_of
from tidewaiter.model import Column, Secret
from tidewaiter.proxy.upstream import tls_context
from tidewaiter.sql.catalog import identifier

ROWS = 500
PAGES = 200  # of a large table, 8 KiB each; ten times as many where the first found no rows
SMALL_PAGES = 400  # a table of up to so many is read from its beginning, until there are rows enough
COLUMNS = 40  # read at once
CHARACTERS, JSON_CHARACTERS = 2_000, 16_000  # of a value
SEED = 7  # the same pages again, as long as the table stays the same
CONNECT_S = 10.0
TIMEOUT_S = 5.0

_UNREAD = frozenset({"bytea", "bool", "tsvector", "tsquery", "xml", "bit", "varbit"})
"""Types whose values tell nothing here, or too much at once."""


class Connection(Protocol):
    """What is used of asyncpg, which has no types of its own."""

    async def fetch(self, query: str, *values: Any) -> Sequence[Sequence[Any]]: ...
    async def execute(self, query: str) -> str: ...
    def transaction(self, *, readonly: bool) -> AbstractAsyncContextManager[object]: ...
    def terminate(self) -> None: ...


FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)  # type: ignore[attr-defined]

_connect: Callable[..., Any] = asyncpg.connect

_READABLE = """
    select r.rolname::text, array_agg(a.attname::text)
      from pg_roles r
      join pg_class c on c.oid = (select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
                                   where n.nspname = $1 and c.relname = $2)
      join pg_attribute a on a.attrelid = c.oid and a.attname = any ($3)
     where (r.rolname = session_user or r.rolname = any ($4)) and pg_has_role(session_user, r.oid, 'member')
       and has_schema_privilege(r.oid, c.relnamespace, 'usage')
       and has_column_privilege(r.oid, c.oid, a.attnum, 'select')
     group by 1"""

_PAGES = """
    select coalesce(sum(pg_relation_size(t.relid)), 0)::int8 / 8192, bool_or(c.relrowsecurity)
      from (select c.oid as relid from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = $1 and c.relname = $2 and c.relkind <> 'p'
            union all
            select t.relid from pg_class c join pg_namespace n on n.oid = c.relnamespace
             cross join lateral pg_partition_tree(c.oid) t
             where n.nspname = $1 and c.relname = $2 and c.relkind = 'p' and t.isleaf) t
      join pg_class c on c.oid = t.relid and c.relkind <> 'f'"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one relation. `problems` say what was not, in whole sentences."""

    samples: tuple[Sample, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampler:
    """A connection that samples. `rows` is the most that is kept of a relation."""

    connection: Connection
    source: Datasource
    rows: int = ROWS

    async def read(self, source: Source, names: Collection[str]) -> Reading:
        """A sample of some columns of a relation. What cannot be read is a problem, never an exception."""
        wanted = [column for column in source.columns if column.name in names]
        said = ".".join(source.path)
        try:
            async with self.connection.transaction(readonly=True):
                return await self._read(source, wanted, said)
        except asyncpg.QueryCanceledError:
            problem = f"{said}: not read within {TIMEOUT_S:.0f} seconds"
        except asyncpg.LockNotAvailableError:
            problem = f"{said}: not read, somebody else has it locked"
        except UnicodeError:
            problem = f"{said}: not read: it holds text that is not in the database's encoding"
        except (*FAILURES, TimeoutError) as error:
            problem = f"{said}: not read: {error}"
        return Reading(tuple(_unread(source, wanted)), (problem,))

    async def _read(self, source: Source, wanted: Sequence[Column], said: str) -> Reading:
        role, allowed = await self._role(source, wanted)
        problems = []
        forbidden = [column.name for column in wanted if column.name not in allowed]
        if forbidden:
            who = f"{self.source.user} and the roles of {self.source.name}" if self.source.roles else self.source.user
            which = "all columns" if len(forbidden) == len(wanted) else ", ".join(forbidden)
            problems.append(f"{said}: {who} may not read {which}")
        readable = [column for column in wanted if column.name in allowed and is_readable(column)]
        values: dict[str, list[str | None]] = {}
        if readable:
            if role != self.source.user:
                await self.connection.execute(f"set local role {identifier(role)}")
            values, warned = await self._values(source, readable)
            problems += [f"{said}: {problem}" for problem in warned]
        samples = (_sample(source, column, values.get(column.name), column.name in allowed) for column in wanted)
        return Reading(tuple(samples), tuple(problems))

    async def _role(self, source: Source, wanted: Sequence[Column]) -> tuple[str, frozenset[str]]:
        """The role that may read most of what is wanted, the datasource's own user before others, and those columns."""
        roles = sorted(set(self.source.roles.values()))
        found = await self.connection.fetch(_READABLE, *source.path, [column.name for column in wanted], roles)
        may = {row[0]: frozenset(row[1]) for row in found}
        order = [self.source.user, *roles]
        best = max(order, key=lambda role: (len(may.get(role, ())), -order.index(role)))
        return best, may.get(best, frozenset())

    async def _values(self, source: Source, columns: Sequence[Column]) -> tuple[dict[str, list[str | None]], list[str]]:
        pages, is_filtered = (await self.connection.fetch(_PAGES, *source.path))[0]
        values: dict[str, list[str | None]] = {}
        problems = ["row security may hide rows from the sample"] if is_filtered else []
        for start in range(0, len(columns), COLUMNS):
            part = columns[start : start + COLUMNS]
            rows = await self._rows(source, part, pages)
            for number, column in enumerate(part):
                values[column.name] = [row[number] for row in rows]
        if columns and not any(values.values()):
            problems.append("no rows in the sample")
        return values, problems

    async def _rows(self, source: Source, columns: Sequence[Column], pages: int) -> Sequence[Sequence[Any]]:
        said = ", ".join(map(_text_of, columns))
        query = f"select {said} from {'.'.join(map(identifier, source.path))}"  # noqa: S608 - quoted identifiers
        if source.is_foreign or pages <= SMALL_PAGES:
            return await self.connection.fetch(f"{query} limit {self.rows}")
        for many in (PAGES, 10 * PAGES):
            share = min(100.0, 100.0 * many / pages)
            sampled = f"{query} tablesample system ({share:.6f}) repeatable ({SEED}) limit {self.rows}"
            rows = await self.connection.fetch(sampled)
            if rows:
                return rows
        return ()


@asynccontextmanager
async def sampler(source: Datasource, password: Secret, rows: int = ROWS) -> AsyncIterator[Sampler]:
    """A sampler of a datasource. Raises UpstreamError."""
    async with reading(source, password, "tidewaiter classify") as connection:
        yield Sampler(connection, source, rows)


@asynccontextmanager
async def reading(source: Datasource, password: Secret, application: str) -> AsyncIterator[Connection]:
    """A connection as the gateway logs in, limited to short reads. Raises UpstreamError."""
    timeout_ms = str(round(TIMEOUT_S * 1000))
    try:
        connection = await _connect(
            host=source.address.host,
            port=source.address.port,
            database=source.database,
            user=source.user,
            password=password.value,
            ssl="prefer" if source.tls == "prefer" else tls_context(source) or False,
            timeout=CONNECT_S,
            command_timeout=4 * TIMEOUT_S,  # the server's own limit comes first
            statement_cache_size=0,
            server_settings={
                "application_name": application,
                "search_path": "pg_catalog",
                "default_transaction_read_only": "on",
                "statement_timeout": timeout_ms,
                "lock_timeout": "200",
                "idle_in_transaction_session_timeout": timeout_ms,
            },
        )
    except (*FAILURES, TimeoutError) as error:
        raise UpstreamError(f"datasource {source.name} cannot be read: {error}") from error
    try:
        yield connection
    finally:
        connection.terminate()


def is_readable(column: Column) -> bool:
    """Whether a column's values are read: built-in types, and arrays of them."""
    base = column.base.removeprefix("_") if column.is_array else base_of(column)
    return base not in ("", *_UNREAD) and (not column.is_array or "." not in column.base) and "." not in base


def _text_of(column: Column) -> str:
    limit = JSON_CHARACTERS if column.base in JSONS else CHARACTERS
    return f"pg_catalog.left({identifier(column.name)}::pg_catalog.text, {limit})"


def _sample(source: Source, column: Column, values: Sequence[str | None] | None, is_allowed: bool) -> Sample:
    if values is None:
        return Sample(source.path, column, is_read=is_allowed and not is_readable(column))
    kept = tuple(value for value in values if value is not None)
    return Sample(source.path, column, kept, len(values) - len(kept))


def _unread(source: Source, columns: Iterable[Column]) -> Iterable[Sample]:
    return (Sample(source.path, column, is_read=False) for column in columns)

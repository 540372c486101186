"""What a held statement would do, asked of its database: sizes, an estimate, a few rows, and a rolled-back run.

One connection per datasource with the gateway's own credential, in the role and with the search_path of the session, so
that a failure here fails nobody's transaction. Whatever cannot be found out is said, and never keeps a request from
being made. A statement is run only when the rule allows it and nothing of it would outlive the rollback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidewaiter.errors import ProtocolViolation, UpstreamError
from tidewaiter.model import ResourceType
from tidewaiter.proxy.estimates import Connector, Question, is_estimable, role_and_path
from tidewaiter.proxy.findings import (
    Changes,
    Findings,
    Row,
    Run,
    Size,
    Subject,
    affected_rows,
    difference,
    loses_all,
    parts_of,
    reads_elsewhere,
    tables_of,
    uses_defaults,
)
from tidewaiter.proxy.link import PeerGone
from tidewaiter.proxy.tagged import masks_of_all
from tidewaiter.proxy.upstream import Backend
from tidewaiter.sql.entities import Path
from tidewaiter.sql.sampling import samples
from tidewaiter.sql.undoable import impure, leaves_behind
from tidewaiter.wire import postgres
from tidewaiter.wire.postgres_backend import parse_command_complete
from tidewaiter.wire.postgres_frontend import parse_bind_values

MEASURE_S = 8.0
"""A request is made this much later at most, others' turns included."""

STATEMENT_MS, LOCK_MS = 2000, 200
"""Of each question, the rolled-back run too: for so long may its row locks be in the way."""
WAITING = 64  # statements of one datasource that wait for their turn; more are not measured
COUNT_BYTES = 16 << 20  # tables up to this are counted row by row, in some 50 ms; of others the statistics are told

_SETTINGS = {
    "application_name": "tidewaiter measures",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",  # as in every session whose statements are understood
    "options": "-c default_transaction_read_only=on",
}
_TOO_SLOW = {"57014": f"it takes longer than {STATEMENT_MS / 1000:g} s", "55P": "others hold locks that it needs"}
_SAYS_NAMES_ONLY = ("23", "42", "40")  # classes of errors whose messages name tables and constraints, never values

SIZES = b"""
select n.nspname::text, c.relname::text, pg_catalog.pg_total_relation_size(c.oid)::text,
       (case when c.reltuples operator(pg_catalog.<) 0 then pg_catalog.pg_stat_get_live_tuples(c.oid)::pg_catalog.float8
             else c.reltuples::pg_catalog.float8 end)::pg_catalog.int8::text
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
 where pg_catalog.concat(n.nspname, '.', c.relname) operator(pg_catalog.=) any ($1::pg_catalog.text[])"""
"""schema, name, bytes with indexes, rows by the statistics."""

STORED_CALLS = b"""
with touched as (
  select c.oid from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
   where pg_catalog.concat(n.nspname, '.', c.relname) operator(pg_catalog.=) any ($1::pg_catalog.text[])),
told(is_default, what) as (
  select a.attgenerated operator(pg_catalog.=) '', d.adbin::text from pg_catalog.pg_attrdef d
    join touched t on t.oid operator(pg_catalog.=) d.adrelid
    join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) d.adrelid
                                  and a.attnum operator(pg_catalog.=) d.adnum
  union all select false, k.conbin::text from pg_catalog.pg_constraint k
    join touched t on t.oid operator(pg_catalog.=) k.conrelid
  union all select false, k.conbin::text from pg_catalog.pg_constraint k
    join pg_catalog.pg_attribute a on a.atttypid operator(pg_catalog.=) k.contypid
    join touched t on t.oid operator(pg_catalog.=) a.attrelid
  union all select false, pg_catalog.concat(i.indexprs::text, i.indpred::text)
    from pg_catalog.pg_index i join touched t on t.oid operator(pg_catalog.=) i.indrelid
  union all select false, pg_catalog.concat(y.polqual::text, y.polwithcheck::text)
    from pg_catalog.pg_policy y join touched t on t.oid operator(pg_catalog.=) y.polrelid
  union all select false, r.ev_action::text from pg_catalog.pg_rewrite r
    join touched t on t.oid operator(pg_catalog.=) r.ev_class)
select distinct m.found[1], told.is_default::text
  from told, pg_catalog.regexp_matches(told.what, ':(?:funcid|opfuncid) (\\d+) ', 'g') m(found)
union all
select 'sequence', 'true' where exists (
  select from pg_catalog.pg_attribute a join touched t on t.oid operator(pg_catalog.=) a.attrelid
   where a.attidentity operator(pg_catalog.<>) '')"""
"""Numbers of the functions that stored expressions of some relations call, and whether that is a column's default.

An identity column, whose default is a sequence, is told as `sequence`.
"""

CHANGED = b"""
select n.nspname::text, c.relname::text, pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)::text,
       pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)::text, pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)::text
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
 where c.oid operator(pg_catalog.>=) 16384::pg_catalog.oid
   and c.relkind operator(pg_catalog.=) any ('{r,m}'::pg_catalog."char"[])
   and pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) operator(pg_catalog.+)
       pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) operator(pg_catalog.+)
       pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) operator(pg_catalog.>) 0"""
"""schema, name, rows inserted, updated and deleted by the open transaction, cascades and triggers included."""


class Measures:
    """Measures statements of one datasource, one at a time, over a connection that opens with the first."""

    def __init__(self, upstream: Connector) -> None:
        self._upstream = upstream
        self._backend: Backend | None = None
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def measure(self, subject: Subject) -> Findings:
        """What can be found out about a statement in time."""
        findings = Findings()
        if self._waiting >= WAITING:
            findings.reasons = ("too many others are being measured",)
            return findings
        self._waiting += 1
        try:
            async with asyncio.timeout(MEASURE_S), self._lock:
                await self._find_out(subject, findings)
        except TimeoutError:
            findings.reasons = (*findings.reasons, f"it was not found out within {MEASURE_S:g} s")
        except (UpstreamError, ProtocolViolation, PeerGone) as error:
            findings.reasons = (*findings.reasons, f"the database does not say: {error or type(error).__name__}")
        finally:
            self._waiting -= 1
        return findings

    def close(self) -> None:
        """End the connection."""
        if self._backend is not None:
            self._backend.link.abort()
            self._backend = None

    async def _find_out(self, subject: Subject, findings: Findings) -> None:
        try:
            if self._backend is None or self._backend.link.is_lost:
                self._backend = await self._upstream.connect(_SETTINGS)
            await _Look(self._backend, subject, findings).all()
        except BaseException:  # nobody knows what the connection will say next
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class _Told:
    """The answer to one message up to its ReadyForQuery, whose word on the transaction is `status`."""

    rows: list[Row]
    tag: str
    tag_rows: int
    failure: tuple[str, str] | None
    status: str


@dataclass(slots=True)
class _Look:
    """One statement being looked at, over a connection that is idle before and after."""

    backend: Backend
    subject: Subject
    findings: Findings

    async def all(self) -> None:
        subject, findings = self.subject, self.findings
        tables = tables_of(subject)
        if not subject.is_brief or loses_all(subject.facts):
            await self._sizes(tables)
        if subject.obstacle:
            findings.reasons = (subject.obstacle,)
            return
        reasons = leaves_behind(subject.facts, subject.catalog, subject.trusted)
        is_planned = is_estimable(subject.facts, subject.catalog) or not reasons
        if is_planned and not reads_elsewhere(subject):
            await self._estimate()
            if not subject.is_brief:
                await self._samples()
        if not subject.may_run:
            reasons = (*reasons, "its rule does not allow it to be run and rolled back")
        reasons = reasons or tuple(f"{one} may do more than compute" for one in await self._stored(tables))
        findings.reasons = reasons
        if not reasons:
            await self._run()

    async def _sizes(self, tables: tuple[Path, ...]) -> None:
        sizes, catalog = self.findings.sizes, self.subject.catalog
        (told,) = await self._read(_asked(SIZES, _names(tables)))
        for schema, name, size_bytes, rows in told.rows:
            if (_text(schema), _text(name)) in tables:  # a name with a dot in it can look like two others
                sizes[_text(schema), _text(name)] = Size(int(rows or 0), int(size_bytes or 0))
        for path, known in list(sizes.items()):
            if known.bytes <= COUNT_BYTES and catalog.relations[path].kind == "r":
                count = f"select pg_catalog.count(*)::text from {_quoted(path)}"  # noqa: S608 - quoted
                (told,) = await self._read(_asked(count.encode()))
                if told.failure is None:
                    sizes[path] = Size(int(told.rows[0][0] or 0), known.bytes, is_counted=True)

        for path in [path for path in sizes if catalog.relations[path].kind == "p"]:
            parts = [sizes[part] for part in parts_of(path, catalog) if part in sizes]
            is_counted = all(part.is_counted or not part.bytes for part in parts)
            sizes[path] = Size(sum(p.rows for p in parts), sum(p.bytes for p in parts), is_counted)

    async def _estimate(self) -> None:
        question = self.subject.question
        (told,) = await self._read(_bound(b"explain (format json) " + question.text, question))
        if told.failure is None:
            self.findings.estimate = affected_rows(b"".join(row[0] or b"" for row in told.rows))

    async def _samples(self) -> None:
        subject = self.subject
        text = subject.question.text.decode("utf-8", "replace")
        shows_new = all(touch.resource.type is not ResourceType.FUNCTION for touch in subject.facts.touches)
        masks = await asyncio.to_thread(masks_of_all, subject.classification, subject.datasource, subject.catalog)
        found = samples(
            text,
            subject.catalog,
            subject.question.search_path,
            masks,
            shows_untagged=subject.untagged != "hidden",
            shows_new=shows_new,
        )
        for sample in found:
            (told,) = await self._read(_bound(sample.text.encode(), subject.question))
            if told.failure is None:
                self.findings.shown.append((sample, told.rows))

    async def _stored(self, tables: Iterable[Path]) -> tuple[str, ...]:
        """What stored expressions call that may do more than compute."""
        subject = self.subject
        touched = {
            (touch.resource.path[0], touch.resource.path[1])
            for touch in subject.facts.touches
            if touch.resource.type is ResourceType.TABLE
        }
        (told,) = await self._read(_asked(STORED_CALLS, _names({*touched, *tables})))
        if told.failure is not None:
            return ("what its tables call",)
        has_defaults = uses_defaults(subject)
        called = {_text(row[0]) for row in told.rows if has_defaults or row[1] != b"true"}
        found = impure((int(one) for one in called if one.isdigit()), subject.catalog, subject.trusted)
        return (*found, *(("a sequence that gives a column its value",) if "sequence" in called else ()))

    async def _run(self) -> None:
        """Run it between two looks at what the transaction changed, and roll back."""
        question = self.subject.question
        before, ran, after = await self._within(
            "read write", _asked(CHANGED), _bound(question.text, question, most_rows=1), _asked(CHANGED)
        )
        if ran.failure is not None:
            why = tuple(told for state, told in _TOO_SLOW.items() if ran.failure[0].startswith(state))
            self.findings.run = None if why else Run(failure=ran.failure)
            self.findings.reasons = why
            return
        if before.failure is not None or after.failure is not None:
            self.findings.reasons = ("what it changed could not be counted",)
            return
        rows = ran.tag_rows if ran.tag else None
        self.findings.run = Run(difference(_changes(before.rows), _changes(after.rows)), rows)

    async def _read(self, message: bytes) -> tuple[_Told, ...]:
        return await self._within("read only", message)

    async def _within(self, access: str, *messages: bytes) -> tuple[_Told, ...]:
        """Send messages in a transaction that is rolled back; what each of them was answered."""
        subject = self.subject
        begin = [
            f"begin isolation level read committed {access}",
            *role_and_path(subject.question),
            f"set local statement_timeout to {STATEMENT_MS}",
            f"set local lock_timeout to {LOCK_MS}",
            *(f"set local {name} to {_literal(value)}" for name, value in subject.settings),
        ]
        begun = await self._say(postgres.query("; ".join(begin).encode()))
        if begun.status != "T":
            await self._say(postgres.query(b"rollback"))
            raise UpstreamError(f"the session's role or search_path cannot be taken ({begun.failure})")
        told = [await self._say(message) for message in messages]
        if any(one.status == "I" for one in told):
            raise UpstreamError("the transaction ended by itself")
        await self._say(postgres.query(b"rollback"))
        await self._say(postgres.query(b"discard all"))  # session-level advisory locks outlive a rollback
        return tuple(told)

    async def _say(self, message: bytes) -> _Told:
        self.backend.link.write(message)
        return await self._answer()

    async def _answer(self) -> _Told:
        rows: list[Row] = []
        tag, tag_rows = "", 0
        failure: tuple[str, str] | None = None
        while True:
            kind, body = await self.backend.link.read_message()
            if kind == postgres.DATA_ROW:
                rows.append(tuple(postgres.parse_data_row(body)))
            elif kind == postgres.COMMAND_COMPLETE:
                tag, tag_rows = parse_command_complete(body)
            elif kind == postgres.ERROR_RESPONSE and failure is None:
                failure = _failure(postgres.parse_error_fields(body))
            elif kind == postgres.READY_FOR_QUERY:
                return _Told(rows, tag, tag_rows, failure, chr(body[0]))


def _changes(rows: Iterable[Row]) -> Changes:
    return {(_text(row[0]), _text(row[1])): (int(row[2] or 0), int(row[3] or 0), int(row[4] or 0)) for row in rows}


def _failure(fields: Mapping[str, str]) -> tuple[str, str]:
    """SQLSTATE and message; none of what code in a function said, which can raise any state with any value in it."""
    sqlstate = fields.get("C", "XX000")
    is_the_servers = sqlstate.startswith(_SAYS_NAMES_ONLY) and "W" not in fields
    return sqlstate, fields.get("M", "") if is_the_servers else ""


def _asked(text: bytes, *values: bytes) -> bytes:
    bound = postgres.bind(b"", b"", (), values, ())
    return postgres.parse(b"", text, ()) + bound + postgres.execute(b"") + postgres.sync()


def _bound(text: bytes, question: Question, most_rows: int = 0) -> bytes:
    """A text with the statement's own parameters. Raises ProtocolViolation where they cannot be read."""
    parameters = parse_bind_values(question.binds) if question.binds else ()
    return (
        postgres.parse(b"", text, question.oids)
        + postgres.bind(b"", b"", [kind for kind, _ in parameters], [value for _, value in parameters], ())
        + postgres.execute(b"", most_rows)
        + postgres.sync()
    )


def _names(paths: Iterable[Path]) -> bytes:
    """An array of `schema.name`, in PostgreSQL's text form."""
    told = (".".join(path).replace("\\", "\\\\").replace('"', '\\"') for path in paths)
    return ("{" + ",".join(f'"{one}"' for one in told) + "}").encode()


def _quoted(path: Path) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in path)


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")

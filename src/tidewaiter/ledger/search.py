"""Questions to the index: the last entries, statements by many filters, and who touched a relation.

Rows are dictionaries in the public JSON form: `log` (origin), `seq`, `at` (UTC, microseconds), `principal`,
`on_behalf_of`, `datasource`, `verbs`, `columns`, `rows`, `verdict`, `rule`, `session`, `statement` (None if its key was
shredded or not given), `masked` and `unmasked` (tagged columns that it reads so) and more. `status` is ok, error,
skipped, cancelled, limited or lost as the session told it; refused for denied and held statements; open for those under
way; and lost for those whose session or server ended without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from tidewaiter.errors import UsageError
from tidewaiter.ledger.entry import Body, Entry, decode, parameter_texts, restore
from tidewaiter.ledger.index import Index, split_name, touched_of
from tidewaiter.ledger.reader import Position
from tidewaiter.ledger.seal import Unreadable

STATEMENTS = ("intent", "execution")
TAGGED = ("masked", "unmasked")
"""How tagged columns are read: members of statements' entries, `[{relation, columns, tags}]`."""
_ENTRIES = """
select e.seq, e.t_ns, e.kind, e.segment, e.offset, e.session, e.principal, e.on_behalf_of, e.datasource, e.verdict,
       e.rule, e.unknown, e.status, e.rows, e.sqlstate, e.results, e.outcome, e.would_be
from entries e"""
_TOUCHES = """
select e.seq, e.t_ns, e.kind, e.segment, e.offset, e.session, e.principal, e.on_behalf_of, e.datasource, e.verdict,
       e.rule, e.unknown, e.status, e.rows, e.sqlstate, e.results, e.outcome, e.would_be,
       t.schema, t.part, t.verbs, t.columns, t.via
from touches t join entries e on e.seq = t.seq
where t.name = :name and t.seq >= :low and t.seq < :high and (:schema is null or t.schema = :schema)
  and (:datasource is null or e.datasource = :datasource) and (:by is null or e.principal = :by)
order by t.seq, t.part, t.schema"""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filters:
    """What `search` looks for; None does not restrict. Times are half-open, in Unix nanoseconds.

    No `kinds` means statements. `would_be` is what observe mode only records: deny, hold, limited, or any. `text` is
    found in the statement, upper or lower case; `relation` is a name as `touched` takes it. `tagged` is "masked" or
    "unmasked": statements that read tagged columns so.
    """

    principal: str | None = None
    datasource: str | None = None
    session: str | None = None
    verdict: str | None = None
    kinds: tuple[str, ...] = ()
    relation: str | None = None
    verb: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    text: str | None = None
    sqlstate: str | None = None
    would_be: str | None = None
    limit: int = 1000
    tagged: str | None = None


def iso(t_ns: int) -> str:
    """UTC time in ISO 8601 with microseconds."""
    seconds, rest_ns = divmod(t_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // 1000:06d}Z"


class Search:
    """Asks one index. Bring it up to date first (`Index.catch_up`). `origin` is the log's name."""

    def __init__(self, index: Index, origin: str) -> None:
        self.index = index
        self._origin = origin
        self._db = index.db

    # --- questions -----------------------------------------------------------------------------------------------

    def tail(self, count: int, after: int | None = None) -> list[Row]:
        """The last `count` entries of any kind, oldest first; or the first `count` that follow entry `after`."""
        if after is None:
            found = self._db.execute(_ENTRIES + " order by e.seq desc limit ?", (count,)).fetchall()[::-1]
        else:
            found = self._db.execute(_ENTRIES + " where e.seq > ? order by e.seq limit ?", (after, count)).fetchall()
        return [self._row(one, with_fields=True) for one in found]

    def search(self, filters: Filters) -> list[Row]:
        """The newest entries that pass all filters, oldest first. UsageError for a malformed relation name."""
        text = filters.text.casefold() if filters.text is not None else None
        with_fields = bool(filters.kinds)
        rows: list[Row] = []
        for found in self._candidates(filters):
            row = self._row(found, with_fields)
            if filters.tagged is not None and not row.get(filters.tagged):
                continue
            if text is None or text in (row["statement"] or "").casefold():
                rows.append(row)
                if len(rows) == filters.limit:
                    break
        rows.reverse()
        return rows

    def touched(self, relation: str, from_ns: int, to_ns: int, by: str | None = None) -> list[Row]:
        """Every statement that touches a relation in [from_ns, to_ns), denied and held ones included, in log order.

        `relation` is `name`, `schema.name` or `datasource.schema.name`, written as in SQL; an unqualified one matches
        every schema. `by` is a principal. Several relations of that name in one statement give several rows. UsageError
        for a malformed name.
        """
        datasource, schema, name = _relation(relation)
        low, high = self.seq_at(from_ns), self.seq_at(to_ns)
        asked = {"name": name, "low": low, "high": high, "schema": schema, "datasource": datasource, "by": by}
        found = self._db.execute(_TOUCHES, asked).fetchall()
        return [self._touched_row(one, name) for one in found]

    def unknown_statements(self, from_ns: int, to_ns: int, datasource: str | None = None) -> int:
        """How many statements in [from_ns, to_ns) were not wholly understood: each may have touched anything there.

        `datasource` None counts those of all.
        """
        low, high = self.seq_at(from_ns), self.seq_at(to_ns)
        query = "select count(*) from entries where unknown = 1 and seq >= ? and seq < ? and ? in (datasource, '')"
        return int(self._db.execute(query, (low, high, datasource or "")).fetchone()[0])

    def seq_at(self, t_ns: int) -> int:
        """Number of the first entry at or after a time. Times never decrease, so a time range is a range of entries."""
        low, high = 0, int(self._db.execute("select coalesce(max(seq), -1) + 1 from entries").fetchone()[0])
        while low < high:
            middle = (low + high) // 2
            at = self._db.execute("select t_ns from entries where seq = ?", (middle,)).fetchone()[0]
            low, high = (middle + 1, high) if at < t_ns else (low, middle)
        return low

    # --- rows ----------------------------------------------------------------------------------------------------

    def _candidates(self, filters: Filters) -> Iterator[tuple[Any, ...]]:
        kinds = filters.kinds or STATEMENTS
        clauses, values = [f"e.kind in ({', '.join('?' * len(kinds))})"], list[object](kinds)

        def also(clause: str, *more: object) -> None:
            clauses.append(clause)
            values.extend(more)

        for column in ("principal", "datasource", "session", "verdict", "sqlstate"):
            if getattr(filters, column) is not None:
                also(f"e.{column} = ?", getattr(filters, column))
        if filters.would_be is not None:
            also("? in (e.would_be, iif(e.would_be is null, null, 'any'))", filters.would_be)
        if filters.since_ns is not None:
            also("e.seq >= ?", self.seq_at(filters.since_ns))
        if filters.until_ns is not None:
            also("e.seq < ?", self.seq_at(filters.until_ns))
        if filters.relation is not None:
            datasource, schema, name = _relation(filters.relation)
            also("e.seq in (select seq from touches where name = ? and ? in (schema, ''))", name, schema or "")
            if datasource:
                also("e.datasource = ?", datasource)
        if filters.verb is not None:
            also("exists (select 1 from json_each(e.verbs) v where v.value = ?)", filters.verb)
        where = " and ".join(clauses)
        yield from self._db.execute(f"{_ENTRIES} where {where} order by e.seq desc", values)

    def _row(self, found: tuple[Any, ...], with_fields: bool) -> Row:
        """One entry in the public form; statements with text and parameters, others with all their members."""
        row, entry, body = self._common(found)
        fields = restore(entry, body) if entry and body else entry.fields if entry else {}
        if row["kind"] in STATEMENTS:
            touched = touched_of(fields)
            verbs = fields.get("verbs")
            row["verbs"] = verbs if isinstance(verbs, list) else []
            row["columns"] = list(dict.fromkeys(column for one in touched for column in one.columns))
            row["relations"] = list(dict.fromkeys(_joined(one.schema, one.name) for one in touched))
            row["unknown"] = fields.get("unknown", [])
            for word in TAGGED:
                row[word] = fields.get(word, [])
            row["parameters"] = _parameters(body)
        if with_fields:
            row["fields"] = fields
        return row

    def _touched_row(self, found: tuple[Any, ...], name: str) -> Row:
        *common, schema, part, verbs, columns, via = found
        row, entry, body = self._common(tuple(common))
        row["relation"] = _joined(schema, name)
        fields = restore(entry, body) if entry and body else entry.fields if entry else {}
        for word in TAGGED:
            row[word] = _columns_of(fields.get(word), row["relation"])
        row["verbs"], row["columns"], row["via"] = orjson.loads(verbs), orjson.loads(columns), orjson.loads(via)
        row["part"] = part
        row["rows"] = _rows_of_part(row["rows"], common[15], part)
        row["parameters"] = _parameters(body)
        return row

    def _common(self, found: tuple[Any, ...]) -> tuple[Row, Entry | None, Body | None]:
        seq, t_ns, kind, segment, offset, session, principal, owner, datasource, verdict, rule, *rest = found
        unknown, status, rows, sqlstate, _, outcome, would_be = rest
        entry, body = self._read(Position(segment, offset))
        if kind in STATEMENTS and outcome is None:
            status = self._status(seq, session, verdict)
        row: Row = {
            "log": self._origin,
            "seq": seq,
            "at": iso(t_ns),
            "t_ns": t_ns,
            "kind": kind,
            "principal": principal,
            "on_behalf_of": owner,
            "datasource": datasource,
            "rows": rows,
            "verdict": verdict,
            "rule": rule,
            "would_be": would_be,
            "session": session,
            "status": status,
            "sqlstate": sqlstate,
            "is_unknown": unknown > 0,
            "statement": body.sql.decode("utf-8", "replace") if body else None,
        }
        return row, entry, body

    def _read(self, position: Position) -> tuple[Entry | None, Body | None]:
        """The entry as the log has it; no body if it has none or its key is gone."""
        reader = self.index.reader
        stored = reader.at(position)
        if stored is None:
            return None, None
        entry = decode(stored.header)
        try:
            return entry, reader.body(stored, entry)
        except Unreadable:
            return entry, None

    def _status(self, seq: int, session: str | None, verdict: str | None) -> str:
        """What became of a statement that has no outcome."""
        if verdict != "allow":
            return "refused"
        query = (
            "select exists (select 1 from entries where kind = 'log.start' and seq > ?1)"
            " or exists (select 1 from entries where kind = 'session.end' and session = ?2 and seq > ?1)"
        )
        return "lost" if self._db.execute(query, (seq, session)).fetchone()[0] else "open"


def datasource_of(relation: str) -> str | None:
    """The datasource that a relation's name says; None where it says none. UsageError for a malformed name."""
    return _relation(relation)[0]


def _relation(text: str) -> tuple[str | None, str | None, str]:
    """(datasource, schema, name) of a name written as in SQL: what is not quoted is lower case."""
    pieces = text.split('"')
    pieces[::2] = [outside.lower() for outside in pieces[::2]]
    try:
        parts = split_name('"'.join(pieces))
    except ValueError as error:
        raise UsageError(str(error)) from error
    if len(parts) > 3:
        raise UsageError(f"{text!r} has more parts than datasource.schema.relation")
    datasource, schema, name = (None, None, None, *parts)[-3:]
    return datasource, schema, str(name)


def _joined(schema: str, name: str) -> str:
    """The relation's name as in SQL, quoted where SQL would."""
    return ".".join(
        part if part.isidentifier() and part.islower() else '"' + part.replace('"', '""') + '"'
        for part in (schema, name)
        if part
    )


def _columns_of(listed: object, relation: str) -> list[str]:
    """The columns of one relation in a member `masked` or `unmasked`."""
    return [
        column
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("relation") == relation
        for column in one.get("columns", [])
    ]


def _rows_of_part(rows: int | None, results: str | None, part: int) -> int | None:
    """Rows of one statement of a text with several; `results` are [tag, rows] of each that ended."""
    listed = json.loads(results) if results else []
    if len(listed) <= 1 and part == 0:
        return rows
    try:
        told = listed[part][1]
    except (IndexError, TypeError):
        return None
    return told if type(told) is int else None


def _parameters(body: Body | None) -> list[str | None]:
    """Parameter values as text; binary ones as PostgreSQL writes bytea, \\x…"""
    if body is None or not body.binds:
        return []
    return parameter_texts(body.binds)

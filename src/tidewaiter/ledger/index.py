"""The index: a SQLite file derived from the log, for questions. The log is the truth; this can be deleted and rebuilt.

Any process may bring it up to date, also while the server writes the log: it reads whole frames only, and each batch is
one transaction. If the log's end was cut off by a recovery after it had been indexed, the index goes back to where both
agree: it remembers, for the last batches, where each ended and what entry stood there.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tidewaiter.errors import Tampered
from tidewaiter.ledger.entry import Entry, decode, restore
from tidewaiter.ledger.reader import LogReader, Position, Stored
from tidewaiter.ledger.seal import Kek, Unreadable
from tidewaiter.ledger.tree import leaf_hash

FORMAT = 2
BATCH = 5000  # entries per transaction: others wait for at most that long
MARKS = 100  # batches to go back to
_BUSY_S = 60.0
_IDENTIFIER = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')

_SCHEMA = """
create table entries (
  seq integer primary key, t_ns integer not null, kind text not null, segment integer not null, offset integer not null,
  session text, principal text, on_behalf_of text, datasource text, verdict text, rule text,
  verbs text, unknown integer not null default 0,
  status text, rows integer, sqlstate text, results text, outcome integer,
  would_be text);
create index entries_by_principal on entries (principal, seq);
create index ends on entries (session, seq) where kind = 'session.end';
create index starts on entries (seq) where kind = 'log.start';
create table touches (
  name text not null, seq integer not null, part integer not null, schema text not null,
  verbs text not null, columns text not null, via text not null,
  primary key (name, seq, part, schema)) without rowid;
create index touches_by_seq on touches (seq);
create table marks (
  next_seq integer primary key, next_segment integer not null, next_offset integer not null,
  last_segment integer not null, last_offset integer not null, last_leaf blob not null);
"""
_TABLES = ("entries", "touches", "marks")


class Mark(NamedTuple):
    """Up to where the log is indexed, and the entry before that."""

    next_seq: int
    next: Position
    last: Position
    last_leaf: bytes


class Touched(NamedTuple):
    """What one part of a statement does to one relation, all verbs together."""

    schema: str
    name: str
    part: int
    verbs: list[str]
    columns: list[str]
    via: list[str]


def split_name(text: str) -> tuple[str, ...]:
    """Parts of a dotted name without quotes: `public."My Table"` → ("public", "My Table"). ValueError if malformed."""
    parts, at = [], 0
    while True:
        match = _IDENTIFIER.match(text, at)
        if not match:
            raise ValueError(f"{text!r} is not a dotted name")
        parts.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        at = match.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            raise ValueError(f"{text!r} is not a dotted name")
        at += 1


class Index:
    """An open index of one log folder. Use as a context manager."""

    def __init__(self, path: Path, log_folder: Path, kek: Kek | None = None) -> None:
        """Opens or makes the file (0600). The key-encryption key is needed for statements and for spilled members."""
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self.reader = LogReader(log_folder, kek)
        self.db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        self.db.execute("pragma journal_mode = wal")
        self.db.execute("pragma synchronous = normal")  # derived: what a power cut takes is indexed again
        if self._format() != FORMAT:
            self._remake()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.db.close()
        self.reader.close()

    def _format(self) -> int:
        return int(self.db.execute("pragma user_version").fetchone()[0])

    def _remake(self) -> None:
        with self._transaction():
            for table in _TABLES:
                self.db.execute(f"drop table if exists {table}")
            for command in _SCHEMA.split(";")[:-1]:
                self.db.execute(command)
            self.db.execute(f"pragma user_version = {FORMAT}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")

    # --- following the log ---------------------------------------------------------------------------------------

    def catch_up(self, progress: Callable[[int], None] | None = None) -> int:
        """Index what is new; return how many entries are indexed. `progress` is told that number after each batch.

        Raises Tampered if the log is damaged where it is read.
        """
        while True:
            with self._transaction():
                mark = self._agreed_mark()
                batch = list(islice(self.reader.frames(mark.next if mark else None), BATCH))
                for seq, stored in enumerate(batch, mark.next_seq if mark else 0):
                    self._add(seq, stored)
                if batch:
                    mark = self._set_mark((mark.next_seq if mark else 0) + len(batch), batch[-1])
            size = mark.next_seq if mark else 0
            if progress:
                progress(size)
            if len(batch) < BATCH:
                return size

    def rebuild(self, progress: Callable[[int], None] | None = None) -> int:
        """Forget everything and index the whole log. Raises as `catch_up`."""
        self._remake()
        return self.catch_up(progress)

    def _agreed_mark(self) -> Mark | None:
        """The newest mark at which the log still has the entry it had; whatever is beyond it is forgotten."""
        rows = self.db.execute("select * from marks order by next_seq desc").fetchall()
        for number, row in enumerate(rows):
            mark = Mark(row[0], Position(row[1], row[2]), Position(row[3], row[4]), row[5])
            stored = self.reader.at(mark.last)
            if stored and leaf_hash(stored.header) == mark.last_leaf:
                if number:
                    self._forget_from(mark.next_seq)
                return mark
        if rows:
            self._forget_from(0)
        return None

    def _forget_from(self, seq: int) -> None:
        self.db.execute("delete from marks where next_seq > ?", (seq,))
        self.db.execute("delete from entries where seq >= ?", (seq,))
        self.db.execute("delete from touches where seq >= ?", (seq,))
        self.db.execute(
            "update entries set status = null, rows = null, sqlstate = null, results = null, outcome = null,"
            " would_be = nullif(would_be, 'limited') where outcome >= ?",
            (seq,),
        )

    def _set_mark(self, next_seq: int, last: Stored) -> Mark:
        mark = Mark(next_seq, last.after, last.at, leaf_hash(last.header))
        self.db.execute(
            "insert into marks values (?, ?, ?, ?, ?, ?)", (next_seq, *mark.next, *mark.last, mark.last_leaf)
        )
        self.db.execute(
            "delete from marks where next_seq not in (select next_seq from marks order by next_seq desc limit ?)",
            (MARKS,),
        )
        return mark

    # --- one entry -----------------------------------------------------------------------------------------------

    def _add(self, seq: int, stored: Stored) -> None:
        try:
            entry = decode(stored.header)
        except ValueError as error:
            raise Tampered(f"entry {seq}: {error}") from error
        if entry.seq != seq:
            raise Tampered(f"entry {seq} calls itself entry {entry.seq}")
        fields, is_known = self._whole_fields(entry, stored)
        if entry.kind == "outcome":
            self._settle(seq, fields)
        is_execution = entry.kind == "execution"
        is_statement = is_execution or entry.kind == "intent"
        ended = fields if is_execution else {}
        self.db.execute(
            "insert into entries values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(seq, entry.t_ns, entry.kind, *stored.at),
                *(_text(fields, name) for name in ("session", "principal", "on_behalf_of", "datasource")),
                *(_text(fields, "verdict"), _text(fields, "rule")),
                orjson.dumps(_strings(fields.get("verbs"))).decode() if is_statement else None,
                int(is_statement and (bool(fields.get("unknown")) or not is_known)),
                *(_text(ended, "status"), _number(ended, "rows"), _text(ended, "sqlstate"), _results(ended)),
                seq if is_execution else None,
                _text(fields, "would_be"),
            ),
        )
        for touched in touched_of(fields) if is_statement else ():
            self.db.execute(
                "insert or ignore into touches values (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(touched.name, seq, touched.part, touched.schema),
                    *(orjson.dumps(some).decode() for some in (touched.verbs, touched.columns, touched.via)),
                ),
            )

    def _whole_fields(self, entry: Entry, stored: Stored) -> tuple[dict[str, Any], bool]:
        """The entry's members, and whether they are all there: spilled ones are in the body, which may be shredded."""
        if not entry.spilled:
            return entry.fields, True
        try:
            body = self.reader.body(stored, entry)
        except Unreadable:
            return entry.fields, False
        return (restore(entry, body), True) if body else (entry.fields, False)

    def _settle(self, seq: int, fields: Mapping[str, Any]) -> None:
        """Tell an intent how it ended. Its session must be the same: numbers of lost entries are given again."""
        self.db.execute(
            "update entries set status = ?, rows = ?, sqlstate = ?, results = ?, outcome = ?,"
            " would_be = coalesce(?, would_be) where seq = ? and kind = 'intent' and session is ? and outcome is null",
            (
                *(_text(fields, "status"), _number(fields, "rows"), _text(fields, "sqlstate"), _results(fields), seq),
                _text(fields, "would_be"),  # "limited" is known at the end only
                *(_number(fields, "intent"), _text(fields, "session")),
            ),
        )


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _number(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    return value if type(value) is int and -(1 << 63) <= value < 1 << 63 else None


def _results(fields: Mapping[str, Any]) -> str | None:
    value = fields.get("results")
    return json.dumps(value) if isinstance(value, list) else None


def _strings(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def touched_of(fields: Mapping[str, Any]) -> list[Touched]:
    """Relations that a statement touches, one element per relation and part; views on the way to a table included."""
    found: dict[tuple[str, str, int], Touched] = {}

    def note(relation: str, part: int, verbs: list[str], columns: list[str], via: list[str]) -> None:
        try:
            *schema, name = split_name(relation)
        except ValueError:
            schema, name = [], relation
        key = (".".join(schema), name, part)
        into = found.setdefault(key, Touched(*key, [], [], []))
        for have, more in ((into.verbs, verbs), (into.columns, columns), (into.via, via)):
            have.extend(one for one in more if one not in have)

    touches = fields.get("touches")
    listed = [touch for touch in touches if isinstance(touch, dict)] if isinstance(touches, list) else []
    for touch in listed:
        relation, part = touch.get("relation"), touch.get("part", 0)
        if isinstance(relation, str) and type(part) is int:
            columns = _strings(touch.get("columns")) or (["*"] if touch.get("star") else [])
            note(relation, part, _strings(touch.get("verbs")), columns, _strings(touch.get("via")))
    for touch in listed:
        part = touch.get("part", 0)
        for view in _strings(touch.get("via")):
            if type(part) is int:
                note(view, part, _strings(touch.get("verbs")), [], [])
    return list(found.values())

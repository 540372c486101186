"""How the catalog is read: whole, or what changed since it was read. Pure: statements, and what their answers say.

Each statement is one SELECT, so that its answer is of one moment, and answers one JSON document: what changed
(`Changes`) if that was asked, then the sections that were asked for. A row of a section carries its owner's oid and the
oids of all that it is made from, so that a change is known to concern it.
"""

# ruff: noqa: S608 - the pieces are constants of this file and of catalog_queries

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from tidewaiter.sql.catalog_queries import QUERIES

__all__ = [
    "LISTS", "SECTIONS", "SNAPSHOT_STATEMENT", "SYSTEM_SECTIONS", "SYSTEM_STATEMENT", "Changes", "Entry", "Key", "Row",
    "answered", "choice",
    "excerpt", "excerpt_answered", "holders", "holders_answered", "keys", "keys_answered", "statement",
    "system_answered",
]  # fmt: skip

Key = int | str
"""An oid, or the oids of a row without one."""

SECTIONS: tuple[str, ...] = tuple(QUERIES)
SYSTEM_SECTIONS: tuple[str, ...] = tuple(name for name in QUERIES if "/* of: " in QUERIES[name])

# What prints a stored tree locks every relation in it until the transaction ends: right on a connection of our own,
# not on a client's. Nothing parses as "?", so a body or rule that would have to be printed is not understood.
_UNPRINTED = {
    "pg_get_function_sqlbody(p.oid)": "case when p.prosqlbody is not null then '?' end",
    "pg_get_ruledef(r.oid)": "'?'::text",
    "pg_get_triggerdef(t.oid)": "'?'::text",
    "pg_get_viewdef(c.oid)": "'?'::text",
}
_OF = re.compile(r"/\* of: (\S+) \*/")
_IN = re.compile(r"/\* in: (\S+) \*/")
_SCOPED = re.compile(r"/\* scoped: (.*?) \*/", re.DOTALL)
_TRACE = re.compile(r"/\*: ([\w.]+)(?: \| (.*?))?(?: \|\| (.*?))? \*/", re.DOTALL)
_ORDER = re.compile(r"\s+order by [\d, ]+\Z")


def _traced(name: str, half: str, *, is_scoped: bool, is_printed: bool) -> str:
    """A section's query with owner and oids in front of its columns, unordered."""
    query = _OF.sub(rf"and \1 {half} 16384", QUERIES[name])
    query = _IN.sub(r"and \1 = any ($1::oid[])" if is_scoped else "", query)
    query = _SCOPED.sub(r"\1" if is_scoped else "", query)
    query = _TRACE.sub(_trace, _ORDER.sub("", query))
    return query if is_printed else _unprinted(query)


def _trace(mark: re.Match[str]) -> str:
    owner, others, more = mark.groups()
    oids = f"array[{owner}{', ' + others if others else ''}]"
    return f"{owner}::int8, ({oids}{' || ' + more if more else ''})::int8[],"


def _unprinted(query: str) -> str:
    for printed, instead in _UNPRINTED.items():
        query = query.replace(printed, instead)
    return query


# -- what changed -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Listed:
    """A system catalog whose rows are followed one by one.

    `touches`: the columns that name what a row belongs to. `where`: the rows that count. `doubt`: whether a row, if it
    is not new, means more than the lineage of rows can tell.
    """

    table: str
    key: str = "x.oid"
    touches: tuple[str, ...] = ()
    where: str = "x.oid >= 16384"
    doubt: str = "false"


LISTS: Mapping[str, Listed] = {
    "pg_namespace": Listed("pg_namespace", where="x.nspname !~ '^pg_(toast|temp_|toast_temp_)'", doubt="true"),
    "pg_class": Listed(
        "pg_class",
        touches=("x.reltype",),
        where="x.oid >= 16384 and x.relpersistence <> 't' and x.relkind <> 't'",
    ),
    "pg_type": Listed("pg_type", touches=("x.typelem",)),
    "pg_proc": Listed("pg_proc"),
    "pg_constraint": Listed("pg_constraint", touches=("x.conrelid", "x.confrelid")),
    "checks of types": Listed("pg_constraint", touches=("x.contypid",), where="x.oid >= 16384 and x.contypid <> 0"),
    "pg_trigger": Listed("pg_trigger", touches=("x.tgrelid",), where="x.oid >= 16384 and not x.tgisinternal"),
    "pg_index": Listed("pg_index", "x.indexrelid", ("x.indrelid",), "x.indexrelid >= 16384"),
    "pg_attrdef": Listed("pg_attrdef", touches=("x.adrelid",)),
    "pg_rewrite": Listed("pg_rewrite", touches=("x.ev_class",)),
    "pg_policy": Listed("pg_policy", touches=("x.polrelid",)),
    "pg_statistic_ext": Listed("pg_statistic_ext", touches=("x.stxrelid",)),
    "pg_partitioned_table": Listed("pg_partitioned_table", "x.partrelid", (), "true"),
    "pg_inherits": Listed("pg_inherits", "x.inhrelid || '-' || x.inhparent", ("x.inhrelid", "x.inhparent"), "true"),
    "pg_operator": Listed("pg_operator"),
    "pg_event_trigger": Listed("pg_event_trigger", where="true"),
    "pg_cast": Listed("pg_cast", touches=("x.castsource", "x.casttarget")),
    "pg_opclass": Listed("pg_opclass"),
    "pg_amproc": Listed("pg_amproc"),
    "pg_language": Listed("pg_language", doubt="true"),
    "pg_enum": Listed("pg_enum", touches=("x.enumtypid",), doubt="true"),
    "pg_extension": Listed("pg_extension"),
    "members of extensions": Listed(
        "pg_depend",
        "x.classid || '-' || x.objid",
        ("x.objid",),
        "x.deptype = 'e' and x.refclassid = 'pg_extension'::regclass and x.objid >= 16384",
    ),
}
"""Rows of these are known by key, so that those that are gone are found by counting."""

_UNCOUNTED: Mapping[str, Listed] = {
    "pg_attribute": Listed("pg_attribute", "x.attrelid", (), "x.attrelid >= 16384"),
    "pg_depend": Listed("pg_depend", "x.objid", (), "x.objid >= 16384"),
}
"""Rows of these go only with, or along with a change of, a row of another."""

# By way of xid8, whose text may be of a later epoch. Without $1: what may come to be seen after this answer.
_IS_YOUNG = """age(x.xmin) <= (select age(coalesce(nullif($1::text, ''),
                                     pg_snapshot_xmin(pg_current_snapshot())::text)::xid8::xid))"""
_IS_LISTED = f"($1::text = '' or {_IS_YOUNG})"


def _listing(one: Listed) -> str:
    """How many rows there are, and those written since $1, or all of them for an empty $1."""
    return f"""(select json_build_array(count(*), coalesce(json_agg({_entry(one)})
                       filter (where {_IS_LISTED}), '[]'::json)) from {one.table} x where {one.where})"""


def _young(one: Listed) -> str:
    return f"""(select json_build_array(0, coalesce(json_agg({_entry(one)}), '[]'::json))
                  from {one.table} x where {_IS_YOUNG} and {one.where})"""


def _entry(one: Listed) -> str:
    touches = "".join(f", {column}::int8" for column in one.touches)
    key = one.key if "||" in one.key else f"{one.key}::int8"
    version = "(x.tableoid || ':' || x.ctid::text || ':' || x.xmin::text)"
    return f"json_build_array({key}, {one.doubt}, {version}{touches})"


# A standby does not list what is under way, so that equal snapshots would not mean that nothing was committed.
_SNAPSHOT = "pg_current_snapshot()::text || case when pg_is_in_recovery() then ' ' || clock_timestamp() else '' end"
SNAPSHOT_STATEMENT = f"select {_SNAPSHOT}"
"""Ask for what `Changes.snapshot` would be now: where it is the same, nothing was committed since."""

# The moment of the server's start as a number: a timestamp would be told in the time zone and style of each session.
_CHANGES = (
    f"json_build_array({_SNAPSHOT}, "
    + "extract(epoch from pg_postmaster_start_time())::text, "
    + ", ".join((*map(_listing, LISTS.values()), *map(_young, _UNCOUNTED.values())))
    + ")"
)


# Domains over a type, arrays and ranges of it, columns, types of rows with them: each depends on what it is made of.
_HOLDERS = """(with recursive held(type, relation) as (
            select t.oid, 0::oid from unnest($1::oid[]) t(oid)
            union
            select coalesce(c.reltype, d.objid), coalesce(c.oid, 0)
              from held h
              join pg_depend d on d.refclassid = 'pg_type'::regclass and d.refobjid = h.type
                              and d.classid in ('pg_type'::regclass, 'pg_class'::regclass)
              left join pg_class c on d.classid = 'pg_class'::regclass and c.oid = d.objid)
        select coalesce(json_agg(distinct u.oid), '[]'::json)
          from held h, unnest(array[h.type::int8, h.relation::int8]) u(oid) where u.oid <> 0)"""


@lru_cache(maxsize=256)
def statement(sections: tuple[str, ...] = (), *, is_printed: bool = False, is_binary: bool = False) -> str:
    """Ask what changed since $1, and for these sections whole; see `answered`.

    $1 is the `oldest` of earlier Changes, or "" for everything. `is_printed`: with what prints stored trees.
    `is_binary`: answer a bytea in the database's own encoding, not a text. The search_path must be pg_catalog.
    """
    asked = [_traced(name, ">=", is_scoped=False, is_printed=is_printed) for name in sections]
    return _answer(_CHANGES, asked, is_binary=is_binary)


@lru_cache(maxsize=64)
def keys(name: str, *, is_binary: bool = False) -> str:
    """Ask for all rows of one of LISTS; see `keys_answered`."""
    return _answer(_listing(LISTS[name]).replace(_IS_LISTED, "true"), (), is_binary=is_binary)


@lru_cache(maxsize=2)
def holders(*, is_binary: bool = False) -> str:
    """Ask for what holds values of the types in $1, an array of oids, at any depth; see `holders_answered`."""
    return _answer(_HOLDERS, (), is_binary=is_binary)


@lru_cache(maxsize=256)
def excerpt(sections: tuple[str, ...], *, is_printed: bool = False, is_binary: bool = False) -> str:
    """Ask for these sections of the owners in $1, an array of oids; see `excerpt_answered`."""
    asked = [_traced(name, ">=", is_scoped=True, is_printed=is_printed) for name in sections]
    return _answer("null", asked, is_binary=is_binary)


@lru_cache(maxsize=2)
def choice(*, is_printed: bool = False) -> str:
    """As `excerpt`, of those sections that are named in $2; the others are empty in the answer, which has all.

    One text for every choice, to be prepared and planned once: that costs ten times what it takes to run.
    """
    asked = {name: _traced(name, ">=", is_scoped=True, is_printed=is_printed) for name in SECTIONS}
    # What is not chosen is not run: a subselect without outer references is, when its value is first needed.
    parts = (
        f"case when '{name}' = any ($2::text[]) then {_rows_of(query)} else '[]'::json end"
        for name, query in asked.items()
    )
    return f"select json_build_array(null, {', '.join(parts)})::text"


def _rows_of(query: str) -> str:
    return f"(select coalesce(json_agg(q), '[]'::json) from ({query}) q)"


def _answer(first: str, queries: Sequence[str], *, is_binary: bool) -> str:
    parts = map(_rows_of, queries)
    document = f"json_build_array({', '.join((first, *parts))})::text"
    return f"select convert_to({document}, getdatabaseencoding()::name)" if is_binary else f"select {document}"


SYSTEM_STATEMENT = _answer(
    "null",
    [_traced(name, "<", is_scoped=False, is_printed=True) for name in SYSTEM_SECTIONS],
    is_binary=False,
)
"""Ask for what came with the server: see `system_answered`."""


# -- answers ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a system catalog: its key, what it belongs to, whether it is doubtful, and which version of it it is."""

    key: Key
    is_doubtful: bool
    version: str
    touches: tuple[int, ...]

    def is_since(self, oldest: str) -> bool:
        """Whether a transaction from `oldest` on wrote it, as transaction ids go round."""
        return (int(self.version.rpartition(":")[2]) - int(oldest)) % (1 << 32) < 1 << 31


@dataclass(frozen=True, slots=True)
class Changes:
    """What an answer says of change. `snapshot` is what it saw; `oldest`: rows written by transactions from there on
    may still be unseen.

    `server` is another one after a restart, and on another machine. `counts` and `young` are by the names of LISTS;
    `young` has pg_attribute and pg_depend too.
    """

    oldest: str
    server: str
    counts: Mapping[str, int]
    young: Mapping[str, tuple[Entry, ...]]
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a section: what it is made from, its columns, and these as bytes, by which rows are sorted."""

    owner: int
    oids: frozenset[int]
    values: tuple[Any, ...]
    packed: bytes

    @property
    def digest(self) -> int:
        """64 bits."""
        return int.from_bytes(blake2b(self.packed, digest_size=8).digest(), "big")


def answered(answer: str, sections: Collection[str]) -> tuple[Changes, dict[str, list[Row]]]:
    """Read an answer to `statement`. Raises ValueError for anything else."""
    document = _document(answer, sections)
    snapshot, server, *lists = document[0]
    names = (*LISTS, *_UNCOUNTED)
    if len(lists) != len(names):
        raise ValueError("not an answer about the catalog")
    counts = {name: count for name, (count, _) in zip(names, lists, strict=True)}
    young = {
        name: tuple(Entry(key, doubt, version, tuple(touches)) for key, doubt, version, *touches in entries)
        for name, (_, entries) in zip(names, lists, strict=True)
    }
    return Changes(snapshot.partition(":")[0], server, counts, young, snapshot), _rows(document, sections)


def keys_answered(answer: str) -> frozenset[Key]:
    """Read an answer to `keys`. Raises ValueError for anything else."""
    ((_, entries),) = orjson.loads(answer)
    return frozenset(key for key, *_ in entries)


def holders_answered(answer: str) -> frozenset[int]:
    """Read an answer to `holders`: oids of types, those asked about among them, and of relations. Raises ValueError."""
    (oids,) = orjson.loads(answer)
    return frozenset(oids)


def excerpt_answered(answer: str, sections: Collection[str]) -> dict[str, list[Row]]:
    """Read an answer to `excerpt`. Raises ValueError for anything else."""
    return _rows(_document(answer, sections), sections)


def system_answered(answer: str) -> dict[str, list[Row]]:
    """Read an answer to SYSTEM_STATEMENT. Raises ValueError for anything else."""
    return _rows(_document(answer, SYSTEM_SECTIONS), SYSTEM_SECTIONS)


def _document(answer: str, sections: Collection[str]) -> list[Any]:
    document = json.loads(answer, object_pairs_hook=lambda pairs: [value for _, value in pairs])
    if not isinstance(document, list) or len(document) != 1 + len(sections):
        raise ValueError("not an answer about the catalog")
    return document


def _rows(document: Sequence[Any], sections: Collection[str]) -> dict[str, list[Row]]:
    return {
        name: [Row(owner, frozenset(oids), tuple(values), orjson.dumps(values)) for owner, oids, *values in rows]
        for name, rows in zip(sections, document[1:], strict=True)
    }

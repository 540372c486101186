"""Row limits: which statements have one, and what counts against it. Pure.

Rows that a statement changes are counted by its command tag and by the statistics that the server keeps of the open
transaction: those include what cascades, triggers and functions did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidewaiter.model import Allow, Facts, Verdict

READS = frozenset({"select", "copy_out", "explain", "show"})
"""Verbs whose statements answer with rows."""

WRITES = frozenset({
    "insert", "update", "update_all", "delete", "delete_all", "merge", "merge_all", "copy_in", "refresh",
    "call", "do", "function",
})  # fmt: skip
"""Verbs that may change rows. What cannot run in a transaction block (VACUUM …) has no row count, and is not here."""

COUNTS = b"""
select pg_catalog.concat(c.oid, ' ', x.changed) from pg_catalog.pg_class c, lateral (
  select pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)
    operator(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
    operator(pg_catalog.+) pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) as changed) x
where c.oid operator(pg_catalog.>=) 16384::pg_catalog.oid
  and c.relkind operator(pg_catalog.=) any ('{r,m}'::pg_catalog."char"[])
  and x.changed operator(pg_catalog.>) 0"""
"""Asks what the transaction changed, one `oid rows` per table. Every name is qualified: nobody's search_path counts.

Counts of earlier transactions that the server has not yet reported are in it too, so only a difference says something.
OIDs below 16384 are the system's own (FirstNormalObjectId in transam.h).
"""


@dataclass(frozen=True, slots=True)
class RowLimit:
    """At most `rows` rows for one statement, says policy `rule`.

    `is_measured`: it may change rows, so the statistics of its transaction are asked before and after. Not
    `is_enforced`: what would be refused is only recorded.
    """

    rows: int
    rule: str
    is_measured: bool
    is_enforced: bool


def limit_of(verdict: Verdict, facts: Facts, *, is_enforced: bool) -> RowLimit | None:
    """The row limit that a statement runs under; None for none, or where it has no rows to count."""
    if not isinstance(verdict, Allow) or verdict.max_rows is None:
        return None
    verbs = set(facts.verbs)
    makes_tables = "create" in verbs and not verbs.isdisjoint(READS)
    is_measured = makes_tables or bool(facts.unknown) or not verbs.isdisjoint(WRITES)
    if not is_measured and verbs.isdisjoint(READS):
        return None
    return RowLimit(verdict.max_rows, verdict.limited_by, is_measured, is_enforced)


def counts(rows: Iterable[bytes]) -> dict[bytes, int]:
    """What the server answered to COUNTS: table → rows."""
    return {oid: int(changed) for oid, changed in (row.split(b" ") for row in rows)}


def changed(before: Mapping[bytes, int], after: Mapping[bytes, int]) -> int:
    """Rows changed in between. A table that was dropped meanwhile does not make up for others."""
    return sum(max(rows - before.get(oid, 0), 0) for oid, rows in after.items())

"""How far a change of the catalog reaches: which statements may mean something else by it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tidewaiter.sql.catalog_mirror import Amendment, Mirror
from tidewaiter.sql.entities import Path


@dataclass(frozen=True, slots=True)
class Reach:
    """What changed, by the names that it has or had. It may have been something else for a while between.

    `relations`: what they are or show. `types` that were there: what a value of them is, or what a cast to one calls.
    `functions`: what a call by that name, in whatever schema, means or does. `kin`: tables that may have been among
    the children or partitions of any other meanwhile, which nothing of that one would tell. `schemas`: all in them.
    `operators`, in whatever schema.
    """

    relations: frozenset[Path] = frozenset()
    types: frozenset[Path] = frozenset()
    functions: frozenset[str] = frozenset()
    kin: frozenset[Path] = frozenset()
    schemas: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()


def reach(before: Mirror, after: Mirror, change: Amendment) -> Reach:
    """How far a change reaches that led from one mirror to another.

    What is new or gone is found as what was written again is: temporary things, which others cannot name, are in
    neither mirror. A new type takes no name from another, as types are named with their schema.
    """
    mirrors = (before, after)
    types = change.owners & before.keys["pg_type"].keys()
    return Reach(
        _relations(change.owners, mirrors),
        frozenset((schema, name) for schema, name, *_ in _rows("types", types, mirrors)),
        frozenset(row[1] for name in ("functions", "builtins") for row in _rows(name, change.owners, mirrors)),
        _relations(change.kin, mirrors, "rpf"),
        frozenset(name for (name,) in _rows("schemas", change.schemas, mirrors)),
        frozenset(row[0] for row in _rows("operators", change.owners, mirrors)),
    )


def _relations(oids: Iterable[int], mirrors: Iterable[Mirror], kinds: str = "") -> frozenset[Path]:
    oids = tuple(oids)
    found: set[Path] = set()
    for catalog in (mirror.catalog for mirror in mirrors):
        paths = (catalog.relation_oids.get(oid) for oid in oids)
        found.update(path for path in paths if path and (not kinds or catalog.relations[path].kind in kinds))
    return frozenset(found)


def _rows(section: str, owners: Iterable[int], mirrors: Iterable[Mirror]) -> list[tuple[str, ...]]:
    oids = tuple(owners)
    return [row.values for mirror in mirrors for oid in oids for row in mirror.sections[section].rows.get(oid, ())]

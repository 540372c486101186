"""A held statement that is to be measured, and what was found: values, and what they tell without being asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from tidewaiter.config import Classification
from tidewaiter.model import Facts, ResourceType
from tidewaiter.proxy.estimates import Question
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import Path
from tidewaiter.sql.sampling import Sample
from tidewaiter.sql.undoable import written

READS = frozenset({"select", "copy_out", "explain"})
Row = tuple[bytes | None, ...]
Changes = dict[Path, tuple[int, int, int]]
"""Rows inserted, updated and deleted, by table."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A held statement as its session would run it.

    `question` has the text that the server would get, `text` is the client's. `settings` are further settings of the
    session that give constants another meaning. Tagged columns are shown masked, those without a tag as `untagged`
    says: "plain", "scrubbed" or "hidden". `may_run`: its rule allows a rolled-back run. `trusted` functions are
    declared free of side effects. `obstacle` says why its database cannot be asked as the session would be. `is_brief`:
    only numbers of rows are wanted.
    """

    question: Question
    text: bytes
    facts: Facts
    catalog: Catalog
    datasource: str
    classification: Classification
    untagged: str = "scrubbed"
    may_run: bool = False
    trusted: frozenset[Path] = frozenset()
    settings: tuple[tuple[str, str], ...] = ()
    obstacle: str = ""
    is_brief: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """Of a table: `rows` are counted, or else what the statistics say; `bytes` include indexes."""

    rows: int
    bytes: int
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """What a rolled-back run did. `rows` is its command tag's number, None where that does not tell.

    `failure` is (SQLSTATE, message) when it cannot run at all.
    """

    changes: Changes = field(default_factory=dict)
    rows: int | None = None
    failure: tuple[str, str] | None = None


@dataclass(slots=True)
class Findings:
    """What was found out; what was not stays empty. `reasons` say why it was not run."""

    sizes: dict[Path, Size] = field(default_factory=dict)
    estimate: int | None = None
    run: Run | None = None
    reasons: tuple[str, ...] = ()
    shown: list[tuple[Sample, list[Row]]] = field(default_factory=list)


class Measurer(Protocol):
    """Who measures."""

    async def measure(self, subject: Subject) -> Findings:
        """Never raises for what a database says or does not say."""


def affected_rows(told: bytes) -> int | None:
    """The rows that reach the writing node of EXPLAIN's JSON; None where there is no such node, or no plan.

    A Result with a one-time filter is looked through: the planner takes its condition for one row.
    """
    try:
        plans: list[Any] = [each["Plan"] for each in orjson.loads(told)]
        rows: int | None = None
        while plans:
            plan = plans.pop()
            plans += plan.get("Plans", ())
            if plan["Node Type"] == "ModifyTable":
                rows = (rows or 0) + sum(map(_rows, plan.get("Plans", ())))
    except (ValueError, TypeError, KeyError):
        return None
    return rows


def _rows(plan: Mapping[str, Any]) -> int:
    while plan["Node Type"] == "Result" and "One-Time Filter" in plan and plan.get("Plans"):
        plan = plan["Plans"][0]
    return int(plan["Plan Rows"])


def difference(before: Changes, after: Changes) -> Changes:
    """What was changed in between: earlier transactions that the server has not reported yet count in both."""
    none = (0, 0, 0)
    found = {
        path: (now[0] - then[0], now[1] - then[1], now[2] - then[2])
        for path, now in after.items()
        for then in (before.get(path, none),)
    }
    return {path: counts for path, counts in found.items() if any(counts)}


def loses_all(facts: Facts) -> bool:
    """Whether the rows that change or go are all that there are: without a WHERE, and without another table."""
    if not {"truncate", "drop"}.isdisjoint(facts.verbs):
        return True
    tables = {touch.resource.path for touch in facts.touches if touch.resource.type is ResourceType.TABLE}
    return not facts.has_where and len(tables) == 1 and not {"delete_all", "update_all"}.isdisjoint(facts.verbs)


def uses_defaults(subject: Subject) -> bool:
    """Whether a column may be given its default."""
    if not {"insert", "merge", "merge_all"}.isdisjoint(subject.facts.verbs) or b"default" in subject.text.lower():
        return True
    keys = (key for path in written(subject.facts, subject.catalog) for key in subject.catalog.keys.get(path, ()))
    return any("d" in (key.on_delete, key.on_update) for key in keys)


def parts_of(path: Path, catalog: Catalog) -> tuple[Path, ...]:
    """The partitions and inheritance children of a table, at any depth."""
    found = list(catalog.partitions.get(path, ()))
    for one in found:
        found.extend(part for part in catalog.partitions.get(one, ()) if part not in found)
    return tuple(found)


def reads_elsewhere(subject: Subject) -> bool:
    """Whether a foreign table is touched, or is a partition of what is touched: to read it can do anything."""
    catalog = subject.catalog
    for touch in subject.facts.touches:
        if touch.resource.type is ResourceType.TABLE:
            path = (touch.resource.path[0], touch.resource.path[1])
            found = (catalog.relations.get(one) for one in (path, *parts_of(path, catalog)))
            if any(relation is not None and relation.kind == "f" for relation in found):
                return True
    return False


def tables_of(subject: Subject) -> tuple[Path, ...]:
    """Relations whose size matters: those that are written, defined or locked."""
    found = dict.fromkeys(written(subject.facts, subject.catalog))
    for touch in subject.facts.touches:
        if touch.resource.type is ResourceType.TABLE and touch.action not in READS:
            found[touch.resource.path[0], touch.resource.path[1]] = None
    found.update(dict.fromkeys(lock.path for lock in subject.facts.locks))
    for path in list(found):
        found.update(dict.fromkeys(parts_of(path, subject.catalog)))
    return tuple(path for path in found if path in subject.catalog.relations)

"""The blast radius as approvers see it: what a held statement would do, in one document. Pure.

Numbers are called what they are: measured in a rolled-back run, counted, or estimated. Values of tagged columns are in
it through their masks only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from postgast import format_sql

from tidewaiter.masking.spans import redact_spans
from tidewaiter.model import Facts, ResourceType
from tidewaiter.proxy.findings import READS, Changes, Findings, Measurer, Row, Run, Subject, loses_all, parts_of
from tidewaiter.proxy.holding import Held
from tidewaiter.proxy.standing import Standing
from tidewaiter.sql.catalog import quoted
from tidewaiter.sql.deparse import Tree, read_tree
from tidewaiter.sql.entities import Path
from tidewaiter.sql.sampling import Sample
from tidewaiter.sql.storage import work_of
from tidewaiter.sql.undoable import WRITES, reversal

MOST_LISTED = 50  # of each kind; the rest is counted
FORMAT_BYTES = 4096  # a longer text is shown as it came
HIDDEN = "(hidden)"

Document = dict[str, Any]


class SessionGauge:
    """Tells the blast radius of one session's held statements. `now_s` is Unix time."""

    def __init__(self, standing: Standing, measurer: Measurer, now_s: Callable[[], float]) -> None:
        self._standing = standing
        self._measurer = measurer
        self._now_s = now_s

    def may_break_glass(self) -> bool:
        """Whether a policy permits it on this datasource."""
        return self._standing.may_break_glass()

    async def radius(self, held: Held, *, is_brief: bool = False) -> Document:
        """The document; never raises for what a database says or does not say."""
        try:
            subject = replace(self._standing.subject(held), is_brief=is_brief)
            return document(subject, await self._measurer.measure(subject), self._now_s())
        except Exception as defect:  # noqa: BLE001 - the boundary: a request is made all the same, and says what is not known
            return unknown(f"a defect of the gateway: {type(defect).__name__}", self._now_s())


def document(subject: Subject, findings: Findings, at_s: float) -> Document:
    """What is told of a statement. `rows` is the number that decisions go by, `basis` what kind of number it is."""
    facts, text = subject.facts, subject.text.decode("utf-8", "replace")
    rows, basis = _rows(facts, findings)
    back = reversal(facts)
    told: Document = {
        "basis": basis,
        "rows": rows,
        "estimated_rows": findings.estimate,
        "total_rows": _total(findings.run),
        "not_measured": _listed(findings.reasons),
        "formatted": formatted(text),
        "tables": _listed(_tables(subject, findings)),
        "cascades": _listed(_cascades(facts, findings.run)),
        "triggers": _listed(_triggers(facts)),
        "locks": _listed(_locks(facts, findings)),
        "storage": _listed(str(work) for work in work_of(text)),
        "sample": _listed(row for sample, rows in findings.shown for row in _shown(subject, sample, rows)),
        "reversible": {"word": back.word, "how": back.how},
        "at_s": at_s,
    }
    failure = findings.run.failure if findings.run is not None else None
    if failure is not None:
        told["fails"] = {"sqlstate": failure[0], "message": failure[1]}
    return told


def unknown(reason: str, at_s: float) -> Document:
    """The document of which nothing is known."""
    nothing = ("not_measured", "tables", "cascades", "triggers", "locks", "storage", "sample")
    return {name: [] for name in nothing} | {
        "basis": "unknown",
        "rows": None,
        "estimated_rows": None,
        "total_rows": None,
        "not_measured": [reason],
        "reversible": {"word": "unknown", "how": "nobody looked"},
        "at_s": at_s,
    }


def formatted(text: str) -> str:
    """The statement over several lines; as it came where that could not be shown to mean the same."""
    if len(text) > FORMAT_BYTES:
        return text
    try:
        told: str = format_sql(text)
    except Exception:  # noqa: BLE001 - a help for reading; what is approved is the text itself
        return text
    one, other = read_tree(text), read_tree(told)
    is_same = isinstance(one, Tree) and isinstance(other, Tree) and _trees(one) == _trees(other)
    return told if is_same else text


def _trees(tree: Tree) -> list[object]:
    return [item["stmt"] for item in tree.statements]


def _rows(facts: Facts, findings: Findings) -> tuple[int | None, str]:
    if findings.run is not None and findings.run.failure is None:
        own = findings.run.rows
        return (own if own is not None else _total(findings.run)), "measured"
    if loses_all(facts):
        named = {touch.resource.path for touch in facts.touches if touch.action not in READS}
        sizes = [size for path, size in findings.sizes.items() if path in named]
        if sizes:
            is_counted = all(size.is_counted for size in sizes)
            return sum(size.rows for size in sizes), "counted" if is_counted else "estimated"
    if findings.estimate is not None:
        return findings.estimate, "estimated"
    return None, "unknown"


def _total(run: Run | None) -> int | None:
    """Rows changed in all tables, by cascades and triggers too."""
    return None if run is None or run.failure is not None else sum(map(sum, run.changes.values()))


def _tables(subject: Subject, findings: Findings) -> Iterable[Document]:
    does: dict[Path, tuple[list[str], dict[str, None]]] = {}
    for touch in subject.facts.touches:
        if touch.resource.type is ResourceType.TABLE:
            verbs, columns = does.setdefault((touch.resource.path[0], touch.resource.path[1]), ([], {}))
            if touch.action not in verbs:
                verbs.append(touch.action)
            columns.update(dict.fromkeys((*touch.columns, *("*" if touch.star else ""))))
    changes: Changes = findings.run.changes if findings.run is not None else {}
    for path in (*does, *(path for path in changes if path not in does)):
        verbs, columns = does.get(path, ([], {}))
        told: Document = {"table": quoted(path), "does": verbs, "columns": list(columns)}
        size = findings.sizes.get(path)
        if size is not None:
            told |= {"rows": size.rows, "rows_are": "counted" if size.is_counted else "estimated", "bytes": size.bytes}
        if path in changes:
            told["changes"] = dict(zip(("insert", "update", "delete"), changes[path], strict=True))
        share = _share(path, verbs, subject, findings)
        if share is not None:
            told["share"] = share
        yield told


def _share(path: Path, verbs: Iterable[str], subject: Subject, findings: Findings) -> float | None:
    """How much of a table is changed or lost, from 0 to 1."""
    size = findings.sizes.get(path)
    if size is None or size.rows <= 0:
        return None
    if findings.run is not None and findings.run.failure is None:
        whole = (path, *parts_of(path, subject.catalog))
        changed = sum(sum(findings.run.changes.get(one, (0, 0, 0))[1:]) for one in whole)
    elif loses_all(subject.facts) and not READS.issuperset(verbs):
        changed = size.rows
    else:
        targets = [one for one in subject.facts.touches if one.action in WRITES - {"insert"}]
        if findings.estimate is None or [one.resource.path for one in targets] != [path]:
            return None
        changed = findings.estimate
    return round(min(changed / size.rows, 1.0), 4)


def _cascades(facts: Facts, run: Run | None) -> Iterable[Document]:
    for one in facts.indirect:
        if one.kind in ("cascade", "rule"):
            told: Document = {
                "kind": one.kind, "name": one.name, "does": one.action, "table": quoted(one.path),
                "because_of": quoted(one.cause),
            }  # fmt: skip
            if run is not None and run.failure is None:
                told["rows"] = sum(run.changes.get(one.path, (0, 0, 0)))
            yield told


def _triggers(facts: Facts) -> Iterable[Document]:
    for one in facts.indirect:
        if one.kind not in ("cascade", "rule"):
            yield {"kind": one.kind, "name": one.name, "table": quoted(one.cause), "function": quoted(one.path)}


def _locks(facts: Facts, findings: Findings) -> Iterable[Document]:
    for lock in facts.locks:
        size = findings.sizes.get(lock.path)
        yield {"mode": lock.mode, "table": quoted(lock.path), "bytes": size.bytes if size is not None else None}


def _shown(subject: Subject, sample: Sample, rows: Iterable[Row]) -> Iterable[Document]:
    for row in rows:
        values = list(row)
        before = {
            name: HIDDEN if name in sample.hidden else _value(subject, sample, name, value)
            for name, value in zip(sample.before, values, strict=False)
        }
        told: Document = {"table": quoted(sample.path), "before": before}
        if sample.after:
            told["after"] = {
                name: HIDDEN if name in sample.hidden_after else _value(subject, sample, name, value)
                for name, value in zip(sample.after, values[len(sample.before) :], strict=True)
            }
        yield told


def _value(subject: Subject, sample: Sample, name: str, value: bytes | None) -> str | None:
    """A value for eyes. What patterns find in a column that nobody classified is taken out."""
    if value is None:
        return None
    if name in sample.plain and subject.untagged == "scrubbed":
        value = redact_spans(value, False)
    return value.decode("utf-8", "replace")


def _listed(items: Iterable[object]) -> list[object]:
    found = list(items)
    more = len(found) - MOST_LISTED
    return found if more <= 0 else [*found[:MOST_LISTED], f"and {more} more"]

"""What writes set off beyond their own text: triggers, rules, cascades of foreign keys, functions in a table's own
expressions. Followed to any depth; each thing that can happen to a table is followed once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidewaiter.model import Effect, Indirect, Relation, ResourceType
from tidewaiter.sql.catalog import quoted
from tidewaiter.sql.entities import ForeignKey, Path, Rule
from tidewaiter.sql.expressions import walk
from tidewaiter.sql.levels import Entry, Level, Source
from tidewaiter.sql.parse import Parsed, parse
from tidewaiter.sql.reading import Reading, Scope, disturbs

MOST = 2000
"""Consequences of one statement that are listed; a statement with more is not understood."""

EVENTS: Mapping[str, str] = {
    "insert": "insert",
    "copy_in": "insert",
    "update": "update",
    "update_all": "update",
    "delete": "delete",
    "delete_all": "delete",
    "truncate": "truncate",
    "select": "select",
    "copy_out": "select",
}
"""What a touch of a table is to those who wait for it; a MERGE's branches are touches of their own."""

_KEPT = ("generated", "constraint", "domain", "policy", "index", "operator class")
_CALLED_ON: Mapping[str, frozenset[str]] = {
    "insert": frozenset({"default", *_KEPT, "partition key"}),
    "update": frozenset({*_KEPT, "partition key"}),
    "delete": frozenset({"policy", "operator class"}),
    "select": frozenset({"policy", "operator class"}),
}
_REFERENTIAL = {"c": "cascade", "n": "set null", "d": "set default"}


@dataclass(frozen=True, slots=True)
class _Change:
    """Something that happens to the rows of a table. `columns`: those that an UPDATE sets, None when not known."""

    path: Path
    event: str
    columns: frozenset[str] | None = None


_Actions = tuple[tuple[Entry, ...], tuple[Effect, ...], str]
"""What a rule touches and changes, and why it is not understood."""


class Consequences:
    """Follows what the present statement's touches set off."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._is_idle = not (catalog_reacts(reading))
        self._started: dict[_Change, None] = {}
        self._looked_at = 0

    def follow(self) -> bool:
        """Follow the touches that were made since the last time; return whether new ones came of it."""
        reading = self._reading
        if self._is_idle:
            return False
        new = reading.present[self._looked_at :]
        before = self._looked_at = len(reading.present)
        reading.effort.spend(len(new))
        queue = [change for entry in new if (change := self._change(entry)) is not None]
        for change in queue:
            if change in self._started:
                continue
            self._started[change] = None
            if len(reading.indirect) > MOST:
                reading.unknown(f"sets off more than {MOST} triggers, rules and cascades")
                break
            queue.extend(self._set_off(change))
        return len(reading.present) > before

    def _change(self, entry: Entry) -> _Change | None:
        event = EVENTS.get(entry.action)
        if not entry.fires or event is None:
            return None
        if entry.resource.type is not ResourceType.TABLE:
            return None
        if event == "insert" and entry.via and entry.via[-1] in self._parents(entry.resource.path):
            return None  # an INSERT into a parent leaves its inheritance children alone
        columns = entry.assigned if event == "update" else None
        return _Change((entry.resource.path[0], entry.resource.path[1]), event, columns)

    def _parents(self, path: tuple[str, ...]) -> Iterator[str]:
        self._reading.effort.spend(len(self._reading.catalog.heirs))
        for parent, heirs in self._reading.catalog.heirs.items():
            if path in heirs:
                yield quoted(parent)

    def _set_off(self, change: _Change) -> Iterator[_Change]:
        yield from self._rules(change)
        self._triggers(change, change.path, is_partition=False)
        self._calls(change, change.path)
        yield from self._looks(change.path)
        yield from self._cascades(change, change.path, is_partition=False)
        for partition in self._partitions(change.path):
            self._triggers(change, partition, is_partition=True)
            self._calls(change, partition)
            yield from self._looks(partition)
            yield from self._cascades(change, partition, is_partition=True)

    def _partitions(self, path: Path) -> Iterator[Path]:
        catalog = self._reading.catalog
        relation = catalog.relations.get(path)
        if relation is None or relation.kind != "p":
            return
        queue = list(catalog.partitions.get(path, ()))
        for partition in queue:
            queue.extend(catalog.partitions.get(partition, ()))
            yield partition

    def _note(self, kind: str, name: str, action: str, path: Path, cause: Path) -> None:
        self._reading.effort.spend(1)
        self._reading.indirect[Indirect(kind, name, action, path, cause)] = None

    def _triggers(self, change: _Change, path: Path, *, is_partition: bool) -> None:
        for trigger in self._reading.catalog.triggers.get(path, ()):
            if change.event not in trigger.events or (is_partition and trigger.is_repeat):
                continue
            is_other = change.columns is not None and change.columns.isdisjoint(trigger.columns)
            if change.event == "update" and trigger.columns and is_other:
                continue  # UPDATE OF goes by the SET list; what BEFORE triggers set does not count
            self._note("trigger", trigger.name, "function", trigger.function, path)

    def _moves(self, change: _Change, path: Path, key: ForeignKey) -> bool:
        """Whether an UPDATE can change what a key refers to: it sets a column of it, or a BEFORE trigger may."""
        if change.columns is None or not change.columns.isdisjoint(key.referenced):
            return True
        triggers = self._reading.catalog.triggers.get(path, ())
        return any(trigger.is_before and "update" in trigger.events for trigger in triggers)

    def _calls(self, change: _Change, path: Path) -> None:
        kinds = _CALLED_ON.get(change.event, frozenset())
        for call in self._reading.catalog.table_calls.get(path, ()):
            if call.kind in kinds:
                self._note(call.kind, call.name, "function", call.function, path)

    def _looks(self, path: Path) -> Iterator[_Change]:
        """What the policies of row security read to decide about a row."""
        catalog = self._reading.catalog
        for name, read in catalog.policy_reads.get(path, ()):
            for one in (read, *(reach.path for reach in catalog.reaches.get(read, ()))):
                self._note("policy", name, "select", one, path)
                yield _Change(one, "select")

    def _cascades(self, change: _Change, path: Path, *, is_partition: bool) -> Iterator[_Change]:
        for key in self._reading.catalog.keys.get(path, ()):
            if is_partition and key.standing == "parent":
                continue
            if change.event == "delete" and key.on_delete in _REFERENTIAL:
                yield self._cascade(key, key.on_delete, "delete", path)
            elif change.event == "update" and key.on_update in _REFERENTIAL and self._moves(change, path, key):
                yield self._cascade(key, key.on_update, "update", path)

    def _cascade(self, key: ForeignKey, action: str, event: str, cause: Path) -> _Change:
        happens = event if action == "c" else "update"
        self._note("cascade", key.name, happens, key.table, cause)
        return _Change(key.table, happens, frozenset(key.columns) if happens == "update" else None)

    # -- rules ------------------------------------------------------------------------------------------------------
    def _rules(self, change: _Change) -> Iterator[_Change]:
        for rule in self._reading.catalog.rules.get(change.path, ()):
            if rule.event == change.event:
                yield from self._fire(rule, change.path)

    def _fire(self, rule: Rule, path: Path) -> Iterator[_Change]:
        """An ALSO rule adds to a write and is listed; an INSTEAD rule is what the write means, so it is touched too."""
        actions, effects, reason = self._actions(rule, path)
        if reason:
            self._reading.unknown(f"rule {rule.name} on {quoted(path)}: {reason}")
        for effect in effects:  # writing pg_settings changes a setting
            self._reading.effect(effect.kind, effect.name, effect.facts, effect.relation)
            self._reading.ran_code = self._reading.ran_code or disturbs(effect)
        for entry in actions:
            if len(entry.resource.path) == 2:
                self._note("rule", rule.name, entry.action, (entry.resource.path[0], entry.resource.path[1]), path)
            if rule.is_instead:
                touched = self._reading.touch(entry.action, entry.resource, (quoted(path), *entry.via))
                touched.absorb(entry)
            event = EVENTS.get(entry.action)
            if entry.fires and event not in (None, "select"):
                columns = entry.assigned if event == "update" else None
                yield _Change((entry.resource.path[0], entry.resource.path[1]), str(event), columns)

    def _actions(self, rule: Rule, path: Path) -> _Actions:
        remembered = self._reading.catalog.remembered
        key = ("rule", path, rule.name)
        found: _Actions | None = remembered.get(key)
        if found is None:
            found = remembered[key] = self._read_rule(rule, path)
        return found

    def _read_rule(self, rule: Rule, path: Path) -> _Actions:
        """The touches of a rule's condition and actions. The server prints its text with every name qualified."""
        reading = self._reading
        parsed = parse(rule.text)
        if not isinstance(parsed, Parsed) or "RuleStmt" not in parsed.statements[0]:
            return (), (), "its text is not readable"
        fields = parsed.statements[0]["RuleStmt"]
        inner = Reading(reading.catalog, Scope(("pg_catalog",)), reading.handlers)
        relation: Relation | None = reading.catalog.relations.get(path)
        rows = Level([Source("old", relation), Source("new", relation)])
        walk(inner, fields.get("whereClause"), rows)
        for node in fields.get("actions", ()):
            inner.statement(node, rows.below())
        inner.settle_casts()
        return tuple(inner.entries.values()), tuple(inner.effects), next(iter(inner.reasons), "")


def catalog_reacts(reading: Reading) -> bool:
    """Whether anything in the database waits for writes or reads."""
    catalog = reading.catalog
    return bool(catalog.triggers or catalog.rules or catalog.keys or catalog.table_calls or catalog.policy_reads)

"""The end of reading a statement: what the functions it calls do, and what its writes set off."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.model import Effect, EffectKind, Indirect, ResourceType
from tidewaiter.sql.bodies import Body, read_body
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, quoted
from tidewaiter.sql.consequences import Consequences
from tidewaiter.sql.entities import Function, Path
from tidewaiter.sql.levels import Entry
from tidewaiter.sql.reading import Reading, disturbs
from tidewaiter.sql.routines import RUNS_TEXT

MOST_FUNCTIONS = 300
"""Functions whose bodies one statement may make us follow. What is beyond is opaque."""

EVENT_TRIGGERS: Path = ("pg_catalog", "pg_event_trigger")
"""What stands for the cause where a definition, not a write, sets something off."""

_CALLS = frozenset({"function", "call"})


def settle(reading: Reading) -> None:
    """Finish the present statement: casts, functions and their bodies, triggers, rules and cascades."""
    reading.settle_casts()
    calls = Calls(reading)
    consequences = Consequences(reading)
    while calls.follow() or consequences.follow():
        pass
    calls.conclude()
    if reading.catalog.event_triggers and any(effect.kind is EffectKind.DEFINE for effect in reading.effects):
        for name, function in reading.catalog.event_triggers:
            reading.indirect[Indirect("trigger", name, "function", function, EVENT_TRIGGERS)] = None


class Calls:
    """Follows the calls of one statement, each function once, by the first way that leads to it."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._looked_at = 0
        self._entries: list[Entry] = []
        self._seen: set[tuple[Path, tuple[str, ...]]] = set()
        self._bodies: dict[Path, list[Body]] = {}
        self._callees: dict[Path, set[Path]] = {}
        self._opaque: set[Path] = set()

    def follow(self) -> bool:
        """Look into every call that was found since the last time; return whether there was one."""
        new = [entry for entry in self._called() if (_path(entry), entry.via) not in self._seen]
        for entry in new:
            self._seen.add((_path(entry), entry.via))
            self._entries.append(entry)
            if _path(entry) not in self._callees:
                self._look_into(entry)
        return bool(new)

    def _called(self) -> Iterator[Entry]:
        reading = self._reading
        new = reading.present[self._looked_at :]
        self._looked_at += len(new)
        reading.effort.spend(len(new))
        for entry in new:
            if entry.action in _CALLS and (entry.runs or not entry.traits):
                yield entry

    def _look_into(self, entry: Entry) -> None:
        path = _path(entry)
        callees = self._callees[path] = set(self._reading.catalog.made_of.get(path, ()))
        if not entry.runs:
            return
        via = (*entry.via, quoted(path))
        for callee in callees:
            self._reading.runs(callee, via)
        for function in self._overloads(path):
            if function.language == "sql":
                before = self._reading.explains
                # The planner may call what is not volatile.
                self._reading.explains = entry.is_planned and function.volatility == "v"
                self._bring(function, via)
                self._reading.explains = before

    def _bring(self, function: Function, via: tuple[str, ...]) -> None:
        reading, path = self._reading, function.path
        if len(self._callees) > MOST_FUNCTIONS:
            self._opaque.add(path)
            return
        body = read_body(reading, function)
        self._bodies.setdefault(path, []).append(body)
        if not body.is_understood:
            self._opaque.add(path)
        for found in body.entries:
            reading.touch(found.action, found.resource, (*via, *found.via)).absorb(found)
            if found.runs:
                self._callees[path].add(_path(found))
        reading.has_where = reading.has_where and body.has_where
        for effect in body.effects:
            reading.effect(effect.kind, effect.name, effect.facts, effect.relation)

    def _overloads(self, path: Path) -> tuple[Function, ...]:
        return self._reading.catalog.find_functions(path[1], path[0], ())

    def conclude(self) -> None:
        """Say what is known of each function now that all are seen, and whether one of them may change the session."""
        reading = self._reading
        self._opaque.update(path for path in self._callees if self._is_closed(path))
        disturbing = self._disturbing()
        for entry in self._entries:
            entry.traits |= self._traits(_path(entry))
        ran = {_path(entry) for entry in self._entries if entry.runs}
        if ran & self._opaque:
            reading.opaque()
        elif ran & disturbing:
            reading.ran_code = True

    def _is_closed(self, path: Path) -> bool:
        """Whether some overload is code that nobody can look into, or none is known."""
        if path[0] in SYSTEM_SCHEMAS:
            return path[1] in RUNS_TEXT
        overloads = self._overloads(path)
        return not overloads or any(function.is_opaque for function in overloads)

    def _disturbing(self) -> set[Path]:
        """Functions after which names may mean something else. A body that is read after one is not understood."""
        disturbing = self._opaque | {
            path for path, bodies in self._bodies.items() if any(map(disturbs, _effects(bodies)))
        }
        before = -1
        while before < len(disturbing) + len(self._opaque):
            before = len(disturbing) + len(self._opaque)
            disturbing.update(path for path, callees in self._callees.items() if callees & disturbing)
            for path, bodies in self._bodies.items():
                if any(body.early & disturbing or (body.follows_caller and disturbing - {path}) for body in bodies):
                    self._opaque.add(path)
            disturbing |= self._opaque
        return disturbing

    def _traits(self, path: Path) -> frozenset[str]:
        overloads = self._overloads(path)
        traits = {"opaque"} if path in self._opaque else set()
        if any(function.security_definer for function in overloads):
            traits.add("security_definer")
        is_volatile = self._reading.catalog.builtins.get(path[1], False) if path[0] in SYSTEM_SCHEMAS else False
        if is_volatile or any(function.volatility == "v" for function in overloads):
            traits.add("volatile")
        return frozenset(traits)


def _path(entry: Entry) -> Path:
    assert entry.resource.type is ResourceType.FUNCTION
    return (entry.resource.path[0], entry.resource.path[1])


def _effects(bodies: list[Body]) -> Iterator[Effect]:
    for body in bodies:
        yield from body.effects

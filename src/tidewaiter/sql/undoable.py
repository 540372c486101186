"""What of a statement can be taken back, by a rollback right after it and by anybody once it is committed; and which
statements do nothing that would have to be. Pure.

A rollback does not undo everything. Sequences go on, code that is not looked into may have reached files or other
servers, and so may foreign tables. Only what is known to leave nothing behind may be run to see what it would do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from tidewaiter.model import Facts, Indirect, ResourceType, Touch
from tidewaiter.sql.catalog import SYSTEM_SCHEMAS, Catalog, quoted
from tidewaiter.sql.entities import Path
from tidewaiter.sql.routines import action_of

WRITES = frozenset({"insert", "update", "update_all", "delete", "delete_all", "merge", "merge_all"})
"""Actions that can be run and taken back. Definitions and TRUNCATE take locks that keep readers out: they are not."""

_TRIGGERS = frozenset(
    {"suppress_redundant_updates_trigger", "tsvector_update_trigger", "tsvector_update_trigger_column"}
)
"""The server's own trigger functions that look at nothing but the row at hand."""


def leaves_behind(facts: Facts, catalog: Catalog, trusted: Collection[Path] = ()) -> tuple[str, ...]:
    """Why running a statement could leave something behind that a rollback does not undo; empty: it cannot.

    `trusted` functions are declared to be free of side effects. Functions of the server that stored expressions call
    (defaults, checks) are not among the facts: `impure` judges them.
    """
    return tuple(dict.fromkeys(_reasons(facts, catalog, frozenset(trusted))))


def impure(functions: Iterable[int], catalog: Catalog, trusted: Collection[Path] = ()) -> tuple[str, ...]:
    """Of functions by oid, those that may do more than compute."""
    found: dict[str, None] = {}
    for oid in functions:
        path = catalog.oids.get(oid)
        if path is None:
            found[f"function number {oid}"] = None
        elif not _is_harmless(path, catalog, trusted):
            found[f"function {quoted(path)}"] = None
    return tuple(found)


def written(facts: Facts, catalog: Catalog) -> tuple[Path, ...]:
    """The tables whose rows a statement may change: named, by cascades and rules, and the partitions of all of them."""
    queue: dict[Path, None] = {}
    for touch in facts.touches:
        if touch.resource.type is ResourceType.TABLE and (touch.action in WRITES or touch.action == "truncate"):
            queue[_path(touch)] = None
    for one in facts.indirect:
        if one.kind in ("cascade", "rule") and one.action in WRITES:
            queue[one.path] = None
    found = list(queue)
    for path in found:
        new = [part for part in catalog.partitions.get(path, ()) if part not in queue]
        queue.update(dict.fromkeys(new))
        found += new
    return tuple(found)


def only_answers(facts: Facts, catalog: Catalog) -> bool:
    """Whether all that a statement does is answer: it is understood, and writes, locks, defines and sets nothing, reads
    no other server, and calls nothing but the server's own functions that ask nothing.

    What those may leave is their session's own: the seed of `random`, advisory locks given back, an exported snapshot.
    """
    if not facts.reads_only or facts.effects or facts.control is not None or facts.fault is not None or facts.locks:
        return False
    if any(one.action != "select" for one in facts.indirect):
        return False
    read = [_path(touch) for touch in facts.touches if touch.resource.type is ResourceType.TABLE]
    return not any(_is_elsewhere(path, catalog) for path in (*read, *(one.path for one in facts.indirect)))


def _is_elsewhere(path: Path, catalog: Catalog) -> bool:
    """Whether a relation, or one below it, is a foreign table, or is not known."""
    below = [path]
    for one in below:  # inheritance has no cycles
        relation = catalog.relations.get(one)
        if relation is None or relation.kind == "f":
            return True
        below.extend(catalog.partitions.get(one, ()))
    return False


def _reasons(facts: Facts, catalog: Catalog, trusted: frozenset[Path]) -> Iterator[str]:
    if facts.parts != 1 or facts.unknown or facts.fault is not None or facts.control is not None:
        yield "it is not one statement that is understood"
    if facts.session_bound or facts.effects:
        yield "it depends on its session, or changes it"
    others = sorted(set(facts.verbs) - WRITES - {"select", "function"})
    if others or WRITES.isdisjoint(facts.verbs):
        yield f"{' and '.join(others) or 'reading'} is not run to be taken back"
    for touch in facts.touches:
        yield from _touched(touch, catalog, trusted)
    for one in facts.indirect:
        yield from _set_off(one, catalog, trusted)
    for path in written(facts, catalog):
        yield from _stored(path, catalog)


def _touched(touch: Touch, catalog: Catalog, trusted: frozenset[Path]) -> Iterator[str]:
    kind = touch.resource.type
    if kind is ResourceType.TABLE:
        yield from _stored(_path(touch), catalog)
        relation = catalog.relations.get(_path(touch))
        if relation is not None and relation.kind == "S" and touch.action != "select":
            yield f"sequence {quoted(touch.resource.path)} would not go back"
    elif kind is ResourceType.FUNCTION and len(touch.resource.path) == 2:
        path = _path(touch)
        is_known = "opaque" not in touch.traits and path[0] not in SYSTEM_SCHEMAS
        if not (is_known or _is_harmless(path, catalog, trusted)):
            yield f"nobody can look into what function {quoted(path)} does"
    elif kind is not ResourceType.DATASOURCE or touch.action not in ("select", "explain"):
        yield f"{touch.action} is not run to be taken back"


def _stored(path: Path, catalog: Catalog) -> Iterator[str]:
    relation = catalog.relations.get(path)
    if relation is None:
        yield f"{quoted(path)} belongs to the session"
    elif relation.kind == "f":
        yield f"{quoted(path)} is a foreign table"


def _set_off(one: Indirect, catalog: Catalog, trusted: frozenset[Path]) -> Iterator[str]:
    if one.kind == "rule":
        yield f"rule {one.name} of {quoted(one.cause)} adds to it"
    elif one.kind != "cascade" and not _is_harmless(one.path, catalog, trusted):
        yield f"{one.kind} {one.name} of {quoted(one.cause)} calls {quoted(one.path)}, which nobody can look into"


def _is_harmless(path: Path, catalog: Catalog, trusted: Collection[Path]) -> bool:
    if path in trusted:
        return True
    if path[0] in SYSTEM_SCHEMAS:
        return path[1] in _TRIGGERS or action_of(path[1], catalog.builtins.get(path[1], True)) is None
    overloads = catalog.find_functions(path[1], path[0], ())
    return bool(overloads) and all(function.is_reviewed for function in overloads)


def _path(touch: Touch) -> Path:
    return (touch.resource.path[0], touch.resource.path[1])


# -- after the commit --------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Reversal:
    """Whether what a statement did can be undone after its commit: "no", "partly" or "yes", and how."""

    word: str
    how: str


_NO = "no"
_REVERSALS: tuple[tuple[frozenset[str], Reversal], ...] = (
    (
        frozenset({"truncate", "delete", "delete_all"}),
        Reversal(_NO, "rows that are gone come back from a backup only"),
    ),
    (
        frozenset({"drop", "alter_destructive"}),
        Reversal(_NO, "what is dropped or rewritten comes back from a backup only, its definition from its source"),
    ),
    (
        frozenset({"update", "update_all", "merge", "merge_all"}),
        Reversal(_NO, "the values from before come back from a backup only"),
    ),
    (
        frozenset({"call", "do", "function", "unknown", "copy_in"}),
        Reversal("unknown", "nobody can say what it does before it did it"),
    ),
    (
        frozenset({"insert"}),
        Reversal("partly", "new rows can be deleted by their keys; sequences and what triggers did stay"),
    ),
    (frozenset({"rename", "grant_right", "revoke_right", "comment"}), Reversal("yes", "by the opposite statement")),
    (frozenset({"create", "alter"}), Reversal("partly", "what was made or added can be dropped again")),
)


def reversal(facts: Facts) -> Reversal:
    """How far what a statement did can be undone later; of several verbs, the worst counts."""
    if facts.unknown:
        return Reversal("unknown", "it is not understood")
    for verbs, told in _REVERSALS:
        if not verbs.isdisjoint(facts.verbs):
            return told
    return Reversal("yes", "it changes no rows and no definitions")

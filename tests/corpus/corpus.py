"""Reads tests/corpus/facts/*.sql: statements with the facts that they must give.

A file holds blocks separated by blank lines. A block is a statement, then one line per fact, in this order:

    --> ACTION TYPE PATH (COLUMN, …) * via VIEW > VIEW #PART is TRAIT, …
                                                                  a touch; `*`: all columns; `#1`: the second statement
    --> unknown REASON
    --> fault SQLSTATE MESSAGE @POSITION
    --> control KIND                                              transaction control only
    --> effect KIND NAME [RELATION(COLUMN, …)] [= ACTION PATH, …] what a success changes in the session
    --> sets off KIND NAME ACTION PATH by PATH                    what a write sets off, and what is written
    --> locks PATH MODE
    --> parts N                                                   when it is not one
    --> no where | reads only | ends failed | session bound | shareable      flags that are set

Facts are compared whole: a fact that is not listed fails. Lines before the statement:

    -- anything                                                   a remark
    --@ search_path a, b         --@ user ada                     the session's scope
    --@ prepared NAME = STATEMENT        --@ cursor NAME = STATEMENT        --@ created CREATE …
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import orjson

from tidewaiter.model import EffectKind, Facts, Relation, Touch
from tidewaiter.sql.catalog import Catalog, quoted
from tidewaiter.sql.facts import Scope, understand

HERE = Path(__file__).parent


@cache
def catalog() -> Catalog:
    """The catalog of schema.sql."""
    return Catalog.from_rows(orjson.loads((HERE / "catalog.json").read_bytes()))


@dataclass(frozen=True, slots=True)
class Case:
    """One block of a file."""

    file: str
    line: int
    scope: Scope
    statement: str
    facts: tuple[str, ...]
    directives: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def cases(folder: Path = HERE / "facts") -> list[Case]:
    """Every case of every file."""
    return [case for path in sorted(folder.glob("*.sql")) for case in _cases_of(path)]


def _cases_of(path: Path) -> Iterator[Case]:
    number = 1
    for block in path.read_text().split("\n\n"):
        lines = block.splitlines()
        statement = [line for line in lines if not line.startswith(("-- ", "--@", "-->"))]
        if any(line.strip() for line in statement):
            directives = tuple(line[4:] for line in lines if line.startswith("--@ "))
            facts = tuple(line[4:] for line in lines if line.startswith("--> "))
            yield Case(path.name, number, scope_of(directives), "\n".join(statement).strip(), facts, directives)
        number += len(lines) + 1


def scope_of(directives: Iterable[str]) -> Scope:
    """What the lines that begin with `--@` say of the session."""
    scope = Scope()
    for directive in directives:
        word, _, rest = directive.partition(" ")
        name, _, text = rest.partition(" = ")
        if word == "search_path":
            scope = replace(scope, search_path=tuple(part.strip() for part in rest.split(",")))
        elif word == "user":
            scope = replace(scope, user=rest)
        elif word == "prepared":
            scope = replace(scope, prepared={**scope.prepared, name: understand(text, catalog(), Scope())})
        elif word == "cursor":
            scope = replace(scope, cursors={**scope.cursors, name: understand(text, catalog(), Scope())})
        elif word == "created":
            scope = replace(scope, created={**scope.created, **_created(rest, scope)})
        else:
            raise ValueError(f"unknown directive {directive!r}")
    return scope


def _created(text: str, scope: Scope) -> Mapping[tuple[str, str], Relation]:
    effects = understand(text, catalog(), scope).effects
    relations = [effect.relation for effect in effects if effect.kind is EffectKind.CREATE]
    return {(relation.schema, relation.name): relation for relation in relations if relation is not None}


def told(facts: Facts) -> tuple[str, ...]:
    """Facts as the lines of a file."""
    lines = [_touch(touch) for touch in facts.touches]
    lines += [f"unknown {reason}" for reason in facts.unknown]
    if facts.fault is not None:
        position = f" @{facts.fault.position}" if facts.fault.position else ""
        lines.append(f"fault {facts.fault.sqlstate} {facts.fault.message}{position}")
    if facts.control is not None:
        lines.append(f"control {facts.control}")
    for effect in facts.effects:
        line = f"effect {effect.kind.value} {effect.name}".rstrip()
        if effect.relation is not None:
            base = "".join(f" < {quoted(path)}" for path in effect.relation.base)
            line += (
                f" {quoted((effect.relation.schema, effect.relation.name))}({', '.join(effect.relation.columns)}){base}"
            )
        if effect.facts is not None:
            line += " = " + ", ".join(_touch(touch) for touch in effect.facts.touches)
        lines.append(line.rstrip())
    lines += [
        f"sets off {one.kind} {quoted((one.name,))} {one.action} {quoted(one.path)} by {quoted(one.cause)}"
        for one in facts.indirect
    ]
    lines += [f"locks {quoted(lock.path)} {lock.mode}" for lock in facts.locks]
    if facts.parts != 1:
        lines.append(f"parts {facts.parts}")
    flags = {
        "no where": not facts.has_where,
        "reads only": facts.reads_only,
        "ends failed": facts.ends_failed_transaction,
        "session bound": facts.session_bound,
        "shareable": not facts.literals_matter,
    }
    return tuple(lines + [name for name, is_set in flags.items() if is_set])


def _touch(touch: Touch) -> str:
    words = [touch.action, touch.resource.type.value.lower()]
    if touch.resource.path:
        words.append(quoted(touch.resource.path))
    if touch.columns:
        words.append(f"({', '.join(sorted(touch.columns))})")
    if touch.star:
        words.append("*")
    if touch.via:
        words.append("via " + " > ".join(touch.via))
    if touch.part:
        words.append(f"#{touch.part}")
    if touch.traits:
        words.append(f"is {', '.join(touch.traits)}")
    return " ".join(words)

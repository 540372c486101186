"""The catalog as an open transaction sees it that changed definitions, read on the session's own connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tidewaiter.proxy.probe import Question, Surroundings, catalog_questions
from tidewaiter.sql.catalog_mirror import (
    Amendment,
    Mirror,
    amended,
    amendment,
    changed_types,
    recount,
    system,
    unchanged,
    whole,
)
from tidewaiter.sql.catalog_reading import (
    LISTS,
    SECTIONS,
    Changes,
    Key,
    Row,
    answered,
    excerpt,
    excerpt_answered,
    holders,
    holders_answered,
    keys,
    keys_answered,
    statement,
)

Ask = Callable[[Sequence[Question]], Awaitable[list[bytes]]]
"""Asks the server on the client's own session; see `probe`."""

T = TypeVar("T")

SESSION_SECTIONS = tuple(name for name in SECTIONS if name != "view_definitions")
"""Texts of views are left out: printing them locks what is in them until the client's transaction ends."""

CHANGES = statement(is_binary=True)
WHOLE = statement(SESSION_SECTIONS, is_binary=True)
EXCERPTS = {name: excerpt((name,), is_binary=True) for name in SESSION_SECTIONS}
KEYS = {name: keys(name, is_binary=True) for name in LISTS}
HOLDERS = holders(is_binary=True)
TEXTS: tuple[str, ...] = (CHANGES, WHOLE, HOLDERS, *EXCERPTS.values(), *KEYS.values())
"""All that is asked for."""


@dataclass(slots=True)
class Overlay:
    """What an open transaction that changed definitions sees of the catalog. Nobody else sees it.

    `base` is what was last read within it, None where rows may be older again than they were then; `since` is the
    epoch of the definitions of all others then. `is_behind`:
    something was defined since it was read. `is_due`: it must be read before the next verdict. `doubt` says why nothing
    that is judged now can be understood.
    """

    mirror: Mirror | None = None
    base: Mirror | None = None
    since: int = 0
    is_behind: bool = False
    is_due: bool = False
    doubt: str = ""

    def rolled_back(self) -> None:
        """An unknown part of what was defined was taken back."""
        self.is_due = self.is_behind = True
        self.base = None  # a row that is there again does not look new


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the catalog in the transaction that `ask` asks in."""

    ask: Ask
    around: Surroundings
    codec: str

    async def read(self, base: Mirror | None, shared: Mirror | None) -> Mirror:
        """The present mirror: by what changed since `base` or `shared`, or everything.

        In a transaction at read committed each answer is of its own moment. Where others committed a definition
        meanwhile, everything is read in one.
        """
        known = base or shared
        if known is None:
            return await self._whole(None)
        (answer,) = await self._asked((CHANGES, known.oldest))
        changes, _ = answered(answer, ())
        change = amendment(known, changes, *await self._reach(known, changes))
        if change is None:
            return unchanged(known, changes)
        if isinstance(change, Amendment) and not change.is_whole:
            sections = tuple(name for name in change.sections if name in EXCERPTS)
            owners = _oids_text(change.owners)
            asked = [(EXCERPTS[name], owners) for name in sections]
            *read, last = await self._asked(*asked, (CHANGES, known.oldest))
            later, _ = answered(last, ())
            if (later.counts, later.young) == (changes.counts, changes.young):
                return await _off_loop(lambda: amended(known, change, _together(sections, read)))
        return await self._whole(known)

    async def _reach(self, known: Mirror, changes: Changes) -> tuple[dict[str, frozenset[Key]], frozenset[int]]:
        """What else `amendment` must know."""
        short, types = recount(known, changes), changed_types(known, changes)
        asked = [(KEYS[name], "") for name in short] + ([(HOLDERS, _oids_text(types))] if types else [])
        said = await self._asked(*asked) if asked else []
        held = holders_answered(said.pop()) if types else frozenset[int]()
        return dict(zip(short, map(keys_answered, said), strict=True)), held

    async def _whole(self, known: Mirror | None) -> Mirror:
        (answer,) = await self._asked((WHOLE, ""))
        own = system({}) if known is None else known.own
        return await _off_loop(lambda: whole(*answered(answer, SESSION_SECTIONS), own))

    async def _asked(self, *asked: tuple[str, str]) -> list[str]:
        answers = await self.ask(catalog_questions(self.around, asked))
        return [answer.decode(self.codec) for answer in answers[1:-1]]


def _oids_text(oids: Iterable[int]) -> str:
    """An array of oids as the server reads it."""
    return "{" + ",".join(map(str, sorted(oids))) + "}"


def _together(sections: Sequence[str], answers: Sequence[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for name, answer in zip(sections, answers, strict=True):
        found.update(excerpt_answered(answer, (name,)))
    return found


async def _off_loop(make: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, make)

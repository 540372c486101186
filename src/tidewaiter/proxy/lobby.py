"""Connections that nobody has logged in on yet: so many at once, of which no one source keeps the others out.

Whoever opens connections and says nothing, and comes back as often as they are dropped, fills any number of places. So
nobody is turned away at the door: the newcomer is let in, and of the source that has most of them the oldest gives way.
A flood pushes out its own connections, and a login takes a few milliseconds.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tidewaiter.identity import source_of


@dataclass(slots=True, eq=False)
class Stranger:
    """One such connection. `deadline` is what it has time for now, and runs; its end is the end of the connection."""

    address: str
    deadline: asyncio.Timeout
    has_given_way: bool = field(default=False, init=False)

    def give_way(self) -> None:
        """End its time now."""
        self.has_given_way = True
        if not self.deadline.expired():
            self.deadline.reschedule(0)


class Lobby:
    """At most `room` strangers."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._present: dict[str, dict[Stranger, None]] = {}  # by source, oldest first
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, stranger: Stranger) -> None:
        """One more, in whose place another may have to go."""
        self._present.setdefault(source_of(stranger.address), {})[stranger] = None
        self._count += 1
        if self._count > self._room:
            fullest = max(self._present, key=lambda source: len(self._present[source]))
            oldest = next(iter(self._present[fullest]))
            self.leave(oldest)
            oldest.give_way()

    def leave(self, stranger: Stranger) -> None:
        """One has logged in, or has gone; again is as good as once."""
        source = source_of(stranger.address)
        present = self._present.get(source, {})
        if stranger in present:
            del present[stranger]
            self._count -= 1
        if not present:
            self._present.pop(source, None)

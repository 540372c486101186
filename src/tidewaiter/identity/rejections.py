"""Rejected logins, counted: at most one entry per source and second, and few in the long run, whatever comes in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tidewaiter.identity.names import NAME_CHARACTERS

ENTRIES_PER_S = 20  # sources named one by one in any second; the rest of that second share one entry
BURST_ENTRIES = 120
SUSTAINED_ENTRIES_PER_S = 1.0
# A flood that never ends writes one named source and one "the rest" per second: about 50 MB of ledger a day.
DISTINCT_SOURCES = 4096  # of the rest are told apart, 0.5 MB; beyond that `sources` says "at least"
THE_REST = "*"
REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Rejected:
    """`count` logins from `source` failed between `from_s` and `to_s`. `user` and `reason` are the first one's.

    `source` is `THE_REST` for the entry that stands for `sources` further sources of that second.
    """

    source: str
    count: int
    user: str
    reason: str
    from_s: float
    to_s: float
    sources: int = 1


@dataclass(slots=True)
class _Tally:
    user: str
    reason: str
    from_s: float
    to_s: float
    count: int = 0
    sources: set[str] = field(default_factory=set)

    def add(self, now_s: float) -> None:
        self.count += 1
        self.to_s = now_s

    def rejected(self, source: str) -> Rejected:
        sources = max(1, len(self.sources))
        return Rejected(source, self.count, self.user, self.reason, self.from_s, self.to_s, sources)


class Rejections:
    """Counts rejected logins second by second. The caller writes what `note` and `drain` return, and calls `drain`
    about once a second and `close` at the end, so that the last second's are written too. Not thread-safe.
    """

    def __init__(self) -> None:
        """Start with nothing counted and a full allowance of `BURST_ENTRIES`."""
        self._second = -1
        self._named: dict[str, _Tally] = {}
        self._rest: _Tally | None = None
        self._allowance = float(BURST_ENTRIES)
        self._allowed_s = -math.inf

    def note(self, source: str, user: str, reason: str, now_s: float) -> list[Rejected]:
        """Count one rejected login; returns what the seconds before this one add up to.

        `user` is as the client sent it, and `reason` may quote what it sent. One longer than any principal's name, or
        than `REASON_CHARACTERS`, is cut and says so: its length would be the flood's to choose.
        """
        finished = self.drain(now_s)
        self._second = math.floor(now_s)
        tally = self._named.get(source) or self._tally(
            source, _shortened(user, NAME_CHARACTERS), _shortened(reason, REASON_CHARACTERS), now_s
        )
        tally.add(now_s)
        return finished

    def drain(self, now_s: float) -> list[Rejected]:
        """What finished seconds add up to; the running second stays."""
        return self.close() if math.floor(now_s) != self._second else []

    def close(self) -> list[Rejected]:
        """Everything counted and not yet returned."""
        finished = [tally.rejected(source) for source, tally in self._named.items()]
        if self._rest is not None:
            finished.append(self._rest.rejected(THE_REST))
        self._named, self._rest = {}, None
        return finished

    def _tally(self, source: str, user: str, reason: str, now_s: float) -> _Tally:
        """The tally for a source that has none in this second: its own while the allowance lasts."""
        refill = max(0.0, now_s - self._allowed_s) * SUSTAINED_ENTRIES_PER_S
        self._allowance, self._allowed_s = min(float(BURST_ENTRIES), self._allowance + refill), now_s
        if len(self._named) < ENTRIES_PER_S and self._allowance >= 1:
            self._allowance -= 1
            self._named[source] = _Tally(user, reason, now_s, now_s)
            return self._named[source]
        if self._rest is None:
            self._rest = _Tally(user, reason, now_s, now_s)
        if len(self._rest.sources) < DISTINCT_SOURCES:
            self._rest.sources.add(source)
        return self._rest


def _shortened(text: str, limit: int) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()  # lone surrogates stand for bytes that were no text
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"

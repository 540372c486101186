"""Which premises of late masks a session meets, by what its server tells of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tidewaiter.model import Effect, EffectKind, Premise

NOTHING: Final[frozenset[Premise]] = frozenset()
"""Where this is met, no mask is late."""
UTC: Final = frozenset(
    (b"UTC", b"Etc/UTC", b"UCT", b"Etc/UCT", b"Zulu", b"Etc/Zulu", b"Universal", b"Etc/Universal", b"GMT", b"Etc/GMT")
)
"""How servers call the time zone whose days begin when those of UTC do, and always did."""
_SETS: Final[Mapping[tuple[bool, bool, bool], frozenset[Premise]]] = {
    (False, False, False): frozenset(("",)),
    (True, False, False): frozenset(("", "utf8")),
    (False, True, False): frozenset(("", "iso")),
    (True, True, False): frozenset(("", "utf8", "iso")),
    (False, True, True): frozenset(("", "iso", "utc")),
    (True, True, True): frozenset(("", "utf8", "iso", "utc")),
}


_ENCODINGS: Final = (b"server_encoding", b"client_encoding")
_TELLING: Final = (*_ENCODINGS, b"DateStyle", b"TimeZone")
_OF_DATES: Final = ("", "datestyle", "timezone")


class Met:
    """One session's. What the server has not told is not met. `now` is one of six sets, compared by identity."""

    __slots__ = ("_doubts", "_told", "now")

    def __init__(self) -> None:
        self._told: dict[bytes, bytes] = {}
        self._doubts = False
        self.now = _SETS[False, False, False]

    def told(self, name: bytes, value: bytes) -> None:
        """Follow a ParameterStatus."""
        if name in _TELLING:
            self._told[name] = value
            self._find()

    def changed(self, effect: Effect) -> None:
        """Follow what may change how dates are written: the server tells of that at the end of a pipeline only."""
        kind = effect.kind
        if kind is EffectKind.DISCARD or (kind is EffectKind.SETTING and effect.name in _OF_DATES):
            self._doubts = True
            self._find()

    def settled(self) -> None:
        """The transaction has ended, and the server has told all that it changed."""
        if self._doubts:
            self._doubts = False
            self._find()

    def _find(self) -> None:
        told = self._told
        is_utf8 = all(told.get(name) == b"UTF8" for name in _ENCODINGS)
        is_iso = not self._doubts and told.get(b"DateStyle", b"").startswith(b"ISO")
        self.now = _SETS[is_utf8, is_iso, is_iso and told.get(b"TimeZone") in UTC]

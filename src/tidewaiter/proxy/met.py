"""Which premises of late masks a session meets, by what its server tells of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tidewaiter.model import Effect, EffectKind, Premise

NOTHING: Final[frozenset[Premise]] = frozenset()
"""Where this is met, no mask is late."""
_SETS: Final[Mapping[tuple[bool, bool], frozenset[Premise]]] = {
    (False, False): frozenset(("",)),
    (True, False): frozenset(("", "utf8")),
    (False, True): frozenset(("", "iso")),
    (True, True): frozenset(("", "utf8", "iso")),
}


_ENCODINGS: Final = (b"server_encoding", b"client_encoding")


class Met:
    """One session's. What the server has not told is not met. `now` is one of four sets, compared by identity."""

    __slots__ = ("_encodings", "_is_iso", "now")

    def __init__(self) -> None:
        self._encodings: dict[bytes, bytes] = {}
        self._is_iso = False
        self.now = _SETS[False, False]

    def told(self, name: bytes, value: bytes) -> None:
        """Follow a ParameterStatus."""
        if name in _ENCODINGS:
            self._encodings[name] = value
        elif name == b"DateStyle":
            self._is_iso = value.startswith(b"ISO")
        else:
            return
        self.settled()

    def changed(self, effect: Effect) -> None:
        """Follow what may change the style of dates: the server tells of that at the end of a pipeline only."""
        kind = effect.kind
        if kind is EffectKind.DISCARD or (kind is EffectKind.SETTING and effect.name in ("", "datestyle")):
            self.now = _SETS[self._is_utf8(), False]

    def settled(self) -> None:
        """The transaction has ended, and the server has told all that it changed."""
        self.now = _SETS[self._is_utf8(), self._is_iso]

    def _is_utf8(self) -> bool:
        return all(self._encodings.get(name) == b"UTF8" for name in _ENCODINGS)

"""Values out of a fuzzer's bytes: every input is one, and a byte more or less changes little of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """Takes values from the front of `data`. Where nothing is left, everything is 0, empty, the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._data)

    def take(self, size: int) -> bytes:
        """The next bytes, as many as there are."""
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def below(self, bound: int) -> int:
        """A number from 0."""
        size = (bound.bit_length() + 7) // 8
        return int.from_bytes(self.take(size), "big") % bound

    def flag(self) -> bool:
        return bool(self.below(2))

    def pick(self, of: Sequence[T]) -> T:
        return of[self.below(len(of))]

    def some(self, most: int) -> bytes:
        """Bytes, `most` at most."""
        return self.take(self.below(most + 1))

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))

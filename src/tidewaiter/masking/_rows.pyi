"""Masks whole chunks of rows in C (_rows.c), there where it was built."""

from collections.abc import Callable

from tidewaiter.masking.late import Recipe

class Masks:
    """Masks of output columns: (index from 0, LateMask.apply, LateMask.recipe), by index."""

    def __new__(cls, columns: tuple[tuple[int, Callable[[bytes], bytes | None], Recipe], ...], /) -> Masks: ...
    def apply(self, data: bytes, start: int, end: int, /) -> bytes | None:
        """The DataRow messages in data[start:end] with their fields masked; None when they are not what was described.

        Raises what a mask raises that it calls.
        """

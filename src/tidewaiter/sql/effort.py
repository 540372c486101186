"""How much work one text may make: a count of steps, so that the same text always comes to the same end."""

from __future__ import annotations

FLOOR_STEPS = 10_000
"""For the shortest text, whose views, functions and cascades may be many. A step takes about a microsecond."""

STEPS_PER_BYTE = 2
"""Measured: a text of constants takes 0.2 steps per byte, of operators and names 0.3, of joins 0.5."""


class TooMuchWork(Exception):
    """The text takes longer to analyse than its budget allows."""


class Effort:
    """The steps that are left. One node read, one source looked at, one relation reached is a step."""

    __slots__ = ("left",)

    def __init__(self, text_bytes: int) -> None:
        self.left = FLOOR_STEPS + STEPS_PER_BYTE * text_bytes

    def spend(self, steps: int) -> None:
        """Take steps from what is left. Raises TooMuchWork when nothing is."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWork

"""Samples for tests of discovery."""

from __future__ import annotations

from collections.abc import Iterable

from tidewaiter.discovery.kinds import Sample
from tidewaiter.model import Column


def sample(
    name: str, values: Iterable[object], base: str = "text", table: str = "t", *, is_array: bool = False
) -> Sample:
    """A column that was read."""
    column = Column(name, 1, base, 25, f"_{base}" if is_array else base, is_array=is_array)
    return Sample(("public", table), column, tuple(map(str, values)))

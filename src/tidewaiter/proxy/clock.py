"""The monotonic clock of a running server, which every statement reads twice; _lane.c reads the same by itself."""

from __future__ import annotations

from time import monotonic_ns


def monotonic_us() -> int:
    """Microseconds since some moment in the past."""
    return monotonic_ns() // 1000

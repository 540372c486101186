"""The monotonic clock of a running server: a module of its own, to be compiled, as every statement reads it twice."""

from __future__ import annotations

from time import monotonic_ns


def monotonic_us() -> int:
    """Microseconds since some moment in the past."""
    return monotonic_ns() // 1000

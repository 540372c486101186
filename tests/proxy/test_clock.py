"""The server's monotonic clock."""

from __future__ import annotations

from time import monotonic_ns

from tidewaiter.proxy.clock import monotonic_us


def test_clock_is_the_systems_in_microseconds() -> None:
    before, found, after = monotonic_ns(), monotonic_us(), monotonic_ns()
    assert before // 1000 <= found <= after // 1000

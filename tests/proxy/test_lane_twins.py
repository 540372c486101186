"""A session with the lane does what it does without, on inputs by which a fuzzer begins: see fuzz/twin_sessions.py."""

from __future__ import annotations

import random

import pytest
import twin_sessions

from tidewaiter.proxy.lane import Lane, NoLane

INPUTS = 60


def test_sessions_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """They raise AssertionError where they part."""
    ran: list[object] = []

    class Counted(twin_sessions.Rough):
        def __init__(self, lane: type, binds: str) -> None:
            super().__init__(lane, binds)
            ran.append(lane)

    monkeypatch.setattr(twin_sessions, "Rough", Counted)
    draw = random.Random("sessions")
    for _ in range(INPUTS):
        twin_sessions.sessions(draw.randbytes(draw.randrange(20, 300)))
    assert ran == [NoLane, Lane] * INPUTS

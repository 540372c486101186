"""A session with the lane does what it does without, on inputs by which a fuzzer begins: see fuzz/twin_sessions.py."""

from __future__ import annotations

import random

from twin_sessions import sessions


def test_sessions_agree() -> None:
    draw = random.Random("sessions")
    for _ in range(60):
        sessions(draw.randbytes(draw.randrange(20, 300)))

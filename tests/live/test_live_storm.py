"""A short storm of bad input; `wirestorm.py` runs long ones."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from rig import PATIENCE, Deployment, copy_of, running
from wirestorm import LIMITS, Storm

SECONDS = 8.0
SLOWEST_S = 2.0  # a busy machine included; the well-behaved client's own statements take milliseconds
GROWN_BYTES = 150 << 20  # caches that fill up at the start included


@pytest.fixture(scope="module")
def gate(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    yield from running(copy_of(template, workshop / "storm", template.postgres, *LIMITS))


def test_a_storm_of_bad_input_disturbs_nobody_and_is_recorded(gate: Deployment) -> None:
    before = gate.resident_bytes()
    storm = Storm(gate, secrets.randbits(32))
    storm.run(SECONDS)
    told = f"seed {storm.seed}: {dict(storm.done)}, {dict(storm.heard)}, slowest {storm.slowest_at}"
    assert storm.findings == [], told
    assert storm.done["member"] > 20, told
    assert storm.heard["08P01"] > 20, told
    assert storm.answers > 50, told
    assert storm.slowest_s < max(PATIENCE * SLOWEST_S, 4 * storm.slowest_direct_s), told
    assert gate.resident_bytes() - before < GROWN_BYTES, told
    assert gate.search("--kind", "login.failed"), "strangers are counted in the ledger"

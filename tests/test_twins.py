"""What is written in C does what its twin in Python does, on inputs by which a fuzzer begins: see fuzz/twins.py."""

from __future__ import annotations

import random

import pytest

twins = pytest.importorskip("twins", exc_type=ImportError)  # which imports what is written in C
INPUTS = 300


@pytest.mark.parametrize("target", twins.TARGETS)
def test_c_and_python_agree(target: str) -> None:
    draw = random.Random(target)
    for _ in range(INPUTS):
        twins.TARGETS[target](draw.randbytes(draw.randrange(400)))


@pytest.mark.parametrize("target", twins.TARGETS)
def test_inputs_of_a_few_bytes_are_inputs(target: str) -> None:
    for data in (b"", b"\0", b"\xff", bytes(40), b"\xff" * 40, bytes(range(256))):
        twins.TARGETS[target](data)

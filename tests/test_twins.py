"""What is written in C does what its twin in Python does, on inputs by which a fuzzer begins: see fuzz/twins.py."""

from __future__ import annotations

import random

import pytest

twins = pytest.importorskip("twins", exc_type=ImportError)  # which imports what is written in C
INPUTS = 300
IN_PYTHON = {
    "skeletons": "skeleton_in_python",
    "entries": "InPython",
    "trees": "Tree",
    "bodies": "encode_body_in_python",
    "masked_rows": "MaskPlan",
}
FEW = (b"", b"\0", b"\xff", bytes(40), b"\xff" * 40, bytes(range(256)))


@pytest.fixture
def asked(target: str, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the twin in Python is given. Who compares the two raises AssertionError where they differ."""
    twin, given = getattr(twins, IN_PYTHON[target]), list[object]()

    def noted(*arguments: object) -> object:
        given.append(arguments)
        return twin(*arguments)

    monkeypatch.setattr(twins, IN_PYTHON[target], noted)
    return given


@pytest.mark.parametrize("target", twins.TARGETS)
def test_c_and_python_agree(target: str, asked: list[object]) -> None:
    draw = random.Random(target)
    for _ in range(INPUTS):
        twins.TARGETS[target](draw.randbytes(draw.randrange(400)))
    assert len(asked) >= INPUTS


@pytest.mark.parametrize("target", twins.TARGETS)
def test_inputs_of_a_few_bytes_are_inputs(target: str, asked: list[object]) -> None:
    for data in FEW:
        twins.TARGETS[target](data)
    assert len(asked) >= len(FEW)

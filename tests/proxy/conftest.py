from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def what_is_there_stays() -> Iterator[None]:
    """What all test modules hold is much, and no garbage: to walk through it takes longer than a test."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def nothing_else_is_under_way(what_is_there_stays: None) -> None:
    """An answer does not wait for statements that other tests have left behind."""
    gc.collect()

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from tidewaiter.proxy.needs import Need, Study


def test_every_need_is_a_value_that_nobody_changes_while_it_is_met() -> None:
    assert {need.__name__ for need in get_args(Need)} == {
        "AllAnswered", "Path", "Definitions", "Study", "Guarded", "Estimate", "Decision", "Intent", "Renewal",
        "Values", "Quiet",
    }  # fmt: skip
    study = Study(b"select 1")
    with pytest.raises(FrozenInstanceError):
        study.text = b"select 2"  # type: ignore[misc]

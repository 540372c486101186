"""`tidewaiter classify` without a database; with one in tests/live/test_live_classify.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Said

from tidewaiter.app import classifying
from tidewaiter.app.classifying import Discovery, judged
from tidewaiter.config import load
from tidewaiter.discovery.kinds import Sample
from tidewaiter.model import Column


@pytest.fixture
def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Discovery:
    """What the database would show."""
    column = Column("c1", 1, "text", 25, "text")
    sample = Sample(("public", "people"), column, tuple(f"Amy{n}@mail.example" for n in range(9)))
    made = judged([sample], load(folder / "tidewaiter.toml", {}), 2, ["public.x: not read"])

    async def discover(*arguments: object, **more: object) -> Discovery:
        return made

    monkeypatch.setattr(classifying, "discover", discover)
    return made


def test_proposals_are_a_table_and_no_value_is_in_it(tidewaiter: Callable[..., Said], found: Discovery) -> None:
    said = tidewaiter("classify", "shop")
    assert said.out.splitlines()[1].split()[:4] == ["public.people.c1", "email", "email", "likely"]
    assert "Amy" not in said.out and "Xxx9@xxxx.xxxxxxx" in said.out
    assert "warning: public.x: not read" in said.err
    assert "1 proposal; nothing found in 0 columns; 0 without values; 2 classified before" in said.err
    assert "--write" in said.err


def test_writing_says_what_was_added(tidewaiter: Callable[..., Said], found: Discovery, folder: Path) -> None:
    said = tidewaiter("classify", "shop", "--write")
    assert "classification.toml: 1 column added; read them, then `tidewaiter reload`" in said.err
    assert 'c1 = ["email"]' in (folder / "classification.toml").read_text()
    assert tidewaiter("classify", "shop", "--write", "--json").json()["written"] == []


def test_sampling_is_recorded_before_it_happens(tidewaiter: Callable[..., Said]) -> None:
    assert tidewaiter("classify", "shop").code == 1  # nobody serves this database
    tailed = tidewaiter("audit", "tail", "--json").out
    assert '"classify"' in tailed


def test_usage(tidewaiter: Callable[..., Said]) -> None:
    assert tidewaiter("classify", "shop", "--possible").code == 2
    assert tidewaiter("classify", "nope").code == 1

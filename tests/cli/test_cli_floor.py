"""`tidewaiter floor` without a database; with one in tests/live/test_live_floor.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from commandline import Said

from tidewaiter.cli import floor

HELD = {
    "sql": "-- the floor\nBEGIN;\nCOMMIT;\n",
    "held": ["amy"],
    "not_held": {"root": ["is a superuser"], "The Boss": ["is one too"]},
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, object]]:
    """What the operation was asked; it answers HELD, or with no role held when `root` alone is named."""
    seen: list[Mapping[str, object]] = []

    def call(config: object, operation: str, arguments: Mapping[str, object]) -> object:
        assert operation == "datasource.floor"
        seen.append(arguments)
        return HELD | ({"held": []} if arguments["roles"] == ["root"] else {})

    monkeypatch.setattr(floor, "call", call)
    return seen


def test_the_sql_alone_is_on_stdout(tidewaiter: Callable[..., Said], asked: list[Mapping[str, object]]) -> None:
    said = tidewaiter("floor", "shop", "--role", "amy", "--role", "root")
    assert (said.code, said.out) == (0, HELD["sql"])
    assert (
        said.err
        == 'warning: root cannot be held: it is a superuser\nwarning: "The Boss" cannot be held: it is one too\n'
    )
    assert asked == [{"name": "shop", "roles": ["amy", "root"]}]


def test_it_fails_when_no_role_can_be_held(tidewaiter: Callable[..., Said], asked: list[Mapping[str, object]]) -> None:
    said = tidewaiter("floor", "shop", "--role", "root", "--json")
    assert said.code == 1
    assert said.json()["held"] == []


def test_without_a_database_it_says_so(tidewaiter: Callable[..., Said]) -> None:
    said = tidewaiter("floor", "shop")
    assert said.code == 1 and "shop" in said.err

"""`tidewaiter datasource` and `session` without a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from commandline import Said


def test_datasources_are_listed(tidewaiter: Callable[..., Said], folder: Path) -> None:
    assert tidewaiter("datasource", "ls").out.splitlines()[1].split() == [
        "shop", "postgres", "127.0.0.1:1", "shop", "tidewaiter", "disable", "enforce",
    ]  # fmt: skip
    (folder / "tidewaiter.toml").write_text("")
    assert tidewaiter("datasource", "ls").err == "no datasource in tidewaiter.toml\n"


def test_a_database_that_does_not_answer_fails_the_test(tidewaiter: Callable[..., Said]) -> None:
    said = tidewaiter("datasource", "test", "shop")
    assert said.code == 1
    assert "datasource shop cannot be reached" in said.err


def test_an_unknown_datasource_is_not_found(tidewaiter: Callable[..., Said]) -> None:
    assert "no datasource 'nope'" in tidewaiter("datasource", "test", "nope").err


def test_without_a_server_there_are_no_sessions(tidewaiter: Callable[..., Said]) -> None:
    for arguments in (["ls"], ["show", "x"], ["kill", "x"]):
        said = tidewaiter("session", *arguments)
        assert said.code == 1
        assert "no server is running" in said.err

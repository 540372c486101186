"""Commands that show what a running server answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from commandline import Said

from tidewaiter.admin import channel

SESSION = {
    "id": "s1", "principal": "bot", "on_behalf_of": "alice", "datasource": "shop", "state": "idle",
    "client_address": "127.0.0.1", "application": "psql\x1b[2J", "began_at": "2026-11-23T01:00:00Z", "statements": 3,
}  # fmt: skip
ANSWERS: Mapping[str, Any] = {
    "session.ls": [SESSION],
    "session.show": SESSION,
    "session.kill": {"id": "s1", "changed": True},
    "datasource.test": {
        "name": "shop", "server_version": "18.1", "tls": "TLSv1.3", "connect_ms": 3.5, "warnings": ["is a superuser"],
    },
    "reload": {
        "changed": True, "policies": "v2", "needs_restart": ["tidewaiter.toml"],
        "problems": ["datasource shop: classification.toml:4: it does not fit"],
    },
    "principal.disable": {"name": "bot", "changed": True, "sessions_ended": 1},
    "credential.revoke": {"id": "c1", "principal": "bot", "changed": True, "sessions_ended": 2},
}  # fmt: skip


@pytest.fixture
def server(tidewaiter: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """The command line on a server that gives the answers above."""

    def ask(_path: Path, operation: str, _arguments: Mapping[str, object]) -> Any:
        return ANSWERS[operation]

    monkeypatch.setattr(channel, "ask", ask)
    return tidewaiter


def test_sessions_are_listed_and_shown_and_cannot_write_on_the_terminal(server: Callable[..., Said]) -> None:
    listed = server("session", "ls")
    assert listed.out.splitlines()[0].split()[:2] == ["id", "principal"]
    assert "psql\\x1b[2J" in listed.out
    shown = server("session", "show", "s1")
    assert any(line.split() == ["on", "behalf", "of", "alice"] for line in shown.out.splitlines())
    assert server("session", "ls", "--json").json() == [SESSION]
    assert server("session", "show", "s1", "--json").json() == SESSION


def test_a_session_is_ended(server: Callable[..., Said]) -> None:
    assert server("session", "kill", "s1").out == "session s1 ended\n"


def test_a_database_that_answers_is_described_with_its_warnings(server: Callable[..., Said]) -> None:
    said = server("datasource", "test", "shop")
    assert said.out == "shop: PostgreSQL 18.1, TLSv1.3, logged in within 3.5 ms\n"
    assert said.err == "warning: is a superuser\n"
    assert server("datasource", "test", "shop", "--json").json()["server_version"] == "18.1"


def test_reload_says_what_counts_now_and_what_does_not(
    server: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = server("reload")
    assert said.out == "new policies are in force\n"
    assert "tidewaiter.toml was changed: restart the server" in said.err
    assert "warning: datasource shop: classification.toml:4: it does not fit\n" in said.err
    assert server("reload", "--json").json()["policies"] == "v2"
    unchanged = {"changed": False, "policies": "v2", "needs_restart": [], "problems": []}
    monkeypatch.setattr(channel, "ask", lambda *_arguments: unchanged)
    assert (server("reload").out, server("reload").err) == ("the policies did not change\n", "")


def test_ended_sessions_are_counted(server: Callable[..., Said]) -> None:
    assert server("principal", "disable", "bot").out == "bot is now disabled; 1 session ended\n"
    assert server("credential", "revoke", "c1").out == "credential c1 of bot is now revoked; 2 sessions ended\n"

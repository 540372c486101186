"""`tidewaiter credential`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg.conninfo
import pytest
from commandline import Said


@pytest.fixture
def alice(tidewaiter: Callable[..., Said]) -> Callable[..., Said]:
    """The command line after alice was added."""
    tidewaiter("principal", "add", "alice")
    return tidewaiter


def test_an_issued_credential_as_json_has_what_programs_need(alice: Callable[..., Said]) -> None:
    said = alice("credential", "issue", "--principal", "alice", "--datasource", "shop", "--format", "json")
    told = said.json()
    assert said.err == ""
    assert set(told) >= {"id", "principal", "user", "password", "host", "port", "datasources", "expires_at"}
    assert (told["principal"], told["user"], told["datasources"]) == ("alice", "alice", ["shop"])
    assert (told["host"], told["port"]) == ("127.0.0.1", 15432)
    assert alice("credential", "issue", "--principal", "alice", "--json").json()["datasources"] == ["shop"]


def test_every_format_can_be_pasted_and_the_rest_is_said_aside(alice: Callable[..., Said]) -> None:
    url = alice("credential", "issue", "--principal", "alice", "--format", "url")
    parsed = psycopg.conninfo.conninfo_to_dict(url.out.strip())
    assert (parsed["user"], parsed["dbname"], parsed["sslmode"]) == ("alice", "shop", "require")
    assert str(parsed["password"]).startswith("tw1_")
    assert "expires at" in url.err
    for form in ("psql", "env", "pgpass", "service", "jdbc"):
        said = alice("credential", "issue", "--principal", "alice", "--format", form)
        assert said.code == 0
        assert "tw1_" in said.out
        assert "tw1_" not in said.err


def test_a_wrong_format_or_lifetime_issues_nothing(alice: Callable[..., Said]) -> None:
    assert alice("credential", "issue", "--principal", "alice", "--format", "xml").code == 2
    assert alice("credential", "issue", "--principal", "alice", "--ttl", "forever").code == 2
    assert alice("credential", "issue", "--principal", "alice", "--ttl", "52w").code == 2
    assert alice("credential", "issue", "--principal", "alice", "--datasource", "nope").code == 1
    assert alice("credential", "issue", "--principal", "nobody").code == 1
    assert alice("credential", "ls", "--json").json() == []
    assert alice("credential", "ls").err == "no credentials\n"


def test_credentials_are_listed_without_secrets_and_revoked(alice: Callable[..., Said], folder: Path) -> None:
    made = alice("credential", "issue", "--principal", "alice", "--json", "--ttl", "15m", "--label", "my laptop").json()
    listed = alice("credential", "ls", "--principal", "alice")
    assert made["id"] in listed.out
    assert "my laptop" in listed.out
    assert made["password"] not in listed.out + alice("credential", "ls", "--json").out
    assert alice("credential", "revoke", made["id"]).out == f"credential {made['id']} of alice is now revoked\n"
    assert alice("credential", "revoke", made["id"]).out == f"credential {made['id']} of alice was already revoked\n"
    assert alice("credential", "ls", "--json").json()[0]["state"] == "revoked"
    assert alice("credential", "revoke", "nope").code == 1
    everything = b"".join(path.read_bytes() for path in (folder / "state").rglob("*") if path.is_file())
    assert made["password"].encode() not in everything


def test_without_a_datasource_it_says_what_it_will_open(alice: Callable[..., Said], folder: Path) -> None:
    (folder / "tidewaiter.toml").write_text("")
    said = alice("credential", "issue", "--principal", "alice")
    assert (said.code, said.out) == (0, "")
    assert "no datasource yet" in said.err

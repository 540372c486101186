"""`tidewaiter connect` and `whoami`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Said, process

from tidewaiter.cli import connect, shell

FAKE_PSQL = """#!/bin/sh
for name in PGHOST PGPORT PGDATABASE PGUSER PGSSLMODE PGSSLROOTCERT; do eval "echo $name=\\$$name"; done
case "$PGPASSWORD" in tw1_*) echo PGPASSWORD is a credential;; esac
echo "$# arguments: $*"
exit 7
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which psql is a script that tells what it was given."""
    programs = tmp_path / "bin"
    programs.mkdir()
    psql = programs / "psql"
    psql.write_text(FAKE_PSQL)
    psql.chmod(psql.stat().st_mode | stat.S_IXUSR)
    return f"{programs}{os.pathsep}{os.environ['PATH']}"


def test_connect_becomes_psql_with_a_fresh_credential(tidewaiter: Callable[..., Said], folder: Path, path: str) -> None:
    tidewaiter("principal", "add", "alice")
    where = ["--config", str(folder), "--principal", "alice"]
    done = process("connect", "shop", *where, "--", "-c", "select 1", PATH=path)
    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines() == [
        "PGHOST=127.0.0.1",
        "PGPORT=15432",
        "PGDATABASE=shop",
        "PGUSER=alice",
        "PGSSLMODE=verify-full",
        f"PGSSLROOTCERT={folder}/keys/gateway.crt",
        "PGPASSWORD is a credential",
        "2 arguments: -c select 1",
    ]
    (issued,) = tidewaiter("credential", "ls", "--json").json()
    assert (issued["label"], issued["datasources"]) == ("tidewaiter connect", ["shop"])


def test_connect_without_a_name_takes_the_user_at_this_shell(folder: Path, path: str) -> None:
    done = process("connect", "shop", "--config", str(folder), PATH=path, LOGNAME="somebody")
    assert done.returncode == 1
    assert "no principal 'somebody'; say who you are with --principal" in done.stderr
    named = process("connect", "shop", "--config", str(folder), "--principal", "nobody", PATH=path)
    assert named.returncode == 1
    assert "say who you are" not in named.stderr


def test_connect_hands_this_process_over(
    tidewaiter: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    handed: list[tuple[str, list[str], str]] = []

    def execve(program: str, arguments: list[str], variables: dict[str, str]) -> None:
        handed.append((program, arguments, variables["PGUSER"]))

    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr(os, "execve", execve)
    tidewaiter("principal", "add", "alice")
    assert tidewaiter("connect", "shop", "--principal", "alice", "--", "-l").code == 0
    psql = str(Path(path.split(os.pathsep)[0]) / "psql")
    assert handed == [(psql, [psql, "-l"], "alice")]
    monkeypatch.setenv("LOGNAME", "somebody")
    assert "say who you are with --principal" in tidewaiter("connect", "shop").err
    assert "say who you are" not in tidewaiter("connect", "shop", "--principal", "nobody").err


def test_a_gateway_on_this_machine_is_pinned(folder: Path) -> None:
    issued = {"host": "127.0.0.1", "port": 1, "user": "u", "password": "p"}
    found = connect.libpq_environment(shell.load(folder), "shop", issued)
    assert (found["PGSSLMODE"], found["PGSSLROOTCERT"]) == ("verify-full", f"{folder}/keys/gateway.crt")


def test_connect_needs_psql(tidewaiter: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    said = tidewaiter("connect", "shop")
    assert said.code == 2
    assert "psql is not on the PATH" in said.err


def test_tls_is_demanded_as_far_as_the_gateway_has_it(folder: Path) -> None:
    config = shell.load(folder)
    issued = {"host": "gw.example.com", "port": 1, "user": "u", "password": "p"}
    found = connect.libpq_environment(config, "shop", issued)
    assert (found["PGSSLMODE"], "PGSSLROOTCERT" in found) == ("require", False)
    text = (folder / "tidewaiter.toml").read_text()
    (folder / "tidewaiter.toml").write_text("\n".join(x for x in text.splitlines() if not x.startswith("tls = {")))
    assert connect.libpq_environment(shell.load(folder), "shop", issued)["PGSSLMODE"] == "prefer"


def test_whoami_says_who_and_where(tidewaiter: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    tidewaiter("principal", "add", "dora", "--group", "dba")
    monkeypatch.setenv("LOGNAME", "dora")
    told = tidewaiter("whoami", "--json").json()
    assert (told["name"], told["groups"], told["may_connect"]) == ("dora", ["dba"], {"shop": True})
    assert "dora" in tidewaiter("whoami", "--principal", "dora").out
    assert tidewaiter("whoami", "--principal", "nobody").code == 1

"""What every command shares: which deployment is meant, how errors end, what help costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Said, environment, process, run

from tidewaiter.cli import shell

COMMANDS = (
    "init", "check", "serve", "reload", "demo", "connect", "whoami", "principal add", "principal ls",
    "principal enable",
    "principal disable", "principal group add", "principal group rm", "credential issue", "credential ls",
    "credential revoke", "datasource ls", "datasource test", "policy check", "policy explain", "session ls",
    "session show", "session kill", "audit tail", "audit search", "audit touched", "audit verify", "audit reindex",
    "audit export",
)  # fmt: skip
READING = (
    "check", "whoami", "principal ls", "credential ls", "datasource ls", "datasource test", "policy check",
    "policy explain", "session ls", "session show", "audit tail", "audit search", "audit touched", "audit verify",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    said = run(*command.split(), "--help")
    assert said.code == 0
    assert f"{command}" in said.out
    assert ("--config" in said.out) == (command not in ("init", "demo"))


@pytest.mark.parametrize("command", READING)
def test_every_reading_command_prints_json_on_demand(command: str) -> None:
    assert "--json" in run(*command.split(), "--help").out


@pytest.mark.parametrize(
    "arguments", [[], ["principal"], ["nonsense"], ["principal", "add"], ["principal", "ls", "--no"]]
)
def test_a_command_that_cannot_be_read_exits_with_2(arguments: list[str]) -> None:
    assert run(*arguments).code == 2


def test_the_deployment_is_the_option_before_or_after_the_command(folder: Path) -> None:
    for arguments in (
        ["--config", str(folder / "tidewaiter.toml"), "datasource", "ls", "--json"],
        ["datasource", "ls", "--json", "--config", str(folder / "tidewaiter.toml")],
        ["datasource", "ls", "--json", "--config", str(folder)],
    ):
        assert run(*arguments).json()[0]["name"] == "shop"


def test_without_the_option_it_is_this_folder_then_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("datasource", "ls").code == 2
    monkeypatch.setenv("TIDEWAITER_CONFIG", str(folder / "tidewaiter.toml"))
    assert run("datasource", "ls", "--json").json()[0]["name"] == "shop"
    (tmp_path / "tidewaiter.toml").write_text("")
    assert run("datasource", "ls", "--json").json() == []


def test_a_missing_deployment_says_how_to_make_one(tmp_path: Path) -> None:
    said = run("principal", "ls", "--config", str(tmp_path / "nowhere.toml"))
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert "tidewaiter init DIR" in said.err


def test_every_problem_of_a_broken_configuration_is_said_at_once(folder: Path) -> None:
    (folder / "tidewaiter.toml").write_text('[gateway]\npostgres = "x"\nworker = 1\n[nonsense]\n')
    said = run("datasource", "ls", "--config", str(folder))
    assert said.code == 2
    assert said.out == ""
    errors = [line for line in said.err.splitlines() if line.startswith("error: tidewaiter.toml:")]
    assert len(errors) == 3


def test_an_expected_error_is_one_line_a_hint_and_no_traceback(tidewaiter: Callable[..., Said]) -> None:
    said = tidewaiter("principal", "disable", "nobody")
    assert said.code == 1
    assert said.err.splitlines() == [
        "error: there is no principal 'nobody'",
        "hint: list what there is with the `ls` command of its group",
    ]


def test_a_file_that_cannot_be_read_is_one_line_too(tidewaiter: Callable[..., Said], folder: Path) -> None:
    (folder / "state" / "control.sqlite").mkdir()
    said = tidewaiter("principal", "ls")
    assert said.code == 1
    assert said.err.startswith("error: ")


def test_an_error_of_the_system_is_one_line(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def broken(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr(shell, "load", broken)
    monkeypatch.setattr("tidewaiter.cli.principal.load", broken)
    said = run("principal", "ls")
    assert (said.code, said.err) == (1, "error: /somewhere: Permission denied\n")


def test_a_reader_that_went_away_ends_a_command_quietly(folder: Path) -> None:
    program = "from tidewaiter.cli import main; main()"
    command = [sys.executable, "-c", program, "--config", str(folder), "datasource", "ls"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_the_zone_is_the_option_or_the_deployments(folder: Path) -> None:
    config = shell.load(folder)
    assert shell.zone(config, None).key == "UTC"
    assert shell.zone(config, "Europe/Berlin").key == "Europe/Berlin"


def test_the_version_is_said() -> None:
    assert run("--version").out == "tidewaiter 0.1.0\n"


def test_a_real_process_helps_quickly() -> None:
    before = os.times()
    done = process("--help")
    after = os.times()
    took_s = after.children_user + after.children_system - before.children_user - before.children_system
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: tidewaiter [OPTIONS] COMMAND")
    assert took_s < 1  # of processor time, 0.15 s on an idle machine; generous for a busy one


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from tidewaiter.cli import app\n"
        "heavy = {'sqlalchemy', 'uvicorn', 'starlette', 'cryptography', 'cedarpy', 'asyncpg', 'rich', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout == "[]\n"


def test_a_command_on_a_folder_imports_only_what_it_needs(folder: Path) -> None:
    """The store and the ledger, but nothing that judges statements, or talks to databases and vendors of channels."""
    heavy = (
        "alembic",
        "asyncpg",
        "cedarpy",
        "cryptography.x509",
        "google.protobuf",
        "httpx2",
        "re2",
        "rich",
        "uvicorn",
    )
    script = f"""
import sys
from tidewaiter.cli import app
app(["principal", "ls", "--config", "."], standalone_mode=False)
print([name for name in {heavy} if name in sys.modules])
"""
    assert run("--config", str(folder), "principal", "add", "alice").code == 0
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment(), check=False, cwd=folder
    )
    assert (done.stdout.splitlines()[-1:], done.stderr) == (["[]"], "")


def test_a_real_process_ends_with_the_code_of_its_error(tmp_path: Path) -> None:
    done = process("principal", "ls", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_shells_can_complete_commands() -> None:
    done = process(_TIDEWAITER_COMPLETE="complete_bash", COMP_WORDS="tidewaiter princ", COMP_CWORD="1")
    assert "principal" in done.stdout

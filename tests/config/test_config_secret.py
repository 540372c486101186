"""Secret references: what they may be, and that no error holds a secret."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tidewaiter.config import resolve_secret, secret
from tidewaiter.errors import ConfigError


def problem(reference: str, folder: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as refused:
        resolve_secret(reference, folder, environ or {})
    return str(refused.value)


def private(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("reference", ["env:A_1", "file:x", "file:/abs/x y", "exec:pass show 'a b'"])
def test_supported_references_are_well_formed(reference: str) -> None:
    secret.check_reference(reference)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("hunter2", "never the secret itself"),
        ("http://hunter2", "never the secret itself"),
        ("", "never the secret itself"),
        ("keyring:x", "keyring: references are not supported; use env:NAME, file:PATH or exec:COMMAND"),
        ("vault:x", "vault: references are not supported"),
        ("env:", "name of an environment variable"),
        ("env:1X", "name of an environment variable"),
        ("file:", "followed by a path"),
        ("file:\0", "followed by a path"),
        ("exec:", "followed by a command line"),
        ("exec:'open", "cannot be split"),
        ("exec:a\0b", "followed by a command line"),
    ],
)
def test_other_references_are_refused_without_repeating_them(reference: str, told: str) -> None:
    with pytest.raises(ValueError) as refused:
        secret.check_reference(reference)
    assert told in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_env_reads_the_given_environment(tmp_path: Path) -> None:
    assert resolve_secret("env:PW", tmp_path, {"PW": "hunter2"}).value == "hunter2"
    assert "hunter2" not in repr(resolve_secret("env:PW", tmp_path, {"PW": "hunter2"}))
    assert "env:PW: the environment variable is not set" in problem("env:PW", tmp_path)
    assert "env:PW: the environment variable is empty" in problem("env:PW", tmp_path, {"PW": ""})


@pytest.mark.parametrize(
    ("content", "value"), [(b"pw", "pw"), (b"pw\n", "pw"), (b"pw\r\n", "pw"), (b"pw\n\n", "pw\n"), ("ü".encode(), "ü")]
)
def test_file_gives_its_content_without_one_trailing_newline(tmp_path: Path, content: bytes, value: str) -> None:
    private(tmp_path / "pw", content)
    assert resolve_secret("file:pw", tmp_path, {}).value == value
    assert resolve_secret(f"file:{tmp_path}/pw", Path("/"), {}).value == value


def test_file_that_everyone_may_read_is_refused(tmp_path: Path) -> None:
    private(tmp_path / "pw", b"pw", 0o604)
    assert "(mode 0604); run: chmod 600" in problem("file:pw", tmp_path)
    private(tmp_path / "group", b"pw", 0o640)
    assert resolve_secret("file:group", tmp_path, {}).value == "pw"


def test_files_that_hold_no_secret_are_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in problem("file:absent", tmp_path)
    assert "not a regular file" in problem("file:.", tmp_path)
    os.mkfifo(tmp_path / "fifo", 0o600)
    assert "not a regular file" in problem("file:fifo", tmp_path)
    private(tmp_path / "empty", b"\n")
    assert "is empty" in problem("file:empty", tmp_path)
    private(tmp_path / "binary", b"\xff")
    assert "not UTF-8" in problem("file:binary", tmp_path)
    private(tmp_path / "long", b"x" * 65_537)
    assert "longer than 65536 bytes" in problem("file:long", tmp_path)


def test_exec_runs_without_a_shell_in_the_folder_with_the_environment(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd() + os.environ['PW'] + '$HOME;')"
    found = resolve_secret(f'exec:{sys.executable} -c "{code}"', tmp_path, {"PW": "+pw+"})
    assert found.value == f"{tmp_path}+pw+$HOME;"


def test_exec_that_fails_is_told_by_its_program_only(tmp_path: Path) -> None:
    told = problem(f"exec:{sys.executable} -c \"import sys; print('hunter2'); sys.exit(3)\"", tmp_path)
    assert told.endswith("failed with exit status 3")
    assert "hunter2" not in told
    assert "cannot be run: No such file" in problem("exec:./absent --password hunter2", tmp_path)


def test_exec_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "EXEC_TIMEOUT_S", 0.1)
    assert "gave no answer within 0.1 s" in problem("exec:sleep 60", tmp_path)


def test_a_key_is_private_when_only_its_owner_may_use_it(tmp_path: Path) -> None:
    assert secret.private_file_problem(private(tmp_path / "a", b"", 0o600)) is None
    assert secret.private_file_problem(private(tmp_path / "b", b"", 0o400)) is None
    assert "mode 0640" in str(secret.private_file_problem(private(tmp_path / "c", b"", 0o640)))
    with pytest.raises(FileNotFoundError):
        secret.private_file_problem(tmp_path / "absent")

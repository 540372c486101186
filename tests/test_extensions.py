"""Compiled modules run only while they are what their sources say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tidewaiter
from tidewaiter import extensions
from tidewaiter.extensions import HEADERS, HOT, NATIVE, PACKAGE, RECORD, Build, Sources


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the compiled sources, with the record of a build that was just made."""
    for name in HOT + NATIVE + HEADERS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((PACKAGE / name).read_bytes())
    monkeypatch.setattr(extensions, "PACKAGE", tmp_path)
    monkeypatch.setattr(sys, "meta_path", [finder for finder in sys.meta_path if finder is not Sources])
    monkeypatch.delenv("TIDEWAITER_MYPYC", raising=False)
    (tmp_path / RECORD).write_text(extensions.record())
    return tmp_path


SUSPENDS = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield, ast.YieldFrom)


def loses_its_exception(source: str) -> list[int]:
    """Lines where a coroutine waits while it handles an exception that it then raises again without naming it.

    mypyc does not keep `sys.exc_info()` over a wait: a bare `raise` after one raises None as if it were an exception,
    which overwrites the type of None and crashes the interpreter some time later. A `finally` that waits is the same.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            inside = [part for statement in node.body for part in ast.walk(statement)]
            raises = any(isinstance(part, ast.Raise) and part.exc is None for part in inside)
        elif isinstance(node, ast.Try):
            inside, raises = [part for statement in node.finalbody for part in ast.walk(statement)], True
        else:
            continue
        if raises and any(isinstance(part, SUSPENDS) for part in inside):
            found.append(inside[0].lineno)  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("name", HOT)
def test_no_compiled_coroutine_waits_between_catching_and_raising_again(name: str) -> None:
    assert loses_its_exception((PACKAGE / name).read_text()) == []


def test_a_wait_before_a_bare_raise_is_found() -> None:
    lost = "async def f():\n try:\n  await a\n except E:\n  await b\n  raise\n"
    assert loses_its_exception(lost) == [5]
    assert loses_its_exception(lost.replace("except E", "finally").replace("  raise\n", "")) == [5]
    assert loses_its_exception(lost.replace("  await b\n", "")) == []


def test_nothing_that_is_tested_here_is_stale() -> None:
    assert extensions.found() is not Build.STALE, "run `make compiled`"


def test_this_process_runs_what_it_says() -> None:
    from tidewaiter.wire import frames

    assert (tidewaiter.BUILD is Build.COMPILED) == (not str(frames.__file__).endswith(".py"))


def test_fresh_record_lets_extensions_in(package: Path) -> None:
    assert extensions.choose() is Build.COMPILED
    assert Sources not in sys.meta_path


@pytest.mark.parametrize("name", HOT + NATIVE + HEADERS)
def test_one_changed_source_keeps_every_extension_out(
    package: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (package / name).write_bytes((package / name).read_bytes() + b"\n")
    assert extensions.choose() is Build.STALE
    assert sys.meta_path[0] is Sources
    assert "running uncompiled" in capsys.readouterr().err


def test_bytes_that_move_between_sources_are_a_change(package: Path) -> None:
    first, second = (package / name for name in HOT[:2])
    first.write_bytes(first.read_bytes() + second.read_bytes()[:1])
    second.write_bytes(second.read_bytes()[1:])
    assert extensions.found() is Build.STALE


def test_without_a_record_extensions_stay_out(package: Path) -> None:
    (package / RECORD).unlink()
    assert extensions.choose() is Build.PURE
    assert sys.meta_path[0] is Sources


def test_extensions_of_another_interpreter_are_nobodys_worry(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package / RECORD).write_text(f"{'0' * 64} .cpython-00-other.so\n")
    assert extensions.choose() is Build.PURE
    assert not capsys.readouterr().err


def test_zero_keeps_fresh_extensions_out(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWAITER_MYPYC", "0")
    assert extensions.choose() is Build.PURE
    assert sys.meta_path[0] is Sources


def test_one_refuses_to_start_without_fresh_extensions(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWAITER_MYPYC", "1")
    assert extensions.choose() is Build.COMPILED
    (package / RECORD).unlink()
    with pytest.raises(ImportError, match="make install"):
        extensions.choose()


def test_sources_are_found_past_extensions(tmp_path: Path) -> None:
    (tmp_path / "model.py").touch()
    (tmp_path / f"model{extensions.SUFFIX}").touch()
    spec = Sources.find_spec("tidewaiter.model", [str(tmp_path)])
    assert spec is not None and spec.origin == str(tmp_path / "model.py")
    assert Sources.find_spec("tidewaiter.absent", [str(tmp_path)]) is None
    assert Sources.find_spec("json.decoder", [str(tmp_path)]) is None


def test_environment_reaches_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWAITER_MYPYC", "0")
    asked = "from tidewaiter.wire import frames; print(frames.__file__)"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip().endswith("frames.py")


@pytest.mark.parametrize("name", NATIVE)
def test_what_is_written_in_c_is_absent_where_extensions_are_not_used(name: str, tmp_path: Path) -> None:
    module = extensions.module(name)
    assert (PACKAGE / name).with_suffix(".pyi").exists()
    (tmp_path / f"{module.rpartition('.')[2]}{extensions.SUFFIX}").touch()
    with pytest.raises(ModuleNotFoundError, match="no extensions are used"):
        Sources.find_spec(module, [str(tmp_path)])


@pytest.mark.parametrize("name", NATIVE)
def test_what_is_written_in_c_was_built_with_the_rest(name: str) -> None:
    built = (PACKAGE / name).with_suffix(extensions.SUFFIX)
    assert built.exists() or extensions.found() is not Build.COMPILED

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from tidewaiter.config import environment
from tidewaiter.demo import psql_line, tour, welcome
from tidewaiter.demo.postgres import EmbeddedPostgres, bundled
from tidewaiter.demo.stack import Stack
from tidewaiter.demo.tour import Tour, conduct, flip
from tidewaiter.model import Secret


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack whose parts are not running: enough for what only prints."""
    gateway = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE, text=True)
    gateway.communicate()
    credentials = {name: {"user": name, "password": f"{name}-pw"} for name in ("alice", "dora", "reporter")}
    database = EmbeddedPostgres(tmp_path, Secret("x"))
    psql = bundled().tool("psql")
    return Stack(tmp_path, database, gateway, "127.0.0.1", 1, "http://c", psql, 20, credentials, environment())


def test_tour_that_holds_says_so(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def fine(told: Tour) -> None:
        """A step."""
        told.holds("it is so", True)

    monkeypatch.setattr(tour, "STEPS", (fine,))
    out = io.StringIO()
    assert conduct(stack, out) == 0
    assert "1. A step." in out.getvalue()
    assert "✓ it is so" in out.getvalue()
    assert "all 1 steps held" in out.getvalue()


def test_one_claim_that_does_not_hold_fails_the_tour(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(told: Tour) -> None:
        """A step."""
        told.holds("it is so", False)

    monkeypatch.setattr(tour, "STEPS", (wrong,))
    out = io.StringIO()
    assert conduct(stack, out) == 1
    assert "✗ does not hold: it is so" in out.getvalue()


def test_commands_are_shown_with_their_output(stack: Stack) -> None:
    out = io.StringIO()
    told = Tour(stack, out).psql("alice", "select 1;")
    assert told.code == 2
    assert "$ psql -U alice" in out.getvalue()
    assert "> select 1;" in out.getvalue()
    assert "onnection refused" in out.getvalue()
    assert "alice-pw" not in out.getvalue()


def test_long_output_is_cut_and_the_rest_counted(stack: Stack) -> None:
    out = io.StringIO()
    Tour(stack, out).tidewaiter("--help")
    assert "more lines" in out.getvalue()


def test_statement_that_never_starts_does_not_hold(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tour, "WAIT_S", 0.2)
    monkeypatch.setattr(EmbeddedPostgres, "execute", lambda self, sql: "0")
    told = Tour(stack, io.StringIO())
    with told.at_work("alice", "x", "select 1;"):
        assert told.broken == ["the statement is running"]


def test_flip_changes_one_bit(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    flip(tmp_path / "f", 1)
    assert (tmp_path / "f").read_bytes() == b"acc"


def test_every_step_of_the_tour_has_a_title() -> None:
    assert all(step.__doc__ for step in tour.STEPS)


def test_welcome_names_everyone_with_a_line_to_paste(stack: Stack) -> None:
    told = welcome(stack)
    for name in ("alice", "dora", "reporter"):
        assert psql_line(stack, name) in told
    assert "audit touched customers --on today" in told


def test_psql_of_the_wheel_is_named_where_the_machine_has_none(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewaiter.demo.shutil.which", lambda name: None)
    assert str(stack.psql) in psql_line(stack, "alice")
    monkeypatch.setattr("tidewaiter.demo.shutil.which", lambda name: "/usr/bin/psql")
    assert " psql -h 127.0.0.1" in psql_line(stack, "alice")

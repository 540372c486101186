from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from freeports import free_port

from tidewaiter.demo import stack
from tidewaiter.demo.data import Size
from tidewaiter.demo.stack import NotStarted, installed, running, shown

TINY = Size(customers=20, orders=30, products=5, employees=5, tickets=5)


def test_shown_quotes_what_a_shell_would_split() -> None:
    assert shown(["psql", "-c", "select 1", "it's"]) == """psql -c 'select 1' "it's\""""
    assert shown(["audit", "touched", "--on", "today"]) == "audit touched --on today"


def test_installed_prefers_what_the_shell_finds() -> None:
    assert installed("sh") == "sh"
    assert installed("no-such-program") == "no-such-program"
    name = Path(sys.executable).name
    assert installed(name) in (name, str(Path(sys.executable).with_name(name)))


def test_taken_port_gives_way_to_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert stack._preferred(port) != port
    assert stack._preferred(0) == 0


def test_gateway_that_does_not_start_is_an_error_with_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "COMMAND", (sys.executable, "-c", "import sys; sys.exit('this went wrong')"))
    with pytest.raises(NotStarted, match="this went wrong"), stack._serving(tmp_path):
        pass


def test_gateway_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(stack, "READY_S", 0.2)
    with pytest.raises(NotStarted), stack._serving(tmp_path):
        pass


def test_gateway_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "PATIENCE_S", 0.2)
    deaf = "import signal, sys, time; signal.signal(15, lambda *_: None); print('ready', flush=True); time.sleep(60)"
    gateway = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, text=True)
    assert gateway.stdout is not None
    assert gateway.stdout.readline() == "ready\n"
    stack._stop(gateway)
    assert gateway.returncode == -9


def test_whole_stack_comes_up_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "_preferred", lambda port: free_port())  # another demo may start meanwhile
    with running(TINY) as found:
        folder = found.folder
        assert set(found.credentials) == {"alice", "dora", "reporter"}
        assert [told["name"] for told in found.operate("principal.ls")] == ["alice", "dora", "reporter"]
        assert (folder.stat().st_mode & 0o077) == 0
        gateway, database = found.gateway, found.database
    assert gateway.returncode == 0
    assert database.pid is None
    assert not folder.exists()

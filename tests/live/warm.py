"""Commands by the hundred, without the imports of each: forks of a process that has imported `tidewaiter`.

A command is a process of its own all the same: its folder, environment, arguments and streams are its own, and so is
its exit code. `python warm.py` is the process that waits for commands on its stdin.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

IMPORTED = (
    "pydantic.type_adapter", "sqlalchemy.dialects.sqlite", "tidewaiter.admin.operations", "tidewaiter.app.calling",
    "tidewaiter.app.channelling", "tidewaiter.app.checks", "tidewaiter.app.deployment", "tidewaiter.cli",
    "tidewaiter.cli.days", "tidewaiter.ledger.search", "tidewaiter.ledger.verify", "typer._adapters",
)  # fmt: skip
"""What commands import, most of them."""

_waiting: list[subprocess.Popen[str]] = []


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `tidewaiter` in a folder; what it printed and its exit code."""
    try:
        warm = _waiting.pop()
    except IndexError:  # all that there are run a command now
        started = [sys.executable, __file__]
        warm = subprocess.Popen(started, stdin=-1, stdout=-1, text=True, env=dict(environment))
    assert warm.stdin
    assert warm.stdout
    with tempfile.TemporaryDirectory() as name:
        out, err = Path(name) / "out", Path(name) / "err"
        asked = {"arguments": arguments, "folder": str(folder), "environment": environment, "to": [str(out), str(err)]}
        warm.stdin.write(json.dumps(asked) + "\n")
        warm.stdin.flush()
        code = int(warm.stdout.readline())
        _waiting.append(warm)
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())


@atexit.register
def end() -> None:
    """Let the processes that wait for commands go."""
    while _waiting:
        with _waiting.pop():  # closes what it reads, at which it ends
            pass


def wait() -> None:
    """Fork for each command, and return in the fork, which is to be the command."""
    while line := sys.stdin.readline():
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _become(**asked)
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def _become(arguments: list[str], folder: str, environment: Mapping[str, str], to: list[str]) -> None:
    for target, path in enumerate((os.devnull, *to)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.dup2(opened, target)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments


if __name__ == "__main__":
    for module in IMPORTED:
        import_module(module)
    from tidewaiter.cli import main

    gc.freeze()  # or each command collects in vain, and copies, what it shares with this process
    wait()
    main()

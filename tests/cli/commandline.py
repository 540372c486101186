"""The command line in this process, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tidewaiter.cli import app


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)


def run(*arguments: str) -> Said:
    """Run `tidewaiter` in this process; defects are raised."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def environment(**variables: str) -> dict[str, str]:
    """What a process of its own sees."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TIDEWAITER", "PG"))}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **variables}


def process(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `tidewaiter` as a real process."""
    command = [sys.executable, "-c", "from tidewaiter.cli import main; main()", *arguments]
    variables = environment(**variables)
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=variables, check=False, timeout=60)

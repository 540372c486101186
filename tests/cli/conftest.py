"""A deployment in a temporary folder, and the command line on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from commandline import Said, run

from tidewaiter.app.founding import found

DATASOURCE = """
[[datasource]]
name = "shop"
address = "127.0.0.1:1"
user = "tidewaiter"
tls = "disable"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new deployment with one datasource that nobody serves."""
    folder = tmp_path / "gateway"
    found(folder, "tidewaiter", "localhost", datetime.now(UTC), {})
    with (folder / "tidewaiter.toml").open("a") as file:
        file.write(DATASOURCE)
    monkeypatch.delenv("TIDEWAITER_CONFIG", raising=False)
    return folder


@pytest.fixture
def tidewaiter(folder: Path) -> Callable[..., Said]:
    """The command line on that deployment."""
    return lambda *arguments: run("--config", str(folder), *arguments)

"""A new deployment folder."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidewaiter.app.founding import found
from tidewaiter.config import load
from tidewaiter.errors import Conflict, UsageError
from tidewaiter.ledger.keys import Keys

NOW = datetime.now(UTC)


def test_a_new_folder_is_a_valid_deployment_with_private_keys(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "gateway"
    made = found(folder, "tidewaiter", "gw.example.com", NOW, {})
    assert all((folder / path).is_file() for path in made.files)
    assert {str(path) for path in made.files} >= {
        "tidewaiter.toml",
        "classification.toml",
        "keys/gateway.crt",
        "keys/gateway.key",
    }
    config = load(folder / "tidewaiter.toml", {})
    assert config.gateway.tls is not None
    assert config.warnings == ()
    for private in ("keys", "state"):
        assert stat.S_IMODE((folder / private).stat().st_mode) == 0o700
    for path in (folder / "keys").iterdir():
        assert path.suffix in (".crt", ".vkey") or stat.S_IMODE(path.stat().st_mode) == 0o600, path
    keys = Keys.load(folder / "keys")
    assert keys.origin == config.ledger.origin
    assert str(keys.verifier) == made.vkey


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    found(tmp_path, "tidewaiter", "h", NOW, {})
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(Conflict, match=r"holds .*tidewaiter\.toml.* already; init overwrites nothing"):
        found(tmp_path, "tidewaiter", "h", NOW, {})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_other_files_in_the_folder_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("ours")
    found(tmp_path, "tidewaiter", "h", NOW, {})
    assert (tmp_path / "README.md").read_text() == "ours"


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file"):
        found(tmp_path / "file" / "deployment", "tidewaiter", "h", NOW, {})


def test_a_name_that_cannot_be_a_logs_name_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a deployment's name"):
        found(tmp_path, "Not A Name", "h", NOW, {})
    assert list(tmp_path.iterdir()) == []

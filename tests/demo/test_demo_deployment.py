from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidewaiter import config
from tidewaiter.app.founding import found
from tidewaiter.demo.deployment import NAME, PASSWORD_FILE, PERSONAS, Listeners, Upstream, furnish, settings
from tidewaiter.model import Kind, Secret

LISTENERS = Listeners("127.0.0.1:15432", "127.0.0.1:8480")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found(tmp_path / "d", NAME, "localhost", datetime(2026, 11, 1, tzinfo=UTC), {})
    return tmp_path / "d"


def test_furnished_folder_is_a_valid_configuration(folder: Path) -> None:
    watched = Upstream("watched", "[::1]:5", mode="observe", tls="verify-full", tls_root="keys/gateway.crt")
    furnish(folder, LISTENERS, [Upstream("shop", "127.0.0.1:5"), watched], Secret('p"w'), "[limits]", "connections = 7")
    loaded = config.load(folder / "tidewaiter.toml", {})
    assert set(loaded.datasources) == {"shop", "watched"}
    assert loaded.limits.connections == 7
    assert loaded.datasources["shop"].roles["dba"] == "shop_admin"
    assert loaded.datasources["watched"].mode == "observe"
    assert config.resolve_secret(loaded.datasources["shop"].password, folder, {}).value == 'p"w'
    assert loaded.classification.tagged("shop") >= {("public", "customers"), ("public", "employees")}


def test_password_file_is_private(folder: Path) -> None:
    furnish(folder, LISTENERS, [], Secret("x"))
    assert stat.S_IMODE((folder / PASSWORD_FILE).stat().st_mode) == 0o600


def test_settings_quote_what_toml_reserves() -> None:
    assert 'name = "a\\"b"' in settings(LISTENERS, [Upstream('a"b', "h:1")])


def test_the_agent_is_owned_by_the_analyst() -> None:
    by_name = {persona.name: persona for persona in PERSONAS}
    assert by_name["reporter"].kind is Kind.AGENT
    assert by_name[by_name["reporter"].owner].group == "analysts"

"""Everything that is wrong is told at once, with its place, and before anything has been made."""

from __future__ import annotations

import fcntl
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidewaiter.app.founding import found
from tidewaiter.app.provisions import Provisions, provisions_of
from tidewaiter.config import Config, load
from tidewaiter.errors import ConfigError

SOURCE = """
[[datasource]]
name = "shop"
address = "127.0.0.1:1"
user = "tidewaiter"
password = "env:SHOP_PASSWORD"
tls_root = "keys/upstream.crt"
tls_cert = "keys/gateway.crt"
tls_key = "keys/gateway.key"
"""
CHANNEL = """
[[channel]]
name = "hook"
kind = "webhook"
url = "https://h.example/in"
secret = "file:no-such-file"
"""


def deployment(folder: Path, more: str = "", **changes: str) -> Config:
    """A new deployment; each change is a key and its new value, both as written."""
    if not (folder / "tidewaiter.toml").exists():
        found(folder, "tidewaiter", "localhost", datetime.now(UTC), {})
    text = (folder / "tidewaiter.toml").read_text()
    text = text.replace("127.0.0.1:15432", "127.0.0.1:0").replace("127.0.0.1:8480", "127.0.0.1:0")
    for key, value in changes.items():
        before = next(line for line in text.splitlines() if line.startswith(f"{key} ="))
        text = text.replace(before, f"{key} = {value}")
    (folder / "tidewaiter.toml").write_text(text + more)
    return load(folder / "tidewaiter.toml", {})


def line_of(config: Config, start: str) -> int:
    """The line of tidewaiter.toml that begins like this."""
    lines = (config.folder / "tidewaiter.toml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(start))


def problems(config: Config) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        provisions_of(config, {}, lambda: 0.0)
    return refused.value.problems


def test_what_is_whole_is_handed_on(tmp_path: Path) -> None:
    config = deployment(tmp_path, SOURCE.replace("upstream.crt", "gateway.crt"))
    provisions = provisions_of(config, {"SHOP_PASSWORD": "x"}, lambda: 0.0)
    assert isinstance(provisions, Provisions)
    assert (provisions.secrets["shop"].value, provisions.lines) == ("x", [])
    assert "people.cedar" in provisions.edition.digests
    assert list((tmp_path / "state").iterdir()) == [], "looking makes nothing"


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "upstream.crt").write_text("no certificate")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = deployment(tmp_path, SOURCE + CHANNEL, postgres=f'"127.0.0.1:{port}"', url='"sqlite:///a?mode=ro"')
        (config.policies / "bad.cedar").write_text("permit (nonsense")
        (config.keys / "ledger.kek").unlink()
        (config.keys / "gateway.key").write_text("no key")
        told = problems(config)
    expected = [
        ("bad.cedar:1: ", "cannot be read as a Cedar policy"),
        (f"tidewaiter.toml:{line_of(config, 'password')}: [datasource] password: ", "env:SHOP_PASSWORD"),
        (f"tidewaiter.toml:{line_of(config, 'secret')}: [channel] secret: ", "no-such-file: cannot be read"),
        (f"{config.keys / 'ledger.kek'}: ", "No such file"),
        (f"tidewaiter.toml:{line_of(config, 'tls')}: [gateway] tls: ", "gateway.key holds no private key in PEM"),
        (f"tidewaiter.toml:{line_of(config, 'tls_cert')}: [datasource] tls_cert: ", "holds no private key"),
        (f"tidewaiter.toml:{line_of(config, 'url')}: [store] url: ", "sqlite needs a plain file"),
        (f"tidewaiter.toml:{line_of(config, 'postgres')}: [gateway] postgres: ", "cannot be listened on: Address"),
    ]
    assert len(told) == len(expected), told
    for problem, (place, what) in zip(told, expected, strict=True):
        assert problem.startswith(place)
        assert what in problem


def test_two_listeners_cannot_have_one_address_under_two_names(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = deployment(tmp_path)
    config = deployment(tmp_path, postgres=f'"127.0.0.1:{port}"', listen=f'"localhost:{port}"')
    (told,) = problems(config)
    assert told.endswith(f"[console] listen: localhost:{port} cannot be listened on: Address already in use")


def test_addresses_taken_by_the_server_of_this_folder_are_not_what_is_wrong(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = deployment(tmp_path, postgres=f'"127.0.0.1:{taken.getsockname()[1]}"')
        (config.state / "ledger").mkdir()
        with (config.state / "ledger" / "lock").open("w") as lock:
            assert len(problems(config)) == 1
            fcntl.flock(lock, fcntl.LOCK_EX)
            provisions_of(config, {}, lambda: 0.0)  # opening the ledger says that it is held

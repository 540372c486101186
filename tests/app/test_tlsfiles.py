"""TLS files that a configuration names."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from tidewaiter.app.certificates import self_signed
from tidewaiter.app.founding import found
from tidewaiter.app.tlsfiles import problems_of
from tidewaiter.config import Config, load

SOURCE = """
[[datasource]]
name = "shop"
address = "127.0.0.1:1"
user = "tidewaiter"
tls_root = "tidewaiter.toml"
"""


def configured(folder: Path, more: str = "") -> Config:
    """A new deployment with its own pair."""
    found(folder, "tidewaiter", "localhost", datetime.now(UTC), {})
    file = folder / "tidewaiter.toml"
    file.write_text(file.read_text() + more)
    return load(file, {})


def test_authorities_that_are_none_are_told_by_their_key(tmp_path: Path) -> None:
    config = configured(tmp_path, SOURCE)
    (told,) = problems_of(config)
    line = len((tmp_path / "tidewaiter.toml").read_text().splitlines())
    assert told.startswith(f"tidewaiter.toml:{line}: [datasource] tls_root: ")


def test_a_key_must_be_there_in_the_clear_and_fit_its_certificate(tmp_path: Path) -> None:
    config = configured(tmp_path)
    assert list(problems_of(config)) == []
    key = config.keys / "gateway.key"
    whole = key.read_bytes()
    key.write_bytes(self_signed(["localhost"], datetime.now(UTC))[1])
    (told,) = problems_of(config)
    assert told.endswith(f"the key in {key} is not that of the certificate in {config.keys / 'gateway.crt'}")
    key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
        )
    )
    (told,) = problems_of(config)
    assert "is encrypted" in told
    key.unlink()
    (told,) = problems_of(config)
    assert told.endswith("gateway.key cannot be read: No such file or directory")
    key.write_bytes(whole)
    (config.keys / "gateway.crt").write_text("x")
    (told,) = problems_of(config)
    assert told.endswith("gateway.crt holds no certificate in PEM")
    (config.keys / "gateway.crt").unlink()
    (told,) = problems_of(config)
    assert told.endswith("gateway.crt cannot be read: No such file or directory")


def test_a_key_that_the_library_finds_too_short_is_told(tmp_path: Path) -> None:
    config = configured(tmp_path)
    pair = ["-keyout", "keys/gateway.key", "-out", "keys/gateway.crt"]
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:512", "-nodes", "-subj", "/CN=x", *pair],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("this openssl makes no short keys")
    (told,) = problems_of(config)
    assert "cannot be used: " in told

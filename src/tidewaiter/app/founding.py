"""A new deployment folder: configuration to edit, keys, a TLS pair, and room for state. Nothing is ever overwritten."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tidewaiter import config
from tidewaiter.app.certificates import self_signed
from tidewaiter.errors import Conflict, UsageError
from tidewaiter.ledger.keys import KEK_FILE, SIGNER_FILE, VERIFIER_FILE, create_keys

CERTIFICATE, CERTIFICATE_KEY = "keys/gateway.crt", "keys/gateway.key"
MAIN_FILE = "tidewaiter.toml"


@dataclass(frozen=True, slots=True)
class Founded:
    """The files of a new deployment, relative to its folder, and the public key of its log."""

    files: tuple[Path, ...]
    vkey: str


def found(folder: Path, name: str, host: str, now: datetime, environ: Mapping[str, str]) -> Founded:
    """Make the deployment `name` in `folder`, which may exist.

    `host` is this machine's name, for the certificate. The main file is written last, so that a folder whose making was
    interrupted is not taken for a deployment. Raises Conflict if any of the files is there already, UsageError for a
    bad name or when the folder cannot be made.
    """
    try:
        texts = dict(config.initial_files(name))
    except ValueError as error:
        raise UsageError(str(error)) from None
    keys = [CERTIFICATE, CERTIFICATE_KEY, *(f"keys/{file}" for file in (SIGNER_FILE, VERIFIER_FILE, KEK_FILE))]
    there = [file for file in (*texts, *keys) if (folder / file).exists()]
    if there:
        raise Conflict(f"{folder} holds {', '.join(sorted(there))} already; init overwrites nothing")
    try:
        _make_folders(folder, texts)
        certificate, key = self_signed(list(dict.fromkeys(("localhost", "127.0.0.1", "::1", host))), now)
        _write(folder / CERTIFICATE, certificate, 0o644)
        _write(folder / CERTIFICATE_KEY, key, 0o600)
        main = texts.pop(MAIN_FILE)
        for file, text in texts.items():
            _write(folder / file, text.encode(), 0o644)
        part = folder / f"{MAIN_FILE}.part"
        _write(part, main.encode(), 0o644)
        made = config.load(part, environ)
        ledger_keys = create_keys(folder / "keys", made.ledger.origin)
        part.rename(folder / MAIN_FILE)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None
    return Founded(tuple(Path(file) for file in (MAIN_FILE, *texts, *keys)), str(ledger_keys.verifier))


def _make_folders(folder: Path, texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for private in ("keys", "state"):
        (folder / private).mkdir(mode=0o700, exist_ok=True)
        (folder / private).chmod(0o700)
    for name in texts:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)


def _write(path: Path, content: bytes, mode: int) -> None:
    """A new file, never one that is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)

"""Secrets are named, not written: `env:NAME`, `file:PATH`, `exec:COMMAND`."""

from __future__ import annotations

import re
import shlex
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tidewaiter.errors import ConfigError
from tidewaiter.model import Secret

SUPPORTED = "env:NAME, file:PATH or exec:COMMAND"
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
EXEC_TIMEOUT_S = 10.0  # a password helper asks a local agent or a vault; serve must not hang at start
SECRET_BYTES = 65_536  # no password or key is longer; guards against naming the wrong file


def check_reference(reference: str) -> None:
    """Check the form of a reference without resolving it. Raises ValueError; a value is never repeated."""
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in ("env", "file", "exec", "keyring", "vault"):
        raise ValueError(f"must be a reference to the secret, never the secret itself: {SUPPORTED}")
    if scheme in ("keyring", "vault"):
        raise ValueError(f"{scheme}: references are not supported; use {SUPPORTED}")
    if scheme == "env" and not ENVIRONMENT_NAME.fullmatch(rest):
        raise ValueError("env: must be followed by the name of an environment variable")
    if scheme == "file" and (not rest or "\0" in rest):
        raise ValueError("file: must be followed by a path")
    if scheme == "exec":
        try:
            words = shlex.split(rest)
        except ValueError as error:
            raise ValueError(f"exec: the command line cannot be split into words: {error}") from None
        if not words or "\0" in rest:
            raise ValueError("exec: must be followed by a command line")


def resolve_secret(reference: str, folder: Path, environ: Mapping[str, str]) -> Secret:
    """Fetch the secret that a reference names. Relative paths and commands start at `folder`.

    One trailing newline is taken off what files and commands give. Commands run without a shell, with `environ`, for
    at most 10 seconds. Raises ConfigError, whose text never holds the secret and does not say who asked for it.
    """
    try:
        check_reference(reference)
        scheme, _, rest = reference.partition(":")
        if scheme == "env":
            return Secret(_from_environment(rest, environ))
        raw = _from_file(folder / rest) if scheme == "file" else _from_command(rest, folder, environ)
        return Secret(_decode(raw))
    except ValueError as error:
        raise ConfigError([str(error)]) from None


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        raise ValueError(f"env:{name}: the environment variable is {'empty' if value == '' else 'not set'}")
    return value


def _from_file(path: Path) -> bytes:
    try:
        complaint = private_file_problem(path, stat.S_IRWXO)
        if complaint:
            raise ValueError(f"file:{path}: {complaint}")
        with path.open("rb") as file:
            return file.read(SECRET_BYTES + 1)
    except OSError as error:
        raise ValueError(f"file:{path}: cannot be read: {error.strerror or error}") from None


def _from_command(line: str, folder: Path, environ: Mapping[str, str]) -> bytes:
    words = shlex.split(line)
    told = f"exec:{words[0]}"
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=EXEC_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"{told}: gave no answer within {EXEC_TIMEOUT_S:g} s") from None
    except OSError as error:
        raise ValueError(f"{told}: cannot be run: {error.strerror or error}") from None
    if done.returncode != 0:
        raise ValueError(f"{told}: failed with exit status {done.returncode}")
    return done.stdout


def _decode(raw: bytes) -> str:
    if len(raw) > SECRET_BYTES:
        raise ValueError(f"the secret is longer than {SECRET_BYTES} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ValueError("the secret is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError("the secret is empty")
    return text


def private_file_problem(path: Path, refused_bits: int = stat.S_IRWXG | stat.S_IRWXO) -> str | None:
    """Why a file is not fit to hold a secret: its mode has one of `refused_bits`. None when it is private.

    Raises OSError when the file cannot be looked at.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        return "is not a regular file"
    if mode & refused_bits:
        return f"may be used by others than its owner (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {path}"
    return None

"""The ledger's keys: what signs checkpoints and what wraps data keys, in the deployment's `keys/`; the data keys."""

from __future__ import annotations

import os
import re
import stat
import threading
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from pathlib import Path

from tidewaiter.errors import ConfigError, Conflict
from tidewaiter.ledger.files import Files
from tidewaiter.ledger.note import Signer, Verifier
from tidewaiter.ledger.seal import KEY_BYTES, DataKey, Kek, RandomBytes, Unreadable

SIGNER_FILE = "ledger.key"
VERIFIER_FILE = "ledger.vkey"
KEK_FILE = "ledger.kek"
_KEK_WORD = "tidewaiter-kek-v1"
_DEK_ID = re.compile(r"[0-9-]{10}-([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Keys:
    """What the one writer of a log needs. `repr` shows neither key."""

    signer: Signer
    kek: Kek = field(repr=False)

    @property
    def origin(self) -> str:
        """The log's name; the signer's key bears it."""
        return self.signer.name

    @property
    def verifier(self) -> Verifier:
        return self.signer.verifier

    @classmethod
    def load(cls, folder: Path) -> Keys:
        """From the files that `create_keys` made. ConfigError names every problem."""
        problems: list[str] = []
        signer = kek = None
        try:
            signer = Signer.parse(_read_secret(folder / SIGNER_FILE))
        except (OSError, ValueError) as error:
            problems.append(f"{folder / SIGNER_FILE}: {_reason(error)}")
        try:
            kek = load_kek(folder)
        except ConfigError as error:
            problems += error.problems
        if signer is None or kek is None:
            raise ConfigError(problems)
        return cls(signer, kek)


def create_keys(folder: Path, origin: str, random_bytes: RandomBytes = os.urandom) -> Keys:
    """Make and store the keys of a new log named `origin`, such as "tidewaiter.example/main".

    Files are 0600; the public key goes beside them. Raises Conflict if one is there already, ConfigError for a bad
    name.
    """
    try:
        keys = Keys(Signer.make(origin, random_bytes(KEY_BYTES)), Kek(random_bytes(KEY_BYTES)))
    except ValueError as error:
        raise ConfigError([str(error)]) from error
    kek = f"{_KEK_WORD} {keys.kek.id} {b64encode(keys.kek.secret_bytes()).decode()}\n"
    texts = {SIGNER_FILE: keys.signer.secret_text() + "\n", VERIFIER_FILE: f"{keys.verifier}\n", KEK_FILE: kek}
    there = [name for name in texts if (folder / name).exists()]
    if there:
        raise Conflict(f"{folder} has {' and '.join(there)} already: keys are never overwritten")
    for name, text in texts.items():
        Files().put(folder / name, text.encode())
    return keys


def load_kek(folder: Path) -> Kek:
    """The key-encryption key alone: enough to read bodies. ConfigError says what is wrong."""
    path = folder / KEK_FILE
    try:
        word, id_, encoded = _read_secret(path).split(" ")
        kek = Kek(b64decode(encoded, validate=True))
        if word != _KEK_WORD or kek.id != id_:
            raise ValueError("not a key-encryption key, or a byte of it changed")
    except (OSError, ValueError, Base64Error) as error:
        raise ConfigError([f"{path}: {_reason(error)}"]) from error
    return kek


def _read_secret(path: Path) -> str:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ValueError(f"its mode is {mode:04o}, but nobody else may read it: chmod 600 {path}")
    return path.read_text().removesuffix("\n")


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


class DataKeys:
    """The wrapped data keys of one ledger. Reading keeps the opened ones in memory: a few per day that is read."""

    def __init__(
        self, folder: Path, kek: Kek, files: Files | None = None, random_bytes: RandomBytes = os.urandom
    ) -> None:
        self._folder = folder
        self._kek = kek
        self._files = files or Files()
        self._random = random_bytes
        self._opened: dict[str, DataKey] = {}
        self._making = threading.Lock()

    def make(self, day: str) -> DataKey:
        """A new data key for a day "YYYY-MM-DD", durable when this returns. Raises OSError."""
        with self._making:
            return self._make(day)

    def _make(self, day: str) -> DataKey:
        taken = [_DEK_ID.fullmatch(path.name) for path in self._folder.glob(f"{day}-*")]
        number = 1 + max((int(match[1]) for match in taken if match), default=0)
        key = DataKey(f"{day}-{number}", self._random(KEY_BYTES))
        self._files.put(self._folder / key.id, self._kek.wrap(key, self._random(12)).encode())
        return key

    def get(self, id_: str) -> DataKey:
        """A data key by id. Unreadable if it was shredded, damaged, or wrapped by another KEK."""
        if id_ not in self._opened:
            try:
                line = (self._folder / id_).read_bytes().decode("ascii")
            except FileNotFoundError:
                raise Unreadable(f"data key {id_} was shredded") from None
            except (OSError, UnicodeDecodeError) as error:
                raise Unreadable(f"data key {id_} cannot be read: {_reason(error)}") from error
            key = self._kek.unwrap(line)
            if key.id != id_:
                raise Unreadable(f"the file of data key {id_} holds {key.id}")
            self._opened[id_] = key
        return self._opened[id_]

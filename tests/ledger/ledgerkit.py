"""What the ledger's tests share: keys, a clock, a disk that fails on request, and a log's files as values."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tidewaiter.ledger.entry import Body, Entry, decode
from tidewaiter.ledger.files import Files
from tidewaiter.ledger.keys import Keys
from tidewaiter.ledger.log import Log
from tidewaiter.ledger.note import Signer
from tidewaiter.ledger.reader import FolderSource, LogReader
from tidewaiter.ledger.seal import Kek
from tidewaiter.ledger.verify import Verification, verify

ORIGIN = "test.example/log"
KEYS = Keys(Signer.make(ORIGIN, bytes(range(32))), Kek(bytes(range(32, 64))))
OTHER = Keys(Signer.make(ORIGIN, bytes(32)), Kek(bytes(range(32, 64))))
BODY = Body(b"select 1").encode()
NOON_NS = 1_795_000_000_000_000_000


class Clock:
    """Nanoseconds that grow by one with every look, or as told."""

    def __init__(self, at_ns: int = NOON_NS) -> None:
        self.at_ns = at_ns

    def __call__(self) -> int:
        self.at_ns += 1
        return self.at_ns


class QuickFiles(Files):
    """The real disk without waiting for it: for tests in which no power is lost."""

    def fdatasync(self, fd: int) -> None:
        pass

    def sync_folder(self, path: Path) -> None:
        pass


class FaultyFiles(QuickFiles):
    """Fails one call, counted from 0 over all calls that change the disk, or every one from there on.

    `persisted`: the call does its work, or half of it when it writes, and then fails.
    """

    def __init__(
        self, fail_at: int = -1, code: int = errno.EIO, persisted: bool = False, lasting: bool = False
    ) -> None:
        self.calls = itertools.count()
        self.names: list[str] = []
        self.fail_at = fail_at
        self.code = code
        self.persisted = persisted
        self.lasting = lasting
        self.is_on = True

    def _fails(self, name: str) -> bool:
        if not self.is_on:
            return False
        self.names.append(name)
        number = next(self.calls)
        return number == self.fail_at or (self.lasting and number > self.fail_at >= 0)

    def _raise(self) -> None:
        raise OSError(self.code, "injected")

    def open(self, path: Path, *, create: bool = False) -> int:
        if self._fails(f"open {path.name}"):
            self._raise()
        return super().open(path, create=create)

    def create(self, path: Path) -> int:
        if self._fails(f"create {path.name}"):
            if self.persisted:
                self.close(super().create(path))
            self._raise()
        return super().create(path)

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        if self._fails("write"):
            if self.persisted:
                super().write(fd, data[: len(data) // 2], at)
            self._raise()
        return super().write(fd, data, at)

    def fdatasync(self, fd: int) -> None:
        if self._fails("fdatasync"):
            self._raise()

    def sync_folder(self, path: Path) -> None:
        if self._fails("sync_folder"):
            self._raise()

    def truncate(self, fd: int, size: int) -> None:
        if self._fails("truncate"):
            if self.persisted:
                super().truncate(fd, size)
            self._raise()
        super().truncate(fd, size)

    def allocate(self, fd: int, size: int) -> None:
        if self._fails("allocate"):
            self._raise()
        super().truncate(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        if self._fails("rename"):
            if self.persisted:
                super().rename(old, new)
            self._raise()
        super().rename(old, new)


def open_log(
    folder: Path,
    *,
    files: Files | None = None,
    clock: Clock | None = None,
    announce: bool = False,
    segment_bytes: int = 1 << 20,
) -> Log:
    return Log.open(
        folder,
        origin=ORIGIN,
        keys=KEYS,
        clock_ns=clock or Clock(),
        files=files or QuickFiles(),
        announce=announce,
        segment_bytes=segment_bytes,
    )


def fill(log: Log, count: int, body: bytes | None = BODY) -> None:
    for _ in range(count):
        log.append("execution", b'"session":"s","verdict":"allow"', body)


def sound(folder: Path, keys: Keys = KEYS) -> Verification:
    """Verify a folder and insist that it is whole."""
    found = verify(FolderSource.of(folder), key=keys.verifier)
    assert found.problems == []
    return found


def headers(folder: Path) -> list[bytes]:
    return [stored.header for stored in LogReader(folder).frames()]


def entries(folder: Path) -> list[Entry]:
    return [decode(header) for header in headers(folder)]


@dataclass(frozen=True)
class Snapshot:
    """A log's files as values: a `verify.Source` whose bytes a test can change one by one."""

    files: dict[str, bytes]
    foreign: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, folder: Path) -> Snapshot:
        paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
        return cls({str(path.relative_to(folder)): path.read_bytes() for path in paths})

    def changed(self, name: str, raw: bytes | None) -> Snapshot:
        files = dict(self.files)
        files.pop(name, None)
        if raw is not None:
            files[name] = raw
        return replace(self, files=files)

    def write(self, folder: Path) -> Path:
        for name, raw in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
        return folder

    def vkey(self) -> bytes:
        return self.files.get("log.vkey", b"")

    def checkpoints(self) -> bytes:
        return self.files.get("checkpoints", b"")

    def hashes_size(self) -> int:
        return len(self.files.get("hashes", b""))

    def segments(self) -> list[int]:
        return sorted(int(name[9:]) for name in self.files if name.startswith("segments/"))

    def segment(self, first: int) -> bytes:
        return self.files[f"segments/{first:020d}"]

    def hashes(self, at: int, size: int) -> bytes:
        return self.files.get("hashes", b"")[at : at + size]

    def blob(self, digest: str) -> bytes | None:
        return self.files.get(f"blobs/{digest[:2]}/{digest}")

    def blobs(self) -> set[str]:
        return {name.rpartition("/")[2] for name in self.files if name.startswith("blobs/")}

    def datakeys(self) -> dict[str, bytes]:
        return {name[9:]: raw for name, raw in self.files.items() if name.startswith("datakeys/")}

    def strangers(self) -> Iterable[str]:
        return self.foreign


def flipped(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ (1 << at % 8)]) + raw[at + 1 :]

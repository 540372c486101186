"""The ledger's files: where each one stands, and the few system calls that write them.

The writer reaches the disk only through `Files`, so that tests can make any call fail.

    lock                    held by the one writer (flock)
    log.vkey                the public key that signs checkpoints; a convenience, not a source of trust
    checkpoints             signed notes, one after another, an empty line after each
    hashes                  stored hashes (tree.py), 32 bytes each, up to the last checkpoint
    segments/<first seq>    frames (entry.py), 20 digits
    blobs/ab/<sha256>       ciphertexts longer than 64 KiB, by their digest
    datakeys/<id>           wrapped data keys (seal.py)

Beside the folder, as it is no part of the log, stands `<folder>.reserve`: disk space kept for closing entries.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

HAS_ADVICE = hasattr(os, "posix_fadvise")  # not on macOS
_SEGMENT = re.compile(r"[0-9]{20}")
_BLOB = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths inside one ledger folder."""

    folder: Path

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def vkey(self) -> Path:
        return self.folder / "log.vkey"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def hashes(self) -> Path:
        return self.folder / "hashes"

    @property
    def segments(self) -> Path:
        return self.folder / "segments"

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    @property
    def datakeys(self) -> Path:
        return self.folder / "datakeys"

    @property
    def reserve(self) -> Path:
        return self.folder.with_name(self.folder.name + ".reserve")

    def segment(self, first: int) -> Path:
        return self.segments / f"{first:020d}"

    def blob(self, digest: str) -> Path:
        return self.blobs / digest[:2] / digest

    def segment_firsts(self) -> list[int]:
        """Number of the first entry of each segment, ascending. Files with other names are not segments."""
        return sorted(int(path.name) for path in self.segments.glob("*") if _SEGMENT.fullmatch(path.name))

    def blob_digests(self) -> set[str]:
        """Digests of the blobs that are there."""
        found = self.blobs.glob("*/*")
        return {path.name for path in found if _BLOB.fullmatch(path.name) and path.parent.name == path.name[:2]}

    def strangers(self) -> list[str]:
        """Relative paths of everything that is not part of a ledger."""
        known = {self.lock, self.vkey, self.checkpoints, self.hashes, self.segments, self.blobs, self.datakeys}
        segments = {self.segment(first) for first in self.segment_firsts()}
        blobs = {self.blob(digest) for digest in self.blob_digests()}
        return sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path not in known | segments | blobs
            and path.parent != self.datakeys
            and not (path.is_dir() and path.parent == self.blobs)
        )


class Files:
    """The system calls of the writer. Every method raises OSError as the system gives it."""

    def open(self, path: Path, *, create: bool = False) -> int:
        """Descriptor for reading and writing; `create` makes the file (0600) if it is not there."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)

    def create(self, path: Path) -> int:
        """Descriptor of a new file (0600). FileExistsError if it is there."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_CREAT | os.O_EXCL, 0o600)

    if TYPE_CHECKING:

        def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
            """One pwrite; returns how many bytes went."""

    else:
        write = staticmethod(os.pwrite)  # as it is: every turn of the event loop calls it

    def fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)

    def forget(self, fd: int, start: int, size: int) -> None:
        """Let the system use the memory that keeps these durable bytes, 0 for all from `start`, for what comes next."""
        if HAS_ADVICE:
            with suppress(OSError):  # advice: where it is not taken, the system does what it did before
                os.posix_fadvise(fd, start, size, os.POSIX_FADV_DONTNEED)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def allocate(self, fd: int, size: int) -> None:
        os.posix_fallocate(fd, 0, size)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def close(self, fd: int) -> None:
        os.close(fd)

    def sync_folder(self, path: Path) -> None:
        """Make names in a folder durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def write_all(self, fd: int, data: bytes, at: int) -> None:
        """Every byte, however many calls it takes."""
        self.write_rest(fd, data, at, self.write(fd, data, at))

    def write_rest(self, fd: int, data: bytes, at: int, done: int) -> None:
        """What `write` left, after `done` bytes."""
        while done < len(data):  # a short write: the rest, until the system says why it stops
            done += self.write(fd, memoryview(data)[done:], at + done)

    def put(self, path: Path, data: bytes) -> None:
        """A small whole file, durable under its final name or not there at all."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        self.unlink(part)
        fd = self.create(part)
        try:
            self.write_all(fd, data, 0)
            self.fdatasync(fd)
        finally:
            self.close(fd)
        self.rename(part, path)
        self.sync_folder(path.parent)

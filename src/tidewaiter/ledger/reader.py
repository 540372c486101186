"""Reading a ledger's files while somebody else may be writing them: no lock, whole frames only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tidewaiter.errors import Tampered
from tidewaiter.ledger.entry import MAX_FRAME_BYTES, PREFIX, Body, Entry, Unfinished, decode, read_frame
from tidewaiter.ledger.files import Layout
from tidewaiter.ledger.keys import DataKeys
from tidewaiter.ledger.recover import MAX_SEGMENT_BYTES
from tidewaiter.ledger.seal import Kek, Unreadable

FIRST_READ_BYTES = 4 << 10  # holds most frames; a second read fetches the rest of a long one


class Position(NamedTuple):
    """Where a frame begins: its segment's first entry, and the byte in it."""

    segment: int
    offset: int


class Stored(NamedTuple):
    """One frame as it was read: where it began, where it ends, and its bytes."""

    at: Position
    after: Position
    header: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The files of one log folder, for `verify.verify`."""

    layout: Layout

    @classmethod
    def of(cls, folder: Path) -> FolderSource:
        return cls(Layout(folder))

    def vkey(self) -> bytes:
        return _bytes(self.layout.vkey)

    def checkpoints(self) -> bytes:
        return _bytes(self.layout.checkpoints)

    def hashes_size(self) -> int:
        return self.layout.hashes.stat().st_size if self.layout.hashes.exists() else 0

    def segments(self) -> list[int]:
        return self.layout.segment_firsts()

    def segment(self, first: int) -> bytes:
        """ValueError if the file is longer than any that was ever written."""
        path = self.layout.segment(first)
        if path.stat().st_size > MAX_SEGMENT_BYTES:
            raise ValueError(f"it is longer than {MAX_SEGMENT_BYTES} bytes")
        return path.read_bytes()

    def hashes(self, at: int, size: int) -> bytes:
        if not size:
            return b""
        with self.layout.hashes.open("rb") as file:
            file.seek(at)
            return file.read(size)

    def blob(self, digest: str) -> bytes | None:
        path = self.layout.blob(digest)
        return path.read_bytes() if path.exists() else None

    def blobs(self) -> set[str]:
        return self.layout.blob_digests()

    def datakeys(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.layout.datakeys.glob("*") if path.suffix != ".part"}

    def strangers(self) -> list[str]:
        return self.layout.strangers()


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


class LogReader:
    """Entries of a log folder, in order from any position or one by one. Keeps one segment in memory (64 MiB)."""

    def __init__(self, folder: Path, kek: Kek | None = None) -> None:
        """With the key-encryption key, bodies can be read."""
        self._layout = Layout(folder)
        self._datakeys = DataKeys(self._layout.datakeys, kek) if kek else None
        self._kept: tuple[int, int, int] | None = None  # segment, inode, descriptor

    def frames(self, start: Position | None = None) -> Iterator[Stored]:
        """Whole frames from a position to the present end. Raises Tampered at damage."""
        first, offset = start or Position(0, 0)
        for segment in self._layout.segment_firsts():
            if segment < first:
                continue
            yield from self._segment(segment, offset if segment == first else 0)

    def _segment(self, segment: int, offset: int) -> Iterator[Stored]:
        with self._layout.segment(segment).open("rb") as file:
            file.seek(offset)
            raw = file.read(MAX_SEGMENT_BYTES)
        place = 0
        while place < len(raw):
            at = Position(segment, offset + place)
            try:
                header, ciphertext, place = read_frame(raw, place)
            except Unfinished:
                return
            except ValueError as error:
                raise Tampered(f"segment {segment:020d} at byte {at.offset}: {error}") from error
            yield Stored(at, Position(segment, offset + place), header, ciphertext)

    def at(self, position: Position) -> Stored | None:
        """The one frame that begins there; None if there is no whole one."""
        fd = self._open(position.segment)
        if fd is None:
            return None
        raw = os.pread(fd, FIRST_READ_BYTES, position.offset)
        try:
            header, ciphertext, end = read_frame(raw, 0)
        except Unfinished:
            raw += os.pread(fd, PREFIX.size + MAX_FRAME_BYTES - len(raw), position.offset + len(raw))
            try:
                header, ciphertext, end = read_frame(raw, 0)
            except ValueError:
                return None
        except ValueError:
            return None
        return Stored(position, Position(position.segment, position.offset + end), header, ciphertext)

    def _open(self, segment: int) -> int | None:
        """A descriptor of a segment, kept for the next read as long as its name means the same file."""
        path = self._layout.segment(segment)
        try:
            there = path.stat().st_ino
        except FileNotFoundError:
            return None
        if self._kept is None or self._kept[:2] != (segment, there):
            self.close()
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._kept = (segment, os.fstat(fd).st_ino, fd)
        return self._kept[2]

    def close(self) -> None:
        """Let go of the file that is kept open."""
        if self._kept is not None:
            os.close(self._kept[2])
            self._kept = None

    def body(self, stored: Stored, entry: Entry | None = None) -> Body | None:
        """The decrypted body of an entry; None if it has none. Unreadable if it was shredded or no key was given."""
        ref = (entry or decode(stored.header)).body
        if ref is None:
            return None
        if self._datakeys is None:
            raise Unreadable("no key-encryption key was given")
        ciphertext = stored.ciphertext
        if ref.is_blob:
            ciphertext = _bytes(self._layout.blob(ref.ciphertext_sha256))
        return Body.decode(self._datakeys.get(ref.dek).open(ref, ciphertext))

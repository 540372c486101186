"""Opening a ledger folder for writing: find where it really ends, and make that end durable.

This is the only way in: a clean start, a start after a crash and a repair after an I/O error run the same code. Nothing
at or below the last checkpoint is ever changed: damage there is `Tampered`. Beyond it, the first unfinished or damaged
frame ends the log, and what follows is cut off and counted.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tidewaiter.errors import Tampered
from tidewaiter.ledger.entry import Entry, decode, read_frame
from tidewaiter.ledger.files import Files, Layout
from tidewaiter.ledger.note import Checkpoint, Note, Verifier, is_unfinished
from tidewaiter.ledger.tree import HASH_BYTES, Tree, leaf_hash, stored_count, stored_index

SEGMENT_BYTES = 64 << 20
MAX_SEGMENT_BYTES = SEGMENT_BYTES + (4 << 20)  # one write beyond the limit, see log.py; a longer file is not ours
_TAIL_BYTES = 256 << 10  # of the checkpoints file: holds at least the last note, which has at most 64 KiB


@dataclass(slots=True)
class Recovered:
    """Where a log ends. `headers` are those beyond the checkpoint, still to be hashed into `tree`."""

    checkpoint: Checkpoint | None = None
    checkpoints_end: int = 0
    tree: Tree = field(default_factory=Tree)
    headers: list[bytes] = field(default_factory=list)
    size: int = 0
    t_ns: int = 0
    unsettled: dict[int, int] = field(default_factory=dict)  # by segment: where the first such entry begins
    segment: int | None = None
    segment_end: int = 0
    dropped_bytes: int = 0

    @property
    def checkpointed(self) -> int:
        return self.checkpoint.size if self.checkpoint else 0


def recover(layout: Layout, files: Files, verifier: Verifier) -> Recovered:
    """Bring the folder's files into a state that can be appended to. Raises Tampered and OSError."""
    found = Recovered()
    _read_checkpoint(layout, files, verifier, found)
    firsts = layout.segment_firsts()
    if firsts and firsts[0] != 0:
        raise Tampered(f"the log begins with entry {firsts[0]}: segments are missing")
    fd = files.open(layout.hashes, create=True)
    try:
        if os.fstat(fd).st_size < stored_count(found.checkpointed) * HASH_BYTES:
            _rebuild_hashes(layout, files, fd, firsts, found.checkpointed)
        files.truncate(fd, stored_count(found.checkpointed) * HASH_BYTES)
        found.tree = _load_tree(fd, found.checkpoint)
        _Scan(layout, fd, found).run(firsts)
    finally:
        files.close(fd)
    _settle(layout, files, firsts, found)
    return found


def _read_checkpoint(layout: Layout, files: Files, verifier: Verifier, found: Recovered) -> None:
    """Find the last whole checkpoint; cut off an unfinished one after it."""
    fd = files.open(layout.checkpoints, create=True)
    try:
        end = os.fstat(fd).st_size
        start = max(0, end - _TAIL_BYTES)
        pieces = os.pread(fd, end - start, start).split(b"\n\n")
        signed = [at for at, piece in enumerate(pieces[:-1]) if piece.startswith("— ".encode())]
        last = signed[-1] if signed else -1
        unfinished = b"\n\n".join(pieces[last + 1 :])
        if not is_unfinished(unfinished) or (start and not signed) or last == 0:
            raise Tampered("the checkpoints file ends in something that is neither a checkpoint nor the start of one")
        if signed:
            found.checkpoint = _parse_checkpoint(b"\n\n".join(pieces[last - 1 : last + 1]) + b"\n", verifier)
        if unfinished:
            files.truncate(fd, end - len(unfinished))
            files.fdatasync(fd)
        found.checkpoints_end = end - len(unfinished)
    finally:
        files.close(fd)


def _parse_checkpoint(raw: bytes, verifier: Verifier) -> Checkpoint:
    try:
        note = Note.parse(raw)
        checkpoint = Checkpoint.parse(note.text)
    except ValueError as error:
        raise Tampered(f"the last checkpoint is damaged: {error}") from error
    if checkpoint.origin != verifier.name:
        raise Tampered(f"the last checkpoint is of {checkpoint.origin}, this log is {verifier.name}")
    if not note.is_signed_by(verifier):
        raise Tampered("the last checkpoint is not signed by this log's key")
    return checkpoint


def _load_tree(fd: int, checkpoint: Checkpoint | None) -> Tree:
    if checkpoint is None:
        return Tree()
    tree = Tree.load(checkpoint.size, lambda at: os.pread(fd, HASH_BYTES, at * HASH_BYTES))
    if tree.root() != checkpoint.root:
        raise Tampered("the stored hashes do not give the last checkpoint's root")
    return tree


def _rebuild_hashes(layout: Layout, files: Files, fd: int, firsts: list[int], size: int) -> None:
    """Write the stored hashes again from the entries; whether they are right, the checkpoint's root says."""
    tree, at = Tree(), 0
    for first in firsts:
        segment, place = read_segment(layout.segment(first)), 0
        leaves: list[bytes] = []
        while place < len(segment) and tree.size + len(leaves) < size:
            try:
                header, _, place = read_frame(segment, place)
            except ValueError as error:
                raise Tampered(f"entry {tree.size + len(leaves)} in segment {first:020d}: {error}") from error
            leaves.append(leaf_hash(header))
        raw = b"".join(tree.extend(leaves))
        files.write_all(fd, raw, at)
        at += len(raw)
    if tree.size != size:
        raise Tampered(f"the last checkpoint has {size} entries, but only {tree.size} are there")
    files.fdatasync(fd)


def read_segment(path: Path) -> bytes:
    """All bytes of a segment. Tampered if it is longer than any that was ever written."""
    if path.stat().st_size > MAX_SEGMENT_BYTES:
        raise Tampered(f"segment {path.name} is longer than {MAX_SEGMENT_BYTES} bytes")
    return path.read_bytes()


class _Scan:
    """Reads frames from the segment that holds the last checkpointed entry to the end of the log."""

    def __init__(self, layout: Layout, hashes_fd: int, found: Recovered) -> None:
        self._layout = layout
        self._hashes_fd = hashes_fd
        self._found = found

    def run(self, firsts: list[int]) -> None:
        found = self._found
        relevant = firsts[max(0, bisect_right(firsts, found.checkpointed - 1) - 1) :]
        found.size = relevant[0] if relevant else 0
        for at, first in enumerate(relevant):
            if first < found.size or found.size < min(first, found.checkpointed):
                raise Tampered(f"segment {first:020d} should begin with entry {found.size}")
            if first > found.size or not self._segment(first):  # what follows never was durable as a whole
                later = relevant[at if first > found.size else at + 1 :]
                found.dropped_bytes += sum(self._layout.segment(other).stat().st_size for other in later)
                break
        if found.size < found.checkpointed:
            raise Tampered(f"the last checkpoint has {found.checkpointed} entries, but only {found.size} are there")

    def _segment(self, first: int) -> bool:
        """Read one segment. False if the log ends in the middle of it."""
        found, place = self._found, 0
        found.segment = first
        segment = read_segment(self._layout.segment(first))
        leaves = self._stored_leaves(first)
        while place < len(segment):
            try:
                header, ciphertext, after = read_frame(segment, place)
            except ValueError as error:
                if found.size < found.checkpointed:
                    raise Tampered(f"entry {found.size} in segment {first:020d}: {error}") from error
                found.dropped_bytes += len(segment) - place
                break
            if found.size == max(first, found.checkpointed):
                found.unsettled[first] = place
            if found.size < found.checkpointed and leaves[found.size - first] != leaf_hash(header):
                raise Tampered(f"entry {found.size} is not the one that was checkpointed")
            if found.size >= found.checkpointed - 1:
                self._accept(header, ciphertext)
            found.size += 1
            place = after
        found.segment_end = place
        return place == len(segment)

    def _stored_leaves(self, first: int) -> list[bytes]:
        """Stored leaf hashes of the checkpointed entries from `first` on."""
        size = self._found.checkpointed
        low, high = stored_count(first), stored_count(size)
        raw = os.pread(self._hashes_fd, max(0, high - low) * HASH_BYTES, low * HASH_BYTES)
        places = ((stored_index(0, seq) - low) * HASH_BYTES for seq in range(first, size))
        return [raw[place : place + HASH_BYTES] for place in places]

    def _accept(self, header: bytes, ciphertext: bytes) -> None:
        """Check the meaning of a whole frame from the last checkpointed entry on."""
        found = self._found
        try:
            entry = decode(header)
        except ValueError as error:
            raise Tampered(f"entry {found.size}: {error}") from error
        if entry.seq != found.size or entry.t_ns < found.t_ns:
            raise Tampered(f"entry {found.size} is not where it was written: number {entry.seq}, time {entry.t_ns}")
        if not is_body_of(entry, ciphertext):
            raise Tampered(f"entry {found.size}: the body is not the one that the header names")
        found.t_ns = entry.t_ns
        if found.size >= found.checkpointed:
            found.headers.append(header)


def is_body_of(entry: Entry, ciphertext: bytes) -> bool:
    """True if these are the inline ciphertext bytes that the entry's header promises."""
    if entry.body is None or entry.body.is_blob:
        return not ciphertext
    return sha256(ciphertext).hexdigest() == entry.body.ciphertext_sha256


def _settle(layout: Layout, files: Files, firsts: list[int], found: Recovered) -> None:
    """Cut off what is beyond the end, and write what is beyond the checkpoint once more.

    After a failed fsync the page cache may hold bytes that the disk does not have and that no later fsync would write:
    the same bytes, written again, are dirty again. They do not change, so a crash in between does no harm.
    """
    for first in firsts:
        path = layout.segment(first)
        if found.segment is None or first > found.segment:
            files.unlink(path)
        elif first == found.segment or first in found.unsettled:
            fd = files.open(path)
            try:
                if first == found.segment:
                    files.truncate(fd, found.segment_end)
                if first in found.unsettled:
                    start = found.unsettled[first]
                    files.write_all(fd, path.read_bytes()[start:], start)
                files.fdatasync(fd)
            finally:
                files.close(fd)
    for folder in (layout.segments, layout.folder):
        files.sync_folder(folder)

"""Publishing checkpoints: the only place that signs. It refuses whatever does not extend what it signed before."""

from __future__ import annotations

import os
from typing import NamedTuple

from tidewaiter.errors import Tampered
from tidewaiter.ledger.files import Files, Layout
from tidewaiter.ledger.note import Checkpoint, Signer
from tidewaiter.ledger.tree import HASH_BYTES, consistency, stored_count, subtree_root, verify_consistency


class Draft(NamedTuple):
    """A checkpoint to be: the tree's size and root, and all stored hashes that came since the last published one."""

    size: int
    root: bytes
    stored: bytes


class Checkpoints:
    """Appends to the files `hashes` and `checkpoints`. One thread at a time."""

    def __init__(self, layout: Layout, files: Files, signer: Signer, last: Checkpoint | None, end: int) -> None:
        """`last` is the last published checkpoint, `end` the byte at which the checkpoints file ends."""
        self._layout = layout
        self._files = files
        self._signer = signer
        self._end = end
        self.last = last

    @property
    def size(self) -> int:
        """Entries under the last checkpoint."""
        return self.last.size if self.last else 0

    def publish(self, draft: Draft) -> Checkpoint:
        """Store the hashes, sign and store the checkpoint; all durable when this returns. Its entries must be already.

        What is signed is what was read back: the stored hashes must give the draft's root and prove that it extends the
        last checkpoint. Raises Tampered if they do not, and OSError.
        """
        fd = self._files.open(self._layout.hashes)
        try:
            self._files.write_all(fd, draft.stored, stored_count(self.size) * HASH_BYTES)
            self._files.fdatasync(fd)
            self._check(draft, fd)
        finally:
            self._files.close(fd)
        checkpoint = Checkpoint(self._signer.name, draft.size, draft.root)
        line = self._signer.sign(checkpoint.text()) + b"\n"
        fd = self._files.open(self._layout.checkpoints)
        try:
            self._files.write_all(fd, line, self._end)
            self._files.fdatasync(fd)
        finally:
            self._files.close(fd)
        self._end += len(line)
        self.last = checkpoint
        return checkpoint

    def _check(self, draft: Draft, fd: int) -> None:
        def read(at: int) -> bytes:
            return os.pread(fd, HASH_BYTES, at * HASH_BYTES)

        is_root = subtree_root(0, draft.size, read) == draft.root
        if self.last is None:
            extends = True
        else:
            proof = consistency(self.last.size, draft.size, read) if draft.size >= self.last.size else []
            extends = verify_consistency(self.last.size, self.last.root, draft.size, draft.root, proof)
        if not (is_root and extends):
            raise Tampered("the stored hashes, read back, do not extend the last checkpoint: nothing was signed")

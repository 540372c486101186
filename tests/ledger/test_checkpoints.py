"""What is signed: only what was read back from the disk, extends what was signed before, and is stored to the end."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from ledgerkit import KEYS, ORIGIN, FaultyFiles, QuickFiles

from tidewaiter.errors import Tampered
from tidewaiter.ledger.checkpoints import Checkpoints, Draft
from tidewaiter.ledger.files import Files, Layout
from tidewaiter.ledger.note import Checkpoint, Note, split_notes
from tidewaiter.ledger.recover import recover
from tidewaiter.ledger.tree import HASH_BYTES, Tree, leaf_hash, stored_count


class Desk:
    """A tree that grows, and the files that its checkpoints go to."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self.layout = Layout(folder)
        self.layout.hashes.touch()
        self.layout.checkpoints.touch()
        self.files = files or QuickFiles()
        self.tree = Tree()
        self.checkpoints = Checkpoints(self.layout, self.files, KEYS.signer, None, 0)

    def draft(self, entries: int) -> Draft:
        """The next so many entries."""
        first = self.tree.size
        stored = self.tree.extend([leaf_hash(b"entry %d" % number) for number in range(first, first + entries)])
        return Draft(self.tree.size, self.tree.root(), b"".join(stored))

    @property
    def signed(self) -> list[Checkpoint]:
        """What stands in the file, each checked for its signature."""
        notes, rest = split_notes(self.layout.checkpoints.read_bytes())
        assert rest == b""
        found = [Note.parse(raw) for raw in notes]
        assert all(note.is_signed_by(KEYS.verifier) for note in found)
        return [Checkpoint.parse(note.text) for note in found]


def test_each_is_signed_stored_and_extends_the_one_before(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert (desk.checkpoints.last, desk.checkpoints.size) == (None, 0)
    published = [desk.checkpoints.publish(desk.draft(entries)) for entries in (1, 1, 2, 5, 300)]
    assert published == desk.signed
    assert [one.size for one in published] == [1, 2, 4, 9, 309]
    assert published[-1] == Checkpoint(ORIGIN, 309, desk.tree.root()) == desk.checkpoints.last
    assert desk.layout.hashes.stat().st_size == stored_count(309) * HASH_BYTES


def test_it_goes_on_behind_what_was_published_before_it_was_opened(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    last = desk.checkpoints.publish(desk.draft(3))
    end = desk.layout.checkpoints.stat().st_size
    desk.checkpoints = Checkpoints(desk.layout, desk.files, KEYS.signer, last, end)
    desk.checkpoints.publish(desk.draft(4))
    assert [one.size for one in desk.signed] == [3, 7]


def wrong(draft: Draft) -> list[Draft]:
    """The same with something in it that is not so."""
    flipped = bytes([draft.root[0] ^ 1]) + draft.root[1:]
    damaged = bytes(byte ^ 1 for byte in draft.stored)
    return [
        draft._replace(root=flipped),
        draft._replace(stored=damaged),
        draft._replace(stored=draft.stored[HASH_BYTES:]),
        draft._replace(size=draft.size + 1),
        draft._replace(size=draft.size - 1),
    ]


@pytest.mark.parametrize("before", [0, 5])
@pytest.mark.parametrize("which", range(5))
def test_what_is_not_so_is_not_signed(tmp_path: Path, before: int, which: int) -> None:
    desk = Desk(tmp_path)
    if before:
        desk.checkpoints.publish(desk.draft(before))
    signed = desk.signed
    right = desk.draft(3)
    with pytest.raises(Tampered, match="nothing was signed"):
        desk.checkpoints.publish(wrong(right)[which])
    assert desk.signed == signed
    desk.checkpoints.publish(right)  # the hashes beyond the last checkpoint are written again
    assert [one.size for one in desk.signed] == [*([before] if before else []), before + 3]


def test_history_that_was_rewritten_is_not_signed(tmp_path: Path) -> None:
    """A tree of other entries is consistent in itself; what was signed before it says that it is another one."""
    desk = Desk(tmp_path)
    desk.checkpoints.publish(desk.draft(4))
    other = Tree()
    stored = b"".join(other.extend([leaf_hash(b"other %d" % number) for number in range(6)]))
    desk.layout.hashes.write_bytes(stored)
    with pytest.raises(Tampered):
        desk.checkpoints.publish(Draft(6, other.root(), stored[stored_count(4) * HASH_BYTES :]))
    assert [one.size for one in desk.signed] == [4]


@pytest.mark.parametrize("size", [0, 3])
def test_a_smaller_tree_is_not_signed(tmp_path: Path, size: int) -> None:
    desk = Desk(tmp_path)
    earlier = desk.draft(3)
    desk.checkpoints.publish(earlier)
    desk.checkpoints.publish(desk.draft(2))
    with pytest.raises(Tampered):
        desk.checkpoints.publish(Draft(size, earlier.root if size else Tree().root(), b""))
    assert [one.size for one in desk.signed] == [3, 5]


def test_hashes_that_the_disk_gives_back_otherwise_are_not_signed(tmp_path: Path) -> None:
    class Forgetful(QuickFiles):
        """A disk that says that it has written, and has not."""

        def write_all(self, fd: int, data: bytes, at: int) -> None:
            super().write_all(fd, bytes(len(data)), at)

    desk = Desk(tmp_path, Forgetful())
    with pytest.raises(Tampered):
        desk.checkpoints.publish(desk.draft(2))
    assert desk.signed == []


@pytest.mark.parametrize("persisted", [False, True])
@pytest.mark.parametrize("call", range(6))  # open, write, fdatasync of the hashes, and of the checkpoints
def test_a_disk_that_fails_publishes_nothing_and_the_next_try_does(tmp_path: Path, call: int, persisted: bool) -> None:
    files = FaultyFiles(fail_at=-1, persisted=persisted)
    desk = Desk(tmp_path, files)
    first = desk.checkpoints.publish(desk.draft(2))
    descriptors = len(os.listdir("/proc/self/fd"))
    files.fail_at = 6 + call
    draft = desk.draft(3)
    with pytest.raises(OSError) as failed:
        desk.checkpoints.publish(draft)
    assert failed.value.errno == errno.EIO
    assert desk.checkpoints.last == first
    assert len(os.listdir("/proc/self/fd")) == descriptors, "a file stays open"
    desk.checkpoints.publish(draft)
    assert [one.size for one in desk.signed] == [2, 5]


@pytest.mark.parametrize("persisted", [False, True])
@pytest.mark.parametrize("call", range(6))
def test_what_a_failure_leaves_behind_is_found_and_cut_when_the_log_is_opened(
    tmp_path: Path, call: int, persisted: bool
) -> None:
    """As after a crash in the middle: the file may end in half a checkpoint, never in one that is not so."""
    files = FaultyFiles(fail_at=call, persisted=persisted)
    layout = replace(Layout(tmp_path))
    for folder in (layout.segments, layout.blobs, layout.datakeys):
        folder.mkdir()
    desk = Desk(tmp_path, files)
    with pytest.raises(OSError):
        desk.checkpoints.publish(desk.draft(0))
    found = recover(layout, QuickFiles(), KEYS.verifier)
    assert found.checkpoint is None or found.checkpoint.size == 0
    assert layout.checkpoints.stat().st_size == found.checkpoints_end

"""Where the ledger's files stand, and what its writes leave when they stop half-way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tidewaiter.ledger.files import Files, Layout

DIGEST = "ab" + "0" * 62


class Short(Files):
    """Writes two bytes at a time, and fails once `left` of them are used up."""

    def __init__(self, left: int) -> None:
        self.left = left

    def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
        if not self.left:
            raise OSError(28, "no space left on device")
        self.left -= 1
        return super().write(fd, data[:2], at)


def laid_out(folder: Path) -> Layout:
    layout = Layout(folder / "ledger")
    for path in (layout.segments, layout.blobs / "ab", layout.datakeys):
        path.mkdir(parents=True)
    for path in (layout.segment(0), layout.segment(17), layout.blob(DIGEST), layout.datakeys / "k", layout.hashes):
        path.touch()
    return layout


def test_segments_are_known_by_their_first_entry_and_blobs_by_their_digest(tmp_path: Path) -> None:
    layout = laid_out(tmp_path)
    (layout.segments / "17").touch()
    (layout.blobs / "ab" / ("cd" + "0" * 62)).touch()  # in another's folder
    assert layout.segment_firsts() == [0, 17]
    assert layout.blob_digests() == {DIGEST}


def test_what_is_no_part_of_a_ledger_is_a_stranger(tmp_path: Path) -> None:
    layout = laid_out(tmp_path)
    assert layout.strangers() == []
    for name in ("notes.txt", "segments/17", "segments/00000000000000000017.part", "blobs/ab/x", "blobs/loose"):
        (layout.folder / name).touch()
    assert layout.strangers() == [
        "blobs/ab/x", "blobs/loose", "notes.txt", "segments/00000000000000000017.part", "segments/17",
    ]  # fmt: skip


def test_the_reserve_stands_beside_the_folder(tmp_path: Path) -> None:
    layout = laid_out(tmp_path)
    assert layout.reserve == tmp_path / "ledger.reserve"


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    files = Files()
    for fd in (files.create(tmp_path / "new"), files.open(tmp_path / "other", create=True)):
        assert os.fstat(fd).st_mode & 0o777 == 0o600
        files.close(fd)
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "new")
    with pytest.raises(FileNotFoundError):
        files.open(tmp_path / "missing")


def test_short_writes_go_on_where_they_stopped(tmp_path: Path) -> None:
    files = Short(left=10)
    fd = files.create(tmp_path / "file")
    files.write_all(fd, b"abcdefg", 3)
    files.close(fd)
    assert (tmp_path / "file").read_bytes() == b"\0\0\0abcdefg"


def test_a_small_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "k"
    with pytest.raises(OSError, match="no space"):
        Short(left=1).put(path, b"wrapped")
    assert not path.exists()
    Files().put(path, b"wrapped")  # over what the first one left
    assert path.read_bytes() == b"wrapped"
    assert [one.name for one in path.parent.iterdir()] == ["k"]
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_put_anew_replaces_what_was_there(tmp_path: Path) -> None:
    for data in (b"first", b"2nd"):
        Files().put(tmp_path / "k", data)
    assert (tmp_path / "k").read_bytes() == b"2nd"


def test_to_forget_is_advice(tmp_path: Path) -> None:
    files = Files()
    fd = files.create(tmp_path / "file")
    files.write_all(fd, b"durable", 0)
    files.fdatasync(fd)
    files.forget(fd, 0, 0)
    assert (tmp_path / "file").read_bytes() == b"durable"
    files.close(fd)
    files.forget(fd, 0, 7)  # no descriptor any more: then nothing is forgotten, and nothing fails

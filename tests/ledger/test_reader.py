"""Reading a log's files: whole frames in order or one by one, while somebody else writes or replaces them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ledgerkit import BODY, KEYS, Snapshot, fill, flipped, open_log

from tidewaiter.errors import Tampered
from tidewaiter.ledger.entry import Body
from tidewaiter.ledger.reader import FolderSource, LogReader, Position
from tidewaiter.ledger.recover import MAX_SEGMENT_BYTES
from tidewaiter.ledger.seal import Unreadable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten entries in several segments, one of them with a body that is a file of its own."""
    with open_log(tmp_path / "l", segment_bytes=1024) as log:
        for _ in range(8):
            fill(log, 1)
            log.write()
        log.append("execution", b'"long":"' + b"x" * 6000 + b'"', BODY)
        log.append("execution", b'"big":true', Body(b"y" * (1 << 20)).encode())
    return tmp_path / "l"


def test_every_frame_is_where_the_one_before_ends_or_at_the_head_of_a_segment(folder: Path) -> None:
    reader = LogReader(folder)
    frames = list(reader.frames())
    assert len(frames) == 10
    assert len(reader_segments(folder)) > 2
    for number, stored in enumerate(frames):
        assert reader.at(stored.at) == stored
        assert [one.at for one in reader.frames(stored.at)] == [one.at for one in frames[number:]]
        assert [one.at for one in reader.frames(stored.after)] == [one.at for one in frames[number + 1 :]]
    reader.close()


def reader_segments(folder: Path) -> list[int]:
    return FolderSource.of(folder).segments()


def test_there_is_nothing_where_no_frame_begins(folder: Path) -> None:
    reader = LogReader(folder)
    last = list(reader.frames())[-1]
    assert reader.at(Position(999, 0)) is None
    assert reader.at(last.after) is None
    assert reader.at(Position(0, 3)) is None
    assert reader.at(Position(0, 1 << 30)) is None
    reader.close()


def test_a_frame_that_is_still_being_written_is_not_there_yet(folder: Path) -> None:
    whole = Snapshot.of(folder)
    frames = list(LogReader(folder).frames())
    last = frames[-1]
    name = f"segments/{last.at.segment:020d}"
    shutil.rmtree(folder)
    whole.changed(name, whole.files[name][:-1]).write(folder)
    reader = LogReader(folder)
    assert [one.at for one in reader.frames()] == [one.at for one in frames[:-1]]
    assert reader.at(last.at) is None
    reader.close()


def test_damage_is_told_with_its_place(folder: Path) -> None:
    whole = Snapshot.of(folder)
    name = "segments/" + "0" * 20
    shutil.rmtree(folder)
    whole.changed(name, flipped(whole.files[name], 40)).write(folder)
    reader = LogReader(folder)
    with pytest.raises(Tampered, match="at byte 0"):
        list(reader.frames())
    assert reader.at(Position(0, 0)) is None
    reader.close()


def test_a_segment_that_was_replaced_is_read_anew(folder: Path) -> None:
    reader = LogReader(folder)
    first = next(reader.frames())
    assert reader.at(first.at) == first
    whole = Snapshot.of(folder)
    shutil.rmtree(folder)
    assert reader.at(first.at) is None
    whole.write(folder)
    assert reader.at(first.at) == first
    reader.close()


def test_bodies_are_read_inline_and_from_files(folder: Path) -> None:
    reader = LogReader(folder, KEYS.kek)
    bodies = [reader.body(stored) for stored in reader.frames()]
    assert bodies == [Body(b"select 1")] * 9 + [Body(b"y" * (1 << 20))]
    with open_log(folder) as log:
        log.append("heartbeat", b"")
    assert reader.body(list(reader.frames())[-1]) is None


def test_bodies_are_unreadable_without_the_key_or_their_file(folder: Path) -> None:
    stored = list(LogReader(folder).frames())
    with pytest.raises(Unreadable, match="no key-encryption key"):
        LogReader(folder).body(stored[0])
    shutil.rmtree(folder / "blobs")
    with pytest.raises(Unreadable):
        LogReader(folder, KEYS.kek).body(stored[-1])
    shutil.rmtree(folder / "datakeys")
    with pytest.raises(Unreadable):
        LogReader(folder, KEYS.kek).body(stored[0])


def test_a_folder_gives_the_verifier_its_files(folder: Path) -> None:
    source, values = FolderSource.of(folder), Snapshot.of(folder)
    assert source.vkey() == values.vkey()
    assert source.checkpoints() == values.checkpoints()
    assert source.hashes_size() == values.hashes_size() > 64
    assert source.hashes(32, 32) == values.hashes(32, 32)
    assert source.hashes(0, 0) == b""
    assert source.segments() == values.segments()
    assert source.segment(0) == values.segment(0)
    (digest,) = source.blobs()
    assert source.blob(digest) == values.blob(digest)
    assert source.blob("0" * 64) is None
    assert source.datakeys() == values.datakeys()
    assert source.strangers() == []
    (folder / "notes.txt").write_text("not ours")
    assert source.strangers() == ["notes.txt"]


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    source = FolderSource.of(tmp_path)
    assert (source.vkey(), source.checkpoints(), source.hashes_size(), source.segments()) == (b"", b"", 0, [])
    assert list(LogReader(tmp_path).frames()) == []


def test_a_segment_longer_than_any_that_was_written_is_refused(folder: Path) -> None:
    with (folder / "segments" / ("0" * 20)).open("r+b") as file:
        file.truncate(MAX_SEGMENT_BYTES + 1)
    with pytest.raises(ValueError, match="longer than"):
        FolderSource.of(folder).segment(0)

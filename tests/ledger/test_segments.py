"""The end of the log that is written to: when a segment is full, and what is durable after a sync."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tidewaiter.ledger.files import Files, Layout
from tidewaiter.ledger.segments import CACHED_BYTES, FORGOTTEN_BYTES, RESERVE_BYTES, Reserve, Segments, is_full


class Noting(Files):
    """Notes, by name, what is made durable and what is closed; `fails` is the error of the next allocation."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.fails: OSError | None = None

    def fdatasync(self, fd: int) -> None:
        self.noted.append(f"sync {_name(fd)}")
        super().fdatasync(fd)

    def sync_folder(self, path: Path) -> None:
        self.noted.append(f"names {path.name}")
        super().sync_folder(path)

    def forget(self, fd: int, start: int, size: int) -> None:
        self.noted.append(f"forget {_name(fd)} from {start}, {size}")
        super().forget(fd, start, size)

    def close(self, fd: int) -> None:
        self.noted.append(f"close {_name(fd)}")
        super().close(fd)

    def allocate(self, fd: int, size: int) -> None:
        if self.fails is not None:
            raise self.fails
        super().allocate(fd, size)


def _name(fd: int) -> str:
    """The number of a segment's first entry, or the name of another file."""
    return Path(os.readlink(f"/proc/self/fd/{fd}")).name.lstrip("0") or "0"


def begun(folder: Path, limit_bytes: int = 8) -> tuple[Layout, Noting, Segments]:
    layout, files = Layout(folder / "ledger"), Noting()
    layout.segments.mkdir(parents=True)
    segments = Segments(layout, files, limit_bytes)
    segments.resume(None, 0)
    return layout, files, segments


def test_a_segment_takes_what_fits_and_the_next_one_begins_with_what_does_not(tmp_path: Path) -> None:
    layout, _, segments = begun(tmp_path)
    for first, frame in enumerate((b"aaaa", b"bbbb", b"c", b"longer than a segment", b"d")):
        segments.write(frame, first)
    segments.close()
    found = {first: layout.segment(first).read_bytes() for first in layout.segment_firsts()}
    assert found == {0: b"aaaabbbb", 2: b"c", 3: b"longer than a segment", 4: b"d"}


def test_a_sync_makes_full_segments_durable_too_and_names_once(tmp_path: Path) -> None:
    _, files, segments = begun(tmp_path)
    for first in range(3):
        segments.write(b"12345", first)
    segments.sync()
    assert files.noted == [
        "sync 0", "forget 0 from 0, 0", "sync 1", "forget 1 from 0, 0", "sync 2", "names segments", "close 0",
        "close 1",
    ]  # fmt: skip
    files.noted.clear()
    segments.write(b"678", 3)
    segments.sync()
    assert files.noted == ["sync 2"]
    segments.close()


def test_only_the_durable_end_stays_in_memory(tmp_path: Path) -> None:
    layout, files, segments = begun(tmp_path, 4 * CACHED_BYTES)
    piece = bytes(FORGOTTEN_BYTES - 1)
    for at in range(CACHED_BYTES // len(piece) + 1):
        segments.write(piece, at)
    segments.sync()
    assert files.noted == ["sync 0", "names segments"], "less than a piece beyond what is kept"
    files.noted.clear()
    segments.write(piece, 10)
    segments.sync()
    end = layout.segment(0).stat().st_size - CACHED_BYTES
    assert files.noted == ["sync 0", f"forget 0 from 0, {end}"]
    files.noted.clear()
    segments.write(piece * 2, 11)
    segments.sync()
    assert files.noted == ["sync 0", f"forget 0 from {end}, {2 * len(piece)}"], "each piece once"
    segments.close()
    assert set(layout.segment(0).read_bytes()) == {0}, "and it is read as it was written"


def test_a_new_segment_is_kept_from_its_beginning(tmp_path: Path) -> None:
    _, files, segments = begun(tmp_path, 2 * CACHED_BYTES)
    for first in range(2):
        segments.write(bytes(2 * CACHED_BYTES), first)
        segments.sync()
    half = f"from 0, {CACHED_BYTES}"
    assert files.noted == [
        "sync 0", f"forget 0 {half}", "names segments", "sync 0", "forget 0 from 0, 0", "sync 1", f"forget 1 {half}",
        "names segments", "close 0",
    ]  # fmt: skip
    segments.close()


def test_writing_goes_on_at_the_byte_where_the_log_ends(tmp_path: Path) -> None:
    layout, files, segments = begun(tmp_path)
    segments.write(b"whole+half", 0)
    segments.close()
    again = Segments(layout, files, 20)
    again.resume(0, len(b"whole"))
    again.write(b"-next", 1)
    again.close()
    assert layout.segment(0).read_bytes() == b"whole-next"


def test_nothing_is_left_open(tmp_path: Path) -> None:
    _, files, segments = begun(tmp_path)
    segments.write(b"12345678", 0)
    segments.write(b"12345678", 1)
    segments.close()
    assert files.noted == ["close 0", "close 1"]
    segments.close()
    assert len(files.noted) == 2, "a number that is another file's by now is not closed"


def test_the_reserve_keeps_space_and_gives_it_back(tmp_path: Path) -> None:
    layout, files, _ = begun(tmp_path)
    reserve = Reserve(layout, files)
    assert reserve.fill()
    assert layout.reserve.stat().st_size == RESERVE_BYTES
    assert layout.reserve.stat().st_blocks * 512 >= RESERVE_BYTES, "space, not only a size"
    reserve.release()
    assert not layout.reserve.exists()
    reserve.release()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_no_reserve(tmp_path: Path, number: int) -> None:
    layout, files, _ = begun(tmp_path)
    files.fails = OSError(number, "full")
    assert not Reserve(layout, files).fill()
    assert not layout.reserve.exists()


def test_another_failure_is_told(tmp_path: Path) -> None:
    layout, files, _ = begun(tmp_path)
    files.fails = OSError(errno.EIO, "broken")
    with pytest.raises(OSError, match="broken"):
        Reserve(layout, files).fill()
    assert not is_full(files.fails)
    assert not is_full(None)


def test_an_empty_segment_takes_even_what_is_longer_than_segments_are(tmp_path: Path) -> None:
    layout, _, segments = begun(tmp_path)
    layout.segment(0).touch()
    segments.resume(0, 0)
    segments.write(b"longer than a segment", 0)
    segments.close()
    assert layout.segment(0).read_bytes() == b"longer than a segment"

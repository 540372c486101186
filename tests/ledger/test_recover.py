"""Recovery: the normal way in. Cuts only what no checkpoint vouches for; refuses everything else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ledgerkit import BODY, KEYS, ORIGIN, OTHER, QuickFiles, Snapshot, entries, fill, flipped, headers, open_log, sound

from tidewaiter.errors import Tampered
from tidewaiter.ledger.entry import frame, read_frame
from tidewaiter.ledger.files import Layout
from tidewaiter.ledger.note import Checkpoint, Signer
from tidewaiter.ledger.recover import MAX_SEGMENT_BYTES, Recovered, recover

FIRST = "segments/" + "0" * 20


def recovered(folder: Path) -> Recovered:
    return recover(Layout(folder), QuickFiles(), KEYS.verifier)


def crashed(folder: Path, checkpointed: int = 4, more: int = 3, segment_bytes: int = 1 << 20) -> Snapshot:
    """Files of a log whose writer died: entries under a checkpoint, and more that were written only."""
    log = open_log(folder / "crashed", segment_bytes=segment_bytes)
    for number in range(checkpointed + more):
        if number == checkpointed:
            log.checkpoint()
        fill(log, 1, BODY if number % 3 == 2 else None)
        log.write()
    if not more:
        log.checkpoint()
    files = Snapshot.of(folder / "crashed")
    log._release()
    return files


def frame_ends(raw: bytes) -> list[int]:
    ends = [0]
    while ends[-1] < len(raw):
        ends.append(read_frame(raw, ends[-1])[2])
    return ends


def test_log_cut_at_every_byte_recovers_beyond_the_checkpoint_and_is_refused_below(tmp_path: Path) -> None:
    files = crashed(tmp_path)
    raw = files.files[FIRST]
    ends = frame_ends(raw)
    assert len(ends) == 8
    folder = files.write(tmp_path / "cut")
    before = headers(folder)
    for cut in range(len(raw)):
        (folder / FIRST).write_bytes(raw[:cut])
        if cut < ends[4]:
            with pytest.raises(Tampered):
                recovered(folder)
            assert (folder / FIRST).read_bytes() == raw[:cut], "what is refused is not changed"
            continue
        found = recovered(folder)
        whole = sum(end <= cut for end in ends) - 1
        assert (found.size, found.checkpointed, found.dropped_bytes) == (whole, 4, cut - ends[whole])
        assert headers(folder) == before[:whole]
        assert sound(folder).entries == whole


def test_every_flipped_byte_is_refused_below_the_checkpoint_and_ends_the_log_beyond(tmp_path: Path) -> None:
    files = crashed(tmp_path, 2, 2)
    raw = files.files[FIRST]
    ends = frame_ends(raw)
    folder = files.write(tmp_path / "flip")
    for at in range(len(raw)):
        (folder / FIRST).write_bytes(flipped(raw, at))
        if at < ends[2]:
            with pytest.raises(Tampered):
                recovered(folder)
        else:
            assert recovered(folder).size == (2 if at < ends[3] else 3)
            sound(folder)


def test_clean_log_is_not_rewritten(tmp_path: Path) -> None:
    class Counting(QuickFiles):
        written = 0

        def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
            self.written += len(data)
            return super().write(fd, data, at)

    folder = crashed(tmp_path, 5, 0).write(tmp_path / "l")
    counting = Counting()
    assert recover(Layout(folder), counting, KEYS.verifier).size == 5
    assert counting.written == 0


def test_unsettled_entries_are_written_once_more(tmp_path: Path) -> None:
    class Recording(QuickFiles):
        seen: list[tuple[int, bytes]]

        def write(self, fd: int, data: bytes | memoryview, at: int) -> int:
            self.seen.append((at, bytes(data)))
            return super().write(fd, data, at)

    files = crashed(tmp_path, 4, 3)
    raw = files.files[FIRST]
    start = frame_ends(raw)[4]
    recording = Recording()
    recording.seen = []
    recover(Layout(files.write(tmp_path / "l")), recording, KEYS.verifier)
    assert recording.seen == [(start, raw[start:])]


def test_cut_entries_are_counted_in_the_next_start(tmp_path: Path) -> None:
    files = crashed(tmp_path)
    folder = files.changed(FIRST, files.files[FIRST][:-3]).write(tmp_path / "l")
    with open_log(folder, announce=False):
        pass
    start = entries(folder)[-1]
    assert start.kind == "log.start"
    assert start.fields["dropped_bytes"] > 0
    sound(folder)


# --- segments ----------------------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Snapshot:
    """A crashed log of several segments, most of them beyond the checkpoint."""
    files = crashed(tmp_path, 9, 12, segment_bytes=600)
    assert len(files.segments()) >= 6
    return files


def test_hole_beyond_the_checkpoint_ends_the_log(many: Snapshot, tmp_path: Path) -> None:
    for first in many.segments():
        name = f"segments/{first:020d}"
        for damaged in (None, b"", many.files[name][:-1]):
            folder = many.changed(name, damaged).write(tmp_path / f"{first}-{damaged is None}-{len(damaged or b'')}")
            held = frame_ends(many.files[name])
            if first + len(held) - 1 < 9:
                continue  # below what recovery reads: for verify to find
            if first < 9:
                with pytest.raises(Tampered):
                    recovered(folder)
                continue
            found = recovered(folder)
            kept = 0 if not damaged else len(held) - 2
            drops = bool(damaged) or first != many.segments()[-1]
            assert (found.size, found.dropped_bytes > 0) == (first + kept, drops)
            assert found.size == sound(folder).entries


def test_recovered_log_of_many_segments_goes_on(many: Snapshot, tmp_path: Path) -> None:
    last = f"segments/{many.segments()[-2]:020d}"
    folder = many.changed(last, many.files[last][:-1]).write(tmp_path / "l")
    with open_log(folder, segment_bytes=600) as log:
        fill(log, 10)
    sound(folder)


def test_missing_first_segment_is_refused(many: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(Tampered, match="begins with entry"):
        recovered(many.changed(FIRST, None).write(tmp_path / "l"))


def test_overlapping_segments_are_refused(many: Snapshot, tmp_path: Path) -> None:
    last = f"segments/{many.segments()[-1]:020d}"
    moved = f"segments/{many.segments()[-1] - 1:020d}"
    with pytest.raises(Tampered, match="should begin with"):
        recovered(many.changed(last, None).changed(moved, many.files[last]).write(tmp_path / "l"))


def test_segment_longer_than_any_is_refused(tmp_path: Path) -> None:
    folder = crashed(tmp_path).write(tmp_path / "l")
    with (folder / FIRST).open("r+b") as file:
        file.truncate(MAX_SEGMENT_BYTES + 1)
    with pytest.raises(Tampered, match="longer than"):
        recovered(folder)


# --- whole frames with a wrong meaning ---------------------------------------------------------------------------


def rewritten(files: Snapshot, change: int, header: bytes, ciphertext: bytes | None = None) -> Snapshot:
    """The log with one frame's header replaced, checksums right."""
    raw = files.files[FIRST]
    ends = frame_ends(raw)
    _, old, _ = read_frame(raw, ends[change])
    new = frame(header, old if ciphertext is None else ciphertext)
    return files.changed(FIRST, raw[: ends[change]] + new + raw[ends[change + 1] :])


def header_of(files: Snapshot, number: int) -> bytes:
    raw = files.files[FIRST]
    return read_frame(raw, frame_ends(raw)[number])[0]


def test_checkpointed_entry_with_a_right_checksum_is_refused(tmp_path: Path) -> None:
    files = crashed(tmp_path)
    changed = header_of(files, 1).replace(b'"allow"', b'"deny!"')
    with pytest.raises(Tampered, match="entry 1 is not the one that was checkpointed"):
        recovered(rewritten(files, 1, changed).write(tmp_path / "l"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"seq":5', b'"seq":6', "not where it was written"),
        (b'"t_ns":1', b'"t_ns":0', "entry 5"),
        (b'"t_ns":17', b'"t_ns":16', "not where it was written"),
        (b'"v":1', b'"v":9', "version"),
        (b'"ct":"', b'"ct":"0', "body"),
    ],
)
def test_whole_frame_with_a_wrong_meaning_is_refused_not_cut(
    tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    files = crashed(tmp_path)
    with pytest.raises(Tampered, match=message):
        recovered(rewritten(files, 5, header_of(files, 5).replace(old, new)).write(tmp_path / "l"))


def test_body_that_is_not_the_headers_is_refused(tmp_path: Path) -> None:
    files = crashed(tmp_path)
    with pytest.raises(Tampered, match="body is not the one"):
        recovered(rewritten(files, 5, header_of(files, 5), b"other").write(tmp_path / "l"))


# --- checkpoints and hashes --------------------------------------------------------------------------------------


def test_unfinished_checkpoint_is_cut_and_made_again(tmp_path: Path) -> None:
    files = crashed(tmp_path, 4, 0)
    log = open_log(files.write(tmp_path / "l"))
    fill(log, 1)
    log.checkpoint()
    log._release()
    files = Snapshot.of(tmp_path / "l")
    raw = files.files["checkpoints"]
    one = raw.index("— ".encode())
    first = raw.index(b"\n\n", one) + 2
    folder = files.write(tmp_path / "cut")
    for cut in range(first, len(raw)):
        files.write(folder)
        (folder / "checkpoints").write_bytes(raw[:cut])
        found = recovered(folder)
        assert (found.checkpointed, found.checkpoints_end, found.size) == (4, first, 5)
        assert sound(folder).checkpoints == 1


def test_every_flipped_byte_of_the_last_checkpoint_is_refused(tmp_path: Path) -> None:
    files = crashed(tmp_path)
    raw = files.files["checkpoints"]
    folder = files.write(tmp_path / "l")
    for at in range(len(raw)):
        (folder / "checkpoints").write_bytes(flipped(raw, at))
        with pytest.raises(Tampered):
            recovered(folder)


@pytest.mark.parametrize(
    ("signer", "message"),
    [(Signer.make("other.example", bytes(32)), "of other.example"), (OTHER.signer, "not signed by")],
)
def test_checkpoint_of_another_log_or_key_is_refused(tmp_path: Path, signer: Signer, message: str) -> None:
    files = crashed(tmp_path)
    note = signer.sign(Checkpoint(signer.name, 4, bytes(32)).text()) + b"\n"
    with pytest.raises(Tampered, match=message):
        recovered(files.changed("checkpoints", note).write(tmp_path / "l"))


def test_checkpoint_beyond_the_entries_is_refused(tmp_path: Path) -> None:
    files = crashed(tmp_path)
    note = KEYS.signer.sign(Checkpoint(ORIGIN, 400, bytes(32)).text()) + b"\n"
    with pytest.raises(Tampered, match="only 7 are there"):
        recovered(files.changed("checkpoints", note).write(tmp_path / "l"))


def test_root_that_the_stored_hashes_do_not_give_is_refused(tmp_path: Path) -> None:
    files = crashed(tmp_path)
    note = KEYS.signer.sign(Checkpoint(ORIGIN, 4, bytes(32)).text()) + b"\n"
    with pytest.raises(Tampered, match="do not give"):
        recovered(files.changed("checkpoints", note).write(tmp_path / "l"))


def test_only_the_last_of_many_checkpoints_is_read(tmp_path: Path) -> None:
    log = open_log(tmp_path / "l")
    for _ in range(1500):
        fill(log, 1, None)
        log.checkpoint()
    log.close()
    assert (tmp_path / "l" / "checkpoints").stat().st_size > 256 << 10
    assert recovered(tmp_path / "l").checkpointed == 1500
    with (tmp_path / "l" / "checkpoints").open("ab") as file:
        file.write(b"x" * (300 << 10))
    with pytest.raises(Tampered, match="neither a checkpoint"):
        recovered(tmp_path / "l")


@pytest.mark.parametrize("size", [0, 32, 100])
def test_stored_hashes_are_made_again_from_the_entries(many: Snapshot, tmp_path: Path, size: int) -> None:
    hashes = many.files["hashes"]
    folder = many.changed("hashes", hashes[:size]).write(tmp_path / "l")
    assert recovered(folder).size == 21
    assert (folder / "hashes").read_bytes() == hashes
    sound(folder)


def test_stored_hashes_are_not_made_from_damaged_or_missing_entries(many: Snapshot, tmp_path: Path) -> None:
    short = many.changed("hashes", b"")
    second = f"segments/{many.segments()[1]:020d}"
    with pytest.raises(Tampered, match="in segment"):
        recovered(short.changed(second, flipped(many.files[second], 30)).write(tmp_path / "a"))
    folder = short.write(tmp_path / "b")
    shutil.rmtree(folder / "segments")
    (folder / "segments").mkdir()
    with pytest.raises(Tampered, match="only 0 are there"):
        recovered(folder)


def test_hashes_beyond_the_checkpoint_are_cut(tmp_path: Path) -> None:
    files = crashed(tmp_path)
    hashes = files.files["hashes"]
    folder = files.changed("hashes", hashes + b"x" * 77).write(tmp_path / "l")
    recovered(folder)
    assert (folder / "hashes").read_bytes() == hashes

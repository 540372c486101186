"""The verifier finds every change, and says what is no damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from ledgerkit import BODY, KEYS, ORIGIN, OTHER, Clock, Snapshot, fill, flipped, open_log

from tidewaiter.ledger import verify as verify_module
from tidewaiter.ledger.entry import Body, frame, read_frame
from tidewaiter.ledger.note import Checkpoint, Signer, Verifier
from tidewaiter.ledger.tree import Tree, leaf_hash
from tidewaiter.ledger.verify import Problem, Verification, verify

FIRST = "segments/" + "0" * 20


def write_log(folder: Path) -> Snapshot:
    """Eleven entries in several segments, two checkpoints, one blob, two days; the last two entries only written."""
    clock = Clock()
    log = open_log(folder, clock=clock, segment_bytes=900)
    fill(log, 4)
    log.checkpoint()
    log.append("execution", b'"verdict":"allow"', Body(b"x" * 66_000).encode())
    clock.at_ns += 86_400 * 10**9
    fill(log, 4)
    log.checkpoint()
    fill(log, 2)
    log.write()
    files = Snapshot.of(folder)
    log._release()
    return files


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return write_log(tmp_path_factory.mktemp("log"))


def check(source: Snapshot, key: Verifier | None = KEYS.verifier, against: bytes | None = None) -> Verification:
    return verify(source, key=key, against=against)


def where(found: Verification) -> str:
    return " | ".join(f"{problem.where}: {problem.what}" for problem in found.problems)


def test_whole_log_is_sound(files: Snapshot) -> None:
    seen: list[int] = []
    found = verify(files, key=KEYS.verifier, progress=seen.append)
    assert found.ok
    assert (found.origin, found.entries, found.checkpointed, found.checkpoints) == (ORIGIN, 11, 9, 2)
    assert found.notes == ["2 entries are not yet checkpointed"]
    assert seen[-1] == 11
    assert seen == sorted(seen)


def test_every_flipped_bit_of_every_file_is_found(files: Snapshot) -> None:
    for name, raw in files.files.items():
        for at in range(0, len(raw), 1 if len(raw) < 10_000 else 997):
            assert not check(files.changed(name, flipped(raw, at))).ok, (name, at)


def test_flipped_bits_are_found_without_a_given_key(files: Snapshot) -> None:
    for name, raw in files.files.items():
        for at in range(0, len(raw), 1 + len(raw) // 50):
            assert not check(files.changed(name, flipped(raw, at)), key=None).ok, (name, at)


def test_every_missing_file_is_found_or_told(files: Snapshot) -> None:
    for name in files.files:
        found = check(files.changed(name, None))
        if name == "checkpoints":
            assert where(found) == "checkpoints: entries of 86400 s are under none: checkpoints were taken away"
        elif name.startswith("datakeys/"):
            assert any("was shredded: " in note for note in found.notes)
        elif name == f"segments/{files.segments()[-1]:020d}":
            assert found.entries < 11
        else:
            assert not found.ok, name


@pytest.mark.parametrize(("late_s", "is_sound"), [(300, True), (301, False)])
def test_a_long_time_without_a_checkpoint_is_found(tmp_path: Path, late_s: int, is_sound: bool) -> None:
    clock = Clock()
    log = open_log(tmp_path, clock=clock)
    fill(log, 3)
    log.checkpoint()
    fill(log, 1)
    clock.at_ns += late_s * 10**9 - 1
    fill(log, 1)
    log.write()
    found = check(Snapshot.of(tmp_path))
    log._release()
    assert (found.ok, found.notes) == (is_sound, ["2 entries are not yet checkpointed"])


def test_every_cut_tail_is_found_below_the_checkpoint_and_told_beyond(files: Snapshot) -> None:
    for first in files.segments():
        name = f"segments/{first:020d}"
        raw = files.files[name]
        for cut in range(len(raw)):
            found = check(files.changed(name, raw[:cut]))
            if first < 9:
                assert not found.ok, (name, cut)
            elif found.ok:
                assert found.entries >= 9
    assert files.segments()[-1] >= 9


@pytest.mark.parametrize("name", ["checkpoints", "hashes"])
def test_cut_derived_file_is_found_or_is_unfinished(files: Snapshot, name: str) -> None:
    raw = files.files[name]
    for cut in range(1, len(raw)):
        found = check(files.changed(name, raw[:cut]))
        if name == "hashes":
            assert not found.ok
        else:
            assert found.checkpoints < 2 or cut == len(raw)
            assert not found.ok or found.checkpoints == 1 or "unfinished" in str(found.notes)


def frames_of(files: Snapshot, name: str = FIRST) -> list[bytes]:
    raw, found, at = files.files[name], [], 0
    while at < len(raw):
        _, _, end = read_frame(raw, at)
        found.append(raw[at:end])
        at = end
    return found


def test_swapped_doubled_and_dropped_entries_are_found(files: Snapshot) -> None:
    frames = frames_of(files)
    assert len(frames) >= 2
    for changed in (frames[::-1], [frames[0], *frames], frames[1:], frames[:-1]):
        assert not check(files.changed(FIRST, b"".join(changed))).ok


def test_swapped_segments_are_found(files: Snapshot) -> None:
    one, two = (f"segments/{first:020d}" for first in files.segments()[:2])
    swapped = files.changed(one, files.files[two]).changed(two, files.files[one])
    assert "calls itself entry" in where(check(swapped))


def test_entry_rewritten_with_right_checksums_is_found_by_root_and_hash(files: Snapshot) -> None:
    frames = frames_of(files)
    header, ciphertext, _ = read_frame(frames[1], 0)
    frames[1] = frame(header.replace(b'"allow"', b'"deny!"'), ciphertext)
    found = check(files.changed(FIRST, b"".join(frames)))
    assert "root is not that of the entries" in where(found)
    assert "stored hash 1 is not that" in where(found)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"session"', b'"verdict"', "not a strict header"),
        (b'"seq":1', b'"seq":2', "calls itself entry 2"),
        (b'"t_ns":1', b'"t_ns":0', "not a strict header"),
        (b'"t_ns":17', b'"t_ns":16', "before that of the entry before"),
        (b',"body":{', b',"nobody":{', "does not name"),
        (b'"n":14', b'"n":15', "missing or not the one"),
        (b'"n":14}', b'"n":66000,"at":"blob"}', "should be a blob"),
    ],
)
def test_wrong_meaning_is_named(files: Snapshot, old: bytes, new: bytes, message: str) -> None:
    frames = frames_of(files)
    header, ciphertext, _ = read_frame(frames[1], 0)
    assert old in header
    frames[1] = frame(header.replace(old, new), ciphertext)
    found = check(files.changed(FIRST, b"".join(frames)))
    assert message in where(found)
    assert any(problem.where == "entry 1" for problem in found.problems)


def test_damaged_and_missing_blobs_are_found(files: Snapshot) -> None:
    (name,) = (name for name in files.files if name.startswith("blobs/"))
    raw = files.files[name]
    for changed in (None, b"", raw[:-1], raw + b"x", flipped(raw, 60_000)):
        assert "the body of entry 4 is missing or not" in where(check(files.changed(name, changed)))


def test_shredded_day_still_verifies_and_is_told(files: Snapshot) -> None:
    first, _second = sorted(files.datakeys())
    found = check(files.changed(f"datakeys/{first}", None))
    assert found.ok
    assert f"data key {first} was shredded: 5 bodies cannot be read any more" in found.notes


# --- checkpoints -------------------------------------------------------------------------------------------------


def signed(size: int, root: bytes, signer: Signer = KEYS.signer, origin: str = ORIGIN) -> bytes:
    return signer.sign(Checkpoint(origin, size, root).text()) + b"\n"


def roots(files: Snapshot) -> list[bytes]:
    tree, found = Tree(), [Tree().root()]
    for first in files.segments():
        for raw in frames_of(files, f"segments/{first:020d}"):
            tree.extend([leaf_hash(read_frame(raw, 0)[0])])
            found.append(tree.root())
    return found


def test_checkpoints_that_say_something_else_are_found(files: Snapshot) -> None:
    root = roots(files)
    good = signed(4, root[4]) + signed(9, root[9])
    assert files.checkpoints() == good
    cases = {
        "root is not that": signed(4, root[5]) + signed(9, root[9]),
        "root is not that of the entries": signed(0, root[1]) + good,
        "does not grow": signed(9, root[9]) + signed(4, root[4]),
        "its size 9 does not grow from 9": good + signed(9, root[9]),
        "its size 0 does not grow from 4": signed(4, root[4]) + signed(0, root[0]),
        "only 11 entries can be read": good + signed(12, root[9]),
        "no good signature": signed(4, root[4], OTHER.signer) + signed(9, root[9]),
        "it is of the log other": signed(4, root[4], origin="other") + signed(9, root[9]),
        "damaged": good.replace(b"\n4\n", b"\n04\n"),
        "neither a checkpoint nor the start": good + b"a\n\nb",
    }
    for message, raw in cases.items():
        found = check(files.changed("checkpoints", raw))
        assert not found.ok, message
        assert message in where(found)
    assert check(files.changed("checkpoints", signed(0, root[0]) + good)).ok


def test_unfinished_checkpoint_is_a_note(files: Snapshot) -> None:
    found = check(files.changed("checkpoints", files.checkpoints() + b"test.exa"))
    assert found.ok
    assert "the last checkpoint is unfinished: its writing was interrupted" in found.notes


def test_log_made_anew_with_another_key_needs_trust_from_outside(tmp_path: Path) -> None:
    forged = write_log(tmp_path / "x")
    other = Snapshot({**forged.files, "log.vkey": f"{OTHER.verifier}\n".encode()})
    root = roots(forged)
    other = other.changed("checkpoints", signed(4, root[4], OTHER.signer) + signed(9, root[9], OTHER.signer))
    found = check(other, key=None)
    assert found.ok
    assert any(note.startswith("origin not checked") for note in found.notes)
    assert "not the given one" in where(check(other))
    assert "no good signature" in where(check(other))
    assert not check(other, key=None, against=signed(4, root[4])).ok


def test_older_checkpoint_vouches_for_what_it_covers(files: Snapshot) -> None:
    root = roots(files)
    for size in range(12):
        assert check(files, against=signed(size, root[size]).rstrip(b"\n")).ok
    found = check(files, key=None, against=signed(4, root[4]))
    assert found.ok
    assert "vouches" in found.notes[0]


def test_rolled_back_log_does_not_extend_the_older_checkpoint(files: Snapshot) -> None:
    root = roots(files)
    against = signed(9, root[9])
    old = files.changed("checkpoints", signed(4, root[4]))
    for first in files.segments():
        if first >= 4:
            old = old.changed(f"segments/{first:020d}", None)
    old = old.changed("hashes", files.files["hashes"][: 32 * 7])
    assert check(old).ok, "nothing inside the folder tells of the rest"
    assert "only 4 entries can be read" in where(check(old, against=against))
    assert "damaged" in where(check(files, against=b"nonsense"))
    assert "no good signature" in where(check(files, against=signed(9, root[9], OTHER.signer)))
    assert "root is not that" in where(check(files, against=signed(9, root[8])))


def test_missing_public_key_is_a_problem_and_a_given_key_still_counts(files: Snapshot) -> None:
    gone = files.changed("log.vkey", None)
    assert "missing or damaged" in where(check(gone, key=None))
    assert len(check(gone).problems) == 1
    spaced = files.changed("log.vkey", files.vkey() + b"\n")
    assert "missing or damaged" in where(check(spaced))


# --- notes -------------------------------------------------------------------------------------------------------


def test_unfinished_entry_at_the_end_is_a_note(files: Snapshot) -> None:
    last = f"segments/{files.segments()[-1]:020d}"
    found = check(files.changed(last, files.files[last] + frame(b"{}" * 50)[:-1]))
    assert found.ok
    assert any(note.startswith("entry 11 is unfinished") for note in found.notes)


def test_stored_hashes_ahead_of_the_checkpoint_must_be_right(files: Snapshot) -> None:
    tree = Tree.load(9, lambda at: files.files["hashes"][32 * at : 32 * at + 32])
    leaves = [leaf_hash(read_frame(raw, 0)[0]) for raw in frames_of(files, f"segments/{files.segments()[-1]:020d}")]
    more = b"".join(tree.extend(leaves[-2:]))
    hashes = files.files["hashes"]
    assert check(files.changed("hashes", hashes + more)).ok
    assert check(files.changed("hashes", hashes + more[:-7])).ok
    assert "is not that of the entries" in where(check(files.changed("hashes", hashes + flipped(more, 3))))
    assert "hashes of entries that are not there" in where(check(files.changed("hashes", hashes + more + b"x")))


def test_strangers_and_orphans_are_told(files: Snapshot) -> None:
    found = check(Snapshot({**files.files, f"blobs/aa/{'a' * 64}": b"orphan"}, ("notes.txt",)))
    assert found.ok
    assert found.notes[-2:] == [
        "1 blob is named by no entry: what would name it was never written",
        "notes.txt is not part of the log",
    ]


def test_open_intents_are_told_and_paired_by_session(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        for number in range(25):
            log.append("intent", b'"session":"s%d","verdict":"allow"' % number, BODY)
        log.append("intent", b'"session":"d","verdict":"deny"')
        for intent, session in ((0, b"s0"), (1, b"s1"), (2, b"other"), (99, b"s2")):
            log.append("outcome", b'"session":"%b","intent":%d,"status":"ok"' % (session, intent))
        log.append("outcome", b'"session":"s3","intent":[3]')
    found = check(Snapshot.of(tmp_path / "l"))
    assert found.ok
    (note,) = found.notes
    assert note.startswith("23 intents have no outcome: 2, 3, 4, ")
    assert note.endswith(" …")


def test_empty_folder_is_no_log() -> None:
    assert not check(Snapshot({})).ok


def test_problems_are_bounded_and_the_rest_is_counted(files: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "MOST_PROBLEMS", 2)
    found = Verification()
    for number in range(5):
        found.add("here", str(number))
    assert found.problems == [Problem("here", "0"), Problem("here", "1")]
    assert found.more_problems == 3


def test_segment_that_cannot_be_read_is_a_problem(files: Snapshot) -> None:
    class Huge(Snapshot):
        def segment(self, first: int) -> bytes:
            raise ValueError("it is longer than it may be")

    assert "longer than it may be" in where(check(Huge(files.files)))

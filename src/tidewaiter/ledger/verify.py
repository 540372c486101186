"""Is the log what was written? Everything is recomputed from the bytes alone. Pure: the bytes come from a `Source`.

Trust comes from outside: from the log's public key, or from an older checkpoint that somebody kept. Without either the
folder's own key is used, which finds damage but not a log that was made anew with another key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from tidewaiter.ledger.entry import Entry, Unfinished, decode, read_frame
from tidewaiter.ledger.note import Checkpoint, Note, Verifier, is_unfinished, split_notes
from tidewaiter.ledger.tree import HASH_BYTES, Tree, leaf_hash, stored_count

MOST_PROBLEMS = 1000  # listed; more are counted
MOST_LISTED = 20  # numbers named in one note
UNSIGNED_NS = (
    300 * 10**9
)  # no writer goes on for so long without a checkpoint: [ledger] checkpoint_s is a minute at most


class Source(Protocol):
    """The files of one log, see files.py. Read in this order, a log that is being written is seen consistently."""

    def vkey(self) -> bytes: ...
    def checkpoints(self) -> bytes: ...
    def hashes_size(self) -> int: ...
    def segments(self) -> Sequence[int]: ...
    def segment(self, first: int) -> bytes: ...
    def hashes(self, at: int, size: int) -> bytes: ...
    def blob(self, digest: str) -> bytes | None: ...
    def blobs(self) -> set[str]: ...
    def datakeys(self) -> Mapping[str, bytes]: ...
    def strangers(self) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written: where, and what."""

    where: str
    what: str


@dataclass(slots=True)
class Verification:
    """What was found. `notes` are facts worth knowing that are no damage."""

    origin: str = ""
    entries: int = 0
    checkpointed: int = 0
    checkpoints: int = 0
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def add(self, where: str, what: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(where, what))
        else:
            self.more_problems += 1


def verify(
    source: Source,
    *,
    key: Verifier | None = None,
    against: bytes | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Check a whole log.

    `key` is the public key that its checkpoints must be signed with; `against` an older checkpoint (a signed note) that
    it must extend; `progress` is told the number of entries read so far, once per segment. Never raises for bad bytes.
    """
    found = Verification()
    verifier = _verifier(source, key, found)
    targets = _checkpoints(source, verifier, found)
    if against is not None:
        _add_against(against, verifier, targets, found)
    if key is None:
        trust = "the older checkpoint vouches for it up to there" if against else "give --key or --against"
        found.notes.append(f"origin not checked: the key is the folder's own; {trust}")
    _Walk(source, targets, found).run(progress)
    return found


def _verifier(source: Source, key: Verifier | None, found: Verification) -> Verifier | None:
    own = None
    try:
        text = source.vkey().decode("ascii")
        own = Verifier.parse(text.removesuffix("\n"))
        if str(own) + "\n" != text:
            raise ValueError("not spelt as it was written")
    except ValueError as error:
        found.add("log.vkey", f"the log's public key is missing or damaged: {error}")
    if key is not None and own is not None and key != own:
        found.add("log.vkey", f"the log's key is {own}, not the given one")
    return key or own


@dataclass(frozen=True, slots=True)
class _Target:
    """A root that the entries must have at some size, and where that is said."""

    checkpoint: Checkpoint
    where: str


def _checkpoints(source: Source, verifier: Verifier | None, found: Verification) -> list[_Target]:
    """All checkpoints that parse, each checked for signature, origin and order."""
    notes, rest = split_notes(source.checkpoints())
    targets: list[_Target] = []
    for number, raw in enumerate(notes):
        where = f"checkpoint {number}"
        checkpoint = _checkpoint(raw, verifier, where, found)
        if checkpoint is None:
            continue
        if targets and checkpoint.size <= targets[-1].checkpoint.size:
            found.add(where, f"its size {checkpoint.size} does not grow from {targets[-1].checkpoint.size}")
        targets.append(_Target(checkpoint, f"{where} (size {checkpoint.size})"))
    if rest and not is_unfinished(rest):
        found.add("checkpoints", f"{len(rest)} bytes at the end are neither a checkpoint nor the start of one")
    elif rest:
        found.notes.append("the last checkpoint is unfinished: its writing was interrupted")
    found.checkpoints = len(notes)
    found.checkpointed = max((target.checkpoint.size for target in targets), default=0)
    found.origin = verifier.name if verifier else ""
    return targets


def _checkpoint(raw: bytes, verifier: Verifier | None, where: str, found: Verification) -> Checkpoint | None:
    try:
        note = Note.parse(raw)
        checkpoint = Checkpoint.parse(note.text)
    except ValueError as error:
        found.add(where, f"damaged: {error}")
        return None
    if verifier is not None:
        if checkpoint.origin != verifier.name:
            found.add(where, f"it is of the log {checkpoint.origin}, not of {verifier.name}")
        if not note.is_signed_by(verifier):
            found.add(where, "no good signature of the log's key")
    return checkpoint


def _add_against(raw: bytes, verifier: Verifier | None, targets: list[_Target], found: Verification) -> None:
    where = "the older checkpoint"
    checkpoint = _checkpoint(raw.rstrip(b"\n") + b"\n", verifier, where, found)
    if checkpoint is not None:
        targets.append(_Target(checkpoint, f"{where} (size {checkpoint.size})"))
        targets.sort(key=lambda target: target.checkpoint.size)


class _Walk:
    """Reads every frame once, in order, and compares what it gives with everything that was said of it."""

    def __init__(self, source: Source, targets: list[_Target], found: Verification) -> None:
        self._source = source
        self._targets = sorted(targets, key=lambda target: target.checkpoint.size, reverse=True)  # next one last
        self._found = found
        self._hashes_size = source.hashes_size()
        self._tree = Tree()
        self._leaves: list[bytes] = []
        self._stored: list[bytes] = []
        self._seq = 0
        self._t_ns = 0
        self._unsigned_ns = 0  # time of the first entry that no checkpoint covers
        self._is_whole = True  # every entry so far could be read
        self._open: dict[int, object] = {}  # intents without an outcome: those under way and those of crashes
        self._blobs: set[str] = set()
        self._deks: Counter[str] = Counter()

    def run(self, progress: Callable[[int], None] | None) -> None:
        self._compare_root()
        firsts = self._source.segments()
        for at, first in enumerate(firsts):
            if first != self._seq:
                self._found.add(f"segment {first:020d}", f"it should begin with entry {self._seq}: entries are missing")
                self._is_whole = False
                break
            if not self._segment(first, at + 1 == len(firsts)):
                self._is_whole = False
                break
            if progress:
                progress(self._seq)
        self._hash(final=True)
        self._found.entries = self._seq
        self._finish()

    def _segment(self, first: int, is_last: bool) -> bool:
        """Read one segment. False if it cannot be read to its end."""
        try:
            raw = self._source.segment(first)
        except ValueError as error:
            self._found.add(f"segment {first:020d}", str(error))
            return False
        place, end, look = 0, len(raw), self._look
        while place < end:
            try:
                header, ciphertext, place = read_frame(raw, place)
            except ValueError as error:
                return self._stopped(first, error, is_last)
            look(header, ciphertext)
        self._hash(final=False)
        return True

    def _stopped(self, first: int, error: ValueError, is_last: bool) -> bool:
        """Tell an entry that is still being written from damage."""
        if isinstance(error, Unfinished) and is_last and self._seq >= self._found.checkpointed:
            self._found.notes.append(
                f"entry {self._seq} is unfinished: it is being written, or its writing was cut off"
            )
            return True
        self._found.add(f"entry {self._seq} in segment {first:020d}", str(error))
        return False

    def _look(self, header: bytes, ciphertext: bytes) -> None:
        """One entry."""
        seq = self._seq
        try:
            entry = decode(header)
        except ValueError as error:
            self._found.add(f"entry {seq}", f"not a strict header: {error}")
        else:
            if entry.seq != seq:
                self._found.add(f"entry {seq}", f"it calls itself entry {entry.seq}")
            if entry.t_ns < self._t_ns:
                self._found.add(f"entry {seq}", "its time is before that of the entry before it")
            self._t_ns = max(self._t_ns, entry.t_ns)
            if seq == self._found.checkpointed:
                self._unsigned_ns = self._t_ns
            if entry.body is not None or ciphertext:
                self._look_at_body(entry, ciphertext, seq)
            self._pair(entry, seq)
        self._leaves.append(leaf_hash(header))
        self._seq = seq + 1
        if self._targets and self._targets[-1].checkpoint.size == self._seq:
            self._compare_root()

    def _look_at_body(self, entry: Entry, ciphertext: bytes, seq: int) -> None:
        ref = entry.body
        if ref is None:
            self._found.add(f"entry {seq}", f"{len(ciphertext)} bytes of a body that its header does not name")
            return
        self._deks[ref.dek] += 1
        where = f"entry {seq}"
        if ref.is_blob:
            if ciphertext:
                self._found.add(where, "bytes of a body that should be a blob")
            self._blobs.add(ref.ciphertext_sha256)
            ciphertext, where = self._source.blob(ref.ciphertext_sha256) or b"", f"blob {ref.ciphertext_sha256}"
        if len(ciphertext) != ref.ciphertext_bytes or sha256(ciphertext).hexdigest() != ref.ciphertext_sha256:
            self._found.add(where, f"the body of entry {seq} is missing or not the one that its header names")

    def _pair(self, entry: Entry, seq: int) -> None:
        """Keep account of statements that began and did not end."""
        if entry.kind == "intent":
            if entry.fields.get("verdict") == "allow":
                self._open[seq] = entry.fields.get("session")
        elif entry.kind == "outcome":
            intent = entry.fields.get("intent")
            if type(intent) is int and self._open.get(intent, self) == entry.fields.get("session"):
                del self._open[intent]

    def _grow(self) -> None:
        self._stored += self._tree.extend(self._leaves)
        self._leaves.clear()

    def _compare_root(self) -> None:
        """The tree has reached the size of the next checkpoint, or of several that claim the same."""
        self._grow()
        while self._targets and self._targets[-1].checkpoint.size == self._seq:
            target = self._targets.pop()
            if target.checkpoint.root != self._tree.root():
                self._found.add(target.where, "its root is not that of the entries")

    def _hash(self, final: bool) -> None:
        """Compare the stored hashes with those of the entries read since the last call."""
        self._grow()
        computed = b"".join(self._stored)
        at = stored_count(self._tree.size) * HASH_BYTES - len(computed)
        self._stored.clear()
        stored = self._source.hashes(at, max(0, min(len(computed), self._hashes_size - at)))
        if stored != computed[: len(stored)]:
            place = next(n for n in range(len(stored)) if stored[n] != computed[n])
            self._found.add("hashes", f"stored hash {(at + place) // HASH_BYTES} is not that of the entries")
        if final and self._is_whole and self._hashes_size > stored_count(self._tree.size) * HASH_BYTES:
            self._found.add("hashes", "there are hashes of entries that are not there")

    def _finish(self) -> None:
        found = self._found
        for target in reversed(self._targets):
            found.add(target.where, f"only {self._seq} entries can be read: the rest was cut off or damaged")
        if self._hashes_size < stored_count(found.checkpointed) * HASH_BYTES:
            found.add("hashes", "stored hashes of checkpointed entries are missing")
        if self._seq > found.checkpointed:
            young = _counted(self._seq - found.checkpointed, "entry is", "entries are")
            found.notes.append(f"{young} not yet checkpointed")
            if self._t_ns - self._unsigned_ns > UNSIGNED_NS:
                late_s = (self._t_ns - self._unsigned_ns) // 10**9
                found.add("checkpoints", f"entries of {late_s} s are under none: checkpoints were taken away")
        if self._open:
            listed = ", ".join(map(str, list(self._open)[:MOST_LISTED]))
            more = " …" if len(self._open) > MOST_LISTED else ""
            found.notes.append(f"{_counted(len(self._open), 'intent has', 'intents have')} no outcome: {listed}{more}")
        self._look_at_datakeys()
        unnamed = len(self._source.blobs() - self._blobs) if self._is_whole else 0
        if unnamed:
            blobs = _counted(unnamed, "blob is", "blobs are")
            found.notes.append(f"{blobs} named by no entry: what would name it was never written")
        found.notes.extend(f"{path} is not part of the log" for path in self._source.strangers())

    def _look_at_datakeys(self) -> None:
        there = self._source.datakeys()
        for name, raw in sorted(there.items()):
            told, _, digest = raw.rpartition(b" ")
            if digest != sha256(told).hexdigest().encode() + b"\n" or told.split(b" ")[1:2] != [name.encode()]:
                self._found.add(f"data key {name}", "damaged")
        for name, bodies in sorted(self._deks.items()):
            if name not in there:
                lost = _counted(bodies, "body", "bodies")
                self._found.notes.append(f"data key {name} was shredded: {lost} cannot be read any more")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"

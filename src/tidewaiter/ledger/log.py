"""The log's single writer: append, write, sync, checkpoint; and repair when the disk failed.

What is promised when:
- `append` returned: nothing yet, the entry has its number and stands in a bounded buffer;
- `write` returned: everything appended survives the death of this process (kill -9);
- `sync` returned n: entries below n survive the loss of power;
- `checkpoint` returned: they are under a signed root, and any later change to them is found.

One thread appends and writes; `sync`, `publish`, `stage`, `prepare` and `repair` may run in another thread meanwhile.
After a failed system call nothing is acknowledged any more: every call raises LedgerUnavailable until `repair`, which
goes through the same recovery as a start. No descriptor that saw an error is used again (a later fsync on it may lie).
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from tidewaiter.errors import ConfigError, LedgerBusy, LedgerUnavailable, Tampered
from tidewaiter.ledger.batch import Batch
from tidewaiter.ledger.checkpoints import Checkpoints, Draft
from tidewaiter.ledger.entry import MAX_HEADER_BYTES, MAX_INLINE_BYTES, SEAL_OVERHEAD_BYTES, Body, members, spill
from tidewaiter.ledger.files import Files, Layout
from tidewaiter.ledger.keys import DataKeys, Keys
from tidewaiter.ledger.recover import SEGMENT_BYTES, Recovered, recover
from tidewaiter.ledger.seal import BodyKey, RandomBytes, Sealed, Sealer
from tidewaiter.ledger.segments import Reserve, Segments, is_full
from tidewaiter.ledger.tree import leaf_hash
from tidewaiter.model import Receipt

if TYPE_CHECKING:
    import tidewaiter.ledger._crypto as _crypto

BUFFER_BYTES = 1 << 20  # appended and not yet written: beyond it append writes by itself
LEAVES = 256  # entries that are added to the tree together: 0.1 ms, 0.3 ms without C
INLINE_BYTES: Final = MAX_INLINE_BYTES - SEAL_OVERHEAD_BYTES  # a longer body becomes a file, sealed by itself
MEMBERS_BYTES: Final = MAX_HEADER_BYTES - 512  # the rest is for v, seq, t_ns, kind, t_src and body
AHEAD_NS: Final = 2 * 3600 * 10**9  # before a day begins, its data key is made: longer than between two heartbeats
_KIND = re.compile(r"[a-z][a-z0-9_.]{0,63}")


class State(Enum):
    """What a log takes: everything; closing entries only (disk full); nothing until repair; nothing any more."""

    OPEN = "open"
    FULL = "full"
    BROKEN = "broken"
    CLOSED = "closed"


_OPEN: Final = State.OPEN  # looked up once, not for each entry


class Staged(NamedTuple):
    """Members and body made ready for `append` by `stage`."""

    members: bytes
    body: Sealed


class Log:
    """One ledger folder, held by this process alone. The module says what each step promises."""

    def __init__(
        self,
        folder: Path,
        keys: Keys,
        clock_ns: Callable[[], int],
        files: Files,
        random_bytes: RandomBytes,
        segment_bytes: int,
    ) -> None:
        """Use `open`."""
        self._layout = Layout(folder)
        self._keys = keys
        self._clock_ns = clock_ns
        self._files = files
        datakeys = DataKeys(self._layout.datakeys, keys.kek, files, random_bytes)
        self._sealer = Sealer(datakeys.make, random_bytes)
        self._stager = Sealer(datakeys.make, random_bytes)  # stage runs in another thread: pool and key of its own
        self._segments = Segments(self._layout, files, segment_bytes)
        self._reserve = Reserve(self._layout, files)
        self.batch = Batch(None if clock_ns is time.time_ns else clock_ns)
        """What is appended and not written."""
        self._slow = threading.Lock()  # one sync, publish, stage, prepare or repair at a time
        self._turning = threading.Lock()  # a disk found full breaks in one thread while another finds it free again
        self._lock_fd = -1
        self._kinds: set[str] = set()  # that were found to be well-formed
        self._state = State.BROKEN
        self._cause: BaseException | None = None
        self._gap_reason = ""  # why a gap entry is due; empty when none is
        self._lost = 0
        self._repairs = 0

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        origin: str,
        keys: Keys,
        clock_ns: Callable[[], int],
        files: Files | None = None,
        random_bytes: RandomBytes = os.urandom,
        announce: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> Log:
        """Take the folder's lock, recover, and write a `log.start` entry.

        `clock_ns` gives Unix time in nanoseconds. Without `announce` the entry is written only if bytes were cut off.
        Raises LedgerBusy if another process holds the log, Tampered if what was checkpointed is not there any more,
        ConfigError if the keys are another log's, LedgerUnavailable on I/O errors.
        """
        if keys.origin != origin:
            raise ConfigError([f"the keys are those of log {keys.origin}, the configured origin is {origin}"])
        log = cls(folder, keys, clock_ns, files or Files(), random_bytes, segment_bytes)
        try:
            log._start(announce)
        except OSError as error:
            log._release()
            raise LedgerUnavailable(f"the ledger in {folder} cannot be opened: {error}") from error
        except BaseException:
            log._release()
            raise
        return log

    def _start(self, announce: bool) -> None:
        for folder in (self._layout.folder, self._layout.segments, self._layout.blobs, self._layout.datakeys):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        self._check_vkey()
        found = self._recover()
        self._state = State.OPEN if self._reserve.fill() else State.FULL
        if announce or found.dropped_bytes:
            told = {"origin": self.origin, "checkpoint": found.checkpointed, "dropped_bytes": found.dropped_bytes}
            self.append("log.start", members(told), closing=True)
            self.write()
            self.sync()

    def _take_lock(self) -> None:
        self._lock_fd = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LedgerBusy(f"another process writes the ledger in {self._layout.folder}") from None

    def _check_vkey(self) -> None:
        text = f"{self._keys.verifier}\n".encode()
        if not self._layout.vkey.exists():
            self._files.put(self._layout.vkey, text)
        elif self._layout.vkey.read_bytes() != text:
            raise Tampered(f"{self._layout.vkey} is not the public part of this log's signer key")

    def _recover(self) -> Recovered:
        """Find the end and go on from there. Everything found is durable."""
        found = recover(self._layout, self._files, self._keys.verifier)
        self._segments.resume(found.segment, found.segment_end)
        self.batch.reset(found.size, found.t_ns)
        self._written = self._durable = found.size
        self._checkpoints = Checkpoints(
            self._layout, self._files, self._keys.signer, found.checkpoint, found.checkpoints_end
        )
        self._tree = found.tree
        self._stored: list[bytes] = []
        self._leaves = [leaf_hash(header) for header in found.headers]  # joined, of one write each
        self._unhashed = len(self._leaves)
        return found

    # --- state ---------------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Entries appended."""
        return self.batch.size

    @property
    def written(self) -> int:
        """Entries that survive the death of this process."""
        return self._written

    @property
    def durable(self) -> int:
        """Entries that survive the loss of power."""
        return self._durable

    @property
    def checkpointed(self) -> int:
        """Entries under the last published checkpoint."""
        return self._checkpoints.size

    @property
    def state(self) -> State:
        return self._state

    @property
    def repairs(self) -> int:
        """How often it went through recovery after a failure, counted before it takes anything again: what was
        appended before and was not durable then may be lost, its number given to another entry."""
        return self._repairs

    @property
    def origin(self) -> str:
        return self._keys.origin

    @property
    def folder(self) -> Path:
        return self._layout.folder

    def _fail(self, error: BaseException) -> LedgerUnavailable:
        """Stop acknowledging. The first cause counts; what follows are its consequences."""
        with self._turning:
            if self._state in (State.OPEN, State.FULL):
                self._gap_reason = self._gap_reason or (str(error) if self._state is State.OPEN else "")
                self._cause, self._state = error, State.BROKEN
            self.batch.withdraw()
        return self._refusal()

    def _refusal(self) -> LedgerUnavailable:
        if self._state is State.FULL:
            return LedgerUnavailable("the ledger's disk is full")
        return LedgerUnavailable(f"the ledger is {self._state.value}: {self._cause or 'it was closed'}")

    # --- the appending thread ------------------------------------------------------------------------------------

    def append(self, kind: str, members: bytes, body: bytes | Sealed | None = None, closing: bool = False) -> Receipt:
        """Give an entry its number and time and buffer it.

        `members` are JSON members as `entry.members` makes them; they are not parsed here, so whoever formats them
        answers for their being strict JSON without our names. `body` is an encoded `entry.Body`, or what `stage` made.
        Members that pass MEMBERS_BYTES are spilled into the body, whole. A full disk still takes `closing` entries.
        Raises LedgerUnavailable, and ValueError if the members cannot be made to fit.
        """
        if self._state is not _OPEN and not (closing and self._state is State.FULL):
            raise self._refusal()
        batch = self.batch
        seq, t_ns, late = batch.size, self._clock_ns(), b""
        if t_ns < batch.t_ns:
            t_ns, late = batch.t_ns, b',"t_src":%d' % max(0, t_ns)
        if len(members) > MEMBERS_BYTES:
            members, body = _spill(members, body)
        if kind not in self._kinds:
            self._check_kind(kind)
        inline, fresh, payload, member = None, b"", b"", b""
        if isinstance(body, bytes) and len(body) <= INLINE_BYTES:
            inline, fresh = self._inline(t_ns)
            payload = body
        elif body is not None:
            sealed = self._seal(self._sealer, body, t_ns) if isinstance(body, bytes) else body
            member, ciphertext, blob = sealed
            payload = b"" if blob else ciphertext
        try:
            waiting = batch.add(seq, t_ns, kind, late, members, member, payload, inline, fresh)
        except (RuntimeError, MemoryError) as error:
            raise self._fail(error) from error
        if waiting > BUFFER_BYTES:
            self.write()
        return Receipt(seq)

    def _inline(self, t_ns: int) -> tuple[BodyKey | _crypto.Cipher, bytes]:
        """What a body is sealed with that stays in its segment: key, and nonce and salt."""
        sealer, batch = self._sealer, self.batch
        try:
            found = sealer.key(t_ns).inline, sealer.fresh()
            if batch.is_spent:  # entries may be appended past this, from C, as long as the log is open
                batch.grant(*sealer.lend(t_ns))
        except OSError as error:
            raise self._fail(error) from error
        if self._state is not _OPEN:  # full, or broken by the other thread meanwhile
            batch.withdraw()
        return found

    def _check_kind(self, kind: str) -> None:
        if not _KIND.fullmatch(kind):
            raise ValueError(f"{kind!r} cannot be an entry's kind")
        self._kinds.add(kind)  # bounded: kinds are constants of the program

    def _seal(self, sealer: Sealer, body: bytes, t_ns: int) -> Sealed:
        """Seal a body; if it is to be a blob, it is durable when this returns."""
        try:
            sealed = sealer.seal(body, t_ns)
            if sealed[2]:
                self._put_blob(sealed)
        except OSError as error:
            raise self._fail(error) from error
        return sealed

    def _put_blob(self, sealed: Sealed) -> None:
        _, ciphertext, name = sealed
        path = self._layout.blob(name)
        is_first = not path.parent.exists()
        self._files.put(path, ciphertext)
        if is_first:
            self._files.sync_folder(self._layout.blobs)

    def write(self) -> None:
        """Hand everything appended to the system: it survives kill -9. Raises LedgerUnavailable."""
        if self._state is not _OPEN and self._state in (State.BROKEN, State.CLOSED):
            raise self._refusal()
        written, size = self._written, self.batch.size
        if written == size:
            return
        try:
            frames, leaves = self.batch.take()
            self._segments.write(frames, written)
        except (OSError, MemoryError) as error:
            raise self._fail(error) from error
        self._leaves.append(leaves)
        self._unhashed += size - written
        self._written = size
        if self._unhashed >= LEAVES:
            self._hash()

    def _hash(self) -> None:
        """Add what was written to the tree."""
        self._stored.append(self._tree.append(b"".join(self._leaves)))
        self._leaves.clear()
        self._unhashed = 0

    def draft(self) -> Draft | None:
        """What `publish` needs to checkpoint everything appended; None if there is nothing new."""
        self.write()
        if self.size == self.checkpointed:
            return None
        self._hash()
        draft = Draft(self._tree.size, self._tree.root(), b"".join(self._stored))
        self._stored.clear()
        return draft

    # --- any one other thread ------------------------------------------------------------------------------------

    def stage(self, members: bytes, body: bytes) -> Staged:
        """Spill, seal and, for a blob, store a big body before `append`. Raises what `append` raises."""
        if self._state is not State.OPEN:
            raise self._refusal()
        if len(members) > MEMBERS_BYTES:
            members, body = _spill(members, body)
        with self._slow:
            return Staged(members, self._seal(self._stager, body, max(self.batch.t_ns, self._clock_ns())))

    def prepare(self) -> None:
        """Make the data key of today, or of tomorrow when that is near, if there is none, so that `append` need not
        wait for the disk when a day begins. Raises LedgerUnavailable."""
        with self._slow:
            if self._state is State.OPEN:
                try:
                    self._sealer.prepare(max(self.batch.t_ns, self._clock_ns()), AHEAD_NS)
                except OSError as error:
                    raise self._fail(error) from error

    def sync(self) -> int:
        """Make everything written durable; return how many entries are. Raises LedgerUnavailable."""
        with self._slow:
            return self._sync()

    def _sync(self) -> int:
        if self._state in (State.BROKEN, State.CLOSED):
            raise self._refusal()
        written = self._written
        if written > self._durable:
            try:
                self._segments.sync()
            except OSError as error:
                raise self._fail(error) from error
            self._durable = written
        return self._durable

    def publish(self, draft: Draft) -> None:
        """Make a draft's entries durable, then sign and store its checkpoint. Raises LedgerUnavailable and Tampered."""
        with self._slow:
            self._sync()
            try:
                self._checkpoints.publish(draft)
            except (OSError, Tampered) as error:
                refusal = self._fail(error)
                if isinstance(error, Tampered):
                    raise
                raise refusal from error

    def checkpoint(self) -> None:
        """Write, sync, and put everything appended under a signed root. For callers with one thread."""
        draft = self.draft()
        if draft:
            self.publish(draft)

    # --- failure and end -----------------------------------------------------------------------------------------

    def repair(self) -> bool:
        """Try to get back to work after a failure, through recovery; write a `gap` entry that counts what was lost.

        True if the log takes every entry again, False if the disk is still full and it takes closing entries only.
        Nothing may be appended meanwhile. Raises LedgerUnavailable if it is still broken, Tampered.
        """
        with self._slow:
            if self._state is State.BROKEN:
                try:
                    self._reopen()
                except (OSError, MemoryError, Tampered) as error:
                    self._cause, self._state = error, State.BROKEN
                    if isinstance(error, Tampered):
                        raise
                    raise self._refusal() from error
            elif self._state is State.FULL and self._reserve.fill():
                with self._turning:  # unless it broke meanwhile
                    self._state = State.OPEN if self._state is State.FULL else self._state
            return self._state is State.OPEN

    def _reopen(self) -> None:
        was_full = is_full(self._cause)
        appended = self.size
        self._segments.close()
        self._recover()
        self._lost += max(0, appended - self.size)
        if was_full:
            self._reserve.release()
        if self._gap_reason or self._lost:
            self._write_gap()
        self._repairs += 1
        self._state = State.OPEN if self._reserve.fill() else State.FULL

    def _write_gap(self) -> None:
        """One entry that says what was lost, durable. Until it is, it is written again, and is not counted as lost.

        Past `append`, as the other thread must not append beside it: the log is still broken.
        """
        now_ns, size, last_ns = self._clock_ns(), self.batch.size, self.batch.t_ns
        t_ns, late = max(now_ns, last_ns), b',"t_src":%d' % max(0, now_ns) if now_ns < last_ns else b""
        told = members({"reason": self._gap_reason or str(self._cause), "lost": self._lost})
        batch = Batch()
        batch.add(size, t_ns, "gap", late, told, b"", b"", None, b"")
        frames, leaves = batch.take()
        self._segments.write(frames, size)
        self._segments.sync()
        self._leaves.append(leaves)
        self._unhashed += 1
        self.batch.reset(size + 1, t_ns)
        self._written = self._durable = size + 1
        self._gap_reason, self._lost = "", 0

    def close(self) -> None:
        """Publish a last checkpoint if the log is sound; let go of the folder. Raises LedgerUnavailable, Tampered."""
        try:
            if self._state in (State.OPEN, State.FULL):
                self.checkpoint()
        finally:
            self._release()

    def _release(self) -> None:
        self._state = State.CLOSED
        self.batch.withdraw()
        self._segments.close()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _spill(told: bytes, body: bytes | Sealed | None) -> tuple[bytes, bytes]:
    """(members that fit into a header, encoded body with the whole members)."""
    if isinstance(body, tuple):
        raise ValueError("a staged body cannot take members that do not fit: stage them together")
    short, full = spill(told, MEMBERS_BYTES)
    plain = Body.decode(body) if body is not None else Body(b"")
    return short, plain._replace(members=full).encode()

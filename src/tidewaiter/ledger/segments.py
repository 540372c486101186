"""The segment files as the writer sees them: one end to append to, and what of it is not durable yet."""

from __future__ import annotations

import errno
import threading
from contextlib import suppress
from typing import Final

from tidewaiter.ledger.files import Files, Layout

RESERVE_BYTES: Final = 1 << 20  # about 4,000 session.end entries
HEADROOM_BYTES: Final = 4 << 20  # free beside it before a full disk counts as no longer full: no flapping
CACHED_BYTES: Final = 8 << 20
"""Of the last segment that stay in the system's memory for those who read along. What is older is durable and rarely
read: its memory takes the next entries, and what the database keeps in memory stays. New memory is dear, the more so in
virtual machines: a page of it has cost 13 µs here, and every fourth entry needs one."""
FORGOTTEN_BYTES: Final = 1 << 20  # are forgotten together
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Segments:
    """Appends bytes to the last segment and begins a new one when it is full.

    `write` belongs to one thread; `sync` may run in another at the same time. Both raise OSError, and after that only
    `close` makes sense.
    """

    def __init__(self, layout: Layout, files: Files, segment_bytes: int) -> None:
        self._layout = layout
        self._files = files
        self._write = files.write
        self._limit_bytes = segment_bytes
        self._fd = -1
        self._end = 0
        self._swap = threading.Lock()  # guards the three below between write and sync
        self._retired: list[int] = []
        self._is_new = False
        self._forgotten = 0  # bytes of the last segment, as its sync knows them

    def resume(self, first: int | None, end: int) -> None:
        """Go on in the segment that begins with entry `first`, at byte `end`; None for an empty log."""
        self._end = end
        if first is not None:
            self._fd = self._files.open(self._layout.segment(first))

    def write(self, data: bytes, first: int) -> None:
        """Append whole frames, the first of which is entry `first`: they survive the death of this process."""
        if self._fd < 0 or (self._end and self._end + len(data) > self._limit_bytes):
            fd = self._files.create(self._layout.segment(first))
            with self._swap:
                if self._fd >= 0:
                    self._retired.append(self._fd)
                self._fd, self._end, self._is_new = fd, 0, True
        done = self._write(self._fd, data, self._end)
        if done < len(data):
            self._files.write_rest(self._fd, data, self._end, done)
        self._end += len(data)

    def sync(self) -> None:
        """Everything written before this call is durable when it returns."""
        with self._swap:
            fd, end, retired, is_new = self._fd, self._end, list(self._retired), self._is_new
            self._is_new = False
        for other in retired:
            self._files.fdatasync(other)
            self._files.forget(other, 0, 0)
        if fd >= 0:
            self._files.fdatasync(fd)
            self._forget(fd, 0 if is_new else self._forgotten, end - CACHED_BYTES)
        if is_new:
            self._files.sync_folder(self._layout.segments)
        with self._swap:
            del self._retired[: len(retired)]
        for other in retired:
            self._files.close(other)

    def _forget(self, fd: int, start: int, end: int) -> None:
        """Forget durable bytes of the last segment, if they are worth a call."""
        self._forgotten = start
        if end - start >= FORGOTTEN_BYTES:
            self._files.forget(fd, start, end - start)
            self._forgotten = end

    def close(self) -> None:
        """Give up all descriptors, whatever state they are in."""
        with self._swap:
            fds, self._retired, self._fd = [*self._retired, self._fd], [], -1
        for fd in fds:
            if fd >= 0:
                with suppress(OSError):  # its state is unknown already, and whatever counts is read again
                    self._files.close(fd)


class Reserve:
    """A file that keeps disk space for closing entries, and gives it back when the disk is full."""

    def __init__(self, layout: Layout, files: Files) -> None:
        self._path = layout.reserve
        self._files = files

    def fill(self) -> bool:
        """Make sure that the space is kept. False if the disk does not have it. Raises OSError for other failures."""
        if self._path.exists() and self._path.stat().st_size == RESERVE_BYTES:
            return True
        fd = self._files.open(self._path, create=True)
        try:
            self._files.allocate(fd, RESERVE_BYTES + HEADROOM_BYTES)
            self._files.truncate(fd, RESERVE_BYTES)
        except OSError as error:
            self.release()
            if is_full(error):
                return False
            raise
        finally:
            self._files.close(fd)
        return True

    def release(self) -> None:
        """Give the space back to the disk."""
        self._files.unlink(self._path)


def is_full(error: BaseException | None) -> bool:
    """True if the error says that there is no disk space or quota left."""
    return isinstance(error, OSError) and error.errno in _FULL

"""One step that the gateway takes on the client's connection: what was asked, and what of the answer the client sees.

Pure but for the future that tells that the step ended. What the server sends meanwhile comes scanned, as frames and the
rows between them; asynchronous messages always pass.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER, Frame, length_at
from tidewaiter.wire.postgres_state import ASYNCHRONOUS

_SILENT: Final = frozenset(b"123nt")  # ParseComplete … NoData: they answer the gateway's own messages
_PASSING: Final = ASYNCHRONOUS | frozenset(b"TGH")  # RowDescription and the like say nothing of what was done
_BINARY_TRAILER: Final = b"\xff\xff"  # of COPY in binary: a count of fields that no row has; no text row is this either


class Sieve(Protocol):
    """What passes at once of rows and copy data (`take`) and of the CopyDone after them (`tell`)."""

    def take(self, data: bytes, start: int, stop: int) -> bytes: ...

    def tell(self, message: bytes) -> bytes: ...


class Through:
    """Everything passes."""

    def take(self, data: bytes, start: int, stop: int) -> bytes:
        return data[start:stop]

    def tell(self, message: bytes) -> bytes:
        return message


class Nothing:
    """Nothing passes."""

    def take(self, data: bytes, start: int, stop: int) -> bytes:
        return b""

    def tell(self, message: bytes) -> bytes:
        return b""


class First:
    """The first `limit` rows pass. `exceeded` is called when there is one more; from then on nothing passes."""

    def __init__(self, limit: int, exceeded: Callable[[], None]) -> None:
        self._left = limit
        self._exceeded = exceeded
        self._skip = 0  # bytes still to come of a row that passes
        self._held = b""
        self.is_exceeded = False

    def take(self, data: bytes, start: int, stop: int) -> bytes:
        if self.is_exceeded:
            return b""
        if self._held:
            data, start, stop = self._held + data[start:stop], 0, len(self._held) + stop - start
            self._held = b""
        at = start + self._skip
        while at < stop:
            if not self._left:
                size = length_at(data, at)
                if size == HEADER + 2 and at + size > stop:
                    self._held, stop = data[at:stop], at
                    break
                if data[at + HEADER : at + size] != _BINARY_TRAILER:
                    self.is_exceeded = True
                    self._exceeded()
                    return data[start:at]
            else:
                self._left -= 1
            at += length_at(data, at)
        self._skip = max(at - stop, 0)
        return data[start:stop]

    def tell(self, message: bytes) -> bytes:
        return b"" if self.is_exceeded else message


class Kept:
    """What `sieve` lets pass is kept until it is known whether the client may have it: `kept`, at most `limit` bytes.

    `overflowed` is called once when it is more.
    """

    def __init__(self, sieve: Sieve, limit: int, overflowed: Callable[[], None]) -> None:
        self._sieve = sieve
        self._room = limit
        self._overflowed = overflowed
        self._parts: list[bytes] = []

    @property
    def kept(self) -> bytes:
        return b"".join(self._parts)

    @property
    def has_overflowed(self) -> bool:
        return self._room < 0

    def take(self, data: bytes, start: int, stop: int) -> bytes:
        return self._keep(self._sieve.take(data, start, stop))

    def tell(self, message: bytes) -> bytes:
        return self._keep(self._sieve.tell(message))

    def _keep(self, part: bytes) -> bytes:
        if self._room >= 0:
            self._room -= len(part)
            if self._room >= 0:
                self._parts.append(part)
            else:
                self._parts.clear()
                self._overflowed()
        return b""


class Exchange:
    """One step. `answer` resolves with the message that ends it: the one of `ends` that comes as number `times`.

    An error ends it too, except where the end is ReadyForQuery, which follows: `error` has the first error.
    """

    __slots__ = ("_ends", "_sieve", "_tail", "_times", "answer", "error")

    def __init__(self, answer: Future[bytes], sieve: Sieve, ends: bytes, times: int = 1) -> None:
        self.answer = answer
        self.error = b""
        self._sieve = sieve
        self._ends = ends
        self._times = times
        self._tail = 0  # bytes still to come of an asynchronous message that is too long to be held whole

    def feed(self, data: bytes, frames: Sequence[Frame], end: int) -> bytes:
        """Take a scanned chunk; return what passes. Raises ProtocolViolation for an error too long to be held."""
        at = min(self._tail, end)
        self._tail -= at
        out = [data[:at]]
        for kind, start, stop in frames:
            if at < start:
                out.append(self._sieve.take(data, at, start))
            at = stop
            missing = length_at(data, start) - (stop - start)
            if missing and (kind not in ASYNCHRONOUS):
                raise ProtocolViolation("the server sent a message that is too long to be held back")
            self._tail = missing
            out.append(self._take(kind, data[start:stop]))
        if at < end:
            out.append(self._sieve.take(data, at, end))
        return b"".join(out)

    def _take(self, kind: int, message: bytes) -> bytes:
        if kind in _PASSING:
            return message
        if kind == postgres.ERROR_RESPONSE:
            self.error = self.error or message
            if postgres.READY_FOR_QUERY not in self._ends:
                self._end(message)
        elif kind in self._ends:
            self._times -= 1
            if not self._times:
                self._end(message)
        elif kind not in _SILENT:
            return self._sieve.tell(message)
        return b""

    def _end(self, message: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(message)


def first_columns(rows: bytes) -> Iterator[bytes]:
    """The first column of each DataRow among whole messages; NULL is empty."""
    at = 0
    while at < len(rows):
        after = at + length_at(rows, at)
        if rows[at] == postgres.DATA_ROW:
            yield postgres.parse_data_row(rows[at + HEADER : after])[0] or b""
        at = after

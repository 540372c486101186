"""Find message boundaries in PostgreSQL's byte streams without copying what only passes through.

Both scanners are fed whole chunks and answer with offsets. Rows and copy data are skipped over and may leave in pieces;
every other message is handed out whole, so that nothing of it leaves before it was looked at.
Format: https://www.postgresql.org/docs/current/protocol-overview.html (type byte, int32 length that counts itself).
"""

from __future__ import annotations

from typing import Final

from tidewaiter.errors import ProtocolViolation

HEADER: Final = 5
HOLD_BYTES: Final = 1 << 20  # a server's message that is not a row is held whole up to this; longer ones stream
SMALL_BYTES: Final = 1 << 16  # client messages that carry names only: nothing legitimate comes near

DATA_ROW: Final = 0x44  # 'D' from the server
COPY_DATA: Final = 0x64  # 'd' both ways
BIND: Final = 0x42
QUERY: Final = 0x51
PARSE: Final = 0x50
FUNCTION_CALL: Final = 0x46
STATEMENTS: Final = (QUERY, PARSE, FUNCTION_CALL)
CONTINUATION: Final = 0  # not a message: the next piece of one that is streaming

# B C D E F H P Q S X c d f: what a client may send after login
FRONTEND_TYPES: Final = frozenset(b"BCDEFHPQSXcdf")

Frame = tuple[int, int, int]
"""(type, start of the frame's type byte, end) as offsets into the data that `feed` returned."""

Piece = tuple[int, int, int, int]
"""(type or CONTINUATION, start, end, bytes of this message still to come)."""


def length_at(data: bytes, pos: int) -> int:
    """Length of the frame that starts at `pos`, type byte included. Raises ProtocolViolation below the minimum."""
    size = (data[pos + 1] << 24) | (data[pos + 2] << 16) | (data[pos + 3] << 8) | data[pos + 4]
    if size < 4 or size >= 0x40000000:
        raise ProtocolViolation(f"message {chr(data[pos])!r} announces an impossible length of {size} bytes")
    return size + 1


class BackendFrames:
    """Scan what a server sends. Rows and copy data pass in pieces; other messages are held until complete.

    `position` is the number of bytes that were released so far over the life of the connection.
    """

    __slots__ = ("_held", "_skip", "position")

    def __init__(self) -> None:
        self._held = b""
        self._skip = 0
        self.position = 0

    @property
    def is_between(self) -> bool:
        """Whether the next byte begins a message."""
        return not self._held and not self._skip

    def passed(self, size: int) -> None:
        """Note whole messages that passed without being scanned here."""
        self.position += size

    def feed(self, chunk: bytes) -> tuple[bytes, list[Frame], int]:
        """Take a chunk; return (data, frames, end): complete frames other than rows, and how much of data may leave.

        data[end:] is kept for the next call. Raises ProtocolViolation on impossible lengths.
        """
        data = self._held + chunk if self._held else chunk
        size = len(data)
        frames: list[Frame] = []
        pos = self._skip
        if pos >= size:
            self._skip = pos - size
            self._held = b""
            self.position += size
            return data, frames, size
        self._skip = 0
        while pos + HEADER <= size:
            kind = data[pos]
            after = pos + length_at(data, pos)
            if after > size:
                if kind != DATA_ROW and kind != COPY_DATA:
                    if size - pos < HOLD_BYTES:
                        break
                    frames.append((kind, pos, size))
                self._skip = after - size
                pos = size
                break
            if kind != DATA_ROW and kind != COPY_DATA:
                frames.append((kind, pos, after))
            pos = after
        self._held = data[pos:] if pos < size else b""
        self.position += pos
        return data, frames, pos


class FrontendFrames:
    """Scan what a client sends after login. Copy data passes in pieces, as do Binds over HOLD_BYTES.

    `statement_bytes` bounds Query, Parse and FunctionCall messages: those are held whole in memory.
    A longer one is handed out as its head (at least HOLD_BYTES or `statement_bytes`, whichever is less) with the rest
    as continuation, to be refused.
    """

    __slots__ = ("_held", "_need", "_skip", "_statement_bytes")

    def __init__(self, statement_bytes: int) -> None:
        self._statement_bytes = statement_bytes
        self._held = bytearray()
        self._need = 0
        self._skip = 0

    @property
    def is_between(self) -> bool:
        """Whether the next byte begins a message."""
        return not self._held and not self._skip

    @property
    def held_bytes(self) -> int:
        """Bytes of an incomplete message that wait in memory."""
        return len(self._held)

    def feed(self, chunk: bytes) -> tuple[bytes, list[Piece]]:
        """Take a chunk; return (data, pieces). Raises ProtocolViolation on unknown types and impossible lengths."""
        data = chunk
        if self._held:
            self._held += chunk
            if len(self._held) < self._need:
                return b"", []
            data = bytes(self._held)
            self._held = bytearray()
        self._need = 0
        size = len(data)
        pieces: list[Piece] = []
        pos = 0
        if self._skip:
            pos = min(self._skip, size)
            self._skip -= pos
            if pos:
                pieces.append((CONTINUATION, 0, pos, self._skip))
        while pos < size:
            after = self._piece(data, pos, size, pieces)
            if after < 0:
                self._held += data[pos:]
                break
            pos = after
        return data, pieces

    def _piece(self, data: bytes, pos: int, size: int, pieces: list[Piece]) -> int:
        """Add the frame at `pos` to `pieces`; return where the next begins, or -1 when more bytes are needed."""
        kind = data[pos]
        if kind not in FRONTEND_TYPES:
            raise ProtocolViolation(f"a client may not send message type {kind:#04x} here")
        if pos + HEADER > size:
            self._need = HEADER
            return -1
        length = length_at(data, pos)
        after = pos + length
        if after <= size and (length <= self._statement_bytes or kind not in STATEMENTS):
            if kind == COPY_DATA and pieces and pieces[-1][0] == COPY_DATA and pieces[-1][2] == pos:
                pieces[-1] = (COPY_DATA, pieces[-1][1], after, 0)
            else:
                pieces.append((kind, pos, after, 0))
            return after
        whole = self._whole_bytes(kind, length)
        if size - pos < whole:
            self._need = whole
            return -1
        if after <= size:  # all of it is there, and it is too long all the same
            pieces += ((kind, pos, pos + whole, length - whole), (CONTINUATION, pos + whole, after, 0))
            return after
        pieces.append((kind, pos, size, after - size))
        self._skip = after - size
        return size

    def _whole_bytes(self, kind: int, length: int) -> int:
        """How many bytes of a frame must be there before it is handed out."""
        if kind == COPY_DATA:
            return HEADER
        if kind == BIND:
            return min(length, HOLD_BYTES)
        if kind in STATEMENTS:
            return length if length <= self._statement_bytes else min(HOLD_BYTES, self._statement_bytes)
        if length > SMALL_BYTES:
            raise ProtocolViolation(f"message {chr(kind)!r} of {length} bytes is longer than any of its kind")
        return length

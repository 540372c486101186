"""What PostgreSQL messages are made of: strings, counts, values, and the frame around them, in both directions.

Readers take the bytes of a body and an offset, and raise ProtocolViolation when what they read does not fit; `message`
is the name of the message for the error. https://www.postgresql.org/docs/current/protocol-message-types.html
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from tidewaiter.errors import ProtocolViolation

Buffer = bytes | memoryview

COPY_DATA: Final = 0x64  # d
COPY_DONE: Final = 0x63  # c

NAME_BYTES: Final = 63
"""Of statement and portal names the server compares this many bytes (NAMEDATALEN - 1) and no more.

Parsers cut names there, so that two names which are one to the server are one to us. A server that was built with
another NAMEDATALEN says so in `show max_identifier_length`.
"""

SECRET_BYTES_MIN: Final = 4
SECRET_BYTES_MAX: Final = 256  # limits that the documentation of BackendKeyData gives for protocol 3.2

INT16 = struct.Struct("!h")
INT32 = struct.Struct("!i")
OID = struct.Struct("!I")
_UINT16 = struct.Struct("!H")
_FRAME = struct.Struct("!BI")


def text_end(body: bytes, start: int, message: str) -> int:
    """Offset of the NUL that ends the string which begins at `start`."""
    end = body.find(0, start)
    if end < 0:
        raise ProtocolViolation(f"{message}: a string has no terminating NUL")
    return end


def only_text(body: Buffer, message: str) -> bytes:
    """The one string that the whole body is, without its NUL."""
    text = bytes(body)
    if not text or text.find(0) != len(text) - 1:
        raise ProtocolViolation(f"{message}: expected one string that ends in the only NUL")
    return text[:-1]


def read_count(body: bytes, offset: int, message: str) -> int:
    """The unsigned 16-bit count at `offset`."""
    if offset + 2 > len(body):
        raise ProtocolViolation(f"{message}: ends where a count is expected")
    return (body[offset] << 8) | body[offset + 1]


def read_formats(body: bytes, offset: int, message: str) -> tuple[tuple[int, ...], int]:
    """A counted list of format codes, and the offset after it."""
    count = read_count(body, offset, message)
    end = offset + 2 + 2 * count
    if end > len(body):
        raise ProtocolViolation(f"{message}: {count} format codes do not fit")
    formats = tuple([INT16.unpack_from(body, at)[0] for at in range(offset + 2, end, 2)])
    for code in formats:
        if code != 0 and code != 1:
            raise ProtocolViolation(f"{message}: unsupported format code {code}")
    return formats, end


def read_values(body: bytes, offset: int, message: str) -> tuple[list[bytes | None], int]:
    """A counted list of values, None for NULL, and the offset after it."""
    count = read_count(body, offset, message)
    offset += 2
    values: list[bytes | None] = []
    size = len(body)
    for _ in range(count):
        if offset + 4 > size:
            raise ProtocolViolation(f"{message}: ends where the length of a value is expected")
        length: int = INT32.unpack_from(body, offset)[0]
        offset += 4
        if length == -1:
            values.append(None)
            continue
        if length < 0 or length > size - offset:
            raise ProtocolViolation(f"{message}: a value of {length} bytes does not fit")
        values.append(body[offset : offset + length])
        offset += length
    return values, offset


def read_parameters(body: bytes, offset: int, message: str) -> tuple[tuple[tuple[int, bytes | None], ...], int]:
    """Format codes, then values, as Bind and FunctionCall have them: (format, value) each, and the offset after."""
    formats, offset = read_formats(body, offset, message)
    values, offset = read_values(body, offset, message)
    if len(formats) > 1 and len(formats) != len(values):
        raise ProtocolViolation(f"{message}: {len(formats)} formats for {len(values)} values")
    if len(formats) > 1:
        return tuple(zip(formats, values, strict=True)), offset
    every = formats[0] if formats else 0
    return tuple([(every, value) for value in values]), offset


def frame(kind: int, body: bytes) -> bytes:
    """A whole message: type byte, length that counts itself, body."""
    return _FRAME.pack(kind, len(body) + 4) + body


def string(text: bytes) -> bytes:
    """A string with its NUL. Raises ValueError when the text contains one, which would end the string early."""
    if 0 in text:
        raise ValueError("a string inside a PostgreSQL message cannot contain NUL")
    return text + b"\0"


def pack_formats(codes: Sequence[int]) -> bytes:
    """A counted list of format codes. Raises struct.error beyond 65,535."""
    return _UINT16.pack(len(codes)) + b"".join([INT16.pack(code) for code in codes])


def pack_values(items: Sequence[bytes | None]) -> bytes:
    """A counted list of values, None for NULL. Raises struct.error beyond 65,535."""
    packed = [_UINT16.pack(len(items))]
    for value in items:
        if value is None:
            packed.append(b"\xff\xff\xff\xff")
        else:
            packed.append(INT32.pack(len(value)))
            packed.append(value)
    return b"".join(packed)


def copy_data(data: bytes) -> bytes:
    """CopyData."""
    return frame(COPY_DATA, data)


def copy_done() -> bytes:
    """CopyDone."""
    return frame(COPY_DONE, b"")

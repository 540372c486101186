"""Messages that a client sends once it is logged in: parsers take the body, builders return the whole message.

Parsers raise ProtocolViolation, and nothing else, on bytes that do not have the message's layout. Names and texts stay
bytes, because only the session knows its client_encoding; builders raise ValueError on a NUL inside one.
https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire.postgres_parts import (
    INT16,
    INT32,
    NAME_BYTES,
    OID,
    Buffer,
    frame,
    only_text,
    pack_formats,
    pack_values,
    read_count,
    read_formats,
    read_parameters,
    string,
)

BIND: Final = 0x42  # B
CLOSE: Final = 0x43  # C
COPY_FAIL: Final = 0x66  # f
DESCRIBE: Final = 0x44  # D
EXECUTE: Final = 0x45  # E
FLUSH: Final = 0x48  # H
FUNCTION_CALL: Final = 0x46  # F
PARSE: Final = 0x50  # P
QUERY: Final = 0x51  # Q
SYNC: Final = 0x53  # S
TERMINATE: Final = 0x58  # X


def parse_query(body: Buffer, start: int = 0, end: int = -1) -> bytes:
    """Query: the statement text, in client_encoding. Raises ProtocolViolation.

    The body may be what stands from `start` to `end` in a chunk: a long text is copied once.
    """
    text = body if isinstance(body, bytes) else bytes(body)
    last = (len(text) if end < 0 else end) - 1
    if last < start or text.find(0, start, last + 1) != last:
        raise ProtocolViolation("Query: expected one string that ends in the only NUL")
    return text[start:last]


def parse_parse(body: Buffer) -> tuple[bytes, bytes, tuple[int, ...]]:
    """Parse: (statement name, statement text, parameter type OIDs; 0 leaves a type open). Raises ProtocolViolation."""
    if not isinstance(body, bytes):
        body = bytes(body)
    name_end = body.find(0)
    sql_end = body.find(0, name_end + 1)
    if name_end < 0 or sql_end < 0:
        raise ProtocolViolation("Parse: a string has no terminating NUL")
    count = read_count(body, sql_end + 1, "Parse")
    if sql_end + 3 + 4 * count != len(body):
        raise ProtocolViolation(f"Parse: length does not agree with {count} parameter types")
    oids: tuple[int, ...] = struct.unpack_from(f"!{count}I", body, sql_end + 3) if count else ()
    return body[: min(name_end, NAME_BYTES)], body[name_end + 1 : sql_end], oids


def parse_bind_head(body: Buffer) -> tuple[bytes, bytes, int]:
    """Bind: (portal, statement, offset at which the parameter section begins). Raises ProtocolViolation.

    Only the names are looked at, so the beginning of a long body is enough; what follows them is checked by
    `parse_bind_values`, or by the server.
    """
    if not isinstance(body, bytes):
        body = bytes(body)
    end = body.find(0)
    start = end + 1
    statement_end = body.find(0, start)
    if end < 0 or statement_end < 0:
        raise ProtocolViolation("Bind: a string has no terminating NUL")
    portal, statement = body[:end], body[start:statement_end]
    if end > NAME_BYTES or statement_end - start > NAME_BYTES:
        portal, statement = portal[:NAME_BYTES], statement[:NAME_BYTES]
    return portal, statement, statement_end + 1


def parse_bind_values(section: Buffer) -> tuple[tuple[int, bytes | None], ...]:
    """Bind's parameter section (format codes, values, result format codes): (format, value) of each parameter.

    Format 0 is text, 1 binary; None is NULL. Raises ProtocolViolation, also where the section does not end exactly.
    """
    section = bytes(section)
    parameters, offset = read_parameters(section, 0, "Bind")
    _, offset = read_formats(section, offset, "Bind")
    if offset != len(section):
        raise ProtocolViolation(f"Bind: {len(section) - offset} bytes left over")
    return parameters


def parse_execute(body: Buffer) -> tuple[bytes, int]:
    """Execute: (portal, row limit). 0 is no limit; so are negative limits, as in the server. ProtocolViolation."""
    if not isinstance(body, bytes):
        body = bytes(body)
    end = body.find(0)
    if end < 0 or end + 5 != len(body):
        raise ProtocolViolation("Execute: expected a string and a row limit")
    max_rows: int = INT32.unpack_from(body, end + 1)[0]
    return body[: min(end, NAME_BYTES)], max_rows if max_rows > 0 else 0


def _target(body: Buffer, message: str) -> tuple[str, bytes]:
    text = bytes(body)
    kind = text[:1]
    if kind != b"S" and kind != b"P":
        raise ProtocolViolation(f"{message}: invalid subtype {kind!r}")
    return ("S" if kind == b"S" else "P"), only_text(text[1:], message)[:NAME_BYTES]


def parse_describe(body: Buffer) -> tuple[str, bytes]:
    """Describe: ("S" statement or "P" portal, name). Raises ProtocolViolation."""
    return _target(body, "Describe")


def parse_close(body: Buffer) -> tuple[str, bytes]:
    """Close: ("S" statement or "P" portal, name). Raises ProtocolViolation."""
    return _target(body, "Close")


def parse_function_call(body: Buffer) -> int:
    """FunctionCall: pg_proc OID of the function. The whole layout is checked. Raises ProtocolViolation."""
    body = bytes(body)
    if len(body) < 4:
        raise ProtocolViolation("FunctionCall: ends where the function's OID is expected")
    _, offset = read_parameters(body, 4, "FunctionCall")
    if offset + 2 != len(body) or INT16.unpack_from(body, offset)[0] not in (0, 1):
        raise ProtocolViolation("FunctionCall: expected one result format code at the end")
    oid: int = OID.unpack_from(body, 0)[0]
    return oid


def parse_copy_fail(body: Buffer) -> bytes:
    """CopyFail: the client's reason. Raises ProtocolViolation."""
    return only_text(body, "CopyFail")


def parse_empty(body: Buffer) -> None:
    """Sync, Flush, Terminate, CopyDone and other messages without content. Raises ProtocolViolation on content."""
    if len(body):
        raise ProtocolViolation(f"a message without content has {len(body)} bytes")


def query(sql: bytes) -> bytes:
    """Query."""
    return frame(QUERY, string(sql))


def parse(name: bytes, sql: bytes, oids: Sequence[int] = ()) -> bytes:
    """Parse. `oids` are parameter types, 0 leaves one open."""
    return frame(PARSE, string(name) + string(sql) + struct.pack(f"!H{len(oids)}I", len(oids), *oids))


def bind(
    portal: bytes,
    statement: bytes,
    parameter_formats: Sequence[int],
    parameter_values: Sequence[bytes | None],
    result_formats: Sequence[int],
) -> bytes:
    """Bind. Formats: none for all text, one for all, or one each; None is NULL."""
    section = pack_formats(parameter_formats) + pack_values(parameter_values) + pack_formats(result_formats)
    return frame(BIND, string(portal) + string(statement) + section)


def describe(kind: str, name: bytes) -> bytes:
    """Describe a statement ("S") or a portal ("P")."""
    return frame(DESCRIBE, kind.encode("ascii") + string(name))


def execute(portal: bytes, max_rows: int = 0) -> bytes:
    """Execute. 0 is no limit."""
    return frame(EXECUTE, string(portal) + INT32.pack(max_rows))


def close(kind: str, name: bytes) -> bytes:
    """Close a statement ("S") or a portal ("P")."""
    return frame(CLOSE, kind.encode("ascii") + string(name))


def function_call(
    oid: int, argument_formats: Sequence[int], arguments: Sequence[bytes | None], result_format: int
) -> bytes:
    """FunctionCall of a pg_proc OID."""
    body = OID.pack(oid) + pack_formats(argument_formats) + pack_values(arguments) + INT16.pack(result_format)
    return frame(FUNCTION_CALL, body)


def sync() -> bytes:
    """Sync."""
    return frame(SYNC, b"")


def flush() -> bytes:
    """Flush."""
    return frame(FLUSH, b"")


def terminate() -> bytes:
    """Terminate."""
    return frame(TERMINATE, b"")


def copy_fail(reason: bytes) -> bytes:
    """CopyFail."""
    return frame(COPY_FAIL, string(reason))

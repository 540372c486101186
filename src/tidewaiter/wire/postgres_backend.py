"""Messages that a server sends once the client is logged in: parsers take the body, builders return the whole message.

Parsers raise ProtocolViolation, and nothing else, on bytes that do not have the message's layout. Builders of errors
never fail on what a text contains, because telling of one trouble must not become another; others raise ValueError on a
NUL inside a string.
https://www.postgresql.org/docs/current/protocol-message-formats.html and protocol-error-fields.html
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire.postgres_parts import (
    INT32,
    SECRET_BYTES_MAX,
    SECRET_BYTES_MIN,
    Buffer,
    frame,
    only_text,
    pack_values,
    read_count,
    read_values,
    string,
    text_end,
)

BACKEND_KEY_DATA: Final = 0x4B  # K
BIND_COMPLETE: Final = 0x32  # 2
CLOSE_COMPLETE: Final = 0x33  # 3
COMMAND_COMPLETE: Final = 0x43  # C
COPY_BOTH_RESPONSE: Final = 0x57  # W
COPY_IN_RESPONSE: Final = 0x47  # G
COPY_OUT_RESPONSE: Final = 0x48  # H
DATA_ROW: Final = 0x44  # D
EMPTY_QUERY_RESPONSE: Final = 0x49  # I
ERROR_RESPONSE: Final = 0x45  # E
FUNCTION_CALL_RESPONSE: Final = 0x56  # V
NEGOTIATE_PROTOCOL_VERSION: Final = 0x76  # v
NOTICE_RESPONSE: Final = 0x4E  # N
NOTIFICATION_RESPONSE: Final = 0x41  # A
NO_DATA: Final = 0x6E  # n
PARAMETER_DESCRIPTION: Final = 0x74  # t
PARAMETER_STATUS: Final = 0x53  # S
PARSE_COMPLETE: Final = 0x31  # 1
PORTAL_SUSPENDED: Final = 0x73  # s
READY_FOR_QUERY: Final = 0x5A  # Z
ROW_DESCRIPTION: Final = 0x54  # T

TAGS: Final = 1024  # command tags that are kept parsed
TAG_BYTES: Final = 64  # no tag of PostgreSQL's is longer

_TAGS: Final[dict[bytes, tuple[str, int]]] = {}

ROWS_DIGITS: Final = 20  # 2**64 has 20; int() of much longer texts would be an attack on the processor

_COLUMN = struct.Struct("!IhIhih")


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a RowDescription. `table_oid` and `attribute` are 0 for what is not a table's column.

    `type_size` and `type_modifier` are pg_type.typlen and pg_attribute.atttypmod; `format` is 0 text, 1 binary.
    """

    name: bytes
    table_oid: int = 0
    attribute: int = 0
    type_oid: int = 25
    type_size: int = -1
    type_modifier: int = -1
    format: int = 0


def parse_error_fields(body: Buffer) -> dict[str, str]:
    """ErrorResponse and NoticeResponse: field code ("S", "V", "C", "M", "D", "H", "P" …) → text.

    Text that is not UTF-8 is kept by surrogateescape. Raises ProtocolViolation, also when a field comes twice.
    """
    body = bytes(body)
    fields: dict[str, str] = {}
    offset = 0
    while offset < len(body) and body[offset]:
        code = chr(body[offset])
        end = text_end(body, offset + 1, "ErrorResponse")
        if code in fields:
            raise ProtocolViolation(f"ErrorResponse: field {code!r} comes twice")
        fields[code] = body[offset + 1 : end].decode("utf-8", "surrogateescape")
        offset = end + 1
    if offset != len(body) - 1:
        raise ProtocolViolation("ErrorResponse: expected a NUL as the last byte")
    return fields


def sqlstate_of(body: Buffer) -> str:
    """SQLSTATE of an ErrorResponse or NoticeResponse, without decoding the rest. ProtocolViolation if it has none."""
    body = bytes(body)
    offset = 0
    while offset < len(body) and body[offset]:
        end = text_end(body, offset + 1, "ErrorResponse")
        if body[offset] == 0x43:  # C
            code = body[offset + 1 : end]
            if len(code) == 5 and code.isalnum():
                return code.decode("ascii")
            break
        offset = end + 1
    raise ProtocolViolation("ErrorResponse: no SQLSTATE of five letters or digits")


def parse_command_complete(body: Buffer) -> tuple[str, int]:
    """CommandComplete: (tag, rows). "INSERT 0 5" has 5 rows, "CREATE TABLE" has 0. Raises ProtocolViolation."""
    text = body if isinstance(body, bytes) else bytes(body)
    known = _TAGS.get(text)
    if known is None:
        known = _parse_tag(text)
        if len(_TAGS) >= TAGS:
            _TAGS.clear()
        if len(text) <= TAG_BYTES:
            _TAGS[text] = known
    return known


def _parse_tag(text: bytes) -> tuple[str, int]:
    end = len(text) - 1
    if end < 0 or text.find(0) != end or not text.isascii():
        raise ProtocolViolation("CommandComplete: expected one ASCII string that ends in the only NUL")
    space = text.rfind(b" ")
    digits = text[space + 1 : end]
    if space < 0 or not digits.isdigit():
        return text[:end].decode("ascii"), 0
    if len(digits) > ROWS_DIGITS:
        raise ProtocolViolation("CommandComplete: impossible number of rows")
    return text[:end].decode("ascii"), int(digits)


def parse_ready_for_query(body: Buffer) -> str:
    """ReadyForQuery: "I" idle, "T" in a transaction, "E" in a failed transaction. Raises ProtocolViolation."""
    status = bytes(body)
    if len(status) != 1 or status not in b"ITE":
        raise ProtocolViolation(f"ReadyForQuery: unknown status {status[:8]!r}")
    return status.decode("ascii")


def parse_parameter_status(body: Buffer) -> tuple[bytes, bytes]:
    """ParameterStatus: (name, value). Raises ProtocolViolation."""
    body = bytes(body)
    name_end = text_end(body, 0, "ParameterStatus")
    return body[:name_end], only_text(body[name_end + 1 :], "ParameterStatus")


def parse_backend_key_data(body: Buffer) -> tuple[int, bytes]:
    """BackendKeyData: (process id, secret of 4 to 256 bytes). Raises ProtocolViolation."""
    body = bytes(body)
    if not 4 + SECRET_BYTES_MIN <= len(body) <= 4 + SECRET_BYTES_MAX:
        raise ProtocolViolation(f"BackendKeyData: impossible length of {len(body)} bytes")
    pid: int = INT32.unpack_from(body, 0)[0]
    return pid, body[4:]


def parse_negotiate_protocol_version(body: Buffer) -> tuple[int, tuple[str, ...]]:
    """NegotiateProtocolVersion: (newest minor version of 3 that the server speaks, options it did not know).

    The wire has the full version number, major included. Raises ProtocolViolation.
    """
    body = bytes(body)
    if len(body) < 8:
        raise ProtocolViolation("NegotiateProtocolVersion: too short")
    version, count = struct.unpack_from("!ii", body, 0)
    if version >> 16 != 3:
        raise ProtocolViolation(f"NegotiateProtocolVersion: server asks for version {version >> 16}.{version & 0xFFFF}")
    options = body[8:].split(b"\0")
    if options.pop() or len(options) != count:
        raise ProtocolViolation(f"NegotiateProtocolVersion: expected {count} option names")
    return version & 0xFFFF, tuple([name.decode("utf-8", "surrogateescape") for name in options])


def parse_row_description(body: Buffer) -> tuple[Column, ...]:
    """RowDescription: the columns in order. Raises ProtocolViolation."""
    body = bytes(body)
    count = read_count(body, 0, "RowDescription")
    offset = 2
    columns: list[Column] = []
    for _ in range(count):
        end = text_end(body, offset, "RowDescription")
        if end + 1 + _COLUMN.size > len(body):
            raise ProtocolViolation("RowDescription: a column does not fit")
        table_oid, attribute, type_oid, type_size, modifier, code = _COLUMN.unpack_from(body, end + 1)
        columns.append(Column(body[offset:end], table_oid, attribute, type_oid, type_size, modifier, code))
        offset = end + 1 + _COLUMN.size
    if offset != len(body):
        raise ProtocolViolation(f"RowDescription: {len(body) - offset} bytes left over")
    return tuple(columns)


def parse_parameter_description(body: Buffer) -> tuple[int, ...]:
    """ParameterDescription: the types' OIDs in order. Raises ProtocolViolation."""
    body = bytes(body)
    count = read_count(body, 0, "ParameterDescription")
    if len(body) != 2 + 4 * count:
        raise ProtocolViolation(f"ParameterDescription: length does not agree with {count} types")
    oids: tuple[int, ...] = struct.unpack_from(f"!{count}I", body, 2)
    return oids


def parse_data_row(body: Buffer) -> tuple[bytes | None, ...]:
    """DataRow: the values in order, None for NULL. Raises ProtocolViolation."""
    body = bytes(body)
    values, offset = read_values(body, 0, "DataRow")
    if offset != len(body):
        raise ProtocolViolation(f"DataRow: {len(body) - offset} bytes left over")
    return tuple(values)


def _told(text: str) -> bytes:
    """A string of an error: a NUL or a lone surrogate inside is replaced; what surrogateescape kept comes out again."""
    text = text.replace("\0", "\ufffd")
    try:
        return text.encode("utf-8", "surrogateescape") + b"\0"
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace") + b"\0"


def error_fields(fields: Mapping[str, str], kind: int = ERROR_RESPONSE) -> bytes:
    """ErrorResponse or NoticeResponse from fields by their one-letter codes, as `parse_error_fields` gives them."""
    return frame(kind, b"".join([code.encode("latin-1") + _told(text) for code, text in fields.items()]) + b"\0")


def _report(
    kind: int, severity: str, sqlstate: str, message: str, detail: str, hint: str, position: int | None
) -> bytes:
    fields = {"S": severity, "V": severity, "C": sqlstate, "M": message}
    if detail:
        fields["D"] = detail
    if hint:
        fields["H"] = hint
    if position is not None:
        fields["P"] = str(position)
    return error_fields(fields, kind)


def error_response(
    severity: str, sqlstate: str, message: str, *, detail: str = "", hint: str = "", position: int | None = None
) -> bytes:
    """ErrorResponse. `severity` is ERROR, FATAL or PANIC; `position` counts characters of the statement from 1."""
    return _report(ERROR_RESPONSE, severity, sqlstate, message, detail, hint, position)


def notice_response(
    severity: str, sqlstate: str, message: str, *, detail: str = "", hint: str = "", position: int | None = None
) -> bytes:
    """NoticeResponse. `severity` is WARNING, NOTICE, DEBUG, INFO or LOG; else as `error_response`."""
    return _report(NOTICE_RESPONSE, severity, sqlstate, message, detail, hint, position)


def ready_for_query(status: str) -> bytes:
    """ReadyForQuery: "I" idle, "T" in a transaction, "E" in a failed transaction. Raises ValueError on others."""
    if len(status) != 1 or status not in "ITE":
        raise ValueError(f"no transaction status: {status!r}")
    return frame(READY_FOR_QUERY, status.encode("ascii"))


def parameter_status(name: bytes, value: bytes) -> bytes:
    """ParameterStatus."""
    return frame(PARAMETER_STATUS, string(name) + string(value))


def backend_key_data(pid: int, secret: bytes) -> bytes:
    """BackendKeyData. Raises ValueError unless the secret has 4 (all that protocol 3.0 knows) to 256 bytes."""
    if not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
        raise ValueError(f"a cancel key of {len(secret)} bytes")
    return frame(BACKEND_KEY_DATA, INT32.pack(pid) + secret)


def negotiate_protocol_version(minor: int, options: Sequence[str] = ()) -> bytes:
    """NegotiateProtocolVersion: newest minor version of 3 spoken here, and the protocol options not known here."""
    names = b"".join([string(name.encode("utf-8", "surrogateescape")) for name in options])
    return frame(NEGOTIATE_PROTOCOL_VERSION, struct.pack("!ii", 3 << 16 | minor, len(options)) + names)


def command_complete(tag: str) -> bytes:
    """CommandComplete. Raises ValueError when the tag is not ASCII."""
    return frame(COMMAND_COMPLETE, string(tag.encode("ascii")))


def parse_complete() -> bytes:
    """ParseComplete."""
    return frame(PARSE_COMPLETE, b"")


def bind_complete() -> bytes:
    """BindComplete."""
    return frame(BIND_COMPLETE, b"")


def close_complete() -> bytes:
    """CloseComplete."""
    return frame(CLOSE_COMPLETE, b"")


def no_data() -> bytes:
    """NoData."""
    return frame(NO_DATA, b"")


def empty_query_response() -> bytes:
    """EmptyQueryResponse."""
    return frame(EMPTY_QUERY_RESPONSE, b"")


def portal_suspended() -> bytes:
    """PortalSuspended."""
    return frame(PORTAL_SUSPENDED, b"")


def parameter_description(oids: Sequence[int]) -> bytes:
    """ParameterDescription."""
    return frame(PARAMETER_DESCRIPTION, struct.pack(f"!H{len(oids)}I", len(oids), *oids))


def row_description(columns: Sequence[Column]) -> bytes:
    """RowDescription."""
    packed = [struct.pack("!H", len(columns))]
    for c in columns:
        packed.append(string(c.name))
        packed.append(_COLUMN.pack(c.table_oid, c.attribute, c.type_oid, c.type_size, c.type_modifier, c.format))
    return frame(ROW_DESCRIPTION, b"".join(packed))


def data_row(row: Sequence[bytes | None]) -> bytes:
    """DataRow, None for NULL."""
    return frame(DATA_ROW, pack_values(row))

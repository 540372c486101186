"""Startup packets: what a client sends before messages have a type byte. https://www.postgresql.org/docs/current/protocol-flow.html

Builders return the whole packet. The parser takes it without its length word, and raises ProtocolViolation, and nothing
else, on anything that is not one of the four.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire.postgres_parts import INT32, SECRET_BYTES_MAX, SECRET_BYTES_MIN, Buffer, string

STARTUP_BYTES_MIN: Final = 4
STARTUP_BYTES_MAX: Final = 10_000  # as the server's MAX_STARTUP_PACKET_LENGTH; without the length word

MAJOR: Final = 3
CANCEL_REQUEST: Final = 1234 << 16 | 5678
SSL_REQUEST: Final = 1234 << 16 | 5679
GSSENC_REQUEST: Final = 1234 << 16 | 5680


@dataclass(frozen=True, slots=True)
class Startup:
    """StartupMessage. `major` is always 3; the newest `minor` is 2, but newer and invented ones are to be negotiated.

    `params` are as sent; of a repeated name the last counts, as in the server. Values hold no NUL and are valid UTF-8.
    """

    major: int
    minor: int
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SslRequest:
    """SSLRequest: may the connection continue in TLS?"""


@dataclass(frozen=True, slots=True)
class GssRequest:
    """GSSENCRequest: may the connection continue in GSSAPI encryption?"""


@dataclass(frozen=True, slots=True)
class Cancel:
    """CancelRequest. `pid` is a signed 32-bit number, `secret` 4 to 256 bytes."""

    pid: int
    secret: bytes


StartupPacket = Startup | SslRequest | GssRequest | Cancel


def parse_startup(packet: Buffer) -> StartupPacket:
    """Read the first packet of a connection (without its length word). Raises ProtocolViolation."""
    packet = bytes(packet)
    if not STARTUP_BYTES_MIN <= len(packet) <= STARTUP_BYTES_MAX:
        raise ProtocolViolation(f"invalid length of startup packet: {len(packet)} bytes")
    code: int = INT32.unpack_from(packet, 0)[0]
    if code == CANCEL_REQUEST:
        if not 8 + SECRET_BYTES_MIN <= len(packet) <= 8 + SECRET_BYTES_MAX:
            raise ProtocolViolation("invalid length of cancel request packet")
        return Cancel(INT32.unpack_from(packet, 4)[0], packet[8:])
    if code in (SSL_REQUEST, GSSENC_REQUEST):
        if len(packet) != 4:
            raise ProtocolViolation("invalid length of encryption request packet")
        return SslRequest() if code == SSL_REQUEST else GssRequest()
    major, minor = (code >> 16) & 0xFFFF, code & 0xFFFF
    if major != MAJOR:
        raise ProtocolViolation(f"unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2")
    return Startup(major, minor, _params(packet))


def _params(packet: bytes) -> dict[str, str]:
    """The name, value pairs after the version, up to the empty name that must be the last byte."""
    if packet[-1] != 0 or len(packet) == 4:
        raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte")
    if len(packet) == 5:
        return {}
    if packet[-2] != 0:
        raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte")
    parts = packet[4:-2].split(b"\0")
    if len(parts) % 2:
        raise ProtocolViolation("invalid startup packet layout: a parameter has no value")
    params: dict[str, str] = {}
    for at in range(0, len(parts), 2):
        if not parts[at]:
            raise ProtocolViolation("invalid startup packet layout: a parameter has no name")
        try:
            params[parts[at].decode("utf-8")] = parts[at + 1].decode("utf-8")
        except UnicodeDecodeError:
            raise ProtocolViolation("a startup parameter is not valid UTF-8") from None
    return params


def _packet(body: bytes) -> bytes:
    return INT32.pack(len(body) + 4) + body


def startup_message(params: Mapping[str, str], minor: int = 0) -> bytes:
    """StartupMessage of protocol 3.`minor`. Raises ValueError on NULs, empty names, or beyond STARTUP_BYTES_MAX."""
    parts = [struct.pack("!HH", MAJOR, minor)]
    for name, value in params.items():
        if not name:
            raise ValueError("a startup parameter needs a name")
        parts.append(string(name.encode("utf-8")))
        parts.append(string(value.encode("utf-8")))
    parts.append(b"\0")
    body = b"".join(parts)
    if len(body) > STARTUP_BYTES_MAX:
        raise ValueError(f"a startup packet of {len(body)} bytes is longer than any server accepts")
    return _packet(body)


def ssl_request() -> bytes:
    """SSLRequest."""
    return _packet(INT32.pack(SSL_REQUEST))


def gss_request() -> bytes:
    """GSSENCRequest."""
    return _packet(INT32.pack(GSSENC_REQUEST))


def cancel_request(pid: int, secret: bytes) -> bytes:
    """CancelRequest. Raises ValueError unless the secret has 4 to 256 bytes."""
    if not SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX:
        raise ValueError(f"a cancel key of {len(secret)} bytes")
    return _packet(INT32.pack(CANCEL_REQUEST) + INT32.pack(pid) + secret)

"""The first bytes of a connection, read from the bare socket: TLS or not, a cancel, or the startup packet.

Nothing is read ahead here: a byte that comes before TLS although TLS follows is refused, not carried over
(CVE-2021-23214), and a TLS handshake that begins at once (sslnegotiation=direct) is left in the socket for TLS to read.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from enum import Enum, auto

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy import refusal
from tidewaiter.proxy.link import Link, PeerGone
from tidewaiter.wire import postgres

ENCRYPTION_REQUESTS = 3  # GSSENCRequest, SSLRequest, then the startup packet: nothing else is legitimate
TLS_HANDSHAKE = 0x16  # first byte of a TLS record with a ClientHello
ALPN = "postgresql"


class Tls(Enum):
    """How TLS begins: after an SSLRequest, or at once."""

    ASKED_FOR = auto()
    DIRECT = auto()


@dataclass(slots=True)
class Arrival:
    """A client with its first packet. `tls` is the protocol version, empty for none."""

    link: Link
    packet: postgres.Startup | postgres.Cancel
    tls: str


async def open_door(sock: socket.socket, address: str, tls: ssl.SSLContext | None) -> Arrival:
    """Negotiate encryption and read the first packet. Raises ProtocolViolation, PeerGone, ssl.SSLError, OSError.

    The socket is closed then, and who broke the protocol has been told so. The caller sets the deadline.
    """
    try:
        entrance = await _knock(sock, tls)
    except ProtocolViolation as error:
        with contextlib.suppress(OSError):
            sock.send(refusal.good_bye("08P01", str(error)))
        sock.close()
        raise
    except BaseException:
        sock.close()
        raise
    if not isinstance(entrance, Tls):
        return Arrival(await _link(sock, address, None), entrance, "")
    link = await _link(sock, address, tls)
    try:
        return await _arrive_in_tls(link, entrance)
    except ProtocolViolation as error:
        link.write(refusal.good_bye("08P01", str(error)))
        link.close()
        raise
    except BaseException:
        link.abort()
        raise


async def _knock(sock: socket.socket, tls: ssl.SSLContext | None) -> postgres.Startup | postgres.Cancel | Tls:
    """What comes unencrypted, up to where TLS begins."""
    loop = asyncio.get_running_loop()
    for _ in range(ENCRYPTION_REQUESTS):
        if await _first_byte(sock) == TLS_HANDSHAKE:
            if tls is None:
                raise ProtocolViolation("this gateway has no TLS certificate")
            return Tls.DIRECT
        packet = await _packet(sock)
        if isinstance(packet, postgres.Startup | postgres.Cancel):
            return packet
        if _has_more(sock):
            raise ProtocolViolation("received unencrypted data after an encryption request")
        if isinstance(packet, postgres.SslRequest) and tls is not None:
            await loop.sock_sendall(sock, b"S")
            return Tls.ASKED_FOR
        await loop.sock_sendall(sock, b"N")
    raise ProtocolViolation("too many encryption requests")


async def _arrive_in_tls(link: Link, entrance: Tls) -> Arrival:
    assert link.transport is not None
    channel = link.transport.get_extra_info("ssl_object")
    if entrance is Tls.DIRECT and channel.selected_alpn_protocol() != ALPN:
        raise ProtocolViolation("received direct TLS connection request without ALPN protocol negotiation extension")
    packet = postgres.parse_startup(await link.read(_size(await link.read(4))))
    if not isinstance(packet, postgres.Startup | postgres.Cancel):
        raise ProtocolViolation("encryption was requested inside TLS")
    return Arrival(link, packet, channel.version())


async def _link(sock: socket.socket, address: str, tls: ssl.SSLContext | None) -> Link:
    link = Link(address)
    await asyncio.get_running_loop().connect_accepted_socket(lambda: link, sock, ssl=tls)
    return link


async def _packet(sock: socket.socket) -> postgres.StartupPacket:
    """The startup packet at the front of the socket, to its last byte and not beyond."""
    return postgres.parse_startup(await _exactly(sock, _size(await _exactly(sock, 4))))


def _size(word: bytes) -> int:
    """How long the packet is that follows a length word."""
    size = int.from_bytes(word, "big")
    if not 8 <= size <= postgres.STARTUP_BYTES_MAX + 4:
        raise ProtocolViolation(f"invalid length of startup packet: {size} bytes")
    return size - 4


async def _exactly(sock: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        more = await loop.sock_recv(sock, size - len(data))
        if not more:
            raise PeerGone
        data += more
    return data


async def _first_byte(sock: socket.socket) -> int:
    """The first byte in the socket, which stays there."""
    while True:
        try:
            data = sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            await _readable(sock)
            continue
        if not data:
            raise PeerGone
        return data[0]


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()

    def tell() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(sock.fileno(), tell)
    try:
        await readable
    finally:
        loop.remove_reader(sock.fileno())


def _has_more(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False

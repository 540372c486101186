"""The first bytes of a connection, read from the bare socket: TLS or not, a cancel, or the startup packet.

Nothing is read ahead here: a byte that comes before TLS although TLS follows is refused, not carried over
(CVE-2021-23214), and a TLS handshake that begins at once (sslnegotiation=direct) is left in the socket for TLS to read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy.link import Link, PeerGone
from tidewaiter.wire import postgres

ENCRYPTION_REQUESTS = 3  # GSSENCRequest, SSLRequest, then the startup packet: nothing else is legitimate
TLS_HANDSHAKE = 0x16  # first byte of a TLS record with a ClientHello
ALPN = "postgresql"


@dataclass(slots=True)
class Arrival:
    """A client with its first packet. `tls` is the protocol version, empty for none."""

    link: Link
    packet: postgres.Startup | postgres.Cancel
    tls: str


async def open_door(sock: socket.socket, address: str, tls: ssl.SSLContext | None) -> Arrival:
    """Negotiate encryption and read the first packet. Raises ProtocolViolation, PeerGone, ssl.SSLError, OSError.

    The caller closes the socket on errors, and sets the deadline.
    """
    loop = asyncio.get_running_loop()
    for _ in range(ENCRYPTION_REQUESTS):
        if await _first_byte(sock) == TLS_HANDSHAKE:
            if tls is None:
                raise ProtocolViolation("this gateway has no TLS certificate")
            return await _arrive_in_tls(sock, address, tls, is_direct=True)
        packet = await _packet(sock)
        if isinstance(packet, postgres.Startup | postgres.Cancel):
            return Arrival(await _link(sock, address, None), packet, "")
        if _has_more(sock):
            raise ProtocolViolation("received unencrypted data after an encryption request")
        if isinstance(packet, postgres.SslRequest) and tls is not None:
            await loop.sock_sendall(sock, b"S")
            return await _arrive_in_tls(sock, address, tls, is_direct=False)
        await loop.sock_sendall(sock, b"N")
    raise ProtocolViolation("too many encryption requests")


async def _arrive_in_tls(sock: socket.socket, address: str, tls: ssl.SSLContext, *, is_direct: bool) -> Arrival:
    link = await _link(sock, address, tls)
    assert link.transport is not None
    channel = link.transport.get_extra_info("ssl_object")
    if is_direct and channel.selected_alpn_protocol() != ALPN:
        link.abort()
        raise ProtocolViolation("received direct TLS connection request without ALPN protocol negotiation extension")
    size = int.from_bytes(await link.read(4), "big")
    if not 8 <= size <= postgres.STARTUP_BYTES_MAX + 4:
        raise ProtocolViolation(f"invalid length of startup packet: {size} bytes")
    packet = postgres.parse_startup(await link.read(size - 4))
    if not isinstance(packet, postgres.Startup | postgres.Cancel):
        link.abort()
        raise ProtocolViolation("encryption was requested inside TLS")
    return Arrival(link, packet, channel.version())


async def _link(sock: socket.socket, address: str, tls: ssl.SSLContext | None) -> Link:
    link = Link(address)
    await asyncio.get_running_loop().connect_accepted_socket(lambda: link, sock, ssl=tls)
    return link


async def _packet(sock: socket.socket) -> postgres.StartupPacket:
    """The startup packet at the front of the socket, to its last byte and not beyond."""
    size = int.from_bytes(await _exactly(sock, 4), "big")
    if not 8 <= size <= postgres.STARTUP_BYTES_MAX + 4:
        raise ProtocolViolation(f"invalid length of startup packet: {size} bytes")
    return postgres.parse_startup(await _exactly(sock, size - 4))


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

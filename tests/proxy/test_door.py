"""The first bytes of a connection, on real sockets: what is let in, and what is refused before anything is said."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy.door import Arrival, open_door
from tidewaiter.proxy.link import PeerGone
from tidewaiter.wire import postgres

SSL, GSS = b"\0\0\0\x08\x04\xd2\x16\x2f", b"\0\0\0\x08\x04\xd2\x16\x30"
STARTUP = postgres.startup_message({"user": "ada", "database": "shop"}, 0)


class Caller:
    """Sends a first part, then further ones, each once a byte of answer came. `heard` are the answers."""

    def __init__(self, *parts: bytes, hangs_up: bool = False) -> None:
        self.parts = parts
        self.hangs_up = hangs_up
        self.heard = b""

    async def arrive(self) -> Arrival:
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            there.setblocking(False)
            arriving = asyncio.ensure_future(open_door(there, "10.0.0.7", None))
            try:
                for number, part in enumerate(self.parts):
                    if number:
                        self.heard += await loop.sock_recv(here, 1)
                    await loop.sock_sendall(here, part)
                if self.hangs_up:
                    here.shutdown(socket.SHUT_WR)
                found = await arriving
                found.link.abort()
                return found
            finally:
                arriving.cancel()


def arrival(*parts: bytes) -> tuple[Arrival, bytes]:
    caller = Caller(*parts)
    return asyncio.run(caller.arrive()), caller.heard


def test_a_startup_packet_is_read_and_nothing_behind_it() -> None:
    async def come() -> bytes:
        here, there = socket.socketpair()
        with here, there:
            there.setblocking(False)
            here.sendall(STARTUP + b"behind")
            found = await open_door(there, "10.0.0.7", None)
            assert isinstance(found.packet, postgres.Startup)
            assert (found.packet.params, found.tls) == ({"user": "ada", "database": "shop"}, "")
            assert found.link.address == "10.0.0.7"
            behind = await found.link.read(6)
            found.link.abort()
            return behind

    assert asyncio.run(come()) == b"behind"


@pytest.mark.parametrize("parts", [(SSL, STARTUP), (GSS, STARTUP), (GSS, SSL, STARTUP)])
def test_without_a_certificate_encryption_is_declined_and_the_client_may_go_on(parts: tuple[bytes, ...]) -> None:
    found, heard = arrival(*parts)
    assert isinstance(found.packet, postgres.Startup)
    assert heard == b"N" * (len(parts) - 1)


def test_bytes_that_follow_a_request_for_encryption_unencrypted_are_refused() -> None:
    caller = Caller(SSL + STARTUP)
    with pytest.raises(ProtocolViolation, match="unencrypted data"):
        asyncio.run(caller.arrive())
    assert caller.heard == b""


def test_nobody_asks_for_encryption_for_ever() -> None:
    with pytest.raises(ProtocolViolation, match="too many"):
        arrival(SSL, GSS, SSL)


def test_a_tls_record_without_a_certificate_is_refused() -> None:
    with pytest.raises(ProtocolViolation, match="no TLS certificate"):
        arrival(b"\x16\x03\x01\0\x05hello")


@pytest.mark.parametrize("size", [0, 7, postgres.STARTUP_BYTES_MAX + 5, 0x7FFFFFFF])
def test_an_impossible_length_is_refused_before_anything_more_is_read(size: int) -> None:
    with pytest.raises(ProtocolViolation, match="invalid length"):
        arrival(size.to_bytes(4, "big"))


@pytest.mark.parametrize("cut", [0, 3, len(STARTUP) - 1])
def test_who_hangs_up_half_way_is_gone(cut: int) -> None:
    with pytest.raises(PeerGone):
        asyncio.run(Caller(STARTUP[:cut], hangs_up=True).arrive())


def test_a_cancel_needs_no_login() -> None:
    found, _ = arrival(b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x07abcd")
    assert isinstance(found.packet, postgres.Cancel)
    assert (found.packet.pid, found.packet.secret) == (7, b"abcd")

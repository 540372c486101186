"""Servers on the loopback that the gateway logs in to: they play a part, which keeps to the protocol, or does not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from tidewaiter.config import Address, Datasource
from tidewaiter.errors import UpstreamError
from tidewaiter.model import Secret
from tidewaiter.proxy.upstream import Backend, Upstream
from tidewaiter.wire import auth
from tidewaiter.wire import postgres as pg

SHOP = Datasource(
    "shop", "postgres", Address("127.0.0.1", 0), "shop", "tidewaiter", "disable", "env:X", "enforce", {}, False,
    "detect",
)  # fmt: skip
PASSWORD = "pencil"
SALT = b"0123456789abcdef"
VERIFIER = ("shop", *auth.make_verifier(PASSWORD, SALT, 4096))
OK, READY = pg.authentication_ok(), pg.ready_for_query("I")
KEY = pg.backend_key_data(42, b"k" * 32)
NOTICE = pg.notice_response("NOTICE", "00000", "hello")
WELCOME = OK + pg.parameter_status(b"server_version", b"18.1") + NOTICE + KEY + READY


class Peer:
    """What a server sees of one connection: packets, messages, whether it is still there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def packet(self) -> pg.StartupPacket:
        size = int.from_bytes(await self.reader.readexactly(4), "big")
        return pg.parse_startup(await self.reader.readexactly(size - 4))

    async def message(self) -> bytes:
        """The body of the next one, a password or a SASL response."""
        head = await self.reader.readexactly(5)
        assert head[0] == pg.PASSWORD
        return await self.reader.readexactly(int.from_bytes(head[1:], "big") - 4)

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def is_gone(self) -> bool:
        """Waits for the other end to close."""
        try:
            while await self.reader.read(1 << 16):
                pass
        except ConnectionError:
            pass
        return True


Part = Callable[[Peer], Awaitable[None]]
"""What a server does on one connection, from its startup packet on."""


@dataclass
class Database:
    """A server that plays `part` on every connection. `packets` are the startup packets that it was sent."""

    part: Part
    tls: ssl.SSLContext | None = None
    answers_tls: bytes = b"S"
    packets: list[pg.StartupPacket] = field(default_factory=list)
    left: int = 0  # connections that the gateway closed

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        try:
            packet = await peer.packet()
            if isinstance(packet, pg.SslRequest):
                peer.say(self.answers_tls)
                if self.answers_tls == b"S" and self.tls is not None:
                    await writer.start_tls(self.tls)
                packet = await peer.packet()
            self.packets.append(packet)
            await self.part(peer)
            self.left += await peer.is_gone()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            self.left += 1
        finally:
            writer.close()

    def visited(self, visit: Callable[[Upstream], Awaitable[Backend | None]], source: Datasource = SHOP) -> Backend:
        """What came of a visit while this server ran; the visit's connection is closed again."""

        async def go() -> Backend | None:
            async with asyncio.timeout(30), await asyncio.start_server(self, "127.0.0.1", 0) as server:
                port = server.sockets[0].getsockname()[1]
                address = Address(source.address.host, port)
                try:
                    found = await visit(Upstream(replace(source, address=address), Secret(PASSWORD)))
                    if found is not None:
                        found.link.abort()
                finally:
                    while not self.left:  # noqa: ASYNC110 - whatever came of it, the connection is closed
                        await asyncio.sleep(0.001)
                return found

        return cast(Backend, asyncio.run(go()))

    def opened(self, source: Datasource = SHOP, **parameters: str) -> Backend:
        return self.visited(lambda shop: shop.connect(parameters), source)

    def refused(self, source: Datasource = SHOP) -> str:
        """Why no session could be opened."""
        with pytest.raises(UpstreamError) as found:
            self.opened(source)
        return str(found.value)


def says(*parts: bytes) -> Part:
    async def part(peer: Peer) -> None:
        for data in parts:
            peer.say(data)
            await peer.writer.drain()

    return part


def hangs_up_after(data: bytes) -> Part:
    async def part(peer: Peer) -> None:
        peer.say(data)
        peer.writer.write_eof()

    return part


def scram(mechanism: str = auth.SCRAM_SHA_256, binding: bytes | None = None, *, iterations: int = 4096) -> Part:
    """The server's half of a login that goes well."""

    async def part(peer: Peer) -> None:
        peer.say(pg.authentication_sasl(auth.mechanisms(binding)))
        chosen, first = pg.parse_sasl_initial_response(await peer.message())
        assert chosen == mechanism
        server = auth.ScramServer(
            chosen, salt=SALT, iterations=iterations, verifiers=[VERIFIER], server_nonce="xyz", channel_binding=binding
        )
        peer.say(pg.authentication_sasl_continue(server.first(first or b"")))
        peer.say(pg.authentication_sasl_final(server.final(await peer.message())))
        peer.say(WELCOME)

    return part

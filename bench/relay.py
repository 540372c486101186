"""A TCP relay that copies whole chunks and does nothing else: the floor for any proxy built on this event loop.

    python -m bench.relay LISTEN_PORT UPSTREAM_HOST UPSTREAM_PORT

One `data_received`, one `write`; when the peer's buffer is full, reading stops. uvloop is used when installed. Prints
`ready` once it listens.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

BUFFERED_BYTES = 256 << 10  # a few chunks of a fast sender; above it the sender waits


class Half(asyncio.Protocol):
    """One side of a relayed connection; `peer` is the other side."""

    peer: Half | None = None
    transport: asyncio.Transport
    early: bytes = b""  # what the client sent before the upstream connection stood; at most one paused read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=BUFFERED_BYTES)

    def data_received(self, data: bytes) -> None:
        if self.peer is None:
            self.early += data
        else:
            self.peer.transport.write(data)

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer is not None:
            self.peer.transport.close()


class Front(Half):
    """The client's side: opens the upstream side when the client arrives."""

    def __init__(self, upstream: tuple[str, int], group: asyncio.TaskGroup) -> None:
        self.upstream = upstream
        self.group = group

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self.group.create_task(self._join())

    async def _join(self) -> None:
        try:
            _, back = await asyncio.get_running_loop().create_connection(Half, *self.upstream)
        except OSError:
            self.transport.close()
            return
        back.peer, self.peer = self, back
        back.transport.write(self.early)
        if self.transport.is_closing():
            back.transport.close()
        else:
            self.transport.resume_reading()


async def relay(port: int, upstream: tuple[str, int]) -> None:
    """Relay connections on loopback `port` to `upstream` until cancelled."""
    async with asyncio.TaskGroup() as group:
        server = await asyncio.get_running_loop().create_server(lambda: Front(upstream, group), "127.0.0.1", port)
        print("ready", flush=True)
        await server.serve_forever()


def main() -> None:
    """Run with the arguments of the module's docstring."""
    port, host, upstream_port = sys.argv[1:4]
    coroutine = relay(int(port), (host, int(upstream_port)))
    try:
        import uvloop
    except ImportError:
        asyncio.run(coroutine)
    else:
        uvloop.run(coroutine)


if __name__ == "__main__":
    main()

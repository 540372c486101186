"""One end of a session: a transport with flow control, read by coroutines during login and by a callback afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from tidewaiter.errors import ProtocolViolation

if TYPE_CHECKING:
    from tidewaiter.proxy._poller import Poller, Stream

LOGIN_BYTES = 1 << 16  # no message of a login is longer; a peer that sends more before it may is refused
LINGER_S = 60.0  # for a peer to read what is left for it when its connection is closed
WRITE_HIGH_BYTES = 1 << 18  # one read of the event loop; more unsent bytes than that and the other side waits


def _drop(data: bytes) -> None:
    """What becomes of bytes for a peer that is gone."""


class PeerGone(Exception):
    """The peer closed the connection."""


class Link(asyncio.Protocol):
    """A connection to a client or to a server. `address` is the peer's host, empty for none.

    Until `attach`, bytes are collected for `read`; afterwards each chunk goes to the callback whole. Reading pauses
    while any reason to pause is held: "peer" (the other side's buffer is full) or "busy" (the session thinks).
    """

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.transport: asyncio.Transport | Stream | None = None
        self.peer: Link | None = None
        self.is_lost = False
        self._buffer = b""
        self._on_lost: Callable[[], None] | None = None
        self._paused: frozenset[str] = frozenset()
        self._waiter: asyncio.Future[None] | None = None
        self._lingers: asyncio.TimerHandle | None = None

    # -- asyncio.Protocol -------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > LOGIN_BYTES:
            self.pause("login")
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.write = _drop  # type: ignore[method-assign]
        if self._lingers is not None:
            self._lingers.cancel()
        self._wake()
        if self.peer is not None:
            self.peer.resume("peer")
        if self._on_lost is not None:
            self._on_lost()

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.pause("peer")

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.resume("peer")

    # -- flow control -----------------------------------------------------------------------------------------------
    def pause(self, reason: str) -> None:
        """Stop reading for a reason; reading goes on when every reason is gone."""
        if not self._paused and self.transport is not None and not self.is_lost:
            self.transport.pause_reading()
        self._paused |= {reason}

    def resume(self, reason: str) -> None:
        """Withdraw a reason to pause."""
        if reason not in self._paused:
            return
        self._paused -= {reason}
        if not self._paused and self.transport is not None and not self.is_lost:
            self.transport.resume_reading()

    # -- writing ----------------------------------------------------------------------------------------------------
    def write(self, data: bytes) -> None:
        """Send bytes; they are dropped when the peer is gone, which `is_lost` and `on_lost` tell."""
        if self.transport is not None and not self.is_lost:
            self.transport.write(data)

    def close(self) -> None:
        """Close after what was written has been sent; a peer that does not read it is not waited for for ever."""
        if self.transport is not None and not self.is_lost and self._lingers is None:
            self.transport.close()
            self._lingers = asyncio.get_running_loop().call_later(LINGER_S, self.transport.abort)

    def abort(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.abort()

    # -- login: read by coroutines ----------------------------------------------------------------------------------
    async def read(self, size: int) -> bytes:
        """Exactly `size` bytes. Raises PeerGone at the end of the stream."""
        while len(self._buffer) < size:
            if self.is_lost:
                raise PeerGone
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        if len(self._buffer) <= LOGIN_BYTES:
            self.resume("login")
        return data

    async def read_message(self) -> tuple[int, bytes]:
        """(type, body) of the next message. Raises PeerGone, ProtocolViolation for lengths no login message has."""
        head = await self.read(5)
        size = int.from_bytes(head[1:], "big")
        if not 4 <= size <= LOGIN_BYTES:
            raise ProtocolViolation(f"message {head[:1]!r} announces {size} bytes during login")
        return head[0], await self.read(size - 4)

    def attach(self, on_data: Callable[[bytes], None], on_lost: Callable[[], None]) -> None:
        """Hand the stream to a callback, beginning with what was read ahead."""
        self._on_lost = on_lost
        transport = cast("asyncio.Transport | None", self.transport)
        if transport is not None and not self.is_lost:
            self.data_received = on_data  # type: ignore[method-assign, assignment]  # a call less, as with `write`
            self.write = transport.write  # type: ignore[method-assign]
            transport.set_protocol(self)  # uvloop looks the method up now, and only now
        self.resume("login")
        if self._buffer:
            data, self._buffer = self._buffer, b""
            on_data(data)
        if self.is_lost:
            on_lost()

    def hasten(self, poller: Poller) -> None:
        """Let a poller read and write from now on, where the socket is a plain one; otherwise all stays as it is."""
        transport = cast("asyncio.Transport", self.transport)
        if self.is_lost or transport.is_closing():
            return
        sock = transport.get_extra_info("socket")
        is_plain = sock is not None and transport.get_extra_info("ssl_object") is None
        if not is_plain or transport.get_write_buffer_size():
            return
        if not self._paused:
            transport.pause_reading()
        try:
            stream = poller.adopt(
                sock.fileno(), transport, self, self.data_received, not self._paused, WRITE_HIGH_BYTES
            )
        except OSError:  # the system's limit of what epoll may watch
            if not self._paused:
                transport.resume_reading()
            return
        self.transport = stream
        self.write = stream.write  # type: ignore[method-assign, assignment]

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

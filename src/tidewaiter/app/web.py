"""uvicorn inside our own event loop: it serves sockets that we opened and leaves signals to us."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tidewaiter.config import TlsPair

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CONNECTIONS = 256  # people and probes; beyond it uvicorn answers 503
PEER_S = 30.0  # for the rest of a request, or of an answer that does not get through; a slow line takes less
GRACE_S = 2  # for answers that are under way when the server stops


class Prompt(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, which would wait for ever for a request that was begun, or an answer to be read."""

    peer_s = PEER_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        """Begin to wait for the peer, unless it is waited for already or waits itself."""
        cycle = self.cycle
        if cycle and not (cycle.response_complete or cycle.more_body or self.flow.write_paused):
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.peer_s, self.transport.abort)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Web(uvicorn.Server):
    """Serves one ASGI application on one listening socket. `accepts` is set once connections are accepted."""

    def __init__(
        self,
        app: ASGIApp,
        sock: socket.socket,
        protocol: type[asyncio.Protocol] | None = None,
        tls: TlsPair | None = None,
        proxies: Sequence[str] = (),
        peer_s: float = PEER_S,
    ) -> None:
        """`protocol` replaces the HTTP/1.1 protocol class. The socket is closed when serving ends.

        `proxies` are networks that are believed when they say which client they speak for. A peer that is waited for
        longer than `peer_s` is gone, however it drips.
        """
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol or type("Prompt", (Prompt,), {"peer_s": peer_s}),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(proxies),
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=GRACE_S,
                ssl_certfile=tls.cert if tls else None,
                ssl_keyfile=tls.key if tls else None,
            )
        )
        self._sock = sock
        self.accepts = asyncio.Event()

    async def run_until_stopped(self) -> None:
        """Serve until `stop`, then let answers that are under way finish within `GRACE_S`."""
        await self.serve(sockets=[self._sock])

    def stop(self) -> None:
        """Stop accepting, soon."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepts.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound(host: str, port: int) -> socket.socket:
    """A listening TCP socket. OSError when the address is taken or is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, backlog=128)
    sock.setblocking(False)
    return sock

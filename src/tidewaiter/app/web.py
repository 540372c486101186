"""uvicorn inside our own event loop: it serves sockets that we opened and leaves signals to us."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from tidewaiter.config import TlsPair

if TYPE_CHECKING:
    from starlette.types import ASGIApp

CONNECTIONS = 256  # people and probes; beyond it uvicorn answers 503
GRACE_S = 2  # for answers that are under way when the server stops


class Web(uvicorn.Server):
    """Serves one ASGI application on one listening socket. `accepts` is set once connections are accepted."""

    def __init__(
        self,
        app: ASGIApp,
        sock: socket.socket,
        protocol: type[asyncio.Protocol] | None = None,
        tls: TlsPair | None = None,
        proxies: Sequence[str] = (),
    ) -> None:
        """`protocol` replaces uvicorn's HTTP/1.1 protocol class. The socket is closed when serving ends.

        `proxies` are networks that are believed when they say which client they speak for.
        """
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol or "h11",
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

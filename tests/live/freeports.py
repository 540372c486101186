"""Ports for servers that start later, not to be taken meanwhile by a connection or by another worker's tests."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from itertools import count

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = count(20_000 + 8 * secrets.randbelow(800) + _WORKER % 8, 8)


def free_port() -> int:
    """A loopback port for a server that starts later: told once, not to another worker either, and below those that a
    system takes for connections."""
    while True:
        port = next(_ports)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port

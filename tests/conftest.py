from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The only loop that the product runs on."""
    return "asyncio"


@pytest.fixture
def deserted() -> Iterator[Callable[[Path], None]]:
    """Has a server listen on a Unix socket, which goes away as soon as it was asked something."""
    with ExitStack() as ends:

        def listen(at: Path) -> None:
            listener = ends.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(at))
            listener.listen()

            def hang_up() -> None:
                peer, _ = listener.accept()
                peer.recv(65536)
                peer.close()

            thread = threading.Thread(target=hang_up)
            thread.start()
            ends.callback(thread.join, 30)

        yield listen

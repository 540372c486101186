"""A way to a TCP server that can be cut, made to hang, or turned to another: what a network does."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Lane:
    """Relays `port` of this machine to `target`. While `hangs`, nothing moves and no connection ends.

    New connections go to what `target` is then.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._goes = threading.Event()
        self._goes.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self) -> None:
        """Let nothing through."""
        self._goes.clear()

    def heal(self) -> None:
        """Let what waited, and everything else, through."""
        self._goes.set()

    def cut(self) -> None:
        """Reset every connection; new ones get through."""
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self._goes.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            near.close()
            return
        self._pairs.append((near, far))
        with near, far, selectors.DefaultSelector() as ready:
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            with contextlib.suppress(OSError):
                while True:
                    for key, _ in ready.select():
                        self._goes.wait()
                        chunk = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not chunk:
                            return
                        key.data.sendall(chunk)

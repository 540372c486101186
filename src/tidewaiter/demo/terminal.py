"""A program at a terminal of its own: what a person at a keyboard sees of psql, Ctrl-C included.

Without a terminal psql leaves at the first Ctrl-C, and the session with it.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

CHUNK_BYTES = 4096


@dataclass(slots=True)
class Terminal:
    """The keyboard and the screen of one running program. `seen` is all that the screen showed."""

    program: subprocess.Popen[bytes]
    keyboard: int
    seen: str = field(default="", init=False)

    def type(self, line: str) -> None:
        """Type a line and Return."""
        os.write(self.keyboard, line.encode() + b"\n")

    def ctrl_c(self) -> None:
        """Interrupt the program as its terminal would."""
        self.program.send_signal(signal.SIGINT)

    def shows(self, text: str, limit_s: float, after: int = 0) -> bool:
        """Read until `text` is on the screen; False when it is not there after `limit_s` seconds or at the end.

        `after` is how many characters of `seen` do not count.
        """
        deadline = time.monotonic() + limit_s
        while text not in self.seen[after:]:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self._read(left_s):
                return text in self.seen[after:]
        return True

    def ends(self, limit_s: float) -> int | None:
        """Read until the program ends; its exit code, None when it goes on."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline and self._read(deadline - time.monotonic()):
            pass
        try:
            return self.program.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def _read(self, limit_s: float) -> bool:
        ready, _, _ = select.select([self.keyboard], [], [], limit_s)
        if not ready:
            return False
        try:
            more = os.read(self.keyboard, CHUNK_BYTES)
        except OSError:  # EIO: the other side of a pseudo-terminal is closed
            return False
        self.seen += more.decode(errors="replace").replace("\r\n", "\n")
        return bool(more)


@contextlib.contextmanager
def at_terminal(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Run `command` at a terminal; it is killed at the end if it still runs."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        command, env={**environment, "TERM": "dumb"}, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        yield Terminal(program, ours)
    finally:
        program.kill()
        program.wait()
        os.close(ours)

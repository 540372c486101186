from __future__ import annotations

import sys

from tidewaiter.config import environment
from tidewaiter.demo.terminal import at_terminal

ECHO = """
import sys, time
print("isatty", sys.stdin.isatty(), flush=True)
try:
    while True: print("got", input(), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True); sys.exit(7)
"""


def test_program_sees_a_terminal_its_lines_and_ctrl_c() -> None:
    with at_terminal([sys.executable, "-c", ECHO], environment()) as terminal:
        assert terminal.shows("isatty True\n", 60)
        terminal.type("hello")
        assert terminal.shows("got hello\n", 60)
        assert not terminal.shows("got nothing", 0.1)
        terminal.ctrl_c()
        assert terminal.ends(60) == 7
        assert "interrupted" in terminal.seen


def test_end_of_the_program_ends_the_reading() -> None:
    with at_terminal([sys.executable, "-c", "print('bye')"], environment()) as terminal:
        assert not terminal.shows("something else", 60)
        assert "bye" in terminal.seen


def test_program_that_goes_on_is_killed_at_the_end() -> None:
    with at_terminal([sys.executable, "-c", "import time; time.sleep(60)"], environment()) as terminal:
        assert terminal.ends(0.1) is None
    assert terminal.program.returncode == -9

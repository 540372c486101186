"""The README's own commands: the tour must hold, and the demo must start, serve and go away."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from rig import COMMAND, PATIENCE

LIMIT_S = 60 * PATIENCE
pytestmark = pytest.mark.timeout(2 * LIMIT_S)  # each loads a company's data; the suite's own limit is for less


def test_tour_holds() -> None:
    done = subprocess.run([*COMMAND, "demo", "--tour"], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert "✗" not in done.stdout


def test_demo_serves_until_ctrl_c_and_cleans_up() -> None:
    demo = subprocess.Popen([*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert demo.stdout
    said = ""
    try:
        while "Ctrl-C ends the demo" not in said:
            line = demo.stdout.readline()
            assert line, said
            said += line
        (paste,) = (line.strip() for line in said.splitlines() if "-U alice shop" in line)
        done = subprocess.run(
            ["sh", "-c", f"{paste} -XAtc 'select count(*) from customers'"], capture_output=True, text=True
        )
        assert (done.stdout, done.stderr) == ("20000\n", "")
    finally:
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=LIMIT_S)
    assert demo.returncode == 0, rest
    folder = said.split("deployment  ")[1].splitlines()[0]
    assert not Path(folder).exists()

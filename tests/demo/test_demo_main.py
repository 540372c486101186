from __future__ import annotations

import signal
import time

import pytest
from freeports import free_port

from tidewaiter import demo
from tidewaiter.demo import stack as stacks
from tidewaiter.demo.data import Size
from tidewaiter.demo.stack import Stack
from tidewaiter.demo.tour import STEPS

TINY = Size(customers=30, orders=40, products=5, employees=5, tickets=5)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "Size", lambda: TINY)
    monkeypatch.setattr(stacks, "_preferred", lambda port: free_port())  # another demo may start meanwhile


def test_tour_of_a_tiny_company_holds(capsys: pytest.CaptureFixture[str]) -> None:
    told = demo.main(tour=True)
    said = capsys.readouterr().out
    assert told == 0, said
    assert f"all {len(STEPS)} steps held" in said
    assert "✗" not in said


def test_ctrl_c_ends_the_demo_and_restores_the_signals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def ctrl_c(stack: Stack) -> int:
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("the signal must have ended it")

    monkeypatch.setattr(demo, "_wait", ctrl_c)
    assert demo.main(tour=False) == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    said = capsys.readouterr().out
    assert "audit touched customers --on today" in said
    assert "stopping, and deleting everything" in said


def test_gateway_that_dies_ends_the_demo_with_its_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = demo._wait

    def killed(stack: Stack) -> int:
        monkeypatch.setattr(time, "sleep", lambda _: stack.gateway.kill())
        return wait(stack)

    monkeypatch.setattr(demo, "_wait", killed)
    assert demo.main(tour=False) == 1
    assert "the gateway ended:" in capsys.readouterr().out

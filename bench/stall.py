"""How long one client waits while another sends what is hard to understand: the longest time that nothing else ran.

A bystander asks `select 1` over and over, each time by itself, while a second client sends statements that are nested
10,000 deep, have 50,000 terms, compare with a mebibyte of values, or are 10 MB long. What the bystander waits for at
most is the longest that the event loop stood still, and the scheduler's part of it: compare with the direct column.
"""

from __future__ import annotations

import contextlib
import threading
from time import perf_counter

from bench.client import Client, ServerError
from bench.targets import Target

NESTED = 10_000
TERMS = 50_000
LIST_BYTES = 1 << 20
TEXT_BYTES = 10_000_000
PING = "select 1"
CALM_PINGS = 200


def hostile() -> dict[str, str]:
    """The texts by what is hard about them."""
    numbers = ",".join(str(number) for number in range(LIST_BYTES // 7))
    return {
        "nested 10,000 deep": f"select {'(' * NESTED}1{')' * NESTED}",
        "50,000 terms": f"select {'+'.join(['1'] * TERMS)}",
        "1 MB IN list": f"select aid from pgbench_accounts where aid in ({numbers})",
        "10 MB text": f"select '{'x' * TEXT_BYTES}'",
    }


class Bystander(threading.Thread):
    """Asks over and over until told to stop; `longest_s` is the longest that it waited."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._stop_asking = threading.Event()
        self.longest_s = 0.0

    def run(self) -> None:
        while not self._stop_asking.is_set():
            began = perf_counter()
            self._client.query(PING)
            self.longest_s = max(self.longest_s, perf_counter() - began)

    def stop(self) -> float:
        """Let the question under way end; return the longest wait."""
        self._stop_asking.set()
        self.join()
        return self.longest_s


def longest_wait_s(target: Target, text: str) -> float:
    """Seconds that a bystander waited at most while another client sent this text, and some time after."""
    with contextlib.closing(Client(target.login)) as calm, contextlib.closing(Client(target.login)) as other:
        for _ in range(CALM_PINGS):  # so that its own statement is known
            calm.query(PING)
        bystander = Bystander(calm)
        bystander.start()
        with contextlib.suppress(ServerError):  # too deep for the server, or refused: it was looked at all the same
            other.query(text)
        return bystander.stop()

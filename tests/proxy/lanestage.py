"""A lane by itself: what it calls is noted, and what it is told is made here."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from modelserver import BY_ID, ONE
from playbook import READY, rows

from tidewaiter.model import Allow, Facts
from tidewaiter.proxy.lane import Lane, NoLane
from tidewaiter.proxy.names import Statement
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.wire import postgres as pg

native = pytest.mark.skipif(Lane is NoLane, reason="not compiled")
JUDGED = Judged(Facts(), Allow(), b'"verbs":["select"]', is_weighty=False, is_barrier=False)
SELECT = pg.query(ONE.sql)
EXECUTED = pg.execute(b"", 0) + pg.sync()
DESCRIBED = pg.describe("P", b"") + EXECUTED
ANSWER = rows(b"1") + READY
HEAD = rows()[: -len(pg.command_complete("SELECT 0"))]  # RowDescription
BOUND = pg.bind_complete()


def said(is_written: bool) -> None:
    """What is called at the end of a turn."""


class Upstream:
    """A link that keeps what is written to it."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.got.append(data)


class Road:
    """A lane without a session: everything that it calls is noted."""

    def __init__(self, *, keeps_binds: bool = True, most_bytes: int = 4096) -> None:
        self.long: list[tuple[str, object]] = []
        self.entries: list[tuple[bytes, bytes, int]] = []
        self.done: list[tuple[object, ...]] = []
        self.counted: list[tuple[int, int]] = []
        self.turns: list[Callable[[bool], None]] = []
        self.unsaid: list[bytes] = []
        self.now: list[bytes] = []
        self.upstream = Upstream()
        self.judged: dict[bytes, Judged] = {ONE.sql: JUDGED, BY_ID.sql: JUDGED}
        self.given: dict[str, Any] = {
            "ask": lambda chunk: self.long.append(("ask", chunk)),
            "answer": lambda chunk: self.long.append(("answer", chunk)),
            "fail": lambda defect: self.long.append(("fail", repr(defect))),
            "plain": self.judged.get,
            "went": lambda *given: self.long.append(("went", given)),
            "done": lambda *given: self.done.append(given),
            "ran": lambda *given: self.entries.append(given),
            "batch": None,
            "counted": lambda *given: self.counted.append(given),
            "say_now": self.now.append,
            "written": self.turns.append,
            "said": said,
            "clock_us": count(1000, 7).__next__,
            "server": self.upstream,
            "known": {b"p": Statement(BY_ID.sql, (23, 4_294_967_295), Facts()), b"sql": Statement(b"", (), Facts())},
            "unsaid": self.unsaid,
            "who": b'"session":"s"',
            "most_bytes": most_bytes,
            "keeps_binds": keeps_binds,
        }
        self.lane = Lane(**self.given)

    def armed(self, *, in_transaction: bool = False) -> Road:
        self.lane.arm(in_transaction)
        return self

    def but(self, **given: object) -> Road:
        """The same, but for what is given; armed."""
        self.lane = Lane(**self.given | given)
        return self.armed()


def bound(*values: bytes, name: bytes = b"p", portal: bytes = b"", after: bytes = DESCRIBED) -> bytes:
    return pg.bind(portal, name, [], values, []) + after


def parsed(text: bytes, *values: bytes, oids: tuple[int, ...] = (), after: bytes = DESCRIBED) -> bytes:
    """A Parse of the unnamed statement and a round of it."""
    return pg.parse(b"", text, oids) + bound(*values, name=b"", after=after)


PARSED = pg.parse_complete()
INTS = (23, 4_294_967_295)

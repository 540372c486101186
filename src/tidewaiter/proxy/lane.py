"""The steady path of a session: one known, plain statement at a time, past everything else.

All chunks of a session come in by its lane. Where it is written in C (`_lane.c`) and armed, it takes a chunk that is
one plain statement, which `Rounds` would take too, or the same behind a Parse of the unnamed statement. It has it
judged (`plain`), lets it go on, and holds it until its whole answer comes in one chunk, whose entry it makes and
records (`ran`) and of which it tells what the session must know for later
(`done`). A session arms it when everything in it is at rest: when nothing
that came before has a bearing on what comes next. Whatever the lane does not take it gives to the session (`ask`,
`answer`), disarmed, after what it holds (`went`): the session goes on as if it had taken that itself. So nothing is
decided here, and the ledger has the same entries with a lane and without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class NoLane:
    """What stands in the lane's place where it was not built: everything goes to the session."""

    def __init__(self, *, ask: Callable[[bytes], None], answer: Callable[[bytes], None], **_: object) -> None:
        self.asked = ask
        self.answered = answer
        self.is_busy = False

    def arm(self, in_transaction: bool, /) -> None:
        """Take what is plain from now on; the session is at rest."""

    def disarm(self) -> None:
        """Take nothing more; give what is under way to the session."""


Lane: Callable[..., Any]
"""`NoLane`, or the one in C where it can be had: it takes the same, and more; see _lane.pyi."""
try:
    import tidewaiter.proxy._lane as _lane

    Lane = _lane.Lane
except ModuleNotFoundError:
    Lane = NoLane

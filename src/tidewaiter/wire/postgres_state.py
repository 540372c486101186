"""What a PostgreSQL server still owes for what was sent to it: one table, looked up per reply.

The extended protocol answers each message in order; after an error the server skips to the next Sync. A simple Query and
a FunctionCall end with ReadyForQuery. https://www.postgresql.org/docs/current/protocol-flow.html
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Final, Generic, TypeVar

from tidewaiter.errors import ProtocolViolation

T = TypeVar("T")


class Owes(IntEnum):
    """The message that the server has yet to answer."""

    PARSE = 1
    BIND = 2
    CLOSE = 3
    DESCRIBE_STATEMENT = 4
    DESCRIBE_PORTAL = 5
    EXECUTE = 6
    SYNC = 7
    QUERY = 8
    FUNCTION_CALL = 9


class Step(IntEnum):
    """What a reply means for the debt at the head of the queue."""

    KEEP = 1  # part of the answer, more follows
    DONE = 2  # the answer is complete
    RESULT = 3  # one statement of a simple Query is complete
    SUSPENDED = 4  # Execute's row limit was reached
    FAILED = 5  # an error; the server skips to Sync
    ERROR = 6  # an error; ReadyForQuery follows
    COPY_IN = 7  # the server waits for copy data
    READY = 8  # ReadyForQuery


ASYNCHRONOUS: Final = frozenset(b"NSA")
"""NoticeResponse, ParameterStatus, NotificationResponse may come at any time."""

_EXTENDED: Final = (Owes.PARSE, Owes.BIND, Owes.CLOSE, Owes.DESCRIBE_STATEMENT, Owes.DESCRIBE_PORTAL, Owes.EXECUTE)

STEPS: Final[dict[tuple[int, int], Step]] = {
    (Owes.PARSE, ord("1")): Step.DONE,
    (Owes.BIND, ord("2")): Step.DONE,
    (Owes.CLOSE, ord("3")): Step.DONE,
    (Owes.DESCRIBE_STATEMENT, ord("t")): Step.KEEP,
    (Owes.DESCRIBE_STATEMENT, ord("T")): Step.DONE,
    (Owes.DESCRIBE_STATEMENT, ord("n")): Step.DONE,
    (Owes.DESCRIBE_PORTAL, ord("T")): Step.DONE,
    (Owes.DESCRIBE_PORTAL, ord("n")): Step.DONE,
    (Owes.EXECUTE, ord("C")): Step.DONE,
    (Owes.EXECUTE, ord("I")): Step.DONE,
    (Owes.EXECUTE, ord("s")): Step.SUSPENDED,
    (Owes.EXECUTE, ord("G")): Step.COPY_IN,
    (Owes.EXECUTE, ord("H")): Step.KEEP,
    (Owes.EXECUTE, ord("c")): Step.KEEP,
    (Owes.QUERY, ord("T")): Step.KEEP,
    (Owes.QUERY, ord("C")): Step.RESULT,
    (Owes.QUERY, ord("I")): Step.RESULT,
    (Owes.QUERY, ord("G")): Step.COPY_IN,
    (Owes.QUERY, ord("H")): Step.KEEP,
    (Owes.QUERY, ord("c")): Step.KEEP,
    (Owes.QUERY, ord("E")): Step.ERROR,
    (Owes.QUERY, ord("Z")): Step.READY,
    (Owes.FUNCTION_CALL, ord("V")): Step.KEEP,
    (Owes.FUNCTION_CALL, ord("E")): Step.ERROR,
    (Owes.FUNCTION_CALL, ord("Z")): Step.READY,
    (Owes.SYNC, ord("Z")): Step.READY,
    (Owes.SYNC, ord("E")): Step.KEEP,  # a deferred constraint that fails at the commit which Sync implies
    **{(kind, ord("E")): Step.FAILED for kind in _EXTENDED},
}

Debt = tuple[Owes, T | None]


class Owed(Generic[T]):
    """The queue of debts of one server connection. `T` is what the owner remembers with a debt.

    `is_skipping`: an error of the extended protocol was seen and no Sync was sent since, so that whatever else is sent
    will not be answered. `is_copying_in`: the server waits for copy data and ignores Sync.
    """

    __slots__ = ("debts", "is_copying_in", "is_skipping")

    def __init__(self) -> None:
        self.debts: deque[Debt[T]] = deque()
        self.is_skipping = False
        self.is_copying_in = False

    def sent(self, kind: Owes, memo: T | None = None) -> bool:
        """Note that a message was sent; False when the server will skip it."""
        if kind is Owes.SYNC:
            if self.is_copying_in:
                return False
            self.is_skipping = False
        elif self.is_skipping:
            return False
        self.debts.append((kind, memo))
        return True

    def copy_ended(self) -> None:
        """Note that CopyDone or CopyFail was sent."""
        self.is_copying_in = False

    def reply(self, kind: int) -> tuple[Step, Debt[T] | None]:
        """Settle a reply other than a row or an asynchronous message: what it means and for which debt.

        The debt is removed when the step is DONE, SUSPENDED, READY or FAILED; `failed` then gives what is skipped.
        With nothing owed, errors (the server says good-bye) and ReadyForQuery pass. Raises ProtocolViolation else.
        """
        if not self.debts:
            if kind in b"EZ":
                return Step.KEEP, None
            raise ProtocolViolation(f"the server sent {chr(kind)!r} unasked")
        debt = self.debts[0]
        step = STEPS.get((debt[0], kind))
        if step is None:
            raise ProtocolViolation(f"the server sent {chr(kind)!r} in answer to {debt[0].name}")
        if step is Step.COPY_IN:
            self._copy_in()
        elif step is Step.DONE or step is Step.READY or step is Step.SUSPENDED or step is Step.FAILED:
            self.debts.popleft()
            self.is_copying_in = False
        elif step is Step.ERROR:
            self.is_copying_in = False
        return step, debt

    def failed(self) -> list[Debt[T]]:
        """After FAILED: remove and return, in order, what the server skips up to the next Sync."""
        skipped: list[Debt[T]] = []
        while self.debts and self.debts[0][0] is not Owes.SYNC:
            skipped.append(self.debts.popleft())
        self.is_skipping = not self.debts
        return skipped

    def _copy_in(self) -> None:
        """The server now reads copy data: a Sync that was sent already is read, and ignored, as part of it."""
        self.is_copying_in = True
        if len(self.debts) > 1 and self.debts[1][0] is Owes.SYNC and self.debts[0][0] is Owes.EXECUTE:
            del self.debts[1]

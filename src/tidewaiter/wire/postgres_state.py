"""What a PostgreSQL server still owes for what was sent to it: one table, looked up per reply.

The extended protocol answers each message in order; after an error the server skips to the next Sync. A simple Query
and a FunctionCall end with ReadyForQuery. https://www.postgresql.org/docs/current/protocol-flow.html
"""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

from tidewaiter.errors import ProtocolViolation

T = TypeVar("T")


class Owes:
    """The message that the server has yet to answer. Plain numbers: an Enum's hash is a Python call per reply."""

    PARSE: Final = 1
    BIND: Final = 2
    CLOSE: Final = 3
    DESCRIBE_STATEMENT: Final = 4
    DESCRIBE_PORTAL: Final = 5
    EXECUTE: Final = 6
    SYNC: Final = 7
    QUERY: Final = 8
    FUNCTION_CALL: Final = 9
    ROUND: Final = 10  # Bind, Execute and Sync that went as one, see `Owed.unfold`
    DESCRIBED_ROUND: Final = 11  # with a Describe of the portal between


class Step:
    """What a reply means for the debt at the head of the queue."""

    VIOLATION: Final = 0  # not an answer to this message
    KEEP: Final = 1  # part of the answer, more follows
    DONE: Final = 2  # the answer is complete
    RESULT: Final = 3  # one statement of a simple Query is complete
    SUSPENDED: Final = 4  # Execute's row limit was reached
    FAILED: Final = 5  # an error; the server skips to Sync
    ERROR: Final = 6  # an error; ReadyForQuery follows
    COPY_IN: Final = 7  # the server waits for copy data
    READY: Final = 8  # ReadyForQuery


ASYNCHRONOUS: Final = frozenset(b"NSA")
"""NoticeResponse, ParameterStatus, NotificationResponse may come at any time."""

_EXTENDED: Final = (Owes.PARSE, Owes.BIND, Owes.CLOSE, Owes.DESCRIBE_STATEMENT, Owes.DESCRIBE_PORTAL, Owes.EXECUTE)

STEPS: Final[dict[tuple[int, int], int]] = {
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

_TABLE: Final = [STEPS.get((owes, reply), Step.VIOLATION) for owes in range(10) for reply in range(256)]

Debt = tuple[int, T | None]
"""(one of Owes, what the owner remembers with it)."""


class Owed(Generic[T]):
    """The queue of debts of one server connection. `T` is what the owner remembers with a debt.

    `is_skipping`: an error of the extended protocol was seen and no Sync was sent since, so that whatever else is sent
    will not be answered. `is_copying_in`: the server waits for copy data and ignores Sync.
    """

    __slots__ = ("_ends", "_sent", "debts", "is_copying_in", "is_skipping")

    def __init__(self) -> None:
        self.debts: deque[Debt[T]] = deque()
        self.is_skipping = False
        self.is_copying_in = False
        self._sent = 0  # how many debts there were so far
        self._ends: list[int] = []  # the same when copy data ended that the server had not asked for yet

    def sent(self, kind: int, memo: T | None = None) -> bool:
        """Note that a message was sent; False when the server will skip it."""
        if kind == Owes.SYNC:
            if self.is_copying_in:
                return False
            self.is_skipping = False
        elif self.is_skipping:
            return False
        self._sent += 1
        self.debts.append((kind, memo))
        return True

    def copy_ended(self) -> None:
        """Note that CopyDone or CopyFail was sent."""
        if not self.is_copying_in and self.debts and self._ends[-1:] != [self._sent]:
            self._ends.append(self._sent)
        self.is_copying_in = False

    def reply(self, kind: int) -> tuple[int, Debt[T] | None]:
        """Settle a reply other than a row or an asynchronous message: what it means and for which debt.

        The debt is removed when the step is DONE, SUSPENDED, READY or FAILED; `failed` then gives what is skipped.
        With nothing owed, errors (the server says good-bye) and ReadyForQuery pass. Raises ProtocolViolation else.
        """
        if not self.debts:
            if kind in b"EZ":
                return Step.KEEP, None
            raise ProtocolViolation(f"the server sent {chr(kind)!r} unasked")
        self.unfold()
        debt = self.debts[0]
        step = _TABLE[debt[0] << 8 | kind]
        if step == Step.KEEP or step == Step.RESULT:
            return step, debt
        if step == Step.VIOLATION:
            raise ProtocolViolation(f"the server sent {chr(kind)!r} in answer to message {debt[0]}")
        if step == Step.COPY_IN:
            self._copy_in()
            return step, debt
        self.is_copying_in = False
        if step != Step.ERROR:
            self.debts.popleft()
        return step, debt

    def unfold(self) -> None:
        """Put what a round consists of in its place at the head of the queue. The execution keeps the memo."""
        if not self.debts or self.debts[0][0] < Owes.ROUND:
            return
        kind, memo = self.debts.popleft()
        self.debts.extendleft(((Owes.SYNC, None), (Owes.EXECUTE, memo)))
        added = 3 if kind == Owes.DESCRIBED_ROUND else 2
        self._sent += added
        self._ends = [end + added for end in self._ends]
        if kind == Owes.DESCRIBED_ROUND:
            self.debts.appendleft((Owes.DESCRIBE_PORTAL, None))
        self.debts.appendleft((Owes.BIND, None))

    def failed(self) -> list[Debt[T]]:
        """After FAILED: remove and return, in order, what the server skips up to the next Sync."""
        skipped: list[Debt[T]] = []
        self.unfold()
        while self.debts and self.debts[0][0] != Owes.SYNC:
            skipped.append(self.debts.popleft())
            self.unfold()
        self.is_skipping = not self.debts
        return skipped

    def _copy_in(self) -> None:
        """The server reads copy data now, up to its end if that was sent already; a Sync within is ignored."""
        before = self._sent - len(self.debts)
        ends = [end - before for end in self._ends if end > before]
        self.is_copying_in = not ends
        within = ends[0] if ends else len(self.debts)
        while within > 1 and self.debts[1][0] == Owes.SYNC:
            del self.debts[1]
            within -= 1
        self._sent = len(self.debts)  # counted anew from here
        self._ends = [end - (ends[0] - within) for end in ends[1:]]

"""The short road of what is asked again and again: one known, plain statement, whole and alone in one chunk. No socket.

Of a busy session's statements nearly all are a Query, or Bind, Execute and Sync of a prepared statement, whose text was
judged before and may simply run. `Rounds.take` decides and notes exactly what `Asks` would, without taking the messages
apart one by one, and the chunk goes on as it is. Whatever is in the least unusual is left to `Asks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tidewaiter.model import Allow
from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.asks import Asks
from tidewaiter.proxy.names import Portal, Statement
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Execution
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER, length_at
from tidewaiter.wire.postgres_parts import NAME_BYTES
from tidewaiter.wire.postgres_state import Owes

_EXECUTED: Final = postgres.execute(b"", 0) + postgres.sync()
_DESCRIBED: Final = postgres.describe("P", b"") + _EXECUTED
_NAME: Final = HEADER + 1  # where Bind's statement name begins after an empty portal name


class Rounds:
    """Takes one client's chunks, before its `Asks` does."""

    __slots__ = (
        "_answers", "_asks", "_clock_us", "_is_recordable", "_names", "_owed", "_standing", "_statement_bytes",
    )  # fmt: skip

    def __init__(
        self,
        standing: Standing,
        asks: Asks,
        answers: Answers,
        clock_us: Callable[[], int],
        is_recordable: Callable[[], bool],
        statement_bytes: int,
    ) -> None:
        self._statement_bytes = statement_bytes
        self._standing = standing
        self._names = standing.names
        self._asks = asks
        self._answers = answers
        self._owed = answers.owed
        self._clock_us = clock_us
        self._is_recordable = is_recordable

    def take(self, chunk: bytes) -> bool:
        """Whether the chunk is one plain statement and was taken: then it goes to the server as it is.

        It begins where a message begins; nothing that came before it waits. Raises ProtocolViolation.
        """
        size = len(chunk)
        if size <= HEADER or size > self._statement_bytes:
            return False
        kind = chunk[0]
        if kind != postgres.QUERY and kind != postgres.BIND:
            return False
        if not self._asks.is_clear or self._owed.is_skipping:
            return False
        if kind == postgres.QUERY:
            return self._take_query(chunk, size)
        return not self._owed.is_copying_in and self._take_bind(chunk, size)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing that came before has a bearing on what comes next, but for an open transaction."""
        asks, names = self._asks, self._names
        if asks.is_unsynced or asks.out or asks.local or asks.weighty is not None or asks.awaited is not None:
            return False
        if names.changes or any(name or not portal.is_done for name, portal in names.portals.items()):
            return False
        return asks.is_clear and self._answers.is_at_rest

    def went(
        self,
        owes: int,
        is_parsed: bool,
        statement: Statement | None,
        judged: Judged,
        text: bytes,
        binds: bytes,
        oids: tuple[int, ...],
        began_us: int,
    ) -> None:
        """Note a statement that was taken elsewhere, in a session at rest, and went to the server.

        `statement` is the prepared one, None for a Query, and where `is_parsed`: a Parse before it makes it the unnamed
        one.
        """
        if is_parsed:
            statement = Statement(text, oids, judged.facts)
            self._owed.sent(Owes.PARSE, self._names.prepare(b"", statement))
        portal = None if statement is None else self._portal(statement, binds)
        self._owed.sent(owes, Execution(judged, text, began_us, binds, oids, "", portal))
        self._names.syncs += owes != Owes.QUERY
        self._asks.went_past(ends_with_sync=owes != Owes.QUERY)

    def done(
        self,
        owes: int,
        is_parsed: bool,
        statement: Statement | None,
        judged: Judged,
        text: bytes,
        binds: bytes,
        oids: tuple[int, ...],
        began_us: int,
    ) -> None:
        """Note what stays of such a statement, and is not in the ledger: it was answered and recorded elsewhere."""
        if is_parsed:
            statement = self._names.statements[b""] = Statement(text, oids, judged.facts)
        if self._answers.transaction != "I":
            self._asks.went_past(ends_with_sync=owes != Owes.QUERY)
            if statement is not None:
                self._portal(statement, binds)

    def _portal(self, statement: Statement, binds: bytes) -> Portal | None:
        """Let the unnamed portal stand for a statement that is being executed; None where it ends with that.

        It ends with the transaction, which is here and now where nothing else is under way.
        """
        if self._answers.transaction == "I" and not self._owed.debts and not self._asks.is_unsynced:
            return None
        portal = Portal(statement, b"", binds)
        portal.is_done = True  # when anything else can use it
        self._names.portals[b""] = portal
        return portal

    def _take_query(self, chunk: bytes, size: int) -> bool:
        if length_at(chunk, 0) != size or chunk.find(0, HEADER) != size - 1:
            return False
        text = chunk[HEADER : size - 1]
        judged = self.plain(text)
        if judged is None:
            return False
        self._owed.sent(Owes.QUERY, Execution(judged, text, self._clock_us()))
        self._asks.went_past(ends_with_sync=False)
        return True

    def _take_bind(self, chunk: bytes, size: int) -> bool:
        body_end = length_at(chunk, 0)
        if size - body_end > len(_DESCRIBED):
            return False
        rest = chunk[body_end:]  # compared as a whole: cheaper than endswith, once compiled
        if rest == _DESCRIBED:
            owes = Owes.DESCRIBED_ROUND
        elif rest == _EXECUTED:
            owes = Owes.ROUND
        else:
            return False
        name_end = chunk.find(0, _NAME, body_end)
        if chunk[HEADER] or name_end < 0 or name_end - _NAME > NAME_BYTES:
            return False
        names, name = self._names, chunk[_NAME:name_end]
        statement = names.statements.get(name)
        if statement is None or not statement.text or not names.counts(False, name):
            return False
        before = names.portals.get(b"")  # if the server refuses this Bind, the name still stands for that
        judged = self.plain(statement.text) if before is None or before.is_done else None
        if judged is None:
            return False
        binds = chunk[name_end + 1 : body_end]
        portal = self._portal(statement, binds)
        run = Execution(judged, statement.text, self._clock_us(), binds, statement.oids, "", portal)
        self._owed.sent(owes, run)
        names.syncs += 1
        self._asks.went_past(ends_with_sync=True)
        return True

    def plain(self, text: bytes) -> Judged | None:
        """The judgement of a text that may simply run and be recorded when it ends; None for every other."""
        judged = self._standing.recall(text, in_transaction=self._answers.transaction != "I")
        if judged is None or judged.is_weighty or judged.is_barrier or judged.limit is not None:
            return None
        if judged.plan is not None:  # the client's own bytes do not go on
            return None
        if not isinstance(judged.verdict, Allow) or judged.facts.control is not None:
            return None
        return judged if self._is_recordable() and not self._standing.wants_estimates else None

"""The server's half of a session: settle what it answers against what it owes, and record every end. No socket.

What `feed` returns may leave only after the ledger's write: the caller flushes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tidewaiter.proxy.exchange import Exchange
from tidewaiter.proxy.names import Portal, Undo
from tidewaiter.proxy.probe import Probe
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Execution, Trail
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import DATA_ROW, HEADER, BackendFrames, Frame, length_at
from tidewaiter.wire.postgres_backend import parse_command_complete
from tidewaiter.wire.postgres_state import ASYNCHRONOUS, Debt, Owed, Owes, Step

READY_BYTES = 6
_BOUND: Final = b"2\0\0\0\4"
_READY: Final = b"Z\0\0\0\5"


def answer_start(chunk: bytes, kind: int) -> int:
    """Where an answer's first row is, or CommandComplete; -1 when it does not begin as the answer to this debt."""
    at = 0
    if kind == Owes.ROUND or kind == Owes.DESCRIBED_ROUND:
        if chunk[: len(_BOUND)] != _BOUND:  # cheaper than startswith, once compiled
            return -1
        at = len(_BOUND)
        if kind == Owes.ROUND:
            return at
    elif kind != Owes.QUERY:
        return -1
    if at + HEADER > len(chunk):
        return -1
    if chunk[at] == postgres.ROW_DESCRIPTION or (kind == Owes.DESCRIBED_ROUND and chunk[at] == postgres.NO_DATA):
        return at + length_at(chunk, at)
    return at if kind == Owes.QUERY else -1


def answer_end(chunk: bytes, at: int) -> tuple[int, int]:
    """(CommandComplete's offset, its end), after rows that begin at `at`, if ReadyForQuery alone follows. Else -1s."""
    last = len(chunk) - READY_BYTES
    while at < last and chunk[at] == DATA_ROW:
        at += length_at(chunk, at)
    if at >= last or chunk[at] != postgres.COMMAND_COMPLETE:
        return -1, -1
    end = at + length_at(chunk, at)
    return (at, end) if end == last and chunk[end : end + len(_READY)] == _READY else (-1, -1)


def _is_final(error: bytes) -> bool:
    """Whether the server ends the session with this error."""
    return b"VFATAL\0" in error[:64] or b"VPANIC\0" in error[:64]


class Refused:
    """Memo of a message that stands in the place of a refused one: `error` replaces what the server says of it.

    It is empty where the server's own words are right.
    """

    __slots__ = ("error",)

    def __init__(self, error: bytes) -> None:
        self.error = error


Memo = Execution | Undo | Refused


class Answers:
    """Follows one server connection.

    `owed` is what the server still owes; `transaction` its last word on the transaction (I, T or E); `probe` the
    gateway's own question while it is under way; `said_goodbye` whether the client has the reason for the end already.
    `exchange` is the present step of a statement that the gateway runs itself, `guarded` that statement. `idles` counts
    how often the session became idle, `readies` how often the server was ready; `spent` has (request, SQLSTATE) of
    approved executions that failed.
    """

    __slots__ = (
        "_answered", "_backend", "_clock_us", "_names", "_standing", "_trail", "exchange", "guarded", "idles", "owed",
        "probe", "readies", "said_goodbye", "spent", "transaction",
    )  # fmt: skip

    def __init__(self, standing: Standing, trail: Trail, clock_us: Callable[[], int]) -> None:
        self.owed: Owed[Memo] = Owed()
        self.transaction = "I"
        self.idles = 0
        self.readies = 0
        self.spent: list[tuple[str, str]] = []
        self.probe: Probe | None = None
        self.exchange: Exchange | None = None
        self.guarded: Execution | None = None
        self.said_goodbye = False
        self._standing = standing
        self._names = standing.names
        self._trail = trail
        self._clock_us = clock_us
        self._backend = BackendFrames()
        self._answered = 0  # stream position up to which answers are settled

    def feed(self, chunk: bytes) -> bytes:
        """Take what the server sent; return what the client gets of it, now that everything it ends is recorded."""
        data, frames, end = self._backend.feed(chunk)
        if self.exchange is not None:
            return self._feed_exchange(self.exchange, data, frames, end)
        base = self._backend.position - end
        passing, cut = b"", 0
        if self.probe is not None:
            passing, cut = self._answer_probe(self.probe, data, frames, end)
            frames = [frame for frame in frames if frame[1] >= cut]
            self._answered = base + cut
        out: list[bytes] = []
        for kind, start, stop in frames:
            if kind in ASYNCHRONOUS:
                if kind == postgres.PARAMETER_STATUS:
                    self._note_parameter(data[start + HEADER : stop])
                continue
            step, debt = self.owed.reply(kind)
            if step == Step.KEEP:
                self._note(kind, debt, data[start + HEADER : stop])
                continue
            replacement = self._settle(step, debt, data, start, stop, base)
            if replacement is not None:
                out += (data[cut:start], replacement)
                cut = stop
        self._record_what_began()
        if out or cut:
            return passing + b"".join(out) + data[cut:end]
        return data if end == len(data) else data[:end]

    def feed_round(self, chunk: bytes) -> bool:
        """Take the whole answer to one plain statement, and nothing else; False when that is not what it is.

        Of a thousand answers, 999 are this: acknowledgements, rows, CommandComplete, ReadyForQuery in one chunk. They
        pass unchanged, and are settled here in one scan.
        """
        debts = self.owed.debts
        if not debts or self.exchange is not None or self.probe is not None or not self._backend.is_between:
            return False
        kind, memo = debts[0]
        if self._answered != self._backend.position or not isinstance(memo, Execution):
            return False
        start = answer_start(chunk, kind)
        if start < 0:
            return False
        tag, end = answer_end(chunk, start)
        if end < 0:
            return False
        debts.popleft()
        result = parse_command_complete(chunk[tag + HEADER : end])
        size = len(chunk)
        # A Query's bytes are all up to ReadyForQuery, an Execute's those from its first row to its CommandComplete.
        memo.bytes += size if kind == Owes.QUERY else end - start
        memo.results.append(result)
        memo.rows += result[1]
        self.owed.is_copying_in = False
        self._backend.passed(size)
        self._answered = self._backend.position
        self.finish(memo)
        self.ready(chr(chunk[size - 1]))
        return True

    @property
    def is_amid(self) -> bool:
        """Whether the last chunk ended within an answer."""
        return bool(self.owed.debts) and self._backend.position > self._answered

    @property
    def is_at_rest(self) -> bool:
        """Whether everything is answered, not in a failed transaction, and nobody waits for anything."""
        owed = self.owed
        return (
            self.transaction != "E"
            and not (owed.debts or owed.is_skipping or owed.is_copying_in or self.spent)
            and self.exchange is None
            and self.probe is None
            and self.guarded is None
            and self._backend.is_between
            and self._backend.position == self._answered
        )

    def _record_what_began(self) -> None:
        """The intent of an answer that does not end in this chunk is written before its first byte leaves."""
        if self.is_amid:
            kind, memo = self.owed.debts[0]
            if isinstance(memo, Execution) and memo.intent is None and kind < Owes.ROUND:
                self._trail.intent(memo)

    def _note_parameter(self, body: bytes) -> None:
        self._standing.parameter_changed(*postgres.parse_parameter_status(body))

    def _feed_exchange(self, exchange: Exchange, data: bytes, frames: list[Frame], end: int) -> bytes:
        """Everything belongs to the step that the gateway takes; nothing is owed besides."""
        for kind, start, stop in frames:
            if kind == postgres.PARAMETER_STATUS:
                self._note_parameter(data[start + HEADER : stop])
            elif kind == postgres.COPY_IN_RESPONSE:
                self.owed.is_copying_in = True
            elif kind == postgres.ERROR_RESPONSE:
                self.owed.is_copying_in = False
        passing = exchange.feed(data, frames, end)
        self._answered = self._backend.position
        if self.guarded is not None:
            self.guarded.bytes += len(passing)
        return passing

    def _answer_probe(self, probe: Probe, data: bytes, frames: list[Frame], end: int) -> tuple[bytes, int]:
        """What is the client's in the answer to the gateway's own question, and where that answer ends."""
        passing, rest = probe.feed(data[:end])
        cut = end - len(rest)
        for kind, start, stop in frames:
            if kind == postgres.PARAMETER_STATUS and start < cut:
                self._note_parameter(data[start + HEADER : stop])
        if probe.answer.done():
            self.probe = None
        return passing, cut

    def _note(self, kind: int, debt: Debt[Memo] | None, body: bytes) -> None:
        """Errors that answer no statement: a good-bye, or a commit that failed on a deferred constraint."""
        if kind == postgres.ERROR_RESPONSE:
            self.said_goodbye = debt is None or _is_final(body)
            if not self.said_goodbye:
                self._trail.event("commit.failed", {"sqlstate": postgres.sqlstate_of(body)})
        elif kind == postgres.READY_FOR_QUERY:
            self.readies += 1
            self.transaction = chr(body[0])

    def _settle(
        self, step: int, debt: Debt[Memo] | None, data: bytes, start: int, stop: int, base: int
    ) -> bytes | None:
        """Follow one reply; return what the client gets in its place, None for the reply itself."""
        assert debt is not None
        memo = debt[1]
        position = base + stop
        run = memo if isinstance(memo, Execution) else None
        if run is not None:
            run.bytes += position - self._answered
        self._answered = position
        if step == Step.DONE:
            if run is not None:
                self._result(run, data, start, stop)
                self.finish(run)
            elif isinstance(memo, Undo):
                self._end(self._names.settled(memo))
        elif step == Step.RESULT:
            assert run is not None
            self._result(run, data, start, stop)
        elif step == Step.READY:
            if run is not None:
                self.finish(run)
            self.ready(chr(data[start + HEADER]))
        elif step == Step.SUSPENDED:
            assert run is not None
            run.rows += run.limit
            self.suspend(run)
        elif step == Step.ERROR or step == Step.FAILED:
            return self._fail(step, memo, data[start + HEADER : stop])
        return None

    def _result(self, run: Execution, data: bytes, start: int, stop: int) -> None:
        """One statement is complete. EmptyQueryResponse has no tag."""
        if data[start] != postgres.COMMAND_COMPLETE:
            return
        tag, rows = parse_command_complete(data[start + HEADER : stop])
        run.results.append((tag, rows))
        run.rows += rows

    def finish(self, run: Execution) -> None:
        """Record the outcome and follow what the statement changed in the session."""
        self._trail.outcome(run, run.status, self._clock_us())
        portal = run.portal
        if portal is not None:
            portal.is_done = True
            if portal.execution is run:
                portal.execution = None
        if run.request and run.sqlstate:
            self.spent.append((run.request, run.sqlstate))
        facts = run.judged.facts
        if facts.effects:
            source = run.text if facts.parts == 1 else b""
            is_certain = not run.sqlstate
            self._end(
                self._names.apply(
                    facts.effects, is_certain=is_certain, source=source, plan=run.plan, origin=run.text, since=run.since
                )
            )
            self._standing.apply(facts.effects, is_certain=not run.sqlstate)
        if facts.control == "rollback_to":
            self._standing.rolled_back()
        elif facts.control == "commit_prepared":
            self._standing.committed_prepared()

    def ready(self, status: str) -> None:
        """The server is ready for the next statement; `status` is its word on the transaction."""
        self.readies += 1
        self.became(status)

    def became(self, status: str) -> None:
        """The server has said what became of the transaction, to the client or to the gateway alone."""
        self.transaction = status
        if status == "I":
            self.idles += 1
            if self._names.portals:
                self._end(self._names.transaction_ended())
            self._standing.transaction_ended()

    def abandon(self) -> None:
        """The session ends: others wait for what it may have defined without hearing of it."""
        runs = [self.guarded, *(memo for _, memo in self.owed.debts)]
        facts = [run.judged.facts for run in runs if isinstance(run, Execution)]
        self._standing.unanswered([effect for one in facts for effect in one.effects])

    def _end(self, suspended: list[Execution]) -> None:
        """Record executions that will not go on."""
        for run in suspended:
            self._trail.outcome(run, "ok", self._clock_us())

    def suspend(self, run: Execution) -> None:
        """A portal stopped at its row limit: its execution goes on with the next Execute.

        Unless the client has closed it since, or given its name to another, which the server is about to read.
        """
        portal = run.portal
        if not isinstance(portal, Portal) or self._names.portals.get(portal.name) is not portal:
            self.finish(run)
            return
        portal.execution = run
        if run.intent is None:
            self._trail.intent(run)

    def _fail(self, step: int, memo: Memo | None, body: bytes) -> bytes | None:
        """An error: note it, and undo and record what the server skips because of it."""
        replacement = None
        if isinstance(memo, Execution):
            run = memo
            run.sqlstate = postgres.sqlstate_of(body)
            if step == Step.FAILED:
                self.finish(run)
        elif isinstance(memo, Refused):
            replacement = memo.error or None
        if step == Step.FAILED:
            skipped = [memo, *(skipped for _, skipped in self.owed.failed())]
            for other in reversed(skipped):
                if isinstance(other, Undo):
                    other()
            for other in skipped[1:]:
                if isinstance(other, Execution):
                    self._trail.outcome(other, "skipped", self._clock_us())
        self.said_goodbye = _is_final(body)
        return replacement

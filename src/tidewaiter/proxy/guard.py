"""Run a client's statement in steps of the gateway's own, so that it can still be undone when its answer is known.

A statement under a row limit goes to the server as extended protocol without Sync, whatever the client sent: its
transaction stays open until the gateway has counted. Then comes the Sync that lets it stand, or, as for any refusal, a
message that always fails. Nothing else runs on the connection meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from tidewaiter.model import NOT_JUDGED, EffectKind
from tidewaiter.proxy import refusal
from tidewaiter.proxy.answers import Answers
from tidewaiter.proxy.exchange import Exchange, First, Kept, Nothing, Sieve, Through, first_columns
from tidewaiter.proxy.limits import COUNTS, RowLimit, changed, counts
from tidewaiter.proxy.masks import Plan
from tidewaiter.proxy.names import Portal, Statement
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Execution, Trail
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER
from tidewaiter.wire.postgres_backend import parse_command_complete

NAME = b"tidewaiter_counts"
KEPT_BYTES = 8 << 20  # of an answer that is held back until it is known what its statement changed
MOST_ROWS = 2**31 - 1  # Execute's row limit is an int32
COUNTS_BYTES = 4 << 20  # of the answer to COUNTS: some 100,000 tables that one transaction changed


@dataclass(frozen=True, slots=True)
class Guarded:
    """A statement to run under a limit: a simple Query, or an Execute of `portal` with the client's own row limit."""

    run: Execution
    limit: RowLimit
    portal: Portal | None = None
    client_limit: int = 0


class Wire(Protocol):
    """Both ends, and what a guard needs of the session: `interrupt` cancels what the server runs, and returns when the
    server has been told; `refuse` puts a failing message in the place of what comes next; `expect` tells the veil of a
    text that is about to be sent."""

    def to_client(self, data: bytes) -> None: ...

    def to_server(self, data: bytes) -> None: ...

    def refuse(self, error: bytes) -> None: ...

    def expect(self, plan: Plan) -> None: ...

    async def interrupt(self) -> None: ...


class _Failed(Exception):
    """The server said `error`."""

    def __init__(self, error: bytes) -> None:
        self.error = error


class _Exceeded(Exception):
    """More than the limit: `changed` rows, or, when that is None, more rows than may be read.

    `is_kept`: the answer is larger than what is held back. `is_skipping`: the server is past an error already.
    """

    def __init__(self, changed: int | None = None, *, is_kept: bool = False, is_skipping: bool = False) -> None:
        self.changed = changed
        self.is_kept = is_kept
        self.is_skipping = is_skipping


@dataclass(slots=True)
class _Step:
    """One execution. `begin` makes its portal. `source` is what it reads from, and counts the rows that were given of
    it so far, by Execute and by FETCH; None for what is run only once. `asked`, `is_suspended` say how it went."""

    part: int
    begin: bytes
    source: Portal | None
    portal: bytes = b""
    client_limit: int = 0
    asked: int = 0
    is_suspended: bool = False

    def give(self, rows: int) -> None:
        """Count rows that the client was given."""
        if self.source is not None:
            self.source.fetched += rows


class Guard:
    """Runs one session's statements under limits."""

    def __init__(self, session_id: str, wire: Wire, answers: Answers, standing: Standing, trail: Trail) -> None:
        self._session_id = session_id
        self._wire = wire
        self._answers = answers
        self._standing = standing
        self._names = standing.names
        self._trail = trail
        self._made: dict[tuple[str, int], Portal] = {}  # cursors of the text that runs, by name and how often made
        self._over: asyncio.Future[None] | None = None

    async def answer(self, guarded: Guarded) -> None:
        """Run it and answer the client. Raises LedgerUnavailable, ProtocolViolation: then the session must end."""
        run = self._answers.guarded = guarded.run
        if run.intent is None:
            self._trail.intent(run)
        self._made.clear()
        if guarded.portal is None:
            await self._simple(run, guarded.limit)
        else:
            await self._extended(guarded, guarded.portal)
        self._answers.exchange = None

    # -- simple protocol --------------------------------------------------------------------------------------------
    async def _simple(self, run: Execution, limit: RowLimit) -> None:
        """A Query, statement by statement. The unnamed statement that it leaves is closed, as the server would."""
        try:
            last = await self._pieces(run, limit)
        except _Failed as failed:
            self._fail(run, failed.error)
            again = postgres.sync() + postgres.close("S", b"") + postgres.sync()
            _, ready = await self._settle(again, readies=2)
        except _Exceeded as exceeded:
            error = self._exceed(run, limit, exceeded)
            _, ready = await self._settle(postgres.parse(b"", refusal.FAILING_TEXT, ()) + postgres.sync())
            self._wire.to_client(error)
        else:
            error, ready = await self._settle(postgres.close("S", b"") + postgres.sync())
            if error:  # of a constraint that is checked at the commit
                self._fail(run, error)
            else:
                self._finish(run)
                self._wire.to_client(last)
        self._answers.ready(chr(ready[HEADER]))
        self._wire.to_client(ready)

    async def _pieces(self, run: Execution, limit: RowLimit) -> bytes:
        """Run statement after statement; return what the client gets of the last once the transaction has ended."""
        facts = run.judged.facts
        is_one = facts.parts <= 1 or facts.unknown  # what is not understood is not taken apart
        texts = [(run.sent, 0)] if is_one else await self._standing.pieces(run.sent)
        last = b""
        for part, (text, offset) in enumerate(texts):
            self._wire.to_client(last)
            if run.plan is not None:
                self._wire.expect(run.plan.of_part(text, part))
            begin = postgres.parse(b"", text, ()) + postgres.bind(b"", b"", (), (), ()) + postgres.describe("P", b"")
            source = self._source(dict(facts.fetches).get(part), run)
            try:
                last = await self._execute(run, limit, _Step(part, begin, source))
            except _Failed as failed:
                raise _Failed(_moved(failed.error, offset)) from None
        return last

    # -- extended protocol ------------------------------------------------------------------------------------------
    async def _extended(self, guarded: Guarded, portal: Portal) -> None:
        run = guarded.run
        source = self._source(dict(run.judged.facts.fetches).get(0), run) or portal
        step = _Step(0, b"", source, portal.name, guarded.client_limit)
        try:
            answer = await self._execute(run, guarded.limit, step)
        except _Failed as failed:
            self._answers.owed.failed()
            self._fail(run, failed.error)
        except _Exceeded as exceeded:
            error = self._exceed(run, guarded.limit, exceeded)
            if exceeded.is_skipping:
                self._answers.owed.failed()
                self._wire.to_client(error)
            else:
                self._wire.refuse(error)
        else:
            if step.is_suspended:
                self._answers.suspend(run)
                self._answers.guarded = None
            else:
                self._finish(run)
            self._wire.to_client(answer)

    # -- one statement ----------------------------------------------------------------------------------------------
    async def _execute(self, run: Execution, limit: RowLimit, step: _Step) -> bytes:
        """Run one statement; return what the client gets that has not passed yet. Raises _Failed, _Exceeded."""
        before = await self._counts() if limit.is_measured else {}
        sieve = self._sieve(run, limit, step.part)
        seen = step.source.fetched if step.source is not None else 0
        try:
            end = await self._rows(step, max(limit.rows - seen, 0), sieve)
        except (_Exceeded, _Failed) as ended:
            given = 0 if limit.is_measured else step.asked  # at most, where it failed
            run.rows += given if isinstance(ended, _Exceeded) else 0
            step.give(given)  # a rollback to a savepoint does not take back what was read
            raise
        step.is_suspended = end[0] == postgres.PORTAL_SUSPENDED
        tag, rows = ("", step.asked) if step.is_suspended else _completed(end)
        step.give(rows)
        if limit.is_measured:
            affected = max(0 if step.is_suspended else rows, changed(before, await self._counts()))
            if affected > limit.rows:
                raise _Exceeded(affected)
        run.rows += rows
        if tag:
            run.results.append((tag, rows))
        answer = (sieve.kept if isinstance(sieve, Kept) else b"") + end
        run.bytes += len(answer)
        return answer

    async def _rows(self, step: _Step, room: int, sieve: Sieve) -> bytes:
        """Have at most `room` rows sent; return the message that ends them. Raises _Failed, _Exceeded.

        The server is asked for as many rows as the client may have, then for one more, which is not passed on.
        """
        is_clients = 0 < step.client_limit <= room
        step.asked = step.client_limit if is_clients else min(room, MOST_ROWS)
        if step.asked:
            end = await self._step(step.begin + postgres.execute(step.portal, step.asked) + postgres.flush(), sieve)
            if is_clients or end[0] != postgres.PORTAL_SUSPENDED:
                return end
        begin = b"" if step.asked else step.begin
        one_more = First(0, _nothing)
        end = await self._step(begin + postgres.execute(step.portal, 1) + postgres.flush(), one_more)
        if end[0] == postgres.PORTAL_SUSPENDED:
            raise _Exceeded
        return _retagged(end, step.asked)

    def _sieve(self, run: Execution, limit: RowLimit, part: int) -> Sieve:
        """What of the rows passes at once. Copy data does not obey Execute's row limit, and is counted here."""
        facts = run.judged.facts
        sieve: Sieve = Through()
        if "copy_out" in facts.verbs or facts.unknown:
            sieve = First(limit.rows + (part in facts.headed), self._note_over)
        return Kept(sieve, KEPT_BYTES, self._note_over) if limit.is_measured else sieve

    def _source(self, cursor: str | None, run: Execution) -> Portal | None:
        """What a FETCH reads from. A cursor that the text itself declared before has a stand-in until it ends."""
        if cursor is None:
            return None
        declared = sum(tag == "DECLARE CURSOR" for tag, _ in run.results)
        made = [each.name for each in run.judged.facts.effects if each.kind is EffectKind.DECLARE][:declared]
        if cursor not in made:
            return self._names.portals.get(cursor.encode())
        nobody = Portal(Statement(b"", (), NOT_JUDGED), cursor.encode())
        return self._made.setdefault((cursor, made.count(cursor)), nobody)

    async def _counts(self) -> dict[bytes, int]:
        """What the transaction has changed so far. Raises _Failed."""
        sieve = Kept(Through(), COUNTS_BYTES, self._note_over)
        message = (
            postgres.close("S", NAME)  # one that a cancel left behind
            + postgres.parse(NAME, COUNTS, ())
            + postgres.bind(NAME, NAME, (), (), ())
            + postgres.execute(NAME)
            + postgres.close("P", NAME)
            + postgres.close("S", NAME)
            + postgres.flush()
        )
        await self._step(message, sieve, ends=b"3", times=3)
        return counts(first_columns(sieve.kept))

    # -- steps ------------------------------------------------------------------------------------------------------
    async def _step(self, message: bytes, sieve: Sieve, ends: bytes = b"CIs", times: int = 1) -> bytes:
        """Send and wait for the end. Raises _Failed, and _Exceeded when the sieve had too much."""
        loop = asyncio.get_running_loop()
        over = self._over = loop.create_future()
        exchange = self._answers.exchange = Exchange(loop.create_future(), sieve, ends, times)
        self._wire.to_server(message)
        await asyncio.wait((exchange.answer, over), return_when=asyncio.FIRST_COMPLETED)
        if over.done() and not exchange.answer.done():
            await self._wire.interrupt()
        end = await exchange.answer
        is_error = end[0] == postgres.ERROR_RESPONSE
        if over.done():
            raise _Exceeded(is_kept=isinstance(sieve, Kept) and sieve.has_overflowed, is_skipping=is_error)
        if is_error:
            raise _Failed(end)
        return end

    async def _settle(self, message: bytes, readies: int = 1) -> tuple[bytes, bytes]:
        """Send and wait for ReadyForQuery: (the first error before it, ReadyForQuery)."""
        future = asyncio.get_running_loop().create_future()
        exchange = self._answers.exchange = Exchange(future, Nothing(), b"Z", readies)
        self._wire.to_server(message)
        ready = await exchange.answer
        return exchange.error, ready

    def _note_over(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    # -- ends -------------------------------------------------------------------------------------------------------
    def _finish(self, run: Execution) -> None:
        """Record the outcome; nothing of the answer that depends on it has left."""
        self._answers.finish(run)
        self._answers.guarded = None
        for (cursor, _), made in self._made.items():  # the last one of a name is the one that is left
            portal = self._names.portals.get(cursor.encode())
            if portal is not None:
                portal.fetched = made.fetched

    def _fail(self, run: Execution, error: bytes) -> None:
        run.sqlstate = postgres.sqlstate_of(error[HEADER:])
        self._finish(run)
        self._wire.to_client(error)

    def _exceed(self, run: Execution, limit: RowLimit, exceeded: _Exceeded) -> bytes:
        """Record that the limit was exceeded; return the error for the client."""
        assert run.intent is not None
        run.sqlstate = refusal.DENIED
        run.exceeded = limit
        run.changed = exceeded.changed
        self._finish(run)
        if exceeded.is_kept:
            return refusal.of_kept(limit, KEPT_BYTES, self._session_id, run.intent)
        return refusal.of_limit(limit, exceeded.changed, self._session_id, run.intent)


def _nothing() -> None:
    """For a sieve whose excess the server itself tells."""


def _completed(end: bytes) -> tuple[str, int]:
    """(tag, rows) of CommandComplete; EmptyQueryResponse has neither."""
    return parse_command_complete(end[HEADER:]) if end[0] == postgres.COMMAND_COMPLETE else ("", 0)


def _retagged(end: bytes, rows: int) -> bytes:
    """A tag counts the rows of one Execute only: add those of the Execute before."""
    tag, more = _completed(end)
    words, _, number = tag.rpartition(" ")
    return postgres.command_complete(f"{words} {rows + more}") if number.isdigit() else end


def _moved(error: bytes, characters: int) -> bytes:
    """An error whose position counts from the beginning of the client's text."""
    fields = postgres.parse_error_fields(error[HEADER:])
    if not characters or "P" not in fields:
        return error
    return postgres.error_fields({**fields, "P": str(int(fields["P"]) + characters)})

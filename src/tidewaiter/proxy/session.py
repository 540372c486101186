"""The road of a statement, on one page: observe → identify → understand → decide → record → forward → record.

A session joins one client to one server connection. `from_client` takes whole chunks: each statement in them is judged,
recorded, and only then put among what is forwarded; `from_server` settles what the server answers against what it owes,
and records every outcome before its bytes leave. What has to wait (a durable entry, the catalog, the server's own
search_path) is a chore: a coroutine that `run` awaits while the client's reading is paused.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from tidewaiter.errors import LedgerUnavailable, ProtocolViolation
from tidewaiter.model import Allow, Deny, Facts, Receipt, SyntaxFault
from tidewaiter.proxy import refusal
from tidewaiter.proxy.answers import Answers, Memo, Refused
from tidewaiter.proxy.link import Link
from tidewaiter.proxy.names import Names, Portal, Statement, Undo
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.proxy.probe import Probe
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Execution, Trail
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import FrontendFrames, Piece
from tidewaiter.wire.postgres_state import Owes

if TYPE_CHECKING:
    from hashlib import _Hash

HEADER = 5
HELD_BYTES = 64 << 10  # read on while a chore runs, to notice a hang-up; beyond one pipelined batch the client waits
Chore = Coroutine[object, object, None]


class Recorder(Protocol):
    """What a session needs of the ledger besides its trail."""

    @property
    def available(self) -> bool: ...

    def flush(self) -> None: ...

    async def durable(self, receipt: Receipt) -> None: ...


class Session:
    """One client, one server connection, and everything that is known between them. `clock_us` is monotonic."""

    def __init__(
        self,
        session_id: str,
        client: Link,
        server: Link,
        standing: Standing,
        trail: Trail,
        recorder: Recorder,
        clock_us: Callable[[], int],
        statement_bytes: int,
    ) -> None:
        self.id = session_id
        self.standing = standing
        self.trail = trail
        self.ended: str | None = None
        self._client = client
        self._server = server
        self._recorder = recorder
        self._clock_us = clock_us
        self._names = standing.names
        self._frontend = FrontendFrames(statement_bytes)
        self._answers = Answers(standing, trail, clock_us)
        self._owed = self._answers.owed
        # from the client, not yet taken; and what was taken, not yet forwarded
        self._pending: deque[tuple[bytes, Piece]] = deque()
        self._pending_bytes = 0  # that came in while a chore ran
        self._out: list[bytes] = []
        self._local: list[bytes] = []
        self._batch = 0  # debts that belong to what is in _out
        self._weighty: Receipt | None = None  # what must be durable before _out leaves
        # where the conversation stands
        self._is_unsynced = False
        self._skips: str | None = None  # after a refusal, up to Sync: "here" or "there", who answers the Sync
        self._is_barrier = False
        self._streams = False  # whether the pieces of a long message go on to the server
        self._long_bind: tuple[Portal, _Hash] | None = None
        self._studied: Judged | None = None
        # chores
        self._chore: Chore | None = None
        self._wake = asyncio.Event()
        self._drained: asyncio.Future[None] | None = None

    # -- life -------------------------------------------------------------------------------------------------------
    async def run(self) -> str:
        """Relay until either side ends; return why. The links are attached, so bytes flow from here on."""
        self._client.peer, self._server.peer = self._server, self._client
        self._server.attach(self._guarded(self.from_server), lambda: self.end("server closed the connection"))
        self._client.attach(self._guarded(self.from_client), lambda: self.end("client closed the connection"))
        while self.ended is None:
            await self._wake.wait()
            self._wake.clear()
            if self._chore is not None:
                await self._do_chore(self._chore)
        return self.ended

    def end(self, reason: str, error: bytes = b"") -> None:
        """End both sides, telling the client `error` if given. The first reason stands."""
        if self.ended is not None:
            return
        self.ended = reason
        if not error and not self._client.is_lost and not self._answers.said_goodbye and self._server.is_lost:
            error = refusal.good_bye("08006", "the database closed the connection")
        if error:
            self._client.write(error)
        self._client.close()
        if not self._server.is_lost:
            self._server.write(postgres.terminate())
            self._server.close()
        if self._drained is not None and not self._drained.done():
            self._drained.cancel()
        if self._answers.probe is not None and not self._answers.probe.answer.done():
            self._answers.probe.answer.cancel()
        self._wake.set()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is running and no transaction is open."""
        return self._answers.transaction == "I" and not self._owed.debts and self._chore is None

    @property
    def is_running(self) -> bool:
        """Whether the server works on something."""
        return bool(self._owed.debts)

    def close_trail(self) -> None:
        """Record what was under way when the session ended. Raises LedgerUnavailable."""
        for _, memo in self._owed.debts:
            if isinstance(memo, Execution) and memo.refused is None:
                self.trail.outcome(memo, "lost", self._clock_us())
        self._owed.debts.clear()
        for run in self._names.transaction_ended():
            self.trail.outcome(run, "ok", self._clock_us())

    def _guarded(self, take: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """The boundary for defects: whatever goes wrong ends the session, and nothing more leaves."""

        def guard(chunk: bytes) -> None:
            if self.ended is not None:
                return
            try:
                take(chunk)
            except LedgerUnavailable:
                self.end("ledger unavailable", refusal.good_bye("58030", "the audit ledger cannot be written"))
            except ProtocolViolation as violation:
                self.end(f"protocol violation: {violation}", refusal.good_bye("08P01", str(violation)))
            except Exception as defect:  # noqa: BLE001 - the boundary: a defect never lets traffic through
                self.end(f"defect: {defect!r}", refusal.good_bye("XX000", "the gateway failed; this is a bug"))

        return guard

    async def _do_chore(self, chore: Chore) -> None:
        """Await a chore, then go on with what the client sent meanwhile."""
        try:
            await chore
        except asyncio.CancelledError:
            if self.ended is None:
                raise
            return
        except LedgerUnavailable:
            self._unrecorded()
        except ProtocolViolation as violation:
            self.end(f"protocol violation: {violation}", refusal.good_bye("08P01", str(violation)))
        except Exception as defect:  # noqa: BLE001 - the boundary: a defect never lets traffic through
            self.end(f"defect: {defect!r}", refusal.good_bye("XX000", "the gateway failed; this is a bug"))
        self._chore = None
        if self.ended is None:
            self._pending_bytes = 0
            self._client.resume("busy")
            self._guarded(lambda _: self._advance())(b"")

    def _later(self, chore: Chore) -> None:
        self._chore = chore
        self._wake.set()

    def from_server(self, chunk: bytes) -> None:
        """Take what the server sent: settled and recorded first, then passed on."""
        answer = self._answers.feed(chunk)
        self._recorder.flush()
        if answer:
            self._client.write(answer)
        if self._drained is not None and not self._owed.debts and not self._drained.done():
            self._drained.set_result(None)

    # -- client → server --------------------------------------------------------------------------------------------
    def from_client(self, chunk: bytes) -> None:
        """Take what the client sent."""
        data, pieces = self._frontend.feed(chunk)
        for piece in pieces:
            self._pending.append((data, piece))
        if self._chore is None:
            self._advance()
            return
        self._pending_bytes += len(chunk)
        if self._pending_bytes > HELD_BYTES:
            self._client.pause("busy")

    def _advance(self) -> None:
        """Take message after message, then forward; stop where something must be waited for."""
        pending = self._pending
        while pending and self.ended is None:
            data, piece = pending[0]
            chore = _TAKE[piece[0]](self, data, piece)
            if chore is not None:
                if self._out or self._local:
                    chore = self._after_forward(chore)
                self._later(chore)
                return
            pending.popleft()
        if self._weighty is not None:
            self._later(self._forward_durably())
        elif self._out or self._local:
            self._forward()

    async def _after_forward(self, chore: Chore) -> None:
        """What was taken before goes first, so that the chore does not wait for answers to what was never sent."""
        try:
            await self._forward_durably()
        except BaseException:
            chore.close()
            raise
        await chore

    async def _forward_durably(self) -> None:
        """Forward once the weightiest intent is on disk. Raises LedgerUnavailable."""
        if self._weighty is not None:
            await self._recorder.durable(self._weighty)
        self._forward()

    def _forward(self) -> None:
        """Send what was taken: one write each way. Everything in it is recorded, or is recorded before its answer."""
        out, local = self._out, self._local
        self._batch, self._weighty = 0, None
        if out:
            self._server.write(out[0] if len(out) == 1 else b"".join(out))
            self._out = []
        if local:
            self._recorder.flush()
            self._client.write(b"".join(local))
            self._local = []

    def _judge(self, text: bytes) -> Judged | Chore:
        """The judgement of a text, or what to wait for before it can be judged."""
        if self._is_barrier:
            if self._owed.debts:
                return self._drain()
            self._is_barrier = False
        if self._studied is not None:
            judged, self._studied = self._studied, None
            return judged
        standing, in_transaction = self.standing, self._answers.transaction != "I"
        judged_before = standing.recall(text, in_transaction=in_transaction)
        if judged_before is not None:
            return judged_before
        if standing.path_is_stale:
            return self._ask_for_path()
        if standing.can_study_at_once(text):
            judged = standing.study(text, in_transaction=in_transaction)
            fault = judged.facts.fault
            if fault is None or fault.sqlstate == "42601":
                return judged
        return self._study(text)

    async def _study(self, text: bytes) -> None:
        self._studied = await self.standing.study_patiently(text, in_transaction=self._answers.transaction != "I")

    async def _drain(self) -> None:
        """Wait until everything that was sent is answered; Flush makes the server push what it holds back."""
        if not self._owed.debts:
            return
        if self._is_unsynced:
            self._server.write(postgres.flush())
        self._drained = asyncio.get_running_loop().create_future()
        await self._drained

    async def _ask_for_path(self) -> None:
        """Ask the server for the session's effective search_path. In a failed transaction nothing can be asked, or run."""
        await self._drain()
        if self._answers.transaction == "E" or self._owed.is_skipping:
            self.standing.keep_path()
            return
        with_sync = not self._is_unsynced
        self._answers.probe = Probe(asyncio.get_running_loop().create_future(), with_sync=with_sync)
        self._server.write(Probe.message(with_sync=with_sync))
        self.standing.set_path(tuple(await self._answers.probe.answer))

    def _allowed(self, run: Execution) -> bool:
        """Record the intent where the verdict or the weight of a statement demands it; whether it may be forwarded."""
        verdict = run.judged.verdict
        if not self._recorder.available:
            raise LedgerUnavailable("the ledger cannot be written")
        self._is_barrier = self._is_barrier or run.judged.is_barrier or self._ends_settings(run.judged.facts)
        if run.judged.is_weighty:
            self._weighty = self.trail.intent(run)
        return isinstance(verdict, Allow)

    def _ends_settings(self, facts: Facts) -> bool:
        return facts.control is not None and self.standing.is_transactional

    def _pass(self, data: bytes, start: int, end: int) -> None:
        self._out.append(data if end - start == len(data) else data[start:end])

    def _send(self, kind: Owes, memo: Memo | None = None) -> None:
        if self._owed.sent(kind, memo):
            self._batch += 1

    def _run(self, judged: Judged, text: bytes, portal: Portal | None = None) -> Execution:
        if portal is None:
            return Execution(judged, text, b"", (), self._clock_us())
        statement = portal.statement
        return Execution(
            judged, text, portal.binds, statement.oids, self._clock_us(), portal.binds_digest, portal=portal.name
        )

    @property
    def _is_skipping(self) -> bool:
        return self._skips is not None or self._owed.is_skipping

    def _take_query(self, data: bytes, piece: Piece) -> Chore | None:
        _, start, end, missing = piece
        if self._is_skipping:
            self._streams = False
            return None
        if missing:
            return self._refuse_long(missing, is_simple=True)
        text = postgres.parse_query(data[start + HEADER : end])
        judged = self._judge(text)
        if not isinstance(judged, Judged):
            return judged
        self._answer_query(self._run(judged, text), Owes.QUERY, data, start, end)
        return None

    def _answer_query(self, run: Execution, owes: Owes, data: bytes, start: int, end: int) -> None:
        """Forward or refuse what ReadyForQuery will answer."""
        try:
            if self._allowed(run):
                self._send(owes, run)
                self._pass(data, start, end)
                return
            error = self._error(run)
        except LedgerUnavailable:
            error = refusal.unrecorded()
        if self._answers_here():
            self._local += (error, postgres.ready_for_query("I"))
            return
        run.refused = error
        self._send(Owes.QUERY, run)
        self._out.append(postgres.query(refusal.FAILING_TEXT))

    def _answers_here(self) -> bool:
        """Whether a refusal can be answered without the server: nothing is under way that an error would have to end."""
        return self._answers.transaction == "I" and not self._is_unsynced and not self._owed.debts

    def _error(self, run: Execution) -> bytes:
        verdict = run.judged.verdict
        assert not isinstance(verdict, Allow)
        assert run.intent is not None
        return refusal.of_verdict(verdict, run.judged.facts, self.id, run.intent)

    def _refuse(self, run: Execution) -> None:
        """Refuse a message of the extended protocol: an error now, then nothing until Sync."""
        try:
            if run.intent is None:
                self._weighty = self.trail.intent(run)
            self._refuse_with(self._error(run))
        except LedgerUnavailable:
            self._refuse_with(refusal.unrecorded())

    def _refuse_with(self, error: bytes) -> None:
        if self._answers_here():
            self._local.append(error)
            self._skips = "here"
            return
        self._send(Owes.PARSE, Refused(error))
        self._out.append(postgres.parse(b"tidewaiter_refused", refusal.FAILING_TEXT, ()))
        self._skips = "there"

    def _refuse_long(self, missing: int, *, is_simple: bool) -> None:
        """Refuse a statement that is longer than the gateway holds in memory; its remaining bytes are dropped."""
        self._streams = False
        error = postgres.error_response(
            "ERROR", "54000", "the statement is longer than [limits] statement_bytes", hint="send it in smaller parts"
        )
        self.trail.event("refused.long", {"bytes": missing})
        if not is_simple:
            self._refuse_with(error)
        elif self._answers_here():
            self._local += (error, postgres.ready_for_query("I"))
        else:
            run = self._run(self.standing.weigh(Facts(unknown=("too long",)), in_transaction=False), b"")
            run.refused = error
            self._send(Owes.QUERY, run)
            self._out.append(postgres.query(refusal.FAILING_TEXT))

    def _take_parse(self, data: bytes, piece: Piece) -> Chore | None:
        _, start, end, missing = piece
        if missing:
            self._streams = False
            if not self._is_skipping:
                self._refuse_long(missing, is_simple=False)
            return None
        if self._is_skipping:
            return None
        name, text, oids = postgres.parse_parse(data[start + HEADER : end])
        judged = self._judge(text)
        if not isinstance(judged, Judged):
            return judged
        if isinstance(judged.verdict, Deny):
            self._refuse(self._run(judged, text))
            return None
        self._send(Owes.PARSE, self._names.prepare(name, Statement(text, oids, judged.facts)))
        self._is_unsynced = True
        self._pass(data, start, end)
        return None

    def _take_bind(self, data: bytes, piece: Piece) -> Chore | None:
        _, start, end, missing = piece
        self._streams = not self._is_skipping
        if not self._streams:
            return None
        body = data[start + HEADER : end]
        portal_name, statement_name, offset = postgres.parse_bind_head(body)
        statement = self._names.statements.get(statement_name)
        if statement is None:
            statement = Statement(b"", (), _no_statement(statement_name))
        portal = Portal(statement, portal_name, body[offset:])
        if missing:
            portal.binds = None
            self._long_bind = (portal, sha256(body[offset:]))
        self._send(Owes.BIND, self._names.bind(portal))
        self._is_unsynced = True
        self._pass(data, start, end)
        return None

    def _take_execute(self, data: bytes, piece: Piece) -> Chore | None:
        _, start, end, _ = piece
        if self._is_skipping:
            return None
        name, limit = postgres.parse_execute(data[start + HEADER : end])
        portal = self._names.portals.get(name) or Portal(Statement(b"", (), _no_portal(name)), name)
        statement = portal.statement
        judged = self._judge(statement.text)
        if not isinstance(judged, Judged):
            return judged
        if not statement.text:
            judged = self.standing.weigh(statement.facts, in_transaction=self._answers.transaction != "I")
        run = portal.execution or self._run(judged, statement.text, portal)
        run.limit = limit
        try:
            may_run = isinstance(judged.verdict, Allow) if run is portal.execution else self._allowed(run)
        except LedgerUnavailable:
            self._refuse_with(refusal.unrecorded())
            return None
        if not may_run:
            self._refuse(run)
            return None
        self._send(Owes.EXECUTE, run)
        self._is_unsynced = True
        self._pass(data, start, end)
        return None

    def _take_describe(self, data: bytes, piece: Piece) -> None:
        _, start, end, _ = piece
        if self._is_skipping:
            return
        kind, _ = postgres.parse_describe(data[start + HEADER : end])
        self._send(Owes.DESCRIBE_STATEMENT if kind == "S" else Owes.DESCRIBE_PORTAL)
        self._is_unsynced = True
        self._pass(data, start, end)

    def _take_close(self, data: bytes, piece: Piece) -> None:
        _, start, end, _ = piece
        if self._is_skipping:
            return
        kind, name = postgres.parse_close(data[start + HEADER : end])
        self._send(Owes.CLOSE, self._names.close(kind, name))
        self._is_unsynced = True
        self._pass(data, start, end)

    def _take_sync(self, data: bytes, piece: Piece) -> None:
        _, start, end, _ = piece
        postgres.parse_empty(data[start + HEADER : end])
        answered_here, self._skips = self._skips == "here", None
        if answered_here:
            self._local.append(postgres.ready_for_query("I"))
            return
        self._send(Owes.SYNC)
        self._is_unsynced = False
        self._pass(data, start, end)

    def _take_flush(self, data: bytes, piece: Piece) -> None:
        if not self._is_skipping:
            self._pass(data, piece[1], piece[2])

    def _take_copy(self, data: bytes, piece: Piece) -> None:
        """Copy data goes on as it is: its statement was judged, and a server that did not ask for it drops it."""
        kind, start, end, _ = piece
        self._streams = self._skips is None
        if not self._streams:
            return
        if kind != postgres.COPY_DATA:
            self._owed.copy_ended()
        self._pass(data, start, end)

    def _take_continuation(self, data: bytes, piece: Piece) -> None:
        """The next bytes of a message that is longer than is held in memory: on, or dropped, as its head was."""
        _, start, end, missing = piece
        if self._long_bind is not None:
            portal, digest = self._long_bind
            digest.update(data[start:end])
            if not missing:
                portal.binds_digest, self._long_bind = digest.hexdigest(), None
        if self._streams:
            self._pass(data, start, end)

    def _take_function_call(self, data: bytes, piece: Piece) -> Chore | None:
        _, start, end, missing = piece
        if self._is_skipping:
            self._streams = False
            return None
        if missing:
            return self._refuse_long(missing, is_simple=True)
        judged = self._judge(b"")
        if not isinstance(judged, Judged):
            return judged
        oid = postgres.parse_function_call(data[start + HEADER : end])
        judged = self.standing.weigh(self.standing.function_facts(oid), in_transaction=self._answers.transaction != "I")
        self._answer_query(self._run(judged, b""), Owes.FUNCTION_CALL, data, start, end)
        return None

    def _take_terminate(self, data: bytes, piece: Piece) -> None:
        self._forward()
        self.end("client said good-bye")

    def _unrecorded(self) -> None:
        """What was taken could not be made durable, and was not sent: answer it with errors, or end the session."""
        debts = [self._owed.debts.pop() for _ in range(min(self._batch, len(self._owed.debts)))]
        self._out, self._local, self._batch, self._weighty = [], [], 0, None
        for _, memo in debts:
            if isinstance(memo, Undo):
                memo()
        if self._answers.transaction != "I" or self._owed.debts:
            self.end("ledger unavailable", refusal.good_bye("58030", "the audit ledger cannot be written"))
            return
        answer, failed = refusal.of_unsent(kind for kind, _ in reversed(debts))
        self._skips, self._is_unsynced = ("here" if failed else None), False
        self._client.write(answer)


def _no_statement(name: bytes) -> Facts:
    said = name.decode("utf-8", "replace")
    message = f'prepared statement "{said}" does not exist' if name else "unnamed prepared statement does not exist"
    return Facts(unknown=(message,), fault=SyntaxFault("26000", message))


def _no_portal(name: bytes) -> Facts:
    message = f'portal "{name.decode("utf-8", "replace")}" does not exist'
    return Facts(unknown=(message,), fault=SyntaxFault("34000", message))


_TAKE: dict[int, Callable[[Session, bytes, Piece], Chore | None]] = {
    0: Session._take_continuation,
    ord("Q"): Session._take_query,
    ord("P"): Session._take_parse,
    ord("B"): Session._take_bind,
    ord("E"): Session._take_execute,
    ord("D"): Session._take_describe,
    ord("C"): Session._take_close,
    ord("S"): Session._take_sync,
    ord("H"): Session._take_flush,
    ord("d"): Session._take_copy,
    ord("c"): Session._take_copy,
    ord("f"): Session._take_copy,
    ord("F"): Session._take_function_call,
    ord("X"): Session._take_terminate,
}

"""The client's half of a session: observe → identify → understand → decide → record, message by message. No socket.

`take` puts what may go on into `out`, what is answered without the server into `local`, and names in `weighty` the
entry that must be durable before either leaves, in `awaited` the one that must be before an answer does. Where it
cannot go on by itself it returns a `Need`, and is to be called with the same message again when that is met; `Guarded`
takes the message itself.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.model import Allow, Deny, Facts, Hold
from tidewaiter.proxy import masked, refusal
from tidewaiter.proxy.guard import Guarded
from tidewaiter.proxy.limits import RowLimit
from tidewaiter.proxy.names import OUTDATED, Names, Portal, Statement, no_portal, no_statement
from tidewaiter.proxy.needs import AllAnswered, Need
from tidewaiter.proxy.pipeline import Judged, uncountable
from tidewaiter.proxy.refusing import Refusing, body_of
from tidewaiter.proxy.trail import Execution
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import Piece
from tidewaiter.wire.postgres_frontend import (
    parse_bind_head,
    parse_close,
    parse_describe,
    parse_empty,
    parse_execute,
)
from tidewaiter.wire.postgres_state import Owes

if TYPE_CHECKING:
    from hashlib import _Hash

SKIPPED = Facts(unknown=("not analysed: skipped after an error",))
REFUSED = Statement(b"", (), SKIPPED)  # what a refused Parse would have named: recorded when it was refused


class Asks(Refusing):
    """Takes one client's messages."""

    _long_bind: tuple[Portal, _Hash] | None = None

    @property
    def is_clear(self) -> bool:
        """Whether nothing that was taken before decides what becomes of the next message."""
        return self._skips is None and not self._is_barrier

    def take(self, data: bytes, piece: Piece) -> Need | None:
        """Take one message, or one piece of a long one. Raises ProtocolViolation, LedgerUnavailable."""
        self._is_simple = piece[0] == postgres.QUERY or piece[0] == postgres.FUNCTION_CALL
        return _TAKE[piece[0]](self, data, piece)

    def _pass(self, data: bytes, piece: Piece) -> None:
        _, start, end, _ = piece
        self.out.append(data if end - start == len(data) else data[start:end])

    # -- simple protocol --------------------------------------------------------------------------------------------
    def _take_query(self, data: bytes, piece: Piece) -> Need | None:
        if self.is_skipping:
            self._streams = False
            return None
        if piece[3]:
            self._refuse_long(piece, self._refuse_query)
            return None
        run = self._filed()
        if run is None:
            text = self._said(data, piece)[1]
            judged = self._judge(text)
            if not isinstance(judged, Judged):
                return judged
            run = self._run(judged, text)
            need = self._need_of(run)
            if need is not None:
                return need
        limit = run.judged.limit
        if limit is not None and limit.is_enforced:
            if self._owed.debts:
                return AllAnswered()
            if self._answers.transaction != "E":
                return self._guard_query(run, limit)
        self._ask(Owes.QUERY, run, data, piece)
        return None

    def _guard_query(self, run: Execution, limit: RowLimit) -> Need | None:
        """A Query under a row limit runs in steps; its Sync ends whatever was unsynced before, as a Query does."""
        try:
            self._allowed(run)
        except LedgerUnavailable:
            self._refuse_query(refusal.unrecorded())
            return None
        self.is_unsynced = False
        return Guarded(run, limit)

    def _take_function_call(self, data: bytes, piece: Piece) -> Need | None:
        if self.is_skipping:
            self._streams = False
            return None
        if piece[3]:
            self._refuse_long(piece, self._refuse_query)
            return None
        judged = self._judge(b"")
        if not isinstance(judged, Judged):
            return judged
        facts = self._standing.function_facts(postgres.parse_function_call(body_of(data, piece)))
        judged = self._weigh(facts)
        if self.veil is not None:
            judged = masked.no_function_call(judged)
        elif judged.limit is not None and judged.limit.is_enforced:
            judged = uncountable(judged, judged.limit)
        run = self._run(judged, b"")
        run.binds = body_of(data, piece)
        need = self._held(run)
        if need is None:
            self._ask(Owes.FUNCTION_CALL, run, data, piece)
        return need

    def _ask(self, owes: int, run: Execution, data: bytes, piece: Piece) -> None:
        """Forward or refuse what ReadyForQuery will answer."""
        try:
            if self._allowed(run):
                self._send(owes, run)
                if self.veil is None:
                    self._pass(data, piece)
                else:
                    self.out.append(self.veil.announced.query(run.plan))
                return
            error = self._error(run)
        except LedgerUnavailable:
            error = refusal.unrecorded()
        self._refuse_query(error)

    # -- extended protocol ------------------------------------------------------------------------------------------
    def _take_parse(self, data: bytes, piece: Piece) -> Need | None:
        if piece[3]:
            self._streams = False
            if not self.is_skipping:
                self._refuse_long(piece, self.refuse_extended)
            self._skipped.prepare(body_of(data, piece).partition(b"\0")[0][: postgres.NAME_BYTES], REFUSED)
            return None
        name, text, oids = self._said(data, piece)
        if self.is_skipping:
            self._skipped.prepare(name, Statement(text, oids, SKIPPED))
            return None
        judged = self._judge(text)
        if not isinstance(judged, Judged):
            return judged
        plan = judged.plan
        # What rows decide is decided when they are known: with the values, on Execute.
        if isinstance(judged.verdict, Deny) and (
            (plan is None and self.veil is not None)
            or self._standing.rows_question(judged.facts, plan.text if plan else text, oids, b"") is None
        ):
            run = self._filed() or self._run(judged, text)
            need = self._filing(run)
            if need is not None:
                return need
            self._refuse(run)
            self._skipped.prepare(name, REFUSED)
            return None
        self._standing.keep(text, judged)
        self._note_use(judged.facts)
        statement = Statement(text, oids, judged.facts, plan=plan, since=self.since)
        self._send(Owes.PARSE, self._names.prepare(name, statement))
        if self.veil is None:
            self._go_on(data, piece)
        else:
            self.is_unsynced = True
            self.out.append(self.veil.announced.parse(name, plan, oids))
        return None

    def _take_bind(self, data: bytes, piece: Piece) -> Need | None:
        self._streams = not self.is_skipping
        body = body_of(data, piece)
        portal_name, statement_name, offset = parse_bind_head(body)
        if self._streams and not self._names.counts(False, statement_name):
            return AllAnswered()
        known = self._names.statements.get(statement_name)
        need = self._renewal(statement_name, known) if self._streams and known is not None else None
        if need is not None:
            return need
        names = self._names if self._streams else self._skipped
        statement = names.statements.get(statement_name) or self._names.statements.get(statement_name)
        portal = Portal(statement or Statement(b"", (), no_statement(statement_name)), portal_name, body[offset:])
        if piece[3]:
            portal.binds = None
            self._long_bind = (portal, sha256(body[offset:]))
        if self._streams and statement is not None and statement.plan is not None and statement.plan.guards:
            why = masked.written_back(statement.plan, body[offset:], is_whole=not piece[3])
            if why is not None:
                self._streams = False
                self._refuse(self._run(masked.denied(self._weigh(statement.facts), why), statement.text, portal))
                return None
        if self.veil is not None:
            known_by = portal.statement.since
            portal.since = self._standing.epoch if known_by is None else min(known_by, self._standing.epoch)
        undo = names.bind(portal)
        if self._streams:
            self._has_bound = True
            self._note_use(portal.statement.facts)
            self._send(Owes.BIND, undo)
            self._go_on(data, piece)
        return None

    def _take_execute(self, data: bytes, piece: Piece) -> Need | None:
        name, limit = parse_execute(body_of(data, piece))
        if self.is_skipping:
            self._skip_execute(name)
            return None
        if not self._names.counts(True, name):
            return AllAnswered()
        portal = self._names.portals.get(name) or Portal(Statement(b"", (), no_portal(name)), name)
        statement = portal.statement
        judged = self._judge_prepared(statement)
        if not isinstance(judged, Judged):
            return judged
        run = portal.execution
        if run is None:
            run = self._filed() or self._run(judged, statement.text, portal)
            need = self._need_of(run)
            if need is not None:
                return need
            judged = run.judged
        elif run.estimated is not None:
            judged = self._weigh(judged.facts, run.estimated)
        if judged.limit is not None and judged.limit.is_enforced and self._owed.debts:
            return AllAnswered()
        if not self._may_go_on(run, judged, portal):
            return None
        run.limit = limit
        if judged.limit is not None and judged.limit.is_enforced:
            self.is_unsynced = True
            return Guarded(run, judged.limit, portal, limit)
        self._send(Owes.EXECUTE, run)
        self._go_on(data, piece)
        return None

    def _judge_prepared(self, statement: Statement) -> Judged | Need:
        judged = self._judge(statement.text)
        if not isinstance(judged, Judged):
            return judged
        if self.veil is None:
            return judged if statement.text else self._weigh(statement.facts)
        in_transaction = self._answers.transaction != "I"
        if not statement.text:
            is_current = self._standing.is_current(statement, in_transaction=in_transaction)
            judged = self._weigh(statement.facts if is_current else OUTDATED)
        else:
            shown = masked.present(statement, judged)
            if shown is not judged and (
                statement.plan is None or not self._standing.is_current(statement, in_transaction=in_transaction)
            ):
                judged = shown
        if judged.plan is not None:
            self.veil.announced.see(judged.plan)
        return judged

    def _may_go_on(self, run: Execution, judged: Judged, portal: Portal) -> bool:
        """Record and decide on an Execute; refuse it here if need be.

        A suspended portal that goes on was recorded when it began, and is judged again now.
        """
        verdict = judged.verdict
        try:
            if portal.execution is None:
                may_run = self._allowed(run)
            else:
                may_run = isinstance(verdict, Allow) or bool(run.request and isinstance(verdict, Hold))
        except LedgerUnavailable:
            self.refuse_extended(refusal.unrecorded())
            return False
        if not may_run:
            self._refuse(run if run.judged is judged else self._run(judged, portal.statement.text, portal))
        return may_run

    def _skip_execute(self, name: bytes) -> None:
        """Record what would have run, had nothing before it failed."""
        portal = self._skipped.portals.get(name) or self._names.portals.get(name)
        if portal is not None and portal.statement.text and not self._standing.path_is_stale:
            text = portal.statement.text
            judged = self._standing.recall(text, in_transaction=True) or self._weigh(SKIPPED)
            self._trail.outcome(self._run(judged, text, portal), "skipped", self._clock_us())

    def _take_describe(self, data: bytes, piece: Piece) -> None:
        kind, name = parse_describe(body_of(data, piece))
        if not self.is_skipping:
            self._note_use(self._named(kind, name))
            self._send(Owes.DESCRIBE_STATEMENT if kind == "S" else Owes.DESCRIBE_PORTAL)
            self._go_on(data, piece)

    def _take_close(self, data: bytes, piece: Piece) -> None:
        kind, name = parse_close(body_of(data, piece))
        if not self.is_skipping:
            self._send(Owes.CLOSE, self._names.close(kind, name))
            self._go_on(data, piece)

    def _take_sync(self, data: bytes, piece: Piece) -> None:
        parse_empty(body_of(data, piece))
        answered_here, self._skips = self._skips == "here", None
        if self._skipped.statements or self._skipped.portals:
            self._skipped = Names()
        if answered_here:
            self.local.append(postgres.ready_for_query("I"))
            return
        self._send(Owes.SYNC)
        self._names.syncs += 1
        self.is_unsynced = self._has_bound = False
        self._pass(data, piece)

    def _take_flush(self, data: bytes, piece: Piece) -> None:
        if not self.is_skipping:
            self._pass(data, piece)

    def _go_on(self, data: bytes, piece: Piece) -> None:
        self.is_unsynced = True
        self._pass(data, piece)

    # -- copy data and long messages --------------------------------------------------------------------------------
    def _take_copy(self, data: bytes, piece: Piece) -> None:
        """Copy data goes on as it is: its statement was judged, and a server that did not ask for it drops it."""
        self._streams = self._skips is None
        if not self._streams:
            return
        if piece[0] != postgres.COPY_DATA:
            self._owed.copy_ended()
        self._pass(data, piece)
        if piece[0] != postgres.COPY_DATA and self._answers.exchange is not None:
            self.out.append(postgres.flush())  # no Sync follows yet

    def _take_continuation(self, data: bytes, piece: Piece) -> None:
        """The next bytes of a message that is longer than is held in memory: on, or dropped, as its head was."""
        _, start, end, missing = piece
        if self._long_bind is not None:
            portal, digest = self._long_bind
            digest.update(data[start:end])
            if not missing:
                portal.binds_digest, self._long_bind = digest.hexdigest(), None
        if self._streams:
            self._pass(data, piece)


_TAKE: dict[int, Callable[[Asks, bytes, Piece], Need | None]] = {
    0: Asks._take_continuation,
    ord("Q"): Asks._take_query,
    ord("P"): Asks._take_parse,
    ord("B"): Asks._take_bind,
    ord("E"): Asks._take_execute,
    ord("D"): Asks._take_describe,
    ord("C"): Asks._take_close,
    ord("S"): Asks._take_sync,
    ord("H"): Asks._take_flush,
    ord("d"): Asks._take_copy,
    ord("c"): Asks._take_copy,
    ord("f"): Asks._take_copy,
    ord("F"): Asks._take_function_call,
}

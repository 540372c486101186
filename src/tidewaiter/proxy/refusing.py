"""Refusing what a client asked, in its place: an error now, and the protocol goes on as if the server had said it.

`Asks` takes the messages, `Weighing` judges them; this is how one is refused, and what a session knows for it. Where
something is under way that an error has to end, a text that always fails goes to the server, and what it says of that
is answered with the error; else the answer is made here.
"""

from __future__ import annotations

from collections.abc import Callable

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.model import Allow, Facts, Hold
from tidewaiter.proxy import refusal
from tidewaiter.proxy.answers import Answers, Refused
from tidewaiter.proxy.holding import NotGranted
from tidewaiter.proxy.names import Names, Portal, Undo
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.proxy.probe import CANCELLED
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Execution, Trail
from tidewaiter.proxy.veil import Veil
from tidewaiter.proxy.weighing import Weighing
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER, Piece
from tidewaiter.wire.postgres_frontend import parse_execute, parse_parse, parse_query
from tidewaiter.wire.postgres_state import Owes

INTERRUPTED = Facts(unknown=("not analysed: cancelled before",))


class Refusing(Weighing):
    """Judges one client's messages, and refuses them.

    In a session that masks, `veil` is told of every text that goes to the server, which is never the client's own.
    """

    def __init__(
        self,
        session_id: str,
        standing: Standing,
        trail: Trail,
        answers: Answers,
        clock_us: Callable[[], int],
        is_recordable: Callable[[], bool],
        veil: Veil | None = None,
    ) -> None:
        super().__init__(standing, trail, answers, is_recordable)
        self.veil = veil
        self._session_id = session_id
        self._names = standing.names
        self._clock_us = clock_us
        self._skips: str | None = None  # after a refusal, up to Sync: "here" or "there", who answers the Sync
        self._skipped = Names()  # what would have been named meanwhile
        self._streams = False  # whether the pieces of a long message go on to the server

    @property
    def is_skipping(self) -> bool:
        """Whether the client's messages are dropped up to its Sync, after an error that it was told of."""
        return self._skips is not None or self._owed.is_skipping

    def unrecorded(self, error: bytes = b"") -> bytes | None:
        """What was taken could not be made durable, or is not to run for this error, and is not sent: the answer to it,
        None if the session must end."""
        is_recorded = bool(error)
        error = error or refusal.unrecorded()
        debts = [self._owed.debts.pop() for _ in range(min(self._unsent, len(self._owed.debts)))]
        here = [error if one[0] == postgres.ERROR_RESPONSE else one for one in self.local]
        self.out, self.local = [], []
        self.weighty, self.awaited, self._unsent = None, None, 0
        for _, memo in debts:
            if isinstance(memo, Undo):
                memo()
            elif is_recorded and isinstance(memo, Execution):
                self._trail.outcome(memo, "skipped", self._clock_us())
        if self._answers.transaction != "I" or self._owed.debts:
            return None
        answer, failed = refusal.of_unsent((kind for kind, _ in reversed(debts)), error)
        self._skips = ("here" if failed else None) if debts else self._skips
        self.is_unsynced = False
        return b"".join((*here, answer))

    def interrupted(self, data: bytes, piece: Piece, error: bytes) -> None:
        """Answer a statement with the cancel that met the gateway's own question before it could be judged."""
        kind, body, portal = piece[0], body_of(data, piece), None
        if kind == postgres.EXECUTE:
            portal = self._names.portals.get(parse_execute(body)[0])
        text = parse_query(body) if kind == postgres.QUERY else parse_parse(body)[1] if kind == postgres.PARSE else b""
        judged = self._standing.weigh_unrun(INTERRUPTED, in_transaction=self._answers.transaction != "I")
        run = self._run(judged, portal.statement.text if portal else text, portal)
        run.sqlstate = CANCELLED
        self._trail.outcome(run, run.status, self._clock_us())
        if kind in b"QF":
            self._refuse_query(error)
        else:
            self.refuse_extended(error)

    def _refuse_query(self, error: bytes) -> None:
        if self._is_answered_here:
            self.local += (error, postgres.ready_for_query("I"))
            return
        self._send(Owes.QUERY, Refused(error))
        self.out.append(postgres.query(refusal.FAILING_TEXT if error else refusal.IGNORED_TEXT))

    def _error(self, run: Execution) -> bytes:
        """What the client is told; empty for what the server says of any statement in a failed transaction."""
        verdict, intent = run.judged.verdict, run.intent
        assert not isinstance(verdict, Allow) and intent is not None
        if self._answers.transaction == "E" and not self._owed.debts and refusal.is_ignored(run.judged.facts):
            return b""
        if isinstance(verdict, Hold):
            told = run.not_granted or NotGranted("", "", refusal.DENIED, verdict.message, "run it anew to ask for it")
            return refusal.of_hold(told.sqlstate, told.message, told.hint, told.request, self._session_id, intent)
        return refusal.of_verdict(verdict, run.judged.facts, self._session_id, intent)

    def _refuse_long(self, piece: Piece, refuse: Callable[[bytes], None]) -> None:
        """Refuse a statement that is longer than the gateway holds in memory; its remaining bytes are dropped."""
        self._streams = False
        _, start, end, missing = piece
        try:
            fields = {"bytes": end - start + missing, "verdict": "deny"}
            self.weighty = self._trail.event("statement.too_long", fields)
            refuse(refusal.too_long())
        except LedgerUnavailable:
            refuse(refusal.unrecorded())

    def _refuse(self, run: Execution) -> None:
        """Refuse a message of the extended protocol: an error now, then nothing until Sync."""
        try:
            self.weighty = run.intent if run.intent is not None else self._trail.intent(run)
            self.refuse_extended(self._error(run))
        except LedgerUnavailable:
            self.refuse_extended(refusal.unrecorded())

    def refuse_extended(self, error: bytes) -> None:
        """Refuse a message of the extended protocol, or what one did that ran: the failing message undoes it."""
        self._skipped = Names()
        if self._is_answered_here:
            self.local.append(error)
            self._skips = "here"
            return
        self._send(Owes.PARSE, Refused(error))
        text = refusal.FAILING_TEXT if error else refusal.IGNORED_TEXT
        self.out.append(postgres.parse(b"tidewaiter_refused", text, ()))
        self._skips = "there"

    def _run(self, judged: Judged, text: bytes, portal: Portal | None = None) -> Execution:
        if portal is None:
            run = Execution(judged, text, self._clock_us())
        else:
            oids = portal.statement.oids
            run = Execution(judged, text, self._clock_us(), portal.binds, oids, portal.binds_digest, portal)
        if self.veil is not None:
            run.since = self._since(judged.facts, portal)
        return run


def body_of(data: bytes, piece: Piece) -> bytes:
    """A message without its header, or the head of a long one."""
    return data[piece[1] + HEADER : piece[2]]

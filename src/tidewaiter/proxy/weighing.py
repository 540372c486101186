"""What a client's message is worth before anything is sent: what its text means, what policy says, what it needs first.

`Asks` takes the messages; this is its judging half. Where it cannot judge by itself it returns a `Need`, and is asked
again when that is met.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.model import Allow, Deny, Facts, Hold, Receipt
from tidewaiter.proxy import refusal
from tidewaiter.proxy.answers import Answers, Memo
from tidewaiter.proxy.estimates import Estimated
from tidewaiter.proxy.holding import CLEAN_TRANSACTION_S, Granted, Held, NotGranted, Settled
from tidewaiter.proxy.names import Portal, Statement
from tidewaiter.proxy.needs import (
    AllAnswered,
    Decision,
    Definitions,
    Estimate,
    Intent,
    Need,
    Path,
    Quiet,
    Renewal,
    Study,
    Values,
)
from tidewaiter.proxy.pipeline import Judged, granted
from tidewaiter.proxy.probe import OWN_SETTINGS, Settings
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Execution, Trail
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER, Piece
from tidewaiter.wire.postgres_frontend import parse_parse, parse_query
from tidewaiter.wire.postgres_state import Owes

LONG_BYTES = 64 << 10  # a longer statement is sealed off the loop, where a mebibyte takes milliseconds
Saying = tuple[bytes, bytes, tuple[int, ...]]
"""What a Parse says: name, text, types. A Query has no name and no types."""
TOO_MANY_SETTINGS = NotGranted(
    "",
    "",
    refusal.DENIED,
    f"this session has set more than {OWN_SETTINGS} settings of its own: nobody can approve what depends on them",
    "connect anew",
)
_ENDS_BY_READY = frozenset({Owes.SYNC, Owes.QUERY, Owes.FUNCTION_CALL})


class Weighing:
    """Judges one client's messages.

    `studied` is the judgement that a `Study` brought, `settled` what a `Decision` did, `estimated` what an `Estimate`
    did, `filed` what an `Intent` recorded, `values` what `Values` were answered. `renewed` is what a `Renewal` tried to
    prepare anew. `since` is the epoch of the definitions that the present message was judged by. `is_recordable` says
    whether the ledger can be written. `weighty` is the entry that must be durable before what was taken may leave;
    `awaited` that of a pure read, which must be durable before anything of an answer to what was taken may leave.
    `weighty` is the later one where there are both. `out` and `local` are what was taken for the server and the client.
    `is_unsynced`: something of the extended protocol was taken since the last Sync.
    """

    def __init__(self, standing: Standing, trail: Trail, answers: Answers, is_recordable: Callable[[], bool]) -> None:
        self.weighty: Receipt | None = None
        self.awaited: Receipt | None = None
        self.studied: Judged | None = None
        self.settled: Settled | None = None
        self.estimated: Estimated | None = None
        self.filed: Execution | None = None
        self.renewed: Statement | None = None
        self.since = 0
        self.values: tuple[float, Settings] | None = None
        self._standing = standing
        self._trail = trail
        self._answers = answers
        self._owed = answers.owed
        self._is_recordable = is_recordable
        self._unsent = 0  # debts that belong to what was taken and is not sent yet
        self._is_barrier = False
        self._is_simple = False  # the message that is taken is a Query or a FunctionCall
        self._worked_at = -1  # `answers.idles` when more than transaction control was let through
        self._is_hurried = False  # the message that is held must not wait here, whatever was found out since
        self.is_unsynced = False
        self.out: list[bytes] = []
        self.local: list[bytes] = []
        self._has_used = self._has_bound = False  # what was taken: a message that locks relations; a portal, up to Sync
        self._is_open = self._is_bound = False  # what was sent and has no Sync yet: anything, a portal
        self._used_at = -1  # `answers.idles` when a message that locks relations was sent
        self._saying: tuple[bytes, int, Saying] | None = None  # a long message that waits: where it is, what it says

    # -- what was taken ---------------------------------------------------------------------------------------------
    def _said(self, data: bytes, piece: Piece) -> Saying:
        """What a Query or Parse says. Of a long one it is the same text each time that it is looked at while it waits:
        to copy it takes long, and so does its hash, which the text keeps. Raises ProtocolViolation.
        """
        kind, start, end, _ = piece
        known = self._saying
        if known is not None and known[0] is data and known[1] == start:
            return known[2]
        if kind == postgres.QUERY:
            said: Saying = (b"", parse_query(data, start + HEADER, end), ())
        else:
            said = parse_parse(data[start + HEADER : end])
        if end - start >= LONG_BYTES:
            self._saying = (data, start, said)
        return said

    def went_past(self, *, ends_with_sync: bool) -> None:
        """Note that a statement went to the server without being taken here; see `rounds`."""
        self._worked_at = self._answers.idles
        if ends_with_sync:
            self.is_unsynced = False

    def answered(self) -> bytes:
        """What goes to the client now, while what goes to the server waits; the entries of `weighty` are durable."""
        local, self.local = self.local, []
        return b"".join(local)

    def taken(self) -> tuple[bytes, bytes]:
        """What goes to the server and to the client now; `weighty` is durable, and answers wait for `awaited`."""
        out, self.out = self.out, []
        self.weighty, self.awaited, self._unsent = None, None, 0
        self._is_open, self._is_bound = self.is_unsynced, self._has_bound
        if self._has_used:
            self._has_used, self._used_at = False, self._answers.idles
        return out[0] if len(out) == 1 else b"".join(out), self.answered()

    def _since(self, facts: Facts, portal: Portal | None) -> int:
        """The epoch of the definitions that a statement was judged by, and whatever it reads from was planned by."""
        planned = [one.since for one in self._standing.names.portals.values()] if facts.session_bound else []
        if portal is not None:
            planned.append(portal.since)
        return min((self.since, *planned))

    def _send(self, kind: int, memo: Memo | None = None) -> None:
        if self._owed.sent(kind, memo):
            self._unsent += 1

    @property
    def _is_answered_here(self) -> bool:
        """Whether a refusal needs no server: nothing is under way that an error would have to end."""
        return self._answers.transaction == "I" and not self.is_unsynced and not self._owed.debts

    def unsent(self) -> list[Execution]:
        """The executions among what was taken and is not sent yet."""
        debts = self._owed.debts
        recent = [debts[-number] for number in range(1, min(self._unsent, len(debts)) + 1)]
        return [memo for _, memo in recent if isinstance(memo, Execution)]

    @property
    def is_amid(self) -> bool:
        """Whether a Sync of the gateway's own would end what the client has sent without one: what has worked, or a
        portal outside a block, with which a Query does away itself. Where it would not, a question must bring it: its
        Execute alone would begin an implicit transaction, in which the server keeps what comes next open up to a Sync.
        """
        would_end = self._is_bound and not self._is_simple and self._answers.transaction == "I"
        return self._is_open and (self._worked_at == self._answers.idles or would_end)

    # -- judging ----------------------------------------------------------------------------------------------------
    def _judge(self, text: bytes) -> Judged | Need:
        """The judgement of a text, or what is needed before it can be judged."""
        if self._is_barrier or self._may_be_undone:
            if self._owed.debts:
                return AllAnswered()
            self._is_barrier = False
        if self.studied is not None:
            judged, self.studied = self.studied, None
            return judged
        standing, in_transaction = self._standing, self._answers.transaction != "I"
        known = standing.recall(text, in_transaction=in_transaction)
        if known is not None:
            self.since = standing.since
            return known
        if not standing.names.all_count():  # the text may speak of them
            return AllAnswered()
        unmet = self._unmet()
        if unmet is not None:
            return unmet
        for name, statement in standing.look_again(text, in_transaction=in_transaction):
            need = self._renewal(name, statement)
            if need is not None:
                return need
        return self._studied(text, in_transaction)

    def _studied(self, text: bytes, in_transaction: bool) -> Judged | Need:
        standing = self._standing
        if standing.can_study_at_once(text, in_transaction=in_transaction):
            judged = standing.study(text, in_transaction=in_transaction)
            self.since = standing.since
            if judged.facts.fault is None or judged.facts.fault.sqlstate == "42601":
                return judged
        if self._can_ask and standing.wants_overlay():
            return self._unmet() or Definitions()
        return Study(text)

    def _renewal(self, name: bytes, statement: Statement) -> Need | None:
        """What a prepared statement needs that would be masked otherwise now; None where nothing helps, or need be."""
        in_transaction = self._answers.transaction != "I"
        if self.renewed is statement or statement.plan is None or not self._can_ask:
            return None
        unmet = self._unmet()
        if unmet is not None or self._standing.is_current(statement, in_transaction=in_transaction):
            return unmet
        now = self._standing.made_now(statement, in_transaction=in_transaction)
        if now is None or now.plan is None or isinstance(now.verdict, Deny):
            return None  # it is refused when it runs
        return Renewal(name, statement, now, self._standing.since)

    def _unmet(self) -> Need | None:
        """What the server must be asked before a text can be studied."""
        standing = self._standing
        if not (standing.path_is_stale or standing.overlay_is_due):
            return None
        if self._owed.debts:
            return AllAnswered()
        if standing.path_is_stale and not self._can_ask:
            standing.keep_path()  # in a failed transaction nothing can be asked, and nothing that is judged can run
        if standing.path_is_stale:
            return Path()
        return Definitions() if standing.overlay_is_due and self._can_ask else None

    @property
    def _may_be_undone(self) -> bool:
        """Whether the end of a transaction is on its way that may take back settings or names.

        Outside a block each Sync and Query is one, and the server does not report what is again as it last reported.
        """
        if self._answers.transaction != "I" or not self._standing.is_transactional:
            return False
        return any(kind in _ENDS_BY_READY for kind, _ in self._owed.debts)

    @property
    def _can_ask(self) -> bool:
        return self._answers.transaction != "E" and not self._owed.is_skipping

    def _weigh(self, facts: Facts, estimated: int | None = None) -> Judged:
        return self._standing.weigh(facts, in_transaction=self._answers.transaction != "I", estimated=estimated)

    def _estimate(self, run: Execution) -> Estimate | None:
        """What a statement needs whose rows a policy looks at; weighs it with them once they are estimated."""
        facts = run.judged.facts
        if run.binds is None or not self._can_ask:
            return None
        question = self._standing.rows_question(facts, run.sent, run.oids, run.binds)
        if question is None:
            return None
        found = self.estimated  # until the message is taken, as what is settled
        if found is None or found.question != question:
            return Estimate(question)
        if found.rows is not None:
            run.estimated, run.judged = found.rows, self._weigh(facts, found.rows)
        return None

    # -- holding ----------------------------------------------------------------------------------------------------
    def _held(self, run: Execution) -> Decision | Values | None:
        """What a held statement needs before it goes on; None once that is settled, and for every other statement."""
        verdict = run.judged.verdict
        if not isinstance(verdict, Hold) or self._answers.transaction == "E":  # where nothing can run, nothing is asked
            return None
        in_block = self._answers.transaction != "I"
        if len(self._standing.own_settings) > OWN_SETTINGS:
            run.not_granted = TOO_MANY_SETTINGS
            return None
        if self.values is None:
            return self._values(in_block)
        settings = self.values[1]
        binds = run.binds if run.binds is not None else run.binds_digest.encode()
        transaction = "block" if in_block else "none"
        binding = self._standing.binding(run.judged.facts, run.text, binds, run.oids, transaction, settings)
        settled = self.settled  # until the message is taken: it may have to wait for something else, and come again
        if settled is None or settled.binding != binding:
            patience_s = 0.0 if self._is_hurried else CLEAN_TRANSACTION_S if in_block else inf
            held = Held(verdict, run.judged.facts, run.text, binds, binding, patience_s, run.oids, run.sent, settings)
            return Decision(held)
        run.request = settled.request
        if isinstance(settled, Granted):
            run.judged = granted(run.judged, settled.most_rows)
        else:
            run.not_granted = settled
        return None

    def _values(self, in_block: bool) -> Values:
        """Ask what the session is set to. Nothing waits where something before it holds locks or is under way.

        Outside a block a Sync gives back what parsing took, and ends nothing else, unless a portal would go with it.
        """
        now, is_answered = self._answers.idles, len(self._owed.debts) == self._unsent
        with_sync = is_answered and not self.is_amid
        holds_locks = self._worked_at == now or (in_block and self._used_at == now)
        self._is_hurried = holds_locks or not with_sync
        return Values(with_sync)

    def _named(self, kind: str, name: bytes) -> Facts | None:
        """What a prepared statement ("S") or portal ("P") is, None where there is none of that name."""
        names = self._standing.names
        portal = names.portals.get(name) if kind == "P" else None
        statement = portal.statement if portal is not None else names.statements.get(name)
        return statement.facts if statement is not None else None

    def _note_use(self, facts: Facts | None) -> None:
        """A message was taken that has the server look at what a statement names, and lock it up to the block's end."""
        if facts is None or facts.control is None:
            self._has_used = True

    def forget(self) -> None:
        """The message was taken: what it needed is not the next one's."""
        self.settled = self.estimated = self.renewed = self.values = self._saying = None
        self._is_hurried = False

    def _need_of(self, run: Execution) -> Need | None:
        """What an execution needs before it is recorded."""
        if run.intent is not None:
            return None
        return self._estimate(run) or self._held(run) or self._quiet(run) or self._filing(run)

    def _quiet(self, run: Execution) -> Quiet | None:
        """What VACUUM needs, so that the gateway's own snapshot does not have it leave behind what it would clean."""
        is_vacuum = "vacuum" in run.judged.facts.verbs
        return Quiet() if is_vacuum and self._standing.is_watch_reading else None

    def _filing(self, run: Execution) -> Intent | None:
        """What a long statement needs whose intent is recorded before anything else; None for every other."""
        size = len(run.text) + len(run.binds or b"")
        if size < LONG_BYTES or run.intent is not None or not (run.judged.is_weighty and self._is_recordable()):
            return None
        return Intent(run)

    def _filed(self) -> Execution | None:
        """The execution of this very message whose intent was just recorded, if there was need for it."""
        run, self.filed = self.filed, None
        return run

    def _allowed(self, run: Execution) -> bool:
        """Record the intent where verdict or weight demand it; whether the statement may go on."""
        if not self._is_recordable():
            raise LedgerUnavailable("the ledger cannot be written")
        judged = run.judged
        ends_settings = judged.facts.control is not None and self._standing.is_transactional
        may_run = isinstance(judged.verdict, Allow)
        self._is_barrier = self._is_barrier or (may_run and (judged.is_barrier or ends_settings))
        if judged.is_weighty:
            receipt = run.intent if run.intent is not None else self._trail.intent(run)
            if judged.is_pure and self.weighty is None:
                self.awaited = receipt
            else:
                self.weighty = receipt
        if may_run and judged.facts.control is None:
            self._worked_at = self._answers.idles
        return may_run

"""Between a session that masks and its server: no text but the gateway's own goes out, nothing unmasked comes in.

Outgoing, every Query and Parse must be one that was announced with its plan (`announced`). Incoming, each row
description is compared with the plan before the first row, late masks are applied to whole rows, errors and notices are
scrubbed. Whatever does not fit raises MaskingError: then the session must end, and nothing of the chunk may leave. No
socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tidewaiter.masking.plan import MaskingError, MaskPlan
from tidewaiter.masking.scrub import REPORTED, scrub
from tidewaiter.model import EffectKind
from tidewaiter.proxy.announced import Announced
from tidewaiter.proxy.described import NO_ROWS, NOTHING, OWN_TEXTS, Descriptions, Memo, Portal, Statement, position_of
from tidewaiter.proxy.masks import Plan
from tidewaiter.proxy.refusal import FAILING_TEXT
from tidewaiter.proxy.withheld import Withheld, is_sent_to_the_end
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import COPY_DATA, DATA_ROW, HEADER, length_at
from tidewaiter.wire.postgres_frontend import parse_close
from tidewaiter.wire.postgres_state import Owed, Owes, Step

HELD_BYTES: Final = 24 << 20  # of one row that is masked, or of another message, whole; masking it takes twice that
AGAIN: Final = b"tidewaiter_again"
_STREAMED: Final = frozenset((DATA_ROW, COPY_DATA))
_ASYNCHRONOUS: Final = frozenset(b"NSA")
_TELLING: Final = frozenset(b"CEIGHNVWs")
"""Messages beside rows that tell something of what a statement found."""
_DESCRIPTIONS: Final = (postgres.ROW_DESCRIPTION, postgres.NO_DATA, postgres.PARAMETER_DESCRIPTION)


class Veil:
    """One session's. `held_bytes` bounds what is held of a message that has to be looked at whole.

    `announced` is where everything for the server goes through.

    `own` is what is to go to the server before anything else, past `sent`; `failures` why answers were withheld: both
    are for the session to take after each `received`. `begun` counts the answers that began, to what names a relation:
    all of one was planned before; `shown` counts those of them that were more than a command tag; `lasted` counts
    completed statements that do more than read, `parsed` names statements that the client prepared, for the session to
    clear.
    """

    def __init__(self, held_bytes: int = HELD_BYTES) -> None:
        self.own: list[bytes] = []
        self.failures: list[str] = []
        self.begun = self.shown = self.lasted = 0
        self.parsed: list[bytes] = []
        self._begun: tuple[Memo | None, int] = (None, 0)  # what is being answered, and which statement of it
        self._withheld: Withheld | None = None
        self._lasting = False  # something that stays was done since the last ReadyForQuery
        self._renewing: dict[bytes, Statement] = {}  # in whose place others are prepared
        self._parsed = b""  # a ParseComplete that waits for the statement's description
        self._held_bytes = held_bytes
        self._owed: Owed[Memo] = Owed()
        self.announced = Announced(self._owed)
        self._statements: dict[bytes, Statement] = {}  # as of what the server has answered
        self._portals: dict[bytes, Portal] = {}
        self._held = bytearray()
        self._need = 0
        self._skip = 0  # bytes still to come of a message that streams
        self._descriptions = Descriptions()
        self._part = 0
        self._described: MaskPlan | None = None  # of the present statement of a Query
        self._named = (False, False)  # (touches, is_raw) of any statement or cursor that SQL named
        self._done = (False, False)  # the same of the open transaction: what is deferred speaks at its end

    # -- prepared anew ----------------------------------------------------------------------------------------------
    def renewal(self, name: bytes, plan: Plan, *, is_sql: bool) -> bytes:
        """What prepares a statement anew under its name, as it would be sent now; `is_sql`: by a PREPARE."""
        known = self._statements.get(name)
        self.announced.expect(plan)
        if is_sql:
            run = postgres.parse(AGAIN, plan.text) + postgres.bind(AGAIN, AGAIN, (), (), ()) + postgres.execute(AGAIN)
            return postgres.close("S", name) + run + postgres.close("S", AGAIN)
        types: Sequence[int] = ()
        if known is not None:
            self._renewing[name] = known
            types = known.types if known.types is not None else known.oids
        return postgres.close("S", name) + postgres.parse(name, plan.text, types)

    def is_as_before(self, name: bytes) -> bool:
        """Whether a statement that was prepared anew takes and gives what the client was told of it."""
        found = self._statements.get(name)
        return found is None or not found.is_changed

    # -- to the client ----------------------------------------------------------------------------------------------
    def received(self, chunk: bytes) -> bytes:
        """Take what the server sent; return what may be seen of it. Raises MaskingError, ProtocolViolation."""
        data = chunk
        if self._held:
            self._held += chunk
            if len(self._held) < self._need:
                return b""
            data, self._held = bytes(self._held), bytearray()
        size = len(data)
        at = min(self._skip, size)
        self._skip -= at
        out = [data[:at]] if at and self._withheld is None else []
        while at < size:
            if self._withheld is not None:
                after = self._drop(self._withheld, data, at, size, out)
            else:
                after = self._next(data, at, size, out)
            if after < 0:
                break
            at = after
        if at < size:
            self._held += data[at:]
        return out[0] if len(out) == 1 else b"".join(out)

    def _next(self, data: bytes, at: int, size: int, out: list[bytes]) -> int:
        """Take the message, or the run of rows, at `at`; return where the next begins, -1 when bytes are missing."""
        if at + HEADER > size:
            self._need = HEADER
            return -1
        kind = data[at]
        if kind in _STREAMED:
            try:
                return self._rows(kind, data, at, size, out)
            except MaskingError as why:
                self._withhold(why, out)
            return at
        after = at + length_at(data, at)
        if after <= size:
            if kind in _TELLING:
                self._begin(kind)
            self._take(kind, data[at:after], out)
            return after
        self._wait_for(after - at)
        return -1

    def _rows(self, kind: int, data: bytes, at: int, size: int, out: list[bytes]) -> int:
        """Take rows or copy data at `at`, as `_next` does. Raises MaskingError: then none of them was taken."""
        self._begin(kind)
        mask = self._mask() if kind == DATA_ROW else NOTHING
        end = at
        while end + HEADER <= size and data[end] == kind:
            after = end + length_at(data, end)
            if after > size:
                break
            end = after
        if end > at:
            out.append(mask.apply(data, at, end) if mask.last >= 0 else data[at:end])
            return end
        after = at + length_at(data, at)
        if mask.last < 0:
            out.append(data[at:])
            self._skip = after - size
            return size
        self._wait_for(after - at)
        return -1

    def _begin(self, message: int) -> None:
        """Something is told of what is being answered: note whether it is the first of it."""
        if not self._owed.debts:
            return
        kind, memo = self._owed.debts[0]
        before, part = self._begun
        if memo is before and memo is not None and part == self._part:
            return
        self._begun = (memo, self._part)
        plan = self._plan_at(kind, memo)
        if plan is None or not (
            (plan.is_bare and not plan.is_bound) or (plan.sight is None and plan.text in OWN_TEXTS)
        ):
            self.begun += 1
            self.shown += message != postgres.COMMAND_COMPLETE

    def _wait_for(self, need: int) -> None:
        if need > self._held_bytes:
            raise MaskingError(f"a row or message of {need} bytes, more than the {self._held_bytes} that can be masked")
        self._need = need

    def _mask(self) -> MaskPlan:
        """What happens to rows that come now."""
        kind, memo = self._owed.debts[0] if self._owed.debts else (0, None)
        mask: MaskPlan | None = None
        if kind == Owes.QUERY:
            mask = self._described
        elif kind == Owes.EXECUTE and memo is not None and memo.portal in self._portals:
            mask = self._portals[memo.portal].described
        if mask is None or mask is NO_ROWS:
            raise MaskingError("rows came that were not described")
        return mask

    def _take(self, kind: int, message: bytes, out: list[bytes]) -> None:
        """Take one whole message that is no row."""
        if kind == postgres.NOTIFICATION_RESPONSE:
            return
        if kind == postgres.PARAMETER_STATUS:
            if message[HEADER:].partition(b"\0")[0] in REPORTED:
                out.append(message)
            return
        if kind == postgres.NOTICE_RESPONSE:
            out.append(self._scrubbed(kind, message, self._owed.debts[0] if self._owed.debts else None))
            return
        head = self._owed.debts[0] if self._owed.debts else None
        step, debt = self._owed.reply(kind)
        if kind == postgres.ERROR_RESPONSE:
            message = self._scrubbed(kind, message, head)
            self._failed(step, debt[0] if debt is not None else 0)
            self._parsed = b""
        elif debt is not None and debt[1] is not None:
            try:
                message = self._answered(kind, debt[0], debt[1], message)
            except MaskingError as why:
                self._withhold(why, out, debt[1])
                return
        if kind == postgres.READY_FOR_QUERY:
            self._ready(message[HEADER])
        if message:
            out.append(message)

    def _answered(self, kind: int, owes: int, memo: Memo, message: bytes) -> bytes:
        """Follow what the server did about names, descriptions and statements; return what the client gets of it."""
        if kind == postgres.ROW_DESCRIPTION or kind == postgres.NO_DATA:
            self._describe(kind, owes, memo, message)
            if memo.is_own and owes == Owes.DESCRIBE_STATEMENT:
                parsed, self._parsed = self._parsed, b""
                return parsed
        elif kind == postgres.PARAMETER_DESCRIPTION and memo.statement in self._statements:
            self._statements[memo.statement].check_types(postgres.parse_parameter_description(message[HEADER:]))
        elif kind == postgres.PARSE_COMPLETE and memo.plan is not None:
            before = self._renewing.pop(memo.statement, None)
            self._statements[memo.statement] = Statement(memo.plan, memo.oids, before)
            if memo.plan.text not in OWN_TEXTS:
                self._parsed = message
                if memo.statement and before is None:
                    self.parsed.append(memo.statement)
                return b""
        elif kind == postgres.BIND_COMPLETE:
            statement = self._statements.get(memo.statement)
            self._portals[memo.portal] = Portal(statement.plan if statement is not None else None)
        elif kind == postgres.CLOSE_COMPLETE:
            (self._statements.pop(memo.statement, None) if memo.statement else None)
            (self._portals.pop(memo.portal, None) if memo.portal else None)
        elif kind in (postgres.COMMAND_COMPLETE, postgres.EMPTY_QUERY_RESPONSE):
            self._completed(owes, memo)
        return b"" if memo.is_own else message

    def _describe(self, kind: int, owes: int, memo: Memo, message: bytes) -> None:
        """Compare a description with the plan, and make what will be done to the rows."""
        if owes == Owes.QUERY:
            self._described = self._checked(memo.plan, kind, message, self._part)
        elif owes == Owes.DESCRIBE_STATEMENT:
            statement = self._statements.get(memo.statement)
            self._checked(statement.plan if statement is not None else None, kind, message, 0)
            if statement is not None and memo.is_own:
                statement.note_shape(message)
        else:
            portal = self._portals.setdefault(memo.portal, Portal(None))
            portal.described = self._checked(portal.plan, kind, message, 0)

    def _checked(self, plan: Plan | None, kind: int, message: bytes, part: int) -> MaskPlan:
        """What happens to rows of this description. A plan None is that of something that SQL named."""
        if kind == postgres.NO_DATA:
            return NO_ROWS
        sight = self.announced.sight if plan is None or plan.sight is not None else None
        return self._descriptions.checked(plan, sight, message, part) if sight is not None else NOTHING

    def _completed(self, owes: int, memo: Memo) -> None:
        """One statement has run."""
        plan = memo.plan
        if owes == Owes.EXECUTE and memo.portal in self._portals:
            plan = self._portals[memo.portal].plan
        if owes == Owes.QUERY:
            self._part += 1
            self._described = None
        if plan is None or plan.is_lasting:
            self._lasting = True
            self.lasted += 1
        if plan is None:
            return
        self._done = (self._done[0] or plan.touches, self._done[1] or plan.is_raw)
        for effect in plan.effects:
            if effect.kind in (EffectKind.PREPARE, EffectKind.DECLARE):
                self._named = (self._named[0] or plan.touches, self._named[1] or plan.is_raw)
            elif effect.kind is EffectKind.DEALLOCATE:
                self._forget(self._statements, effect.name)
            elif effect.kind is EffectKind.CLOSE:
                self._forget(self._portals, effect.name)
            elif effect.kind is EffectKind.DISCARD and effect.name.lower() == "all":
                self._statements.clear()
                self._portals.clear()

    def _forget(self, names: dict[bytes, Statement] | dict[bytes, Portal], name: str) -> None:
        names.pop(name.encode(), None) if name else names.clear()

    def _failed(self, step: int, owes: int) -> None:
        if step == Step.FAILED:
            self._owed.failed()
        if owes == Owes.QUERY:
            self._described = None

    def _ready(self, status: int) -> None:
        self._part, self._described, self._lasting = 0, None, False
        if status == 0x49:  # I: no transaction is open
            self._done = (False, False)
            self._portals.clear()

    # -- answers that are withheld ----------------------------------------------------------------------------------
    def _withhold(self, why: MaskingError, out: list[bytes], memo: Memo | None = None) -> None:
        """Give nothing more of the present answer. Raises MaskingError where the session must end.

        `memo` is of the message whose answer did not fit, if that is no longer owed.
        """
        debts = self._owed.debts
        if not debts and memo is None:  # nothing asked for it
            raise why
        is_sent = is_sent_to_the_end([kind for kind, _ in debts])
        statements = [one.statement for kind, one in debts if kind == Owes.PARSE and one is not None]
        if self._parsed and memo is not None:
            statements.append(memo.statement)
        self._parsed = b""
        withheld = Withheld(why, not is_sent, statements)
        if not is_sent:
            self._check_open(why)
            for name in statements:
                self._owed.sent(Owes.CLOSE, Memo(None, name, is_own=True))
            self._owed.sent(Owes.PARSE, Memo(Plan(FAILING_TEXT), is_own=True))
            self.own.append(withheld.failing())
            out.append(withheld.error)
        self._withheld = withheld
        self.failures.append(str(why))

    def _check_open(self, why: MaskingError) -> None:
        """Raise unless the server would take a message of the gateway's own now."""
        if self._owed.is_copying_in or not self.announced.is_between:
            raise MaskingError(f"{why}; the client sends data")

    def _drop(self, withheld: Withheld, data: bytes, at: int, size: int, out: list[bytes]) -> int:
        """`_next` for what belongs to an answer that is withheld: it is followed, and not given."""
        if at + HEADER > size:
            self._need = HEADER
            return -1
        kind = data[at]
        after = at + length_at(data, at)
        if after > size:
            if kind in _STREAMED:
                self._skip = after - size
                return size
            self._wait_for(after - at)
            return -1
        if kind in _ASYNCHRONOUS:
            self._take(kind, data[at:after], out)
        elif kind not in _STREAMED:
            self._follow(withheld, kind, data[at:after], out)
        return after

    def _follow(self, withheld: Withheld, kind: int, message: bytes, out: list[bytes]) -> None:
        step, debt = self._owed.reply(kind)
        if step == Step.COPY_IN:
            raise MaskingError(f"{withheld.why}; the client is asked for data")
        if kind == postgres.ERROR_RESPONSE:
            self._failed(step, debt[0] if debt is not None else 0)
            withheld.is_undone = True
            if withheld.is_told:  # the server skips to Sync, as after any error
                self._withheld = None
        elif kind == postgres.READY_FOR_QUERY:
            self._settle(withheld, message, out)
        elif debt is not None and debt[1] is not None and kind not in _DESCRIPTIONS:
            self._answered(kind, debt[0], debt[1], message)
            self._parsed = b""

    def _settle(self, withheld: Withheld, message: bytes, out: list[bytes]) -> None:
        """The server has ended the statement: tell the client, once the transaction has failed too."""
        if withheld.readies:
            withheld.readies -= 1
        else:
            is_last = not self._owed.debts
            own = withheld.settling(message[HEADER], is_lasting=self._lasting, is_last=is_last)
            if own:
                self._check_open(withheld.why)
                self._own_sent(own)
        if not withheld.readies:
            self._withheld = None
            out += (withheld.error, message)
            self._ready(message[HEADER])

    def _own_sent(self, own: bytes) -> None:
        """Owe the answers to messages of the gateway's own, which hold no text but FAILING_TEXT."""
        self.own.append(own)
        at = 0
        while at < len(own):
            kind, after = own[at], at + length_at(own, at)
            if kind == postgres.QUERY:
                self._owed.sent(Owes.QUERY, Memo(Plan(FAILING_TEXT), is_own=True))
            elif kind == postgres.CLOSE:
                self._owed.sent(Owes.CLOSE, Memo(None, parse_close(own[at + HEADER : after])[1], is_own=True))
            else:
                self._owed.sent(Owes.SYNC)
            at = after

    # -- errors and notices -----------------------------------------------------------------------------------------
    def _scrubbed(self, kind: int, message: bytes, head: tuple[int, Memo | None] | None) -> bytes:
        """What may be seen of an error or notice that came while `head` was to be answered."""
        plan = self._plan_at(*head) if head is not None else None
        touches, is_raw = (plan.touches, plan.is_raw) if plan is not None else self._named
        if plan is not None and plan.is_bound:
            touches, is_raw = touches or self._named[0], is_raw or self._named[1]
        if plan is None or plan.is_bare:
            touches, is_raw = touches or self._done[0], is_raw or self._done[1]
        if plan is not None and plan.sight is None:
            return message
        fields = postgres.parse_error_fields(message[HEADER:])
        position = position_of(plan, fields.pop("P", ""))
        if touches or is_raw:
            fields = scrub(fields, is_raw=is_raw)
        return postgres.error_fields(fields | position, kind)

    def _plan_at(self, owes: int, memo: Memo | None) -> Plan | None:
        """The plan of what is being answered; None for what SQL named, and where nothing is."""
        if memo is None:
            return None
        if memo.plan is not None:
            return memo.plan
        if owes in (Owes.EXECUTE, Owes.DESCRIBE_PORTAL):
            portal = self._portals.get(memo.portal)
            return portal.plan if portal is not None else None
        statement = self._statements.get(memo.statement)
        return statement.plan if statement is not None else None

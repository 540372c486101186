"""The gate of a session that masks: no text goes to its server but those that were announced with their plans.

Each Execute is preceded by a Describe of the gateway's own, each Parse followed by one: `veil` compares their answers,
which stay here. Whatever does not fit raises MaskingError: then the session must end. No socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tidewaiter.masking.plan import MaskingError
from tidewaiter.proxy.described import OWN_TEXTS, Memo
from tidewaiter.proxy.masks import Plan, Sight
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER, FrontendFrames
from tidewaiter.wire.postgres_frontend import parse_bind_head, parse_close, parse_describe, parse_execute, parse_parse
from tidewaiter.wire.postgres_state import Owed, Owes

TEXT_BYTES: Final = 64 << 20  # of one text with its masks; a client's is limited by [limits] statement_bytes already


class Announced:
    """One session's texts, and what else goes to its server, of which `owed` is told.

    `sight` is the latest of what must not be seen.
    """

    def __init__(self, owed: Owed[Memo]) -> None:
        self.sight: Sight | None = None
        self._owed = owed
        self._announced: dict[bytes, tuple[Plan, int]] = {}  # with how often it is to be sent
        self._outgoing = FrontendFrames(TEXT_BYTES)

    @property
    def is_between(self) -> bool:
        """Whether all that went so far were whole messages."""
        return self._outgoing.is_between

    def expect(self, plan: Plan) -> None:
        """Announce a text that is about to be sent."""
        _, times = self._announced.get(plan.text, (plan, 0))
        self._announced[plan.text] = (plan, times + 1)
        self.see(plan)

    def query(self, plan: Plan | None) -> bytes:
        """The Query that takes the client's place. Raises MaskingError without a plan."""
        return postgres.query(self._planned(plan).text)

    def parse(self, name: bytes, plan: Plan | None, oids: Sequence[int]) -> bytes:
        """The Parse that takes the client's place. Raises MaskingError without a plan."""
        return postgres.parse(name, self._planned(plan).text, oids)

    def see(self, plan: Plan) -> None:
        """Note what must not be seen now: a statement that was sent before, and is as it would be sent now, runs."""
        if plan.sight is not None:
            self.sight = plan.sight

    def _planned(self, plan: Plan | None) -> Plan:
        if plan is None:
            raise MaskingError("a statement has no plan")
        self.expect(plan)
        return plan

    def sent(self, data: bytes) -> bytes:
        """Take what is to be sent; return what goes to the server. Raises MaskingError, ProtocolViolation."""
        data, pieces = self._outgoing.feed(data)
        out: list[bytes] = []
        cut = end = 0
        for kind, start, end, _ in pieces:
            body = data[start + HEADER : end]
            if kind == postgres.EXECUTE:
                portal, _limit = parse_execute(body)
                self._owed.sent(Owes.DESCRIBE_PORTAL, Memo(portal=portal, is_own=True))
                self._owed.sent(Owes.EXECUTE, Memo(portal=portal))
                out += (data[cut:start], postgres.describe("P", portal))
                cut = start
            elif kind == postgres.PARSE:
                name = self._note_parse(body)
                if name is not None:
                    out += (data[cut:end], postgres.describe("S", name))
                    cut = end
            else:
                self._note_sent(kind, body)
        out.append(data[cut:end])
        return b"".join(out)

    def _note_sent(self, kind: int, body: bytes) -> None:
        if kind == postgres.QUERY:
            self._owed.sent(Owes.QUERY, Memo(self._plan_of(body[:-1])))
        elif kind == postgres.BIND:
            portal, statement, _ = parse_bind_head(body)
            self._owed.sent(Owes.BIND, Memo(None, statement, portal))
        elif kind == postgres.DESCRIBE:
            self._note_describe(body)
        elif kind == postgres.CLOSE:
            of, name = parse_close(body)
            self._owed.sent(Owes.CLOSE, Memo(None, name) if of == "S" else Memo(None, b"", name))
        elif kind == postgres.SYNC:
            self._owed.sent(Owes.SYNC)
        elif kind in (postgres.COPY_DONE, postgres.COPY_FAIL):
            self._owed.copy_ended()
        elif kind == postgres.FUNCTION_CALL:
            raise MaskingError("a function is called by its number")

    def _note_parse(self, body: bytes) -> bytes | None:
        """Follow a Parse; return the statement's name where its description is to be compared, None for own texts."""
        name, text, oids = parse_parse(body)
        plan = self._plan_of(text)
        self._owed.sent(Owes.PARSE, Memo(plan, name, oids=oids))
        if text in OWN_TEXTS:
            return None
        self._owed.sent(Owes.DESCRIBE_STATEMENT, Memo(None, name, is_own=True))
        return name

    def _note_describe(self, body: bytes) -> None:
        of, name = parse_describe(body)
        if of == "S":
            self._owed.sent(Owes.DESCRIBE_STATEMENT, Memo(None, name))
        else:
            self._owed.sent(Owes.DESCRIBE_PORTAL, Memo(None, b"", name))

    def _plan_of(self, text: bytes) -> Plan:
        announced = self._announced.pop(text, None)
        if announced is not None:
            plan, times = announced
            if times > 1:
                self._announced[text] = (plan, times - 1)
            return plan
        if text not in OWN_TEXTS:
            raise MaskingError("a text was to be sent that is not the gateway's own")
        return Plan(text)

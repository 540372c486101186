"""An answer of which nothing more may be given: its statement fails as the server's own would. No socket.

Where no Sync was sent yet, a message that always fails goes to the server, which undoes all that it had not ended.
Otherwise the server will have ended the statement by itself: its answer is dropped to the ReadyForQuery, and told as an
error if nothing of it stands; an open transaction is failed first. Where neither is so, the session must end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tidewaiter.masking.plan import MaskingError
from tidewaiter.proxy.refusal import FAILING_TEXT
from tidewaiter.wire import postgres
from tidewaiter.wire.postgres_state import Owes

FAILING_NAME: Final = b"tidewaiter_withheld"
_IDLE, _OPEN = 0x49, 0x54  # ReadyForQuery's I and T
_ENDS: Final = (Owes.SYNC, Owes.QUERY)


def reason_of(why: MaskingError) -> str:
    """What the client and the log are told."""
    return f"the answer cannot be masked as planned and is withheld: {why}"


class Withheld:
    """One answer. `is_told`: the client has the error, and the server's own, which comes, ends it.

    `is_undone`: the server has failed meanwhile. `statements` are names that the server gave to statements of which the
    client hears that they failed. `readies` counts the ReadyForQuery of the gateway's own messages that are to come.
    """

    __slots__ = ("error", "is_told", "is_undone", "readies", "statements", "why")

    def __init__(self, why: MaskingError, is_told: bool, statements: Iterable[bytes]) -> None:
        self.why = why
        self.error = postgres.error_response("ERROR", "XX000", reason_of(why), hint="tell the operators of the gateway")
        self.is_told = is_told
        self.is_undone = False
        self.statements: list[bytes] = list(statements)
        self.readies = 0

    def failing(self) -> bytes:
        """What fails at the server, in the place of the statement. No Sync was sent."""
        closes = [postgres.close("S", name) for name in self.statements]
        return b"".join(closes) + postgres.parse(FAILING_NAME, FAILING_TEXT)

    def settling(self, status: int, *, is_lasting: bool, is_last: bool) -> bytes:
        """What to send once the server is ready, before the client is told; nothing where it can be told at once.

        `is_lasting`: statements that change something were completed since the last ReadyForQuery; `is_last`: nothing
        else is on its way to the server. Raises MaskingError where the client would be told what is not so.
        """
        if self.is_undone:
            is_lasting = False
        if status == _IDLE and is_lasting:
            raise MaskingError(f"{self.why}; the statement has run, and what it did may stand")
        own: list[bytes] = []
        if status == _OPEN:
            own.append(postgres.query(FAILING_TEXT))
        if self.statements:
            own += [*(postgres.close("S", name) for name in self.statements), postgres.sync()]
        if own and not is_last:
            raise MaskingError(f"{self.why}; other statements were sent behind it")
        self.readies = (status == _OPEN) + bool(self.statements)
        return b"".join(own)


def is_sent_to_the_end(kinds: Sequence[int]) -> bool:
    """Whether what ends the statement, among all that the server owes, was sent already: a Query or a Sync."""
    return any(kind in _ENDS for kind in kinds)

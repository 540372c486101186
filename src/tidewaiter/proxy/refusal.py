"""What a client is told when a statement does not run: SQLSTATE, rule, decision id, what to do next. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tidewaiter.model import Deny, Facts
from tidewaiter.proxy.limits import RowLimit
from tidewaiter.wire import postgres
from tidewaiter.wire.postgres_state import Owes

FAILING_TEXT = b"/* refused by tidewaiter */ this is not SQL"
"""Always a syntax error: sent in the place of what was refused, so that the server's own error handling applies."""


IGNORED_TEXT = b"/* refused by tidewaiter */ select"
"""Fails in a failed transaction only, with what the server says there of any statement (25P02)."""

DENIED = "42501"
"""insufficient_privilege: what every refusal by policy says."""


def of_hold(sqlstate: str, message: str, hint: str, request: str, session: str, receipt: int) -> bytes:
    """The ErrorResponse for a held statement that may not run now."""
    named = f"; request {request}" if request else ""
    return postgres.error_response("ERROR", sqlstate, message, detail=f"decision {session}/{receipt}{named}", hint=hint)


def of_verdict(verdict: Deny, facts: Facts, session: str, receipt: int) -> bytes:
    """The ErrorResponse for a refused statement. A text with a syntax error is told what the server would say of it."""
    detail = f"decision {session}/{receipt}"
    fault = facts.fault
    if fault is not None:
        return postgres.error_response("ERROR", fault.sqlstate, fault.message, detail=detail, position=fault.position)
    return postgres.error_response(
        "ERROR", verdict.sqlstate, verdict.message, detail=detail, hint=verdict.hint or "ask the owner of the rule"
    )


def is_ignored(facts: Facts) -> bool:
    """Whether the server would ignore a refused text in a failed transaction: it reads it, and looks no further.

    One of several statements may end the transaction first, and a syntax error is told even there.
    """
    return facts.parts <= 1 and (facts.fault is None or facts.fault.sqlstate != "42601")


def of_limit(limit: RowLimit, changed: int | None, session: str, receipt: int) -> bytes:
    """The ErrorResponse for a statement that ran into its row limit; `changed` rows, None where it only read."""
    if changed is None:
        message = f'the answer has more than {limit.rows} rows, the limit of policy "{limit.rule}"'
        hint = "ask for fewer rows (WHERE, LIMIT, an aggregate), or ask the owner of the policy for a larger limit"
    else:
        message = f'the statement would change {changed} rows; policy "{limit.rule}" limits it to {limit.rows}'
        hint = "nothing was changed: narrow the statement down, or ask the owner of the policy for a larger limit"
    return postgres.error_response("ERROR", DENIED, message, detail=f"decision {session}/{receipt}", hint=hint)


def of_kept(limit: RowLimit, kept_bytes: int, session: str, receipt: int) -> bytes:
    """The ErrorResponse for an answer that is too large to be held back until what it changed is counted."""
    return postgres.error_response(
        "ERROR",
        DENIED,
        f"the answer is held back until the rows that it changed are counted (row limit of policy "
        f'"{limit.rule}"), and is larger than {kept_bytes} bytes',
        detail=f"decision {session}/{receipt}",
        hint="nothing was changed: return fewer columns or rows, or read them afterwards",
    )


def unrecorded() -> bytes:
    """The ErrorResponse when the ledger cannot be written: nothing was forwarded."""
    return postgres.error_response(
        "ERROR",
        "58030",
        "the audit ledger cannot be written, so nothing was forwarded",
        hint="try again when the gateway's operator has repaired the ledger's disk",
    )


def too_long() -> bytes:
    """The ErrorResponse for a statement that the gateway does not hold in memory."""
    return postgres.error_response(
        "ERROR", "54000", "the statement is longer than [limits] statement_bytes", hint="send it in smaller parts"
    )


def good_bye(sqlstate: str, message: str, hint: str = "") -> bytes:
    """The FATAL ErrorResponse that ends a session."""
    return postgres.error_response("FATAL", sqlstate, message, hint=hint)


def of_unsent(messages: Iterable[int], error: bytes) -> tuple[bytes, bool]:
    """What an idle session is told for messages that were taken but, for this error, not sent.

    Returns the answer and whether an error still waits for its Sync.
    """
    answer, failed = b"", False
    for kind in messages:
        if kind in (Owes.QUERY, Owes.FUNCTION_CALL):
            answer += error + postgres.ready_for_query("I")
        elif kind == Owes.SYNC:
            answer += postgres.ready_for_query("I")
            failed = False
        elif not failed:
            answer += error
            failed = True
    return answer, failed

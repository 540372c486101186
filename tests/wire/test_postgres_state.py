"""What a server owes, reply by reply."""

from __future__ import annotations

import pytest

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire.postgres_state import Owed, Owes, Step

OWES = {value: name for name, value in vars(Owes).items() if name.isupper()}
STEP = {value: name for name, value in vars(Step).items() if name.isupper()}


def owed(*kinds: int) -> Owed[str]:
    debts: Owed[str] = Owed()
    for number, kind in enumerate(kinds):
        assert debts.sent(kind, f"{OWES[kind]}{number}")
    return debts


def steps(debts: Owed[str], replies: bytes) -> list[str]:
    return [STEP[debts.reply(kind)[0]] for kind in replies]


def test_a_prepared_execution_is_settled_in_order() -> None:
    debts = owed(Owes.PARSE, Owes.DESCRIBE_STATEMENT, Owes.BIND, Owes.DESCRIBE_PORTAL, Owes.EXECUTE, Owes.SYNC)
    assert steps(debts, b"1tT2nCZ") == ["DONE", "KEEP", "DONE", "DONE", "DONE", "DONE", "READY"]
    assert not debts.debts


def test_a_simple_query_ends_with_ready_only() -> None:
    debts = owed(Owes.QUERY)
    assert steps(debts, b"TCCIEZ") == ["KEEP", "RESULT", "RESULT", "RESULT", "ERROR", "READY"]


def test_error_skips_to_sync_and_names_what_is_skipped() -> None:
    debts = owed(Owes.BIND, Owes.EXECUTE, Owes.BIND, Owes.EXECUTE, Owes.SYNC, Owes.QUERY)
    assert steps(debts, b"2") == ["DONE"]
    step, debt = debts.reply(ord("E"))
    assert (step, debt) == (Step.FAILED, (Owes.EXECUTE, "EXECUTE1"))
    assert debts.failed() == [(Owes.BIND, "BIND2"), (Owes.EXECUTE, "EXECUTE3")]
    assert not debts.is_skipping
    assert steps(debts, b"ZCZ") == ["READY", "RESULT", "READY"]


def test_after_an_error_without_sync_nothing_more_is_answered() -> None:
    debts = owed(Owes.EXECUTE)
    debts.reply(ord("E"))
    assert debts.failed() == []
    assert (debts.is_skipping, debts.sent(Owes.EXECUTE, "x"), debts.sent(Owes.QUERY, "x")) == (True, False, False)
    assert (debts.sent(Owes.SYNC), debts.is_skipping) == (True, False)
    assert steps(debts, b"Z") == ["READY"]


def test_sync_sent_before_copy_in_is_ignored_by_the_server() -> None:
    debts = owed(Owes.BIND, Owes.EXECUTE, Owes.SYNC)
    assert steps(debts, b"2G") == ["DONE", "COPY_IN"]
    assert [kind for kind, _ in debts.debts] == [Owes.EXECUTE]
    assert not debts.sent(Owes.SYNC)
    debts.copy_ended()
    assert debts.sent(Owes.SYNC)
    assert steps(debts, b"CZ") == ["DONE", "READY"]


def test_sync_behind_copy_data_that_was_sent_ahead_is_answered() -> None:
    debts = owed(Owes.EXECUTE, Owes.SYNC)
    debts.copy_ended()
    debts.sent(Owes.SYNC)
    debts.sent(Owes.QUERY)
    debts.reply(ord("G"))
    assert not debts.is_copying_in
    assert [kind for kind, _ in debts.debts] == [Owes.EXECUTE, Owes.SYNC, Owes.QUERY]


def test_copy_in_of_a_simple_query_keeps_its_debt() -> None:
    debts = owed(Owes.QUERY)
    assert steps(debts, b"G") == ["COPY_IN"]
    assert debts.is_copying_in
    assert steps(debts, b"EZ") == ["ERROR", "READY"]
    assert not debts.is_copying_in


def test_function_call_and_suspension_and_copy_out() -> None:
    assert steps(owed(Owes.FUNCTION_CALL), b"VZ") == ["KEEP", "READY"]
    assert steps(owed(Owes.EXECUTE), b"s") == ["SUSPENDED"]
    assert steps(owed(Owes.EXECUTE), b"HcC") == ["KEEP", "KEEP", "DONE"]


def test_a_commit_that_fails_at_sync_keeps_the_debt() -> None:
    assert steps(owed(Owes.SYNC), b"EZ") == ["KEEP", "READY"]


def test_good_byes_and_spare_readies_pass_when_nothing_is_owed() -> None:
    debts: Owed[str] = Owed()
    assert debts.reply(ord("E")) == (Step.KEEP, None)
    assert debts.reply(ord("Z")) == (Step.KEEP, None)


@pytest.mark.parametrize("kind", b"CT12W")
def test_unasked_answers_are_violations(kind: int) -> None:
    with pytest.raises(ProtocolViolation, match="unasked"):
        Owed[str]().reply(kind)


def test_an_answer_to_another_question_is_a_violation() -> None:
    with pytest.raises(ProtocolViolation, match="in answer to message 1"):
        owed(Owes.PARSE).reply(ord("C"))


def test_a_round_is_settled_as_the_messages_that_it_consists_of() -> None:
    debts = owed(Owes.ROUND, Owes.DESCRIBED_ROUND)
    assert steps(debts, b"2CZ2TCZ") == ["DONE", "DONE", "READY", "DONE", "DONE", "DONE", "READY"]
    assert not debts.debts


def test_a_rounds_memo_is_its_execution_s() -> None:
    debts = owed(Owes.DESCRIBED_ROUND)
    debts.unfold()
    assert list(debts.debts) == [
        (Owes.BIND, None),
        (Owes.DESCRIBE_PORTAL, None),
        (Owes.EXECUTE, "DESCRIBED_ROUND0"),
        (Owes.SYNC, None),
    ]


def test_an_error_before_a_round_skips_to_its_sync() -> None:
    debts = owed(Owes.EXECUTE, Owes.ROUND, Owes.ROUND)
    debts.reply(ord("E"))
    assert debts.failed() == [(Owes.BIND, None), (Owes.EXECUTE, "ROUND1")]
    assert not debts.is_skipping
    assert steps(debts, b"Z2CZ") == ["READY", "DONE", "DONE", "READY"]

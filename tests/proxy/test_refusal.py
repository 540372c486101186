"""What clients are told."""

from __future__ import annotations

from tidewaiter.model import Deny, Facts, Hold, Need, SyntaxFault
from tidewaiter.proxy import refusal
from tidewaiter.wire import postgres
from tidewaiter.wire.postgres_state import Owes


def fields(message: bytes) -> dict[str, str]:
    assert message[:1] == b"E"
    return postgres.parse_error_fields(message[5:])


def test_denial_names_rule_decision_and_remedy() -> None:
    said = fields(refusal.of_verdict(Deny("no-drops", "drop is forbidden by no-drops", hint="ask"), Facts(), "s1", 7))
    assert (said["S"], said["C"], said["M"]) == ("ERROR", "42501", "drop is forbidden by no-drops")
    assert (said["D"], said["H"]) == ("decision s1/7", "ask")


def test_hold_names_approvers() -> None:
    said = fields(refusal.of_verdict(Hold("dba-waits", (Need(("dba", "sec")),), "waits for a DBA"), Facts(), "s1", 7))
    assert said["C"] == "42501"
    assert "dba, sec" in said["D"]


def test_a_syntax_error_reads_as_the_servers_own() -> None:
    facts = Facts(unknown=("x",), fault=SyntaxFault("42601", 'syntax error at or near "selct"', 1))
    said = fields(refusal.of_verdict(Deny("", "unknown"), facts, "s1", 7))
    assert (said["C"], said["M"], said["P"]) == ("42601", 'syntax error at or near "selct"', "1")


def test_good_bye_is_fatal_and_the_ledger_error_is_not() -> None:
    assert fields(refusal.good_bye("57P01", "bye"))["S"] == "FATAL"
    assert fields(refusal.unrecorded())["C"] == "58030"


def test_unsent_messages_are_answered_as_the_server_would_answer_errors() -> None:
    error, ready = refusal.unrecorded(), postgres.ready_for_query("I")
    assert refusal.of_unsent([Owes.QUERY]) == (error + ready, False)
    assert refusal.of_unsent([Owes.PARSE, Owes.BIND, Owes.EXECUTE, Owes.SYNC]) == (error + ready, False)
    assert refusal.of_unsent([Owes.BIND, Owes.EXECUTE]) == (error, True)

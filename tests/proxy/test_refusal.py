"""What clients are told."""

from __future__ import annotations

from tidewaiter.model import Deny, Facts, SyntaxFault
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


def test_a_held_statement_names_its_request_where_there_is_one() -> None:
    said = fields(refusal.of_hold("42501", "waits for dba", "run it again", "AR-7", "s1", 7))
    assert (said["C"], said["M"], said["D"]) == ("42501", "waits for dba", "decision s1/7; request AR-7")
    assert fields(refusal.of_hold("58000", "no store", "", "", "s1", 7))["D"] == "decision s1/7"


def test_a_syntax_error_reads_as_the_servers_own() -> None:
    facts = Facts(unknown=("x",), fault=SyntaxFault("42601", 'syntax error at or near "selct"', 1))
    said = fields(refusal.of_verdict(Deny("", "unknown"), facts, "s1", 7))
    assert (said["C"], said["M"], said["P"]) == ("42601", 'syntax error at or near "selct"', "1")


def test_good_bye_is_fatal_and_the_ledger_error_is_not() -> None:
    assert fields(refusal.good_bye("57P01", "bye"))["S"] == "FATAL"
    assert fields(refusal.unrecorded())["C"] == "58030"


def test_unsent_messages_are_answered_as_the_server_would_answer_errors() -> None:
    error, ready = refusal.unrecorded(), postgres.ready_for_query("I")
    assert refusal.of_unsent([Owes.QUERY], error) == (error + ready, False)
    assert refusal.of_unsent([Owes.PARSE, Owes.BIND, Owes.EXECUTE, Owes.SYNC], error) == (error + ready, False)
    assert refusal.of_unsent([Owes.BIND, Owes.EXECUTE], error) == (error, True)

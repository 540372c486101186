"""What a server answers: settled against what it owes, recorded, passed on; whatever it says unasked or wrongly."""

from __future__ import annotations

import pytest
from playbook import (
    BEGIN,
    BEGUN,
    BOUND,
    CLOSED,
    FAILED,
    IN_TRANSACTION,
    PARSED,
    READ,
    READY,
    Entry,
    Play,
    asked,
    begun,
    bound,
    client,
    ended,
    gone,
    ledger,
    ran,
    refused,
    rows,
    says,
    server,
    told,
)
from playstage import Stage

from tidewaiter.wire import postgres as pg

SELECT = pg.query(b"select 1")
NOTICE = pg.notice_response("NOTICE", "00000", "by the way")
CHANGED = pg.parameter_status(b"TimeZone", b"UTC")
NOTIFIED = b"A" + (4 + 4 + 2 + 2).to_bytes(4, "big") + (7).to_bytes(4, "big") + b"c\0p\0"
FAILURE = pg.error_response("ERROR", "22012", "division by zero")
CODE_POINT = pg.parameter_status(b"client_encoding", b"SJIS")


@pytest.mark.parametrize("message", [NOTICE, CHANGED, NOTIFIED], ids=["notice", "parameter", "notification"])
def test_asynchronous_messages_pass_at_any_time(message: bytes) -> None:
    row, end = pg.data_row([b"1"]), pg.command_complete("SELECT 1")
    (
        Play()
        >> server(message)
        << client(message)
        >> client(SELECT)
        << server(SELECT)
        >> server(message, pg.row_description([]), message, row, message, end, message, READY, message)
        << client(message, pg.row_description([]), message, row, message, end, message, READY, message)
        << ledger(ran(b"select 1", rows=1))
        >> client(asked(READ, b"1"), pg.sync())
        << server(asked(READ, b"1"), pg.sync())
        >> server(message, PARSED, message, BOUND, message, pg.no_data(), end, message, READY)
        << client(message, PARSED, message, BOUND, message, pg.no_data(), end, message, READY)
        << ledger(ran(READ))
    ).holds()


def test_the_bytes_of_an_answer_are_counted_to_each_statement() -> None:
    first, second = rows(b"1"), rows(b"22")
    (
        Play()
        >> client(SELECT, pg.query(b"select 22"))
        << server(SELECT, pg.query(b"select 22"))
        >> server(first, READY, second, READY)
        << client(first, READY, second, READY)
        << ledger(ran(b"select 1", bytes=len(first + READY)), ran(b"select 22", bytes=len(second + READY)))
    ).holds()


def test_an_error_in_a_query_is_its_outcome() -> None:
    (
        Play()
        >> client(SELECT)
        << server(SELECT)
        >> server(pg.row_description([]), FAILURE, READY)
        << client(pg.row_description([]), FAILURE, READY)
        << ledger(ran(b"select 1", "error", sqlstate="22012", rows=0))
    ).holds()


def test_a_text_that_fails_half_way_tells_what_was_done_before() -> None:
    text = b"select 1; select 1 / 0; select 2"
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> server(rows(b"1"), FAILURE, READY)
        << client(rows(b"1"), FAILURE, READY)
        << ledger(ran(text, "error", rows=1, results=[["SELECT 1", 1]]))
    ).holds()


def test_a_cancelled_statement_says_so() -> None:
    cancelled = pg.error_response("ERROR", "57014", "canceling statement due to user request")
    (
        Play()
        >> client(SELECT)
        << server(SELECT)
        >> server(cancelled, READY)
        << client(cancelled, READY)
        << ledger(ran(b"select 1", "cancelled", sqlstate="57014"))
    ).holds()


def test_a_commit_that_fails_at_sync_is_an_event() -> None:
    failure = pg.error_response("ERROR", "23503", "a deferred constraint is violated")
    insert = b"insert into orders (id) values (1)"
    (
        Play()
        >> client(asked(insert), pg.sync())
        << server(asked(insert), pg.sync())
        >> server(PARSED, BOUND, pg.no_data(), pg.command_complete("INSERT 0 1"), failure, READY)
        << client(PARSED, BOUND, pg.no_data(), pg.command_complete("INSERT 0 1"), failure, READY)
        << ledger(ran(insert, rows=1), Entry("commit.failed", sqlstate="23503"))
    ).holds()


def test_everything_skipped_up_to_the_first_sync_and_nothing_beyond() -> None:
    one, two, three = (b"select %d" % n for n in (1, 2, 3))
    (
        Play()
        >> client(asked(one), asked(two), pg.sync(), asked(three), pg.sync())
        << server(asked(one), asked(two), pg.sync(), asked(three), pg.sync())
        >> server(FAILURE, READY, PARSED, BOUND, rows(b"3"), READY)
        << client(FAILURE, READY, PARSED, BOUND, rows(b"3"), READY)
        << ledger(ran(one, "skipped"), ran(two, "skipped"), ran(three, rows=1))
    ).holds()


def test_describe_and_close_are_answered_in_order() -> None:
    messages = (
        pg.parse(b"one", READ) + pg.describe("S", b"one") + pg.close("S", b"one") + pg.close("P", b"") + pg.sync()
    )
    described = b"t" + (10).to_bytes(4, "big") + b"\0\1" + (23).to_bytes(4, "big")
    answer = (PARSED, described, pg.row_description([]), CLOSED, CLOSED, READY)
    (Play() >> client(messages) << server(messages) >> server(*answer) << client(*answer)).holds()


def test_a_pipeline_is_not_told_to_be_ready_before_the_server_is() -> None:
    (
        Play()
        >> client(BEGIN, SELECT)
        << server(BEGIN, SELECT)
        >> server(BEGUN)
        << client(BEGUN)
        << ledger(ran(b"begin"))
        >> server(rows(b"1"), IN_TRANSACTION)
        << client(rows(b"1"), IN_TRANSACTION)
        << ledger(ran(b"select 1"))
    ).holds()


def test_an_encoding_whose_bytes_may_look_like_quotes_is_not_understood() -> None:
    (
        Play()
        >> server(CODE_POINT)
        << client(CODE_POINT)
        >> client(SELECT)
        << ledger(refused(b"select 1", "understood", unknown=["client_encoding is SJIS"]))
        << client(says("42501"), READY)
        >> server(pg.parameter_status(b"client_encoding", b"UTF8"))
        << client(pg.parameter_status(b"client_encoding", b"UTF8"))
        >> client(SELECT)
        << server(SELECT)
        >> server(rows(b"1"), READY)
        << client(rows(b"1"), READY)
        << ledger(ran(b"select 1"))
    ).holds()


def test_strings_with_backslashes_are_not_understood() -> None:
    off = pg.parameter_status(b"standard_conforming_strings", b"off")
    (
        Play()
        >> server(off)
        << client(off)
        >> client(SELECT)
        << ledger(refused(b"select 1", "understood"))
        << client(says("42501"), READY)
    ).holds()


# -- a server that goes, or is not one --------------------------------------------------------------
def test_the_servers_good_bye_is_the_reason_that_the_client_hears() -> None:
    bye = pg.error_response("FATAL", "57P01", "terminating connection due to administrator command")
    (Play() >> server(bye) << client(bye) >> gone("server") << ended("server closed the connection")).holds()


def test_a_server_that_goes_without_a_word_is_told_to_the_client() -> None:
    (
        Play()
        >> client(SELECT)
        << server(SELECT)
        >> gone("server")
        << client(says("08006", severity="FATAL"))
        << ended("server closed the connection")
        >> told(lambda session: session.close_trail())
        << ledger(ran(b"select 1", "lost"))
    ).holds()


def test_a_good_bye_in_the_middle_of_a_statement_is_its_outcome() -> None:
    bye = pg.error_response("FATAL", "57P01", "terminating connection due to administrator command")
    (
        Play()
        >> client(SELECT)
        << server(SELECT)
        >> server(bye)
        << client(bye)
        >> gone("server")
        << ended("server closed the connection")
        >> told(lambda session: session.close_trail())
        << ledger(ran(b"select 1", "lost", sqlstate="57P01"))
    ).holds()


@pytest.mark.parametrize(
    "message",
    [rows(b"1"), PARSED, b"\x7f\0\0\0\4", b"Z\0\0\0\3", b"C\0\0\0\4", b"R\0\0\0\x08\0\0\0\0"],
    ids=["rows", "ParseComplete", "no such type", "impossible length", "no tag", "Authentication"],
)
def test_what_a_server_may_not_say_ends_the_session(message: bytes) -> None:
    (
        Play()
        >> server(message)
        << client(says("08P01", severity="FATAL"))
        << server(pg.terminate())
        << ended("protocol violation")
    ).holds(("whole",))


def test_an_answer_to_another_question_ends_the_session() -> None:
    (
        Play()
        >> client(SELECT)
        << server(SELECT)
        >> server(PARSED)
        << client(says("08P01", severity="FATAL"))
        << server(pg.terminate())
        << ended("protocol violation")
        >> told(lambda session: session.close_trail())
        << ledger(ran(b"select 1", "lost"))
    ).holds()


# -- names and portals ------------------------------------------------------------------------------
def test_a_portal_that_is_closed_while_suspended_has_its_outcome() -> None:
    start = pg.parse(b"", READ) + bound(b"1", portal=b"p") + pg.execute(b"p", 1) + pg.sync()
    row = pg.data_row([b"ada"])
    (
        begun()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        << client(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        >> client(pg.close("P", b"p"), pg.sync())
        << server(pg.close("P", b"p"), pg.sync())
        >> server(CLOSED, IN_TRANSACTION)
        << client(CLOSED, IN_TRANSACTION)
        << ledger(ran(READ, rows=1))
    ).holds()


def test_the_unnamed_portal_that_is_bound_anew_while_suspended_has_its_outcome() -> None:
    start = pg.parse(b"", READ) + bound(b"1") + pg.execute(b"", 1) + pg.sync()
    again = bound(b"2") + pg.execute(b"", 0) + pg.sync()
    row = pg.data_row([b"ada"])
    (
        begun()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        << client(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        >> client(again)
        << server(again)
        >> server(BOUND, row, pg.command_complete("SELECT 1"), IN_TRANSACTION)
        << client(BOUND, row, pg.command_complete("SELECT 1"), IN_TRANSACTION)
        << ledger(ran(READ, rows=1), ran(READ, rows=1))
    ).holds()


def test_a_portal_that_another_takes_the_place_of_before_it_is_suspended_does_not_lend_it_its_execution() -> None:
    """The unnamed portal was bound to an UPDATE when the server had not yet answered the SELECT before it."""
    update = b"update orders set total = 0"
    start = pg.parse(b"", READ) + bound(b"1") + pg.execute(b"", 1) + pg.parse(b"", update) + bound() + pg.sync()
    run = pg.execute(b"") + pg.sync()
    row, done = pg.data_row([b"ada"]), pg.command_complete("UPDATE 9")
    (
        begun()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended(), PARSED, BOUND, IN_TRANSACTION)
        << client(PARSED, BOUND, row, pg.portal_suspended(), PARSED, BOUND, IN_TRANSACTION)
        << ledger(ran(READ, rows=1))
        >> client(run)
        << server(run)
        >> server(done, IN_TRANSACTION)
        << client(done, IN_TRANSACTION)
        << ledger(ran(update, rows=9))
    ).holds()


def test_sql_that_closes_a_suspended_portal_ends_its_execution() -> None:
    start = pg.parse(b"", READ) + bound(b"1", portal=b"p") + pg.execute(b"p", 1) + pg.sync()
    row, done = pg.data_row([b"ada"]), pg.command_complete("CLOSE CURSOR ALL")
    (
        begun()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        << client(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        >> client(pg.query(b"close all"))
        << server(pg.query(b"close all"))
        >> server(done, IN_TRANSACTION)
        << client(done, IN_TRANSACTION)
        << ledger(ran(b"close all"), ran(READ, rows=1))
    ).holds()


def test_a_suspended_portal_of_a_sql_prepared_statement_ends_once() -> None:
    prepare = b"prepare p as select name from customers"
    bind, start = bound(statement=b"p"), pg.execute(b"", 1) + pg.sync()
    row, done = pg.data_row([b"ada"]), pg.command_complete("PREPARE")
    (
        Play()
        >> client(pg.query(prepare))
        << server(pg.query(prepare))
        >> server(done, READY)
        << client(done, READY)
        << ledger(ran(prepare))
        >> client(bind, start)
        << server(bind, pg.flush())
        >> server(BOUND)
        << client(BOUND)
        << server(start)
        >> server(row, pg.portal_suspended(), READY)
        << client(row, pg.portal_suspended(), READY)
        << ledger(ran(b"", rows=1, verbs=["select"]))
        >> client(SELECT)
        << server(SELECT)
        >> server(rows(b"1"), READY)
        << client(rows(b"1"), READY)
        << ledger(ran(b"select 1"))
    ).holds()


def test_a_suspended_portal_whose_transaction_fails_is_ended_once() -> None:
    start = pg.parse(b"", READ) + bound(b"1", portal=b"p") + pg.execute(b"p", 1) + pg.sync()
    row = pg.data_row([b"ada"])
    rollback, done = pg.query(b"rollback"), pg.command_complete("ROLLBACK")
    (
        begun()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        << client(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        >> client(pg.query(b"select 1 / 0"))
        << server(pg.query(b"select 1 / 0"))
        >> server(FAILURE, FAILED)
        << client(FAILURE, FAILED)
        << ledger(ran(b"select 1 / 0", "error"))
        >> client(rollback)
        << server(rollback)
        >> server(done, READY)
        << client(done, READY)
        << ledger(ran(b"rollback"), ran(READ, rows=1))
    ).holds()


def test_what_fails_in_observe_mode_is_recorded_with_its_would_be_verdict() -> None:
    drop = pg.query(b"drop table orders")
    (
        Play(Stage(observe=True))
        >> client(drop)
        << server(drop)
        >> server(pg.command_complete("DROP TABLE"), READY)
        << client(pg.command_complete("DROP TABLE"), READY)
        << ledger(ran(b"drop table orders", would_be="deny", rule="no-drops"))
    ).holds()

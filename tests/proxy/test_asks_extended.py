"""The extended protocol: pipelines, named statements and portals, refusals and what they skip."""

from __future__ import annotations

from hashlib import sha256

import pytest
from playbook import (
    BOUND,
    CLOSED,
    DROP,
    FAILED,
    FAILING_PARSE,
    IN_TRANSACTION,
    PARSED,
    READ,
    READY,
    SYNTAX_ERROR,
    Entry,
    Play,
    asked,
    asked_path,
    begun,
    bound,
    client,
    ledger,
    messages_of,
    path_answer,
    policies_are,
    ran,
    refused,
    rows,
    says,
    server,
)
from playstage import Stage
from sessionkit import NO_PATH

from tidewaiter.proxy import refusal
from tidewaiter.proxy.weighing import LONG_BYTES
from tidewaiter.wire import postgres as pg


def test_an_extended_query_is_one_execution_with_its_parameters() -> None:
    messages = asked(READ, b"7") + pg.sync()
    answer = PARSED + BOUND + rows(b"ada") + READY
    (
        Play()
        >> client(messages)
        << server(messages)
        >> server(answer)
        << client(answer)
        << ledger(ran(READ, rows=1, binds=1, binds_text=bound(b"7")[7:]))
    ).holds()


def test_a_query_takes_the_unnamed_statement_and_the_server_says_so() -> None:
    one = pg.query(b"select 1")
    again = bound(b"7") + pg.describe("P", b"") + pg.execute(b"") + pg.sync()
    gone = pg.error_response("ERROR", "26000", "unnamed prepared statement does not exist")
    (
        Play()
        >> client(pg.parse(b"", READ), pg.sync())
        << server(pg.parse(b"", READ), pg.sync())
        >> server(PARSED, READY)
        << client(PARSED, READY)
        >> client(one)
        << server(one)
        >> server(rows(b"1"), READY)
        << client(rows(b"1"), READY)
        << ledger(ran(b"select 1"))
        >> client(again)
        << server(*messages_of(again))
        >> server(gone, READY)
        << client(gone, READY)
        << ledger(ran(READ, "skipped"))
    ).holds()


@pytest.mark.parametrize("word", ["digest", "redacted", "none"])
def test_parameters_are_kept_as_configured(word: str) -> None:
    messages = asked(READ, b"secret") + pg.sync()
    answer = PARSED + BOUND + rows(b"ada") + READY
    digest = sha256(bound(b"secret")[7:]).hexdigest() if word == "digest" else None
    (
        Play(Stage(binds=word))
        >> client(messages)
        << server(messages)
        >> server(answer)
        << client(answer)
        << ledger(ran(READ, binds=1, binds_text=b"", binds_digest=digest))
    ).holds()


def test_a_denied_parse_is_answered_here_and_the_rest_is_skipped_up_to_sync() -> None:
    (
        Play()
        >> client(asked(DROP) + pg.sync())
        << ledger(refused(DROP))
        << client(says("42501", "no-drops"), READY)
        >> client(pg.query(b"select 1"))
        << server(pg.query(b"select 1"))
        >> server(rows(b"1"), READY)
        << client(rows(b"1"), READY)
        << ledger(ran(b"select 1"))
    ).holds()


def test_nothing_of_a_skipped_pipeline_is_answered_before_its_sync() -> None:
    (
        Play()
        >> client(pg.parse(b"", DROP))
        << ledger(refused(DROP))
        << client(says("42501"))
        >> client(bound(), pg.describe("P", b""), pg.close("S", b"x"), pg.flush(), pg.query(b"select 1"))
        >> client(pg.function_call(870, [], [b"X"], 0))
        >> client(pg.sync())
        << client(READY)
    ).holds()


def test_a_denial_inside_a_pipeline_undoes_what_ran_before_it() -> None:
    """The always-failing message has the server roll back the implicit transaction that the first statement began."""
    update = b"update orders set total = 0 where id = 1"
    (
        Play()
        >> client(asked(update), asked(DROP), pg.sync())
        << ledger(refused(DROP))
        << server(asked(update), FAILING_PARSE, pg.sync())
        >> server(PARSED, BOUND, pg.no_data(), pg.command_complete("UPDATE 1"), SYNTAX_ERROR, READY)
        << client(PARSED, BOUND, pg.no_data(), pg.command_complete("UPDATE 1"), says("42501", "no-drops"), READY)
        << ledger(ran(update, rows=1))
    ).holds(("whole",))


def test_a_statement_behind_a_failed_one_is_recorded_as_skipped() -> None:
    bad, good = b"select 1 / 0", b"select 2"
    messages = asked(bad) + asked(good) + pg.sync()
    answer = PARSED + BOUND + pg.row_description([]) + pg.error_response("ERROR", "22012", "division by zero") + READY
    (
        Play()
        >> client(messages)
        << server(messages)
        >> server(answer)
        << client(answer)
        << ledger(
            ran(bad, "error", sqlstate="22012"),
            ran(good, "skipped"),
        )
    ).holds()


def test_what_is_sent_after_a_failure_and_before_sync_is_skipped_here() -> None:
    failure = pg.error_response("ERROR", "22012", "division by zero")
    bad = b"select 1 / 0"
    (
        Play()
        >> client(asked(bad), pg.flush())
        << server(asked(bad), pg.flush())
        >> server(PARSED, BOUND, pg.row_description([]), failure)
        << client(PARSED, BOUND, pg.row_description([]), failure)
        << ledger(ran(bad, "error"))
        >> client(asked(b"select 2"))
        << ledger(Entry("execution", sql=b"select 2", status="skipped"))
        >> client(pg.sync())
        << server(pg.sync())
        >> server(READY)
        << client(READY)
    ).holds()


def test_every_execute_of_a_named_statement_is_an_execution() -> None:
    parse = pg.parse(b"one", READ)
    first = bound(b"1", statement=b"one") + pg.execute(b"") + pg.sync()
    second = bound(b"2", statement=b"one") + pg.execute(b"") + pg.sync()
    done = BOUND + pg.data_row([b"ada"]) + pg.command_complete("SELECT 1") + READY
    (
        Play()
        >> client(parse, pg.sync())
        << server(parse, pg.sync())
        >> server(PARSED, READY)
        << client(PARSED, READY)
        >> client(first)
        << server(first)
        >> server(done)
        << client(done)
        << ledger(ran(READ, binds_text=bound(b"1")[7:]))
        >> client(second)
        << server(second)
        >> server(done)
        << client(done)
        << ledger(ran(READ, binds_text=bound(b"2")[7:]))
    ).holds()


def test_a_statement_that_was_closed_is_unknown_afterwards() -> None:
    prepared = pg.parse(b"one", READ) + pg.close("S", b"one") + bound(b"1", statement=b"one")
    (
        Play()
        >> client(prepared, pg.execute(b""), pg.sync())
        << ledger(refused(b"", "understood", unknown=['prepared statement "one" does not exist']))
        << server(prepared, FAILING_PARSE, pg.sync())
        >> server(PARSED, CLOSED, pg.error_response("ERROR", "26000", 'prepared statement "one" does not exist'), READY)
        << client(PARSED, CLOSED, says("26000"), READY)
    ).holds(("whole",))


def test_a_parse_that_the_server_refuses_leaves_the_name_as_it_was() -> None:
    first, again = pg.parse(b"one", READ), pg.parse(b"one", b"select 2")
    failure = pg.error_response("ERROR", "42P05", 'prepared statement "one" already exists')
    run = bound(b"1", statement=b"one") + pg.execute(b"") + pg.sync()
    done = BOUND + pg.data_row([b"ada"]) + pg.command_complete("SELECT 1") + READY
    (
        Play()
        >> client(first, pg.sync())
        << server(first, pg.sync())
        >> server(PARSED, READY)
        << client(PARSED, READY)
        >> client(again, pg.sync())
        << server(again, pg.sync())
        >> server(failure, READY)
        << client(failure, READY)
        >> client(run)
        << server(run)
        >> server(done)
        << client(done)
        << ledger(ran(READ))
    ).holds()


def test_an_execute_of_a_portal_that_does_not_exist_says_so() -> None:
    (
        Play()
        >> client(pg.execute(b"nowhere"), pg.sync())
        << ledger(refused(b"", "understood", unknown=['portal "nowhere" does not exist']))
        << client(says("34000", 'portal "nowhere" does not exist'), READY)
    ).holds()


def test_names_mean_what_they_mean_to_the_server_beyond_63_bytes() -> None:
    long, cut = b"n" * 70, b"n" * 63
    messages = pg.parse(long, READ) + bound(b"1", statement=cut + b"other") + pg.execute(b"") + pg.sync()
    answer = PARSED + BOUND + pg.data_row([b"ada"]) + pg.command_complete("SELECT 1") + READY
    (Play() >> client(messages) << server(messages) >> server(answer) << client(answer) << ledger(ran(READ))).holds()


def test_sql_execute_is_judged_by_what_was_prepared() -> None:
    prepare, execute = b"prepare gone as delete from customers", b"execute gone"
    (
        Play(Stage(rules='@id("all") permit (principal, action, resource);'))
        >> client(pg.query(prepare))
        << server(pg.query(prepare))
        >> server(pg.command_complete("PREPARE"), READY)
        << client(pg.command_complete("PREPARE"), READY)
        << ledger(ran(prepare))
        >> client(pg.query(execute))
        << server(pg.query(execute))
        >> server(pg.command_complete("DELETE 3"), READY)
        << client(pg.command_complete("DELETE 3"), READY)
        << ledger(ran(execute, verbs=["delete_all"], rows=3))
    ).holds()


def test_verdicts_are_taken_at_every_execute() -> None:
    parse = pg.parse(b"one", READ)
    run = bound(b"1", statement=b"one") + pg.execute(b"") + pg.sync()
    forbid = '@id("closed") forbid (principal, action, resource);'
    (
        Play()
        >> client(parse, pg.sync())
        << server(parse, pg.sync())
        >> server(PARSED, READY)
        << client(PARSED, READY)
        >> policies_are(forbid)
        >> client(run)
        << ledger(refused(READ, "closed"))
        << server(bound(b"1", statement=b"one"), FAILING_PARSE, pg.sync())
        >> server(BOUND, SYNTAX_ERROR, READY)
        << client(BOUND, says("42501", "closed"), READY)
    ).holds(("whole",))


def test_a_portal_that_is_executed_in_parts_is_one_execution() -> None:
    start = pg.parse(b"", READ) + bound(b"1", portal=b"p") + pg.execute(b"p", 1) + pg.flush()
    again = pg.execute(b"p", 1) + pg.sync()
    row = pg.data_row([b"ada"])
    (
        begun()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended())
        << client(PARSED, BOUND, row, pg.portal_suspended())
        >> client(again)
        << server(again)
        >> server(row, pg.command_complete("SELECT 1"), IN_TRANSACTION)
        << client(row, pg.command_complete("SELECT 1"), IN_TRANSACTION)
        << ledger(ran(READ, rows=2))
    ).holds()


def test_a_suspended_portal_ends_with_its_transaction() -> None:
    start = pg.parse(b"", READ) + bound(b"1") + pg.execute(b"", 1) + pg.sync()
    row = pg.data_row([b"ada"])
    (
        Play()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended(), READY)
        << client(PARSED, BOUND, row, pg.portal_suspended(), READY)
        << ledger(ran(READ, rows=1))
    ).holds()


def test_a_suspended_portal_does_not_go_on_once_it_is_denied() -> None:
    start = pg.parse(b"", READ) + bound(b"1", portal=b"p") + pg.execute(b"p", 1) + pg.sync()
    row = pg.data_row([b"ada"])
    (
        begun()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        << client(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        >> policies_are('@id("closed") forbid (principal, action, resource);')
        >> client(pg.execute(b"p", 1), pg.sync())
        << ledger(refused(READ, "closed"))
        << server(FAILING_PARSE, pg.sync())
        >> server(SYNTAX_ERROR, FAILED)
        << client(says("42501", "closed"), FAILED)
        >> client(pg.query(b"rollback"))
        << server(pg.query(b"rollback"))
        >> server(pg.command_complete("ROLLBACK"), READY)
        << client(pg.command_complete("ROLLBACK"), READY)
        << ledger(Entry("execution", sql=b"rollback"), Entry("execution", sql=READ, rows=1))
    ).holds()


def test_what_an_earlier_pipeline_would_have_named_is_not_taken_for_what_a_later_one_skips() -> None:
    failure = pg.error_response("ERROR", "22012", "division by zero")
    prepared = pg.parse(b"one", READ)
    (
        Play()
        >> client(prepared, pg.sync())
        << server(prepared, pg.sync())
        >> server(PARSED, READY)
        << client(PARSED, READY)
        >> client(pg.parse(b"", DROP), pg.parse(b"one", b"select 2"), pg.sync())
        << ledger(refused(DROP))
        << client(says("42501"), READY)
        >> client(asked(b"select 1 / 0"), pg.flush())
        << server(asked(b"select 1 / 0"), pg.flush())
        >> server(PARSED, BOUND, failure)
        << client(PARSED, BOUND, failure)
        << ledger(ran(b"select 1 / 0", "skipped"))
        >> client(bound(b"1", statement=b"one"), pg.execute(b""))
        << ledger(Entry("execution", sql=READ, status="skipped"))
        >> client(pg.sync())
        << server(pg.sync())
        >> server(READY)
        << client(READY)
    ).holds()


def test_a_portal_of_the_next_pipeline_does_not_end_with_this_one() -> None:
    """The Sync of this one is answered between the next one's Bind and its Execute."""
    first = asked(READ, b"1") + pg.sync()
    begins, goes_on = pg.parse(b"", READ) + bound(b"2"), pg.execute(b"") + pg.sync()
    answer = PARSED + BOUND + rows(b"ada") + READY
    (
        Play()
        >> client(first + begins)
        << server(first, begins)
        >> server(answer)
        << client(answer)
        << ledger(ran(READ, rows=1))
        >> client(goes_on)
        << server(goes_on)
        >> server(PARSED, BOUND, pg.command_complete("SELECT 0"), READY)
        << client(PARSED, BOUND, pg.command_complete("SELECT 0"), READY)
        << ledger(ran(READ, rows=0))
    ).holds(("whole",))


def test_a_held_statement_is_not_run_through_one_that_was_parsed_when_its_name_meant_another() -> None:
    named = pg.parse(b"s", b"select 1") + pg.parse(b"t", b"execute s") + pg.sync()
    renamed = pg.close("S", b"s") + pg.parse(b"s", b"truncate orders") + pg.sync()
    (
        Play()
        >> client(named)
        << server(named)
        >> server(PARSED, PARSED, READY)
        << client(PARSED, PARSED, READY)
        >> client(renamed)
        << server(renamed)
        >> server(pg.close_complete(), PARSED, READY)
        << client(pg.close_complete(), PARSED, READY)
        >> client(pg.query(b"execute t"))
        << ledger(refused(b"execute t", "understood"))
        << client(says("42501", "only what is understood"), READY)
    ).holds(("whole",))


CANCEL = pg.error_response("ERROR", "57014", "canceling statement due to statement timeout")
SET = b"set search_path = shadow"
DONE = pg.no_data() + pg.command_complete("SET")


def interrupted(pipeline: bytes, text: bytes) -> Play:
    """A pipeline whose second statement makes the gateway ask for the path; that question is cancelled."""
    return (
        Play()
        >> client(asked(SET), pipeline)
        << server(asked(SET), pg.flush())
        >> server(PARSED, BOUND, DONE)
        << client(PARSED, BOUND, DONE)
        << ledger(ran(SET))
        << asked_path(with_sync=False)
        >> server(CANCEL)
        << server(pg.sync(), pg.sync())
        >> server(READY, READY)
        << ledger(Entry("execution", sql=text, status="cancelled", verdict="deny", sqlstate="57014"))
    )


def test_a_cancel_of_the_question_within_a_pipeline_fails_the_pipeline_and_not_the_session() -> None:
    """A statement_timeout of some milliseconds is enough, or Ctrl-C at that moment."""
    (
        interrupted(asked(READ, b"7") + asked(b"select 1") + pg.sync() + asked(READ, b"7") + pg.sync(), READ)
        << server(FAILING_PARSE, pg.sync())
        >> server(SYNTAX_ERROR, READY)
        << client(CANCEL, READY)
        << asked_path(is_after_cancel=True)
        >> server(CLOSED + path_answer(b"pg_catalog", b"public"))
        << server(asked(READ, b"7"), pg.sync())
        >> server(PARSED, BOUND, rows(b"ada"), READY)
        << client(PARSED, BOUND, rows(b"ada"), READY)
        << ledger(ran(READ, rows=1, binds=1, binds_text=bound(b"7")[7:]))
    ).holds()


def test_a_query_behind_a_pipeline_ends_with_its_cancel_although_no_sync_follows() -> None:
    failing = pg.query(refusal.FAILING_TEXT)
    (
        interrupted(pg.query(b"select 2"), b"select 2")
        << server(failing)
        >> server(SYNTAX_ERROR, READY)
        << client(CANCEL, READY)
    ).holds()


@pytest.mark.parametrize("first", [b"a", b"a longer "])
def test_a_long_text_that_was_interrupted_is_not_taken_for_the_next(first: bytes) -> None:
    """What a long message says is kept while it waits, and no longer."""
    texts = [b"select 1 /* %b%b */" % (word, b"-" * LONG_BYTES) for word in (first, b"b")]
    (
        Play(NO_PATH)
        >> client(pg.query(texts[0]), pg.query(texts[1]))
        << asked_path()
        >> server(CANCEL, READY)
        << ledger(Entry("execution", sql=texts[0], status="cancelled", verdict="deny", sqlstate="57014"))
        << client(CANCEL, READY)
        << asked_path(is_after_cancel=True)
        >> server(CLOSED + path_answer(b"pg_catalog", b"public"))
        << server(pg.query(texts[1]))
        >> server(pg.command_complete("SELECT 1"), READY)
        << client(pg.command_complete("SELECT 1"), READY)
        << ledger(ran(texts[1], rows=1))
    ).holds()

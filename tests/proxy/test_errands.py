"""What is got before a message is judged: the search_path, what a transaction made, texts that take time to read."""

from __future__ import annotations

from typing import NoReturn

import pytest
from playbook import (
    BOUND,
    FAILED,
    FAILING_PARSE,
    IN_TRANSACTION,
    PARSED,
    READY,
    SURROUNDED,
    SYNTAX_ERROR,
    Entry,
    Play,
    asked,
    asked_catalog,
    asked_path,
    asked_surroundings,
    asked_values,
    begun,
    catalog_answer,
    client,
    ended,
    gone,
    ledger,
    others_wait,
    path_answer,
    probe_answer,
    ran,
    refused,
    says,
    server,
    values_answer,
)
from playstage import NoToday
from sessionkit import NO_PATH, ONE, SELECT

from tidewaiter.errors import StoreUnavailable
from tidewaiter.proxy import refusal
from tidewaiter.wire import postgres as pg

SET = pg.no_data() + pg.command_complete("SET")


def test_the_server_is_asked_for_the_search_path_before_the_first_statement() -> None:
    text = b"select id from orders"
    (
        Play(NO_PATH)
        >> client(pg.query(text))
        << asked_path()
        >> server(path_answer(b"pg_catalog", b"shadow"))
        << server(pg.query(text))
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(text, touches=[{"verbs": ["select"], "relation": "shadow.orders", "columns": ["id"]}]))
    ).holds()


def test_asynchronous_messages_within_the_answer_are_the_clients() -> None:
    notice = pg.notice_response("NOTICE", "00000", "by the way")
    answer = path_answer(b"public")
    (
        Play(NO_PATH)
        >> client(SELECT)
        << asked_path()
        >> server(answer[:5], notice, answer[5:])
        << client(notice)
        << server(SELECT)
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(b"select 1"))
    ).holds()


def test_a_setting_that_the_probe_meets_is_followed() -> None:
    off = pg.parameter_status(b"standard_conforming_strings", b"off")
    (
        Play(NO_PATH)
        >> client(SELECT)
        << asked_path()
        >> server(off, path_answer(b"public", strings=b"off"))
        << ledger(refused(b"select 1", "understood", unknown=["standard_conforming_strings is off"]))
        << client(off, says("42501"), READY)
    ).holds()


SETTINGS = [
    (b"set standard_conforming_strings = off", {"strings": b"off"}, "standard_conforming_strings is off"),
    (b"set client_encoding = 'SJIS'", {"encoding": b"SJIS"}, "client_encoding is SJIS"),
]


@pytest.mark.parametrize(("text", "now", "reason"), SETTINGS)
def test_inside_a_pipeline_the_server_is_asked_how_it_reads_texts(
    text: bytes, now: dict[str, bytes], reason: str
) -> None:
    """It reports these settings by itself, but not before the Sync."""
    (
        Play()
        >> client(asked(text), asked(b"select 1"), pg.sync())
        << server(asked(text), pg.flush())
        >> server(PARSED, BOUND, SET)
        << client(PARSED, BOUND, SET)
        << ledger(ran(text))
        << asked_path(with_sync=False)
        >> server(path_answer(b"pg_catalog", b"public", with_sync=False, **now))
        << ledger(refused(b"select 1", "understood", unknown=[reason]))
        << server(FAILING_PARSE, pg.sync())
        >> server(SYNTAX_ERROR, READY)
        << client(says("42501"), READY)
    ).holds()


def test_after_a_pipeline_that_set_something_nothing_is_judged_before_its_end_is_known() -> None:
    """It may have failed; then the setting is as before, and the server has nothing to report."""
    text, fails, next_one = b"set search_path = shadow", b"select 1/0", b"select id from orders"
    failure = pg.error_response("ERROR", "22012", "division by zero")
    (
        Play()
        >> client(asked(text), asked(fails), pg.sync(), asked(next_one), pg.sync())
        << server(asked(text), pg.flush())
        >> server(PARSED, BOUND, SET)
        << client(PARSED, BOUND, SET)
        << ledger(ran(text))
        << asked_path(with_sync=False)
        >> server(path_answer(b"pg_catalog", b"shadow", with_sync=False))
        << server(asked(fails), pg.sync())
        >> server(PARSED, failure, READY)
        << client(PARSED, failure, READY)
        << ledger(ran(fails, "skipped"))
        << asked_path()
        >> server(path_answer(b"pg_catalog", b"public"))
        << server(asked(next_one), pg.sync())
        >> server(PARSED, BOUND, ONE, READY)
        << client(PARSED, BOUND, ONE, READY)
        << ledger(ran(next_one, touches=[{"verbs": ["select"], "relation": "public.orders", "columns": ["id"]}]))
    ).holds()


def test_inside_a_pipeline_the_question_does_not_end_the_implicit_transaction() -> None:
    text = b"select set_config('search_path', 'shadow', false)"
    read = b"select id from orders"
    (
        Play()
        >> client(asked(text), asked(read), pg.sync())
        << server(asked(text), pg.flush())
        >> server(PARSED, BOUND, ONE)
        << client(PARSED, BOUND, ONE)
        << ledger(ran(text))
        << asked_path(with_sync=False)
        >> server(path_answer(b"pg_catalog", b"shadow", with_sync=False))
        << server(asked(read), pg.sync())
        >> server(PARSED, BOUND, ONE, READY)
        << client(PARSED, BOUND, ONE, READY)
        << ledger(ran(read, touches=[{"verbs": ["select"], "relation": "shadow.orders", "columns": ["id"]}]))
    ).holds(("whole",))


def test_what_follows_a_set_of_the_path_waits_until_that_has_run() -> None:
    text, read = b"set search_path = shadow", b"select id from orders"
    done = pg.command_complete("SET") + READY
    (
        Play()
        >> client(pg.query(text), pg.query(read))
        << server(pg.query(text))
        >> server(done)
        << client(done)
        << ledger(ran(text))
        << asked_path()
        >> server(path_answer(b"pg_catalog", b"shadow"))
        << server(pg.query(read))
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(read, touches=[{"verbs": ["select"], "relation": "shadow.orders", "columns": ["id"]}]))
    ).holds(("whole", "with trailing bytes"))


def test_a_path_that_was_rolled_back_is_asked_for_again() -> None:
    text, done = b"set search_path = shadow", pg.command_complete("SET") + IN_TRANSACTION
    rollback, undone = pg.query(b"rollback"), pg.command_complete("ROLLBACK") + READY
    play = begun() >> client(pg.query(text)) << server(pg.query(text)) >> server(done) << client(done)
    (
        play
        << ledger(ran(text))
        >> client(rollback)
        << asked_path()
        >> server(path_answer(b"shadow"))
        << server(rollback)
        >> server(undone)
        << client(undone)
        << ledger(ran(b"rollback"))
        >> client(SELECT)
        << asked_path()
        >> server(path_answer(b"public"))
        << server(SELECT)
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(b"select 1"))
    ).holds()


def test_in_a_failed_transaction_nothing_is_asked_and_rollback_goes_through() -> None:
    text = b"set search_path = shadow"
    failure = pg.error_response("ERROR", "22023", "no")
    play = begun() >> client(pg.query(text)) << server(pg.query(text)) >> server(failure, FAILED)
    rollback, undone = pg.query(b"rollback"), pg.command_complete("ROLLBACK") + READY
    (
        play
        << client(failure, FAILED)
        << ledger(ran(text, "error"))
        >> client(rollback)
        << server(rollback)
        >> server(undone)
        << client(undone)
        << ledger(ran(b"rollback"))
    ).holds()


def test_a_table_that_the_transaction_made_is_known_at_once() -> None:
    create, insert = b"create table fresh (id integer)", b"insert into fresh values (1)"
    made, inserted = pg.command_complete("CREATE TABLE"), pg.command_complete("INSERT 0 1")
    (
        begun()
        >> client(pg.query(create), pg.query(insert))
        << server(pg.query(create))
        >> server(made, IN_TRANSACTION)
        << client(made, IN_TRANSACTION)
        << ledger(ran(create))
        << asked_surroundings()
        >> server(probe_answer(SURROUNDED))
        << asked_catalog()
        >> server(catalog_answer("fresh"))
        << server(pg.query(insert))
        >> server(inserted, IN_TRANSACTION)
        << client(inserted, IN_TRANSACTION)
        << ledger(ran(insert, touches=[{"verbs": ["insert"], "relation": "public.fresh", "star": True}]))
    ).holds(("whole",))


def test_others_wait_for_a_definition_from_the_moment_that_it_is_answered() -> None:
    create, commit = b"create table fresh (id integer)", b"commit"
    made, done = pg.command_complete("CREATE TABLE"), pg.command_complete("COMMIT")
    (
        begun()
        >> client(pg.query(create))
        << server(pg.query(create))
        >> server(made, IN_TRANSACTION)
        << client(made, IN_TRANSACTION)
        << ledger(ran(create))
        >> others_wait(False)
        >> client(pg.query(commit))
        << asked_surroundings()
        >> server(probe_answer(SURROUNDED))
        << asked_catalog()
        >> server(catalog_answer("fresh"))
        << server(pg.query(commit))
        >> others_wait(False)
        >> server(done, READY)
        << client(done, READY)
        << ledger(ran(commit))
        >> others_wait()
    ).holds(("whole",))


def test_others_wait_for_a_definition_whose_answer_is_lost() -> None:
    text = b"create table fresh (id integer)"
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> others_wait(False)
        >> gone("server")
        << client(says("08006", severity="FATAL"))
        << ended("server closed the connection")
        >> others_wait()
    ).holds(("whole",))


def test_others_wait_for_what_a_prepared_transaction_defined() -> None:
    text, done = b"commit prepared 'x'", pg.command_complete("COMMIT PREPARED")
    (
        Play()
        >> client(pg.query(text))
        << server(pg.query(text))
        >> server(done, READY)
        << client(done, READY)
        << ledger(ran(text))
        >> others_wait()
    ).holds(("whole",))


CANCEL = pg.error_response("ERROR", "57014", "canceling statement due to user request")


def test_a_cancel_of_the_question_for_the_path_is_a_cancel_of_the_statement() -> None:
    text = b"select id from orders"
    (
        Play(NO_PATH)
        >> client(pg.query(text))
        << asked_path()
        >> server(CANCEL, READY)
        << ledger(Entry("execution", sql=text, status="cancelled", verdict="deny", sqlstate="57014"))
        << client(CANCEL, READY)
        >> client(pg.query(text))
        << asked_path(is_after_cancel=True)
        >> server(pg.close_complete() + path_answer(b"pg_catalog", b"public"))
        << server(pg.query(text))
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(text))
    ).holds()


def test_a_cancel_of_the_question_for_the_catalog_fails_the_transaction_with_the_statement() -> None:
    create, insert = b"create table fresh (id integer)", b"insert into fresh values (1)"
    made = pg.command_complete("CREATE TABLE")
    failing = pg.query(refusal.FAILING_TEXT)
    (
        begun()
        >> client(pg.query(create))
        << server(pg.query(create))
        >> server(made, IN_TRANSACTION)
        << client(made, IN_TRANSACTION)
        << ledger(ran(create))
        >> client(pg.query(insert))
        << asked_surroundings()
        >> server(CANCEL, FAILED)
        << ledger(Entry("execution", sql=insert, status="cancelled", verdict="deny", sqlstate="57014"))
        << server(failing)
        >> server(pg.error_response("ERROR", "42601", "syntax error"), FAILED)
        << client(CANCEL, FAILED)
    ).holds(("whole",))


def test_a_name_that_nobody_knows_is_looked_for_in_a_fresh_catalog_and_then_refused() -> None:
    text = b"select * from nowhere"
    (
        Play()
        >> client(pg.query(text))
        << ledger(refused(text, "understood"))
        << client(says("42P01", 'relation "nowhere" does not exist'), READY)
    ).holds()


def test_a_text_that_takes_long_to_read_is_read_off_the_loop_and_in_order() -> None:
    deep = b"select " + b"1," * 40_000 + b"1"
    (
        Play()
        >> client(pg.query(deep), SELECT)
        << server(pg.query(deep), SELECT)
        >> server(ONE, READY, ONE, READY)
        << client(ONE, READY, ONE, READY)
        << ledger(ran(deep), ran(b"select 1"))
    ).holds(("whole", "with trailing bytes"))


def test_a_held_statement_is_refused_while_requests_cannot_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*_: object) -> NoReturn:
        raise StoreUnavailable("restarting")

    monkeypatch.setattr(NoToday, "ask", unreachable)
    held = b"truncate orders"
    (
        Play()
        >> client(pg.query(held))
        << asked_values()
        >> server(values_answer())
        << ledger(refused(held, "dba-waits", "hold"))
        << client(says("58000", "requests cannot be kept"), READY)
    ).holds(("whole",))

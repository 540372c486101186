"""What is got before a message is judged: the search_path, what a transaction made, texts that take time to read."""

from __future__ import annotations

from typing import NoReturn

import pytest
from catalogtalk import SURROUNDED, asked_catalog, asked_surroundings, catalog_answer
from playbook import (
    BOUND,
    FAILED,
    FAILING_PARSE,
    IN_TRANSACTION,
    PARSED,
    READY,
    SYNTAX_ERROR,
    Entry,
    Play,
    asked,
    asked_path,
    asked_values,
    begun,
    catalog_is_reading,
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
CREATE, MADE = b"create table fresh (id integer)", pg.command_complete("CREATE TABLE")
INSERT, INSERTED = b"insert into fresh values (1)", pg.command_complete("INSERT 0 1")
PATH, READ = b"set search_path = shadow", b"select id from orders"


def answered(play: Play, sent: bytes, *answer: bytes, entry: Entry) -> Play:
    """A message goes on to the server, whose answer the client gets, recorded."""
    return play << server(sent) >> server(*answer) << client(*answer) << ledger(entry)


def runs(play: Play, text: bytes, *answer: bytes) -> Play:
    """A query goes through as it is."""
    return answered(play >> client(pg.query(text)), pg.query(text), *answer, entry=ran(text))


def sets(text: bytes, *then: bytes, done: bytes = SET) -> Play:
    """A pipeline that sets something, and has more behind it."""
    return answered(
        Play() >> client(asked(text), *then), asked(text) + pg.flush(), PARSED, BOUND, done, entry=ran(text)
    )


def reads(schema: str) -> Entry:
    """The entry of READ, where `orders` is of this schema."""
    return ran(READ, touches=[{"verbs": ["select"], "relation": f"{schema}.orders", "columns": ["id"]}])


def test_the_server_is_asked_for_the_search_path_before_the_first_statement() -> None:
    play = Play(NO_PATH) >> client(pg.query(READ)) << asked_path() >> server(path_answer(b"pg_catalog", b"shadow"))
    answered(play, pg.query(READ), ONE, READY, entry=reads("shadow")).holds()


def test_vacuum_waits_for_a_reading_of_the_catalog_whose_snapshot_it_would_have_to_keep() -> None:
    text, done = b"vacuum orders", pg.command_complete("VACUUM")
    play = Play() >> catalog_is_reading() >> client(pg.query(text)) >> catalog_is_reading(False)
    answered(play, pg.query(text), done, READY, entry=ran(text)).holds()
    parts, run = asked(text).removesuffix(pg.execute(b"")), pg.execute(b"") + pg.sync()
    play = Play() >> catalog_is_reading() >> client(parts, run) << server(parts) >> catalog_is_reading(False)
    answered(play, run, PARSED, BOUND, pg.no_data(), done, READY, entry=ran(text)).holds()


def test_what_does_not_clean_does_not_wait_for_a_reading_of_the_catalog() -> None:
    play = Play() >> catalog_is_reading() >> client(pg.query(READ))
    answered(play, pg.query(READ), ONE, READY, entry=reads("public")).holds()


def test_asynchronous_messages_within_the_answer_are_the_clients() -> None:
    notice = pg.notice_response("NOTICE", "00000", "by the way")
    answer = path_answer(b"public")
    play = Play(NO_PATH) >> client(SELECT) << asked_path() >> server(answer[:5], notice, answer[5:]) << client(notice)
    answered(play, SELECT, ONE, READY, entry=ran(b"select 1")).holds()


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
        sets(text, asked(b"select 1"), pg.sync())
        << asked_path(with_sync=False)
        >> server(path_answer(b"pg_catalog", b"public", with_sync=False, **now))
        << ledger(refused(b"select 1", "understood", unknown=[reason]))
        << server(FAILING_PARSE, pg.sync())
        >> server(SYNTAX_ERROR, READY)
        << client(says("42501"), READY)
    ).holds()


def test_after_a_pipeline_that_set_something_nothing_is_judged_before_its_end_is_known() -> None:
    """It may have failed; then the setting is as before, and the server has nothing to report."""
    fails, failure = b"select 1/0", pg.error_response("ERROR", "22012", "division by zero")
    play = sets(PATH, asked(fails), pg.sync(), asked(READ), pg.sync())
    play = play << asked_path(with_sync=False) >> server(path_answer(b"pg_catalog", b"shadow", with_sync=False))
    play = answered(play, asked(fails) + pg.sync(), PARSED, failure, READY, entry=ran(fails, "skipped"))
    play = play << asked_path() >> server(path_answer(b"pg_catalog", b"public"))
    answered(play, asked(READ) + pg.sync(), PARSED, BOUND, ONE, READY, entry=reads("public")).holds()


def test_inside_a_pipeline_the_question_does_not_end_the_implicit_transaction() -> None:
    play = sets(b"select set_config('search_path', 'shadow', false)", asked(READ), pg.sync(), done=ONE)
    play = play << asked_path(with_sync=False) >> server(path_answer(b"pg_catalog", b"shadow", with_sync=False))
    answered(play, asked(READ) + pg.sync(), PARSED, BOUND, ONE, READY, entry=reads("shadow")).holds(("whole",))


def test_what_follows_a_set_of_the_path_waits_until_that_has_run() -> None:
    play = Play() >> client(pg.query(PATH), pg.query(READ))
    play = answered(play, pg.query(PATH), pg.command_complete("SET"), READY, entry=ran(PATH))
    play = play << asked_path() >> server(path_answer(b"pg_catalog", b"shadow"))
    answered(play, pg.query(READ), ONE, READY, entry=reads("shadow")).holds(("whole", "with trailing bytes"))


def test_a_path_that_was_rolled_back_is_asked_for_again() -> None:
    rollback, undone = pg.query(b"rollback"), pg.command_complete("ROLLBACK")
    play = runs(begun(), PATH, pg.command_complete("SET"), IN_TRANSACTION)
    play = play >> client(rollback) << asked_path() >> server(path_answer(b"shadow"))
    play = answered(play, rollback, undone, READY, entry=ran(b"rollback"))
    play = play >> client(SELECT) << asked_path() >> server(path_answer(b"public"))
    answered(play, SELECT, ONE, READY, entry=ran(b"select 1")).holds()


def test_in_a_failed_transaction_nothing_is_asked_and_rollback_goes_through() -> None:
    failure = pg.error_response("ERROR", "22023", "no")
    play = begun() >> client(pg.query(PATH))
    play = answered(play, pg.query(PATH), failure, FAILED, entry=ran(PATH, "error"))
    runs(play, b"rollback", pg.command_complete("ROLLBACK"), READY).holds()


def test_a_table_that_the_transaction_made_is_known_at_once() -> None:
    play = begun() >> client(pg.query(CREATE), pg.query(INSERT))
    play = answered(play, pg.query(CREATE), MADE, IN_TRANSACTION, entry=ran(CREATE))
    play = play << asked_surroundings() >> server(probe_answer(SURROUNDED))
    play = play << asked_catalog() >> server(catalog_answer("fresh"))
    entry = ran(INSERT, touches=[{"verbs": ["insert"], "relation": "public.fresh", "star": True}])
    answered(play, pg.query(INSERT), INSERTED, IN_TRANSACTION, entry=entry).holds(("whole",))


def test_others_wait_for_a_definition_from_the_moment_that_it_is_answered() -> None:
    commit, done = b"commit", pg.command_complete("COMMIT")
    (
        runs(begun(), CREATE, MADE, IN_TRANSACTION)
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
    (
        Play()
        >> client(pg.query(CREATE))
        << server(pg.query(CREATE))
        >> others_wait(False)
        >> gone("server")
        << client(says("08006", severity="FATAL"))
        << ended("server closed the connection")
        >> others_wait()
    ).holds(("whole",))


def test_others_wait_for_what_a_prepared_transaction_defined() -> None:
    play = runs(Play(), b"commit prepared 'x'", pg.command_complete("COMMIT PREPARED"), READY)
    (play >> others_wait()).holds(("whole",))


CANCEL = pg.error_response("ERROR", "57014", "canceling statement due to user request")


def test_a_cancel_of_the_question_for_the_path_is_a_cancel_of_the_statement() -> None:
    play = Play(NO_PATH) >> client(pg.query(READ)) << asked_path() >> server(CANCEL, READY)
    play = (
        play
        << ledger(Entry("execution", sql=READ, status="cancelled", verdict="deny", sqlstate="57014"))
        << client(CANCEL, READY)
        >> client(pg.query(READ))
        << asked_path(is_after_cancel=True)
        >> server(pg.close_complete() + path_answer(b"pg_catalog", b"public"))
    )
    answered(play, pg.query(READ), ONE, READY, entry=ran(READ)).holds()


def test_a_cancel_of_the_question_for_the_catalog_fails_the_transaction_with_the_statement() -> None:
    failing = pg.query(refusal.FAILING_TEXT)
    (
        runs(begun(), CREATE, MADE, IN_TRANSACTION)
        >> client(pg.query(INSERT))
        << asked_surroundings()
        >> server(CANCEL, FAILED)
        << ledger(Entry("execution", sql=INSERT, status="cancelled", verdict="deny", sqlstate="57014"))
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

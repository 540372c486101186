"""What a client's message is worth before anything is sent: verdicts, holds, and a ledger that cannot be written."""

from __future__ import annotations

import pytest
from playbook import (
    BOUND,
    DROP,
    FAILING_PARSE,
    PARSED,
    READ,
    READY,
    SYNTAX_ERROR,
    Play,
    asked,
    asked_timeout,
    bound,
    client,
    ended,
    ledger,
    ledger_is,
    ran,
    refused,
    rows,
    says,
    server,
    timeout_answer,
)
from playstage import Stage

from tidewaiter.wire import postgres as pg


def test_a_held_query_says_whom_it_waits_for_and_then_who_denied_it() -> None:
    text = b"truncate orders"
    (
        Play()
        >> client(pg.query(text))
        << asked_timeout()
        >> server(timeout_answer())
        << ledger(refused(text, "dba-waits", "hold", request="AR-1"))
        << client(
            says("00000", "a DBA looks first", "request AR-1", "waiting for dba", severity="NOTICE"),
            says("42501", "request AR-1 was denied by dora: not today"),
            READY,
        )
    ).holds()


def test_what_is_answered_here_before_a_held_statement_does_not_wait_for_it() -> None:
    text = b"truncate orders"
    (
        Play()
        >> client(pg.query(DROP), pg.query(text))
        << ledger(refused(DROP))
        << client(says("42501", "no-drops"), READY)
        << asked_timeout()
        >> server(timeout_answer())
        << ledger(refused(text, "dba-waits", "hold", request="AR-1"))
        << client(says("00000", severity="NOTICE"), says("42501", "denied by dora"), READY)
    ).holds(("whole",))


def test_what_belongs_to_a_held_statement_waits_with_it_while_answers_before_it_go() -> None:
    text = b"truncate orders"
    (
        Play()
        >> client(pg.parse(b"", DROP), pg.sync(), pg.parse(b"", text), bound(), pg.execute(b""), pg.sync())
        << ledger(refused(DROP))
        << client(says("42501", "no-drops"), READY)
        << asked_timeout()
        >> server(timeout_answer())
        << ledger(refused(text, "dba-waits", "hold", request="AR-1"))
        << client(says("00000", severity="NOTICE"))
        << server(pg.parse(b"", text), bound(), FAILING_PARSE, pg.sync())
        >> server(PARSED, BOUND, SYNTAX_ERROR, READY)
        << client(PARSED, BOUND, says("42501", "denied by dora"), READY)
    ).holds(("whole",))


def test_rollback_is_not_refused_even_when_nothing_is_permitted() -> None:
    rollback = pg.query(b"rollback")
    play = Play(Stage(rules='@id("never") forbid (principal, action, resource);'))
    (play >> client(rollback) << server(rollback) >> server(READY) << client(READY) << ledger(ran(b"rollback"))).holds()


def test_one_denied_statement_in_a_text_denies_the_whole_text() -> None:
    text = b"select 1; drop table orders"
    (Play() >> client(pg.query(text)) << ledger(refused(text)) << client(says("42501", "no-drops"), READY)).holds()


@pytest.mark.parametrize("state", ["full", "broken"])
def test_nothing_new_is_forwarded_while_the_ledger_cannot_be_written(state: str) -> None:
    unrecorded = says("58030", "nothing was forwarded")
    play = Play() >> ledger_is(state) >> client(pg.query(b"select 1"))
    if state == "full":
        (
            play
            << client(unrecorded, READY)
            >> client(asked(READ, b"1"), pg.sync())
            << server(pg.parse(b"", READ), bound(b"1"), pg.describe("P", b""), FAILING_PARSE, pg.sync())
            >> server(PARSED, BOUND, pg.row_description([]), SYNTAX_ERROR, READY)
            << client(PARSED, BOUND, pg.row_description([]), unrecorded, READY)
            >> ledger_is("open")
            >> client(pg.query(b"select 1"))
            << server(pg.query(b"select 1"))
            >> server(rows(b"1"), READY)
            << client(rows(b"1"), READY)
            << ledger(ran(b"select 1"))
        ).holds(("whole", "with trailing bytes"))
    else:
        fatal = says("58030", severity="FATAL")
        (play << client(fatal) << server(pg.terminate()) << ended("ledger unavailable")).holds()


def test_a_denial_that_cannot_be_recorded_is_still_a_denial() -> None:
    (
        Play()
        >> ledger_is("full")
        >> client(pg.query(DROP))
        << client(says("58030"), READY)
        >> client(pg.parse(b"", DROP), pg.sync())
        << client(says("58030"), READY)
    ).holds()

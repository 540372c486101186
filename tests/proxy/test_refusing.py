"""Refusals in the place of what was asked: alone, in a pipeline, in a transaction, and of what is too long."""

from __future__ import annotations

import pytest
from playbook import (
    DROP,
    FAILED,
    FAILING_QUERY,
    READY,
    SYNTAX_ERROR,
    Entry,
    Placeholder,
    Play,
    begun,
    bound,
    client,
    ledger,
    ran,
    refused,
    rows,
    says,
    server,
)
from playstage import Stage

from tidewaiter.wire import postgres as pg

LONG = b"select '" + b"x" * (3 << 20) + b"'"


def test_a_denied_query_never_reaches_an_idle_server() -> None:
    number = Placeholder(int)
    (
        Play()
        >> client(pg.query(DROP))
        << ledger(refused(DROP, seq=number))
        << client(says("42501", "nothing is dropped here", "no-drops", "decision s/0"), READY)
    ).holds()


def test_a_query_with_a_syntax_error_is_told_what_the_server_would_say() -> None:
    (
        Play()
        >> client(pg.query(b"selct 1"))
        << ledger(refused(b"selct 1", "understood", unknown=["syntax error"]))
        << client(says("42601", "syntax error at or near"), READY)
    ).holds()


def test_queries_before_and_after_a_refused_one_run() -> None:
    one, two = pg.query(b"select 1"), pg.query(b"select 2")
    first, second = rows(b"1") + READY, rows(b"2") + READY
    (
        Play()
        >> client(one, pg.query(DROP), two)
        << ledger(refused(DROP))
        << server(one, FAILING_QUERY, two)
        >> server(first, SYNTAX_ERROR, READY, second)
        << client(first, says("42501", "no-drops"), READY, second)
        << ledger(ran(b"select 1"), ran(b"select 2"))
    ).holds(("whole",))


def test_a_refusal_in_a_transaction_fails_the_transaction_on_the_server() -> None:
    rollback = pg.query(b"rollback")
    (
        begun()
        >> client(pg.query(DROP))
        << ledger(refused(DROP))
        << server(FAILING_QUERY)
        >> server(SYNTAX_ERROR, FAILED)
        << client(says("42501", "no-drops"), FAILED)
        >> client(rollback)
        << server(rollback)
        >> server(pg.command_complete("ROLLBACK"), READY)
        << client(pg.command_complete("ROLLBACK"), READY)
        << ledger(ran(b"rollback"))
    ).holds()


def test_a_denied_copy_drops_the_data_that_was_sent_with_it() -> None:
    text = b"copy (delete from customers returning *) to stdout"
    (
        Play() >> client(pg.query(text)) << ledger(refused(text, "customers-stay")) << client(says("42501"), READY)
    ).holds()
    program = b"copy customers from program 'rm'"
    play = Play(Stage(rules='@id("never") forbid (principal, action, resource);'))
    (
        play
        >> client(pg.parse(b"", program) + bound() + pg.execute(b""), pg.copy_data(b"1\n"), pg.copy_done(), pg.sync())
        << ledger(refused(program, "never"))
        << client(says("42501"), READY)
    ).holds()


def test_a_query_longer_than_the_limit_is_refused_and_its_rest_dropped() -> None:
    (
        Play(Stage(statement_bytes=2 << 20))
        >> client(pg.query(LONG), pg.query(b"select 1"))
        << ledger(Entry("statement.too_long", verdict="deny", bytes=len(pg.query(LONG))))
        << client(says("54000"), READY)
        << server(pg.query(b"select 1"))
        >> server(rows(b"1"), READY)
        << client(rows(b"1"), READY)
        << ledger(ran(b"select 1"))
    ).holds(("whole", "with trailing bytes"))


@pytest.mark.parametrize("limit", [1024, 4096])
def test_a_limit_below_what_comes_at_once_holds_too(limit: int) -> None:
    long, fitting = b"select '" + b"x" * limit + b"'", b"select '" + b"x" * (limit - 100) + b"'"
    (
        Play(Stage(statement_bytes=limit))
        >> client(pg.query(long))
        << ledger(Entry("statement.too_long", verdict="deny", bytes=len(pg.query(long))))
        << client(says("54000"), READY)
        >> client(pg.query(fitting))
        << server(pg.query(fitting))
        >> server(rows(b"x"), READY)
        << client(rows(b"x"), READY)
        << ledger(ran(fitting))
    ).holds()


def test_a_parse_longer_than_the_limit_fails_its_pipeline() -> None:
    (
        Play(Stage(statement_bytes=2 << 20))
        >> client(pg.parse(b"", LONG), bound(), pg.execute(b""), pg.sync())
        << ledger(Entry("statement.too_long", verdict="deny", bytes=len(pg.parse(b"", LONG))))
        << client(says("54000"), READY)
    ).holds(("whole", "with trailing bytes"))


def test_a_query_longer_than_the_limit_fails_the_transaction() -> None:
    (
        begun(Stage(statement_bytes=2 << 20))
        >> client(pg.query(LONG))
        << ledger(Entry("statement.too_long", verdict="deny", bytes=len(pg.query(LONG))))
        << server(FAILING_QUERY)
        >> server(SYNTAX_ERROR, FAILED)
        << client(says("54000"), FAILED)
    ).holds(("whole", "with trailing bytes"))

"""Answers of a session that masks, and definitions that change while they are on their way."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from maskstage import described, opened, plan, veiled_stage
from playbook import (
    BOUND,
    FAILED,
    FAILING_PARSE,
    IN_TRANSACTION,
    PARSED,
    READY,
    SYNTAX_ERROR,
    Entry,
    Happens,
    Play,
    Run,
    client,
    ended,
    ledger,
    ran,
    rows,
    says,
    server,
)

from tidewaiter.errors import UpstreamError
from tidewaiter.proxy import refusal
from tidewaiter.proxy.history import UNTOLD
from tidewaiter.proxy.lookout import REDEFINED
from tidewaiter.sql.catalog_reach import Reach
from tidewaiter.wire import postgres as pg

TEXT, NAMELESS = b"select id from orders", b"select 1"
SENT = pg.query(plan(TEXT).text)
FAILING = pg.query(refusal.FAILING_TEXT)
ONE = rows(b"1")
TRUNCATE, TRUNCATED = b"truncate orders", pg.command_complete("TRUNCATE TABLE")
STAGE = veiled_stage()
WITHHELD = Entry("masking.failed")
RETRY = says("40001", "defined anew")


def defined(*names: str) -> Happens:
    """Somebody changes relations; nobody knows before the next look."""
    reach = Reach(relations=frozenset(("public", name) for name in names)) if names else None
    return Happens(f"defined{names}", lambda run: run.shelf.history.note(reach))


def looking(outcome: str) -> Happens:
    """What becomes of looks from now on: they end at once, fail, or wait."""

    def look() -> asyncio.Future[None]:
        look: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if outcome == "fails":
            look.set_exception(UpstreamError("gone"))
        return look

    def change(run: Run) -> None:
        run.shelf.look = look  # type: ignore[method-assign]

    return Happens(f"looking({outcome})", change)


def test_what_nobody_redefined_is_answered() -> None:
    (
        Play(STAGE)
        >> client(pg.query(TEXT))
        << server(SENT)
        >> defined("customers", "elsewhere")
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(TEXT))
    ).holds()


@pytest.mark.parametrize(("names", "told"), [(("customers", "orders"), "relation public.orders"), ((), UNTOLD)])
def test_an_answer_that_was_planned_by_other_definitions_is_an_error(names: tuple[str, ...], told: str) -> None:
    """The ledger says which they were."""
    (
        Play(STAGE)
        >> client(pg.query(TEXT))
        << server(SENT)
        >> defined(*names)
        >> server(ONE, READY)
        << client(RETRY, READY)
        << ledger(ran(TEXT), Entry("masking.failed", reason=REDEFINED[1], redefined=told))
        >> client(pg.query(TEXT))
        << server(SENT)
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(TEXT))
    ).holds(("whole",))


def truncating() -> Play:
    """The server has done it by the time that it answers, so that the next look sees what it did."""
    return Play(STAGE) >> client(pg.query(TRUNCATE)) << server(pg.query(plan(TRUNCATE).text)) >> defined("orders")


def test_a_definition_does_not_meet_itself() -> None:
    (truncating() >> server(TRUNCATED, READY) << client(TRUNCATED, READY) << ledger(ran(TRUNCATE))).holds(("whole",))


def test_a_definition_that_tells_more_than_that_it_ran_may_have_met_another() -> None:
    (
        truncating()
        >> server(pg.notice_response("NOTICE", "00000", 'truncate cascades to table "parts"'), TRUNCATED, READY)
        << client(says("40001", severity="FATAL"))
        << ledger(ran(TRUNCATE), WITHHELD)
        << server(pg.terminate())
        << ended("what the statement touches was defined anew while it ran: nothing of its answer is given")
    ).holds(("whole",))


def test_a_read_that_sql_prepared_leaves_nothing_behind_and_may_fail() -> None:
    prepare, execute, prepared = b"prepare p as " + TEXT, b"EXECUTE p", pg.command_complete("PREPARE")
    (
        Play(STAGE)
        >> client(pg.query(prepare))
        << server(pg.query(plan(prepare).text))
        >> server(prepared, READY)
        << client(prepared, READY)
        << ledger(ran(prepare))
        >> client(pg.query(execute))
        << server(pg.query(execute))
        >> defined("orders")
        >> server(ONE, READY)
        << client(RETRY, READY)
        << ledger(ran(execute), WITHHELD)
    ).holds(("whole",))


def test_where_the_database_cannot_be_looked_at_nothing_is_answered() -> None:
    (
        Play(STAGE)
        >> looking("fails")
        >> client(pg.query(TEXT))
        << server(SENT)
        >> server(ONE, READY)
        << client(says("57P03"), READY)
        << ledger(ran(TEXT), WITHHELD)
    ).holds(("whole",))


def test_what_names_no_relation_waits_for_nothing() -> None:
    (
        Play(STAGE)
        >> looking("waits")
        >> client(pg.query(NAMELESS))
        << server(pg.query(plan(NAMELESS).text))
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(NAMELESS))
    ).holds(("whole",))


def test_in_a_transaction_the_server_fails_too() -> None:
    begin, begun = pg.query(plan(b"begin").text), pg.command_complete("BEGIN")
    (
        Play(STAGE)
        >> client(pg.query(b"begin"))
        << server(begin)
        >> server(begun, IN_TRANSACTION)
        << client(begun, IN_TRANSACTION)
        << ledger(ran(b"begin"))
        >> client(pg.query(TEXT))
        << server(SENT)
        >> defined("orders")
        >> server(ONE, IN_TRANSACTION)
        << server(FAILING)
        << ledger(ran(TEXT), WITHHELD)
        >> server(SYNTAX_ERROR, FAILED)
        << client(RETRY, FAILED)
    ).holds(("whole",))


def test_a_pipeline_without_its_sync_is_failed_at_the_server() -> None:
    asked = pg.parse(b"", TEXT) + pg.bind(b"", b"", (), (), ()) + pg.execute(b"") + pg.flush()
    sent = opened(b"", TEXT) + described(pg.bind(b"", b"", (), (), ()) + pg.execute(b"") + pg.flush())
    shape = pg.row_description([pg.Column(b"id")])
    (
        Play(STAGE)
        >> client(asked)
        << server(sent)
        >> defined("orders")
        >> server(PARSED, pg.parameter_description([]), shape, BOUND, ONE)
        << server(FAILING_PARSE)
        << ledger(ran(TEXT), WITHHELD)
        >> server(SYNTAX_ERROR)
        << client(RETRY)
        >> client(pg.sync())
        << server(pg.sync())
        >> server(READY)
        << client(READY)
    ).holds(("whole",))


def test_a_write_does_not_go_to_a_server_where_other_definitions_count() -> None:
    text = b"delete from orders where id = 1"
    (
        Play(replace(STAGE, slow_disk=True))
        >> client(pg.query(text))
        >> defined("orders")
        >> Happens("disk", lambda run: run.ledger.sync())
        << client(RETRY, READY)
        << ledger(WITHHELD, ran(text, "skipped"))
    ).holds(("whole",))


def test_what_a_write_did_cannot_be_taken_back_so_the_session_ends() -> None:
    text, done = b"delete from orders where id = 1 returning id", rows(b"1")
    (
        Play(STAGE)
        >> client(pg.query(text))
        << server(pg.query(plan(text).text))
        >> defined("orders")
        >> server(done, READY)
        << client(says("40001", severity="FATAL"))
        << ledger(ran(text), WITHHELD)
        << server(pg.terminate())
        << ended("what the statement touches was defined anew while it ran: nothing of its answer is given")
    ).holds(("whole",))

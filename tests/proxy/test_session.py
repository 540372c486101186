"""A session as a whole: what waits for the disk, the catalog or the server, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from playbook import (
    BEGIN,
    BEGUN,
    BOUND,
    DROP,
    FAILED,
    FAILING_QUERY,
    IN_TRANSACTION,
    PARSED,
    READ,
    READY,
    SYNTAX_ERROR,
    Entry,
    Happens,
    Play,
    Run,
    asked,
    begun,
    bound,
    client,
    disk,
    ended,
    gone,
    ledger,
    ledger_is,
    ran,
    refused,
    says,
    server,
    told,
)
from playstage import RULES, Stage, policies
from sessionkit import LOST_LEDGER, ONE, SELECT, SLOW, UPDATE, UPDATED

from tidewaiter.wire import postgres as pg

# -- record, then act -------------------------------------------------------------------------------
LONG = b"insert into orders (id) values (1) -- " + b"x" * (64 << 10)


def test_a_long_write_is_recorded_once() -> None:
    (
        Play()
        >> client(pg.query(LONG))
        << server(pg.query(LONG))
        >> server(pg.command_complete("INSERT 0 1"), READY)
        << client(pg.command_complete("INSERT 0 1"), READY)
        << ledger(ran(LONG, rows=1))
    ).holds(("whole",))


def test_a_long_statement_that_is_denied_is_recorded_once() -> None:
    text = DROP + b" -- " + b"x" * (64 << 10)
    (Play() >> client(pg.query(text)) << ledger(refused(text)) << client(says("42501", "no-drops"), READY)).holds(
        ("whole",)
    )
    (
        Play()
        >> client(pg.parse(b"", text, ()), pg.sync())
        << ledger(refused(text))
        << client(says("42501", "no-drops"), READY)
    ).holds(("whole",))


def test_a_write_waits_for_the_disk_before_it_is_forwarded() -> None:
    (
        Play(SLOW)
        >> client(pg.query(UPDATE))
        >> disk()
        << server(pg.query(UPDATE))
        >> server(UPDATED, READY)
        << client(UPDATED, READY)
        << ledger(ran(UPDATE, rows=1))
    ).holds()


def test_a_refusal_waits_for_the_disk_before_it_is_told() -> None:
    (Play(SLOW) >> client(pg.query(DROP)) << ledger(refused(DROP)) >> disk() << client(says("42501"), READY)).holds()


def test_a_read_does_not_wait_for_the_disk() -> None:
    play = Play(SLOW) >> client(SELECT) << server(SELECT) >> server(ONE, READY) << client(ONE, READY)
    (play << ledger(ran(b"select 1"))).holds()


def test_under_strict_durability_everything_waits_for_the_disk() -> None:
    (
        Play(Stage(slow_disk=True, strict=True))
        >> client(SELECT)
        >> disk()
        << server(SELECT)
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(b"select 1"))
    ).holds()


def test_a_pipeline_waits_once_and_goes_on_in_order() -> None:
    (
        Play(SLOW)
        >> client(asked(UPDATE), asked(UPDATE), pg.sync())
        >> disk()
        << server(asked(UPDATE), asked(UPDATE), pg.sync())
        >> server(PARSED, BOUND, pg.no_data(), UPDATED, PARSED, BOUND, pg.no_data(), UPDATED, READY)
        << client(PARSED, BOUND, pg.no_data(), UPDATED, PARSED, BOUND, pg.no_data(), UPDATED, READY)
        << ledger(ran(UPDATE), ran(UPDATE))
    ).holds(("whole", "with trailing bytes"))


def test_what_comes_while_the_disk_is_awaited_is_taken_afterwards() -> None:
    (
        Play(SLOW)
        >> client(pg.query(UPDATE))
        >> client(SELECT)
        >> disk()
        << server(pg.query(UPDATE), SELECT)
        >> server(UPDATED, READY, ONE, READY)
        << client(UPDATED, READY, ONE, READY)
        << ledger(ran(UPDATE), ran(b"select 1"))
    ).holds()


def test_a_client_that_sends_on_while_the_session_waits_is_not_read_beyond_a_bound() -> None:
    def is_paused(run: Run) -> bool:
        return not run.wires["client"].reads

    seen: list[bool] = []
    big = pg.query(b"select '" + b"x" * (100 << 10) + b"'")
    play = Play(SLOW) >> client(pg.query(UPDATE)) >> _look(seen, is_paused) >> client(big) >> _look(seen, is_paused)
    (
        play
        >> disk()
        << server(pg.query(UPDATE), big)
        >> _look(seen, is_paused)
        >> server(UPDATED, READY, ONE, READY)
        << client(UPDATED, READY, ONE, READY)
        << ledger(Entry("execution"), Entry("execution"))
    ).holds(("whole",))
    assert seen == [False, True, False]


def _look(into: list[bool], question: Callable[[Run], bool]) -> Happens:
    return Happens("look", lambda run: into.append(question(run)))


@pytest.mark.parametrize("messages", [(pg.query(UPDATE),), (asked(UPDATE), pg.sync())], ids=["simple", "extended"])
def test_what_cannot_be_made_durable_is_not_forwarded(messages: tuple[bytes, ...]) -> None:
    (
        Play()
        >> ledger_is("doomed")
        >> client(*messages)
        << client(says("58030", "nothing was forwarded"), READY)
        >> ledger_is("open")
        >> client(SELECT)
        << server(SELECT)
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(b"select 1"))
        >> _forget_open()
    ).holds(("whole",))


@pytest.mark.parametrize("messages", [(pg.query(DROP),), (pg.parse(b"", DROP), pg.sync())], ids=["simple", "extended"])
def test_a_denial_that_cannot_be_made_durable_is_answered_all_the_same(messages: tuple[bytes, ...]) -> None:
    """Before, it was dropped with what was not forwarded, and its client waited for ever."""
    (
        Play()
        >> ledger_is("doomed")
        >> client(*messages)
        << client(says("58030", "nothing was forwarded"), READY)
        << ledger(refused(DROP))
        >> ledger_is("open")
        >> client(SELECT)
        << server(SELECT)
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(b"select 1"))
    ).holds(("whole",))


def test_of_a_pipeline_that_cannot_be_made_durable_each_statement_is_answered() -> None:
    unrecorded = says("58030", "nothing was forwarded")
    (
        Play()
        >> ledger_is("doomed")
        >> client(pg.query(DROP), pg.query(UPDATE), pg.parse(b"", DROP))
        << client(unrecorded, READY, unrecorded, READY, unrecorded)
        << ledger(refused(DROP), refused(DROP))
        >> ledger_is("open")
        >> client(SELECT, pg.sync())
        << client(READY)
        >> client(SELECT)
        << server(SELECT)
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(b"select 1"))
        >> _forget_open()
    ).holds(("whole",))


def _forget_open() -> Happens:
    """The intent that was never made durable has no outcome: nothing came of it."""

    def forget(run: Run) -> None:
        assert [one["sql"] for one in run.ledger.open_intents] == [UPDATE]

    return Happens("forget", forget)


def test_an_intent_that_a_repair_may_have_lost_is_not_forwarded() -> None:
    """The number of its entry may be another's since then, and that one's be durable."""
    play = Play(Stage(strict=True)) >> ledger_is("ailing") >> client(pg.query(UPDATE)) << client(says("58030"), READY)
    (
        play
        >> ledger_is("open")
        >> client(SELECT)
        << server(SELECT)
        >> server(ONE, READY)
        << client(ONE, READY)
        << ledger(ran(b"select 1"))
    ).holds()


def test_a_ledger_that_fails_within_a_transaction_ends_the_session() -> None:
    play = begun() >> ledger_is("doomed") >> client(pg.query(UPDATE))
    (play << client(LOST_LEDGER) << server(pg.terminate()) << ended("ledger unavailable")).holds()


def test_an_outcome_that_cannot_be_recorded_does_not_leave() -> None:
    (
        Play()
        >> client(SELECT)
        << server(SELECT)
        >> ledger_is("broken")
        >> server(ONE, READY)
        << client(LOST_LEDGER)
        << server(pg.terminate())
        << ended("ledger unavailable")
    ).holds()


def test_the_first_rows_of_a_long_answer_do_not_wait_for_the_end_of_the_loops_turn() -> None:
    described = pg.row_description([pg.Column(b"x")]) + pg.data_row([b"1"])
    rest = pg.data_row([b"2"]) + pg.command_complete("SELECT 2") + READY
    seen: list[bytes] = []

    def come(run: Run) -> None:
        run.wires["server"].link.data_received(described)
        seen.append(bytes(run.wires["client"].got))

    (
        Play()
        >> client(SELECT)
        << server(SELECT)
        >> Happens("rows come", come)
        << client(described)
        >> server(rest)
        << client(rest)
        << ledger(ran(b"select 1", rows=2))
    ).holds(("whole",))
    assert seen == [described]


def test_a_long_answer_that_cannot_be_recorded_does_not_begin() -> None:
    (
        Play()
        >> client(SELECT)
        << server(SELECT)
        >> ledger_is("broken")
        >> server(pg.row_description([pg.Column(b"x")]), pg.data_row([b"1"]))
        << client(LOST_LEDGER)
        << server(pg.terminate())
        << ended("ledger unavailable")
    ).holds(("whole",))


# -- how it ends ------------------------------------------------------------------------------------
def test_terminate_ends_the_session_after_what_was_sent_before_it() -> None:
    play = Play() >> client(SELECT, pg.terminate()) << server(SELECT, pg.terminate()) << ended("client said good-bye")
    (play >> told(lambda session: session.close_trail()) << ledger(ran(b"select 1", "lost"))).holds()


def test_a_client_that_hangs_up_leaves_no_session_at_the_server() -> None:
    (Play() >> gone("client") << server(pg.terminate()) << ended("client closed the connection")).holds()


def test_a_client_that_hangs_up_while_the_disk_is_awaited_has_nothing_forwarded() -> None:
    play = Play(SLOW) >> client(pg.query(UPDATE)) >> gone("client") << server(pg.terminate())
    (play << ended("client closed the connection") >> disk()).holds()


def test_the_gateway_may_end_a_session_with_a_word() -> None:
    bye = pg.error_response("FATAL", "57P01", "that is it")
    (
        Play()
        >> told(lambda session: session.end("killed", bye))
        << client(bye)
        << server(pg.terminate())
        << ended("killed")
        >> told(lambda session: session.end("again", bye))
        << ended("killed")
    ).holds()


def test_what_comes_after_the_end_is_dropped() -> None:
    (
        Play()
        >> client(b"\xff", SELECT)
        << client(says("08P01", severity="FATAL"))
        << server(pg.terminate())
        << ended("protocol violation")
        >> client(SELECT)
        >> server(READY)
    ).holds(("whole",))


def test_a_session_knows_whether_it_is_idle() -> None:
    seen: list[tuple[bool, bool]] = []
    look = told(lambda session: seen.append((session.is_idle, session.is_running)))
    (
        Play()
        >> look
        >> client(BEGIN)
        << server(BEGIN)
        >> look
        >> server(BEGUN)
        << client(BEGUN)
        << ledger(ran(b"begin"))
        >> look
    ).holds(("whole",))
    assert seen == [(True, False), (False, True), (False, False)]


def test_what_runs_when_the_session_ends_is_recorded_as_lost() -> None:
    (
        Play()
        >> client(asked(READ, b"1"), asked(UPDATE), pg.sync())
        << server(asked(READ, b"1"), asked(UPDATE), pg.sync())
        >> gone("client")
        << server(pg.terminate())
        << ended("client closed the connection")
        >> told(lambda session: session.close_trail())
        << ledger(ran(READ, "lost"), ran(UPDATE, "lost"))
    ).holds(("whole",))


def test_a_suspended_portal_is_ended_with_the_session() -> None:
    start = pg.parse(b"", READ) + bound(b"1", portal=b"p") + pg.execute(b"p", 1) + pg.sync()
    row = pg.data_row([b"ada"])
    (
        begun()
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        << client(PARSED, BOUND, row, pg.portal_suspended(), IN_TRANSACTION)
        >> gone("client")
        << server(pg.terminate())
        << ended("client closed the connection")
        >> told(lambda session: session.close_trail())
        << ledger(ran(READ, "ok", rows=1))
    ).holds()


def test_policies_that_look_at_the_transaction_are_asked_again_within_it() -> None:
    text = RULES + '@id("t") forbid (principal, action == Action::"select", resource) when { context.in_transaction };'
    assert policies(text).context_attributes
    read = pg.query(b"select name from customers")
    stage = Stage(rules=text)
    play = Play(stage) >> client(read) << server(read) >> server(ONE, READY) << client(ONE, READY)
    (
        play
        << ledger(ran(b"select name from customers"))
        >> client(BEGIN)
        << server(BEGIN)
        >> server(BEGUN)
        << client(BEGUN)
        << ledger(ran(b"begin"))
        >> client(read)
        << ledger(refused(b"select name from customers", "t"))
        << server(FAILING_QUERY)
        >> server(SYNTAX_ERROR, FAILED)
        << client(says("42501"), FAILED)
    ).holds()


def test_a_cancelled_session_task_does_not_swallow_the_cancellation() -> None:
    async def play() -> None:
        run = Run(Stage(slow_disk=True), "whole")
        run._build()
        task = asyncio.get_running_loop().create_task(run.session.run())
        await asyncio.sleep(0)
        run.wires["client"].link.data_received(pg.query(UPDATE))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(play())

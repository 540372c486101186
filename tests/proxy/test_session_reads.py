"""Reads of tagged relations: forwarded at once, and nothing of the answer leaves before the disk has the intent."""

from __future__ import annotations

import pytest
from maskstage import masking, plan
from maskstage import policies as masking_policies
from playbook import (
    BOUND,
    CLOSED,
    FAILING_QUERY,
    IN_TRANSACTION,
    PARSED,
    READY,
    SYNTAX_ERROR,
    Entry,
    Happens,
    Play,
    Run,
    asked,
    asked_path,
    asked_values,
    begun,
    bound,
    client,
    disk,
    ended,
    gone,
    ledger,
    ledger_is,
    path_answer,
    ran,
    refused,
    rows,
    says,
    server,
    told,
    values_answer,
)
from playstage import Stage
from sessionkit import LOST_LEDGER, UPDATE, UPDATED

from tidewaiter.proxy.outlet import HELD_BYTES
from tidewaiter.wire import postgres as pg

TAGGED = frozenset({("public", "customers")})
STAGE = Stage(slow_disk=True, tagged=TAGGED)
TEXT = b"select name from customers"
READ = pg.query(TEXT)
ADA = rows(b"ada")
PLAIN = b"select 1"
DESCRIBED = pg.row_description([pg.Column(b"x")])


# -- forwarded at once, answered when it is durable -------------------------------------------------------
def test_a_read_is_forwarded_at_once_and_its_answer_waits_for_the_disk() -> None:
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> server(ADA, READY)
        << ledger(ran(TEXT))
        >> disk()
        << client(ADA, READY)
    ).holds()


def test_an_answer_that_comes_when_the_disk_is_done_waits_for_nothing() -> None:
    play = Play(STAGE) >> client(READ) << server(READ) >> disk() >> server(ADA, READY) << client(ADA, READY)
    (play << ledger(ran(TEXT))).holds()


def test_its_intent_is_written_before_it_is_forwarded() -> None:
    seen: list[tuple[int, int]] = []

    def look(run: Run) -> None:
        run.wires["server"]._on_write = lambda data: seen.append((run.ledger.flushed, len(run.ledger.raw)))

    play = Play(STAGE) >> Happens("look", look) >> client(READ) << server(READ) >> disk() >> server(ADA, READY)
    (play << client(ADA, READY) << ledger(ran(TEXT))).holds(("whole",))
    assert seen[0] == (1, 1)


def test_an_error_waits_as_rows_do() -> None:
    """It may quote what it found."""
    error = pg.error_response("ERROR", "22P02", 'invalid input syntax for type integer: "ada"')
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> server(error, READY)
        << ledger(ran(TEXT, "error"))
        >> disk()
        << client(error, READY)
    ).holds()


def test_notices_and_parameters_that_come_with_it_wait_too() -> None:
    notice = pg.notice_response("NOTICE", "00000", "ada was here")
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> server(notice, ADA, READY)
        << ledger(ran(TEXT))
        >> disk()
        << client(notice, ADA, READY)
    ).holds()


def test_what_came_before_it_waits_for_nothing() -> None:
    plain, rest = pg.query(PLAIN), pg.data_row([b"2"]) + pg.command_complete("SELECT 2") + READY
    (
        Play(STAGE)
        >> client(plain)
        << server(plain)
        >> server(DESCRIBED, pg.data_row([b"1"]))
        << client(DESCRIBED, pg.data_row([b"1"]))
        >> client(READ)
        << server(READ)
        >> server(rest)
        << ledger(ran(PLAIN, rows=2))
        >> disk()
        << client(rest)
        >> server(ADA, READY)
        << client(ADA, READY)
        << ledger(ran(TEXT))
    ).holds(("whole",))


@pytest.mark.parametrize(
    "text", [b"copy customers to stdout", b"table customers", b"select count(*) from (select from customers) c"]
)
def test_whatever_only_answers_is_such_a_read(text: bytes) -> None:
    play = Play(STAGE) >> client(pg.query(text)) << server(pg.query(text)) >> disk() >> server(ADA, READY)
    (play << client(ADA, READY) << ledger(ran(text))).holds(("whole",))


@pytest.mark.parametrize(
    "text",
    [
        b"select name from customers for update",
        b"select pg_read_file('x') from customers",
        b"select pg_advisory_lock(1) from customers",
        b"select set_config('work_mem', '4MB', false) from customers",
        b"create temp table mine as select name from customers",
        b"with x as (delete from orders returning id) select name from customers, x",
        b"declare c cursor with hold for select name from customers",
        b"copy customers to '/tmp/x'",
    ],
)
def test_what_does_anything_else_waits_before_it_is_forwarded(text: bytes) -> None:
    (
        Play(STAGE)
        >> client(pg.query(text))
        >> disk()
        << server(pg.query(text))
        >> server(pg.command_complete("SELECT 1"), READY)
        << client(pg.command_complete("SELECT 1"), READY)
        << ledger(ran(text))
    ).holds(("whole",))


def test_under_strict_durability_it_waits_before_it_is_forwarded() -> None:
    (
        Play(Stage(slow_disk=True, tagged=TAGGED, strict=True))
        >> client(READ)
        >> disk()
        << server(READ)
        >> server(ADA, READY)
        << client(ADA, READY)
        << ledger(ran(TEXT))
    ).holds()


def test_in_a_session_that_masks_it_is_the_same() -> None:
    stage = Stage(masking_policies(), masking=masking(), slow_disk=True)
    text = b"select count(*) from customers where ssn = 'x'"
    sent = pg.query(plan(text).text)
    play = Play(stage) >> client(pg.query(text)) << server(sent) >> server(ADA, READY) << ledger(ran(text))
    (play >> disk() << client(ADA, READY)).holds(("whole",))


# -- the extended protocol, and several at once -----------------------------------------------------------
def test_a_pipeline_of_reads_is_forwarded_at_once_and_waits_once() -> None:
    answer = PARSED + BOUND + DESCRIBED + pg.data_row([b"ada"]) + pg.command_complete("SELECT 1")
    (
        Play(STAGE)
        >> client(asked(TEXT), asked(TEXT), pg.sync())
        << server(asked(TEXT), asked(TEXT), pg.sync())
        >> server(answer, answer, READY)
        << ledger(ran(TEXT), ran(TEXT))
        >> disk()
        << client(answer, answer, READY)
    ).holds(("whole", "with trailing bytes"))


@pytest.mark.parametrize(
    "texts", [(TEXT, UPDATE), (UPDATE, TEXT), (TEXT, UPDATE, TEXT)], ids=["before", "after", "between"]
)
def test_a_write_among_reads_has_all_of_them_wait_before_they_are_forwarded(texts: tuple[bytes, ...]) -> None:
    messages = [*(asked(text) for text in texts), pg.sync()]
    answer = PARSED + BOUND + pg.no_data() + pg.command_complete("UPDATE 1")
    (
        Play(STAGE)
        >> client(*messages)
        >> disk()
        << server(*messages)
        >> server(*(answer for _ in texts), READY)
        << client(*(answer for _ in texts), READY)
        << ledger(*(ran(text) for text in texts))
    ).holds(("whole",))


def test_a_write_that_comes_behind_a_read_waits_and_the_read_does_not() -> None:
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> client(pg.query(UPDATE))
        >> server(ADA, READY)
        << ledger(ran(TEXT))
        >> disk()
        << client(ADA, READY)
        << server(pg.query(UPDATE))
        >> server(UPDATED, READY)
        << client(UPDATED, READY)
        << ledger(ran(UPDATE))
    ).holds()


def test_a_portal_that_goes_on_waits_for_what_its_first_rows_wait_for() -> None:
    start = pg.parse(b"", TEXT) + bound(portal=b"p") + pg.execute(b"p", 1) + pg.flush()
    more = pg.execute(b"p", 1) + pg.sync()
    row = pg.data_row([b"ada"])
    (
        begun(STAGE)
        >> client(start)
        << server(start)
        >> server(PARSED, BOUND, row, pg.portal_suspended())
        >> client(more)
        << server(more)
        >> server(row, pg.portal_suspended(), IN_TRANSACTION)
        >> disk()
        << client(PARSED, BOUND, row, pg.portal_suspended(), row, pg.portal_suspended(), IN_TRANSACTION)
        >> gone("client")
        << server(pg.terminate())
        << ended("client closed the connection")
        >> told(lambda session: session.close_trail())
        << ledger(ran(TEXT, "ok", rows=2))
    ).holds()


def test_a_cursors_rows_wait_for_the_fetch() -> None:
    declare, fetch = b"declare c cursor for select name from customers", b"fetch 1 from c"
    declared = pg.command_complete("DECLARE CURSOR")
    (
        begun(STAGE)
        >> client(pg.query(declare))
        >> disk()
        << server(pg.query(declare))
        >> server(declared, IN_TRANSACTION)
        << client(declared, IN_TRANSACTION)
        << ledger(ran(declare))
        >> client(pg.query(fetch))
        << server(pg.query(fetch))
        >> server(ADA, IN_TRANSACTION)
        << ledger(ran(fetch))
        >> disk()
        << client(ADA, IN_TRANSACTION)
    ).holds(("whole",))


def test_a_read_with_a_row_limit_waits_likewise() -> None:
    rules = '@id("few") @max_rows("2") permit (principal, action, resource);'
    steps = pg.parse(b"", TEXT) + bound() + pg.describe("P", b"") + pg.execute(b"", 2) + pg.flush()
    rows_of_it, end = DESCRIBED + pg.data_row([b"ada"]), pg.command_complete("SELECT 1")
    (
        Play(Stage(rules, slow_disk=True, tagged=TAGGED))
        >> client(READ)
        << server(steps)
        >> server(PARSED, BOUND, rows_of_it, end)
        << server(pg.close("S", b"") + pg.sync())
        >> server(CLOSED, READY)
        << ledger(ran(TEXT, rows=1))
        >> disk()
        << client(rows_of_it, end, READY)
    ).holds(("whole",))


# -- a bound --------------------------------------------------------------------------------------------------
def test_a_long_answer_is_not_read_beyond_a_bound_before_it_may_leave() -> None:
    row = pg.data_row([b"x" * (100 << 10)])
    seen: list[bool] = []
    play = Play(STAGE) >> client(READ) << server(READ) >> server(DESCRIBED, row, row) >> _look(seen)
    (
        play
        >> server(row)
        >> _look(seen)
        >> disk()
        << client(DESCRIBED, row, row, row)
        >> _look(seen)
        >> server(pg.command_complete("SELECT 3"), READY)
        << client(pg.command_complete("SELECT 3"), READY)
        << ledger(ran(TEXT, rows=3))
    ).holds(("whole",))
    assert seen == [True, False, True]
    assert 2 * len(row) < HELD_BYTES < 3 * len(row)


def _look(into: list[bool]) -> Happens:
    """Whether the server is read."""
    return Happens("look", lambda run: into.append(run.wires["server"].reads))


def test_a_question_of_the_gateways_own_is_asked_and_answered_behind_a_read_that_waits() -> None:
    moved = b"set search_path to public"
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> client(pg.query(moved), pg.query(PLAIN))
        << server(pg.query(moved))
        >> server(ADA, READY, pg.command_complete("SET"), READY)
        << ledger(ran(TEXT), ran(moved))
        << asked_path()
        >> server(path_answer(b"pg_catalog", b"public"))
        << server(pg.query(PLAIN))
        >> server(ADA, READY)
        << ledger(ran(PLAIN))
        >> disk()
        << client(ADA, READY, pg.command_complete("SET"), READY, ADA, READY)
    ).holds(("whole",))


def test_nothing_is_told_of_a_held_statement_before_the_answers_ahead_of_it() -> None:
    held = b"truncate orders"
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> server(ADA, READY)
        << ledger(ran(TEXT))
        >> client(pg.query(held))
        >> disk()
        << client(ADA, READY)
        << asked_values()
        >> server(values_answer())
        << client(says("00000", "AR-1", severity="NOTICE"))
        << ledger(refused(held, "dba-waits", "hold"))
        >> disk()
        << client(says("42501", "not today"), READY)
    ).holds(("whole",))


def test_a_refusal_behind_a_read_keeps_its_place() -> None:
    drop = b"drop table orders"
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> client(pg.query(drop))
        << ledger(refused(drop))
        >> disk()
        << server(FAILING_QUERY)
        >> server(ADA, READY, SYNTAX_ERROR, READY)
        << client(ADA, READY, says("42501"), READY)
        << ledger(ran(TEXT))
    ).holds(("whole",))


# -- the ledger fails -----------------------------------------------------------------------------------------
def test_what_cannot_be_written_is_not_forwarded() -> None:
    (
        Play(STAGE)
        >> ledger_is("doomed")
        >> client(READ)
        << client(says("58030", "nothing was forwarded"), READY)
        >> ledger_is("open")
        >> client(pg.query(PLAIN))
        << server(pg.query(PLAIN))
        >> server(ADA, READY)
        << client(ADA, READY)
        << ledger(ran(PLAIN))
    ).holds()


@pytest.mark.parametrize(
    "answer", [(), (DESCRIBED, pg.data_row([b"ada"])), (ADA, READY)], ids=["before", "within", "behind"]
)
def test_a_ledger_that_fails_while_it_runs_ends_the_session_and_nothing_of_the_answer_leaves(
    answer: tuple[bytes, ...],
) -> None:
    is_over = answer[-1:] == (READY,)
    play = Play(STAGE) >> client(READ) << server(READ) >> server(*answer)
    if is_over:
        play = play << ledger(ran(TEXT))
    (
        play >> ledger_is("broken") << client(LOST_LEDGER) << server(pg.terminate()) << ended("ledger unavailable")
    ).holds()


def test_a_ledger_that_fails_within_a_transaction_ends_the_session() -> None:
    play = begun(STAGE) >> ledger_is("doomed") >> client(READ)
    (play << client(LOST_LEDGER) << server(pg.terminate()) << ended("ledger unavailable")).holds()


def test_an_outcome_that_cannot_be_written_when_the_answer_may_leave_keeps_it() -> None:
    def lose(run: Run) -> None:
        run.ledger._durable = 1
        run.ledger._end_waits(None)
        run.ledger.state = "broken"

    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> server(ADA, READY)
        << ledger(ran(TEXT))
        >> Happens("lose", lose)
        << client(LOST_LEDGER)
        << server(pg.terminate())
        << ended("ledger unavailable")
    ).holds()


def test_an_intent_that_a_repair_may_have_lost_is_not_forwarded() -> None:
    """It was recorded, then the path had to be asked for."""
    play = Play(STAGE) >> ledger_is("ailing") >> client(asked(TEXT), asked(b"select a from nowhere"), pg.sync())
    play = play << client(says("58030", "nothing was forwarded"), READY)
    (play << ledger(Entry("execution", status="skipped"))).holds(("whole",))


# -- ends -----------------------------------------------------------------------------------------------------
def test_a_client_that_hangs_up_meanwhile_is_recorded_as_ever() -> None:
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> server(DESCRIBED, pg.data_row([b"ada"]))
        >> gone("client")
        << server(pg.terminate())
        << ended("client closed the connection")
        >> told(lambda session: session.close_trail())
        << ledger(ran(TEXT, "lost"))
        >> disk()
    ).holds(("whole",))


def test_a_client_that_says_good_bye_gets_no_answer_and_the_read_is_recorded_as_lost() -> None:
    play = Play(STAGE) >> client(READ, pg.terminate()) << server(READ, pg.terminate())
    play = play << ended("client said good-bye") >> told(lambda session: session.close_trail())
    (play << ledger(ran(TEXT, "lost")) >> disk()).holds()


def test_what_the_server_said_before_it_went_leaves_when_it_may() -> None:
    bye = pg.error_response("FATAL", "57P01", "terminating connection due to administrator command")
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> server(ADA, READY, bye)
        << ledger(ran(TEXT))
        >> gone("server")
        >> disk()
        << client(ADA, READY, bye)
        << ended("server closed the connection")
    ).holds(("whole",))


def test_a_session_that_is_killed_meanwhile_gives_nothing_of_the_answer() -> None:
    bye = pg.error_response("FATAL", "57P01", "that is it")
    (
        Play(STAGE)
        >> client(READ)
        << server(READ)
        >> server(ADA, READY)
        << ledger(ran(TEXT))
        >> told(lambda session: session.end("killed", bye))
        << client(bye)
        << server(pg.terminate())
        << ended("killed")
        >> disk()
    ).holds()


def test_a_session_whose_answer_waits_is_not_idle() -> None:
    seen: list[bool] = []
    look = told(lambda session: seen.append(session.is_idle))
    play = Play(STAGE) >> client(READ) << server(READ) >> server(ADA, READY) << ledger(ran(TEXT)) >> look
    (play >> disk() << client(ADA, READY) >> look).holds(("whole",))
    assert seen == [False, True]

"""Statements whose rows a policy looks at: estimated before they run, with their parameters, and judged by that."""

from __future__ import annotations

from playbook import (
    BOUND,
    FAILING_PARSE,
    PARSED,
    READY,
    SYNTAX_ERROR,
    Play,
    asked,
    bound,
    client,
    ledger,
    ran,
    refused,
    says,
    server,
)
from playstage import Planner, Stage

from tidewaiter.wire import postgres as pg

RULES = """
@id("all") permit (principal, action, resource);
@id("few-rows") forbid (principal, action in Action::"update", resource)
unless { context has estimated_rows && context.estimated_rows <= 100 };
"""
ONE, MANY = b"update orders set total = 0 where id = 1", b"update orders set total = 0 where id > 1"
BOUNDED = b"update orders set total = 0 where id > $1"
FEW, LOTS = bound(b"990")[7:], bound(b"1")[7:]
NO_DATA = b"n\0\0\0\4"
UPDATED = pg.command_complete("UPDATE 1")


def planned() -> Stage:
    known = {(ONE, b""): 1, (MANY, b""): 5000, (BOUNDED, FEW): 10, (BOUNDED, LOTS): 5000}
    return Stage(rules=RULES, planner=Planner(known))


def test_few_rows_pass_and_the_estimate_is_recorded() -> None:
    stage = planned()
    (
        Play(stage)
        >> client(pg.query(ONE))
        << server(pg.query(ONE))
        >> server(UPDATED + READY)
        << client(UPDATED + READY)
        << ledger(ran(ONE, rows=1, estimated_rows=1))
    ).holds()
    assert stage.planner is not None and {one.text for one in stage.planner.asked} == {ONE}


def test_many_rows_never_reach_the_server() -> None:
    (
        Play(planned())
        >> client(pg.query(MANY))
        << client(says("42501", "few-rows"), READY)
        << ledger(refused(MANY, "few-rows", estimated_rows=5000))
    ).holds()


def test_what_the_planner_cannot_tell_is_absent() -> None:
    unknown = b"update orders set total = 1"
    (
        Play(planned())
        >> client(pg.query(unknown))
        << client(says("42501", "few-rows"), READY)
        << ledger(refused(unknown, "few-rows"))
    ).holds()


def test_nothing_is_asked_about_what_no_estimate_can_change() -> None:
    stage = planned()
    two = ONE + b"; " + ONE
    (
        Play(stage)
        >> client(pg.query(two))
        << client(says("42501", "few-rows"), READY)
        << ledger(refused(two, "few-rows"))
    ).holds()
    stage.planner = Planner({})
    stage.rules = '@id("all") permit (principal, action, resource);'
    (
        Play(stage)
        >> client(pg.query(ONE))
        << server(pg.query(ONE))
        >> server(UPDATED + READY)
        << client(UPDATED + READY)
        << ledger(ran(ONE, rows=1))
    ).holds()
    assert stage.planner.asked == []


def test_parameters_decide_when_they_are_known() -> None:
    few = asked(BOUNDED, b"990") + pg.sync()
    (
        Play(planned())
        >> client(few)
        << server(few)
        >> server(PARSED + BOUND + NO_DATA + UPDATED + READY)
        << client(PARSED + BOUND + NO_DATA + UPDATED + READY)
        << ledger(ran(BOUNDED, rows=1, estimated_rows=10))
    ).holds()


def test_too_many_rows_fail_the_pipeline_that_they_are_in() -> None:
    parse, bind = pg.parse(b"", BOUNDED, ()), bound(b"1")
    (
        Play(planned())
        >> client(parse + bind + pg.execute(b"") + pg.sync())
        << server(parse + bind + FAILING_PARSE + pg.sync())
        << ledger(refused(BOUNDED, "few-rows", estimated_rows=5000))
        >> server(PARSED + BOUND + SYNTAX_ERROR + READY)
        << client(PARSED + BOUND, says("42501", "few-rows"), READY)
    ).holds()

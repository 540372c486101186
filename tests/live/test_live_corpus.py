"""The evasions of the corpus, sent through a gateway to a server: what is refused leaves no trace and shows no row.

A sample by default; TIDEWAITER_WHOLE_CORPUS=1 or `python tests/corpus/report.py --live` plays all of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from evasionplay import DATABASE, Stage, lay_out, play_all
from rig import Deployment
from sessions import Session, Step, sessions

IS_WHOLE = os.environ.get("TIDEWAITER_WHOLE_CORPUS", "") not in ("", "0")
SEED, SAMPLE = 20261126, 170


@pytest.fixture(scope="module")
def stage(workshop: Path, template: Deployment) -> Iterator[Stage]:
    deployment = lay_out(template, workshop / "played")
    deployment.start()
    found = Stage(deployment)
    yield found
    found.close()
    deployment.kill()


def chosen() -> list[Session]:
    """All sessions, or a sample that holds each way of sending."""
    every = sessions("evasions")
    if IS_WHOLE:
        return every
    rng = random.Random(SEED)
    others = [one for one in every if one.how != "simple"]
    simple = [one for one in every if one.how == "simple"]
    return [*rng.sample(others, min(len(others), 40)), *rng.sample(simple, SAMPLE - 40)]


@pytest.mark.timeout(1800)
def test_refused_steps_leave_no_trace(stage: Stage) -> None:
    report = play_all(stage, chosen())
    assert report.wrong == [], report.told()
    assert report.steps["deny"] > 120, report.told()
    assert report.steps["allow"] > 10, report.told()
    assert set(report.sqlstates) <= {"42501", "42P01", "42883", "42601", "42704", "08P01"}, report.told()
    assert report.sqlstates["42501"] > 0.9 * report.sqlstates.total(), report.told()


def test_a_step_that_gets_through_is_reported(stage: Stage) -> None:
    """What is allowed is expected to be refused here."""
    writes = Step(b"insert into audit_trail values (77, 'trace')", "deny")
    for how in ("simple", "extended", "pipeline"):
        stage.play(Session("made", 1, "writer", how, (writes,)))
        assert stage.report.wrong.pop().startswith("made:1-writer: insert into audit_trail values (77, 'trace'): allow")
        assert stage.digest() == stage.pristine  # and it was put back


CHANGES = (
    "insert into shadow.orders values (9, 'x')", "update customers set name = 'x' where id = 1", "create role trace",
    "select nextval('ticket_numbers')", "select lo_create(77)", "comment on table orders is 'x'", "truncate letters",
    "alter role ada set work_mem = '1MB'", "create function trace() returns integer return 1",
    "grant ada to bea", "refresh materialized view revenue_copy", "drop table shadow.orders",
)  # fmt: skip
UNDO = "drop role trace; alter role ada reset all; revoke ada from bea"


def test_a_trace_would_be_seen(stage: Stage) -> None:
    for change in CHANGES:
        before = stage.digest()
        stage.server.execute(change, database=DATABASE)
        assert stage.digest() != before, change
    stage.server.execute(UNDO)
    stage.put_back()

"""What the pages show of a request, for each reader."""

from __future__ import annotations

from dataclasses import replace

from consolekit import DRAFT, NOW, RADIUS

from tidewaiter.approvals.desk import Event, State, Vote
from tidewaiter.console.rights import Rights
from tidewaiter.console.sheet import FACTS, line_of, sheet_of
from tidewaiter.model import Need

ALL = Rights(True, True, True, "")
OWN = Rights(True, False, False, "it is yours")
REQUEST = replace(DRAFT, id="AR-1", blast_radius=RADIUS)
VOTE = Vote("dora", True, ("dba",), NOW, "console", "192.0.2.7", "fine")


def test_numbers_and_rows_are_for_those_who_may_see_them() -> None:
    radius = sheet_of(REQUEST, ALL, "dan").radius
    assert radius is not None
    assert (radius.number, radius.sureness) == ("measured: 39 rows (the planner estimates 41)", "measured")
    assert radius.way_back == ("no", "only from a backup")
    assert not any("reversible" in line for line in radius.lines)
    (sample,) = radius.samples
    assert sample.columns == ("id", "name", "email")
    assert sample.rows == ((("1", "Ann<b>", "NULL"), ()), (("2", "Bob", ""), ("2", "Rob", "")))
    assert radius.remarks == ("and more",)
    fewer = sheet_of(REQUEST, replace(ALL, sees_rows=False), "dan").radius
    assert fewer is not None
    assert (fewer.samples, fewer.remarks) == ((), ())
    assert sheet_of(REQUEST, OWN, "dan").radius is None
    assert sheet_of(REQUEST, OWN, "dan").statement == REQUEST.statement


def test_what_was_sent_stands_below_where_the_form_differs() -> None:
    assert sheet_of(REQUEST, ALL, "dan").exact == REQUEST.statement
    same = replace(REQUEST, blast_radius={**RADIUS, "formatted": REQUEST.statement})
    assert sheet_of(same, ALL, "dan").exact == ""


def test_a_request_without_a_radius_says_nothing_of_it() -> None:
    assert sheet_of(replace(REQUEST, blast_radius=None), ALL, "dan").radius is None
    unknown = sheet_of(replace(REQUEST, blast_radius={**RADIUS, "rows": None}), ALL, "dan").radius
    assert unknown is not None
    assert (unknown.number, unknown.sureness) == ("rows: not known", "unknown")


def test_why_it_is_held_again_tells_numbers_to_those_only_who_may_see_them() -> None:
    again = replace(REQUEST, reason="it would change 3900 rows now, 39 when it was approved")
    assert sheet_of(again, ALL, "dan").held_again == again.reason
    assert sheet_of(again, OWN, "dan").held_again == "its approval does not hold any more"
    assert "39" not in repr(replace(sheet_of(again, OWN, "dan"), sight="", statement=""))
    assert sheet_of(replace(again, state=State.DENIED), ALL, "dan").held_again == ""


def test_each_state_offers_what_can_be_done() -> None:
    offered = {
        state: [
            one
            for one in ("may_approve", "may_deny", "may_close")
            if getattr(sheet_of(replace(REQUEST, state=state), ALL, "dan"), one)
        ]
        for state in State
    }
    assert {state: one for state, one in offered.items() if one} == {
        State.OPEN: ["may_approve", "may_deny"],
        State.APPROVED: ["may_deny"],
        State.REVIEW: ["may_close"],
    }
    own = sheet_of(REQUEST, OWN, "dan")
    assert (own.may_approve, own.may_deny, own.may_close, own.why_not) == (False, False, False, "it is yours")


def told(*events: Event, state: State = State.OPEN, rights: Rights = ALL) -> list[tuple[str, str, str, str, str]]:
    """What the timeline shows of what happened."""
    shown = sheet_of(replace(REQUEST, history=events, state=state), rights, "dan").timeline
    return [(step.kind, step.said, step.at, step.where, step.note) for step in shown]


def test_the_timeline_says_who_when_from_where_and_by_which_channel() -> None:
    at = "2027-01-15T08:00:0{}Z"
    events = (
        Event("open", NOW, "reporter", "session", "s1"),
        Event("approve", NOW + 1, "dora", "console", "192.0.2.7", "fine"),
        Event("reopened", NOW + 2, "", "session", "s2", "it would change 3900 rows now"),
        Event("approve", NOW + 3, "dan", "ops", "Slack user U1"),
        Event("consumed", NOW + 4, "reporter", "session", "s2"),
        Event("failed", NOW + 5, "", "session", "s2", "SQLSTATE 23503"),
    )
    again = "it was held again, as its approval does not hold any more"
    assert told(*events, state=State.FAILED) == [
        ("asked", "reporter asked on behalf of alice", at.format(0), "session s1", ""),
        ("approved", "dora approved", at.format(1), "by console, from 192.0.2.7", "fine"),
        ("reopened", again, at.format(2), "session s2", "it would change 3900 rows now"),
        ("approved", "dan approved", at.format(3), "by ops, from Slack user U1", ""),
        ("consumed", "reporter ran it, and the approval is used up", at.format(4), "session s2", ""),
        ("failed", "it failed at the database", at.format(5), "session s2", "SQLSTATE 23503"),
    ]
    assert told(events[2], state=State.DENIED, rights=OWN) == [("reopened", again, at.format(2), "session s2", "")]


def test_each_end_has_its_time_where_it_was_noted() -> None:
    at = "2027-01-15T08:00:00Z"
    assert told(Event("withdrawn", NOW, "reporter", "session", "s1", "Ctrl-C"), state=State.WITHDRAWN) == [
        ("withdrawn", "reporter withdrew it", at, "session s1", "Ctrl-C")
    ]
    assert told(Event("expired", NOW, note="nobody decided in time"), state=State.EXPIRED) == [
        ("expired", "its time was up", at, "", "nobody decided in time")
    ]
    assert told(Event("close", NOW, "dora", "socket", "OS user", "right"), state=State.CLOSED) == [
        ("closed", "dora closed the review", at, "by socket, from OS user", "right")
    ]
    assert told(Event("consumed", None), state=State.CONSUMED)[0][2] == ""


def test_the_timeline_ends_with_what_it_waits_for() -> None:
    (waits,) = told()
    assert (waits[0], waits[1]) == ("open", "waits for dba; expires")
    assert waits[2]
    assert told(state=State.APPROVED)[-1][1] == "it can be run, once; expires"
    assert told(state=State.REVIEW)[-1][1] == "waits for dba to close the review"
    glass = Event("break_glass", NOW, "reporter", "session", "s1", "fire")
    assert told(glass, state=State.REVIEW)[0][:2] == ("glass", "reporter ran it before anybody decided")


def test_headings_tell_whether_it_ran() -> None:
    told = {state: sheet_of(replace(REQUEST, state=state), ALL, "dan").tense[0] for state in State}
    ran = {state for state, heading in told.items() if heading == "What ran"}
    assert ran == {State.CONSUMED, State.FAILED, State.REVIEW, State.CLOSED}
    assert {state for state, heading in told.items() if heading == "What would run"} == {State.OPEN, State.APPROVED}


def test_the_list_tells_a_broken_glass_and_who_can_close_its_review() -> None:
    broken = line_of(replace(REQUEST, state=State.REVIEW, glass="fire"), ALL, "dan")
    assert (broken.is_glass, broken.approvers, line_of(REQUEST, ALL, "dan").is_glass) == (True, "dba", False)


def test_a_version_changes_with_whatever_is_shown() -> None:
    before = sheet_of(REQUEST, ALL, "dan")
    assert before.version == sheet_of(REQUEST, ALL, "dan").version
    assert before.version != sheet_of(replace(REQUEST, votes=(VOTE,)), ALL, "dan").version
    assert before.version != sheet_of(REQUEST, ALL, "dan", (("ops", "told"),)).version


def test_long_lists_are_counted_not_hidden() -> None:
    many = replace(REQUEST, facts={"touches": [f"t{n}" for n in range(FACTS + 3)], "has_where": True, "locks": []})
    ((label, values),) = sheet_of(many, ALL, "dan").facts
    assert (label, len(values)) == ("touches", FACTS + 1)
    assert values[-1].startswith("and 3 more")


def test_the_list_marks_what_waits_for_me_until_i_have_voted() -> None:
    two = replace(REQUEST, needs=(Need(("dba",), 2),))
    assert line_of(two, ALL, "dora").waits_for_me
    assert not line_of(replace(two, votes=(VOTE,)), ALL, "dora").waits_for_me
    assert line_of(replace(two, votes=(VOTE,)), ALL, "dan").waits_for_me
    assert not line_of(replace(two, state=State.APPROVED), ALL, "dora").waits_for_me
    own = line_of(two, OWN, "alice")
    assert (own.is_mine, own.waits_for_me, own.rows) == (True, False, "")
    assert line_of(replace(two, statement="x" * 9999), ALL, "dora").statement.endswith("…")


def test_who_has_approved_is_not_asked_again_and_may_think_better_of_it() -> None:
    voted = replace(REQUEST, votes=(VOTE,), needs=(Need(("dba",), 2),))
    dora, dan = sheet_of(voted, ALL, "dora"), sheet_of(voted, ALL, "dan")
    assert (dora.has_approved, dora.may_approve, dora.may_deny) == (True, False, True)
    assert (dan.has_approved, dan.may_approve, dan.may_deny) == (False, True, True)


def test_what_an_update_leaves_alone_is_shown_as_it_stays() -> None:
    row = {"table": "t", "before": {"id": "1", "a": "x", "b": None}, "after": {"a": "y"}}
    radius = sheet_of(replace(REQUEST, blast_radius={**RADIUS, "sample": [row]}), ALL, "dan").radius
    assert radius is not None
    assert radius.samples[0].rows == ((("1", "x", "NULL"), ("1", "y", "NULL")),)

"""What approvers are shown of a request."""

from __future__ import annotations

from dataclasses import replace

from bookkit import DORA, NOW, draft

from tidewaiter.approvals import desk
from tidewaiter.approvals.desk import Request, Vote
from tidewaiter.approvals.presentation import LINE_CHARACTERS, presented, sight_of
from tidewaiter.model import Need

RADIUS = {
    "basis": "measured", "rows": 12, "estimated_rows": None, "total_rows": 12, "not_measured": [], "tables": [],
    "cascades": [], "triggers": [], "locks": [], "storage": ["rewrites t: \x07"],
    "reversible": {"word": "no", "how": "so"},
    "sample": [{"table": "t", "before": {"name": "Ann"}}],
}  # fmt: skip
ASKED = replace(draft(), id="AR-2222222", blast_radius=RADIUS)


def voted(request: Request, *, yes: bool) -> Request:
    vote = Vote("dora", yes, ("dba",), NOW, "ops", "C1", "because")
    return desk.decide(request, DORA, vote, now_s=NOW, approval_s=30)


def test_it_says_who_asks_what_it_touches_and_what_it_needs() -> None:
    shown = presented(ASKED)
    assert shown.title == "reporter, on behalf of alice asks on shop: waits"
    assert shown.facts == (
        ("principal", "reporter"), ("on behalf of", "alice"), ("datasource", "shop"), ("rule", "holds"),
        ("verbs", "delete_all"), ("blast radius", "measured: 12 rows"), ("blast radius", "rewrites t: \\x07"),
        ("blast radius", "not reversible: so"), ("needs", "dba"),
    )  # fmt: skip
    assert "Ann" not in str(shown)
    assert (shown.statement, shown.parameters, shown.outcome) == (
        "delete from customers", ("$1 = 7", "$2 = NULL"), "",
    )  # fmt: skip


def test_it_says_what_became_of_it_and_by_whom() -> None:
    approved, denied = presented(voted(ASKED, yes=True)), presented(voted(ASKED, yes=False))
    assert (approved.outcome, denied.outcome) == ("approved by dora", "denied by dora: because")
    assert ("dora", "approved by ops: because") in approved.facts
    used = desk.consumed(voted(ASKED, yes=True), ASKED.binding, NOW)
    assert presented(used).outcome == "consumed by the one run that it was approved for"
    assert presented(desk.failed(used, "SQLSTATE 40001")).outcome == "failed: SQLSTATE 40001"
    assert presented(desk.withdrawn(ASKED, "it hung up")).outcome == "withdrawn: it hung up"


def test_nothing_in_it_can_act_on_a_display() -> None:
    hostile = replace(ASKED, statement="select 1;\n\u202e--\x1b[2J", message="a\nb", parameters=("\x00",), rule="\x07")
    shown = presented(hostile)
    assert shown.statement == "select 1;\n\\u202e--\\x1b[2J"
    assert (shown.title.endswith("a\\nb"), shown.parameters, dict(shown.facts)["rule"]) == (
        True, ("$1 = \\x00",), "\\x07",
    )  # fmt: skip


def test_an_excerpt_says_whether_it_is_all() -> None:
    assert presented(ASKED).excerpt(100) == ("delete from customers\n$1 = 7\n$2 = NULL", False)
    assert presented(replace(ASKED, statement="x" * (1 << 20))).excerpt(10) == ("xxxxxxxxx…", True)


def test_a_fact_is_one_line_however_much_a_statement_touches() -> None:
    many = replace(ASKED, facts={"touches": [f"select public.t{n}" for n in range(900)]})
    told = dict(presented(many).facts)["touches"]
    assert len(told) <= LINE_CHARACTERS
    few = replace(ASKED, facts={"touches": [f"t{n}" for n in range(25)]})
    assert dict(presented(few).facts)["touches"].endswith("t19 and 5 more")


def test_what_was_seen_differs_with_what_would_run_and_what_it_would_do_and_with_nothing_else() -> None:
    seen = sight_of(ASKED)
    for other in (
        replace(ASKED, blast_radius={**RADIUS, "rows": 13}),
        replace(ASKED, reason="it would change 13 rows now"),
        replace(ASKED, binding="c" * 64),
        replace(ASKED, parameters=("8", None)),
        replace(ASKED, id="AR-3333333"),
    ):
        assert sight_of(other) != seen
    two = replace(ASKED, needs=(Need(("dba",), 2),))
    assert sight_of(voted(two, yes=True)) == sight_of(two) == seen  # another vote is no other request
    assert sight_of(replace(ASKED, blast_radius=dict(reversed(RADIUS.items())))) == seen

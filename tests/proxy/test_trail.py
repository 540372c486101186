"""What a session writes: one entry or two per execution, what of it is in the header, and what in the body."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playstage import ADA, Paper

from tidewaiter.errors import LedgerUnavailable
from tidewaiter.model import Allow, Facts, Kind, Principal
from tidewaiter.proxy.limits import RowLimit
from tidewaiter.proxy.masks import Plan
from tidewaiter.proxy.pipeline import Judged, statement_members
from tidewaiter.proxy.trail import Execution, Trail, who
from tidewaiter.wire import postgres as pg
from tidewaiter.wire.postgres_backend import TAG_BYTES, TAGS

READ, ALLOWED = Facts(("select",)), Allow(("all",))
TEXT = "select name from customers where id = $1 /* ü */".encode()
TWO_VALUES = pg.bind(b"", b"", (), (b"7", None), ())[7:-2]


def judged(limit: RowLimit | None = None, plan: Plan | None = None) -> Judged:
    return Judged(READ, ALLOWED, statement_members(READ, ALLOWED, None), False, False, limit, plan)


def execution(
    text: bytes = TEXT, binds: bytes | None = b"", *, limit: RowLimit | None = None, digest: str = ""
) -> Execution:
    return Execution(judged(limit), text, 1_000, binds, (23,), digest)


class Desk:
    """A trail on a ledger of values."""

    def __init__(self, binds: str = "full") -> None:
        self.paper = Paper(slow_disk=False)
        self.trail = Trail(self.paper, binds, who("s1", ADA, "shop"))

    @property
    def entries(self) -> list[dict[str, Any]]:
        return self.paper.raw


WHO = {"session": "s1", "principal": "ada", "datasource": "shop"}


def test_one_that_ends_at_once_is_one_entry() -> None:
    desk, run = Desk(), execution()
    run.results, run.rows, run.bytes = [("SELECT 2", 2)], 2, 120
    desk.trail.outcome(run, "ok", 1_250)
    (entry,) = desk.entries
    assert entry == WHO | {
        "kind": "execution", "seq": 0, "verbs": ["select"], "touches": [], "verdict": "allow", "rules": ["all"],
        "rule": "all", "status": "ok", "results": [["SELECT 2", 2]], "rows": 2, "bytes": 120, "duration_us": 250,
        "sql": TEXT, "binds_text": b"", "types": (23,),
    }  # fmt: skip
    assert (desk.trail.statements, desk.trail.rows) == (1, 2)


def test_one_that_goes_on_is_an_intent_and_an_outcome_that_names_it() -> None:
    desk, run = Desk(), execution()
    desk.trail.event("something", {})
    assert desk.trail.intent(run) == run.intent == 1
    run.rows, run.sqlstate = 3, "22012"
    desk.trail.outcome(run, run.status, 2_000)
    _, intent, outcome = desk.entries
    assert (intent["kind"], intent["sql"], intent["verdict"]) == ("intent", TEXT, "allow")
    assert outcome == WHO | {
        "kind": "outcome", "seq": 2, "intent": 1, "status": "error", "results": [], "rows": 3, "bytes": 0,
        "duration_us": 1_000, "sqlstate": "22012",
    }  # fmt: skip
    assert (desk.trail.statements, desk.trail.rows) == (1, 3)


def test_a_long_one_is_recorded_off_the_loop_and_says_the_same() -> None:
    short, long = Desk(), Desk()
    short.trail.intent(execution())
    run = execution()
    asyncio.run(long.trail.intent_of_long(run))
    assert (short.entries, long.trail.statements, run.intent) == (long.entries, 1, 0)


def test_what_cannot_be_recorded_counts_as_nothing() -> None:
    desk, run = Desk(), execution()
    desk.paper.become("broken")
    for record in (
        lambda: desk.trail.intent(run),
        lambda: asyncio.run(desk.trail.intent_of_long(run)),
        lambda: desk.trail.event("session.end", {}),
    ):
        with pytest.raises(LedgerUnavailable):
            record()
    assert (run.intent, desk.trail.statements, desk.entries) == (None, 0, [])
    with pytest.raises(LedgerUnavailable):
        desk.trail.outcome(run, "ok", 0)
    assert desk.trail.statements == 0


# -- parameters ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "body", "digest"),
    [("full", TWO_VALUES, None), ("redacted", b"", None), ("none", b"", None),
     ("digest", b"", sha256(TWO_VALUES).hexdigest())],
)  # fmt: skip
def test_parameters_are_recorded_as_configured(word: str, body: bytes, digest: str | None) -> None:
    desk = Desk(word)
    desk.trail.intent(execution(binds=TWO_VALUES))
    (entry,) = desk.entries
    assert (entry["binds"], entry["binds_text"], entry.get("binds_digest")) == (2, body, digest)


@pytest.mark.parametrize("word", ["full", "redacted", "digest", "none"])
def test_parameters_that_streamed_are_known_by_their_digest(word: str) -> None:
    desk = Desk(word)
    desk.trail.intent(execution(binds=None, digest="d" * 64))
    (entry,) = desk.entries
    assert (entry["binds_digest"], entry["binds_text"], "binds" in entry) == ("d" * 64, b"", False)


def test_without_parameters_nothing_is_said_of_any() -> None:
    for word in ("full", "redacted", "digest", "none"):
        desk = Desk(word)
        desk.trail.intent(execution())
        assert not {"binds", "binds_digest"} & desk.entries[0].keys()


@given(st.lists(st.none() | st.binary(max_size=9), max_size=300), st.integers(0, 1), st.integers(0, 9))
def test_parameters_are_counted_whatever_their_formats(values: list[bytes | None], code: int, cut: int) -> None:
    whole = pg.bind(b"p", b"s", [code] * len(values), values, [0] * cut)
    _, _, at = pg.parse_bind_head(whole[5:])
    desk = Desk("redacted")
    desk.trail.intent(execution(binds=whole[5 + at : -2 - 2 * cut]))
    assert desk.entries[0]["binds"] == len(values)


@given(st.binary(min_size=1, max_size=20))
def test_parameters_that_are_none_are_still_recorded(garbage: bytes) -> None:
    """The server will refuse them; that they were sent is recorded before it does."""
    desk = Desk("redacted")
    desk.trail.intent(execution(binds=garbage))
    assert isinstance(desk.entries[0]["binds"], int)


# -- how it ended ----------------------------------------------------------------------------------------------------
def test_the_word_for_an_end_is_that_of_its_error() -> None:
    run = execution()
    assert run.status == "ok"
    run.sqlstate = "57014"
    assert run.status == "cancelled"
    run.sqlstate = "42501"
    assert run.status == "error"
    run.exceeded = RowLimit(5, "five-rows", False, True)
    assert run.status == "limited"


def test_results_are_told_whatever_their_tags() -> None:
    desk = Desk()
    tags = [
        *(f"SELECT {number}" for number in range(TAGS + 10)),
        'ODD "TAG" 1',
        "T" * (TAG_BYTES + 1),
        "",
        "INSERT 0 1",
    ]
    for tag in [*tags, *tags]:
        run = execution()
        run.results = [pg.parse_command_complete(tag.encode() + b"\0")]
        desk.trail.outcome(run, "ok", 2_000)
    assert [entry["results"][0][0] for entry in desk.entries] == [*tags, *tags]
    assert [entry["results"][0][1] for entry in desk.entries[: TAGS + 10]] == list(range(TAGS + 10))
    run.results = [("BEGIN", 0), ("SELECT 2", 2), ("COMMIT", 0)]
    desk.trail.outcome(run, "ok", 2_000)
    assert desk.entries[-1]["results"] == [["BEGIN", 0], ["SELECT 2", 2], ["COMMIT", 0]]


def ended(run: Execution) -> dict[str, Any]:
    desk = Desk()
    desk.trail.outcome(run, run.status, 2_000)
    return desk.entries[0]


def test_a_row_limit_is_told_where_it_counted() -> None:
    enforced, watched = RowLimit(5, "five-rows", False, True), RowLimit(5, "five-rows", False, False)
    run = execution(limit=enforced)
    run.rows = 5
    assert "limit" not in ended(run)
    run.exceeded, run.sqlstate = enforced, "42501"
    told = ended(run)
    assert (told["status"], told["limit"], "changed" in told) == ("limited", {"rows": 5, "rule": "five-rows"}, False)
    run.changed = 6
    assert ended(run)["changed"] == 6

    run = execution(limit=watched)
    run.rows = 6
    told = ended(run)
    assert (told["status"], told["would_be"], told["limit"]) == ("ok", "limited", {"rows": 5, "rule": "five-rows"})
    run.results = [("SELECT 3", 3), ("SELECT 3", 3)]  # each statement of a text has the limit to itself
    assert "would_be" not in ended(run)
    run.results = [("SELECT 3", 3), ("SELECT 6", 6)]
    assert ended(run)["would_be"] == "limited"


def test_an_approval_and_an_estimate_are_told() -> None:
    desk, run = Desk(), execution()
    run.request, run.estimated = "AR-7", 0
    desk.trail.intent(run)
    assert (desk.entries[0]["request"], desk.entries[0]["estimated_rows"]) == ("AR-7", 0)


def test_the_server_gets_the_plans_text_and_the_ledger_the_clients() -> None:
    run = execution()
    assert run.sent == TEXT
    run = Execution(judged(plan=Plan(text=b"select '***'")), TEXT, 0)
    assert run.sent == b"select '***'"
    assert ended(run)["sql"] == TEXT


def test_events_say_whose_session_it_is() -> None:
    desk = Desk()
    desk.trail.event("cancel", {})
    desk.trail.event("session.end", {"reason": "ü\0\x1b"})
    assert desk.entries == [
        WHO | {"kind": "cancel", "seq": 0},
        WHO | {"kind": "session.end", "seq": 1, "reason": "ü\0\x1b"},
    ]
    bot = Principal("bot", Kind.AGENT, owner=ADA)
    assert who("s2", bot, "shop") == {
        "session": "s2", "principal": "bot", "on_behalf_of": "ada", "datasource": "shop",
    }  # fmt: skip

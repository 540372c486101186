"""A request as a Jira issue."""

from __future__ import annotations

from dataclasses import replace

from channelkit import REQUEST, notice

from tidewaiter.approvals.desk import State, Vote
from tidewaiter.channels.jira_text import description_of, news_of, quoted, summary_of
from tidewaiter.model import Need


def test_what_comes_from_others_is_quoted() -> None:
    hostile = replace(REQUEST, statement="h1. Approved by security [~accountid:1] !https://evil.example/x.png!")
    text = description_of(notice(hostile), "Approved", "Declined")
    assert "evil" not in "".join(text.split("{noformat}")[::2])
    assert text.count("{noformat}") == 4


def test_what_would_end_its_quotation_is_not_shown() -> None:
    for hostile in ("{noformat}", "x {NoFormat} h1. y", "{noformat:title=x}"):
        assert quoted(hostile) == "(Not shown here, because it contains the markup of Jira that ends a quotation.)"


def test_a_megabyte_is_shortened_and_the_rest_is_behind_the_link() -> None:
    long = replace(REQUEST, statement="x" * (1 << 20), message="m" * 5000)
    text = description_of(notice(long), "Approved", "Declined")
    assert len(text) < 30_000
    assert "*The statement is shortened.*" in text
    assert "[All of it|https://gate.example/r], or tidewaiter request show AR-2222222." in text
    assert "All of it: tidewaiter" in description_of(notice(long, link=""), "Approved", "Declined")
    assert len(summary_of(notice(long))) <= 250


def test_it_says_how_to_decide() -> None:
    assert "moves this issue to Yes or No, or comments /approve" in description_of(notice(), "Yes", "No")


def test_news_say_what_became_of_it_or_what_is_missing() -> None:
    vote = Vote("dora", True, ("dba",), 0.0, "ops", "C1")
    half = replace(REQUEST, votes=(vote,), needs=(Need(("dba",), 2),))
    assert "AR-2222222: approved by dora, still needs 2 of dba" in news_of(notice(half))
    assert "AR-2222222 waits again: more rows" in news_of(notice(replace(REQUEST, reason="more rows")))
    assert "AR-2222222: expired: late" in news_of(notice(replace(REQUEST, state=State.EXPIRED, reason="late")))


def test_what_ran_under_break_glass_does_not_ask_for_approval() -> None:
    text = description_of(notice(replace(REQUEST, state=State.REVIEW, glass="the site is down")), "Yes", "No")
    assert text.startswith("Is review.")
    assert "BREAK GLASS: the site is down" in text
    assert "/approve" not in text
    assert "/close and what was found" in text

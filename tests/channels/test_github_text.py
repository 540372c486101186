"""A request as an issue."""

from __future__ import annotations

import re
from dataclasses import replace

from channelkit import REQUEST, notice
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.approvals.desk import State, Vote
from tidewaiter.channels.github_text import body_of, code, fenced, news_of, title_of
from tidewaiter.model import Need

HOSTILE = replace(
    REQUEST, statement="```\n# Approved by security @acme/dba\n````\n[here](https://evil.example)", message="@all `x`"
)


@given(st.text(alphabet=st.sampled_from("`~ab\n @#<")))
def test_nothing_leaves_its_fence_or_its_span(text: str) -> None:
    fence, *_ = fenced(text).partition("text\n")
    assert not re.search(rf"(?m)^ {{0,3}}{fence}`*[ \t]*$", fenced(text)[len(fence) + 5 : -len(fence)])
    span = code(text)
    ticks = span[: len(span) - len(span.lstrip("`"))]
    assert "\n" not in span
    assert ticks not in span[len(ticks) : -len(ticks)]


def test_a_statement_stays_in_its_fence() -> None:
    body = body_of(notice(HOSTILE))
    assert "`````text\n" + HOSTILE.statement in body
    outside = re.sub(r"(?s)(`{3,})text\n.*?\n\1", "", body)
    assert "evil" not in outside
    assert "`" not in title_of(notice(HOSTILE))


def test_a_megabyte_is_shortened_and_the_rest_is_behind_the_link() -> None:
    long = replace(REQUEST, statement="x" * (1 << 20), message="m" * 5000)
    body = body_of(notice(long))
    assert len(body) < 30_000
    assert "**The statement is shortened.**" in body
    assert "[All of it](https://gate.example/r), or `tidewaiter request show AR-2222222`" in body
    assert "All of it: `tidewaiter" in body_of(notice(long, link=""))
    assert len(title_of(notice(long))) <= 200


def test_news_say_what_became_of_it_or_what_is_missing() -> None:
    vote = Vote("dora", True, ("dba",), 0.0, "ops", "C1")
    half = replace(REQUEST, votes=(vote,), needs=(Need(("dba",), 2),))
    assert news_of(notice(half)) == "Request AR-2222222: approved by ` dora `, still needs ` 2 of dba `"
    again = news_of(notice(replace(REQUEST, reason="twice as many rows as approved")))
    assert again == "Request AR-2222222 waits again: ` twice as many rows as approved `"
    denied = replace(REQUEST, state=State.DENIED, reason="ask @acme/all", votes=(replace(vote, is_approval=False),))
    assert news_of(notice(denied)) == "Request AR-2222222: ` denied by dora: ask @acme/all `"


def test_what_ran_under_break_glass_does_not_ask_for_approval() -> None:
    glass = replace(REQUEST, state=State.REVIEW, glass="the site is down")
    body = body_of(notice(glass))
    assert "waits for dba ` is review." in body
    assert "BREAK GLASS: the site is down" in body
    assert "/approve" not in body
    assert "`/close` and what was found" in body

"""Days, moments and durations as people type them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.cli import days
from tidewaiter.errors import UsageError

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_NS = 3_600 * 10**9
MONDAY = date(2026, 11, 23)


def ns(text: str) -> int:
    stamp = datetime.fromisoformat(text)
    return round(stamp.timestamp()) * 10**9


NOW = ns("2026-11-23T10:00:00+00:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", MONDAY),
        (" Today ", MONDAY),
        ("yesterday", date(2026, 11, 22)),
        ("last tuesday", date(2026, 11, 17)),
        ("Last  Tuesday", date(2026, 11, 17)),
        ("last monday", date(2026, 11, 16)),
        ("last sunday", date(2026, 11, 22)),
        ("2024-02-29", date(2024, 2, 29)),
    ],
)
def test_a_day_is_what_people_mean_by_it(text: str, expected: date) -> None:
    assert days.day(text, MONDAY) == expected


@pytest.mark.parametrize(
    "text", ["", "tuesday", "last", "last month", "2026-13-01", "2026-02-30", "tomorrow!", "1492-10-12", "9999-12-31"]
)
def test_a_day_that_is_not_understood_lists_what_is(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not a day: use .*today, yesterday or `last tuesday`"):
        days.day(text, MONDAY)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(range(7)))
def test_last_weekday_is_within_the_seven_days_before_today(today: date, weekday: int) -> None:
    name = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"][weekday]
    found = days.day(f"last {name}", today)
    assert found.weekday() == weekday
    assert timedelta(days=1) <= today - found <= timedelta(days=7)


@pytest.mark.parametrize(("which", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-17", 24)])
def test_a_day_is_as_long_as_the_clocks_make_it(which: str, hours: int) -> None:
    span = days.day_span(date.fromisoformat(which), BERLIN)
    assert span.to_ns - span.from_ns == hours * HOUR_NS


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_change() -> None:
    # Beirut 2022-03-27: 00:00 became 01:00 at 22:00 UTC of the day before.
    span = days.day_span(date(2022, 3, 27), ZoneInfo("Asia/Beirut"))
    assert span.from_ns == ns("2022-03-26T22:00:00+00:00")
    assert span.to_ns - span.from_ns == 23 * HOUR_NS


def test_a_day_whose_midnight_occurs_twice_begins_with_the_first() -> None:
    # Havana 2025-11-02: 01:00 became 00:00 at 05:00 UTC.
    span = days.day_span(date(2025, 11, 2), ZoneInfo("America/Havana"))
    assert span.from_ns == ns("2025-11-02T04:00:00+00:00")
    assert span.to_ns - span.from_ns == 25 * HOUR_NS


@given(
    st.dates(date(1975, 1, 1), date(2037, 1, 1)),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Beirut", "America/Havana"]),
)
def test_days_follow_each_other_without_gap_or_overlap(which: date, tz: str) -> None:
    one, next_one = days.day_span(which, ZoneInfo(tz)), days.day_span(which + timedelta(days=1), ZoneInfo(tz))
    assert one.to_ns == next_one.from_ns
    assert 22 * HOUR_NS <= one.to_ns - one.from_ns <= 26 * HOUR_NS


def test_on_is_a_whole_day_in_the_zone_of_the_deployment() -> None:
    late = ns("2026-11-23T23:30:00+00:00")  # already the 24th in Berlin
    assert days.span("today", None, None, late, BERLIN) == days.day_span(date(2026, 11, 24), BERLIN)


def test_without_a_range_everything_up_to_now_counts() -> None:
    assert days.span(None, None, None, NOW, BERLIN) == days.Span(0, NOW + 1)


def test_a_day_as_upper_bound_counts_to_its_end() -> None:
    span = days.span(None, "yesterday", "today", NOW, BERLIN)
    assert span == days.Span(ns("2026-11-21T23:00:00+00:00"), ns("2026-11-23T23:00:00+00:00"))


def test_on_refuses_company() -> None:
    with pytest.raises(UsageError, match="either --on, or --from and --to"):
        days.span("today", "yesterday", None, NOW, BERLIN)
    with pytest.raises(UsageError, match="either --on, or --from and --to"):
        days.span("today", None, "now", NOW, BERLIN)


def test_a_reversed_range_is_refused() -> None:
    with pytest.raises(UsageError, match="ends before it begins"):
        days.span(None, "today", "2026-01-01", NOW, BERLIN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-11-23T10:00:00+00:00"),
        ("2h ago", "2026-11-23T08:00:00+00:00"),
        ("90 s ago", "2026-11-23T09:58:30+00:00"),
        ("2026-11-17T09:30", "2026-11-17T08:30:00+00:00"),
        ("2026-11-17 09:30:15", "2026-11-17T08:30:15+00:00"),
        ("2026-11-17T09:30Z", "2026-11-17T09:30:00+00:00"),
        ("2026-11-17T09:30-05:00", "2026-11-17T14:30:00+00:00"),
        ("last tuesday", "2026-11-16T23:00:00+00:00"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00+00:00"),
    ],
)
def test_a_moment_is_what_people_mean_by_it(text: str, expected: str) -> None:
    assert days.moment(text, NOW, BERLIN, end=False) == ns(expected)


def test_a_moment_never_lies_before_1970() -> None:
    assert days.moment("9999w ago", NOW, BERLIN, end=False) == 0


@pytest.mark.parametrize("text", ["", "25:00", "2026-11-17T", "soon", "x ago", "9999-12-31T23:59"])
def test_a_moment_that_is_not_understood_lists_what_is(text: str) -> None:
    with pytest.raises(UsageError, match="use a"):
        days.moment(text, NOW, BERLIN, end=False)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("8h", 28_800), ("7d", 604_800), ("2 W", 1_209_600)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert days.duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "8", "h", "-1h", "0s", "1.5h", "8 hours", "9999999999s"])
def test_a_duration_that_is_not_understood_lists_what_is(text: str) -> None:
    with pytest.raises(UsageError, match="90s, 15m, 8h, 7d or 2w"):
        days.duration_s(text)


def test_a_zone_is_an_iana_name() -> None:
    assert days.zone("Europe/Berlin") == BERLIN
    for wrong in ("Mars/Olympus", "", "../etc/passwd", "\0"):
        with pytest.raises(UsageError, match="is not a time zone"):
            days.zone(wrong)


def test_iso_keeps_microseconds_and_the_offset() -> None:
    assert days.iso(NOW + 1_999, BERLIN) == "2026-11-23T11:00:00.000001+01:00"
    assert days.iso(NOW, ZoneInfo("UTC")) == "2026-11-23T10:00:00.000000+00:00"


@given(st.integers(365 * 86_400 * 10**6, 4_000_000_000 * 10**6))
def test_iso_and_moment_are_inverse(at_us: int) -> None:
    at_ns = at_us * 1_000
    assert days.moment(days.iso(at_ns, BERLIN), NOW, BERLIN, end=False) == at_ns

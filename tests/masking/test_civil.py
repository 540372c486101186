from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.masking.civil import date_of, days_of, format_iso, parse_iso


@given(st.dates())
def test_days_are_those_of_the_calendar(date: datetime.date) -> None:
    days = date.toordinal() - datetime.date(2000, 1, 1).toordinal()
    assert days_of(date.year, date.month, date.day) == days
    assert date_of(days) == (date.year, date.month, date.day)


@given(st.integers(-2_000_000, 2_000_000_000))
def test_every_day_that_postgresql_holds_comes_back(days: int) -> None:
    assert days_of(*date_of(days)) == days


@pytest.mark.parametrize(
    "text", [b"0044-03-15 BC", b"2024-02-29 12:00:00.5+02", b"294276-12-31", b"0001-01-01 00:00:00 BC"]
)
def test_iso_texts_come_back(text: bytes) -> None:
    days, rest, _ = parse_iso(text)
    assert format_iso(days, rest) == text


@pytest.mark.parametrize("text", [b"15/03/2024", b"", b"Fri Mar 15", b"2024-03"])
def test_other_styles_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="ISO"):
        parse_iso(text)

"""Nothing that came from others can act on a display."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.visible import HIDDEN, harmless, harmless_lines, shortened


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain Größe", "plain Größe"),
        ("red \x1b[31m", "red \\x1b[31m"),
        ("two\nlines", "two\\nlines"),
        ("right \u202eto left", "right \\u202eto left"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("half \ud800", "half \\ud800"),
        ("a\tb\r", "a\\tb\\r"),
        ("line\u2028end", "line\\u2028end"),
        ("東京", "東京"),
    ],
)
def test_what_could_act_is_written_out(hostile: str, shown: str) -> None:
    assert harmless(hostile) == shown


@given(st.text(st.characters()))
def test_no_text_keeps_anything_hidden(text: str) -> None:
    assert not [char for char in harmless(text) if unicodedata.category(char) in HIDDEN]
    harmless(text).encode()
    assert set(harmless_lines(text)) <= set(harmless(text)) | {"\n"}


def test_lines_stay_lines() -> None:
    assert harmless_lines("a\r\nb\n\x07c\rd") == "a\nb\n\\x07c\\rd"


def test_what_is_too_long_says_so_within_the_limit() -> None:
    assert (shortened("abcdef", 6), shortened("abcdefg", 6)) == ("abcdef", "abcde…")

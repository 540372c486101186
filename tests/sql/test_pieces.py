"""Texts taken apart as the server would run them."""

from __future__ import annotations

import pytest

from tidewaiter.sql.pieces import pieces


@pytest.mark.parametrize("text", ["select 1", " select 1 ; ", "", "-- nothing", "selec 1; select 2", "select 'a;b'"])
def test_one_statement_stays_whole(text: str) -> None:
    assert pieces(text) == [(text, 0)]


def test_several_know_how_many_characters_come_before() -> None:
    assert pieces("select 'ä'; /* ö */ select 2;;\n select $$;$$") == [
        ("select 'ä'", 0), ("select 2", 20), ("select $$;$$", 32),
    ]  # fmt: skip


def test_a_body_with_semicolons_is_one_statement() -> None:
    body = "create function f() returns int begin atomic select 1; select 2; end"
    assert [text for text, _ in pieces(f"{body}; select 3")] == [body, "select 3"]

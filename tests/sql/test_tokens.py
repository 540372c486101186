"""Tokens: as the server's lexer finds them, with their places in the bytes."""

from __future__ import annotations

import pytest

from tidewaiter.sql.tokens import tokens


def test_tokens_are_as_written_and_know_their_place() -> None:
    text = "select \"Ü$1\", $2 -- $3\n from t /* $4 */ where a = '$5'"
    found = tokens(text)
    assert [one.text for one in found] == ["select", '"Ü$1"', ",", "$2", "from", "t", "where", "a", "=", "'$5'"]
    assert [one.text for one in found if one.is_parameter] == ["$2"]
    assert all(text.encode()[one.begin :].startswith(one.text.encode()) for one in found)


@pytest.mark.parametrize("text", ["select 'open", "a\0b", ""])
def test_a_text_that_the_lexer_refuses_has_none(text: str) -> None:
    assert tokens(text) == ()

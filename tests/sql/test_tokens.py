"""Tokens: as the server's lexer finds them, with their places in the bytes."""

from __future__ import annotations

import pytest

from tidewaiter.sql.tokens import MOVED_CHARACTERS, moved, tokens


def test_tokens_are_as_written_and_know_their_place() -> None:
    text = "select \"Ü$1\", $2 -- $3\n from t /* $4 */ where a = '$5'"
    found = tokens(text)
    assert [one.text for one in found] == ["select", '"Ü$1"', ",", "$2", "from", "t", "where", "a", "=", "'$5'"]
    assert [one.text for one in found if one.is_parameter] == ["$2"]
    assert all(text.encode()[one.begin :].startswith(one.text.encode()) for one in found)


@pytest.mark.parametrize("text", ["select 'open", "a\0b", ""])
def test_a_text_that_the_lexer_refuses_has_none(text: str) -> None:
    assert tokens(text) == ()


SENT = (
    "SELECT id, emial FROM (SELECT id, mask(email) AS email FROM public.customers) customers WHERE id <> 'Ä' AND id = 1"
)
SAID = "select /* ä */ ID,\n  Emial from customers\n where \"id\" != 'Ä' and id = 1"


@pytest.mark.parametrize(("ours", "theirs"), [("emial", "Emial"), ("<>", "!="), ("'Ä'", "'Ä'"), ("= 1", "= 1")])
def test_a_position_is_that_of_the_same_token_in_the_clients_text(ours: str, theirs: str) -> None:
    assert moved(SENT.index(ours) + 1, SENT, SAID) == SAID.index(theirs) + 1


@pytest.mark.parametrize("position", [SENT.index("mask") + 1, SENT.index("AS email") + 1, 2, 0, len(SENT) + 1])
def test_no_position_is_told_of_what_the_client_did_not_write(position: int) -> None:
    assert moved(position, SENT, SAID) is None


def test_a_token_that_stands_in_several_places_is_known_by_its_neighbours() -> None:
    sent, said = "SELECT f(a), f(b) FROM (SELECT f(c) FROM t) t", "select f(a), f(b) from t"
    assert moved(sent.index("f(b)") + 1, sent, said) == said.index("f(b)") + 1
    assert moved(sent.index("FROM (") + 1, sent, said) is None


def test_a_text_that_went_as_it_was_keeps_its_positions() -> None:
    assert moved(7, "select x", "select x") == 7


def test_positions_in_long_texts_are_not_looked_up() -> None:
    assert moved(8, "SELECT x", "select x" + " " * MOVED_CHARACTERS) is None

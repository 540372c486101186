"""JSON is looked into."""

from __future__ import annotations

import json

import pytest
from discoverykit import sample

from tidewaiter.discovery.documents import leaves, score

MAILS = [{"contact": {"mail": f"u{n}@mail.example"}, "n": n} for n in range(9)]


def test_leaves_share_the_path_of_their_array() -> None:
    found = list(leaves({"a": [{"b": 1}, {"b": "x"}], "c": None, "d": True}))
    assert found == [(("a", "b"), 1), (("a", "b"), "x")]


def test_what_the_mask_finds_is_free_text_and_the_path_is_told() -> None:
    found = score(sample("doc", map(json.dumps, MAILS), "jsonb"))
    assert found is not None and found.kind == "free_text"
    assert found.reasons[0].startswith("$.contact.mail holds email: 9 of 9")


def test_what_the_mask_would_miss_is_personal_json() -> None:
    people = [{**one, "first_name": "Amy", "last_name": f"Stone{'x' * n}"} for n, one in enumerate(MAILS)]
    found = score(sample("doc", map(json.dumps, people), "jsonb"))
    assert found is not None and found.kind == "personal_json"


def test_settings_hold_nothing() -> None:
    assert score(sample("doc", [json.dumps({"theme": "dark", "rows": n}) for n in range(9)], "jsonb")) is None


def test_a_document_that_was_cut_off_is_judged_as_text() -> None:
    cut = [json.dumps({"note": f"please write to u{n}@mail.example and to us"})[:-1] for n in range(9)]
    found = score(sample("doc", cut, "json"))
    assert found is not None and found.kind == "free_text"


@pytest.mark.parametrize(
    "text", ['{"a": "\\ud800 and \\udfff"}', '{"a": ' + "1" * 5000 + "}", "[" * 5000, '{"": {"": "x"}}', "1e999", '"x"']
)
def test_no_document_is_too_strange(text: str) -> None:
    score(sample("doc", [text] * 6, "json"))


def test_other_types_are_plain_columns() -> None:
    found = score(sample("c1", [f"u{n}@mail.example" for n in range(9)]))
    assert found is not None and found.kind == "email"

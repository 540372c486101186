"""Statements that read the catalog, and what their answers say."""

from __future__ import annotations

import json
import re

import pytest

from tidewaiter.sql.catalog_reading import (
    LISTS,
    SECTIONS,
    SYSTEM_SECTIONS,
    SYSTEM_STATEMENT,
    Entry,
    answered,
    excerpt,
    excerpt_answered,
    statement,
    system_answered,
)

LISTED = len(LISTS) + 2  # pg_attribute and pg_depend are not counted


def test_each_section_says_whose_rows_and_where_to_limit_them() -> None:
    for name in SECTIONS:
        text = excerpt((name,))
        assert "$1::oid[]" in text, name
        assert "/*" not in text, name
        assert re.search(r"\(array\[[^]]+\].*?\)::int8\[\],", text, re.DOTALL), name
        assert "$1::oid[]" not in statement((name,)), name


def test_only_a_printing_statement_prints() -> None:
    """Printing locks what is in the tree until the transaction ends; names and owners lock nothing."""
    assert set(re.findall(r"pg_get_\w+", statement(SECTIONS))) == {"pg_get_userbyid"}
    assert {"pg_get_viewdef", "pg_get_ruledef", "pg_get_triggerdef"} < set(
        re.findall(r"pg_get_\w+", statement(SECTIONS, is_printed=True))
    )


def test_the_servers_own_objects_are_asked_for_apart() -> None:
    assert SYSTEM_STATEMENT.count("< 16384") >= len(SYSTEM_SECTIONS)
    assert statement(("relations",), is_binary=True).startswith("select convert_to(")


def answer(first: list[object], *sections: list[object]) -> str:
    return json.dumps([first, *sections])


def test_an_answer_says_what_changed_and_has_rows_with_what_they_are_made_from() -> None:
    lists: list[object] = [[0, []] for _ in range(LISTED)]
    lists[1] = [3, [[20000, False, "1259:(0,1):7", 20002]]]
    rows: list[object] = [{"o": 20000, "s": [20000, 20002, None], "n": "public", "m": "t"}]
    changes, sections = answered(answer(["7", "then", *lists], rows), ("indexes",))
    assert (changes.oldest, changes.server) == ("7", "then")
    assert changes.counts["pg_class"] == 3
    assert changes.young["pg_class"] == (Entry(20000, False, "1259:(0,1):7", (20002,)),)
    (row,) = sections["indexes"]
    assert (row.owner, row.values) == (20000, ("public", "t"))
    assert {20000, 20002} <= row.oids
    assert row.digest != 0
    assert excerpt_answered(answer([], rows), ("indexes",)) == sections


@pytest.mark.parametrize("said", ["[]", "{}", '[["1", "2"]]'])
def test_another_answer_about_changes_is_an_error(said: str) -> None:
    with pytest.raises(ValueError, match="not an answer"):
        answered(said, ())


def test_another_answer_about_the_server_is_an_error() -> None:
    with pytest.raises(ValueError, match="not an answer"):
        system_answered("[null]")
    assert system_answered(answer([], *([] for _ in SYSTEM_SECTIONS))) == {name: [] for name in SYSTEM_SECTIONS}

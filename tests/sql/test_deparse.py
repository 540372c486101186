from __future__ import annotations

import pytest

from tidewaiter.model import SyntaxFault
from tidewaiter.sql.deparse import DeparseError, Tree, canonical, children, read_tree
from tidewaiter.sql.parse import Unreadable


def tree(text: str) -> Tree:
    found = read_tree(text)
    assert isinstance(found, Tree)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "SELECT c.id, upper(email) FROM customers c WHERE id = $1 AND x IN (1, 2, 3) ORDER BY 1",
        "SELECT 1; SELECT 2",
        "INSERT INTO t (a, b) VALUES (1, DEFAULT) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING *",
        "COPY (SELECT 'it''s', E'back\\\\slash') TO STDOUT",
        "SELECT '\"location\":7,' AS x",
    ],
)
def test_a_canonical_text_reads_the_same(text: str) -> None:
    assert canonical(tree(text).statements) == text


def test_locations_are_left_out_and_constants_that_look_like_them_kept() -> None:
    found = tree("select ',\"location\":5' from t")
    assert b'"location"' not in found.json.replace(b'\\"location\\"', b"")
    assert ',"location":5' in canonical(found.statements)


def test_what_the_grammar_refuses_or_nests_too_deeply_is_a_value() -> None:
    assert isinstance(read_tree("selec 1"), SyntaxFault)
    assert isinstance(read_tree("select " + "+".join("1" * 2000)), Unreadable)


def test_a_tree_that_cannot_be_read_again_is_refused() -> None:
    edited = tree("alter database d refresh collation version").statements
    with pytest.raises(DeparseError):
        canonical(edited)


def test_every_field_that_holds_nodes_is_known_with_its_type() -> None:
    known = children()
    assert known["InsertStmt"]["relation"] == "RangeVar"
    assert known["SelectStmt"]["fromClause"] == ""
    assert "relname" not in known["RangeVar"]

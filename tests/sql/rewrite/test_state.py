from __future__ import annotations

from rewritekit import refused, sent

from tidewaiter.sql.deparse import Tree, read_tree
from tidewaiter.sql.expressions import FIELDS, SPECIAL
from tidewaiter.sql.rewrite import HANDLERS
from tidewaiter.sql.rewrite.state import OPEN, Mentions


def mentions(text: str) -> Mentions:
    tree = read_tree(text)
    assert isinstance(tree, Tree)
    return Mentions.of(tree.json)


def test_mentions_are_names_last_parts_and_pairs() -> None:
    found = mentions('select c.ssn, "a""b" from t c where f(c)')
    assert {"ssn", 'a"b', "f"} <= found.names
    assert found.last == {"ssn", 'a"b', "c"}
    assert found.pairs == {("c", "ssn")}
    assert not found.is_wide


def test_stars_natural_joins_and_renamed_columns_are_wide() -> None:
    for text in ("select * from t", "select 1 from a natural join b", "select x from t a(x)", "select t.* from t"):
        assert mentions(text).is_wide


def test_relations_of_other_databases_are_refused() -> None:
    assert refused("select 1 from elsewhere.public.customers") == "unknown-name"


def test_names_resolve_along_the_search_path() -> None:
    assert "public.orders" in sent("select id from orders")


def test_every_expression_that_is_understood_is_open_here_or_handled() -> None:
    assert {*FIELDS, *SPECIAL} - OPEN - HANDLERS.keys() == set()

from __future__ import annotations

from dataclasses import replace

from rewritekit import LABELS, SHOP, refused, sent

from tidewaiter.sql.deparse import Tree, read_tree
from tidewaiter.sql.expressions import FIELDS, SPECIAL
from tidewaiter.sql.facts import understand
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite import HANDLERS, Rewritten, rewrite
from tidewaiter.sql.rewrite.state import OPEN, Mentions


def mentions(text: str) -> Mentions:
    tree = read_tree(text)
    assert isinstance(tree, Tree)
    return Mentions.of(tree)


def test_mentions_are_names_last_parts_and_pairs() -> None:
    found = mentions('select c.ssn, "a""b" from t c where f(c)')
    assert {"ssn", 'a"b', "f"} <= found.names
    assert found.last == {"ssn", 'a"b', "c"}
    assert found.pairs == {("c", "ssn")}
    assert not found.is_wide


def test_stars_natural_joins_and_renamed_columns_are_wide() -> None:
    for text in ("select * from t", "select 1 from a natural join b", "select x from t a(x)", "select t.* from t"):
        assert mentions(text).is_wide


def test_a_join_with_a_name_is_wide_as_its_row_holds_those_of_its_relations() -> None:
    assert mentions("select j from (a join b on true) as j").is_wide
    assert mentions("select 1 where exists (select j from ((a join b on true) as j cross join d))").is_wide
    for text in ("select x from a join b using (id) as x", "select 1 from (select 1) a join b on true"):
        assert not mentions(text).is_wide
    assert "right(ssn, 4)" in sent("select j from (customers c join orders o on true) as j")


def test_what_facts_say_is_read_whole_is_masked_although_no_name_told() -> None:
    text = "select count(*) from customers"
    facts = understand(text, SHOP, Scope())
    whole = replace(facts, touches=tuple(replace(one, star=True) for one in facts.touches))
    for given, is_masked in ((facts, False), (whole, True)):
        done = rewrite(text, given, SHOP, Scope(), LABELS, "n0nce")
        assert isinstance(done, Rewritten)
        assert done.touches is is_masked


def test_relations_of_other_databases_are_refused() -> None:
    assert refused("select 1 from elsewhere.public.customers") == "unknown-name"


def test_names_resolve_along_the_search_path() -> None:
    assert "public.orders" in sent("select id from orders")


def test_every_expression_that_is_understood_is_open_here_or_handled() -> None:
    assert {*FIELDS, *SPECIAL} - OPEN - HANDLERS.keys() == set()

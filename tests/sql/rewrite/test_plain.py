from __future__ import annotations

from rewritekit import SHOP

from tidewaiter.model import Relation
from tidewaiter.sql.deparse import Tree, read_tree
from tidewaiter.sql.parse import Node
from tidewaiter.sql.rewrite.plain import Outputs, estimated_names, outputs_of


def select(text: str) -> Node:
    tree = read_tree(text)
    assert isinstance(tree, Tree)
    found: Node = tree.statements[0]["stmt"]["SelectStmt"]
    return found


def resolve(var: Node) -> Relation | None:
    return SHOP.relations.get((var.get("schemaname", "public"), var["relname"]))


def plain(text: str) -> list[tuple[int, str]]:
    found: Outputs = outputs_of(select(text), resolve)
    return [(one.index, one.column) for one in found.plain if found.is_free(one.source, one.column)]


def test_columns_and_stars_are_plain_outputs_at_their_places() -> None:
    assert plain("select upper(name), ssn from customers") == [(1, "ssn")]
    assert plain("select o.id, c.* from customers c join orders o on o.customer_id = c.id")[0] == (2, "name")


def test_a_column_that_anything_else_mentions_is_not_plain() -> None:
    for text in (
        "select ssn from customers where ssn = 'x'",
        "select ssn, ssn || '' from customers",
        "select ssn as x from customers order by x",
        "select ssn from customers order by 1",
        "select ssn, c from customers c",
        "select distinct ssn from customers",
        "select ssn from customers union select 'x'",
        "select ssn from customers, (select 1) q",
        "select ssn from customers a natural join orders",
        "select c.ssn from customers c(a, b, c, ssn)",
    ):
        assert (0, "ssn") not in plain(text), text


def test_the_planner_estimates_by_what_stands_outside_the_target_list() -> None:
    assert estimated_names(select("select upper(ssn) from customers where id = 1")) == frozenset({"id"})
    assert estimated_names(select("select ssn as x from customers order by x")) == frozenset({"ssn", "x"})
    assert estimated_names(select("select distinct ssn from customers")) == frozenset({"ssn"})
    assert estimated_names(select("select 1 union select 2")) is None

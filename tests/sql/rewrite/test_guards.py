from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
from rewritekit import EMAIL, SHOP, SSN

from tidewaiter.model import Column, Indirect
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.deparse import Tree, read_tree
from tidewaiter.sql.entities import ForeignKey, RowGuard
from tidewaiter.sql.facts import understand
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite import HANDLERS, Refused, Rewritten, labels_of, rewrite
from tidewaiter.sql.rewrite.guards import check_cascades
from tidewaiter.sql.rewrite.state import Refusal, Rewriting

ID = replace(SSN, sql="0", trace="")
TREE = read_tree("select 1")
CUSTOMERS, ORDERS = ("public", "customers"), ("public", "orders")


def given(*guards: RowGuard, table: tuple[str, str] = CUSTOMERS) -> Catalog:
    return replace(SHOP, guards={table: guards}, remembered={})


def refused(catalog: Catalog, text: str) -> str:
    """The reason of a refusal by what guards rows; empty for a text that is written."""
    labels = labels_of(catalog, {CUSTOMERS: {"ssn": SSN, "email": EMAIL}})
    made = rewrite(text, understand(text, catalog, Scope()), catalog, Scope(), labels, "tw0q")
    if not isinstance(made, Refused):
        return ""
    assert made.rule == "guarded-write", made
    return made.reason


UNIQUE = RowGuard("unique", frozenset({"name", "ssn"}))
CHECK = RowGuard("check", frozenset({"name", "ssn"}))


@pytest.mark.parametrize(
    ("guard", "text", "is_refused"),
    [
        (UNIQUE, "insert into customers (id, ssn) values (1, 'guess')", True),
        (UNIQUE, "insert into customers (id, name) values (1, 'n')", False),
        (UNIQUE, "update customers set name = 'n'", True),
        (UNIQUE, "update customers set id = 5", False),
        (UNIQUE, "insert into customers (id, name) values (1, 'n') on conflict (id) do update set name = 'n'", True),
        (UNIQUE, "update active_customers set name = 'n'", True),
        (CHECK, "insert into customers (id, name, ssn) values (1, 'n', 'own')", False),
        (CHECK, "update customers set name = 'n'", True),
        (CHECK, "update customers set ssn = 'own'", False),
        (CHECK, "update customers set name = 'n', ssn = 'own'", False),
        (CHECK, "merge into customers c using orders o on c.id = o.id when matched then update set name = 'n'", True),
        (CHECK, "merge into customers c using orders on false when not matched then insert (name) values ('n')", False),
        (CHECK, "delete from customers where id = 1", False),
        (RowGuard("policy", frozenset({"id", "ssn"})), "update customers set id = 5", True),
        (RowGuard("policy", frozenset({"id", "ssn"})), "insert into customers (id) values (5)", False),
        (RowGuard("referenced", frozenset({"ssn"})), "update customers set ssn = 'own'", True),
        (RowGuard("referenced", frozenset({"ssn"})), "insert into customers (id, ssn) values (1, 'own')", False),
    ],
)  # fmt: skip
def test_what_would_tell_of_other_values_is_refused(guard: RowGuard, text: str, is_refused: bool) -> None:
    assert bool(refused(given(guard), text)) is is_refused


def test_references_to_masked_columns_are_not_asked_from_other_tables() -> None:
    guard = RowGuard("references", frozenset({"status"}), CUSTOMERS, frozenset({"email"}))
    catalog = given(guard, table=ORDERS)
    assert "constraint of public.orders" in refused(catalog, "update orders set status = 'a@b.c'")
    assert refused(catalog, "insert into orders (id, status) values (1, 'a@b.c')")
    assert refused(catalog, "copy orders from stdin")
    assert not refused(catalog, "update orders set id = 5")
    plain = RowGuard("references", frozenset({"status"}), CUSTOMERS, frozenset({"name"}))
    assert not refused(given(plain, table=ORDERS), "update orders set status = 'a'")


def test_generated_columns_are_written_with_what_they_are_made_of() -> None:
    catalog = replace(given(RowGuard("unique", frozenset({"digest"}))), generated={CUSTOMERS: (("digest", "ssn"),)})
    columns = (*SHOP.relations[CUSTOMERS].columns, "digest")
    table = replace(SHOP.relations[CUSTOMERS], columns=columns)
    digest = Column("digest", 90, "text", 25, "text")
    catalog = replace(
        catalog,
        relations={**SHOP.relations, CUSTOMERS: table},
        columns={**SHOP.columns, CUSTOMERS: (*SHOP.columns[CUSTOMERS], digest)},
    )
    assert "masked digest" in refused(catalog, "insert into customers (id, ssn) values (1, 'guess')")
    assert not refused(catalog, "insert into customers (id, name) values (1, 'n')")


@pytest.mark.parametrize(("base", "is_refused"), [("int4", True), ("text", False)])
def test_sums_in_generated_columns_can_overflow(base: str, is_refused: bool) -> None:
    made = Column("made", 90, "integer" if base == "int4" else "text", 23, base)
    catalog = replace(
        SHOP,
        guards={},
        generated={CUSTOMERS: (("made", "ssn"), ("made", "id"))},
        columns={**SHOP.columns, CUSTOMERS: (*SHOP.columns[CUSTOMERS], made)},
        remembered={},
    )
    assert bool(refused(catalog, "update customers set id = 2147483647")) is is_refused
    assert not refused(catalog, "insert into customers (id, ssn) values (2147483647, 'own')")


def test_partitions_are_asked_too() -> None:
    part = ("public", "payments_2026")
    guard = RowGuard("references", frozenset({"amount"}), CUSTOMERS, frozenset({"ssn"}))
    catalog = replace(given(guard, table=part), partitions={("public", "payments"): (part,)})
    assert "public.payments_2026" in refused(catalog, "update payments set amount = 5")


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("delete from customers where id = 5", True),
        ("update customers set id = 5", True),
        ("merge into customers c using orders o on c.id = o.id when matched then delete", True),
        ("update customers set name = 'x'", False),
        ("insert into customers (id, name) values (5, 'x')", False),
    ],
)
def test_rows_that_masked_columns_refer_to_are_not_taken_away(text: str, is_refused: bool) -> None:
    labels = labels_of(SHOP, {ORDERS: {"customer_id": ID}})
    made = rewrite(text, understand(text, SHOP, Scope()), SHOP, Scope(), labels, "tw0q")
    assert isinstance(made, Refused) is is_refused
    if isinstance(made, Refused):
        assert made.rule == "guarded-write"


def test_rows_whose_masked_columns_are_referred_to_are_not_taken_away() -> None:
    labels = labels_of(SHOP, {CUSTOMERS: {"id": ID}})
    text = "delete from customers where name = 'x'"
    made = rewrite(text, understand(text, SHOP, Scope()), SHOP, Scope(), labels, "tw0q")
    assert isinstance(made, Refused)
    assert "orders_customer_id_fkey would tell which rows have which masked public.customers.id" in made.reason


def test_what_foreign_keys_do_to_other_tables_counts_as_a_write_there() -> None:
    own = ForeignKey("kept", CUSTOMERS, ("name",), ("id",), "n", "c")
    catalog = replace(SHOP, keys={ORDERS: (own,)}, guards={CUSTOMERS: (CHECK,)}, triggers={}, remembered={})
    for text in ("delete from orders where id = 1", "update orders set id = 5"):
        assert "a constraint of public.customers" in refused(catalog, text)
        assert refused(replace(catalog, keys={ORDERS: (replace(own, on_delete="a", on_update="a"),)}), text) == ""
    assert refused(catalog, "update orders set note = 'x'") == ""
    labels = labels_of(catalog, {CUSTOMERS: {"ssn": SSN}})
    assert isinstance(TREE, Tree)
    rewriting = Rewriting(catalog, Scope(), labels, TREE, HANDLERS, "tw0q")
    for what in ("update", "delete"):
        unnamed = Indirect("cascade", "nosuch", what, CUSTOMERS, ORDERS)
        with pytest.raises(Refusal, match="a constraint") if what == "update" else nullcontext():
            check_cascades(rewriting, [unnamed])


def test_errors_of_what_a_cascade_does_to_masked_tables_are_scrubbed_as_those_of_a_write_there() -> None:
    key = ForeignKey("kept", CUSTOMERS, ("name",), ("id",), "c", "c")
    catalog = replace(SHOP, keys={ORDERS: (key,)}, triggers={}, remembered={})
    labels = labels_of(catalog, {CUSTOMERS: {"ssn": SSN}})
    for text, is_raw in (("delete from orders where id = 1", True), ("update orders set note = 'x'", False)):
        made = rewrite(text, understand(text, catalog, Scope()), catalog, Scope(), labels, "tw0q")
        assert isinstance(made, Rewritten)
        assert made.is_raw is is_raw

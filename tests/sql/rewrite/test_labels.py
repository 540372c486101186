from __future__ import annotations

from dataclasses import replace

from rewritekit import LABELS, SHOP, SSN

from tidewaiter.model import Column, ColumnMask, Relation
from tidewaiter.sql.entities import RowGuard
from tidewaiter.sql.facts import understand
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite import Refused, Rewritten, labels_of, rewrite


def test_a_view_of_plain_columns_is_masked_itself() -> None:
    assert LABELS.masks["public", "active_customers"] == {"email": LABELS.masks["public", "customers"]["email"]}


def test_a_view_that_computes_is_read_by_its_rewritten_definition() -> None:
    assert 'AS "ssn"' in LABELS.inlined["public", "customer_rows"]
    assert ("public", "customer_names") not in LABELS.inlined


def test_partitions_children_and_generated_columns_are_masked_alike() -> None:
    catalog = replace(SHOP, generated={("public", "customers"): (("name", "ssn"),)})
    found = labels_of(
        catalog,
        {
            ("public", "customers"): {"ssn": SSN},
            ("public", "payments_2026"): {"amount": ColumnMask("m", "NULL::numeric")},
            ("public", "people"): {"name": SSN},
        },
    )
    assert found.masks["public", "customers"]["name"].sql == "NULL::pg_catalog.text"
    assert "amount" in found.masks["public", "payments"]
    assert "name" in found.masks["public", "managers"]


def test_a_materialized_copy_that_computes_is_closed() -> None:
    found = labels_of(SHOP, {("public", "customers"): {"name": SSN}})
    assert "copy" in found.closed["public", "revenue_copy"]
    assert ("public", "revenue") in found.inlined


def test_partitions_by_a_masked_column_are_closed_and_their_order_and_place_told_to_nobody() -> None:
    payments = ("public", "payments")
    catalog = replace(
        SHOP,
        guards={payments: (RowGuard("partition", frozenset({"paid_at"})),)},
        columns={payments: (Column("id", 1, "integer", 23, "int4"), Column("paid_at", 2, "date", 1082, "date"))},
        remembered={},
    )
    paid = ColumnMask("paid", "NULL::pg_catalog.date")
    found = labels_of(catalog, {payments: {"paid_at": paid}})
    assert "paid_at" in found.closed["public", "payments_2026"]
    assert found.split == {payments}
    assert {"tableoid", "ctid"} <= found.masks[payments].keys()
    assert labels_of(catalog, {payments: {"amount": paid}}).split == set()

    def made(text: str) -> Rewritten | Refused:
        return rewrite(text, understand(text, catalog, Scope()), catalog, Scope(), found, "tw0q")

    for text, part in (
        ("select amount from payments", "ORDER BY"),
        ("select tableoid from payments where id = 1", "NULL::pg_catalog.oid AS tableoid"),
        ("select ctid from payments", "NULL::pg_catalog.tid AS ctid"),
        ("insert into payments (id) values (1) returning tableoid", "NULL::pg_catalog.oid"),
        ("update payments set amount = 1 where id = 2", "UPDATE"),
    ):
        done = made(text)
        assert isinstance(done, Rewritten)
        assert part in done.text
    for text, rule in (
        ("select 1 from payments_2026", "closed-view"),
        ("delete from payments_2026", "closed-view"),
        ("copy payments_2026 to stdout", "copy"),
        ("explain select amount from payments", "explain"),
        ("update payments set amount = 1 returning id", "raw-row"),
        ("delete from payments where random() < 1", "raw-row"),
        ("select 1; explain delete from payments where id = 1", "explain"),
    ):
        refused = made(text)
        assert isinstance(refused, Refused)
        assert refused.rule == rule


def test_a_view_over_what_the_system_knows_of_data_is_read_as_it_would_be_in_a_statement() -> None:
    views = {
        ("public", "stats"): "SELECT attname, histogram_bounds::text AS b FROM pg_stats",
        ("public", "cursors"): "SELECT statement FROM pg_cursors",
        ("public", "shadows"): "SELECT usename FROM pg_shadow",
        ("public", "texts"): "SELECT query_to_xml('select 1', true, false, '') AS x",
        ("public", "tables"): "SELECT relname FROM pg_class",
    }
    relations = {path: Relation(*path, "v", ("attname", "b")) for path in views}
    catalog = replace(
        SHOP,
        view_definitions={**SHOP.view_definitions, **views},
        relations={**SHOP.relations, **relations},
        remembered={},
    )
    found = labels_of(catalog, {})
    assert "NULL::pg_catalog.text AS" in found.inlined["public", "stats"]
    assert found.closed.keys() == {("public", "shadows"), ("public", "texts")}
    assert "NULL" in found.masks["public", "cursors"]["attname"].sql
    assert not found.concerns(("public", "tables"))

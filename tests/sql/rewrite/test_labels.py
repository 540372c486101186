from __future__ import annotations

from dataclasses import replace

from rewritekit import LABELS, SHOP, SSN

from tidewaiter.model import ColumnMask
from tidewaiter.sql.rewrite import labels_of


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

"""Masks for eyes that nobody knows: every tagged column, wherever it flows."""

from __future__ import annotations

from types import MappingProxyType

from tidewaiter.config import Classification
from tidewaiter.config.shape import Mask
from tidewaiter.model import Column, Relation
from tidewaiter.proxy.tagged import masks_of_all
from tidewaiter.sql.catalog import Catalog

T, PART = ("public", "t"), ("public", "t_2026")
NAMES = ("email", "two", "number", "free")
COLUMNS = tuple(
    Column(name, at, "integer" if name == "number" else "pg_catalog.text", 25, "int4" if name == "number" else "text")
    for at, name in enumerate(NAMES, 1)
)
CATALOG = Catalog(
    relations={T: Relation(*T, "p", NAMES), PART: Relation(*PART, "r", NAMES)},
    columns={T: COLUMNS, PART: COLUMNS},
    inheritance=((PART, T),),
)
CLASSIFICATION = Classification(
    MappingProxyType({"email": Mask("email"), "name": Mask("fake")}),
    MappingProxyType(
        {"shop": {"public.t": {"email": ("email",), "two": ("email", "name"), "number": ("email",), "gone": ("name",)}}}
    ),
)


def test_every_tagged_column_has_a_mask_and_partitions_share_it() -> None:
    masks = masks_of_all(CLASSIFICATION, "shop", CATALOG)
    assert masks[T].keys() == masks[PART].keys() == {"email", "two", "number"}
    assert "{}" in masks[PART]["email"].sql


def test_what_has_two_tags_or_a_mask_that_does_not_fit_is_null() -> None:
    masks = masks_of_all(CLASSIFICATION, "shop", CATALOG)[T]
    assert (masks["two"].sql, masks["number"].sql) == ("NULL::pg_catalog.text", "NULL::integer")


def test_it_is_remembered_for_one_classification() -> None:
    assert masks_of_all(CLASSIFICATION, "shop", CATALOG) is masks_of_all(CLASSIFICATION, "shop", CATALOG)
    assert masks_of_all(Classification(), "shop", CATALOG) == {}

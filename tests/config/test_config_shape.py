"""Values of the configuration: addresses, relations, what is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.config import Address, Classification, StoreConfig, split_relation


def test_an_address_prints_as_it_is_written() -> None:
    assert str(Address("127.0.0.1", 1)) == "127.0.0.1:1"
    assert str(Address("::1", 1)) == "[::1]:1"


def test_the_store_url_is_not_shown() -> None:
    assert "pw" not in repr(StoreConfig("postgresql://u:pw@h/d"))


@pytest.mark.parametrize(
    ("written", "relation"),
    [
        ("public.customers", ("public", "customers")),
        ("Public.Customers", ("public", "customers")),
        ('"Odd.Schema"."a""b"', ("Odd.Schema", 'a"b')),
        ('public."Odd"', ("public", "Odd")),
    ],
)
def test_a_relation_is_read_as_sql_reads_it(written: str, relation: tuple[str, str]) -> None:
    assert split_relation(written) == relation


@pytest.mark.parametrize("written", ["", "x", "a.b.c", "a.", ".b", '"a', 'a."b"c', 'a"b.c', '"".x'])
def test_what_is_no_relation_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        split_relation(written)


@given(st.text(min_size=1), st.text(min_size=1))
def test_every_pair_of_names_can_be_written(schema: str, table: str) -> None:
    quoted = ".".join('"' + name.replace('"', '""') + '"' for name in (schema, table))
    assert split_relation(quoted) == (schema, table)


def test_tagged_relations_are_those_with_a_tagged_column() -> None:
    classification = Classification({}, {"shop": {"public.a": {"x": ("email",)}, 'public."B"': {"y": ("ssn",)}}})
    assert classification.tagged("shop") == {("public", "a"), ("public", "B")}
    assert classification.by_relation("shop")["public", "B"] == {"y": ("ssn",)}
    assert classification.tagged("other") == frozenset()

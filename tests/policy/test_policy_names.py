"""Ids and names of resources."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.model import Resource, ResourceType
from tidewaiter.policy.names import EVERY, KEYWORDS, PARTS, Target, cedar, entity_id, quote_ident, read_id

CUSTOMERS = Resource(ResourceType.TABLE, ("public", "customers"))
postgast: Any = import_module("postgast")  # its type stubs are not valid Python
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("customers", "customers"),
        ("_a1", "_a1"),
        ("Odd", '"Odd"'),
        ("a b", '"a b"'),
        ('a"b', '"a""b"'),
        ("1a", '"1a"'),
        ("a$", '"a$"'),
        ("ä", '"ä"'),
        ("", '""'),
        ("select", '"select"'),
        ("user", '"user"'),
        ("between", '"between"'),
        ("left", '"left"'),
        ("name", "name"),
        ("abort", "abort"),
        ("customers\n", '"customers\n"'),
    ],
)
def test_names_are_quoted_as_postgresql_quotes_them(name: str, quoted: str) -> None:
    assert quote_ident(name) == quoted


def test_the_keywords_are_those_that_the_server_quotes() -> None:
    unquoted = (postgast.pg_query_pb2.NO_KEYWORD, postgast.pg_query_pb2.UNRESERVED_KEYWORD)
    found = set()
    for token in postgast.pg_query_pb2.Token.DESCRIPTOR.values:
        for word in {token.name.lower(), token.name.lower().removesuffix("_p")}:
            if word.replace("_", "").isalpha():
                tokens = postgast.scan(word).tokens
                kinds = [one.keyword_kind for one in tokens]
                if len(kinds) == 1 and kinds[0] not in unquoted:
                    found.add(word)
    assert found == KEYWORDS


def test_ids_are_the_datasource_and_the_quoted_parts() -> None:
    assert Target(CUSTOMERS).id("my-shop") == "my-shop.public.customers"
    assert Target(CUSTOMERS, "Odd").id("shop") == 'shop.public.customers."Odd"'
    assert Target(Resource(ResourceType.DATASOURCE)).id("shop") == "shop"
    assert entity_id("Setting", "shop", ("app.user",)) == 'shop."app.user"'


def test_a_path_of_the_wrong_length_has_no_id() -> None:
    with pytest.raises(ValueError, match="a Table has 2 parts, not 1"):
        entity_id("Table", "shop", ("customers",))


def test_targets_are_told_as_people_say_them() -> None:
    assert str(Target(CUSTOMERS)) == "table public.customers"
    assert str(Target(CUSTOMERS, "Ssn")) == 'column public.customers."Ssn"'
    assert str(Target(CUSTOMERS, EVERY)) == "every column of public.customers"
    assert str(Target(Resource(ResourceType.SETTING, ("work_mem",)))) == "setting work_mem"


def test_cedar_writes_quotes_escaped() -> None:
    assert cedar("Table", 'shop.public."A"') == 'Table::"shop.public.\\"A\\""'


@given(st.sampled_from(sorted(PARTS)), st.data())
def test_an_id_reads_back_its_parts(type_: str, data: st.DataObject) -> None:
    path = tuple(data.draw(NAMES) for _ in range(PARTS[type_]))
    assert read_id(type_, entity_id(type_, "shop", path)) == ("shop", path)


@given(NAMES, NAMES, NAMES, NAMES)
def test_different_tables_have_different_ids(a: str, b: str, c: str, d: str) -> None:
    assert (entity_id("Table", "s", (a, b)) == entity_id("Table", "s", (c, d))) == ((a, b) == (c, d))


@pytest.mark.parametrize(
    ("type_", "written", "told"),
    [
        ("Table", "public.customers", 'Table::"DATASOURCE.SCHEMA.TABLE"'),
        ("Table", "shop.public.customers.x", "DATASOURCE.SCHEMA.TABLE"),
        ("Table", "shop.public.", "DATASOURCE.SCHEMA.TABLE"),
        ("Table", "shop..x", "DATASOURCE.SCHEMA.TABLE"),
        ("Table", '.public."x"', "DATASOURCE.SCHEMA.TABLE"),
        ("Table", 'shop.public."x"y', "DATASOURCE.SCHEMA.TABLE"),
        ("Table", 'shop.public."x', "DATASOURCE.SCHEMA.TABLE"),
        ("Table", 'shop.public."customers"', 'must be written Table::"shop.public.customers"'),
        ("Table", "shop.public.Customers", 'must be written Table::"shop.public.\\"Customers\\""'),
        ("Column", "shop.public.customers", "DATASOURCE.SCHEMA.TABLE.COLUMN"),
        ("Function", "shop.f", "DATASOURCE.SCHEMA.FUNCTION"),
        ("Datasource", "shop.public", 'must be Datasource::"DATASOURCE"'),
        ("Datasource", "", 'must be Datasource::"DATASOURCE"'),
        ("Role", "shop", 'must be Role::"DATASOURCE.ROLE"'),
    ],
)
def test_an_id_that_no_question_can_have_is_refused(type_: str, written: str, told: str) -> None:
    with pytest.raises(ValueError) as refused:
        read_id(type_, written)
    assert told in str(refused.value)

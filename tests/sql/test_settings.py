from __future__ import annotations

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.settings import effective_path, is_plain, split_path


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("", ()),
        ("public", ("public",)),
        ('"$user", public', ("$user", "public")),
        (' A , "B" ,"c""d"', ("a", "B", 'c"d')),
        ('""', ("",)),
    ],
)
def test_a_path_is_split_as_the_server_splits_it(value: str, names: tuple[str, ...]) -> None:
    assert split_path(value) == names


def test_missing_schemas_are_skipped_and_pg_catalog_is_first(shop: Catalog) -> None:
    assert effective_path(("nowhere", "hr", "public", "hr"), shop, "") == ("pg_catalog", "hr", "public")
    assert effective_path(("public", "pg_catalog"), shop, "") == ("public", "pg_catalog")
    assert effective_path((), shop, "") == ("pg_catalog",)
    assert effective_path(("pg_temp", "public"), shop, "") == ("pg_catalog", "pg_temp", "public")


def test_the_user_counts_only_when_known(shop: Catalog) -> None:
    assert effective_path(("$user", "public"), shop, "hr") == ("pg_catalog", "hr", "public")
    assert effective_path(("$user", "public"), shop, "ada") == ("pg_catalog", "public")
    assert effective_path(("$user", "public"), shop, "") is None


@pytest.mark.parametrize(
    "text",
    [
        b"set standard_conforming_strings = on", b"SET SESSION standard_conforming_strings TO default ;",
        b"set local client_encoding=utf8", b" reset\tclient_encoding\n", b"rollback", b"ABORT work;",
        b"end transaction",
    ],
)  # fmt: skip
def test_few_texts_mean_the_same_however_they_are_lexed(text: bytes) -> None:
    assert is_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        b"set standard_conforming_strings = 'on'", b"set standard_conforming_strings = on; select 1", b"set x = on",
        b"reset client_encoding -- x", b"reset /* */ client_encoding", b"set client_encoding to \xc3\xa4", b"reset all",
        b"rollback to s", b"rollback; select 1", b"set client_encoding to on\\", b'reset "client_encoding"', b"",
    ],
)  # fmt: skip
def test_everything_else_does_not(text: bytes) -> None:
    assert not is_plain(text)

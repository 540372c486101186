from __future__ import annotations

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.settings import effective_path, split_path


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

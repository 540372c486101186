"""Rights and roles: what the corpus of facts does not show."""

from __future__ import annotations

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand


@pytest.mark.parametrize(
    "sql",
    [
        "alter user alice password 'SCRAM-SHA-256$4096:x'",
        "ALTER ROLE current_user WITH ENCRYPTED PASSWORD 'x' VALID UNTIL '2030-01-01'",
        "alter role session_user superuser password null",
        "select 1; alter user \"Alice\" password ''",
    ],
)
def test_a_changed_password_is_noticed(shop: Catalog, sql: str) -> None:
    assert understand(sql, shop, Scope()).sets_password


@pytest.mark.parametrize("sql", ["alter role alice createdb", "alter role alice set work_mem = '1MB'", "create user x"])
def test_other_changes_of_a_role_are_none(shop: Catalog, sql: str) -> None:
    found = understand(sql, shop, Scope())
    assert not found.sets_password and "alter_role" in found.verbs

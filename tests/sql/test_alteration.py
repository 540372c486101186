from __future__ import annotations

import pytest

from tidewaiter.sql.alteration import DESTRUCTIVE
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("alter table orders add column a integer", ("alter",)),
        ("alter table orders drop column total", ("alter_destructive",)),
        ("alter table orders add column a integer, drop column total", ("alter", "alter_destructive")),
        ("alter table orders disable trigger all", ("alter_destructive",)),
        ("alter table orders set schema hr", ("alter_destructive",)),
        ("alter table orders owner to ada", ("alter",)),
        ("alter table orders rename to o", ("rename",)),
        ("alter role ada rename to eve", ("rename", "alter_role")),
        ("comment on table orders is 'x'", ("comment",)),
    ],
)
def test_changes_are_in_the_policies_words(shop: Catalog, text: str, verbs: tuple[str, ...]) -> None:
    assert understand(text, shop, Scope()).verbs == verbs


@pytest.mark.parametrize(
    "text",
    [
        "alter table orders alter total type integer using purge()",
        "alter table orders add check (purge() > 0)",
        "alter domain price add check (purge() > 0)",
    ],
)
def test_functions_in_what_is_added_are_asked_for(shop: Catalog, text: str) -> None:
    assert ("public", "purge") in {touch.resource.path for touch in understand(text, shop, Scope()).touches}


def test_what_a_change_makes_is_known_to_the_rest_of_the_text(shop: Catalog) -> None:
    assert understand("alter table orders add column a integer; select a from orders", shop, Scope()).unknown == ()
    assert understand("alter table orders rename to o; select id from o", shop, Scope()).unknown == ()


def test_what_loses_data_or_protection_is_destructive() -> None:
    assert {"AT_DropColumn", "AT_AlterColumnType", "AT_DisableTrigAll", "AT_DisableRowSecurity"} <= DESTRUCTIVE
    assert "AT_AddColumn" not in DESTRUCTIVE

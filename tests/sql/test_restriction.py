from __future__ import annotations

import pytest

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.parse import Parsed, parse
from tidewaiter.sql.restriction import Restriction

ALL = [
    "true", "1 = 1", "id = id", "not false", "'a' = 'a'", "id is not null", "id in (id)", "id in (1, id)",
    "id = 1 or true",
    "id = 1 or id <> 1", "id is null or id is not null", "total < 1 or total >= 1", "id = 1 or not id = 1",
    "status like '%'", "status ~ '.*'", "status similar to '%'", "exists (select 1)", "id in (select id from orders)",
    "random() < 2", "id between id and id", "(id = id) is true", "coalesce(true, id = 1)", "id = any (array[id])",
    "exists (select from people)", "not (id <> id)", "total is not distinct from total",
]  # fmt: skip
SOME = [
    "id = 1", "id > 0", "total is not null", "total is null", "status like 'a%'", "id in (1, 2)", "id = 1 and true",
    "id = 1 or id = 2", "not id = 1", "exists (select from people p where p.id = orders.id)",
    "id in (select id from people)",
    "id in (select id from orders where total > 5)", "id in (select id from orders limit 1)", "current_user = status",
    "(id = 1) is not true", "status !~~ '%'", "id = $1", "id between 1 and 2",
]  # fmt: skip


def restricts(condition: str, catalog: Catalog) -> bool:
    parsed = parse(f"delete from orders where {condition}")
    assert isinstance(parsed, Parsed)
    where = parsed.statements[0]["DeleteStmt"]["whereClause"]
    return Restriction(catalog, catalog.relations[("public", "orders")], ["orders"]).restricts(where)


@pytest.mark.parametrize("condition", ALL)
def test_what_is_as_good_as_every_row_does_not_restrict(shop: Catalog, condition: str) -> None:
    assert not restricts(condition, shop)


@pytest.mark.parametrize("condition", SOME)
def test_what_can_keep_rows_out_restricts(shop: Catalog, condition: str) -> None:
    assert restricts(condition, shop)


def test_places_in_the_text_do_not_make_expressions_differ(shop: Catalog) -> None:
    assert not restricts("total  +  1 =    total + 1", shop)
    assert not restricts("lower(status) = 'x' or not (lower( status ) = 'x')", shop)


@pytest.mark.parametrize(
    "condition", ["id = 1 or not (id = 1)", "not (id = 1) or id = 1", "not (id = 1 and id = 2) or (id = 1 and id = 2)"]
)
def test_a_condition_or_its_negation_is_every_row(shop: Catalog, condition: str) -> None:
    assert not restricts(condition, shop)


def test_no_condition_restricts_nothing(shop: Catalog) -> None:
    assert not Restriction(shop, None, ["orders"]).restricts(None)

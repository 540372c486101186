from __future__ import annotations

from tidewaiter.model import Lock
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.facts import Scope, understand


def dropped(text: str, catalog: Catalog) -> list[tuple[str, str]]:
    return [(touch.action, ".".join(touch.resource.path)) for touch in understand(text, catalog, Scope()).touches]


def test_partitions_go_with_their_table(shop: Catalog) -> None:
    assert ("drop", "public.payments_2026") in dropped("drop table payments", shop)


def test_cascade_takes_views_along(shop: Catalog) -> None:
    assert ("drop", "public.customer_names") in dropped("drop table customers cascade", shop)
    assert ("drop", "public.customer_names") not in dropped("drop table customers", shop)


def test_a_schema_takes_its_relations_along(shop: Catalog) -> None:
    assert ("drop", "hr.employees") in dropped("drop schema hr cascade", shop)


def test_dropping_a_part_changes_its_table(shop: Catalog) -> None:
    assert dropped("drop trigger orders_logged on orders", shop) == [("alter_destructive", "public.orders")]
    assert dropped("drop index orders_by_status", shop) == [
        ("drop", "public.orders_by_status"),
        ("alter", "public.orders"),
    ]


def test_what_a_foreign_key_refers_to_is_locked_too(shop: Catalog) -> None:
    locks = understand("drop table order_lines", shop, Scope()).locks
    assert Lock(("public", "orders"), "AccessExclusiveLock") in locks


def test_what_is_dropped_means_something_else_afterwards(shop: Catalog) -> None:
    facts = understand("drop table shadow.orders; select id from orders", shop, Scope(("shadow", "public")))
    assert {touch.resource.path[0] for touch in facts.touches if touch.action == "select"} == {"shadow", "public"}


def test_a_missing_table_is_unknown_unless_that_is_allowed(shop: Catalog) -> None:
    assert understand("drop table nowhere", shop, Scope()).unknown
    allowed = understand("drop table if exists nowhere", shop, Scope())
    assert allowed.unknown == ()
    assert allowed.locks == ()

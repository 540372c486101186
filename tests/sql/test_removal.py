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


def test_cascade_takes_keys_rules_and_checks_of_tables_that_stay(shop: Catalog) -> None:
    assert ("alter_destructive", "public.order_lines") in dropped("drop table orders cascade", shop)
    assert ("alter_destructive", "public.letters") in dropped("drop table audit_trail cascade", shop)
    assert ("alter_destructive", "public.prices") in dropped("drop function check_price cascade", shop)
    assert ("alter_destructive", "public.offers") in dropped("drop domain price cascade", shop)
    assert ("drop", "public.order_summaries") in dropped("drop function summary cascade", shop)
    assert ("alter_destructive", "public.order_lines") not in dropped("drop table orders", shop)


def test_cascade_of_a_column_takes_views_and_keys_that_use_it(shop: Catalog) -> None:
    assert ("drop", "public.active_customers") in dropped("alter table customers drop deleted_at cascade", shop)
    assert ("drop", "public.revenue") not in dropped("alter table customers drop deleted_at cascade", shop)
    assert ("alter_destructive", "public.notes") in dropped("alter table shelves drop column shop cascade", shop)
    assert dropped("alter table shelves drop column shop", shop) == [("alter_destructive", "public.shelves")]


def test_keys_of_a_dropped_column_are_locked_on_the_other_side(shop: Catalog) -> None:
    locks = understand("alter table shelves drop column shop", shop, Scope()).locks
    assert Lock(("public", "shops"), "AccessExclusiveLock") in locks


def test_a_partition_locks_its_parent(shop: Catalog) -> None:
    locks = understand("drop table payments_2026", shop, Scope()).locks
    assert Lock(("public", "payments"), "AccessExclusiveLock") in locks
    assert len(understand("drop table managers", shop, Scope()).locks) == 1

from __future__ import annotations

from dataclasses import replace

import pytest
from rewritekit import LABELS, SHOP, refused, sent

from tidewaiter.model import Facts
from tidewaiter.sql.facts import understand
from tidewaiter.sql.reading import Scope
from tidewaiter.sql.rewrite import Refused, Rewritten, rewrite


def test_copy_of_a_masked_table_is_copy_of_a_query() -> None:
    assert sent("copy customers (id, ssn) to stdout").startswith("COPY (SELECT id, ssn FROM (SELECT ")
    assert sent("copy orders to stdout") == "COPY public.orders TO STDOUT"


def test_explain_prepare_and_cursors_hold_the_rewritten_query() -> None:
    assert "OFFSET 0" in sent("explain select ssn from customers")
    assert "NULL::pg_catalog.text AS email" in sent("prepare p as select email from customers")
    assert "NULL::pg_catalog.text AS email" in sent("declare c cursor for select email from customers")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("set role dba", "setting"),
        ("set debug_print_plan = on", "setting"),
        ("set search_path = public, pg_catalog", "setting"),
        ("copy customers to '/tmp/x'", "copy"),
        ("drop table customers", "definition"),
        ("truncate customers", "definition"),
        ("alter table customers add x int", "definition"),
        ("create table x (c integer) inherits (customers)", "definition"),
        ("create index on customers (ssn)", "definition"),
        ("prepare transaction 'x'", "transaction"),
        ("analyze", "definition"),
        ("analyze orders, customers", "definition"),
        ("vacuum customers", "definition"),
        ("comment on table customers is 'x'", "definition"),
        ("comment on column public.customers.ssn is 'x'", "definition"),
        ("comment on schema public is 'x'", "definition"),
        ("comment on column shop.public.orders.id is 'x'", "unknown-name"),
        ("alter table customers rename to clients", "definition"),
        ("alter table customers rename column ssn to name2", "definition"),
        ("alter view active_customers rename to a", "definition"),
        ("alter view active_customers rename column id to a", "definition"),
        ("alter index orders_pkey rename to a", "definition"),
        ("alter table orders rename to customers", "definition"),
        ("set seed = 'x'; analyze customers", "definition"),
        ("select * from pg_statistic", "hidden-catalog"),
    ],
)
def test_what_would_open_a_way_around_is_refused(text: str, rule: str) -> None:
    assert refused(text) == rule


@pytest.mark.parametrize(
    "text",
    ["set timezone = 'UTC'", "begin", "rollback", "show timezone", "create table mine (id integer primary key)",
     "drop table orders", "create index on orders (id)", "alter table orders add column x text", "lock table orders",
     "analyze orders", "vacuum (analyze) orders (id)", "comment on table orders is 'x'", "set seed = 0.5",
     "comment on column orders.id is 'x'", "alter table orders rename to o2",
     "alter table orders rename column id to n",
     "alter table orders rename constraint a to b", "set enable_memoize = off", "set seq_page_cost = 2",
     "select name, statement from pg_cursors", "select name from pg_prepared_statements",
     "create table x (a int) partition by list (a)",
     "create table x (a int) partition by range (lower(a::text) text_ops)",
     "set search_path = hr", "unlisten *", "select pg_try_advisory_lock(1)"],
)  # fmt: skip
def test_what_concerns_nothing_masked_goes_on(text: str) -> None:
    assert sent(text)


def test_indexes_of_tables_of_ones_own_may_be_made() -> None:
    assert sent("create index on orders (id desc)").startswith("CREATE INDEX ON public.orders")
    assert refused("create index on customers (id)") == "definition"


def test_names_of_what_is_commented_on_and_renamed_are_bound() -> None:
    assert sent("comment on column orders.id is 'x'") == "COMMENT ON COLUMN public.orders.id IS 'x'"
    assert sent("comment on table orders is null") == "COMMENT ON TABLE public.orders IS NULL"
    assert sent("alter table orders rename to o2; select 1").startswith("ALTER TABLE public.orders RENAME TO o2")
    assert "NULL::pg_catalog.text AS statement" in sent("select * from pg_cursors")


def test_an_operator_class_of_somebodys_own_is_refused() -> None:
    catalog = replace(SHOP, operator_classes={"odd_ops": (("public", "odd"),)})
    scope = Scope()
    text = "create index on orders (id odd_ops)"
    made = rewrite(text, understand(text, catalog, scope), catalog, scope, LABELS, "tw0q")
    assert isinstance(made, Refused) and made.rule in ("operator", "function")


def test_what_runs_by_its_name_is_told_unless_the_text_has_named_it() -> None:
    scope = Scope(prepared={"s": Facts()}, cursors={"c": Facts()})

    def named(text: str) -> list[tuple[int, str, bool, bool]]:
        found = rewrite(text, understand(text, SHOP, scope), SHOP, scope, LABELS, "tw")
        assert isinstance(found, Rewritten), found
        return [(one.part, one.name, one.is_cursor, one.is_shown) for one in found.named]

    assert named("select 1; execute s") == [(1, "s", False, True)]
    assert named("explain execute s") == [(0, "s", False, False)]
    assert named("fetch 1 from c; move 1 in c") == [(0, "c", True, True), (1, "c", True, False)]
    assert named("prepare s as select 1; execute s") == []
    assert named("declare c cursor for select 1; fetch 1 from c; execute s") == [(2, "s", False, True)]


def test_a_plan_of_a_write_shows_no_estimates() -> None:
    assert sent("explain (costs, verbose) update customers set name = 'x'").startswith("EXPLAIN (VERBOSE, COSTS OFF)")
    assert "COSTS OFF" in sent("prepare p as select ssn from customers; explain execute p")
    assert sent("explain select ssn from customers").startswith("EXPLAIN SELECT")
    assert sent("explain update orders set id = 1").startswith("EXPLAIN UPDATE")


def test_explain_does_not_tell_how_many_bytes_of_the_log_were_written() -> None:
    assert "WAL" not in sent("explain (analyze, wal) update customers set name = 'x'").upper()
    assert sent("explain (wal off) select 1") == "EXPLAIN SELECT 1"
    assert sent("explain (analyze, wal) delete from orders where id = 1").startswith("EXPLAIN (ANALYZE) DELETE")

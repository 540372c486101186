"""The locks that facts tell are those that real servers show in pg_locks."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from tidewaiter.demo.postgres import EmbeddedPostgres
from tidewaiter.sql.catalog import QUERIES, Catalog
from tidewaiter.sql.facts import Scope, understand
from tidewaiter.sql.locks import MODES, of_alter_table, of_lock_table, stronger

SCHEMA = Path(__file__).parents[1] / "corpus" / "schema.sql"
STATEMENTS = """
alter table orders add column n int
alter table orders add column n int default 3
alter table orders drop column status
alter table orders alter status set default 'x'
alter table orders alter status set not null
alter table orders alter status drop not null
alter table orders alter status set statistics 10
alter table orders alter status set storage external
alter table orders alter status set (n_distinct = 5)
alter table orders set (fillfactor = 70)
alter table orders set (autovacuum_enabled = off)
alter table orders reset (fillfactor)
alter table orders set (user_catalog_table = false)
alter table orders add check (id > 0)
alter table orders add check (id > 0) not valid
alter table orders add unique (status)
alter table orders add constraint ff foreign key (customer_id) references customers
alter table orders add constraint ff foreign key (customer_id) references customers not valid
alter table orders drop constraint orders_customer_id_fkey
alter table orders validate constraint orders_customer_id_fkey
alter table orders alter constraint orders_customer_id_fkey deferrable
alter table orders disable trigger orders_logged
alter table orders enable trigger orders_logged
alter table orders disable trigger user
alter table orders enable row level security
alter table orders force row level security
alter table orders cluster on orders_pkey
alter table orders set without cluster
alter table orders replica identity full
alter table orders owner to postgres
alter table orders rename to o2
alter table orders rename status to s2
alter table orders rename constraint orders_customer_id_fkey to k
alter table orders set schema hr
alter table managers no inherit people
alter table people add column z int
alter table payments add column z int
alter table payments detach partition payments_2026
alter index orders_by_status rename to obs
alter index orders_by_status set (fillfactor = 50)
alter sequence ticket_numbers restart
alter sequence ticket_numbers owner to postgres
alter view active_customers rename to ac
alter view active_customers set (security_barrier = true)
create index on orders (total)
create unique index on orders (id, total)
create trigger tt after update on orders for each row execute function log_change()
create rule rr as on update to audit_trail do also nothing
create policy pp on orders using (true)
alter policy own_prices on prices using (true)
create statistics st on status, total from orders
create table kid () inherits (people)
create table pt partition of payments for values from ('2028-01-01') to ('2029-01-01')
create table rf (c int references customers)
create table lk (like orders including all)
create view vv as select * from orders
create or replace view active_customers as select id, name, email from customers where deleted_at is null
create table ct as select * from orders
create publication pub for table orders
comment on table orders is 'x'
comment on column orders.status is 'x'
comment on index orders_by_status is 'x'
comment on constraint orders_pkey on orders is 'x'
comment on trigger orders_logged on orders is 'x'
drop table order_lines
drop index orders_by_status
drop view order_summaries
drop trigger orders_logged on orders
drop policy own_prices on prices
drop rule letters_kept on letters
drop sequence ticket_numbers
drop materialized view revenue_copy
truncate audit_trail
truncate orders cascade
lock table orders
lock table orders in share mode
lock table active_customers in exclusive mode
reindex table orders
reindex index orders_by_status
cluster orders using orders_pkey
analyze orders
refresh materialized view revenue_copy
grant select on orders to public
alter trigger orders_logged on orders rename to tq
alter rule letters_kept on letters rename to q
alter policy own_prices on prices rename to q
alter materialized view revenue_copy rename to q
alter domain price drop constraint price_check
alter table orders alter id add generated always as identity
alter table order_lines add primary key (order_id)
alter table orders add column n int references customers
alter table orders set tablespace pg_default
alter table orders add column n serial
alter table shops add exclude (id with =)
alter table payments attach partition spare for values from ('2030-01-01') to ('2031-01-01')
""".strip().splitlines()

connect: Callable[..., Any] = asyncpg.connect  # asyncpg has no types
WEAKEST = MODES.index("ShareUpdateExclusiveLock")  # below are the locks of plain reads and writes
Locks = dict[tuple[str, str], str]

RELATIONS = """
    select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind not in ('i', 'I') and n.nspname not in ('pg_catalog', 'pg_toast', 'information_schema')"""
LOCKS = "select relation, mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation'"


async def _shown(connection: Any, statement: str) -> Locks:
    """What the server locks for a statement that is undone again, of the relations that were there before."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        paths = {row[0]: (row[1], row[2]) for row in await connection.fetch(RELATIONS)}
        await connection.execute(statement)
        rows = await connection.fetch(LOCKS)
    finally:
        await transaction.rollback()
    found: Locks = {}
    for oid, mode in rows:
        if oid in paths and MODES.index(mode) >= WEAKEST:
            found[paths[oid]] = stronger(found.get(paths[oid]), mode)
    return found


async def _differences(server: EmbeddedPostgres) -> list[str]:
    connection = await connect(
        host=server.host, port=server.port, user=server.superuser, password=server.password.value, database="postgres"
    )
    try:
        await connection.execute(SCHEMA.read_text() + "create table spare (like payments);")
        await connection.execute("set search_path = pg_catalog")
        catalog = Catalog.from_rows({name: await connection.fetch(query) for name, query in QUERIES.items()})
        await connection.execute("set search_path = public")
        found = []
        for statement in STATEMENTS:
            told = {
                lock.path: lock.mode
                for lock in understand(statement, catalog, Scope()).locks
                if lock.path not in catalog.indexes
            }
            shown = await _shown(connection, statement)
            if told != shown:
                found.append(f"{statement}: told {told}, shown {shown}")
        return found
    finally:
        await connection.close()


def test_locks_are_those_that_the_server_shows(server: EmbeddedPostgres) -> None:
    assert asyncio.run(_differences(server)) == []


def test_the_strongest_mode_counts() -> None:
    assert functools.reduce(stronger, MODES) == "AccessExclusiveLock"
    assert stronger("ShareLock", "RowShareLock") == "ShareLock"
    assert stronger(None, "RowShareLock") == "RowShareLock"


def test_lock_table_counts_modes_from_one() -> None:
    assert of_lock_table(1) == "AccessShareLock"
    assert of_lock_table(8) == "AccessExclusiveLock"


def test_a_subcommand_that_nobody_listed_takes_the_strongest_lock() -> None:
    assert of_alter_table({"subtype": "AT_BrandNew"}) == "AccessExclusiveLock"

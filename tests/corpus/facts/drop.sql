drop table orders
--> drop table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock
--> locks public.customers AccessExclusiveLock

drop table orders cascade
--> drop table public.orders
--> drop table public.order_summaries via public.orders
--> drop table public.revenue via public.orders
--> drop table public.same_orders via public.orders
--> drop table public.revenue_copy via public.orders
--> alter_destructive table public.order_lines via public.orders
--> effect define
--> locks public.orders AccessExclusiveLock
--> locks public.customers AccessExclusiveLock
--> locks public.order_summaries AccessExclusiveLock
--> locks public.revenue AccessExclusiveLock
--> locks public.same_orders AccessExclusiveLock
--> locks public.revenue_copy AccessExclusiveLock
--> locks public.order_lines AccessExclusiveLock

drop table if exists orders, customers
--> drop table public.orders
--> drop table public.customers
--> effect define
--> locks public.orders AccessExclusiveLock
--> locks public.customers AccessExclusiveLock

drop table if exists no_such_table
--> drop table public.no_such_table
--> effect define

drop table no_such_table
--> unknown table no_such_table is not in the catalog
--> fault 42P01 table "no_such_table" does not exist
--> effect define

drop table payments
--> drop table public.payments
--> drop table public.payments_2026 via public.payments
--> effect define
--> locks public.payments AccessExclusiveLock
--> locks public.payments_2026 AccessExclusiveLock

drop table people cascade
--> drop table public.people
--> drop table public.managers via public.people
--> effect define
--> locks public.people AccessExclusiveLock
--> locks public.managers AccessExclusiveLock

drop table if exists t; create table t (id integer); insert into t values (1)
--> drop table public.t
--> create table public.t #1
--> insert table public.t * #2
--> effect define
--> effect create t public.t(id)
--> parts 3

-- the name may mean a table further down the search_path
--@ search_path pg_catalog, shadow, public
drop table orders; select * from orders
--> drop table shadow.orders
--> select table shadow.orders * #1
--> select table public.orders * #1
--> effect define
--> locks shadow.orders AccessExclusiveLock
--> parts 2

--@ created create temp table customers (id integer)
drop table customers; select * from customers
--> drop table pg_temp.customers
--> drop table public.customers
--> select table pg_temp.customers * #1
--> select table public.customers * #1
--> effect define
--> locks pg_temp.customers AccessExclusiveLock
--> locks public.customers AccessExclusiveLock
--> parts 2

--@ created create temp table customers (id integer)
select id from customers
--> select table pg_temp.customers (id) *
--> select table public.customers (id) *
--> reads only
--> shareable

--@ created create temp table customers (id integer)
select id from pg_temp.customers
--> select table pg_temp.customers (id)
--> reads only
--> shareable

drop view revenue cascade
--> drop table public.revenue
--> drop table public.revenue_copy via public.revenue
--> effect define
--> locks public.revenue AccessExclusiveLock
--> locks public.revenue_copy AccessExclusiveLock

drop materialized view revenue_copy
--> drop table public.revenue_copy
--> effect define
--> locks public.revenue_copy AccessExclusiveLock

drop index orders_by_status
--> drop table public.orders_by_status
--> alter table public.orders via public.orders_by_status
--> effect define
--> locks public.orders_by_status AccessExclusiveLock
--> locks public.orders AccessExclusiveLock

drop index concurrently if exists no_such_index
--> drop table public.no_such_index
--> effect define

drop index no_such_index
--> unknown index no_such_index is not in the catalog
--> fault 42704 index "no_such_index" does not exist
--> effect define

drop sequence ticket_numbers
--> drop table public.ticket_numbers
--> effect define
--> locks public.ticket_numbers AccessExclusiveLock

drop function purge
--> drop function public.purge
--> effect define

drop function purge(), order_total(integer) cascade
--> drop function public.purge
--> drop function public.order_total
--> effect define

drop procedure close_day(integer)
--> drop function public.close_day
--> effect define

drop aggregate sum(integer)
--> drop function public.sum
--> effect define

drop schema hr
--> drop schema hr
--> drop table hr.employees via hr
--> effect define
--> locks hr.employees AccessExclusiveLock

drop schema if exists hr, shadow cascade
--> drop schema hr
--> drop table hr.employees via hr
--> drop schema shadow
--> drop table shadow.orders via shadow
--> effect define
--> locks hr.employees AccessExclusiveLock
--> locks shadow.orders AccessExclusiveLock

drop trigger orders_logged on orders
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

drop policy p on orders
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

drop rule r on orders
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

drop type mood
--> drop schema public
--> effect define

drop domain zip cascade
--> drop schema public
--> effect define

drop operator === (orders, orders)
--> drop schema public
--> effect define

drop cast (orders as text)
--> drop datasource
--> effect define

drop extension dblink cascade
--> drop datasource
--> unknown what goes with it by CASCADE is not in the catalog
--> effect define

drop server s
--> drop datasource
--> effect define

drop user mapping for ada server s
--> drop datasource
--> effect define

drop foreign data wrapper w
--> drop datasource
--> effect define

drop publication p
--> drop datasource
--> effect define

drop subscription s
--> drop datasource
--> effect define

drop database d with (force)
--> drop datasource
--> effect define

drop tablespace t
--> drop datasource
--> effect define

drop event trigger e
--> drop datasource
--> effect define

drop language plpgsql
--> drop datasource
--> effect define

drop owned by ada
--> drop datasource
--> alter_role role ada
--> effect define

drop owned by ada; select * from orders
--> drop datasource
--> alter_role role ada
--> select table public.orders * #1
--> unknown what names mean is not known after an earlier statement of this text
--> effect define
--> parts 2

drop role ada, bea
--> drop role ada
--> drop role bea
--> alter_role role ada
--> alter_role role bea
--> effect define

drop statistics s
--> drop schema public
--> effect define

drop collation c
--> drop schema public
--> effect define

drop operator class c using btree
--> drop schema public
--> effect define

drop text search configuration c
--> drop schema public
--> effect define

-- a rule of another table goes too
drop table audit_trail cascade
--> drop table public.audit_trail
--> alter_destructive table public.letters via public.audit_trail
--> effect define
--> locks public.audit_trail AccessExclusiveLock
--> locks public.letters AccessExclusiveLock

-- the parent of a partition is locked
drop table payments_2026
--> drop table public.payments_2026
--> effect define
--> locks public.payments_2026 AccessExclusiveLock
--> locks public.payments AccessExclusiveLock

-- constraints, policies and views that call it go too
drop function check_price(numeric) cascade
--> drop function public.check_price
--> alter_destructive table public.prices via public.check_price
--> effect define
--> locks public.prices AccessExclusiveLock

drop function summary cascade
--> drop function public.summary
--> drop table public.order_summaries via public.summary
--> effect define
--> locks public.order_summaries AccessExclusiveLock

-- columns and checks of that type go too
drop domain price cascade
--> drop schema public
--> alter_destructive table public.offers via public.price
--> effect define
--> locks public.offers AccessExclusiveLock

-- what is elsewhere and depends on it
drop schema public cascade
--> drop schema public
--> drop table public.active_customers via public
--> drop table public.all_shops via public
--> drop table public.audit_trail via public
--> drop table public.busy_shops via public
--> drop table public.customer_names via public
--> drop table public.customer_rows via public
--> drop table public.customers via public
--> drop table public.letters via public
--> drop table public.managers via public
--> drop table public.members via public
--> drop table public.notes via public
--> drop table public.offers via public
--> drop table public.open_letters via public
--> drop table public.open_secrets via public
--> drop table public.order_lines via public
--> drop table public.order_summaries via public
--> drop table public.orders via public
--> drop table public.payments via public
--> drop table public.payments_2026 via public
--> drop table public.people via public
--> drop table public.prices via public
--> drop table public.regions via public
--> drop table public.revenue via public
--> drop table public.revenue_copy via public
--> drop table public.same_orders via public
--> drop table public.secret_grants via public
--> drop table public.secrets via public
--> drop table public.shelves via public
--> drop table public.shop_names via public
--> drop table public.shops via public
--> drop table public.spans via public
--> drop table public.ticket_numbers via public
--> drop table public.titles via public
--> effect define
--> locks public.active_customers AccessExclusiveLock
--> locks public.all_shops AccessExclusiveLock
--> locks public.audit_trail AccessExclusiveLock
--> locks public.busy_shops AccessExclusiveLock
--> locks public.customer_names AccessExclusiveLock
--> locks public.customer_rows AccessExclusiveLock
--> locks public.customers AccessExclusiveLock
--> locks public.letters AccessExclusiveLock
--> locks public.managers AccessExclusiveLock
--> locks public.members AccessExclusiveLock
--> locks public.notes AccessExclusiveLock
--> locks public.shelves AccessExclusiveLock
--> locks public.offers AccessExclusiveLock
--> locks public.open_letters AccessExclusiveLock
--> locks public.open_secrets AccessExclusiveLock
--> locks public.order_lines AccessExclusiveLock
--> locks public.orders AccessExclusiveLock
--> locks public.order_summaries AccessExclusiveLock
--> locks public.payments AccessExclusiveLock
--> locks public.payments_2026 AccessExclusiveLock
--> locks public.people AccessExclusiveLock
--> locks public.prices AccessExclusiveLock
--> locks public.regions AccessExclusiveLock
--> locks public.revenue AccessExclusiveLock
--> locks public.revenue_copy AccessExclusiveLock
--> locks public.same_orders AccessExclusiveLock
--> locks public.secret_grants AccessExclusiveLock
--> locks public.secrets AccessExclusiveLock
--> locks public.shops AccessExclusiveLock
--> locks public.shop_names AccessExclusiveLock
--> locks public.spans AccessExclusiveLock
--> locks public.ticket_numbers AccessExclusiveLock
--> locks public.titles AccessExclusiveLock

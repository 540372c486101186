vacuum
--> vacuum datasource

vacuum (full, analyze) orders
--> vacuum table public.orders
--> analyze table public.orders
--> locks public.orders AccessExclusiveLock

vacuum orders (id), customers
--> vacuum table public.orders (id)
--> vacuum table public.customers
--> locks public.orders ShareUpdateExclusiveLock
--> locks public.customers ShareUpdateExclusiveLock

analyze
--> analyze datasource

analyze orders (status)
--> analyze table public.orders (status)
--> locks public.orders ShareUpdateExclusiveLock

cluster orders using orders_by_status
--> cluster table public.orders
--> locks public.orders AccessExclusiveLock

cluster
--> cluster datasource

reindex table orders
--> reindex table public.orders
--> locks public.orders ShareLock

reindex index concurrently orders_by_status
--> reindex table public.orders_by_status
--> reindex table public.orders via public.orders_by_status
--> locks public.orders_by_status ShareUpdateExclusiveLock
--> locks public.orders ShareUpdateExclusiveLock

reindex schema hr
--> reindex schema hr

reindex database shop
--> reindex datasource

checkpoint
--> checkpoint datasource

load 'auto_explain'
--> load datasource

select pg_terminate_backend(1), pg_cancel_backend(2)
--> signal datasource
--> shareable

select pg_reload_conf()
--> system datasource
--> shareable

select pg_stat_reset()
--> system datasource
--> shareable

select pg_create_logical_replication_slot('s', 'test_decoding')
--> system datasource
--> shareable

select * from pg_logical_slot_get_changes('s', null, null)
--> function function pg_catalog.pg_logical_slot_get_changes is volatile
--> shareable

-- the rows of children are sampled too
analyze people
--> analyze table public.people
--> analyze table public.managers via public.people
--> locks public.people ShareUpdateExclusiveLock
--> locks public.managers ShareUpdateExclusiveLock

lock table orders
--> lock table public.orders
--> locks public.orders AccessExclusiveLock

lock table orders, customers in share mode nowait
--> lock table public.orders
--> lock table public.customers
--> locks public.orders ShareLock
--> locks public.customers ShareLock

lock active_customers
--> lock table public.active_customers
--> lock table public.customers via public.active_customers
--> locks public.active_customers AccessExclusiveLock
--> locks public.customers AccessExclusiveLock

lock no_such_table
--> unknown relation no_such_table is not in the catalog
--> fault 42P01 relation "no_such_table" does not exist @6

select pg_advisory_lock(1)
--> lock datasource
--> shareable

select pg_advisory_unlock_all()
--> reads only
--> shareable

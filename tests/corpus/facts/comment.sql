comment on table orders is 'x'
--> comment table public.orders
--> effect define
--> locks public.orders ShareUpdateExclusiveLock

comment on column orders.total is 'x'
--> comment table public.orders
--> effect define
--> locks public.orders ShareUpdateExclusiveLock

comment on view active_customers is null
--> comment table public.active_customers
--> effect define
--> locks public.active_customers ShareUpdateExclusiveLock

comment on function purge() is 'x'
--> comment function public.purge
--> effect define

comment on schema hr is 'x'
--> comment schema hr
--> effect define

comment on database d is 'x'
--> comment datasource
--> effect define

comment on role ada is 'x'
--> comment role ada
--> effect define

comment on type mood is 'x'
--> comment schema public
--> effect define

comment on domain zip is 'x'
--> comment schema public
--> effect define

comment on constraint orders_pkey on orders is 'x'
--> comment table public.orders
--> effect define

comment on constraint c on domain zip is 'x'
--> comment schema public
--> effect define

comment on trigger orders_logged on orders is 'x'
--> comment table public.orders
--> effect define

comment on index orders_by_status is 'x'
--> comment table public.orders_by_status
--> effect define
--> locks public.orders_by_status ShareUpdateExclusiveLock

comment on extension dblink is 'x'
--> comment datasource
--> effect define

comment on large object 1 is 'x'
--> comment datasource
--> effect define

comment on table no_such_table is 'x'
--> unknown table no_such_table is not in the catalog
--> fault 42P01 table "no_such_table" does not exist
--> effect define

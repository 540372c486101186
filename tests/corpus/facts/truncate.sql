truncate orders
--> truncate table public.orders
--> locks public.orders AccessExclusiveLock

truncate table customers, hr.employees restart identity
--> truncate table public.customers
--> truncate table hr.employees
--> locks public.customers AccessExclusiveLock
--> locks hr.employees AccessExclusiveLock

-- foreign keys lead further
truncate customers cascade
--> truncate table public.customers
--> truncate table public.orders via public.customers
--> truncate table public.order_lines via public.customers
--> locks public.customers AccessExclusiveLock
--> locks public.orders AccessExclusiveLock
--> locks public.order_lines AccessExclusiveLock

truncate people
--> truncate table public.people
--> truncate table public.managers via public.people
--> locks public.people AccessExclusiveLock
--> locks public.managers AccessExclusiveLock

truncate only people
--> truncate table public.people
--> locks public.people AccessExclusiveLock

truncate no_such_table
--> unknown relation no_such_table is not in the catalog
--> fault 42P01 relation "no_such_table" does not exist @10

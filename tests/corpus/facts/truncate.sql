truncate orders
--> truncate table public.orders

truncate table customers, hr.employees restart identity
--> truncate table public.customers
--> truncate table hr.employees

-- foreign keys lead further
truncate customers cascade
--> truncate table public.customers
--> truncate table public.orders via public.customers
--> truncate table public.order_lines via public.customers

truncate people
--> truncate table public.people
--> truncate table public.managers via public.people

truncate only people
--> truncate table public.people

truncate no_such_table
--> unknown relation no_such_table is not in the catalog
--> fault 42P01 relation "no_such_table" does not exist @10

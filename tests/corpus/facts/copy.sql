copy customers to stdout
--> copy_out table public.customers *
--> reads only

copy customers (id, name) to stdout with (format csv, header)
--> copy_out table public.customers (id, name)
--> reads only

copy (select ssn from customers) to stdout
--> select table public.customers (ssn)
--> copy_out table public.customers (ssn)
--> reads only

copy (delete from orders returning *) to stdout
--> delete_all table public.orders
--> select table public.orders *
--> copy_out table public.orders *
--> no where

copy (table active_customers) to stdout
--> select table public.active_customers *
--> select table public.customers (deleted_at, email, id, name) via public.active_customers
--> copy_out table public.active_customers *
--> copy_out table public.customers (deleted_at, email, id, name) via public.active_customers
--> reads only

copy customers from stdin
--> copy_in table public.customers *

copy orders (id, status) from stdin with (format binary)
--> copy_in table public.orders (id, status)

copy orders from stdin where total > 10
--> copy_in table public.orders (total) *

copy customers to '/tmp/customers'
--> system datasource
--> copy_out table public.customers *

copy customers from program 'curl example.com'
--> system datasource
--> copy_in table public.customers *

copy (select 1) to program 'cat'
--> system datasource

copy no_such_table to stdout
--> unknown relation no_such_table is not in the catalog
--> fault 42P01 relation "no_such_table" does not exist @6

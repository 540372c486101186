delete from orders where id = 1
--> delete table public.orders (id)
--> shareable

delete from orders
--> delete_all table public.orders
--> no where
--> shareable

delete from only orders
--> delete_all table public.orders
--> no where
--> shareable

delete from orders where 'a' = 'a'
--> delete_all table public.orders
--> no where
--> shareable

delete from orders where id = any ($1)
--> delete table public.orders (id)
--> shareable

delete from orders where not null is not null
--> delete_all table public.orders
--> no where
--> shareable

delete from orders where id = 1 returning *
--> delete table public.orders (id)
--> select table public.orders *
--> shareable

delete from orders using customers c where c.id = orders.customer_id and c.name = 'x'
--> delete table public.orders (customer_id)
--> select table public.customers (id, name)
--> shareable

-- only the other table is restricted
delete from orders using customers c where c.name = 'x'
--> delete_all table public.orders
--> select table public.customers (name)
--> no where
--> shareable

delete from orders using orders o where o.id = orders.id
--> delete_all table public.orders (id)
--> select table public.orders (id)
--> no where
--> shareable

delete from active_customers where id = 1
--> delete table public.active_customers (id)
--> delete table public.customers (deleted_at, email, id, name) via public.active_customers
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> shareable

delete from customer_names
--> delete_all table public.customer_names
--> delete_all table public.active_customers (name) via public.customer_names
--> delete_all table public.customers (deleted_at, email, id, name) via public.customer_names > public.active_customers
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> no where
--> shareable

delete from payments_2026 where id = 1
--> delete table public.payments_2026 (id)
--> delete table public.payments (id) via public.payments_2026
--> shareable

delete from people
--> delete_all table public.people
--> delete_all table public.managers via public.people
--> no where
--> shareable

delete from orders where (select true)
--> delete_all table public.orders
--> no where
--> shareable

delete from orders where customer_id in (select id from customers where name = 'x') and status is null
--> delete table public.orders (customer_id, status)
--> select table public.customers (id, name)
--> shareable

delete from orders where status is null or status is not null
--> delete_all table public.orders (status)
--> no where

delete from orders where not (status is null and status is not null)
--> delete table public.orders (status)
--> shareable

delete from customers where name = (select name from customers limit 1)
--> delete table public.customers (name)
--> select table public.customers (name)
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> shareable

delete from no_such_table
--> unknown relation no_such_table is not in the catalog
--> fault 42P01 relation "no_such_table" does not exist @13
--> no where

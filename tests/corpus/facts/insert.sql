insert into customers (id, name) values (1, 'ann')
--> insert table public.customers (id, name)
--> shareable

insert into customers values (1, 'ann')
--> insert table public.customers *
--> shareable

insert into customers default values
--> insert table public.customers *
--> shareable

insert into orders (id, total) select id, salary from hr.employees
--> insert table public.orders (id, total)
--> select table hr.employees (id, salary)
--> shareable

insert into orders table shadow.orders
--> insert table public.orders *
--> select table shadow.orders *
--> shareable

insert into customers (id, name) values (1, 'x') returning id
--> insert table public.customers (id, name)
--> shareable

insert into customers (id, name) values (1, (select max(ssn) from customers))
--> insert table public.customers (id, name)
--> select table public.customers (ssn)
--> shareable

insert into orders (id, status) values (1, 'x') on conflict (id) do nothing
--> insert table public.orders (id, status)
--> shareable

insert into orders as o (id, status) values (1, 'x') on conflict (id) do update set status = excluded.status where o.total > 0
--> insert table public.orders (id, status)
--> update table public.orders (status, total)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

-- RETURNING shows rows that were there before
insert into orders (id) values (1) on conflict (id) do update set status = orders.status returning *
--> insert table public.orders (id)
--> update table public.orders (status)
--> select table public.orders *
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

insert into customers (id, name) values (1, 'x') on conflict (id) do update set name = customers.ssn returning name
--> insert table public.customers (id, name)
--> update table public.customers (name, ssn)
--> select table public.customers (name)
--> shareable

insert into active_customers (id, name) values (1, 'x')
--> insert table public.active_customers (id, name)
--> insert table public.customers (deleted_at, email, id, name) via public.active_customers
--> shareable

insert into payments_2026 values (1, '2026-02-01', 5)
--> insert table public.payments_2026 *
--> insert table public.payments * via public.payments_2026
--> sets off trigger payments_seen function public.note_shop by public.payments_2026
--> shareable

insert into customers (id) values (nextval('ticket_numbers'))
--> insert table public.customers (id)
--> update table public.ticket_numbers

insert into no_such_table values (1)
--> unknown relation no_such_table is not in the catalog
--> fault 42P01 relation "no_such_table" does not exist @13

insert into customers (id, name) overriding system value values (1, 'x')
--> insert table public.customers (id, name)
--> shareable

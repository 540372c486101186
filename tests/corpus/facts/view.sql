select name from active_customers
--> select table public.active_customers (name)
--> select table public.customers (deleted_at, email, id, name) via public.active_customers
--> reads only
--> shareable

select * from customer_names
--> select table public.customer_names *
--> select table public.active_customers (name) via public.customer_names
--> select table public.customers (deleted_at, email, id, name) via public.customer_names > public.active_customers
--> reads only
--> shareable

select id from customer_rows
--> select table public.customer_rows (id)
--> select table public.customers (id) * via public.customer_rows
--> reads only
--> shareable

select total from revenue
--> select table public.revenue (total)
--> select table public.customers (id, name) via public.revenue
--> select table public.orders (customer_id, total) via public.revenue
--> reads only
--> shareable

select * from revenue_copy
--> select table public.revenue_copy *
--> select table public.revenue (name, total) via public.revenue_copy
--> select table public.customers (id, name) via public.revenue_copy > public.revenue
--> select table public.orders (customer_id, total) via public.revenue_copy > public.revenue
--> reads only
--> shareable

-- a view's functions run with it
select summary from order_summaries
--> select table public.order_summaries (summary)
--> select table public.orders (id) * via public.order_summaries
--> function function public.summary via public.order_summaries
--> shareable

select n.name from customer_names n join active_customers a on a.name = n.name
--> select table public.customer_names (name)
--> select table public.active_customers (name) via public.customer_names
--> select table public.customers (deleted_at, email, id, name) via public.customer_names > public.active_customers
--> select table public.active_customers (name)
--> select table public.customers (deleted_at, email, id, name) via public.active_customers
--> reads only
--> shareable

create view cheap as select id, total from orders where total < 10
--> select table public.orders (id, total)
--> create table public.cheap
--> effect create cheap public.cheap(id, total) < public.orders
--> effect define

create or replace view both_names (a, b) as select name, email from active_customers
--> select table public.active_customers (email, name)
--> select table public.customers (deleted_at, email, id, name) via public.active_customers
--> create table public.both_names
--> effect create both_names public.both_names(a, b) < public.active_customers < public.customers
--> effect define

create temp view t as select ssn from customers; select * from t
--> select table public.customers (ssn)
--> create table pg_temp.t
--> select table pg_temp.t * #1
--> select table public.customers * via pg_temp.t #1
--> effect create t pg_temp.t(ssn) < public.customers
--> effect define pg_temp
--> parts 2

create materialized view copy_of_orders as select * from orders with no data
--> select table public.orders *
--> create table public.copy_of_orders
--> effect create copy_of_orders public.copy_of_orders(id, customer_id, total, status) < public.orders
--> effect define

refresh materialized view concurrently revenue_copy
--> refresh table public.revenue_copy
--> select table public.revenue (name, total) via public.revenue_copy
--> select table public.customers (id, name) via public.revenue_copy > public.revenue
--> select table public.orders (customer_id, total) via public.revenue_copy > public.revenue
--> locks public.revenue_copy ExclusiveLock

drop view active_customers
--> drop table public.active_customers
--> effect define
--> locks public.active_customers AccessExclusiveLock

drop view active_customers cascade
--> drop table public.active_customers
--> drop table public.customer_names via public.active_customers
--> effect define
--> locks public.active_customers AccessExclusiveLock
--> locks public.customer_names AccessExclusiveLock

alter view revenue rename column total to sum
--> rename table public.revenue
--> effect define
--> effect create revenue public.revenue(name, total, sum) < public.customers < public.orders
--> locks public.revenue AccessExclusiveLock

alter view revenue set (security_barrier = true)
--> alter table public.revenue
--> effect define
--> locks public.revenue AccessExclusiveLock

-- the server's own views stand for themselves: this one shows what everybody may see of pg_shadow
select usename from pg_user
--> select table pg_catalog.pg_user (usename)
--> reads only
--> shareable

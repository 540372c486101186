with c as (select ssn from customers) select * from c
--> select table public.customers (ssn)
--> reads only
--> shareable

-- the inner name is the table, the outer one the query
with customers as (select * from customers) select ssn from customers
--> select table public.customers *
--> reads only
--> shareable

with orders as (select 1 as id) select id from orders
--> reads only
--> shareable

-- a qualified name never means the query
with orders as (select 1 as id) select id from public.orders
--> select table public.orders (id)
--> reads only
--> shareable

-- outside its statement the name means the table again
select * from (with orders as (select 1 as id) select id from orders) q, orders
--> select table public.orders *
--> reads only
--> shareable

with a as (select id from customers), b as (select * from a join orders on orders.id = a.id) select * from b
--> select table public.customers (id)
--> select table public.orders (id) *
--> reads only
--> shareable

with recursive tree as (
    select id, boss from hr.employees where id = 1 union all select e.id, e.boss from hr.employees e join tree t on e.boss = t.id
) select * from tree
--> select table hr.employees (boss, id)
--> reads only
--> shareable

-- in WITH RECURSIVE every name is visible in every query
with recursive a as (select * from orders_x), orders_x as (select 1) select * from a
--> reads only
--> shareable

-- without RECURSIVE a later query's name means the table
with a as (select id from orders), orders as (select 1 as id) select * from a, orders
--> select table public.orders (id)
--> reads only
--> shareable

with gone as (delete from orders where id = 1 returning *) select * from gone
--> delete table public.orders (id)
--> select table public.orders *
--> shareable

with gone as (delete from customers) select 1
--> delete_all table public.customers
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> no where
--> shareable

with new as (insert into audit_trail values (1, 'x') returning id), old as (update orders set status = 'x' where id = 1)
select * from new
--> insert table public.audit_trail *
--> update table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

with x as (select id from customers) delete from orders using x where orders.customer_id = x.id
--> select table public.customers (id)
--> delete table public.orders (customer_id)
--> shareable

with orders as (select 1) delete from orders where id = 1
--> delete table public.orders (id)
--> shareable

with x as (select 1) insert into orders (id) select * from x
--> insert table public.orders (id)
--> shareable

with t as materialized (select total from orders) select max(total) from t
--> select table public.orders (total)
--> reads only
--> shareable

with q as (select name from customers) select (select count(*) from q), (with q as (select 1 as a) select a from q)
--> select table public.customers (name)
--> reads only
--> shareable

with recursive t(n) as (select 1 union all select n + 1 from t) search depth first by n set o cycle n set c using p select * from t
--> reads only
--> shareable

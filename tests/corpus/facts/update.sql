update orders set status = 'closed' where id = 1
--> update table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'closed'
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders o set total = total * 2, status = default where o.customer_id = 5 and o.status <> 'x'
--> update table public.orders (customer_id, status, total)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set (status, total) = (select name, id from customers where customers.id = orders.customer_id) where id = 2
--> update table public.orders (customer_id, id, status, total)
--> select table public.customers (id, name)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = c.name from customers c where c.id = orders.customer_id
--> update table public.orders (customer_id, status)
--> select table public.customers (id, name)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where id = 1 returning total
--> update table public.orders (id, status)
--> select table public.orders (total)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update customers set name = name where id = 1 returning *
--> update table public.customers (id, name)
--> select table public.customers *
--> shareable

-- PostgreSQL 18
update orders set status = 'x' where id = 1 returning old.total, new.status
--> update table public.orders (id, status)
--> select table public.orders (status, total)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where id = 1 returning with (old as o) o.total
--> update table public.orders (id, status)
--> select table public.orders (total)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where current of c
--> update table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update active_customers set name = 'x' where id = 1
--> update table public.active_customers (id, name)
--> update table public.customers (deleted_at, email, id, name) via public.active_customers
--> shareable

update active_customers set name = 'x'
--> update_all table public.active_customers (name)
--> update_all table public.customers (deleted_at, email, id, name) via public.active_customers
--> no where
--> shareable

update only people set name = 'x' where id = 1
--> update table public.people (id, name)
--> shareable

update people set name = 'x' where id = 1
--> update table public.people (id, name)
--> update table public.managers (id, name) via public.people
--> shareable

update orders set status = 'x' where true
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where 1 = 1
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where id = id
--> update_all table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where id is not null
--> update_all table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

-- nullable: rows without a total stay
update orders set status = 'x' where total is not null
--> update table public.orders (status, total)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where status like '%'
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where

update orders set status = 'x' where status like 'a%'
--> update table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders

update orders set status = 'x' where id = 1 or true
--> update_all table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where

update orders set status = 'x' where id = 1 or status = 'y'
--> update table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders

update orders set status = 'x' where id = 1 or id <> 1
--> update_all table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where

update orders set status = 'x' where id in (id)
--> update_all table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where id in (1, 2, 3)
--> update table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where id in (select id from orders)
--> update_all table public.orders (id, status)
--> select table public.orders (id)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where id in (select id from orders where status = 'old' limit 10)
--> update table public.orders (id, status)
--> select table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where id in (select order_id from order_lines)
--> update table public.orders (id, status)
--> select table public.order_lines (order_id)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where exists (select 1)
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where exists (select from order_lines l where l.order_id = orders.id)
--> update table public.orders (id, status)
--> select table public.order_lines (order_id)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where exists (select from orders o where o.id = orders.id)
--> update_all table public.orders (id, status)
--> select table public.orders (id)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where not false
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where not (id = 1)
--> update table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where random() < 2
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where $1 = 1
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where id = $1
--> update table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

update orders set status = 'x' where id between id and id
--> update_all table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where coalesce(true, id = 1)
--> update_all table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where (id = 1) is not unknown
--> update_all table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where
--> shareable

update orders set status = 'x' where status ~ ''
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where

update orders set status = 'x' where status similar to '%'
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where

update orders set status = 'x' where id > 0 and true
--> update table public.orders (id, status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

explain select name from customers where id = 1
--> explain table public.customers (id, name)
--> reads only

explain (costs off, format json) select * from active_customers
--> explain table public.active_customers *
--> explain table public.customers (deleted_at, email, id, name) via public.active_customers
--> reads only

explain delete from orders
--> explain table public.orders
--> no where
--> reads only

explain analyze delete from orders
--> delete_all table public.orders
--> no where

explain (analyze) update orders set status = 'x'
--> update_all table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> no where

explain (analyze false) delete from orders
--> explain table public.orders
--> no where
--> reads only

explain (analyze 0) delete from orders
--> explain table public.orders
--> no where
--> reads only

explain (analyze off, verbose) insert into orders (id) values (1)
--> explain table public.orders (id)
--> reads only

explain (analyze 1) delete from orders
--> delete_all table public.orders
--> no where

explain (analyze yes) delete from orders
--> delete_all table public.orders
--> no where

-- the last one would win; the cautious reading is that any of them runs it
explain (analyze, analyze false) delete from orders
--> delete_all table public.orders
--> no where

EXPLAIN ANALYZE WITH gone AS (DELETE FROM orders WHERE id = 1 RETURNING *) SELECT * FROM gone
--> delete table public.orders (id)
--> select table public.orders *

-- planning may evaluate functions
explain select purge()
--> function function public.purge is opaque, volatile
--> effect setting

explain create table x as select * from customers
--> explain table public.customers *
--> reads only

explain analyze create table x as select ssn from customers
--> select table public.customers (ssn)
--> create table public.x
--> effect create x public.x(ssn)
--> effect define

explain declare c cursor for select name from customers
--> explain table public.customers (name)
--> reads only

explain merge into orders o using shadow.orders s on s.id = o.id when matched then delete
--> explain table public.orders (id)
--> explain table shadow.orders (id)
--> reads only

--@ prepared gone = delete from orders
explain execute gone
--> explain table public.orders
--> no where
--> reads only
--> session bound

--@ prepared gone = delete from orders
explain analyze execute gone
--> delete_all table public.orders
--> no where
--> session bound

explain select id from orders for update
--> explain table public.orders (id)
--> reads only

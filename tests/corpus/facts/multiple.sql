select 1; select ssn from customers; select 2
--> select table public.customers (ssn) #1
--> parts 3
--> reads only
--> shareable

select 1; drop table customers
--> drop table public.customers #1
--> effect define
--> locks public.customers AccessExclusiveLock
--> parts 2

;;;
--> parts 0
--> reads only
--> shareable

select 1;;
--> reads only
--> shareable

-- nothing but a remark
/* nothing */
--> parts 0
--> reads only
--> shareable

select 'a;b'; delete from orders where id = 1
--> delete table public.orders (id) #1
--> parts 2
--> shareable

select purge(); select * from orders
--> function function public.purge is opaque, volatile
--> select table public.orders * #1
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting
--> parts 2

create function f() returns integer language sql as 'select 1'; select f()
--> create function public.f
--> unknown function f is not in the catalog
--> fault 42883 function f does not exist @72
--> effect define
--> parts 2

begin; delete from orders; rollback; select * from customers
--> delete_all table public.orders #1
--> select table public.customers * #3
--> parts 4
--> no where

create table orders (id integer); select total from orders
--> create table public.orders
--> select table public.orders (total) #1
--> effect create orders public.orders(id)
--> effect define
--> parts 2

create temp table customers as select 1 as id; rollback; select * from customers
--> create table pg_temp.customers
--> select table pg_temp.customers * #2
--> select table public.customers * #2
--> effect create customers pg_temp.customers(id)
--> effect define pg_temp
--> parts 3

create or replace view active_customers as select 1 as id; select * from active_customers
--> create table public.active_customers
--> select table public.active_customers * #1
--> select table public.customers (deleted_at, email, id, name) via public.active_customers #1
--> effect create active_customers public.active_customers(id)
--> effect define
--> locks public.active_customers AccessExclusiveLock
--> parts 2

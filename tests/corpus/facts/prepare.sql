prepare p as select name from customers where id = $1
--> select table public.customers (id, name)
--> effect prepare p = select table public.customers (id, name)

prepare p (int) as delete from orders
--> delete_all table public.orders
--> effect prepare p = delete_all table public.orders
--> no where

--@ prepared p = select name from customers
execute p
--> select table public.customers (name)
--> reads only
--> session bound

--@ prepared gone = delete from orders
execute gone (1)
--> delete_all table public.orders
--> no where
--> session bound

-- a prepared statement of which nothing is known
execute stranger
--> unknown prepared statement stranger is not known
--> session bound

prepare gone as delete from customers; execute gone
--> delete_all table public.customers
--> delete_all table public.customers #1
--> effect prepare gone = delete_all table public.customers
--> sets off cascade orders_customer_id_fkey delete public.orders by public.customers
--> parts 2
--> no where
--> session bound

--@ prepared p = select purge()
execute p
--> function function public.purge is opaque, volatile
--> effect setting
--> session bound

--@ prepared p = select * from customers
create table stolen as execute p
--> select table public.customers *
--> create table public.stolen
--> effect create stolen public.stolen()
--> effect define
--> session bound

deallocate p
--> effect deallocate p

deallocate all
--> effect deallocate

--@ prepared p = select 1
deallocate p; execute p
--> unknown prepared statement p is not known
--> effect deallocate p
--> parts 2
--> session bound

prepare p as select * from no_such_table
--> unknown relation no_such_table is not in the catalog
--> fault 42P01 relation "no_such_table" does not exist @28
--> effect prepare p =

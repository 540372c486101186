begin; declare c cursor for select ssn from customers; fetch 5 from c; close c; commit
--> select table public.customers (ssn) #1
--> select table public.customers (ssn) #2
--> effect declare c = select table public.customers (ssn)
--> effect close c
--> parts 5
--> session bound

declare c cursor with hold for select * from active_customers
--> select table public.active_customers *
--> select table public.customers (deleted_at, email, id, name) via public.active_customers
--> effect declare c = select table public.active_customers *, select table public.customers (deleted_at, email, id, name) via public.active_customers

--@ cursor c = select ssn from customers
fetch all from c
--> select table public.customers (ssn)
--> reads only
--> session bound

--@ cursor c = select ssn from customers
move 3 in c
--> select table public.customers (ssn)
--> reads only
--> session bound

fetch stranger
--> unknown cursor stranger is not known
--> session bound

close c
--> effect close c

close all
--> effect close

declare c cursor for select name from customers for update
--> select table public.customers (name)
--> lock table public.customers
--> effect declare c = select table public.customers (name), lock table public.customers

declare c cursor for select purge()
--> function function public.purge is opaque, volatile
--> effect setting
--> effect declare c = function function public.purge is opaque, volatile

--@ cursor c = select * from orders
update orders set status = 'x' where current of c
--> update table public.orders (status)
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

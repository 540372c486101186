alter table orders rename to old_orders
--> rename table public.orders
--> effect define
--> effect create old_orders public.old_orders(id, customer_id, total, status) < public.orders
--> locks public.orders AccessExclusiveLock

-- a swapped name leads to the table behind it
alter table customers rename to c2; alter table audit_trail rename to customers; select * from customers
--> rename table public.customers
--> rename table public.audit_trail #1
--> select table public.customers * #2
--> select table public.audit_trail * via public.customers #2
--> effect define
--> effect create c2 public.c2(id, name, email, ssn, deleted_at) < public.customers
--> effect create customers public.customers(id, what) < public.audit_trail
--> locks public.customers AccessExclusiveLock
--> locks public.audit_trail AccessExclusiveLock
--> parts 3

alter table customers rename to c2; select ssn from c2
--> rename table public.customers
--> select table public.c2 (ssn) #1
--> select table public.customers * via public.c2 #1
--> effect define
--> effect create c2 public.c2(id, name, email, ssn, deleted_at) < public.customers
--> locks public.customers AccessExclusiveLock
--> parts 2

alter table orders rename column total to amount; select amount from orders
--> rename table public.orders
--> select table public.orders (amount) #1
--> effect define
--> effect create orders public.orders(id, customer_id, total, status, amount)
--> locks public.orders AccessExclusiveLock
--> parts 2

alter table orders rename constraint orders_pkey to pk
--> rename table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter view active_customers rename to living_customers; select name from living_customers
--> rename table public.active_customers
--> select table public.living_customers (name) #1
--> select table public.active_customers * via public.living_customers #1
--> select table public.customers (deleted_at, email, id, name) via public.living_customers > public.active_customers #1
--> select table public.customers * via public.living_customers #1
--> effect define
--> effect create living_customers public.living_customers(id, name, email) < public.active_customers < public.customers
--> locks public.active_customers AccessExclusiveLock
--> parts 2

alter index orders_by_status rename to i
--> rename table public.orders_by_status
--> alter table public.orders via public.orders_by_status
--> effect define
--> effect create i public.i(status) < public.orders_by_status
--> locks public.orders_by_status ShareUpdateExclusiveLock

alter schema hr rename to staff
--> rename schema hr
--> effect define

alter schema hr rename to staff; select * from orders
--> rename schema hr
--> select table public.orders * #1
--> unknown what names mean is not known after an earlier statement of this text
--> effect define
--> parts 2

alter function purge() rename to clean
--> rename function public.purge
--> effect define

alter role ada rename to bea
--> rename role ada
--> alter_role role ada
--> effect define

alter database d rename to e
--> rename datasource
--> effect define

alter type mood rename to feeling
--> rename schema public
--> effect define

alter trigger orders_logged on orders rename to t
--> rename table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter policy p on orders rename to q
--> rename table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter type shadow.t rename attribute a to b
--> rename schema shadow
--> effect define

alter domain zip rename constraint zip_check to c
--> rename schema public
--> effect define

alter sequence ticket_numbers rename to numbers
--> rename table public.ticket_numbers
--> effect define
--> effect create numbers public.numbers(last_value, log_cnt, is_called) < public.ticket_numbers
--> locks public.ticket_numbers AccessExclusiveLock

alter table if exists orders rename to x
--> rename table public.orders
--> effect define

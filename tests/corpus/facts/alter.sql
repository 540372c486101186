alter table orders add column note text
--> alter table public.orders
--> effect create orders public.orders(id, customer_id, total, status, note)
--> effect define
--> locks public.orders AccessExclusiveLock

-- the new column exists from here on
alter table orders add column note text; update orders set note = 'x' where id = 1
--> alter table public.orders
--> update table public.orders (id, note) #1
--> effect create orders public.orders(id, customer_id, total, status, note)
--> effect define
--> sets off trigger orders_logged function public.log_change by public.orders
--> locks public.orders AccessExclusiveLock
--> parts 2

alter table orders drop column status
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders add column a integer, drop column total
--> alter table public.orders
--> alter_destructive table public.orders
--> effect create orders public.orders(id, customer_id, total, status, a)
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders alter column total type integer using round(total)
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders alter column total set default 0, alter column id set not null
--> alter table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders add constraint c check (total > 0) not valid
--> alter table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders add foreign key (id) references customers
--> alter table public.orders
--> alter table public.customers
--> effect define
--> locks public.orders ShareRowExclusiveLock
--> locks public.customers ShareRowExclusiveLock

alter table orders drop constraint orders_pkey
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders disable trigger all
--> alter_destructive table public.orders
--> effect define
--> locks public.orders ShareRowExclusiveLock

alter table orders no force row level security
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders disable row level security
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders enable row level security, force row level security
--> alter table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table payments attach partition orders for values from ('2030-01-01') to ('2031-01-01')
--> alter table public.payments
--> alter table public.orders
--> effect define
--> locks public.payments ShareUpdateExclusiveLock
--> locks public.orders AccessExclusiveLock

alter table payments detach partition payments_2026
--> alter_destructive table public.payments
--> alter_destructive table public.payments_2026
--> effect define
--> locks public.payments AccessExclusiveLock
--> locks public.payments_2026 AccessExclusiveLock

alter table orders inherit people
--> alter table public.orders
--> alter table public.people
--> effect define
--> locks public.orders AccessExclusiveLock
--> locks public.people ShareUpdateExclusiveLock

alter table orders no inherit people
--> alter_destructive table public.orders
--> alter table public.people
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders set unlogged
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders set tablespace fast
--> alter table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders owner to ada
--> alter table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter table orders set schema hr
--> alter_destructive table public.orders
--> effect create orders hr.orders(id, customer_id, total, status) < public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

-- the name moves with the table
alter table orders set schema hr; select total from hr.orders; select total from orders
--> alter_destructive table public.orders
--> select table hr.orders (total) #1
--> select table public.orders * via hr.orders #1
--> select table public.orders (total) #2
--> effect create orders hr.orders(id, customer_id, total, status) < public.orders
--> effect define
--> locks public.orders AccessExclusiveLock
--> parts 3

alter table if exists no_such_table add column a integer
--> alter table public.no_such_table
--> effect define

alter table no_such_table add column a integer
--> unknown relation no_such_table is not in the catalog
--> fault 42P01 relation "no_such_table" does not exist @13
--> effect define

alter view active_customers alter column name set default 'x'
--> alter table public.active_customers
--> effect define
--> locks public.active_customers AccessExclusiveLock

alter index orders_by_status set (fillfactor = 50)
--> alter table public.orders_by_status
--> alter table public.orders via public.orders_by_status
--> effect define
--> locks public.orders_by_status ShareUpdateExclusiveLock

alter sequence ticket_numbers restart with 1
--> alter table public.ticket_numbers
--> effect define
--> locks public.ticket_numbers ShareRowExclusiveLock

alter sequence if exists no_such_sequence restart
--> alter table public.no_such_sequence
--> effect define

alter function purge() security definer
--> alter function public.purge
--> effect define

alter function purge() owner to ada
--> alter function public.purge
--> effect define

alter function purge() set schema hr
--> alter_destructive function public.purge
--> effect define

alter function purge() depends on extension x
--> alter function public.purge
--> effect define

alter type mood add value 'bored'
--> alter schema public
--> effect define

alter type mood rename value 'sad' to 'blue'
--> alter schema public
--> effect define

alter domain zip drop constraint zip_check
--> alter_destructive schema public
--> effect define

alter domain zip set not null
--> alter schema public
--> effect define

alter schema hr owner to ada
--> alter schema hr
--> effect define

alter policy p on orders using (true)
--> alter table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter trigger orders_logged on orders depends on extension x
--> alter table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

alter default privileges in schema hr grant select on tables to ada
--> grant_right schema hr
--> effect define

alter default privileges for role ada revoke all on functions from public
--> revoke_right datasource
--> effect define

alter extension dblink update
--> alter datasource
--> effect define

-- what becomes a member goes with the extension
alter extension dblink add table customers
--> alter datasource
--> alter table public.customers
--> effect define

alter extension dblink drop function order_total(integer)
--> alter datasource
--> alter function public.order_total
--> effect define

alter server s options (set host 'y')
--> alter datasource
--> effect define

alter publication p add table customers
--> alter datasource
--> select table public.customers *
--> effect define
--> locks public.customers ShareUpdateExclusiveLock

alter publication p set (publish = 'insert')
--> alter datasource
--> effect define

alter subscription s disable
--> alter datasource
--> effect define

alter database d owner to ada
--> alter datasource
--> effect define

alter tablespace t set (random_page_cost = 1)
--> alter datasource
--> effect define

alter event trigger e disable
--> alter datasource
--> effect define

alter large object 1 owner to ada
--> alter datasource
--> effect define

alter system reset all
--> system datasource
--> set setting all

alter operator === (orders, orders) set schema hr
--> alter_destructive schema public
--> effect define

alter statistics s set statistics 5
--> alter schema public
--> effect define

alter collation "C" refresh version
--> alter schema public
--> effect define

alter text search configuration english drop mapping for word
--> alter schema public
--> effect define

alter materialized view revenue_copy cluster on x
--> alter table public.revenue_copy
--> effect define
--> locks public.revenue_copy ShareUpdateExclusiveLock

alter user mapping for ada server s options (set password 'y')
--> alter datasource
--> effect define

alter foreign data wrapper w options (set a 'b')
--> alter datasource
--> effect define

alter operator family of using btree add operator 1 < (integer, integer)
--> alter schema public
--> effect define

alter type shadow.t alter attribute a type text
--> alter_destructive schema shadow
--> effect define

security label on table orders is 'secret'
--> alter table public.orders
--> effect define
--> locks public.orders ShareUpdateExclusiveLock

-- the keys of a column go with it, on both sides
alter table shelves drop column shop cascade
--> alter_destructive table public.shelves
--> alter_destructive table public.notes via public.shelves
--> effect define
--> locks public.shelves AccessExclusiveLock
--> locks public.shops AccessExclusiveLock
--> locks public.notes AccessExclusiveLock

alter table orders drop column customer_id
--> alter_destructive table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock
--> locks public.customers AccessExclusiveLock

alter table orders drop constraint orders_pkey cascade
--> alter_destructive table public.orders
--> alter_destructive table public.order_lines via public.orders
--> effect define
--> locks public.orders AccessExclusiveLock
--> locks public.order_lines AccessExclusiveLock

alter table customers drop column deleted_at cascade
--> alter_destructive table public.customers
--> drop table public.active_customers via public.customers
--> drop table public.customer_names via public.active_customers
--> drop table public.customer_rows via public.customers
--> drop table public.customer_names via public.customers
--> alter_destructive table public.orders via public.customers
--> effect define
--> locks public.customers AccessExclusiveLock
--> locks public.active_customers AccessExclusiveLock
--> locks public.customer_names AccessExclusiveLock
--> locks public.customer_rows AccessExclusiveLock
--> locks public.orders AccessExclusiveLock

alter sequence ticket_numbers owned by orders.id
--> alter table public.ticket_numbers
--> alter table public.orders
--> effect define
--> locks public.ticket_numbers ShareRowExclusiveLock
--> locks public.orders AccessShareLock

alter sequence ticket_numbers owned by none
--> alter table public.ticket_numbers
--> effect define
--> locks public.ticket_numbers ShareRowExclusiveLock

-- what a foreign table shows
alter foreign table audit_trail options (set table_name 'employees')
--> alter table public.audit_trail
--> alter datasource
--> effect define
--> locks public.audit_trail AccessExclusiveLock

alter foreign table audit_trail alter column what options (column_name 'salary')
--> alter table public.audit_trail
--> alter datasource
--> effect define
--> locks public.audit_trail AccessExclusiveLock

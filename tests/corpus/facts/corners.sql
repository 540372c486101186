select 1; do 'x'; select purge()
--> do datasource #1 is opaque
--> function function public.purge #2 is opaque, volatile
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting
--> parts 3

set role ada; select purge()
--> set_role role ada
--> function function public.purge #1 is opaque, volatile
--> unknown what names mean is not known after an earlier statement of this text
--> effect role ada
--> effect setting
--> parts 2

select nextval('')
--> function function pg_catalog.nextval is volatile

select nextval('public."ticket_numbers"')
--> update table public.ticket_numbers

select nextval('"a""b"')
--> function function pg_catalog.nextval is volatile

select nextval('a..b')
--> function function pg_catalog.nextval is volatile

select nextval('"a"b')
--> function function pg_catalog.nextval is volatile

select nextval('public.')
--> function function pg_catalog.nextval is volatile

select nextval('a.b.c')
--> function function pg_catalog.nextval is volatile

select nextval(null)
--> function function pg_catalog.nextval is volatile

create table pg_temp.x (id integer)
--> create table pg_temp.x
--> effect create x pg_temp.x(id)
--> effect define pg_temp

create table x as select id from orders union select id from customers
--> select table public.orders (id)
--> select table public.customers (id)
--> create table public.x
--> effect create x public.x(id)
--> effect define

create view x as select 1
--> create table public.x
--> effect create x public.x()
--> effect define

create table x as select count(*), id as one from orders group by id
--> select table public.orders (id)
--> create table public.x
--> effect create x public.x(count, one)
--> effect define

create table x as select o.* from orders o join customers c on c.id = o.customer_id
--> select table public.orders (customer_id) *
--> select table public.customers (id)
--> create table public.x
--> effect create x public.x(id, customer_id, total, status)
--> effect define

create table x as select q.* from (select 1 as a) q
--> create table public.x
--> effect create x public.x()
--> effect define

create table x as select * from orders o (a, b)
--> select table public.orders *
--> create table public.x
--> effect create x public.x()
--> effect define

create table x as select * from generate_series(1, 2)
--> create table public.x
--> effect create x public.x()
--> effect define

set role ada; create schema s create table t (id integer)
--> set_role role ada
--> create datasource #1
--> create table public.t #1
--> unknown the schema for a new object is not known after an earlier statement of this text
--> effect role ada
--> effect define
--> effect create t public.t(id)
--> parts 2

set role ada; create table t (id integer)
--> set_role role ada
--> create table public.t #1
--> unknown the schema for a new object is not known after an earlier statement of this text
--> effect role ada
--> effect create t public.t(id)
--> effect define
--> parts 2

--@ search_path pg_catalog
create table t (id integer)
--> create table public.t
--> effect create t public.t(id)
--> effect define

alter publication p drop tables in schema hr
--> alter datasource
--> select table hr.employees * via hr
--> effect define

create statistics s on a, b from (select 1) q
--> effect define

alter table payments detach partition payments_2026 finalize
--> alter_destructive table public.payments
--> alter_destructive table public.payments_2026
--> effect define
--> locks public.payments ShareUpdateExclusiveLock
--> locks public.payments_2026 ShareUpdateExclusiveLock

alter table payments attach partition orders default
--> alter table public.payments
--> alter table public.orders
--> effect define
--> locks public.payments ShareUpdateExclusiveLock
--> locks public.orders AccessExclusiveLock

alter operator === (orders, orders) set (restrict = none)
--> alter schema public
--> effect define

select from orders order by id using <
--> select table public.orders (id)
--> reads only
--> shareable

select from orders a order by a using ===
--> select table public.orders *
--> function function public.same_order is volatile
--> shareable

select from orders where (customer_id, id) === any (select 1, 2)
--> select table public.orders (customer_id, id)
--> function function public.same_order is volatile
--> shareable

select json_array(select 1 returning jsonb)
--> reads only
--> shareable

select json_table.a from json_table('{}'::jsonb, '$' as p passing 1 as x columns (a integer path '$.a') error on error)
--> reads only
--> shareable

select x.a from xmltable(xmlnamespaces('y' as z), '/r' passing ('<r/>'::xml) columns a text path 'a') x
--> reads only
--> shareable

select * from customers tablesample purge (1)
--> select table public.customers *
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

select j.a from (customers c join orders o on o.customer_id = c.id) as j(a, b)
--> select table public.customers (id) *
--> select table public.orders (customer_id) *
--> reads only
--> shareable

select * from (customers c natural join (select 1 as id) q) as j, orders
--> select table public.customers *
--> select table public.orders *
--> reads only
--> shareable

select j from (customers c join orders o on o.customer_id = c.id) as j
--> select table public.customers (id) *
--> select table public.orders (customer_id) *
--> reads only
--> shareable

select * from orders o(a, b, c, d, e)
--> select table public.orders *
--> reads only
--> shareable

select a.b, b.c from (select 1 as b) a, (select 2 as c) b
--> reads only
--> shareable

select o.id as x from orders o group by x, lower(status) order by x, o.total
--> select table public.orders (id, status, total)
--> function function public.lower is volatile
--> shareable

select nothing from (select 1 as nothing) q
--> reads only
--> shareable

select (a[customer_id]).b from (select array[1]) as q(a), orders
--> select table public.orders (customer_id)
--> reads only
--> shareable

select (customers.id).x from customers
--> select table public.customers (id)
--> reads only
--> shareable

--@ prepared p = select * from nowhere
execute p
--> unknown relation nowhere is not in the catalog
--> session bound

delete from orders where (id = 1)::boolean
--> delete table public.orders (id)
--> shareable

delete from orders where not not id = 1
--> delete table public.orders (id)
--> shareable

delete from orders where not (id = 1 or true)
--> delete table public.orders (id)
--> shareable

delete from orders where (id = 1) is true and (id = id) is true
--> delete table public.orders (id)
--> shareable

delete from orders where (id = 1) is false
--> delete table public.orders (id)
--> shareable

delete from orders where (id = 1) is unknown
--> delete table public.orders (id)
--> shareable

delete from orders where not (id is null)
--> delete_all table public.orders (id)
--> no where
--> shareable

delete from orders where not (total is not null)
--> delete table public.orders (total)
--> shareable

delete from orders where (id + 1) is not null
--> delete_all table public.orders (id)
--> no where
--> shareable

delete from orders where summary(orders) = 'x'
--> delete table public.orders *
--> function function public.summary
--> shareable

delete from orders where orders.summary is not null
--> delete_all table public.orders *
--> function function public.summary
--> no where
--> shareable

delete from orders o using orders t where id = t.id
--> delete_all table public.orders (id)
--> select table public.orders (id)
--> no where
--> shareable

delete from orders o using orders t where o.id = t.customer_id
--> delete table public.orders (id)
--> select table public.orders (customer_id)
--> shareable

delete from orders where id in (select id from customers union select id from orders)
--> delete table public.orders (id)
--> select table public.customers (id)
--> select table public.orders (id)
--> shareable

delete from orders where exists (select from generate_series(1, 2) g where g = id)
--> delete_all table public.orders (id)
--> no where
--> shareable

delete from orders where exists (select from (order_lines l join payments p on true) where l.order_id = orders.id)
--> delete table public.orders (id)
--> select table public.order_lines (order_id)
--> select table public.payments
--> shareable

delete from orders where exists (select from order_lines where order_id = id)
--> delete table public.orders (id)
--> select table public.order_lines (order_id)
--> shareable

delete from orders where exists (select from nowhere where x = total)
--> delete_all table public.orders (total)
--> unknown relation nowhere is not in the catalog
--> fault 42P01 relation "nowhere" does not exist @46
--> no where

delete from orders where status like '%'::text
--> delete_all table public.orders (status)
--> no where

delete from orders where status like $1
--> delete table public.orders (status)

delete from orders where status like null
--> delete table public.orders (status)

delete from orders where status not like '%'
--> delete table public.orders (status)

delete from orders where status like ''
--> delete table public.orders (status)

delete from orders where status !~ '.*' or status ~ '^a'
--> delete table public.orders (status)

delete from orders where id = 1 or not id = 1
--> delete_all table public.orders (id)
--> no where

delete from orders where id = 1 or id @> 2
--> delete table public.orders (id)

delete from orders where not id in (1, 2)
--> delete table public.orders (id)
--> shareable

delete from orders where id not in (id)
--> delete table public.orders (id)
--> shareable

delete from orders where id not between 1 and 2
--> delete table public.orders (id)
--> shareable

delete from orders where id between symmetric 2 and 1
--> delete table public.orders (id)
--> shareable

delete from orders where greatest(id, 1) > 0
--> delete table public.orders (id)
--> shareable

delete from orders where coalesce(id = 1, true) and id = 3
--> delete table public.orders (id)
--> shareable

delete from orders where id = 1 is not null
--> delete_all table public.orders (id)
--> no where
--> shareable

delete from nowhere where id = 1
--> unknown relation nowhere is not in the catalog
--> fault 42P01 relation "nowhere" does not exist @13

delete from orders where row(orders.*) is not null
--> delete_all table public.orders *
--> no where
--> shareable

alter publication p set table orders, tables in schema hr
--> alter datasource
--> select table public.orders *
--> select table hr.employees * via hr
--> effect define
--> locks public.orders ShareUpdateExclusiveLock

alter table payments_2026 set (fillfactor = 50), alter column amount set statistics 5
--> alter table public.payments_2026
--> effect define
--> locks public.payments_2026 ShareUpdateExclusiveLock

set search_path = default
--> set setting search_path
--> effect setting search_path

set search_path to hr, hr, nowhere; create table t (id integer)
--> set setting search_path
--> create table hr.t #1
--> effect setting search_path
--> effect create t hr.t(id)
--> effect define
--> parts 2

set search_path to hr, public; create table t (id integer)
--> set setting search_path
--> create table hr.t #1
--> unknown the schema for a new object is not known after an earlier statement of this text
--> effect setting search_path
--> effect create t hr.t(id)
--> effect define
--> parts 2

delete from orders where status like status
--> delete_all table public.orders (status)
--> no where
--> shareable

delete from orders where (select count(*) from order_lines, orders o where o.id = orders.id) > 1
--> delete table public.orders (id)
--> select table public.order_lines
--> select table public.orders (id)
--> shareable

select from orders where (id, total) >= all (select 1, 2)
--> select table public.orders (id, total)
--> reads only
--> shareable

select '1'::numeric(10, 2)::text[]
--> reads only
--> shareable

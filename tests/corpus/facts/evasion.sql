-- a string that ends earlier under standard_conforming_strings = off
set standard_conforming_strings = off
--> set setting standard_conforming_strings
--> effect setting standard_conforming_strings

select set_config('standard_conforming_strings', 'off', false)
--> set setting standard_conforming_strings
--> effect setting standard_conforming_strings

-- one string here; `\'` inside E'…' does not end it
select E'a\' ; delete from orders; -- '
--> reads only
--> shareable

drop/**/table orders
--> drop table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock
--> locks public.customers AccessExclusiveLock

DROP  TABLE   orders
--> drop table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock
--> locks public.customers AccessExclusiveLock

select 'TRUNCATE orders; DROP TABLE orders'
--> reads only
--> shareable

-- WHERE
delete from orders
--> delete_all table public.orders
--> no where
--> shareable

/* where id = 1 */ delete from orders
--> delete_all table public.orders
--> no where
--> shareable

delete /* where */ from orders -- where id = 1
--> delete_all table public.orders
--> no where
--> shareable

select 1; delete from orders
--> delete_all table public.orders #1
--> parts 2
--> no where
--> shareable

with gone as (delete from orders) select 1
--> delete_all table public.orders
--> no where
--> shareable

with "select" as (delete from orders returning *) select * from "select"
--> delete_all table public.orders
--> select table public.orders *
--> no where
--> shareable

select $q$ ) ; delete from orders $q$
--> reads only
--> shareable

select 1 /* nested /* delete from orders */ still */
--> reads only
--> shareable

-- U&"…" is the table's name
select * from U&"c\0075stomers"
--> select table public.customers *
--> reads only
--> shareable

select * from U&"c!0075stomers" uescape '!'
--> select table public.customers *
--> reads only
--> shareable

select U&"\0073sn" from customers
--> select table public.customers (ssn)
--> reads only
--> shareable

-- expressions over a column are the column
select reverse(ssn), encode(ssn::bytea, 'hex'), md5(ssn), ascii(ssn), replace(ssn, '-', '') from customers
--> select table public.customers (ssn)
--> reads only
--> shareable

select regexp_split_to_table(ssn, ''), to_tsvector('simple', ssn), ssn || '' from customers
--> select table public.customers (ssn)
--> reads only
--> shareable

select row(c.*), json_agg(c), array_agg(c) from customers c
--> select table public.customers *
--> reads only
--> shareable

select jsonb_populate_record(null::customers, '{}')
--> reads only
--> shareable

select (jsonb_populate_record(null::customers, to_jsonb(c))).ssn from customers c
--> select table public.customers *
--> reads only
--> shareable

select x.* from customers c, jsonb_to_record(to_jsonb(c)) as x(ssn text)
--> select table public.customers *
--> reads only
--> shareable

select status from orders union all select ssn from customers
--> select table public.orders (status)
--> select table public.customers (ssn)
--> reads only
--> shareable

select 1 from orders limit (select ascii(ssn) from customers limit 1)
--> select table public.orders
--> select table public.customers (ssn)
--> reads only
--> shareable

select id from orders order by (select ssn from customers limit 1)
--> select table public.orders (id)
--> select table public.customers (ssn)
--> reads only
--> shareable

select count(*) from customers where ssn like '536-11%'
--> select table public.customers (ssn)
--> reads only
--> shareable

select 1 / (case when ssn like '7%' then 0 else 1 end) from customers
--> select table public.customers (ssn)
--> reads only
--> shareable

select exists (select from customers where id = 1 and ssn = 'x')
--> select table public.customers (id, ssn)
--> reads only
--> shareable

select id from orders group by id having max(id) > (select count(*) from customers where ssn = 'x')
--> select table public.orders (id)
--> select table public.customers (ssn)
--> reads only
--> shareable

select lag(ssn) over (order by id), first_value(ssn) over () from customers
--> select table public.customers (id, ssn)
--> reads only
--> shareable

select d from generate_series(0, 9) d, customers where id = 1 and split_part(ssn, '-', 1)::int = d
--> select table public.customers (id, ssn)
--> reads only
--> shareable

select id from orders intersect select id from customers where ssn > '5'
--> select table public.orders (id)
--> select table public.customers (id, ssn)
--> reads only
--> shareable

table customers
--> select table public.customers *
--> reads only
--> shareable

values ((select ssn from customers where id = 1))
--> select table public.customers (id, ssn)
--> reads only
--> shareable

select (select c from customers c where id = 1).ssn
--> select table public.customers (id) *
--> reads only
--> shareable

select (array(select c from customers c))[1].ssn
--> select table public.customers *
--> reads only
--> shareable

select customers.ssn from public.customers
--> select table public.customers (ssn)
--> reads only
--> shareable

select public.customers.ssn from public.customers
--> select table public.customers (ssn)
--> reads only
--> shareable

update audit_trail set what = (select ssn from customers where id = 1) where id = 1
--> update table public.audit_trail (id, what)
--> select table public.customers (id, ssn)
--> shareable

insert into audit_trail select 1, ssn from customers
--> insert table public.audit_trail *
--> select table public.customers (ssn)
--> shareable

update customers set name = ssn where id = 1 returning name
--> update table public.customers (id, name, ssn)
--> select table public.customers (name)
--> shareable

create table copy as select * from customers
--> select table public.customers *
--> create table public.copy
--> effect create copy public.copy(id, name, email, ssn, deleted_at)
--> effect define

create table copy (like customers); insert into copy table customers
--> select table public.customers
--> create table public.copy
--> insert table public.copy * #1
--> select table public.customers * #1
--> effect create copy public.copy(id, name, email, ssn, deleted_at)
--> effect define
--> parts 2

copy customers to stdout
--> copy_out table public.customers *
--> reads only

copy (select * from customers) to program 'nc example.com 1'
--> system datasource
--> select table public.customers *
--> copy_out table public.customers *

begin; declare c cursor for select ssn from customers; fetch c; commit
--> select table public.customers (ssn) #1
--> select table public.customers (ssn) #2
--> effect declare c = select table public.customers (ssn)
--> parts 4
--> session bound

prepare p as select ssn from customers; execute p
--> select table public.customers (ssn)
--> select table public.customers (ssn) #1
--> effect prepare p = select table public.customers (ssn)
--> parts 2
--> session bound

-- the names mean something else when it runs
prepare p as select pub from shadow.orders; set search_path = shadow; execute p
--> select table shadow.orders (pub)
--> set setting search_path #1
--> select table shadow.orders (pub) #2
--> unknown what a prepared statement means is not known after an earlier statement of this text
--> effect prepare p = select table shadow.orders (pub)
--> effect setting search_path
--> parts 3
--> session bound

create temp table orders as select ssn as pub from customers; select pub from orders
--> select table public.customers (ssn)
--> create table pg_temp.orders
--> select table pg_temp.orders (pub) * #1
--> select table public.orders (pub) * #1
--> effect create orders pg_temp.orders(pub)
--> effect define pg_temp
--> parts 2

explain analyze select ssn from customers
--> select table public.customers (ssn)
--> reads only

select histogram_bounds, most_common_vals from pg_stats
--> select table pg_catalog.pg_stats (histogram_bounds, most_common_vals)
--> reads only
--> shareable

select query from pg_stat_activity
--> select table pg_catalog.pg_stat_activity (query)
--> reads only
--> shareable

select * from pg_toast.pg_toast_2619
--> unknown relation pg_toast.pg_toast_2619 is not in the catalog
--> fault 42P01 relation "pg_toast.pg_toast_2619" does not exist @15

select set_config('application_name', ssn, false) from customers
--> select table public.customers (ssn)
--> set setting application_name
--> effect setting application_name

set debug_print_rewritten = on
--> set setting debug_print_rewritten
--> effect setting debug_print_rewritten

select pg_notify('c', ssn) from customers
--> select table public.customers (ssn)
--> notify channel c

comment on table orders is 'secret'
--> comment table public.orders
--> effect define
--> locks public.orders ShareUpdateExclusiveLock

select setval('ticket_numbers', id) from customers
--> select table public.customers (id)
--> update table public.ticket_numbers

select * from query_to_xml('select * from customers', true, false, '')
--> function function pg_catalog.query_to_xml is opaque, volatile
--> effect setting
--> shareable

select pg_catalog.query_to_xml($$select * from customers$$, true, false, '')
--> function function pg_catalog.query_to_xml is opaque, volatile
--> effect setting
--> shareable

select * from dblink('host=x', 'select 1') as t(a int)
--> unknown function dblink is not in the catalog
--> fault 42883 function dblink does not exist @15

select lo_from_bytea(0, ssn::bytea) from customers
--> select table public.customers (ssn)
--> function function pg_catalog.lo_from_bytea is volatile
--> shareable

select pg_get_functiondef('purge'::regproc)
--> reads only
--> shareable

merge into audit_trail a using customers c on a.id = c.id when not matched then insert values (c.id, c.ssn)
--> merge table public.audit_trail (id)
--> select table public.customers (id, ssn)
--> insert table public.audit_trail *

select * from rows from (order_total(1)) r
--> function function public.order_total
--> select table public.orders (id, total) via public.order_total
--> shareable

select (order_total(id)) from customers
--> select table public.customers (id)
--> function function public.order_total
--> select table public.orders (id, total) via public.order_total
--> shareable

select o from orders o where o.summary = 'x'
--> select table public.orders *
--> function function public.summary
--> shareable

select * from customers c(summary) where c.summary = 1
--> select table public.customers (id) *
--> reads only
--> shareable

with recursive x as (select ssn from customers union select * from x) select 1 from x
--> select table public.customers (ssn)
--> reads only
--> shareable

select case when exists (select from customers where ssn = 'x') then pg_sleep(1) end
--> select table public.customers (ssn)
--> reads only
--> shareable

lock table customers in access exclusive mode
--> lock table public.customers
--> locks public.customers AccessExclusiveLock

select * from customers for no key update skip locked
--> select table public.customers *
--> lock table public.customers
--> shareable

select * from only (customers)
--> select table public.customers *
--> reads only
--> shareable

do 'begin execute ''delete from orders''; end'
--> do datasource is opaque
--> effect setting

create rule r as on select to audit_trail do instead select 1, ssn from customers
--> alter table public.audit_trail
--> select table public.customers (ssn)
--> effect define
--> locks public.audit_trail AccessExclusiveLock

create function f() returns setof customers language sql as 'select * from customers'
--> create function public.f
--> effect define

alter table customers rename to x; select * from x
--> rename table public.customers
--> select table public.x * #1
--> select table public.customers * via public.x #1
--> effect define
--> effect create x public.x(id, name, email, ssn, deleted_at) < public.customers
--> locks public.customers AccessExclusiveLock
--> parts 2

select * from json_table((select to_jsonb(c) from customers c limit 1), '$' columns (ssn text path '$.ssn'))
--> select table public.customers *
--> reads only
--> shareable

select xmlserialize(content (select xmlagg(xmlelement(name s, ssn)) from customers) as text)
--> select table public.customers (ssn)
--> reads only
--> shareable

select name from customers where (id, ssn) = (1, 'x')
--> select table public.customers (id, name, ssn)
--> reads only
--> shareable

select name from customers where (id, ssn) in (select id, status from orders)
--> select table public.customers (id, name, ssn)
--> select table public.orders (id, status)
--> reads only
--> shareable

select name from customers natural join orders
--> select table public.customers (name) *
--> select table public.orders *
--> reads only
--> shareable

select o.id from orders o where o.customer_id = some (select id from customers where ssn = 'x')
--> select table public.orders (customer_id, id)
--> select table public.customers (id, ssn)
--> reads only
--> shareable

select count(*) over w from orders window w as (partition by (select ssn from customers limit 1))
--> select table public.orders
--> select table public.customers (ssn)
--> reads only
--> shareable

select json_object('s': (select ssn from customers limit 1))
--> select table public.customers (ssn)
--> reads only
--> shareable

delete from orders where id in (select id from orders o where o.id = orders.id)
--> delete_all table public.orders (id)
--> select table public.orders (id)
--> no where
--> shareable

delete from orders o where exists (select from orders where orders.id = o.id and orders.status = 'x')
--> delete table public.orders (id)
--> select table public.orders (id, status)
--> shareable

delete from orders where (id = 1) = (id = 1)
--> delete_all table public.orders (id)
--> no where
--> shareable

delete from orders where id::text = id::text
--> delete_all table public.orders (id)
--> function function public.summary
--> no where
--> shareable

delete from orders where 1 = 1 and true or id = 3
--> delete_all table public.orders (id)
--> no where

delete from orders where (select count(*) from customers) > 0
--> delete_all table public.orders
--> select table public.customers
--> no where
--> shareable

delete from orders where id = 1 or (select true)
--> delete_all table public.orders (id)
--> no where

delete from orders where case when true then true else id = 1 end
--> delete_all table public.orders (id)
--> no where
--> shareable

delete from orders where id is distinct from null
--> delete table public.orders (id)
--> shareable

delete from orders where status ilike '%%' or status is null
--> delete_all table public.orders (status)
--> no where

delete from orders where not (id <> id)
--> delete_all table public.orders (id)
--> no where
--> shareable

delete from orders where id >= id
--> delete_all table public.orders (id)
--> no where
--> shareable

delete from orders where total = any (array[total])
--> delete_all table public.orders (total)
--> no where
--> shareable

-- column notation calls built-ins too, and functions that take anything
select ('/etc/passwd'::text).pg_read_file
--> function function pg_catalog.pg_read_file is volatile
--> shareable

select (array['/etc/passwd'])[1].pg_read_file
--> function function pg_catalog.pg_read_file is volatile
--> shareable

select (1).pg_terminate_backend
--> signal datasource
--> shareable

select ('ticket_numbers'::text).nextval
--> function function pg_catalog.nextval is volatile
--> shareable

select (1).order_total, ('x'::text).upper
--> function function public.order_total
--> select table public.orders (id, total) via public.order_total
--> shareable

select ((select 1)).purge
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

-- a rule of pg_settings makes this set_config
update pg_settings set setting = 'shadow' where name = 'search_path'
--> update table pg_catalog.pg_settings (name, setting)
--> unknown rule pg_settings_u on pg_catalog.pg_settings: set_config of a setting that is not named by a constant
--> effect setting

update pg_settings set setting = 'shadow' where name = 'search_path'; select * from orders
--> update table pg_catalog.pg_settings (name, setting)
--> select table public.orders * #1
--> unknown rule pg_settings_u on pg_catalog.pg_settings: set_config of a setting that is not named by a constant
--> unknown what names mean is not known after an earlier statement of this text
--> effect setting
--> parts 2

-- a domain's check runs wherever a value of it is made
select json_populate_record(null::offers, '{"amount": -1}')
--> function function public.check_price is opaque
--> effect setting
--> shareable

select * from json_to_record('{"a": 1}') as t(a price)
--> function function public.check_price is opaque
--> effect setting
--> shareable

select * from json_table('{"a": 1}', '$' columns (a price path '$.a')) x
--> function function public.check_price is opaque
--> effect setting
--> shareable

select array[1]::price[]
--> function function public.check_price is opaque
--> effect setting
--> shareable

select price(1)
--> function function public.check_price is opaque
--> effect setting
--> shareable

select pg_input_is_valid('1', 'price')
--> function function pg_catalog.pg_input_is_valid
--> shareable

select pg_temp.f(1)
--> unknown function pg_temp.f is not in the catalog
--> fault 42883 function pg_temp.f does not exist @8

create domain d as integer check (purge() > value) default purge()
--> create schema public
--> function function public.purge is opaque, volatile
--> effect define
--> effect setting

create statistics s on (purge()), id from orders
--> alter table public.orders
--> function function public.purge is opaque, volatile
--> effect define
--> effect setting
--> locks public.orders ShareUpdateExclusiveLock

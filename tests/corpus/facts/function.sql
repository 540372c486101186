select purge()
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

select public.purge()
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

select hr.raise_all(10)
--> function function hr.raise_all is security_definer, volatile
--> update_all table hr.employees (salary) via hr.raise_all
--> no where
--> shareable

select order_total(1)
--> function function public.order_total
--> select table public.orders (id, total) via public.order_total
--> shareable

select * from order_total(1)
--> function function public.order_total
--> select table public.orders (id, total) via public.order_total
--> shareable

select name from customers where order_total(id) > 1
--> select table public.customers (id, name)
--> function function public.order_total
--> select table public.orders (id, total) via public.order_total
--> shareable

select no_such_function(1)
--> unknown function no_such_function is not in the catalog
--> fault 42883 function no_such_function does not exist @8

select shadow.no_such_function(1)
--> unknown function shadow.no_such_function is not in the catalog
--> fault 42883 function shadow.no_such_function does not exist @8

-- a column in function notation
select ssn(customers) from customers
--> select table public.customers *
--> reads only
--> shareable

-- functions in column notation
select o.summary from orders o
--> select table public.orders *
--> function function public.summary
--> shareable

select (o).summary from orders o
--> select table public.orders *
--> function function public.summary
--> shareable

select (o.*).summary from orders o
--> select table public.orders *
--> function function public.summary
--> shareable

select (row(1, 2)).summary
--> function function public.summary
--> shareable

select orders.summary from orders order by orders.summary
--> select table public.orders *
--> function function public.summary
--> shareable

-- a user's function of a built-in's name may be the one that is called
select lower('X'::varchar)
--> function function public.lower is volatile
--> shareable

select pg_catalog.lower('X')
--> reads only
--> shareable

-- user operators and casts are functions
select a === b from orders a, orders b
--> select table public.orders *
--> function function public.same_order is volatile
--> shareable

select a operator(public.===) b from orders a, orders b
--> select table public.orders *
--> function function public.same_order is volatile
--> shareable

select o::text from orders o
--> select table public.orders *
--> function function public.summary
--> shareable

select 1::text, name::text from customers
--> select table public.customers (name)
--> reads only
--> shareable

select x::text from (select o as x from orders o) q
--> select table public.orders *
--> function function public.summary
--> shareable

prepare p as select o::text from orders o
--> select table public.orders *
--> function function public.summary
--> effect prepare p = select table public.orders *, function function public.summary

select (null::orders)::text
--> function function public.summary
--> shareable

select $1::text, now()::text, relname::text from pg_class
--> select table pg_catalog.pg_class (relname)
--> reads only
--> shareable

select text(o) from orders o
--> select table public.orders *
--> function function public.summary
--> shareable

select 'x'::text, money('1'), regclass('orders')
--> reads only
--> shareable

select random(), gen_random_uuid(), clock_timestamp(), pg_sleep(0.1)
--> reads only
--> shareable

select pg_total_relation_size('orders'), pg_size_pretty(1::bigint)
--> reads only
--> shareable

select has_table_privilege('orders', 'delete') as delete
--> reads only
--> shareable

-- built-ins that read what their text does not name
select query_to_xml('select * from customers', true, false, '')
--> function function pg_catalog.query_to_xml is opaque, volatile
--> effect setting
--> shareable

select table_to_xml('customers', true, false, ''), schema_to_xml('hr', true, false, ''), database_to_xml(true, false, '')
--> function function pg_catalog.table_to_xml is opaque
--> function function pg_catalog.schema_to_xml is opaque
--> function function pg_catalog.database_to_xml is opaque
--> effect setting
--> shareable

select cursor_to_xml('c', 1, true, false, '')
--> function function pg_catalog.cursor_to_xml is opaque, volatile
--> effect setting
--> shareable

select ts_stat('select to_tsvector(ssn) from customers')
--> function function pg_catalog.ts_stat is opaque, volatile
--> effect setting
--> shareable

select ts_rewrite('a'::tsquery, 'select a, b from x')
--> function function pg_catalog.ts_rewrite is opaque, volatile
--> effect setting
--> shareable

select pg_read_file('/etc/passwd'), pg_read_binary_file('x'), pg_ls_dir('.'), pg_stat_file('x')
--> function function pg_catalog.pg_read_file is volatile
--> function function pg_catalog.pg_read_binary_file is volatile
--> function function pg_catalog.pg_ls_dir is volatile
--> function function pg_catalog.pg_stat_file is volatile
--> shareable

select lo_import('/etc/passwd'), lo_get(1), lo_export(1, 'x'), lo_unlink(1), loread(1, 2), lowrite(1, 'x')
--> function function pg_catalog.lo_import is volatile
--> function function pg_catalog.lo_get is volatile
--> function function pg_catalog.lo_export is volatile
--> function function pg_catalog.lo_unlink is volatile
--> function function pg_catalog.loread is volatile
--> function function pg_catalog.lowrite is volatile
--> shareable

select setval('ticket_numbers', 1), currval('ticket_numbers'), lastval()
--> update table public.ticket_numbers

select nextval('hr.no_such_sequence')
--> unknown relation hr.no_such_sequence is not in the catalog
--> fault 42P01 relation "hr.no_such_sequence" does not exist

select nextval('"Ticket"."Numbers"')
--> unknown relation Ticket.Numbers is not in the catalog
--> fault 42P01 relation "Ticket.Numbers" does not exist

select nextval(name) from customers
--> select table public.customers (name)
--> function function pg_catalog.nextval is volatile

select nextval('ticket_numbers'::regclass)
--> update table public.ticket_numbers

select pg_logical_emit_message(true, 'a', 'b')
--> function function pg_catalog.pg_logical_emit_message is volatile
--> shareable

select from customers where (select purge()) = 1
--> select table public.customers
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

select count(*) from customers group by purge()
--> select table public.customers
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

select 1 order by purge()
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

select 1 limit purge()
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

values (purge())
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

insert into audit_trail values (purge(), 'x')
--> insert table public.audit_trail *
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

update orders set status = 'x' where id = purge()
--> update table public.orders (id, status)
--> function function public.purge is opaque, volatile
--> effect setting
--> sets off trigger orders_logged function public.log_change by public.orders
--> shareable

select * from generate_series(1, purge())
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

select sum(purge()) over (order by purge())
--> function function public.purge is opaque, volatile
--> effect setting
--> shareable

select name from customers where id = 1 and lower(name) = 'x'
--> select table public.customers (id, name)
--> function function public.lower is volatile
--> shareable

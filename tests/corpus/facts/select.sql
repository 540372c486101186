select 1
--> reads only
--> shareable

select
--> reads only
--> shareable

values (1, 'a'), (2, 'b')
--> reads only
--> shareable

select name from customers where id = 1
--> select table public.customers (id, name)
--> reads only
--> shareable

select c.name, c.email from customers c where c.id = $1
--> select table public.customers (email, id, name)
--> reads only
--> shareable

table customers
--> select table public.customers *
--> reads only
--> shareable

select * from public.customers
--> select table public.customers *
--> reads only
--> shareable

select customers.* from customers
--> select table public.customers *
--> reads only
--> shareable

-- a whole row is every column
select c from customers c
--> select table public.customers *
--> reads only
--> shareable

select to_jsonb(c) from customers c
--> select table public.customers *
--> reads only
--> shareable

select row_to_json(customers) from customers
--> select table public.customers *
--> reads only
--> shareable

select (c).ssn from customers c
--> select table public.customers (ssn)
--> reads only
--> shareable

select (c.ssn) from customers as c
--> select table public.customers (ssn)
--> reads only
--> shareable

select id from only customers
--> select table public.customers (id)
--> reads only
--> shareable

select count(*) from customers
--> select table public.customers
--> reads only
--> shareable

select name as label from customers order by label
--> select table public.customers (name)
--> reads only
--> shareable

select upper(name) from customers group by upper(name) having count(*) > 1 order by 1 limit 10 offset 5
--> select table public.customers (name)
--> reads only
--> shareable

select distinct on (status) status, id from orders order by status, id desc
--> select table public.orders (id, status)
--> reads only
--> shareable

-- the columns of the alias are the columns of the table in its order
select a.q from customers a(id, name, x, q)
--> select table public.customers (ssn)
--> reads only
--> shareable

select c.name, o.total from customers c join orders o on o.customer_id = c.id where o.status = 'open'
--> select table public.customers (id, name)
--> select table public.orders (customer_id, status, total)
--> reads only
--> shareable

select name, total from customers join orders on customer_id = customers.id
--> select table public.customers (id, name)
--> select table public.orders (customer_id, total)
--> reads only
--> shareable

select customer_id from orders full join order_lines on order_id = id
--> select table public.orders (customer_id, id)
--> select table public.order_lines (order_id)
--> reads only
--> shareable

select * from orders o join order_lines l on l.order_id = o.id
--> select table public.orders (id) *
--> select table public.order_lines (order_id) *
--> reads only
--> shareable

select o.* from orders o left join order_lines l on l.order_id = o.id
--> select table public.orders (id) *
--> select table public.order_lines (order_id)
--> reads only
--> shareable

select total from orders join payments using (id)
--> select table public.orders (id, total)
--> select table public.payments (id)
--> reads only
--> shareable

select j.name from (customers c join orders o on o.customer_id = c.id) as j
--> select table public.customers (id, name)
--> select table public.orders (customer_id)
--> reads only
--> shareable

-- natural joins compare every common column
select 1 from orders natural join payments
--> select table public.orders *
--> select table public.payments *
--> reads only
--> shareable

-- a name that belongs to two tables is listed for both: the server refuses it, a newer catalog may not
select id from customers, orders
--> select table public.customers (id)
--> select table public.orders (id)
--> reads only
--> shareable

select x.name from (select name from customers) x
--> select table public.customers (name)
--> reads only
--> shareable

select s.total from customers c, lateral (select total from orders o where o.customer_id = c.id) s
--> select table public.customers (id)
--> select table public.orders (customer_id, total)
--> reads only
--> shareable

select (select total from orders where customer_id = customers.id) from customers
--> select table public.customers (id)
--> select table public.orders (customer_id, total)
--> reads only
--> shareable

select name from customers where exists (select from orders where customer_id = customers.id)
--> select table public.customers (id, name)
--> select table public.orders (customer_id)
--> reads only
--> shareable

select name from customers where id in (select customer_id from orders where total > all (select price from order_lines))
--> select table public.customers (id, name)
--> select table public.orders (customer_id, total)
--> select table public.order_lines (price)
--> reads only
--> shareable

select array(select ssn from customers)
--> select table public.customers (ssn)
--> reads only
--> shareable

select name from customers union all select product from order_lines order by name limit 3
--> select table public.customers (name)
--> select table public.order_lines (product)
--> reads only
--> shareable

(select id from customers limit 1) intersect (select id from orders) except select order_id from order_lines
--> select table public.customers (id)
--> select table public.orders (id)
--> select table public.order_lines (order_id)
--> reads only
--> shareable

select case when deleted_at is null then name else email end from customers
--> select table public.customers (deleted_at, email, name)
--> reads only
--> shareable

select coalesce(email, ssn), greatest(id, 1), nullif(name, '') from customers
--> select table public.customers (email, id, name, ssn)
--> reads only
--> shareable

select sum(total) over (partition by customer_id order by id rows 3 preceding) from orders
--> select table public.orders (customer_id, id, total)
--> reads only
--> shareable

select rank() over w from orders window w as (order by total)
--> select table public.orders (total)
--> reads only
--> shareable

select count(*) filter (where status = 'open'), string_agg(status, ',' order by id) from orders
--> select table public.orders (id, status)
--> reads only
--> shareable

select percentile_disc(0.5) within group (order by total) from orders
--> select table public.orders (total)
--> reads only
--> shareable

select status, grouping(status) from orders group by grouping sets ((status), ())
--> select table public.orders (status)
--> reads only
--> shareable

select total::text, cast(id as text), total collate "C" from orders
--> select table public.orders (id, total)
--> function function public.summary
--> shareable

select id[1], (array[id, customer_id])[2] from orders
--> select table public.orders (customer_id, id)
--> reads only
--> shareable

select * from customers tablesample bernoulli (10) repeatable (1)
--> select table public.customers *
--> reads only
--> shareable

select * from generate_series(1, 3) g(n), customers where id = n
--> select table public.customers (id) *
--> reads only
--> shareable

select * from rows from (generate_series(1, 2), unnest(array['a'])) as t(a, b)
--> reads only
--> shareable

select * from json_to_recordset('[]') as r(a int, b text)
--> reads only
--> shareable

select jt.* from customers, json_table(email, '$' columns (a text path '$.a')) jt
--> select table public.customers (email)
--> reads only
--> shareable

select x.a from customers, xmltable('/r' passing (name::xml) columns a text path 'a') x
--> select table public.customers (name)
--> reads only
--> shareable

select json_object('a': name, 'b': ssn), json_array(email), json_arrayagg(id), json_array(select total from orders) from customers
--> select table public.customers (email, id, name, ssn)
--> select table public.orders (total)
--> reads only
--> shareable

select xmlelement(name n, name), xmlforest(ssn) from customers
--> select table public.customers (name, ssn)
--> reads only
--> shareable

select current_user, current_date, now(), pg_typeof(1)
--> reads only
--> shareable

select ctid, xmin, tableoid from customers
--> select table public.customers
--> reads only
--> shareable

select id from hr.employees
--> select table hr.employees (id)
--> reads only
--> shareable

--@ search_path pg_catalog, hr
select salary from employees
--> select table hr.employees (salary)
--> reads only
--> shareable

-- a table that hides another by the order of the search_path
--@ search_path pg_catalog, shadow, public
select pub from orders
--> select table shadow.orders (pub)
--> reads only
--> shareable

select U&"c\0075stomers".ssn from U&"c\0075stomers"
--> select table public.customers (ssn)
--> reads only
--> shareable

select/**/ssn/* from orders */from customers -- where
--> select table public.customers (ssn)
--> reads only
--> shareable

SELECT "ssn" FROM "public"."customers"
--> select table public.customers (ssn)
--> reads only
--> shareable

select oid, relname from pg_class where relname = 'x'
--> select table pg_catalog.pg_class (oid, relname)
--> reads only
--> shareable

select c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
--> select table pg_catalog.pg_class (relname, relnamespace)
--> select table pg_catalog.pg_namespace (oid)
--> reads only
--> shareable

select table_name from information_schema.tables
--> select table information_schema.tables (table_name)
--> reads only
--> shareable

-- a column that the catalog does not know may be new
select phone from customers
--> select table public.customers (phone)
--> reads only
--> shareable

select last_value from ticket_numbers
--> select table public.ticket_numbers (last_value)
--> reads only
--> shareable

select id from payments
--> select table public.payments (id)
--> reads only
--> shareable

-- a partition's rows are its table's
select amount from payments_2026
--> select table public.payments_2026 (amount)
--> select table public.payments (amount) via public.payments_2026
--> reads only
--> shareable

-- the rows of inheritance children are a parent's too
select name from people
--> select table public.people (name)
--> select table public.managers (name) via public.people
--> reads only
--> shareable

select name from only people
--> select table public.people (name)
--> reads only
--> shareable

select level, name from managers
--> select table public.managers (level, name)
--> select table public.people (level, name) via public.managers
--> reads only
--> shareable

select name into temp names from customers where id = 1
--> select table public.customers (id, name)
--> create table pg_temp.names
--> effect create names pg_temp.names(name)
--> effect define pg_temp
--> shareable

select id from customers for update
--> select table public.customers (id)
--> lock table public.customers
--> shareable

select c.id from customers c join orders o on o.customer_id = c.id for share of o nowait
--> select table public.customers (id)
--> select table public.orders (customer_id)
--> lock table public.orders
--> shareable

select * from (select id from orders) q for update
--> select table public.orders (id)
--> lock table public.orders
--> shareable

select name from active_customers for update
--> select table public.active_customers (name)
--> select table public.customers (deleted_at, email, id, name) via public.active_customers
--> lock table public.active_customers
--> lock table public.customers via public.active_customers
--> shareable

select interval '1 day', date '2026-01-01', '1'::mood, array[1, 2] @> array[1]
--> reads only
--> shareable

select name from customers where name like 'a%' and ssn ~ '^7' and id between 1 and 5 and email is not null
--> select table public.customers (email, id, name, ssn)
--> reads only
--> shareable

select orders from shadow.orders
--> select table shadow.orders *
--> reads only
--> shareable

select name from no_such_table
--> unknown relation no_such_table is not in the catalog
--> fault 42P01 relation "no_such_table" does not exist @18

select a.b from no_such.table_name a
--> unknown relation no_such.table_name is not in the catalog
--> fault 42P01 relation "no_such.table_name" does not exist @17

select no_such.id from customers
--> select table public.customers *
--> reads only
--> shareable

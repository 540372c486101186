-- what analysts, their tools and agents send, of the language's less common half
analyze scratch
create temp table work as select id, city, salary from customers ;; create index on work (city) ;; analyze work ;; select city, count(*) from work group by city order by city
comment on table scratch is 'a table of mine' ;; select obj_description('scratch'::regclass)
comment on column public.scratch.a is 'a column' ;; select col_description('scratch'::regclass, 2)
alter table scratch rename column a to label ;; select label from scratch order by id limit 2
create table x (id int) ;; alter table x rename to y ;; insert into y values (1) ;; select * from y
alter table scratch add constraint positive check (n > 0) ;; alter table scratch rename constraint positive to more
create table x (id int, city text) partition by list (city) ;; create table x1 partition of x for values in ('a', 'b') ;; create table x2 partition of x default ;; insert into x values (1, 'a'), (2, 'z') ;; select tableoid::regclass, * from x order by id
create table x (id int, d date) partition by range (d) ;; create table x1 partition of x for values from ('2025-01-01') to ('2026-01-01') ;; insert into x select id, placed from orders where placed < '2026-01-01' ;; select count(*) from x1
create table x (id int) partition by hash (id) ;; create table x0 partition of x for values with (modulus 1, remainder 0) ;; insert into x select id from customers ;; select count(*) from x
@volatile set seed to 0.5 ;; select random() < 2
set seq_page_cost = 1 ;; set enable_memoize = off ;; set enable_incremental_sort = off ;; select count(*) from customers
set cursor_tuple_fraction = 1.0 ;; declare c cursor for select id, email from customers order by id ;; fetch 3 from c
select json_value('{"a": 5}'::jsonb, '$.a' returning int), json_query('{"a": [1]}'::jsonb, '$.a' returning jsonb with wrapper), json_exists('{"a": 1}'::jsonb, '$.a')
select json_object('id': id, 'city': city returning jsonb), json_array(id, city returning json) from customers order by id
select json_objectagg(id: city returning jsonb), json_arrayagg(city order by id returning jsonb) from customers
select t.* from products p, json_table(p.meta, '$' columns (w int path '$.w', k text path '$.k' default 'none' on empty)) t order by p.id
select id, json_value(to_jsonb(c), '$.email' returning text) as mail from customers c order by id
select json_serialize(json_object('id': id, 'mail': email) returning text) from customers order by id
select id, json_scalar(salary), json_object('k' value city absent on null) from customers order by id
select city, grouping(city), count(*), sum(salary) from customers group by grouping sets ((city), ()) order by 2, 1
select city, extract(year from dob)::int as born, count(*) from customers group by cube (city, born) order by 1 nulls last, 2 nulls last
select id, city, salary, avg(salary) over w, rank() over w, sum(id) over (order by id rows between 1 preceding and 1 following exclude current row) from customers window w as (partition by city order by salary) order by id
select id, lag(total) over (partition by customer_id order by placed, id), first_value(status) over (partition by customer_id order by id), ntile(4) over (order by total, id) from orders order by id
select percentile_cont(0.5) within group (order by total), percentile_cont(array[0.25, 0.75]) within group (order by total), mode() within group (order by status) from orders
select range_agg(daterange(placed, placed + 1)) from orders where customer_id = 2
select unnest(range_agg(int4range(id, id + 2))) from orders where id < 10
select lower(r), upper(r), r * int4range(1, 5), r && int4range(3, 9) from (select int4range(id, id + 3) as r from orders where id < 5) q order by 1
select any_value(city) is not null, count(*) from customers
select id from orders tablesample bernoulli (100) order by id
select t.tag, t.n, p.id from products p, unnest(p.tags) with ordinality as t(tag, n) order by p.id, t.n
select u.* from unnest(array[1, 2], array['a', 'b', 'c']) with ordinality as u(x, y, n)
with recursive t as (select id, name, boss from staff where boss is null union all select s.id, s.name, s.boss from staff s join t on t.id = s.boss) search breadth first by id set o select id, name from t order by o
with recursive t as (select id, name, boss from staff where boss is null union all select s.id, s.name, s.boss from staff s join t on t.id = s.boss) search depth first by id set o cycle id set looped using way select id, name, looped from t order by o
with a as materialized (select city, count(*) n from customers group by city), b as not materialized (select status, sum(total) t from orders group by status) select * from a cross join b order by 1, 3
select j.id, j.total from (orders o join (select 1 as one) x on true) as j where j.id < 4 order by 1
select row_to_json(j) from (orders o join (select 1 as one) x on true) as j where j.id = 1
select j.city, j.status, count(*) from (customers c join orders o on o.customer_id = c.id) as j group by 1, 2 order by 1, 2
select x.id from orders o join products p using (id) as x order by 1 limit 3
select date_bin('7 days', placed::timestamp, '2025-01-01') as week, count(*) from orders group by 1 order by 1
select date_trunc('week', placed)::date, sum(total) over (order by date_trunc('week', placed)) from orders order by 1, 2
select to_char(placed, 'YYYY-MM'), to_char(total, 'FM999990.00'), extract(isodow from placed), age('2026-01-01', placed), justify_interval('40 days'::interval) from orders order by id limit 5
select generate_series('2025-01-01'::date, '2025-03-01', '1 month')::date as m
select width_bucket(total, 0, 500, 5) as b, count(*), min(total), max(total) from orders group by 1 order by 1
select string_agg(distinct status, ',' order by status), array_agg(distinct customer_id order by customer_id), count(*) filter (where total > 100), bool_or(total > 400) from orders
select corr(id, total), regr_r2(total, id), var_pop(total), stddev_samp(total)::numeric(20, 6) from orders
select customer_id, total, total - lag(total, 1, 0) over (partition by customer_id order by id) as change, total / sum(total) over (partition by customer_id) as share from orders order by 1, 2
select o.* from customers c cross join lateral (select * from orders o where o.customer_id = c.id order by total desc, id limit 1) o order by o.id
select c.id, x.n, x.last from customers c left join lateral (select count(*) n, max(placed) as last from orders o where o.customer_id = c.id) x on true order by c.id
select coalesce(o.status, 'none'), count(c.id) from customers c full join orders o on o.customer_id = c.id group by rollup (1) order by 1, 2
select id, city from customers where city = any ('{Oslo,Rome}') and id = all (array(select id from customers c2 where c2.id = customers.id)) order by id
select * from (values (1, 'one'), (2, 'two')) v(id, word) join orders using (id) order by id
select status, max(total) from orders group by status having max(total) > (select avg(total) from orders) order by 1
(select id, 'o' as kind from orders order by id limit 2) union all (select id, 'p' from products order by id limit 2) order by 2, 1
select id from orders except select id from products order by 1 limit 3
select distinct on (customer_id) customer_id, id, total from orders order by customer_id, total desc
select id, meta -> 'w', meta ->> 'k', meta @> '{"k": "v1"}', meta ? 'w', jsonb_path_query_first(meta, '$.w'), jsonb_set(meta, '{w}', '0') from products order by id limit 4
select key, jsonb_agg(value order by id) from products, jsonb_each(meta) group by key order by key
select tags && array['t1'], tags @> array['all'], array_position(tags, 'all'), cardinality(tags), array_to_string(tags, '/') from products order by id limit 3
select regexp_replace(name, '\d+', '#'), regexp_match(name, '(\d+)'), split_part(name, ' ', 2), initcap(name), name ~ '1$' from products order by id limit 3
select md5(name), encode(sha256(name::bytea), 'hex'), encode(name::bytea, 'base64'), to_hex(id), lpad(id::text, 4, '0') from products order by id limit 2
insert into scratch (id, a, b) values (400, 'x', 'y') on conflict (id) do update set a = excluded.a, b = scratch.b || excluded.b returning id, a, b, (xmax = 0) as inserted
insert into scratch (id, a) select i, 'n' || i from generate_series(500, 504) i returning id, a
update scratch set a = upper(a), n = n + 1 where id in (select id from scratch order by id limit 2 for update skip locked) returning *
delete from scratch using (values (1), (2)) v(i) where scratch.id = v.i returning scratch.id
with gone as (delete from scratch where id < 3 returning *), kept as (insert into stash select id, a from gone returning *) select count(*) from kept
update orders set status = 'shipped' where id = 1 returning id, status
begin ;; savepoint s ;; insert into stash values (1, 'x') ;; rollback to savepoint s ;; release savepoint s ;; select count(*) from stash
insert into customers (id, name, city) values (800, 'new', 'Rome') returning id, name, email is null
insert into owners (id, name) values (77, 'n') returning *
update owners set name = 'renamed' where id = 2 returning name
delete from keepers where id = 3 returning name
select * from zones order by id
select id, v from zones where v like 'v1%' order by id
insert into zones (id, code, v) values (90, 'q', 'w') returning id, v
update zones set v = 'changed' where id = 2 ;; select v from zones where id = 2
select count(*), max(v) from zones
select id, who, (addr).zip is null, level, flag is null from homes order by id
select "Id", "S.S.N", "größe", "select" from "Odd.Table" where "Id" < 4 order by 1
select * from v_stats where attname = 'city'
select name, statement is null from pg_prepared_statements
prepare mine as select 1 ;; select name, from_sql from pg_prepared_statements where name = 'mine'
select count(*) from pg_cursors
select subname, subenabled from pg_subscription
select srvname, usename from pg_user_mappings
select pg_size_pretty(pg_relation_size('orders')) is not null, pg_table_size('orders') > 0
select count(*) > 0 from pg_locks
select relname, seq_scan >= 0, n_live_tup >= 0, last_vacuum is null from pg_stat_user_tables where relname = 'orders'
select indexrelname, idx_scan >= 0 from pg_stat_user_indexes where relname = 'orders' order by 1
explain (costs off) select o.id from orders o join products p on p.id = o.id where o.total > 100
explain (costs off) with t as (select city, count(*) from customers group by city) select * from t
explain (verbose, costs off) insert into stash select id, note from orders
select current_setting('server_version_num')::int > 140000, current_schema(), current_database(), current_catalog, session_user, pg_backend_pid() > 0, inet_server_port() is not null
select has_table_privilege('customers', 'select'), has_schema_privilege('public', 'create'), pg_has_role('app', 'usage')
select n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), obj_description(c.oid, 'pg_class') from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind in ('r', 'v', 'm', 'p') order by 2
select conname, contype, pg_get_constraintdef(oid, true) from pg_constraint where conrelid = 'orders'::regclass order by 1
select tgname, pg_get_triggerdef(oid) from pg_trigger where tgrelid = 'hired'::regclass and not tgisinternal order by 1
select p.proname, pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid), l.lanname from pg_proc p join pg_language l on l.oid = p.prolang where p.pronamespace = 'public'::regnamespace and p.proname like 'f\_%' order by 1
select column_name, is_generated, generation_expression, is_identity from information_schema.columns where table_name = 'staff' order by ordinal_position
select tc.constraint_name, kcu.column_name, ccu.table_name from information_schema.table_constraints tc join information_schema.key_column_usage kcu using (constraint_schema, constraint_name) join information_schema.constraint_column_usage ccu using (constraint_schema, constraint_name) where tc.constraint_type = 'FOREIGN KEY' and tc.table_name = 'orders'
select enumlabel from pg_enum e join pg_type t on t.oid = e.enumtypid where t.typname = 'mood' order by enumsortorder
select schemaname, viewname, definition from pg_views where schemaname = 'public' order by 2 limit 3
select sequencename, last_value from pg_sequences where schemaname = 'public' order by 1
select extname, extversion is not null from pg_extension order by 1
select collname from pg_collation where collname = 'C'

-- what ORMs, BI tools, notebooks and services send
@extended SELECT "customers"."id", "customers"."name", "customers"."email", "customers"."city" FROM "customers" WHERE "customers"."id" = 5 LIMIT 21
@extended SELECT COUNT(*) AS "__count" FROM "customers" WHERE ("customers"."city" = 'Oslo' AND NOT ("customers"."email" IS NULL))
@extended SELECT "customers"."id", "customers"."email", COUNT("orders"."id") AS "n" FROM "customers" LEFT OUTER JOIN "orders" ON ("customers"."id" = "orders"."customer_id") GROUP BY "customers"."id" ORDER BY "n" DESC, "customers"."id" ASC LIMIT 10
@extended SELECT customers.id AS customers_id, customers.name AS customers_name, customers.ssn AS customers_ssn FROM customers WHERE customers.id IN (1, 2, 3) ORDER BY customers.id
@extended SELECT anon_1.customers_id, anon_1.customers_email, orders_1.id FROM (SELECT customers.id AS customers_id, customers.email AS customers_email FROM customers ORDER BY customers.id LIMIT 3) AS anon_1 LEFT OUTER JOIN orders AS orders_1 ON anon_1.customers_id = orders_1.customer_id ORDER BY anon_1.customers_id, orders_1.id
@extended SELECT EXISTS (SELECT 1 FROM customers WHERE customers.email = 'nobody@example.com') AS anon_1
@extended INSERT INTO customers (id, name, city) VALUES (700, 'orm', 'Rome') RETURNING customers.id
@extended UPDATE customers SET name='orm', city='Lima' WHERE customers.id = 3
@extended INSERT INTO "customers" ("id", "name", "notes") VALUES (701, 'a', 'n'), (702, 'b', 'm') ON CONFLICT ("id") DO UPDATE SET "name" = EXCLUDED."name", "notes" = EXCLUDED."notes" RETURNING "id"
@extended DELETE FROM "payments" WHERE "payments"."id" = 5
@extended select this_.id as id1_0_0_, this_.email as email2_0_0_, this_.salary as salary3_0_0_ from customers this_ where this_.city='Oslo' order by this_.id asc limit 10 offset 0
@extended select count(c1_0.id) from customers c1_0 join orders o1_0 on c1_0.id=o1_0.customer_id where o1_0.status='open'
@extended SELECT "t0"."id", "t0"."name", "t0"."email", COALESCE("aggr_selection_0_Order"."_aggr_count_orders", 0) AS "_aggr_count_orders" FROM "public"."customers" AS "t0" LEFT JOIN (SELECT "public"."orders"."customer_id", COUNT(*) AS "_aggr_count_orders" FROM "public"."orders" WHERE 1=1 GROUP BY "public"."orders"."customer_id") AS "aggr_selection_0_Order" ON ("t0"."id" = "aggr_selection_0_Order"."customer_id") WHERE 1=1 ORDER BY "t0"."id" ASC LIMIT 5 OFFSET 0
@extended SELECT "public"."customers"."id", "public"."customers"."ssn" FROM "public"."customers" WHERE ("public"."customers"."email" ILIKE '%mail%' AND 1=1) ORDER BY "public"."customers"."id" ASC LIMIT 20 OFFSET 0
@extended SELECT "source"."city" AS "city", AVG("source"."salary") AS "avg" FROM (SELECT "public"."customers"."city" AS "city", "public"."customers"."salary" AS "salary" FROM "public"."customers" WHERE "public"."customers"."salary" > 10) "source" GROUP BY "source"."city" ORDER BY "source"."city" ASC
@extended SELECT DATE_TRUNC('month', CAST("public"."customers"."joined" AS timestamp)) AS "joined", COUNT(*) AS "count" FROM "public"."customers" GROUP BY DATE_TRUNC('month', CAST("public"."customers"."joined" AS timestamp)) ORDER BY 1 ASC
@extended SELECT city AS city, sum(salary) AS "SUM(salary)" FROM public.customers GROUP BY city ORDER BY "SUM(salary)" DESC, city LIMIT 1000
@extended SELECT * FROM (SELECT id, name, email FROM customers) AS virtual_table LIMIT 10
@extended SELECT COUNT(*) FROM (SELECT DISTINCT "email" FROM "customers") "t"
@extended SELECT SUM(1) AS "sum:Number of Records:ok", "customers"."city" AS "city" FROM "public"."customers" "customers" GROUP BY 2 ORDER BY 2
@extended,binary SELECT id, name, email, salary, dob FROM customers WHERE id = 2
@extended SELECT coalesce(json_agg("root"), '[]') AS "root" FROM (SELECT row_to_json((SELECT "_e" FROM (SELECT "_root.base"."id" AS "id", "_root.base"."email" AS "email") AS "_e")) AS "root" FROM (SELECT * FROM "public"."customers" WHERE ('true') ORDER BY "id" LIMIT 3) AS "_root.base") AS "_root"
@extended WITH pgrst_source AS (SELECT "public"."customers"."id", "public"."customers"."email" FROM "public"."customers" ORDER BY "public"."customers"."id" LIMIT 2) SELECT null::bigint AS total_result_set, pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t), '[]') AS body FROM (SELECT * FROM pgrst_source) _postgrest_t
@extended WITH pgrst_source AS (WITH pgrst_payload AS (SELECT '[{"id": 710, "name": "rest", "ssn": "123"}]'::json AS json_data), pgrst_body AS (SELECT json_data AS val FROM pgrst_payload) INSERT INTO "public"."customers"("id", "name", "ssn") SELECT pgrst_body."id", pgrst_body."name", pgrst_body."ssn" FROM (SELECT val FROM pgrst_body) q, LATERAL (SELECT "id", "name", "ssn" FROM json_to_recordset(q.val) AS _("id" integer, "name" text, "ssn" text)) pgrst_body RETURNING "public"."customers"."id") SELECT * FROM pgrst_source
@extended WITH "x" AS (INSERT INTO "public"."customers" ("id", "name") VALUES (711, 'hasura') RETURNING *) SELECT json_build_object('affected_rows', (SELECT COUNT(*) FROM "x"), 'returning', (SELECT coalesce(json_agg(json_build_object('id', id, 'email', email)), '[]') FROM "x"))
BEGIN; DECLARE "django_curs" NO SCROLL CURSOR FOR SELECT "customers"."id", "customers"."email" FROM "customers" ORDER BY "customers"."id" ;; FETCH FORWARD 5 FROM "django_curs" ;; CLOSE "django_curs"
declare c scroll cursor with hold for select id, ssn, salary from customers order by salary, id ;; fetch last from c ;; fetch backward 2 from c ;; move absolute 3 in c ;; fetch next from c
declare c binary cursor for select id, email, salary from customers order by id ;; fetch all c
prepare s (int, text) as select id, email from customers where id > $1 and city = $2 order by id ;; execute s (2, 'Oslo') ;; deallocate s
prepare agg as select salary, count(*) from customers group by salary order by 1 ;; execute agg ;; execute agg
prepare w (int, text) as update customers set name = $2 where id = $1 returning id, name ;; execute w (2, 'n')
copy (select id, name, email from customers order by id) to stdout with (format csv, header, force_quote *)
copy (select city, avg(salary) from customers group by city order by 1) to stdout csv
copy (select * from v_plain order by id) to stdout (format binary)
copy (select to_jsonb(c) from customers c order by id) to stdout
copy customers (id, name, city) to stdout csv
copy v_plain to stdout
copy (select ssn from customers order by id) to stdout (delimiter '|', null 'NULL')
copy (table staff) to stdout
copy (with q as (select id, email from customers) select * from q order by id) to stdout
copy (delete from payments where id = 2 returning id) to stdout
create temp table work as select id, email, salary from customers ;; create index on work (salary) ;; select salary, count(*) from work group by 1 order by 1
create temp table work as select c.city, sum(o.total) as total from customers c join orders o on o.customer_id = c.id group by 1 ;; select * from work order by 1 ;; drop table work
create temp table work (id int, who text) ;; insert into work select id, email from customers where city = 'Rome' ;; update work set who = upper(who) ;; select * from work order by id
create temp table work as select * from customers ;; alter table work add column score numeric default 0 ;; update work set score = salary / 1000 ;; select id, score from work order by id
select id, email into temp work from customers ;; delete from work where id > 5 ;; select count(*) from work
insert into scratch (id, a, n) select id + 300, email, salary from customers returning id, a, n
insert into stash select c.id, c.name || '/' || s.name from customers c join staff s on s.id = c.id returning *
update scratch s set a = c.email, n = c.salary from customers c where c.id = s.id returning s.id, s.a, s.n
update scratch set n = (select count(*) from customers where salary > 50000) where id = 1 returning n
delete from scratch where id in (select id from customers where city = 'Oslo') returning id
explain select * from customers where city = 'Oslo'
explain (costs off, verbose) select c.name, o.total from customers c join orders o on o.customer_id = c.id
explain (analyze, costs off, timing off, summary off, buffers off) select count(*) from customers where salary > 50000
explain (format json) select email from customers
explain (costs off) update customers set name = 'x' where id = 1
select set_config('app.user', 'x', false), current_setting('app.user')
set local statement_timeout = '5s' ;; select count(*) from customers
show search_path
savepoint a ;; update customers set name = 'x' where id = 1 ;; rollback to a ;; select name from customers where id = 1
lock table scratch in share mode
select pg_advisory_xact_lock(1)
@volatile select nextval('ticket'), currval('ticket')
select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a where a.attrelid = 'customers'::regclass and a.attnum > 0 order by a.attnum
select table_name, column_name, data_type from information_schema.columns where table_schema = 'public' and table_name = 'customers' order by ordinal_position
select relname, n_live_tup >= 0 from pg_stat_user_tables order by 1
select pg_size_pretty(pg_total_relation_size('customers')) is not null
select obj_description('customers'::regclass), col_description('customers'::regclass, 1)

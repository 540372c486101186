-- Sequelize, TypeORM, Knex, Drizzle on node-postgres: introspection, reads, writes, transactions; recorded from the server's log

--@ who analyst, agent
SET client_min_messages TO warning;SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE;

--@ who analyst, agent
WITH ranges AS (  SELECT pg_range.rngtypid, pg_type.typname AS rngtypname,         pg_type.typarray AS rngtyparray, pg_range.rngsubtype    FROM pg_range LEFT OUTER JOIN pg_type ON pg_type.oid = pg_range.rngtypid)SELECT pg_type.typname, pg_type.typtype, pg_type.oid, pg_type.typarray,       ranges.rngtypname, ranges.rngtypid, ranges.rngtyparray  FROM pg_type LEFT OUTER JOIN ranges ON pg_type.oid = ranges.rngsubtype WHERE (pg_type.typtype IN('b', 'e'));

--@ who analyst, agent
SELECT 1+1 AS result

--@ who analyst, agent
SELECT "id", "customer_id" AS "customerId", "total", "status" FROM "orders" AS "orders" WHERE "orders"."id" = 1;

--@ who analyst, agent
SELECT "orders".*, "lines"."order_id" AS "lines.orderId", "lines"."line" AS "lines.line", "lines"."product" AS "lines.product", "lines"."price" AS "lines.price" FROM (SELECT "orders"."id", "orders"."customer_id" AS "customerId", "orders"."total", "orders"."status" FROM "orders" AS "orders" WHERE "orders"."status" ILIKE 'n%' AND "orders"."total" BETWEEN 1 AND 9 ORDER BY "orders"."id" DESC LIMIT 5) AS "orders" LEFT OUTER JOIN "order_lines" AS "lines" ON "orders"."id" = "lines"."order_id" ORDER BY "orders"."id" DESC;

--@ who analyst, agent
SELECT count(*) AS "count" FROM "orders" AS "orders" WHERE "orders"."id" IN (1, 2, 3);

--@ who analyst, agent
SELECT "id", "customer_id" AS "customerId", "total", "status" FROM "orders" AS "orders" WHERE "orders"."id" IN (1, 2, 3) LIMIT 2 OFFSET 2;

--@ who analyst, agent
SELECT "status", count("id") AS "n" FROM "orders" AS "orders" GROUP BY "status" HAVING count(id) > 1;

--@ who analyst, agent
SELECT sum("total") AS "sum" FROM "orders" AS "orders" WHERE "orders"."status" = 'new';

--@ who analyst, agent
SELECT pk.constraint_type as "Constraint",c.column_name as "Field", c.column_default as "Default",c.is_nullable as "Null", (CASE WHEN c.udt_name = 'hstore' THEN c.udt_name ELSE c.data_type END) || (CASE WHEN c.character_maximum_length IS NOT NULL THEN '(' || c.character_maximum_length || ')' ELSE '' END) as "Type", (SELECT array_agg(e.enumlabel) FROM pg_catalog.pg_type t JOIN pg_catalog.pg_enum e ON t.oid=e.enumtypid WHERE t.typname=c.udt_name) AS "special", (SELECT pgd.description FROM pg_catalog.pg_statio_all_tables AS st INNER JOIN pg_catalog.pg_description pgd on (pgd.objoid=st.relid) WHERE c.ordinal_position=pgd.objsubid AND c.table_name=st.relname) AS "Comment" FROM information_schema.columns c LEFT JOIN (SELECT tc.table_schema, tc.table_name, cu.column_name, tc.constraint_type FROM information_schema.TABLE_CONSTRAINTS tc JOIN information_schema.KEY_COLUMN_USAGE  cu ON tc.table_schema=cu.table_schema and tc.table_name=cu.table_name and tc.constraint_name=cu.constraint_name and tc.constraint_type='PRIMARY KEY') pk ON pk.table_schema=c.table_schema AND pk.table_name=c.table_name AND pk.column_name=c.column_name WHERE c.table_name = 'orders' AND c.table_schema = 'public'

--@ who analyst, agent
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type LIKE '%TABLE' AND table_name != 'spatial_ref_sys';

--@ who analyst, agent
SELECT i.relname AS name, ix.indisprimary AS primary, ix.indisunique AS unique, ix.indkey AS indkey, array_agg(a.attnum) as column_indexes, array_agg(a.attname) AS column_names, pg_get_indexdef(ix.indexrelid) AS definition FROM pg_class t, pg_class i, pg_index ix, pg_attribute a WHERE t.oid = ix.indrelid AND i.oid = ix.indexrelid AND a.attrelid = t.oid AND t.relkind = 'r' and t.relname = 'orders' GROUP BY i.relname, ix.indexrelid, ix.indisprimary, ix.indisunique, ix.indkey ORDER BY i.relname;

--@ who analyst, agent
SELECT DISTINCT tc.constraint_name as constraint_name, tc.constraint_schema as constraint_schema, tc.constraint_catalog as constraint_catalog, tc.table_name as table_name,tc.table_schema as table_schema,tc.table_catalog as table_catalog,tc.initially_deferred as initially_deferred,tc.is_deferrable as is_deferrable,kcu.column_name as column_name,ccu.table_schema  AS referenced_table_schema,ccu.table_catalog  AS referenced_table_catalog,ccu.table_name  AS referenced_table_name,ccu.column_name AS referenced_column_name FROM information_schema.table_constraints AS tc JOIN information_schema.key_column_usage AS kcu ON tc.constraint_name = kcu.constraint_name JOIN information_schema.constraint_column_usage AS ccu ON ccu.constraint_name = tc.constraint_name WHERE constraint_type = 'FOREIGN KEY' AND tc.table_name = 'orders' AND tc.table_catalog = 'shop'

--@ who analyst, agent
START TRANSACTION;

--@ who analyst, agent
SELECT "Order"."id" AS "Order_id", "Order"."customer_id" AS "Order_customer_id", "Order"."total" AS "Order_total", "Order"."status" AS "Order_status" FROM "orders" "Order" WHERE (("Order"."id" = $1)) LIMIT 1

--@ who analyst, agent
SELECT "Order"."id" AS "Order_id", "Order"."customer_id" AS "Order_customer_id", "Order"."total" AS "Order_total", "Order"."status" AS "Order_status" FROM "orders" "Order" WHERE (("Order"."status" = $1)) ORDER BY "Order"."id" ASC LIMIT 2 OFFSET 1

--@ who analyst, agent
SELECT "Order"."id" AS "Order_id", "Order"."customer_id" AS "Order_customer_id", "Order"."total" AS "Order_total", "Order"."status" AS "Order_status" FROM "orders" "Order" WHERE (((("Order"."status" = $1))) OR ((("Order"."total" = $2))))

--@ who analyst, agent
SELECT "o"."status" AS "status", sum("o"."total") AS "sum" FROM "orders" "o" WHERE "o"."id" > $1 GROUP BY "o"."status"

--@ who analyst, agent
SELECT 1 AS "row_exists" FROM (SELECT 1 AS dummy_column) "dummy_table" WHERE EXISTS (SELECT 1 FROM "orders" "Order" WHERE (("Order"."id" = $1))) LIMIT 1

--@ who analyst, agent
SELECT * FROM current_database()

--@ who analyst, agent
SELECT "table_schema", "table_name", obj_description((quote_ident("table_schema") || '.' || quote_ident("table_name"))::regclass, 'pg_class') AS table_comment FROM "information_schema"."tables" WHERE ("table_schema" = 'public' AND "table_name" = 'orders')

--@ who analyst, agent
SELECT TRUE FROM information_schema.columns WHERE table_name = 'pg_class' and column_name = 'relispartition'

--@ who analyst, agent
SELECT columns.*, pg_catalog.col_description((quote_ident(table_catalog) || '.' || quote_ident(table_schema) || '.' || quote_ident(table_name))::regclass::oid, ordinal_position) AS description, ('"' || "udt_schema" || '"."' || "udt_name" || '"')::"regtype"::text AS "regtype", pg_catalog.format_type("col_attr"."atttypid", "col_attr"."atttypmod") AS "format_type" FROM "information_schema"."columns" LEFT JOIN "pg_catalog"."pg_attribute" AS "col_attr" ON "col_attr"."attname" = "columns"."column_name" AND "col_attr"."attrelid" = ( SELECT "cls"."oid" FROM "pg_catalog"."pg_class" AS "cls" LEFT JOIN "pg_catalog"."pg_namespace" AS "ns" ON "ns"."oid" = "cls"."relnamespace" WHERE "cls"."relname" = "columns"."table_name" AND "ns"."nspname" = "columns"."table_schema" ) WHERE ("table_schema" = 'public' AND "table_name" = 'orders')

--@ who analyst, agent
SELECT "ns"."nspname" AS "table_schema", "t"."relname" AS "table_name", "cnst"."conname" AS "constraint_name", pg_get_constraintdef("cnst"."oid") AS "expression", CASE "cnst"."contype" WHEN 'p' THEN 'PRIMARY' WHEN 'u' THEN 'UNIQUE' WHEN 'c' THEN 'CHECK' WHEN 'x' THEN 'EXCLUDE' END AS "constraint_type", "a"."attname" AS "column_name" FROM "pg_constraint" "cnst" INNER JOIN "pg_class" "t" ON "t"."oid" = "cnst"."conrelid" INNER JOIN "pg_namespace" "ns" ON "ns"."oid" = "cnst"."connamespace" LEFT JOIN "pg_attribute" "a" ON "a"."attrelid" = "cnst"."conrelid" AND "a"."attnum" = ANY ("cnst"."conkey") WHERE "t"."relkind" IN ('r', 'p') AND (("ns"."nspname" = 'public' AND "t"."relname" = 'orders'))

--@ who analyst, agent
SELECT "ns"."nspname" AS "table_schema", "t"."relname" AS "table_name", "i"."relname" AS "constraint_name", "a"."attname" AS "column_name", CASE "ix"."indisunique" WHEN 't' THEN 'TRUE' ELSE'FALSE' END AS "is_unique", pg_get_expr("ix"."indpred", "ix"."indrelid") AS "condition", "types"."typname" AS "type_name", "am"."amname" AS "index_type" FROM "pg_class" "t" INNER JOIN "pg_index" "ix" ON "ix"."indrelid" = "t"."oid" INNER JOIN "pg_attribute" "a" ON "a"."attrelid" = "t"."oid"  AND "a"."attnum" = ANY ("ix"."indkey") INNER JOIN "pg_namespace" "ns" ON "ns"."oid" = "t"."relnamespace" INNER JOIN "pg_class" "i" ON "i"."oid" = "ix"."indexrelid" INNER JOIN "pg_type" "types" ON "types"."oid" = "a"."atttypid" INNER JOIN "pg_am" "am" ON "i"."relam" = "am"."oid" LEFT JOIN "pg_constraint" "cnst" ON "cnst"."conname" = "i"."relname" WHERE "t"."relkind" IN ('r', 'p') AND "cnst"."contype" IS NULL AND (("ns"."nspname" = 'public' AND "t"."relname" = 'orders'))

--@ who analyst, agent
SELECT "con"."conname" AS "constraint_name", "con"."nspname" AS "table_schema", "con"."relname" AS "table_name", "att2"."attname" AS "column_name", "ns"."nspname" AS "referenced_table_schema", "cl"."relname" AS "referenced_table_name", "att"."attname" AS "referenced_column_name", "con"."confdeltype" AS "on_delete", "con"."confupdtype" AS "on_update", "con"."condeferrable" AS "deferrable", "con"."condeferred" AS "deferred" FROM ( SELECT UNNEST ("con1"."conkey") AS "parent", UNNEST ("con1"."confkey") AS "child", "con1"."confrelid", "con1"."conrelid", "con1"."conname", "con1"."contype", "ns"."nspname", "cl"."relname", "con1"."condeferrable", CASE WHEN "con1"."condeferred" THEN 'INITIALLY DEFERRED' ELSE 'INITIALLY IMMEDIATE' END as condeferred, CASE "con1"."confdeltype" WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END as "confdeltype", CASE "con1"."confupdtype" WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END as "confupdtype" FROM "pg_class" "cl" INNER JOIN "pg_namespace" "ns" ON "cl"."relnamespace" = "ns"."oid" INNER JOIN "pg_constraint" "con1" ON "con1"."conrelid" = "cl"."oid" WHERE "con1"."contype" = 'f' AND (("ns"."nspname" = 'public' AND "cl"."relname" = 'orders')) ) "con" INNER JOIN "pg_attribute" "att" ON "att"."attrelid" = "con"."confrelid" AND "att"."attnum" = "con"."child" INNER JOIN "pg_class" "cl" ON "cl"."oid" = "con"."confrelid"  AND "cl"."relispartition" = 'f'INNER JOIN "pg_namespace" "ns" ON "cl"."relnamespace" = "ns"."oid" INNER JOIN "pg_attribute" "att2" ON "att2"."attrelid" = "con"."conrelid" AND "att2"."attnum" = "con"."parent"

--@ who analyst, agent
SELECT "table_schema", "table_name", obj_description((quote_ident("table_schema") || '.' || quote_ident("table_name"))::regclass, 'pg_class') AS table_comment FROM "information_schema"."tables" WHERE ("table_schema" = 'public' AND "table_name" = 'orders') OR ("table_schema" = 'public' AND "table_name" = 'order_lines')

--@ who analyst, agent
SELECT columns.*, pg_catalog.col_description((quote_ident(table_catalog) || '.' || quote_ident(table_schema) || '.' || quote_ident(table_name))::regclass::oid, ordinal_position) AS description, ('"' || "udt_schema" || '"."' || "udt_name" || '"')::"regtype"::text AS "regtype", pg_catalog.format_type("col_attr"."atttypid", "col_attr"."atttypmod") AS "format_type" FROM "information_schema"."columns" LEFT JOIN "pg_catalog"."pg_attribute" AS "col_attr" ON "col_attr"."attname" = "columns"."column_name" AND "col_attr"."attrelid" = ( SELECT "cls"."oid" FROM "pg_catalog"."pg_class" AS "cls" LEFT JOIN "pg_catalog"."pg_namespace" AS "ns" ON "ns"."oid" = "cls"."relnamespace" WHERE "cls"."relname" = "columns"."table_name" AND "ns"."nspname" = "columns"."table_schema" ) WHERE ("table_schema" = 'public' AND "table_name" = 'order_lines') OR ("table_schema" = 'public' AND "table_name" = 'orders')

--@ who analyst, agent
SELECT "ns"."nspname" AS "table_schema", "t"."relname" AS "table_name", "cnst"."conname" AS "constraint_name", pg_get_constraintdef("cnst"."oid") AS "expression", CASE "cnst"."contype" WHEN 'p' THEN 'PRIMARY' WHEN 'u' THEN 'UNIQUE' WHEN 'c' THEN 'CHECK' WHEN 'x' THEN 'EXCLUDE' END AS "constraint_type", "a"."attname" AS "column_name" FROM "pg_constraint" "cnst" INNER JOIN "pg_class" "t" ON "t"."oid" = "cnst"."conrelid" INNER JOIN "pg_namespace" "ns" ON "ns"."oid" = "cnst"."connamespace" LEFT JOIN "pg_attribute" "a" ON "a"."attrelid" = "cnst"."conrelid" AND "a"."attnum" = ANY ("cnst"."conkey") WHERE "t"."relkind" IN ('r', 'p') AND (("ns"."nspname" = 'public' AND "t"."relname" = 'order_lines') OR ("ns"."nspname" = 'public' AND "t"."relname" = 'orders'))

--@ who analyst, agent
SELECT "ns"."nspname" AS "table_schema", "t"."relname" AS "table_name", "i"."relname" AS "constraint_name", "a"."attname" AS "column_name", CASE "ix"."indisunique" WHEN 't' THEN 'TRUE' ELSE'FALSE' END AS "is_unique", pg_get_expr("ix"."indpred", "ix"."indrelid") AS "condition", "types"."typname" AS "type_name", "am"."amname" AS "index_type" FROM "pg_class" "t" INNER JOIN "pg_index" "ix" ON "ix"."indrelid" = "t"."oid" INNER JOIN "pg_attribute" "a" ON "a"."attrelid" = "t"."oid"  AND "a"."attnum" = ANY ("ix"."indkey") INNER JOIN "pg_namespace" "ns" ON "ns"."oid" = "t"."relnamespace" INNER JOIN "pg_class" "i" ON "i"."oid" = "ix"."indexrelid" INNER JOIN "pg_type" "types" ON "types"."oid" = "a"."atttypid" INNER JOIN "pg_am" "am" ON "i"."relam" = "am"."oid" LEFT JOIN "pg_constraint" "cnst" ON "cnst"."conname" = "i"."relname" WHERE "t"."relkind" IN ('r', 'p') AND "cnst"."contype" IS NULL AND (("ns"."nspname" = 'public' AND "t"."relname" = 'order_lines') OR ("ns"."nspname" = 'public' AND "t"."relname" = 'orders'))

--@ who analyst, agent
SELECT "con"."conname" AS "constraint_name", "con"."nspname" AS "table_schema", "con"."relname" AS "table_name", "att2"."attname" AS "column_name", "ns"."nspname" AS "referenced_table_schema", "cl"."relname" AS "referenced_table_name", "att"."attname" AS "referenced_column_name", "con"."confdeltype" AS "on_delete", "con"."confupdtype" AS "on_update", "con"."condeferrable" AS "deferrable", "con"."condeferred" AS "deferred" FROM ( SELECT UNNEST ("con1"."conkey") AS "parent", UNNEST ("con1"."confkey") AS "child", "con1"."confrelid", "con1"."conrelid", "con1"."conname", "con1"."contype", "ns"."nspname", "cl"."relname", "con1"."condeferrable", CASE WHEN "con1"."condeferred" THEN 'INITIALLY DEFERRED' ELSE 'INITIALLY IMMEDIATE' END as condeferred, CASE "con1"."confdeltype" WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END as "confdeltype", CASE "con1"."confupdtype" WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END as "confupdtype" FROM "pg_class" "cl" INNER JOIN "pg_namespace" "ns" ON "cl"."relnamespace" = "ns"."oid" INNER JOIN "pg_constraint" "con1" ON "con1"."conrelid" = "cl"."oid" WHERE "con1"."contype" = 'f' AND (("ns"."nspname" = 'public' AND "cl"."relname" = 'order_lines') OR ("ns"."nspname" = 'public' AND "cl"."relname" = 'orders')) ) "con" INNER JOIN "pg_attribute" "att" ON "att"."attrelid" = "con"."confrelid" AND "att"."attnum" = "con"."child" INNER JOIN "pg_class" "cl" ON "cl"."oid" = "con"."confrelid"  AND "cl"."relispartition" = 'f'INNER JOIN "pg_namespace" "ns" ON "cl"."relnamespace" = "ns"."oid" INNER JOIN "pg_attribute" "att2" ON "att2"."attrelid" = "con"."conrelid" AND "att2"."attnum" = "con"."parent"

--@ who analyst, agent
SELECT * FROM "information_schema"."tables" WHERE "table_schema" = $1 AND "table_name" = $2

--@ who analyst, agent
SELECT * FROM "information_schema"."columns" WHERE "table_schema" = $1 AND "table_name" = $2 AND "column_name" = $3

--@ who analyst, agent
SELECT "Order"."id" AS "Order_id", "Order"."customer_id" AS "Order_customer_id", "Order"."total" AS "Order_total", "Order"."status" AS "Order_status" FROM "orders" "Order" WHERE "Order"."id" = $1

--@ who analyst, agent
select * from "orders" where "id" = $1 limit $2

--@ who analyst, agent
select "o"."id", "l"."product" from "orders" as "o" left join "order_lines" as "l" on "l"."order_id" = "o"."id" where "o"."status" in ($1) order by "o"."id" asc limit $2

--@ who analyst, agent
select count(*) as "n", "status" from "orders" group by "status"

--@ who analyst, agent
with "big" as (select * from "orders" where "total" > $1) select * from "big"

--@ who analyst, agent
select * from information_schema.columns where table_name = $1 and table_catalog = current_database() and table_schema = current_schema()

--@ who analyst, agent
select * from information_schema.tables where table_name = $1 and table_schema = current_schema()

--@ who analyst, agent
select * from information_schema.columns where table_name = $1 and column_name = $2 and table_schema = current_schema()

--@ who analyst, agent
select "id", "customer_id", "total", "status" from "orders" where ("orders"."status" = $1 and "orders"."id" > $2) order by "orders"."id" desc limit $3

--@ who analyst, agent
select "status", count(*) from "orders" group by "orders"."status"

--@ who analyst, agent
select "orders"."id", "order_lines"."product" from "orders" inner join "order_lines" on "order_lines"."order_id" = "orders"."id" where "orders"."id" in ($1, $2)

--@ who analyst, agent
with "big" as (select "id", "customer_id", "total", "status" from "orders" where "orders"."id" > $1) select "id", "customer_id", "total", "status" from "big"

--@ who analyst, agent
select now()

-- deny for agent: agents-never-change: insert on table public.customers is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.customers
--@ who writer
insert into customers (id, name) values (1, 'x') on conflict do nothing

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders" ("id","customer_id","total","status") VALUES ($1,$2,$3,$4) RETURNING "id","customer_id","total","status";

-- deny for agent: agents-never-change: update on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.orders
--@ who writer
UPDATE "orders" SET "status"=$1 WHERE "id" = $2

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders" ("id","customer_id","total","status") VALUES ($1,$2,$3,$4) ON CONFLICT ("id") DO UPDATE SET "id"=EXCLUDED."id","customer_id"=EXCLUDED."customer_id","total"=EXCLUDED."total","status"=EXCLUDED."status" RETURNING "id","customer_id","total","status";

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders" ("id","customer_id") VALUES (51,1),(52,1) ON CONFLICT DO NOTHING RETURNING "id","customer_id","total","status";

-- deny for agent: agents-never-change: update on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.orders
--@ who writer
UPDATE "orders" SET "total"="total"+ 1 WHERE "id" = 50 RETURNING *

-- deny for agent: agents-never-change: lock on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits lock on table public.orders
--@ who writer
SELECT "id", "customer_id" AS "customerId", "total", "status" FROM "orders" AS "orders" WHERE "orders"."id" = 50 FOR UPDATE SKIP LOCKED;

-- deny for agent: agents-never-change: delete on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits delete on table public.orders
--@ who writer
DELETE FROM "orders" WHERE "id" IN (50, 51, 52)

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders"("id", "customer_id", "total", "status") VALUES ($1, $2, $3, $4)

-- deny for agent: agents-never-change: update on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.orders
--@ who writer
UPDATE "orders" SET "total" = $1 WHERE "id" = $2

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
insert into "orders" ("customer_id", "id", "status") values ($1, $2, $3) returning "id"

-- deny for agent: agents-never-change: lock on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits lock on table public.orders
--@ who writer
select * from "orders" where "id" = $1 limit $2 for update

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
insert into "orders" ("id", "customer_id", "total", "status") values ($1, $2, default, $3) on conflict ("id") do update set "status" = $4 returning "id", "customer_id", "total", "status"

-- deny for agent: agents-never-change: delete on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits delete on table public.orders
--@ who writer
delete from "orders" where "orders"."id" = $1

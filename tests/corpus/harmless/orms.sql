-- Prisma, Rails, Sequelize, TypeORM, GORM, Hibernate: as they write, by hand and sent by psql; recorded from the server's log

--@ who analyst, agent
SELECT "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total", "public"."orders"."status" FROM "public"."orders" WHERE ("public"."orders"."id" = 1 AND 1=1) LIMIT 1 OFFSET 0;

--@ who analyst, agent
SELECT "public"."order_lines"."order_id", "public"."order_lines"."product" FROM "public"."order_lines" WHERE "public"."order_lines"."order_id" IN (1,2,3) OFFSET 0;

--@ who analyst, agent
SELECT COUNT(*) FROM (SELECT "public"."orders"."id" FROM "public"."orders" WHERE "public"."orders"."status" = 'new' OFFSET 0) AS "sub";

--@ who analyst, agent
SELECT "t1"."id", "t1"."status", "orders_lines"."__prisma_data__" AS "lines" FROM "public"."orders" AS "t1" LEFT JOIN LATERAL (SELECT COALESCE(JSONB_AGG("__prisma_data__"), '[]') AS "__prisma_data__" FROM (SELECT "t3"."__prisma_data__" FROM (SELECT JSONB_BUILD_OBJECT('product', "t2"."product", 'price', "t2"."price") AS "__prisma_data__" FROM (SELECT "t2".* FROM "public"."order_lines" AS "t2" WHERE "t1"."id" = "t2"."order_id" /* root select */) AS "t2" /* inner select */) AS "t3" /* middle select */) AS "t4" /* outer select */) AS "orders_lines" ON true;

--@ who analyst, agent
SELECT "orders".* FROM "orders" WHERE "orders"."id" = 1 LIMIT 1;

--@ who analyst, agent
SELECT 1 AS one FROM "orders" WHERE "orders"."status" = 'new' LIMIT 1;

--@ who analyst, agent
SELECT "orders"."id" AS t0_r0, "orders"."status" AS t0_r1, "order_lines"."product" AS t1_r0 FROM "orders" LEFT OUTER JOIN "order_lines" ON "order_lines"."order_id" = "orders"."id" WHERE "orders"."status" IN ('new', 'paid') ORDER BY "orders"."id" ASC;

--@ who analyst, agent
SELECT COUNT(DISTINCT "orders"."customer_id") FROM "orders" INNER JOIN "order_lines" ON "order_lines"."order_id" = "orders"."id";

--@ who analyst, agent
SELECT COUNT(*) AS "count_all", "orders"."status" AS "orders_status" FROM "orders" GROUP BY "orders"."status";

--@ who analyst, agent
SELECT SUM("orders"."total") FROM "orders" WHERE "orders"."id" BETWEEN 1 AND 100;

--@ who analyst, agent
SELECT "orders"."id" FROM "orders" WHERE "orders"."id" > 100 ORDER BY "orders"."id" ASC LIMIT 1000;

--@ who analyst, agent
SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.atttypid, a.atttypmod, c.collname, col_description(a.attrelid, a.attnum) AS comment, attidentity AS identity, attgenerated as attgenerated FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum LEFT JOIN pg_type t ON a.atttypid = t.oid LEFT JOIN pg_collation c ON a.attcollation = c.oid AND a.attcollation <> t.typcollation WHERE a.attrelid = '"orders"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

--@ who analyst, agent
SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype FROM pg_type as t LEFT JOIN pg_range as r ON oid = rngtypid WHERE t.typname IN ('int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric', 'bool');

--@ who analyst, agent
SELECT a.attname FROM ( SELECT indrelid, indkey, generate_subscripts(indkey, 1) idx FROM pg_index WHERE indrelid = '"orders"'::regclass AND indisprimary ) i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[i.idx] ORDER BY i.idx;

--@ who analyst, agent
SELECT type.typname AS name, type.oid AS oid, n.nspname AS schema, array_agg(enum.enumlabel ORDER BY enum.enumsortorder) AS value FROM pg_enum AS enum JOIN pg_type AS type ON (type.oid = enum.enumtypid) JOIN pg_namespace n ON type.typnamespace = n.oid WHERE n.nspname = ANY (current_schemas(false)) GROUP BY type.OID, n.nspname, type.typname;

--@ who analyst, agent
SET client_min_messages TO 'warning';

--@ who analyst, agent
SET standard_conforming_strings = on;

--@ who analyst, agent
SET SESSION intervalstyle TO iso_8601;

--@ who analyst, agent
SET SESSION timezone TO 'UTC';

--@ who analyst, agent
SHOW server_version;

--@ who analyst, agent
SHOW SERVER_VERSION_NUM;

--@ who analyst, agent
SELECT "Order"."id", "Order"."status", "Customer->lines"."product" AS "lines.product" FROM "orders" AS "Order" LEFT OUTER JOIN "order_lines" AS "Customer->lines" ON "Order"."id" = "Customer->lines"."order_id" WHERE "Order"."status" ILIKE '%n%' LIMIT 20;

--@ who analyst, agent
SELECT "Order"."id" AS "Order_id", "Order"."status" AS "Order_status" FROM "orders" "Order" WHERE ( (("Order"."id" = 1)) ) AND ( "Order"."id" IN (1) ) LIMIT 1;

--@ who analyst, agent
SELECT * FROM "orders" WHERE status = 'new' AND "orders"."id" = 10 ORDER BY "orders"."id" LIMIT 1;

--@ who analyst, agent
select o1_0.id,o1_0.customer_id,o1_0.status,o1_0.total from orders o1_0 where o1_0.status=('new') order by o1_0.id offset 0 rows fetch first 20 rows only;

--@ who analyst, agent
select count(o1_0.id) from orders o1_0 left join order_lines l1_0 on o1_0.id=l1_0.order_id where upper(o1_0.status) like upper('n%') escape '';

--@ who analyst, agent
select * from current_schema();

--@ who analyst, agent
SELECT * FROM current_schema();

--@ who analyst, agent
SELECT "n".* FROM (SELECT nspname FROM pg_namespace) "n";

--@ who analyst, agent
SELECT pg_advisory_unlock(72707369);

-- deny for agent: agents-never-change: lock on datasource shop is forbidden by policy "agents-never-change": Agents only read
--@ who analyst
SELECT pg_try_advisory_lock(72707369);

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders" ("id","customer_id","status") VALUES (101,1,'new') RETURNING "orders"."id";

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders" ("id", "customer_id", "status") VALUES (102, 1, 'new'), (103, 1, 'paid') ON CONFLICT ("id") DO UPDATE SET "status" = excluded."status" RETURNING "id";

-- deny for agent: agents-never-change: update on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.orders
--@ who writer
UPDATE "orders" SET "status" = 'paid' WHERE "orders"."id" = 1;

-- deny for agent: agents-never-change: update on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.orders
--@ who writer
UPDATE "public"."orders" SET "status" = 'paid', "total" = ("public"."orders"."total" + 1) WHERE ("public"."orders"."id" = 1 AND 1=1) RETURNING "public"."orders"."id";

-- deny for agent: agents-never-change: delete on table public.order_lines is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits delete on table public.order_lines
--@ who writer
DELETE FROM "order_lines" WHERE "order_lines"."order_id" = 1 AND "order_lines"."line" = 2;

-- deny for agent: agents-never-change: delete on table public.order_lines is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits delete on table public.order_lines
--@ who writer
DELETE FROM "order_lines" WHERE ("order_id") IN (SELECT "id" FROM "orders" WHERE "status" = 'cancelled');

-- deny for agent: agents-never-change: lock on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits lock on table public.orders
--@ who writer
SELECT "orders".* FROM "orders" WHERE "orders"."id" = 1 LIMIT 1 FOR UPDATE;

-- deny for agent: agents-never-change: lock on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits lock on table public.orders
--@ who writer
SELECT id FROM orders WHERE status = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- deny for agent: agents-never-change: update on table public.ticket_numbers is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.ticket_numbers
--@ who writer
SELECT nextval('ticket_numbers');

-- Prisma 7.10 with its adapter for node-postgres: reads, relations, aggregates, writes, transactions; recorded from the server's log

--@ who analyst, agent
SELECT "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total", "public"."orders"."status" FROM "public"."orders" WHERE "public"."orders"."status" ILIKE ('%' || $1 || '%') ORDER BY "public"."orders"."id" DESC LIMIT $2 OFFSET $3

--@ who analyst, agent
SELECT "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total", "public"."orders"."status" FROM "public"."orders" WHERE (("public"."orders"."status" = $1 OR "public"."orders"."total" > $2) AND (NOT "public"."orders"."customer_id" = $3)) ORDER BY "public"."orders"."id" ASC LIMIT $4 OFFSET $5

--@ who analyst, agent
SELECT "public"."order_lines"."line", "public"."order_lines"."order_id", "public"."order_lines"."product", "public"."order_lines"."price" FROM "public"."order_lines" WHERE ("public"."order_lines"."price" < $1 AND "public"."order_lines"."order_id" IN (NULL)) ORDER BY "public"."order_lines"."line" ASC OFFSET $2

--@ who analyst, agent
SELECT "public"."orders"."id", COALESCE("aggr_selection_0_order_lines"."_aggr_count_order_lines", 0) AS "_aggr_count_order_lines" FROM "public"."orders" LEFT JOIN (SELECT "public"."order_lines"."order_id", COUNT(*) AS "_aggr_count_order_lines" FROM "public"."order_lines" WHERE 1=1 GROUP BY "public"."order_lines"."order_id") AS "aggr_selection_0_order_lines" ON ("public"."orders"."id" = "aggr_selection_0_order_lines"."order_id") WHERE EXISTS(SELECT "t0"."order_id" FROM "public"."order_lines" AS "t0" WHERE ("t0"."product" = $1 AND ("public"."orders"."id") = ("t0"."order_id") AND "t0"."order_id" IS NOT NULL)) OFFSET $2

--@ who analyst, agent
SELECT "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total", "public"."orders"."status" FROM "public"."orders" WHERE "public"."orders"."id" >= (SELECT "public"."orders"."id" FROM "public"."orders" WHERE ("public"."orders"."id") = ($1)) ORDER BY "public"."orders"."id" ASC OFFSET $2

--@ who analyst, agent
SELECT SUM("total") AS "_sum$total", AVG("total") AS "_avg$total", MIN("id") AS "_min$id", COUNT(*) AS "_count$_all" FROM (SELECT "public"."orders"."total", "public"."orders"."id" FROM "public"."orders" WHERE 1=1 OFFSET $1) AS "sub"

--@ who analyst, agent
SELECT SUM("public"."orders"."total") AS "_sum$total", "public"."orders"."status" FROM "public"."orders" WHERE 1=1 GROUP BY "public"."orders"."status" HAVING AVG("public"."orders"."total") > $1 ORDER BY "public"."orders"."status" ASC OFFSET $2

--@ who analyst, agent
SELECT "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total", "public"."orders"."status" FROM "public"."orders" WHERE "public"."orders"."id" = $1 LIMIT $2 OFFSET $3

--@ who analyst, agent
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE

--@ who analyst, agent
SELECT COUNT(*) AS "_count$_all" FROM (SELECT "public"."orders"."id" FROM "public"."orders" WHERE 1=1 OFFSET $1) AS "sub"

-- deny for agent: agents-never-change: insert on table public.customers is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.customers
--@ who writer
insert into customers (id, name) values (1, 'x')

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "public"."orders" ("id","customer_id","status") VALUES ($1,$2,$3) RETURNING "public"."orders"."id"

-- deny for agent: agents-never-change: insert on table public.order_lines is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.order_lines
--@ who writer
INSERT INTO "public"."order_lines" ("order_id","line","product") VALUES ($1,$2,$3) RETURNING "public"."order_lines"."line"

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "public"."orders" ("id","customer_id") VALUES ($1,$2), ($3,$4) ON CONFLICT DO NOTHING

-- deny for agent: agents-never-change: update on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.orders
--@ who writer
UPDATE "public"."orders" SET "status" = $1, "total" = ("public"."orders"."total" + $2) WHERE ("public"."orders"."id" = $3 AND 1=1) RETURNING "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total", "public"."orders"."status"

-- deny for agent: agents-never-change: update on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.orders
--@ who writer
UPDATE "public"."orders" SET "status" = $1 WHERE "public"."orders"."id" >= $2

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "public"."orders" ("id","customer_id") VALUES ($1,$2) ON CONFLICT ("id") DO UPDATE SET "status" = $3 WHERE ("public"."orders"."id" = $4 AND 1=1) RETURNING "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total", "public"."orders"."status"

-- deny for agent: agents-never-change: delete on table public.order_lines is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits delete on table public.order_lines
--@ who writer
DELETE FROM "public"."order_lines" WHERE "public"."order_lines"."order_id" = $1

-- deny for agent: agents-never-change: delete on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits delete on table public.orders
--@ who writer
DELETE FROM "public"."orders" WHERE ("public"."orders"."id" = $1 AND 1=1) RETURNING "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total", "public"."orders"."status"

-- deny for agent: agents-never-change: delete on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits delete on table public.orders
--@ who writer
DELETE FROM "public"."orders" WHERE "public"."orders"."id" IN ($1,$2,$3)

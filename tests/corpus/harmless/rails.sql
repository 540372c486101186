-- Rails' ActiveRecord: schema, reads, writes, transactions, locks; recorded from the server's log

--@ who analyst, agent
SELECT t.oid, t.typname
FROM pg_type as t
WHERE t.typname IN ('int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric', 'bool', 'timestamp', 'timestamptz')

--@ who analyst, agent
SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype
FROM pg_type as t
LEFT JOIN pg_range as r ON oid = rngtypid
WHERE
  t.typname IN ('int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'text', 'varchar', 'char', 'name', 'bpchar', 'bool', 'bit', 'varbit', 'timestamptz', 'date', 'money', 'bytea', 'point', 'hstore', 'json', 'jsonb', 'cidr', 'inet', 'uuid', 'xml', 'tsvector', 'macaddr', 'citext', 'ltree', 'line', 'lseg', 'box', 'path', 'polygon', 'circle', 'time', 'timestamp', 'numeric', 'interval')
  OR t.typtype IN ('r', 'e', 'd')
  OR t.typinput = 'array_in(cstring,oid,integer)'::regprocedure
  OR t.typelem != 0

--@ who analyst, agent
SELECT c.relname FROM pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r','p')

--@ who analyst, agent
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.atttypid, a.atttypmod,
       c.collname, col_description(a.attrelid, a.attnum) AS comment
  FROM pg_attribute a
  LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum
  LEFT JOIN pg_type t ON a.atttypid = t.oid
  LEFT JOIN pg_collation c ON a.attcollation = c.oid AND a.attcollation <> t.typcollation
 WHERE a.attrelid = '"orders"'::regclass
   AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum

--@ who analyst, agent
SELECT distinct i.relname, d.indisunique, d.indkey, pg_get_indexdef(d.indexrelid), t.oid,
                pg_catalog.obj_description(i.oid, 'pg_class') AS comment
FROM pg_class t
INNER JOIN pg_index d ON t.oid = d.indrelid
INNER JOIN pg_class i ON d.indexrelid = i.oid
LEFT JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE i.relkind IN ('i', 'I')
  AND d.indisprimary = 'f'
  AND t.relname = 'orders'
  AND n.nspname = ANY (current_schemas(false))
ORDER BY i.relname

--@ who analyst, agent
SELECT a.attnum, a.attname
FROM pg_attribute a
WHERE a.attrelid = 16395
AND a.attnum IN (4)

--@ who analyst, agent
SELECT t2.oid::regclass::text AS to_table, a1.attname AS column, a2.attname AS primary_key, c.conname AS name, c.confupdtype AS on_update, c.confdeltype AS on_delete, c.convalidated AS valid
FROM pg_constraint c
JOIN pg_class t1 ON c.conrelid = t1.oid
JOIN pg_class t2 ON c.confrelid = t2.oid
JOIN pg_attribute a1 ON a1.attnum = c.conkey[1] AND a1.attrelid = t1.oid
JOIN pg_attribute a2 ON a2.attnum = c.confkey[1] AND a2.attrelid = t2.oid
JOIN pg_namespace t3 ON c.connamespace = t3.oid
WHERE c.contype = 'f'
  AND t1.relname = 'orders'
  AND t3.nspname = ANY (current_schemas(false))
ORDER BY c.conname

--@ who analyst, agent
SELECT conname, pg_get_constraintdef(c.oid) AS constraintdef, c.convalidated AS valid
            FROM pg_constraint c
            JOIN pg_class t ON c.conrelid = t.oid
            WHERE c.contype = 'c'
              AND t.relname = 'orders'

--@ who analyst, agent
SELECT pg_catalog.obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class c
  LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = 'orders'
  AND c.relkind IN ('r','p')
  AND n.nspname = ANY (current_schemas(false))

--@ who analyst, agent
SELECT extname FROM pg_extension

--@ who analyst, agent
SELECT nspname
  FROM pg_namespace
 WHERE nspname !~ '^pg_.*'
   AND nspname NOT IN ('information_schema')
 ORDER by nspname;

--@ who analyst, agent
SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()

--@ who analyst, agent
SELECT datcollate FROM pg_database WHERE datname = current_database()

--@ who analyst, agent
SELECT "orders".* FROM "orders" WHERE "orders"."status" IN ($1, $2) ORDER BY "orders"."id" DESC LIMIT $3

--@ who analyst, agent
SELECT "orders"."id", "orders"."status" FROM "orders" WHERE "orders"."status" IS NOT NULL AND (total > 3)

--@ who analyst, agent
SHOW max_identifier_length

--@ who analyst, agent
SELECT COUNT(*) AS count_all, "orders"."status" AS orders_status FROM "orders" INNER JOIN "order_lines" ON "order_lines"."order_id" = "orders"."id" GROUP BY "orders"."status"

--@ who analyst, agent
SELECT "orders"."id" AS t0_r0, "orders"."customer_id" AS t0_r1, "orders"."total" AS t0_r2, "orders"."status" AS t0_r3, "order_lines"."order_id" AS t1_r0, "order_lines"."line" AS t1_r1, "order_lines"."product" AS t1_r2, "order_lines"."price" AS t1_r3 FROM "orders" LEFT OUTER JOIN "order_lines" ON "order_lines"."order_id" = "orders"."id" WHERE "order_lines"."product" = $1

--@ who analyst, agent
SELECT "orders".* FROM "orders" LIMIT $1

--@ who analyst, agent
SELECT COUNT(DISTINCT "orders"."customer_id") FROM "orders" LEFT OUTER JOIN "order_lines" ON "order_lines"."order_id" = "orders"."id"

--@ who analyst, agent
SELECT "orders".* FROM "orders" WHERE "orders"."status" = $1

--@ who analyst, agent
EXPLAIN SELECT "orders".* FROM "orders" WHERE "orders"."status" = $1

--@ who analyst, agent
SELECT "orders".* FROM "orders" ORDER BY "orders"."id" ASC LIMIT $1

--@ who analyst, agent
SELECT AVG("orders"."total") FROM "orders" WHERE "orders"."id" IN (SELECT "orders"."id" FROM "orders" WHERE "orders"."status" = $1)

-- deny for agent: agents-never-change: insert on table public.customers is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.customers
--@ who writer
INSERT INTO "customers" ("id", "name") VALUES ($1, $2) RETURNING "id"

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders" ("id", "customer_id", "total", "status") VALUES ($1, $2, $3, $4) RETURNING "id"

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders" ("id","customer_id","status") VALUES (90, 90, 'new') ON CONFLICT ("id") DO UPDATE SET "customer_id"=excluded."customer_id","status"=excluded."status" RETURNING "id"

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders" ("id","customer_id") VALUES (91, 90) ON CONFLICT  DO NOTHING RETURNING "id"

-- deny for agent: agents-never-change: update on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.orders
--@ who writer
UPDATE "orders" SET total = total + 1 WHERE "orders"."id" = $1

-- deny for agent: agents-never-change: delete on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits delete on table public.orders
--@ who writer
DELETE FROM "orders" WHERE "orders"."customer_id" = $1

-- Django: inspectdb, migrate --plan, queries of the ORM; recorded from the server's log

--@ who analyst, agent
SELECT set_config('TimeZone', 'UTC', false)

--@ who analyst, agent
SELECT
                c.relname,
                CASE
                    WHEN c.relispartition THEN 'p'
                    WHEN c.relkind IN ('m', 'v') THEN 'v'
                    ELSE 't'
                END,
                obj_description(c.oid, 'pg_class')
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v')
                AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
                AND pg_catalog.pg_table_is_visible(c.oid)

--@ who analyst, agent
SELECT a1.attname, c2.relname, a2.attname
            FROM pg_constraint con
            LEFT JOIN pg_class c1 ON con.conrelid = c1.oid
            LEFT JOIN pg_class c2 ON con.confrelid = c2.oid
            LEFT JOIN
                pg_attribute a1 ON c1.oid = a1.attrelid AND a1.attnum = con.conkey[1]
            LEFT JOIN
                pg_attribute a2 ON c2.oid = a2.attrelid AND a2.attnum = con.confkey[1]
            WHERE
                c1.relname = 'audit_trail' AND
                con.contype = 'f' AND
                c1.relnamespace = c2.relnamespace AND
                pg_catalog.pg_table_is_visible(c1.oid)

--@ who analyst, agent
SELECT
                c.conname,
                array(
                    SELECT attname
                    FROM unnest(c.conkey) WITH ORDINALITY cols(colid, arridx)
                    JOIN pg_attribute AS ca ON cols.colid = ca.attnum
                    WHERE ca.attrelid = c.conrelid
                    ORDER BY cols.arridx
                ),
                c.contype,
                (SELECT fkc.relname || '.' || fka.attname
                FROM pg_attribute AS fka
                JOIN pg_class AS fkc ON fka.attrelid = fkc.oid
                WHERE fka.attrelid = c.confrelid AND fka.attnum = c.confkey[1]),
                cl.reloptions
            FROM pg_constraint AS c
            JOIN pg_class AS cl ON c.conrelid = cl.oid
            WHERE cl.relname = 'audit_trail' AND pg_catalog.pg_table_is_visible(cl.oid)

--@ who analyst, agent
SELECT
                indexname,
                array_agg(attname ORDER BY arridx),
                indisunique,
                indisprimary,
                array_agg(ordering ORDER BY arridx),
                amname,
                exprdef,
                s2.attoptions
            FROM (
                SELECT
                    c2.relname as indexname, idx.*, attr.attname, am.amname,
                    CASE
                        WHEN idx.indexprs IS NOT NULL THEN
                            pg_get_indexdef(idx.indexrelid)
                    END AS exprdef,
                    CASE am.amname
                        WHEN 'btree' THEN
                            CASE (option & 1)
                                WHEN 1 THEN 'DESC' ELSE 'ASC'
                            END
                    END as ordering,
                    c2.reloptions as attoptions
                FROM (
                    SELECT *
                    FROM
                        pg_index i,
                        unnest(i.indkey, i.indoption)
                            WITH ORDINALITY koi(key, option, arridx)
                ) idx
                LEFT JOIN pg_class c ON idx.indrelid = c.oid
                LEFT JOIN pg_class c2 ON idx.indexrelid = c2.oid
                LEFT JOIN pg_am am ON c2.relam = am.oid
                LEFT JOIN
                    pg_attribute attr ON attr.attrelid = c.oid AND attr.attnum = idx.key
                WHERE c.relname = 'audit_trail' AND pg_catalog.pg_table_is_visible(c.oid)
            ) s2
            GROUP BY indexname, indisunique, indisprimary, amname, exprdef, attoptions;

--@ who analyst, agent
SELECT
                a.attname AS column_name,
                NOT (a.attnotnull OR (t.typtype = 'd' AND t.typnotnull)) AS is_nullable,
                pg_get_expr(ad.adbin, ad.adrelid) AS column_default,
                CASE WHEN collname = 'default' THEN NULL ELSE collname END AS collation,
                a.attidentity != '' AS is_autofield,
                col_description(a.attrelid, a.attnum) AS column_comment
            FROM pg_attribute a
            LEFT JOIN pg_attrdef ad ON a.attrelid = ad.adrelid AND a.attnum = ad.adnum
            LEFT JOIN pg_collation co ON a.attcollation = co.oid
            JOIN pg_type t ON a.atttypid = t.oid
            JOIN pg_class c ON a.attrelid = c.oid
            JOIN pg_namespace n ON c.relnamespace = n.oid
            WHERE c.relkind IN ('f', 'm', 'p', 'r', 'v')
                AND c.relname = 'audit_trail'
                AND n.nspname NOT IN ('pg_catalog', 'pg_toast')
                AND pg_catalog.pg_table_is_visible(c.oid)

--@ who analyst, agent
SELECT * FROM "audit_trail" LIMIT 1

--@ who analyst
SELECT * FROM "customers" LIMIT 1

--@ who analyst, agent
SELECT * FROM "letters" LIMIT 1

--@ who analyst, agent
SELECT * FROM "managers" LIMIT 1

--@ who analyst, agent
SELECT * FROM "notes" LIMIT 1

--@ who analyst, agent
SELECT * FROM "offers" LIMIT 1

--@ who analyst, agent
SELECT * FROM "order_lines" LIMIT 1

--@ who analyst, agent
SELECT * FROM "orders" LIMIT 1

--@ who analyst, agent
SELECT * FROM "payments" LIMIT 1

--@ who analyst, agent
SELECT * FROM "people" LIMIT 1

--@ who analyst, agent
SELECT * FROM "prices" LIMIT 1

--@ who analyst, agent
SELECT * FROM "regions" LIMIT 1

--@ who analyst, agent
SELECT * FROM "shelves" LIMIT 1

--@ who analyst, agent
SELECT * FROM "shops" LIMIT 1

--@ who analyst
SELECT * FROM "active_customers" LIMIT 1

--@ who analyst, agent
SELECT * FROM "all_shops" LIMIT 1

--@ who analyst
SELECT * FROM "customer_names" LIMIT 1

--@ who analyst
SELECT * FROM "customer_rows" LIMIT 1

--@ who analyst, agent
SELECT * FROM "open_letters" LIMIT 1

--@ who analyst, agent
SELECT * FROM "payments_2026" LIMIT 1

--@ who analyst
SELECT * FROM "revenue" LIMIT 1

--@ who analyst
SELECT * FROM "revenue_copy" LIMIT 1

--@ who analyst, agent
SELECT * FROM "shop_names" LIMIT 1

--@ who analyst
SELECT "orders"."id", "orders"."customer_id", "orders"."total", "orders"."status", "customers"."id", "customers"."name", "customers"."email" FROM "orders" INNER JOIN "customers" ON ("orders"."customer_id" = "customers"."id") WHERE ("orders"."status" IN ('a', 'b') AND NOT ("orders"."total" < 3)) LIMIT 5

--@ who analyst
SELECT "customers"."id", "customers"."name", "customers"."email" FROM "customers"

--@ who analyst, agent
SELECT COUNT(*) AS "__count" FROM "orders"

--@ who analyst, agent
SELECT 1 AS "a" FROM "orders" WHERE "orders"."id" = 1 LIMIT 1

--@ who analyst, agent
SELECT "orders"."id", "orders"."customer_id", "orders"."total", "orders"."status" FROM "orders" WHERE "orders"."id" = 1 ORDER BY "orders"."id" ASC LIMIT 1

--@ who analyst
SELECT "customers"."id", "customers"."name", "customers"."email", COUNT("orders"."id") AS "n", SUM("orders"."total") AS "s" FROM "customers" LEFT OUTER JOIN "orders" ON ("customers"."id" = "orders"."customer_id") GROUP BY "customers"."id", "customers"."name", "customers"."email" HAVING COUNT("orders"."id") > 1 ORDER BY 4 DESC

--@ who analyst, agent
SELECT "orders"."status" AS "status", AVG("orders"."total") AS "total__avg" FROM "orders" GROUP BY 1

--@ who analyst, agent
SELECT MAX("orders"."total") AS "total__max", MIN("orders"."total") AS "total__min" FROM "orders"

--@ who analyst, agent
SELECT "orders"."id", "orders"."customer_id", "orders"."total", "orders"."status", ROW_NUMBER() OVER (PARTITION BY "orders"."customer_id" ORDER BY "orders"."total" DESC) AS "r" FROM "orders"

--@ who analyst
SELECT "customers"."id", "customers"."name", "customers"."email", (SELECT U0."total" AS "total" FROM "orders" U0 WHERE U0."customer_id" = ("customers"."id") LIMIT 1) AS "last" FROM "customers"

--@ who analyst
SELECT "customers"."id", "customers"."name", "customers"."email" FROM "customers" WHERE EXISTS(SELECT 1 AS "a" FROM "orders" U0 WHERE U0."customer_id" = ("customers"."id") LIMIT 1)

--@ who analyst
SELECT DISTINCT "customers"."id", "customers"."name", "customers"."email" FROM "customers" WHERE (UPPER("customers"."name"::text) LIKE UPPER('%a%') OR "customers"."email"::text ~ '^a')

--@ who analyst, agent
SELECT "orders"."id", "orders"."customer_id", "orders"."total", "orders"."status", CASE WHEN "orders"."total" > 5 THEN 'big' ELSE 'small' END AS "k" FROM "orders"

--@ who analyst
(SELECT "customers"."id" AS "id" FROM "customers") UNION (SELECT "orders"."id" AS "id" FROM "orders")

--@ who analyst, agent
SAVEPOINT "s139839689399168_x1"

--@ who analyst, agent
SELECT "orders"."id", "orders"."customer_id", "orders"."total", "orders"."status" FROM "orders" LIMIT 1

--@ who analyst, agent
RELEASE SAVEPOINT "s139839689399168_x1"

--@ who analyst, agent
DECLARE "_django_curs_139839689399168_sync_1" NO SCROLL CURSOR WITH HOLD FOR SELECT "orders"."id", "orders"."customer_id", "orders"."total", "orders"."status" FROM "orders"

--@ who analyst
EXPLAIN SELECT "customers"."id", "customers"."name", "customers"."email" FROM "customers" WHERE "customers"."name" = 'x'

-- Apache Superset 6.1, SQLAlchemy 1.4, psycopg2: SQL Lab's tree, datasets, charts, cost estimate; recorded from the server's log

--@ who analyst, agent
SELECT t.oid, typarray
FROM pg_type t JOIN pg_namespace ns
    ON typnamespace = ns.oid
WHERE typname = 'hstore';

--@ who analyst, agent
SELECT datname FROM pg_database
WHERE datistemplate = false;

--@ who analyst, agent
SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' ORDER BY nspname

--@ who analyst, agent
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'hr' AND c.relkind in ('r', 'p')

--@ who analyst, agent
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'hr' AND c.relkind = 'f'

--@ who analyst, agent
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'hr' AND c.relkind IN ('v', 'm')

--@ who analyst, agent
SELECT c.oid
            FROM pg_catalog.pg_class c
            LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname = 'hr')
            AND c.relname = 'employees' AND c.relkind in
            ('r', 'v', 'm', 'f', 'p')

--@ who analyst, agent
SELECT a.attname,
              pg_catalog.format_type(a.atttypid, a.atttypmod),
              (
                SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
                FROM pg_catalog.pg_attrdef d
                WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum
                AND a.atthasdef
              ) AS DEFAULT,
              a.attnotnull,
              a.attrelid as table_oid,
              pgd.description as comment,
              a.attgenerated as generated,
                              (SELECT json_build_object(
                    'always', a.attidentity = 'a',
                    'start', s.seqstart,
                    'increment', s.seqincrement,
                    'minvalue', s.seqmin,
                    'maxvalue', s.seqmax,
                    'cache', s.seqcache,
                    'cycle', s.seqcycle)
                FROM pg_catalog.pg_sequence s
                JOIN pg_catalog.pg_class c on s.seqrelid = c."oid"
                WHERE c.relkind = 'S'
                AND a.attidentity != ''
                AND s.seqrelid = pg_catalog.pg_get_serial_sequence(
                    a.attrelid::regclass::text, a.attname
                )::regclass::oid
                ) as identity_options
            FROM pg_catalog.pg_attribute a
            LEFT JOIN pg_catalog.pg_description pgd ON (
                pgd.objoid = a.attrelid AND pgd.objsubid = a.attnum)
            WHERE a.attrelid = 16478
            AND a.attnum > 0 AND NOT a.attisdropped
            ORDER BY a.attnum

--@ who analyst, agent
SELECT t.typname as "name",
               pg_catalog.format_type(t.typbasetype, t.typtypmod) as "attype",
               not t.typnotnull as "nullable",
               t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema"
            FROM pg_catalog.pg_type t
               LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
            WHERE t.typtype = 'd'

--@ who analyst, agent
SELECT t.typname as "name",
               -- no enum defaults in 8.4 at least
               -- t.typdefault as "default",
               pg_catalog.pg_type_is_visible(t.oid) as "visible",
               n.nspname as "schema",
               e.enumlabel as "label"
            FROM pg_catalog.pg_type t
                 LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
                 LEFT JOIN pg_catalog.pg_enum e ON t.oid = e.enumtypid
            WHERE t.typtype = 'e'
        ORDER BY "schema", "name", e.oid

--@ who analyst, agent
SELECT
                  i.relname as relname,
                  ix.indisunique, ix.indexprs,
                  a.attname, a.attnum, c.conrelid, ix.indkey::varchar,
                  ix.indoption::varchar, i.reloptions, am.amname,
                  pg_get_expr(ix.indpred, ix.indrelid),
                  ix.indnkeyatts as indnkeyatts
              FROM
                  pg_class t
                        join pg_index ix on t.oid = ix.indrelid
                        join pg_class i on i.oid = ix.indexrelid
                        left outer join
                            pg_attribute a
                            on t.oid = a.attrelid and a.attnum = ANY(ix.indkey)
                        left outer join
                            pg_constraint c
                            on (ix.indrelid = c.conrelid and
                                ix.indexrelid = c.conindid and
                                c.contype in ('p', 'u', 'x'))
                        left outer join
                            pg_am am
                            on i.relam = am.oid
              WHERE
                  t.relkind IN ('r', 'v', 'f', 'm', 'p')
                  and t.oid = 16478
                  and ix.indisprimary = 'f'
              ORDER BY
                  t.relname,
                  i.relname

--@ who analyst, agent
SELECT a.attname
                FROM pg_attribute a JOIN (
                    SELECT unnest(ix.indkey) attnum,
                           generate_subscripts(ix.indkey, 1) ord
                    FROM pg_index ix
                    WHERE ix.indrelid = 16478 AND ix.indisprimary
                    ) k ON a.attnum=k.attnum
                WHERE a.attrelid = 16478
                ORDER BY k.ord

--@ who analyst, agent
SELECT conname
           FROM  pg_catalog.pg_constraint r
           WHERE r.conrelid = 16478 AND r.contype = 'p'
           ORDER BY 1

--@ who analyst, agent
SELECT r.conname,
                pg_catalog.pg_get_constraintdef(r.oid, true) as condef,
                n.nspname as conschema
          FROM  pg_catalog.pg_constraint r,
                pg_namespace n,
                pg_class c
          WHERE r.conrelid = 16478 AND
                r.contype = 'f' AND
                c.oid = confrelid AND
                n.oid = c.relnamespace
          ORDER BY 1

--@ who analyst, agent
SELECT
                pgd.description as table_comment
            FROM
                pg_catalog.pg_description pgd
            WHERE
                pgd.objsubid = 0 AND
                pgd.objoid = 16478

--@ who analyst, agent
set search_path = "hr"

--@ who analyst, agent
set search_path = "public"

--@ who analyst, agent
SELECT
  id,
  name
FROM public.all_shops
LIMIT 100

--@ who analyst, agent
SELECT
  id,
  what
FROM public.audit_trail
LIMIT 100

--@ who analyst, agent
set search_path = "shadow"

--@ who analyst, agent
SELECT
  id,
  pub
FROM shadow.orders
LIMIT 100

--@ who analyst, agent
select relname from pg_class c join pg_namespace n on n.oid=c.relnamespace where n.nspname='public' and relname='orders'

--@ who analyst, agent
SELECT DISTINCT status AS column_values
FROM public.orders
 LIMIT 10000

--@ who analyst, agent
SELECT
  status AS status,
  COUNT(*) AS count
FROM public.orders
GROUP BY
  status
LIMIT 100

--@ who analyst, agent
SELECT
  id AS id,
  status AS status
FROM public.orders
GROUP BY
  id,
  status
LIMIT 1000

--@ who analyst, agent
SELECT
  AVG(total) AS average
FROM public.orders

--@ who analyst, agent
SELECT
  status AS status,
  COUNT(*) AS count
FROM public.orders
WHERE
  status IN ('new', 'paid') AND total > 3
GROUP BY
  status

--@ who analyst, agent
SELECT
  status,
  total
FROM orders
LIMIT 1

--@ who analyst, agent
SELECT DISTINCT total AS column_values
FROM (select status, total from orders
) AS virtual_table
 LIMIT 10000

--@ who analyst, agent
EXPLAIN SELECT
  id
FROM orders

-- deny for agent: agents-never-see-customers: select on table public.customers is forbidden by policy "agents-never-see-customers": agents do not read customers
--@ who analyst
SELECT
  id,
  name,
  email
FROM public.active_customers
LIMIT 100

-- deny for agent: agents-never-see-customers: select on table public.customers is forbidden by policy "agents-never-see-customers": agents do not read customers
--@ who analyst
SELECT DISTINCT deleted_at AS column_values
FROM public.customers
 LIMIT 10000

-- deny for agent: agents-never-see-customers: select on table public.customers is forbidden by policy "agents-never-see-customers": agents do not read customers
--@ who analyst
SELECT
  DATE_TRUNC('MONTH', deleted_at) AS __timestamp,
  COUNT(*) AS count
FROM public.customers
GROUP BY
  DATE_TRUNC('MONTH', deleted_at)

-- deny for agent: hr-is-closed: select on table hr.employees is forbidden by policy "hr-is-closed": hr is for the dba group
-- deny for analyst: hr-is-closed: select on table hr.employees is forbidden by policy "hr-is-closed": hr is for the dba group
-- deny for writer: hr-is-closed: select on table hr.employees is forbidden by policy "hr-is-closed": hr is for the dba group
--@ who dba
SELECT
  id,
  name,
  salary,
  boss
FROM hr.employees
LIMIT 100

-- deny for agent: agents-never-opaque: function on function public.round_and_round is forbidden by policy "agents-never-opaque": Agents run no functions that cannot be looked into
-- deny for analyst: default-deny: no policy permits function on function public.round_and_round
-- hold for writer: opaque-functions-wait-for-dba: function on function public.round_and_round waits for approval by dba (policy "opaque-functions-wait-for-dba"): Functions that cannot be looked into wait for a DBA on shop
--@ who dba
SELECT
  id,
  swept,
  again
FROM public.busy_shops
LIMIT 100

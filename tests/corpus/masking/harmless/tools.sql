-- what tools ask of the catalog
select n.nspname as "Schema", c.relname as "Name", case c.relkind when 'r' then 'table' when 'v' then 'view' end as "Type", pg_catalog.pg_get_userbyid(c.relowner) as "Owner" from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', '') and n.nspname <> 'pg_catalog' and n.nspname !~ '^pg_toast' and pg_catalog.pg_table_is_visible(c.oid) order by 1, 2
select c.oid, n.nspname, c.relname from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relname operator(pg_catalog.~) '^(customers)$' collate pg_catalog.default and pg_catalog.pg_table_is_visible(c.oid) order by 2, 3
select c.relchecks, c.relkind, c.relhasindex, c.relhasrules, c.relhastriggers, c.relrowsecurity, c.relforcerowsecurity, false as relhasoids, c.relispartition, '', c.reltablespace, case when c.reloftype = 0 then '' else c.reloftype::pg_catalog.regtype::pg_catalog.text end, c.relpersistence, c.relreplident, am.amname from pg_catalog.pg_class c left join pg_catalog.pg_class tc on (c.reltoastrelid = tc.oid) left join pg_catalog.pg_am am on (c.relam = am.oid) where c.oid = 'customers'::regclass
select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (select pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) from pg_catalog.pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum and a.atthasdef), a.attnotnull, (select c.collname from pg_catalog.pg_collation c, pg_catalog.pg_type t where c.oid = a.attcollation and t.oid = a.atttypid and a.attcollation <> t.typcollation) as attcollation, a.attidentity, a.attgenerated from pg_catalog.pg_attribute a where a.attrelid = 'customers'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
select c2.relname, i.indisprimary, i.indisunique, i.indisclustered, i.indisvalid, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), pg_catalog.pg_get_constraintdef(con.oid, true), contype, condeferrable, condeferred from pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i left join pg_catalog.pg_constraint con on (conrelid = i.indrelid and conindid = i.indexrelid and contype in ('p', 'u', 'x')) where c.oid = 'customers'::regclass and c.oid = i.indrelid and i.indexrelid = c2.oid order by i.indisprimary desc, c2.relname
select conname, pg_catalog.pg_get_constraintdef(r.oid, true) as condef, conrelid::pg_catalog.regclass as ontable from pg_catalog.pg_constraint r where r.conrelid = 'orders'::regclass and r.contype = 'f' order by conname
select t.tgname, pg_catalog.pg_get_triggerdef(t.oid, true), t.tgenabled, t.tgisinternal from pg_catalog.pg_trigger t where t.tgrelid = 'orders'::regclass and not t.tgisinternal order by 1
select c.oid::pg_catalog.regclass, c.relkind, inhdetachpending, pg_catalog.pg_get_expr(c.relpartbound, c.oid) from pg_catalog.pg_class c, pg_catalog.pg_inherits i where c.oid = i.inhrelid and i.inhparent = 'payments'::regclass order by c.oid::pg_catalog.regclass::pg_catalog.text
select pg_catalog.pg_get_viewdef('v_orders'::pg_catalog.regclass, true)
select d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding) from pg_catalog.pg_database d order by 1
select n.nspname, pg_catalog.pg_get_userbyid(n.nspowner) from pg_catalog.pg_namespace n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1
select r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolconnlimit, r.rolvaliduntil from pg_catalog.pg_roles r where r.rolname !~ '^pg_' order by 1
select p.proname, pg_catalog.pg_get_function_result(p.oid), pg_catalog.pg_get_function_arguments(p.oid) from pg_catalog.pg_proc p left join pg_catalog.pg_namespace n on n.oid = p.pronamespace where pg_catalog.pg_function_is_visible(p.oid) and n.nspname = 'public' order by 1
select n.nspname, pg_catalog.format_type(t.oid, null), pg_catalog.obj_description(t.oid, 'pg_type') from pg_catalog.pg_type t left join pg_catalog.pg_namespace n on n.oid = t.typnamespace where (t.typrelid = 0 or (select c.relkind = 'c' from pg_catalog.pg_class c where c.oid = t.typrelid)) and not exists (select 1 from pg_catalog.pg_type el where el.oid = t.typelem and el.typarray = t.oid) and n.nspname = 'public' order by 1, 2
select e.extname, e.extversion, n.nspname from pg_catalog.pg_extension e left join pg_catalog.pg_namespace n on n.oid = e.extnamespace order by 1
select seqstart, seqmin, seqmax, seqincrement, seqcycle, seqcache from pg_catalog.pg_sequence where seqrelid = 'ticket'::regclass
select table_schema, table_name, table_type from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') order by 2
select column_name, data_type, is_nullable, column_default, character_maximum_length, numeric_precision from information_schema.columns where table_schema = 'public' and table_name = 'customers' order by ordinal_position
select kcu.column_name, tc.constraint_type from information_schema.table_constraints tc join information_schema.key_column_usage kcu using (constraint_name, constraint_schema) where tc.table_name = 'orders' order by 1
select constraint_name, unique_constraint_name, update_rule, delete_rule from information_schema.referential_constraints order by 1
select routine_name, data_type from information_schema.routines where routine_schema = 'public' order by 1
select table_name, view_definition from information_schema.views where table_schema = 'public' and table_name = 'v_orders'
select schema_name from information_schema.schemata order by 1
select sequence_name from information_schema.sequences
select grantee, privilege_type from information_schema.table_privileges where table_name = 'orders' order by 1, 2
select null as table_cat, n.nspname as table_schem, c.relname as table_name, a.attname as column_name, a.atttypid as data_type, t.typname as type_name, a.attnotnull, a.attnum from pg_catalog.pg_namespace n join pg_catalog.pg_class c on (c.relnamespace = n.oid) join pg_catalog.pg_attribute a on (a.attrelid = c.oid) join pg_catalog.pg_type t on (a.atttypid = t.oid) where c.relkind in ('r', 'p', 'v', 'f', 'm') and a.attnum > 0 and not a.attisdropped and n.nspname like 'public' and c.relname like 'orders' order by n.nspname, c.relname, a.attnum
select result.table_schem, result.table_name, result.column_name, result.key_seq, result.pk_name from (select n.nspname as table_schem, ct.relname as table_name, a.attname as column_name, (information_schema._pg_expandarray(i.indkey)).n as key_seq, ci.relname as pk_name, information_schema._pg_expandarray(i.indkey) as keys, a.attnum as a_attnum from pg_catalog.pg_class ct join pg_catalog.pg_attribute a on (ct.oid = a.attrelid) join pg_catalog.pg_namespace n on (ct.relnamespace = n.oid) join pg_catalog.pg_index i on (a.attrelid = i.indrelid) join pg_catalog.pg_class ci on (ci.oid = i.indexrelid) where n.nspname = 'public' and ct.relname = 'orders' and i.indisprimary) result where result.a_attnum = (result.keys).x order by result.table_name, result.pk_name, result.key_seq
select pg_catalog.version() is not null
select current_schema()
select current_database(), current_user, session_user
show transaction_isolation
show standard_conforming_strings
show server_version_num
select set_config('search_path', 'public', false)
select pg_catalog.set_config('application_name', 'psql', false)
select typname, oid, typarray from pg_type where typname in ('hstore', 'citext', 'int4') order by 1
select t.oid, typarray from pg_type t join pg_namespace ns on typnamespace = ns.oid where typname = 'hstore'
select exists (select * from pg_catalog.pg_class join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace where pg_class.relname = 'orders' and pg_table_is_visible(pg_class.oid))
select pg_catalog.pg_class.relname from pg_catalog.pg_class join pg_catalog.pg_namespace on pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace where pg_catalog.pg_class.relkind = any (array['r', 'p']) and pg_catalog.pg_class.relpersistence != 't' and pg_catalog.pg_namespace.nspname = 'public' order by 1
select e.enumlabel from pg_enum e join pg_type t on t.oid = e.enumtypid where t.typname = 'mood' order by e.enumsortorder
select has_table_privilege('orders', 'select'), has_schema_privilege('public', 'usage')
select to_regclass('orders'), to_regclass('nosuch'), 'orders'::regclass::text
select col_description('orders'::regclass, 1), obj_description('orders'::regclass, 'pg_class')
select schemaname, tablename, tableowner from pg_tables where schemaname = 'public' order by 2
select viewname from pg_views where schemaname = 'public' order by 1
select indexname, indexdef from pg_indexes where tablename = 'orders' order by 1
select name, setting from pg_settings where name in ('work_mem', 'search_path') order by 1
select count(*) >= 0 from pg_stat_user_tables
select relname, n_live_tup >= 0 from pg_stat_user_tables where relname = 'orders'
select pid is not null, state from pg_stat_activity where pid = pg_backend_pid()
select count(*) > 0 from pg_locks
select lanname from pg_language order by 1
select amname from pg_am order by 1
select collname from pg_collation where collname = 'C'
select attname, attnum from pg_attribute where attrelid = 'orders'::regclass and attnum > 0 order by attnum
select * from pg_tables where tablename = 'orders'
select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relname = 'products' and a.attnum > 0 order by a.attnum
explain (costs off) select * from orders where id = 1
explain (costs off, verbose) select status, count(*) from orders group by status

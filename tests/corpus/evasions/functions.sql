-- functions that run SQL, read tables or files, or reach other servers

select query_to_xml('select * from hr.employees', true, false, '')
--> deny

select pg_catalog.query_to_xml($$select * from hr.employees$$, true, false, '')
--> deny

select "query_to_xml"('delete from orders returning *', true, false, '')
--> deny

select U&"query_to\005fxml"('select * from hr.employees', true, false, '')
--> deny

select table_to_xml('hr.employees', true, false, '')
--> deny

select table_to_xml((select 'hr.' || 'employees')::regclass, true, false, '')
--> deny

select schema_to_xml('hr', true, false, '')
--> deny

select database_to_xml(true, false, '')
--> deny

select query_to_xml_and_xmlschema('select * from hr.employees', true, false, '')
--> deny

select cursor_to_xml('c', 10, true, false, '')
--> deny

select * from ts_stat('select to_tsvector(name) from hr.employees')
--> deny

select ts_rewrite('a'::tsquery, 'select to_tsquery(name), to_tsquery(name) from hr.employees')
--> deny

select * from ts_debug('x')
--> any

select pg_read_file('postgresql.conf')
--> deny

select pg_read_binary_file('global/pg_control')
--> deny

select * from pg_ls_dir('.')
--> deny

select * from pg_ls_logdir()
--> deny

select * from pg_stat_file('postgresql.conf')
--> deny

select pg_file_write('x', 'y', false)
--> deny

select lo_import('/etc/passwd')
--> deny

select lo_export(1, '/tmp/x')
--> deny

select lo_from_bytea(0, 'x')
--> deny

select lo_get(oid) from pg_largeobject_metadata
--> deny

select loread(lo_open(1, 262144), 100)
--> deny

select lo_put(1, 0, 'x')
--> deny

select lo_unlink(1)
--> deny

select lo_create(424242)
--> deny

select * from dblink('host=127.0.0.1', 'select * from hr.employees') as t(a int)
--> deny

select dblink_exec('', 'delete from orders')
--> deny

select * from crosstab('select * from hr.employees') as t(a int, b int)
--> deny

select get_raw_page('hr.employees', 0)
--> deny

select * from pg_logical_slot_get_changes('s', null, null)
--> deny

select * from pg_logical_slot_peek_binary_changes('s', null, null)
--> deny

select pg_create_logical_replication_slot('s', 'test_decoding')
--> deny

select pg_create_physical_replication_slot('s')
--> deny

select pg_drop_replication_slot('s')
--> deny

select pg_logical_emit_message(true, 'a', 'b')
--> deny

select pg_replication_origin_create('x')
--> deny

select pg_terminate_backend(pid) from pg_stat_get_activity(null)
--> deny

select pg_cancel_backend(1)
--> deny

select pg_reload_conf()
--> deny

select pg_rotate_logfile()
--> deny

select pg_switch_wal()
--> deny

select pg_create_restore_point('x')
--> deny

select pg_promote()
--> deny

select pg_wal_replay_pause()
--> deny

select pg_backup_start('x')
--> deny

select pg_stat_reset()
--> deny

select pg_stat_reset_single_table_counters('orders'::regclass)
--> deny

select pg_stat_statements_reset()
--> deny

select pg_log_backend_memory_contexts(pg_backend_pid())
--> deny

select pg_notify('c', 'x')
--> deny

select pg_notify('c' || '', (select name from hr.employees limit 1))
--> deny

select setval('ticket_numbers', 1)
--> deny

select nextval('ticket_numbers')
--> deny

select nextval(('ticket' || '_numbers')::regclass)
--> deny

select currtid2('hr.employees', '(0,1)')
--> deny

select pg_relation_filepath('hr.employees')
--> any

select pg_get_viewdef('hr.employees'::regclass)
--> any

select pg_import_system_collations('pg_catalog')
--> deny

select pg_extension_config_dump('orders', '')
--> any

--@ who agent
select pg_advisory_lock(1)
--> deny agents-never-change

--@ who agent
select pg_try_advisory_xact_lock_shared(1, 2) from orders
--> deny agents-never-change

select pg_sleep(0.01)
--> any

select pg_export_snapshot()
--> any

select txid_current()
--> any

select brin_summarize_new_values('orders_by_status')
--> deny

select gin_clean_pending_list('orders_by_status')
--> deny

select pg_collation_actual_version(1), pg_database_collation_actual_version(1)
--> any

select pg_prepared_statement()
--> any

select pg_stat_get_activity(null)
--> deny

select (pg_stat_get_activity(null)).query
--> deny

select * from pg_show_all_settings()
--> any

select pg_current_logfile()
--> any

select current_setting('data_directory')
--> any

select * from pg_hba_file_rules()
--> deny

select * from pg_show_all_file_settings()
--> deny

select * from pg_timezone_names()
--> any

select pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')
--> deny

select binary_upgrade_set_next_pg_type_oid(1)
--> deny

select fmgr_sql_validator(1)
--> any

select plpgsql_validator('purge'::regproc)
--> deny

select plpgsql_call_handler()
--> deny

select unique_key_recheck()
--> deny

select ri_fkey_cascade_del()
--> deny

select pg_event_trigger_dropped_objects()
--> any

select suppress_redundant_updates_trigger()
--> deny

select amvalidate(1)
--> any

-- names that a statement does not show
select purge()
--> deny

select public.purge()
--> deny

select "purge"()
--> deny

select p from purge() p
--> deny

select * from rows from (purge()) as t(a)
--> deny

select 1 from purge() with ordinality
--> deny

select * from orders, lateral purge()
--> deny

select order_total(purge())
--> deny

select case when purge() = 1 then 1 end
--> deny

select coalesce(purge(), 1)
--> deny

select array[purge()]
--> deny

select 1 limit purge()
--> deny

select 1 offset purge()
--> deny

select 1 order by purge()
--> deny

select 1 group by purge()
--> deny

select count(*) filter (where purge() = 1)
--> deny

select sum(1) over (order by purge())
--> deny

select sum(1) over (rows purge() preceding)
--> deny

select * from orders tablesample bernoulli (purge())
--> deny

values (purge())
--> deny

select xmlelement(name a, xmlattributes(purge() as b))
--> deny

select json_object('a': purge())
--> deny

select * from json_table('{}'::jsonb, '$' passing purge() as x columns (a int path '$'))
--> deny

select json_value('{}'::jsonb, '$' default purge() on empty)
--> deny

select * from generate_series(1, purge())
--> deny

select ('{1}'::int[])[purge()]
--> deny

select ('{1}'::int[])[1:purge()]
--> deny

select 1 = any (array[purge()])
--> deny

select row(purge()) = row(1)
--> deny

select extract(year from to_timestamp(purge()))
--> deny

select least(purge(), 1)
--> deny

select 1 where exists (select purge())
--> deny

with p as (select purge()) select * from p
--> deny

explain analyze select purge()
--> deny

copy (select purge()) to stdout
--> deny

prepare p as select purge(); execute p
--> deny

prepare p(int) as select $1; execute p(purge())
--> deny

set work_mem to purge()
--> deny

-- through another function's body
select tidy()
--> deny

select forget_all()
--> deny

select forget_twice(1)
--> deny

select hr.raise_all(1)
--> deny

select staff_size()
--> deny

select mixed('x')
--> deny

-- attribute notation calls a function without a call
select o.summary from orders o
--> deny

select (o).summary from orders o
--> deny

select (o.*).summary from orders o
--> deny

select id from orders o order by o.summary
--> deny

select summary(o) from orders o
--> deny

-- operators and casts of users
select * from orders a join orders b on a === b
--> deny

select * from orders a join orders b on a operator(public.===) b
--> deny

select o::text from orders o
--> deny

select cast(o as text) from orders o
--> deny

select text(o) from orders o
--> deny

select o || '' from orders o
--> any

select concat(o, '') from orders o
--> any

select lower('X'::varchar)
--> deny

select public.lower('x'::varchar)
--> deny

select longest(name) from customers
--> deny

select longest(name) over () from customers
--> deny

-- views, checks, defaults and policies that run code
select * from busy_shops
--> deny

select swept from busy_shops
--> deny

select * from same_orders
--> deny

select * from order_summaries
--> deny

select '1'::price
--> deny

select cast(1 as price)
--> deny

select price('1')
--> deny

-- the code of row security is the table owner's, as are defaults, checks and triggers
select * from prices
--> any

select jsonb_populate_record(null::offers, '{"amount": 1}')
--> any

select * from jsonb_to_record('{"a": 1}') as x(a price)
--> deny

select * from json_to_recordset('[{"a": 1}]') as x(a price)
--> deny

select array['1']::price[]
--> deny

select null::offers
--> any

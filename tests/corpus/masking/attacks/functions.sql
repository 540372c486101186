-- functions, operators, types, readers of names and files (vectors 18 to 20, 29 to 33)
select f_ssn(1)
select * from f_all()
select f_all()
select public.f_ssn(id) from orders
select f_dynamic('select ssn::text from customers')
select f_definer(1)
call p_out('x')
select lower('A'::varchar)
select lower(name::varchar) from customers
select public.lower('A'::varchar)
select lower(pub::varchar) from customers
select a === b from orders a, orders b
select a operator(public.===) b from orders a, orders b limit 3
select id from orders o where o === o
select id from orders a where a === any (select b from orders b)
select query_to_xml('select ssn from customers', true, false, '')
select query_to_xml_and_xmlschema('select ssn from customers', true, false, '')
select table_to_xml('customers', true, false, '')
select schema_to_xml('public', true, false, '')
select database_to_xml(true, false, '')
select cursor_to_xml('c', 1, true, false, '')
select * from ts_stat('select to_tsvector(ssn) from customers')
select ts_rewrite('a'::tsquery, 'select ssn::tsquery, ssn::tsquery from customers')
select pg_read_file('/etc/passwd')
select pg_ls_dir('.')
select lo_import('/etc/passwd')
select lo_from_bytea(0, 'x')
select lo_get(1)
select pg_get_viewdef('v_plain'::regclass)
select pg_get_functiondef('f_ssn'::regproc)
select pg_stat_get_activity(null)
select pg_stat_get_backend_activity(1)
select pg_cursor()
select pg_prepared_statement()
select pg_mcv_list_items(null)
select pg_terminate_backend(1)
select pg_reload_conf()
select pg_create_logical_replication_slot('s', 'test_decoding')
select pg_logical_slot_get_changes('s', null, null)
select dblink('dbname=shop', 'select ssn from customers')
select * from crosstab('select ssn, ssn, ssn from customers')
select get_raw_page('customers', 0)
select pg_notify('c', ssn) from customers
listen c
notify c, 'x'
unlisten *
select set_config('application_name', ssn, false) from customers where id = 1
select set_config('my.var', ssn, false) from customers where id = 1 ;; select current_setting('my.var') ;; show my.var
select setval('ticket', salary) from customers where id = 1 ;; select last_value from ticket
select setval('ticket', salary) from customers where id = 1 ;; select currval('ticket'), lastval()
select pg_advisory_lock(salary) from customers where id = 1 ;; select objid from pg_locks where locktype = 'advisory'
select setseed(salary / 100000.0) from customers where id = 1 ;; select random()
select * from pg_stats where tablename = 'customers'
select most_common_vals, histogram_bounds from pg_stats where tablename = 'customers'
select histogram_bounds::text from pg_stats
select n_distinct, correlation, avg_width from pg_stats where tablename = 'customers'
select s from pg_stats s where tablename = 'customers'
select * from pg_statistic
select starelid, stavalues1 from pg_statistic
select * from pg_statistic_ext_data
select * from pg_stats_ext
select * from pg_stats_ext_exprs
select query from pg_stat_activity
select a.query from pg_stat_activity a where query like '%ssn%'
select count(*) from pg_stat_activity where query like '%4426%'
select * from pg_prepared_statements
select * from pg_cursors
select * from pg_largeobject
select * from pg_authid
select rolpassword from pg_shadow
select * from pg_hba_file_rules
select * from pg_file_settings
select attname, attmissingval from pg_attribute where attrelid = 'customers'::regclass
select attmissingval::text from pg_attribute
select * from pg_user_mapping
select * from pg_replication_slots
alter table customers add column extra text default 'x' ;; select extra from customers
select obj_description('customers'::regclass), col_description('customers'::regclass, 4)
comment on column customers.ssn is 'x'
select adbin from pg_attrdef
select pg_get_expr(adbin, adrelid) from pg_attrdef
select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'customers'::regclass
select has_column_privilege('customers', 'ssn', 'select')
select relpages is null, reltuples from pg_class where relname = 'customers'
select pg_relation_size('customers') > 0
select count(*) from information_schema.columns where table_name = 'customers'
select * from pg_stat_user_tables where relname = 'nosuch'
select any_value(ssn) from customers
select ('x'::text).pg_read_file
select (1).pg_stat_get_activity
select pg_stat_get_activity from pg_stat_get_activity(null)
select o.pg_stat_get_activity from orders o

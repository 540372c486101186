-- what else a session can hear or leave behind: large objects, messages, statistics, locks, definitions, plans, settings
delete from notices where id = 1
select count(*) from customers where ssn > '5' and pg_sleep(0) is not null
select lo_from_bytea(0, ssn::bytea) from customers
select lo_create(salary) from customers where id = 1
select lo_put(1, 0, ssn::bytea) from customers
select loid from pg_largeobject_metadata
select pg_logical_emit_message(true, 'x', ssn) from customers
select pg_logical_emit_message(false, 'x', 'y')
select txid_current_if_assigned(), pg_current_xact_id_if_assigned() is null
update customers set pub = 'x' where ssn > '5' ;; select pg_current_xact_id_if_assigned() is null
select n_tup_upd, n_tup_hot_upd, n_tup_ins from pg_stat_xact_user_tables where relname = 'customers'
update customers set pub = 'x' where ssn > '5' ;; select n_tup_upd, seq_scan, seq_tup_read, idx_scan, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'customers'
select count(*) from customers where ssn = '464-72-4007' ;; select seq_tup_read, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'customers'
set enable_seqscan = off ;; select id from customers where ssn = '464-72-4007' ;; select pg_stat_get_xact_tuples_returned('customers_ssn'::regclass), pg_stat_get_xact_tuples_fetched('customers'::regclass), pg_stat_get_xact_numscans('customers_ssn'::regclass)
insert into referrals (id, email) values (1, 'guess')
insert into referrals (id, note) values (1, 'x') returning *
delete from accounts where id = 1
update accounts set secret = 'x' where id = 1
update accounts set name = 'x' where id = 1 returning secret
insert into cases (id, name, kind) values (100, 'x', 'q')
update kinds set code = 'A' where code = 'a'
delete from kinds where code = 'a'
delete from kinds where code = 'a' returning name
update cases set name = 'x' where id = 1
insert into staff (id, name, boss) values (100, 'x', 1) returning pay, mail_digest
insert into staff (id, name, mail, pay) values (101, 'x', 'a@b', 5) returning pay, mail, mail_digest
insert into staff (id, name, pay) values (102, 'x', -5)
update staff set pay = -1 where id = 1
update staff set boss = 999 where id = 1
select nextval('ticket') from customers where ssn > '5' ;; select last_value, is_called from ticket
select nextval(case when ssn > '5' then 'ticket' else 'nosuch' end) from customers
select setval('ticket', count(*)) from customers where ssn > '5' ;; select currval('ticket')
insert into scratch (id, a) select nextval('ticket') + 1000, 'x' from customers where ssn > '5' returning id
select pg_try_advisory_lock(salary) from customers ;; select count(distinct objid) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
select pg_advisory_xact_lock(ascii(ssn)) from customers where id = 1 ;; select objid, classid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
listen chan ;; select pg_notify('chan', ssn) from customers
@raw select pg_notify('chan', 'x' || ssn) from customers
select pg_notify(ssn, 'x') from customers
select * from pg_stat_statements
select pg_stat_statements_reset()
select queryid, query from pg_stat_statements(true)
select query from pg_stat_activity where query like '%4007%'
select a.query, a.application_name, a.client_addr is null, a.wait_event_type from pg_stat_activity a where pid <> pg_backend_pid() and query is not null
select backend_type from pg_stat_activity where pid = pg_backend_pid()
select pg_stat_get_backend_activity(pid) from pg_stat_activity
select statement from pg_prepared_statements
prepare a1 as select ssn from customers ;; select statement, result_types from pg_prepared_statements
select name, statement from pg_cursors
select current_query()
select current_query() like '%ssn%', ssn from customers
comment on table customers is 'x'
comment on table scratch is 'x' ;; select obj_description('scratch'::regclass)
security label on column customers.ssn is 'x'
create publication p for table customers where (ssn > '5')
create publication p for all tables
create subscription s connection 'x' publication p
create foreign table f (a text) server s
create extension postgres_fdw
create extension file_fdw
create server files foreign data wrapper file_fdw
select lo_export(1, '/tmp/x')
select pg_file_write('/tmp/x', 'y', false)
copy customers to '/tmp/x'
create event trigger e on sql_drop execute function f_notice()
create trigger t before update on scratch for each row execute function stamp()
create trigger t before insert on customers for each row execute function stamp()
create rule r as on select to scratch do instead select * from customers
create rule r as on insert to scratch do also select ssn from customers
create policy p on scratch using (exists (select from customers where ssn > '5'))
create view mine as select ssn from customers
create temp view mine as select ssn from customers ;; select * from mine
create materialized view mine as select ssn from customers
create or replace view v_plain as select id, name, email, ssn from customers
create function x() returns text language sql as 'select ssn::text from customers limit 1'
create function x() returns text language sql return (select ssn from customers limit 1)
create procedure x() language sql as 'select ssn from customers'
create aggregate a(text) (sfunc = textcat, stype = text)
create cast (customers as text) with inout
create operator @@@@ (function = textcat, leftarg = text, rightarg = text)
create domain d as text check (value <> (select ssn from customers limit 1))
create domain d as text check (value > 'm') ;; select ssn::d from customers
create type t as (a customers)
create collation c from "C"
create schema s create view x as select ssn from customers
create schema s create table t as select ssn from customers
create index on customers (reverse(ssn))
create unique index on customers (left(ssn, 1))
create index on scratch (f_ssn(id))
create index on scratch (lower(a)) where b > 'x'
create table x as select ssn from customers with no data
create table x (a customers)
create table x of address
create table x (check (exists (select from customers)))
create table x (a text default (select ssn from customers))
create table x (a int default nextval('ticket')) ;; insert into x default values returning a is null
create table x partition of payments for values from ('2027-01-01') to ('2028-01-01')
create table x (id int, city text) partition by list (city) ;; create table x1 partition of x for values in ('a') ;; insert into x values (1, 'a') ;; select tableoid::regclass from x
create table x () inherits (customers)
create temp table x on commit drop as select * from customers ;; select * from x order by id
create unlogged table x as select id, ssn from customers ;; select * from x order by id
select ssn into x from customers ;; select * from x order by 1
alter table customers rename column ssn to pub2
alter table customers rename to c2
alter table customers set schema evil
alter table customers disable trigger all
alter table customers add constraint u unique (ssn)
alter table customers add constraint c check (ssn < '5') not valid
alter table customers validate constraint c
alter table customers alter column ssn type integer using 1
alter table orders add constraint f foreign key (note) references customers (ssn)
alter table orders add constraint f foreign key (note) references customers (email) not valid
alter table scratch add column c customers
alter table scratch add column s text default 'a' ;; select s from scratch where id = 1
alter table scratch rename to ssn_table
alter table scratch owner to postgres
alter table scratch enable row level security
alter sequence ticket restart with 5
alter view v_plain rename to v2
alter view v_plain set (security_barrier)
alter function f_ssn(integer) owner to postgres
alter default privileges grant select on tables to public
alter role app set search_path = evil
alter database shop set search_path = evil
alter system set log_statement = 'all'
drop view v_plain
drop table scratch cascade
drop table if exists nosuch
drop function f_ssn(integer)
drop owned by app
reassign owned by app to postgres
grant select on customers to public
revoke all on customers from app
grant app to postgres
refresh materialized view m_digest
refresh materialized view m_orders
truncate customers
truncate scratch
lock table customers in access exclusive mode
lock table v_plain
lock table scratch, orders in share mode nowait
checkpoint
load '$libdir/plugins/x'
do $$ begin perform 1; end $$
do language sql $$ select 1 $$
call p_out('x')
call nosuch()
vacuum
analyze
analyze scratch
explain (analyze) create table x as select ssn from customers
explain (analyze, wal, buffers off, timing off, summary off) update customers set pub = 'x' where ssn > '5'
explain (analyze, verbose, buffers off, timing off, summary off, costs off) select count(*) from customers where ssn > '5' or email like 'a%'
explain (analyze, buffers off, timing off, summary off) select * from customers c join customers d on c.ssn < d.ssn
explain (analyze, buffers off, timing off, summary off) select * from v_city
explain (analyze, buffers off, timing off, summary off) select * from v_filter
explain (analyze, buffers off, timing off, summary off) select * from m_plain where ssn > '5'
explain (analyze, buffers off, timing off, summary off) with x as (update customers set pub = 'y' where ssn > '5' returning id) select count(*) from x
explain (analyze, buffers off, timing off, summary off) select distinct ssn, salary from customers
explain (analyze, buffers off, timing off, summary off, format json) select ssn from customers order by ssn
explain (analyze, buffers off, timing off, summary off) select * from customers order by ssn limit 3
explain (analyze, buffers off, timing off, summary off) select * from payments where iban > 'NO5'
explain (analyze, memory, buffers off, timing off, summary off) select ssn from customers group by ssn
explain (analyze, buffers off, timing off, summary off) execute nosuch
explain (analyze, buffers off, timing off, summary off) declare c cursor for select ssn from customers where ssn > '5'
explain (analyze, buffers off, timing off, summary off) delete from notices where id < 4
explain analyze verbose select 1
explain select * from wages
explain select * from wages where amount > 5000
explain (analyze, buffers off, timing off, summary off) select * from quotas where amount > 3000
explain (analyze, buffers off, timing off, summary off) merge into customers c using orders o on c.id = o.id when matched and c.ssn > '5' then update set pub = 'x' when matched then do nothing
set plan_cache_mode = force_generic_plan ;; prepare p(text) as select id from customers where ssn = $1 ;; explain execute p('x')
set enable_hashagg = off ;; set enable_sort = off ;; explain select ssn, count(*) from customers group by ssn
set work_mem = '64kB' ;; select ssn, email from customers order by ssn
set random_page_cost = 0 ;; set enable_seqscan = off ;; explain select id from customers where ssn = '464-72-4007'
set seq_page_cost = 1e10 ;; explain select id from customers where ssn = '464-72-4007'
set cursor_tuple_fraction = 0.001 ;; declare c cursor for select id from customers where ssn > '5' order by id ;; fetch all c
set default_statistics_target = 1000
set track_functions = 'all'
set compute_query_id = on
set log_parser_stats = on
set trace_notify = on
set debug_pretty_print = on
set debug_discard_caches = 1
set allow_in_place_tablespaces = on
set session characteristics as transaction read only
set transaction snapshot '00000003-0000001B-1'
set local search_path = pg_temp
set names 'latin1'
set xml option document
set seed to 0.5 ;; select random() < 2
set time zone interval '+01:00' hour to minute
set schema 'evil'
set session_preload_libraries = 'x'
set local_preload_libraries = 'x'
set password_encryption = 'md5'
set exit_on_error = on
set zero_damaged_pages = on
set is_superuser = on
reset client_encoding
show log_statement
show session_authorization

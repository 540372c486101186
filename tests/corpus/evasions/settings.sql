-- settings and roles that switch off what protects, or say secrets elsewhere

set role dba
--> deny

set role none
--> deny

set local role postgres
--> deny

set session authorization postgres
--> deny

set session authorization default
--> deny

reset role
--> any

reset session authorization
--> any

set session_authorization = 'postgres'
--> deny

select set_config('role', 'postgres', false)
--> deny

select set_config('ROLE', 'postgres', true)
--> deny

select set_config('session_authorization', 'postgres', false)
--> deny

select set_config('ro' || 'le', 'postgres', false)
--> deny

select set_config(name, 'postgres', false) from (values ('role')) v(name)
--> deny

select set_config(name, 'postgres', false) from pg_settings where name = 'role'
--> deny

select set_config(setting_name => 'role', new_value => 'postgres', is_local => false)
--> deny

select pg_catalog.set_config('session_replication_role', 'replica', false)
--> deny

update pg_settings set setting = 'postgres' where name = 'role'
--> deny

update pg_catalog.pg_settings set setting = 'replica' where name = 'session_replication_role'
--> deny

set session_replication_role = replica
--> deny

set "session_replication_role" to 'replica'
--> deny

set Session_Replication_Role to 'replica'
--> deny

set local session_replication_role = 'replica'
--> deny

set row_security = off
--> deny

set default_transaction_read_only = off
--> deny

set transaction_read_only = off
--> deny

set session characteristics as transaction read write
--> deny

set time zone 'UTC'; set session_replication_role = replica
--> deny

alter system set work_mem = '1GB'
--> deny

alter system reset all
--> deny

alter role current_user set search_path = shadow
--> deny

alter role all set search_path = shadow
--> deny

alter database shop set search_path = shadow
--> deny

alter user current_user password 'x'
--> deny

alter role postgres superuser
--> deny

create role eve superuser login
--> deny

create user eve in role postgres
--> deny

create group eve
--> deny

grant postgres to current_user
--> deny

grant all on hr.employees to public
--> deny

grant select on all tables in schema hr to public
--> deny

alter default privileges in schema hr grant select on tables to public
--> deny

revoke all on orders from public
--> deny

reassign owned by current_user to postgres
--> deny

drop owned by current_user cascade
--> deny

drop role postgres
--> deny

alter table hr.employees owner to current_user
--> deny

alter table hr.employees set schema public
--> deny

alter table hr.employees rename to orders_copy
--> deny

alter schema hr rename to free
--> deny

alter table customers disable trigger all
--> deny

alter table prices no force row level security
--> deny

alter table prices disable row level security
--> deny

drop policy own_prices on prices
--> deny

create policy p on orders using (purge() = 1)
--> deny

security label on table orders is 'x'
--> deny

load 'auto_explain'
--> deny

create extension dblink
--> deny

alter extension plpgsql update
--> deny

drop extension plpgsql cascade
--> deny

create server s foreign data wrapper postgres_fdw
--> deny

create foreign data wrapper w
--> deny

create user mapping for current_user server s options (password 'x')
--> deny

import foreign schema public from server s into public
--> deny

create foreign table f (id int) server s
--> deny

create subscription s connection 'host=127.0.0.1' publication p
--> deny

create publication p for all tables
--> deny

create event trigger e on ddl_command_start execute function log_change()
--> deny

create tablespace t location '/tmp'
--> deny

create database d template postgres
--> deny

drop database shop with (force)
--> deny

create language l
--> deny

create transform for integer language sql (from sql with function purge())
--> deny

create function f() returns int language sql as 'select 1'
--> deny

create function pg_temp.f() returns setof hr.employees language sql as 'select * from hr.employees'
--> deny

create or replace function pg_temp.lower(text) returns text language sql as 'select name from hr.employees limit 1'
--> deny

create procedure pg_temp.p() language sql as 'delete from orders'
--> deny

create aggregate pg_temp.a(int) (sfunc = int4pl, stype = int)
--> deny

create operator pg_temp.+ (function = int4pl, leftarg = int, rightarg = int)
--> deny

create cast (integer as customers) without function
--> deny

create domain pg_temp.d as int check (purge() > 0)
--> deny

create type pg_temp.text as (a int)
--> any

create rule r as on select to audit_trail do instead select id, name from hr.employees
--> deny

create rule "_RETURN" as on select to people do instead select id, name from hr.employees
--> deny

create trigger t before insert on audit_trail for each row execute function log_change()
--> deny

create index on orders ((purge()))
--> deny

create statistics s on (total + 1), id from orders
--> deny

create sequence ticket_numbers_2 owned by orders.id
--> deny

alter sequence ticket_numbers restart
--> deny

comment on table orders is 'x'
--> deny

refresh materialized view revenue_copy
--> deny

cluster orders using orders_pkey
--> deny

vacuum full orders
--> deny

vacuum
--> deny

analyze orders
--> deny

reindex table orders
--> deny

reindex database postgres
--> deny

checkpoint
--> deny

discard all
--> any

notify c, 'x'
--> deny

prepare transaction 'x'
--> any

begin
--> allow
commit prepared 'x'
--> any
rollback
--> allow

-- secrets into settings, names and messages
select set_config('application_name', (select name from hr.employees limit 1), false)
--> deny

select set_config('my.secret', name, false) from hr.employees
--> deny

set debug_print_rewritten = on
--> any

set client_min_messages = 'debug5'
--> any

set log_statement = 'none'
--> any

-- a path that makes old names mean new things
select set_config('search_path', 'hr', false)
--> any
--@ path pg_catalog, hr
select * from employees
--> deny hr-is-closed

set search_path = hr
--> any
--@ path pg_catalog, hr
select * from employees
--> deny hr-is-closed

set schema 'hr'
--> any
--@ path pg_catalog, hr
table employees
--> deny hr-is-closed

set local search_path to hr, pg_catalog; select * from employees
--> deny

select set_config('search_path', 'hr', false); select * from employees
--> deny

begin; set local search_path = hr; select * from employees; commit
--> deny

do 'begin perform set_config(''search_path'', ''hr'', false); end'; select * from employees
--> deny

select elsewhere(); select * from orders
--> deny

set search_path = hr, pg_catalog; select salary from employees
--> deny

set search_path from current
--> any

create table t (id integer primary key, name text default lower('X'), check (id > 0))
--> create table public.t
--> function function public.lower is volatile
--> effect create t public.t(id, name)
--> effect define

create table hr.t (like customers including all, extra integer)
--> select table public.customers
--> create table hr.t
--> effect create t hr.t(id, name, email, ssn, deleted_at, extra)
--> effect define

create table t (id integer references customers, foreign key (id) references orders)
--> create table public.t
--> alter table public.orders
--> alter table public.customers
--> effect create t public.t(id)
--> effect define
--> locks public.orders ShareRowExclusiveLock
--> locks public.customers ShareRowExclusiveLock

create table t (id integer, parent integer references t)
--> create table public.t
--> alter table public.t
--> effect create t public.t(id, parent)
--> effect define
--> locks public.t ShareRowExclusiveLock

create table t () inherits (people)
--> alter table public.people
--> create table public.t
--> effect create t public.t(id, name)
--> effect define
--> locks public.people ShareUpdateExclusiveLock

create table payments_2027 partition of payments for values from ('2027-01-01') to ('2028-01-01')
--> alter table public.payments
--> create table public.payments_2027
--> effect create payments_2027 public.payments_2027(id, paid_at, amount)
--> effect define
--> locks public.payments AccessExclusiveLock

create temp table customers (id integer)
--> create table pg_temp.customers
--> effect create customers pg_temp.customers(id)
--> effect define pg_temp

-- what the temporary table hides is touched too: it may be gone when the statement runs
create temp table customers (id integer); select id from customers
--> create table pg_temp.customers
--> select table pg_temp.customers (id) * #1
--> select table public.customers (id) * #1
--> effect create customers pg_temp.customers(id)
--> effect define pg_temp
--> parts 2

create temporary table x on commit drop as select ssn from customers; select * from x
--> select table public.customers (ssn)
--> create table pg_temp.x
--> select table pg_temp.x * #1
--> effect create x pg_temp.x(ssn)
--> effect define pg_temp
--> parts 2

create table if not exists t (id integer)
--> create table public.t
--> effect create t public.t(id)
--> effect define

create unlogged table t (a mood, b zip)
--> create table public.t
--> effect create t public.t(a, b)
--> effect define

create table t as select c.*, 1 as one from customers c
--> select table public.customers *
--> create table public.t
--> effect create t public.t(id, name, email, ssn, deleted_at, one)
--> effect define

create table t (a, b) as values (1, 2)
--> create table public.t
--> effect create t public.t()
--> effect define

create table t as select id from customers with no data
--> select table public.customers (id)
--> create table public.t
--> effect create t public.t(id)
--> effect define

select * into t from orders
--> select table public.orders *
--> create table public.t
--> effect create t public.t(id, customer_id, total, status)
--> effect define
--> shareable

create index concurrently on orders (lower(status)) where total > 0
--> create table public.orders
--> function function public.lower is volatile
--> effect define
--> locks public.orders ShareUpdateExclusiveLock

create unique index on orders (id) include (status)
--> create table public.orders
--> effect define
--> locks public.orders ShareLock

create sequence s owned by orders.id
--> create table public.s
--> alter table public.orders
--> effect create s public.s(last_value, log_cnt, is_called)
--> effect define
--> locks public.orders AccessShareLock

create schema reports
--> create datasource
--> effect define

create schema reports authorization ada create table t (id integer) create view v as select id from t
--> create datasource
--> create table reports.t
--> select table reports.t (id)
--> create table reports.v
--> effect define
--> effect create t reports.t(id)
--> effect create v reports.v(id) < reports.t

create function f(a integer default purge()) returns integer language sql as 'select 1'
--> create function public.f
--> function function public.purge is opaque, volatile
--> effect define
--> effect setting

create or replace function public.purge() returns integer language sql as 'select 1'
--> create function public.purge
--> effect define

create function hr.f() returns integer language sql begin atomic delete from orders; select 1; end
--> create function hr.f
--> effect define

create procedure p() language plpgsql as 'begin end'
--> create function public.p
--> effect define

create aggregate a (integer) (sfunc = int4pl, stype = integer)
--> create function public.a
--> effect define

create operator ## (leftarg = integer, rightarg = integer, function = int4pl)
--> create schema public
--> effect define

create cast (customers as text) with function summary(orders)
--> create datasource
--> effect define

create trigger t before update on orders for each row when (old.total <> new.total) execute function log_change()
--> alter table public.orders
--> function function public.log_change is opaque, volatile
--> effect define
--> locks public.orders ShareRowExclusiveLock

create constraint trigger t after insert on orders deferrable for each row execute function hr.no_such()
--> alter table public.orders
--> function function hr.no_such is opaque
--> effect define
--> locks public.orders ShareRowExclusiveLock

create rule r as on insert to orders do instead delete from audit_trail where id = new.id
--> alter table public.orders
--> delete table public.audit_trail (id)
--> effect define
--> locks public.orders AccessExclusiveLock

create rule "_RETURN" as on select to orders do instead select * from customers
--> alter table public.orders
--> select table public.customers *
--> effect define
--> locks public.orders AccessExclusiveLock

create policy p on orders using (status = current_user) with check (total > 0)
--> alter table public.orders
--> effect define
--> locks public.orders AccessExclusiveLock

create type t as (a integer, b text)
--> create schema public
--> effect define

create type hr.color as enum ('red')
--> create schema hr
--> effect define

create type r as range (subtype = float8)
--> create schema public
--> effect define

create domain d as text check (lower(value) = value)
--> create schema public
--> function function public.lower is volatile
--> effect define

create extension dblink
--> create datasource
--> effect define

create server s foreign data wrapper postgres_fdw options (host 'x')
--> create datasource
--> effect define

create user mapping for current_user server s options (password 'x')
--> create datasource
--> effect define

create foreign table f (id integer) server s
--> create datasource
--> create table public.f
--> effect create f public.f(id)
--> effect define

import foreign schema public from server s into hr
--> create datasource
--> create schema hr
--> effect define

create publication p for table customers, orders (id)
--> create datasource
--> select table public.customers *
--> select table public.orders *
--> effect define
--> locks public.customers ShareUpdateExclusiveLock
--> locks public.orders ShareUpdateExclusiveLock

create subscription s connection 'host=x' publication p
--> create datasource
--> effect define

create database d
--> create datasource
--> effect define

create tablespace t location '/x'
--> create datasource
--> effect define

create event trigger e on ddl_command_start execute function purge()
--> create datasource
--> effect define

create language plpython3u
--> create datasource
--> effect define

create statistics s on status, total from orders
--> alter table public.orders
--> effect define
--> locks public.orders ShareUpdateExclusiveLock

create collation c from "C"
--> create schema public
--> effect define

create text search configuration c (copy = simple)
--> create schema public
--> effect define

create conversion c for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8
--> create datasource
--> effect define

create access method am type table handler heap_tableam_handler
--> create datasource
--> effect define

create transform for integer language sql (from sql with function f(internal))
--> create datasource
--> effect define

create operator class oc for type integer using btree as operator 1 <
--> create schema public
--> effect define

create operator family of using btree
--> create schema public
--> effect define

create foreign data wrapper w
--> create datasource
--> effect define

create type pg_temp.rg as range (subtype = float8, subtype_diff = pg_temp.d)
--> create schema pg_temp
--> function function pg_temp.d is opaque
--> effect define

-- what is copied runs by the will of whoever copies it
create table x (like prices including all)
--> select table public.prices
--> function function public.check_price is opaque
--> function function public.next_number is opaque, volatile
--> create table public.x
--> effect create x public.x(id, amount, owner)
--> effect define
--> effect setting
--> sets off policy own_prices function public.check_price by public.prices

create table x (like prices including defaults)
--> select table public.prices
--> function function public.next_number is opaque, volatile
--> create table public.x
--> effect create x public.x(id, amount, owner)
--> effect define
--> effect setting
--> sets off policy own_prices function public.check_price by public.prices

create table x (a price)
--> create table public.x
--> function function public.check_price is opaque
--> effect create x public.x(a)
--> effect define
--> effect setting

-- an operator class calls its functions
create index on customers (name length_ops)
--> create table public.customers
--> function function public.by_length is opaque
--> effect define
--> effect setting
--> locks public.customers ShareLock

create table x (a text, exclude using btree (a length_ops with ===))
--> create table public.x
--> function function public.same_order is opaque, volatile
--> function function public.by_length is opaque
--> effect create x public.x(a)
--> effect define
--> effect setting

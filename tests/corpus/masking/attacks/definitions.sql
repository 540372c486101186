-- definitions that carry raw data out, or run where raw data is seen
alter table scratch add check (f_ssn(1) like '4%')
alter table scratch alter a set default f_ssn(1)
alter table scratch add column x text default f_ssn(1) ;; select x from scratch
alter table scratch alter a type text using f_ssn(id) ;; select a from scratch
alter table scratch add column x text generated always as (f_ssn(1)) stored
alter table scratch add column x customers
alter table scratch add column x text default (select 'y')
alter table scratch add exclude using gist (id with =)
alter table scratch add constraint x foreign key (id) references customers (id)
alter table scratch add foreign key (id, a) references customers (id, ssn)
alter table scratch inherit customers
alter table customers inherit scratch
alter table customers attach partition scratch for values in (1)
alter table customers replica identity full
alter table customers owner to current_user
alter table customers set schema pg_temp
alter table customers set unlogged
alter table customers cluster on customers_ssn
alter table customers enable row level security
alter table customers alter ssn set statistics 1000
alter table customers alter ssn set storage plain
alter table customers alter ssn set default 'x'
alter table customers alter ssn drop not null
alter table customers rename to clients ;; select ssn from clients
alter table customers rename column ssn to nss ;; select nss from customers
alter table scratch rename to customers2
alter index customers_ssn rename to x
alter sequence ticket restart with 5
alter type mood rename to ssn
alter function f_ssn(integer) rename to length
alter function f_ssn(integer) cost 1
alter default privileges grant select on tables to public
create index on scratch (f_ssn(id))
create index on scratch ((f_ssn(id)))
create index on scratch (a) where f_ssn(id) > '5'
create index on scratch (lower(a::varchar))
create unique index on scratch ((a || f_ssn(1)))
create table x (a text default f_ssn(1)) ;; insert into x default values returning a
create table x (a text check (f_ssn(1) > '5')) ;; insert into x values ('y')
create table x (a text generated always as (f_ssn(1)) stored)
create table x (c customers) ;; insert into x select c from customers c ;; select (c).ssn from x
create table x (c v_plain[]) ;; insert into x select array_agg(v) from v_plain v ;; select c[1].ssn from x
create table x (like customers including all) ;; insert into x select * from customers ;; select ssn from x
create table x (like v_plain) ;; insert into x select * from v_plain ;; select * from x
create table x partition of payments default
create table x () inherits (people)
create table x (id int) partition by list (id) ;; create table x1 partition of x for values in (1)
create temp table x on commit delete rows as select ssn from customers
create temp table x (id int) ;; alter table x inherit people
create unlogged table x as select * from customers ;; select email, ssn from x
create table if not exists orders as select ssn as note from customers ;; select note from orders where id = 1
create table x as values ((select ssn from customers where id = 1)) ;; select * from x
create table x as select * from customers with no data ;; insert into x select * from customers ;; select ssn from x
create table x as execute p
create table x as select f_ssn(1)
create table x as select o.cfo from orders o
create table x (a mood default 'sad', b short default 'x') ;; insert into x default values returning *
create view x as select ssn from customers
create or replace temp view x as select ssn from customers ;; select ssn from x
create materialized view x as select ssn from customers ;; select * from x
create temp view customers as select ssn, email from public.customers ;; select * from customers
create domain d as text check (f_ssn(1) > '5')
create type t as (a customers)
create type e as enum ('a')
create sequence s owned by customers.id
create schema mine create view v as select ssn from public.customers
create schema mine
create aggregate agg(text) (sfunc = textcat, stype = text)
create operator %% (function = f_notice, rightarg = text)
create collation c from "C"
create text search configuration t (copy = simple)
create conversion c for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1
create access method h type table handler heap_tableam_handler
create function x() returns int language sql return 1
create procedure x() language sql as 'select 1'
create user mapping for public server s
create subscription s connection 'x' publication p
create statistics s on ssn, city from customers
create tablespace t location '/tmp'
create role r
create database d
drop owned by current_user
reassign owned by current_user to app
drop index customers_ssn
drop table if exists customers
drop schema public cascade
drop function f_ssn(integer)
drop cast (orders as text)
grant app to app
revoke all on customers from app
comment on table customers is 'x'
do language sql 'select 1'
call p_out('x')
checkpoint
load 'x'
discard all
discard temp
reset all
set local role postgres
set session characteristics as transaction read only
set transaction snapshot '00000003-0000001B-1'
set constraints all deferred
set timezone to 'UTC'
set temp_tablespaces = ''
set default_table_access_method = 'heap'
set check_function_bodies = off
set xmloption = document
set local search_path to '' ;; select ssn from public.customers
set search_path to "$user", public ;; select email from customers
set search_path = 'pg_toast' ;; select 1
vacuum full customers
cluster

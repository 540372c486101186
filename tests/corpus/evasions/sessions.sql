-- several messages: what an earlier one set up, a later one uses

prepare p as select pub from shadow.orders
--> allow
set search_path = hr
--> any
--@ path pg_catalog, hr
execute p
--> allow
select * from employees
--> deny

prepare p as select name from employees
--> deny
set search_path = hr
--> any
--@ path pg_catalog, hr
prepare p as select name from employees
--> deny
execute p
--> deny

-- the name is bound when it runs, in the path of then
prepare p as select id from orders
--> allow
set search_path = shadow
--> allow
--@ path pg_catalog, shadow
execute p
--> allow

prepare p(text) as select set_config($1, 'replica', false)
--> deny
execute p('session_replication_role')
--> deny

--@ who analyst
create temp table employees as select 1 as id
--> allow
--@ path pg_temp, pg_catalog, public
select * from employees
--> allow
select * from hr.employees
--> deny hr-is-closed
drop table employees
--> allow
select * from hr.employees
--> deny hr-is-closed

-- a temporary table hides the table that policies speak of, and then goes
--@ who analyst
create temp table orders (id int)
--> allow
--@ path pg_temp, pg_catalog, public
delete from orders
--> any
drop table orders
--> any
delete from orders
--> deny

--@ who analyst
create temp table orders (id int) on commit drop; delete from orders
--> any
--@ path pg_temp, pg_catalog, public
delete from orders
--> deny

--@ who analyst
begin
--> allow
create temp table orders (id int) on commit drop
--> allow
commit
--> allow
--@ path pg_temp, pg_catalog, public
delete from orders
--> deny

--@ who analyst
begin
--> allow
savepoint s
--> allow
create temp table orders (id int)
--> allow
rollback to s
--> allow
--@ path pg_temp, pg_catalog, public
delete from orders
--> deny
rollback
--> allow

create temp table t (id int); drop table t; drop table orders
--> deny

create temp table orders (id int); drop table orders, orders
--> deny

create temp table orders (id int); drop table orders; drop table orders
--> deny

--@ who analyst
create temp view v as select * from orders
--> any
--@ path pg_temp, pg_catalog, public
delete from v
--> deny

--@ who analyst
create temp table x (id int references customers on delete cascade)
--> any
--@ path pg_temp, pg_catalog, public
delete from customers where id = 1
--> deny

--@ who analyst
create temp table copied as select * from customers
--> any
--@ path pg_temp, pg_catalog, public
insert into customers select * from copied
--> deny

-- a temporary relation inherits a closed one, or becomes one's partition
--@ who analyst
create temp table mine (id integer, name text, salary integer, boss integer)
--> allow
--@ path pg_temp, pg_catalog, public
alter table mine inherit hr.employees
--> deny
alter table hr.employees inherit mine
--> deny
select * from mine
--> allow

--@ who analyst
create temp table mine (id integer, paid_at date, amount numeric)
--> allow
--@ path pg_temp, pg_catalog, public
alter table payments attach partition mine default
--> deny

--@ who analyst
create temp table mine (id integer) partition by list (id)
--> allow
--@ path pg_temp, pg_catalog, public
alter table mine attach partition hr.employees for values in (1)
--> deny

-- code in temporary objects
--@ who analyst
create temp table mine (id integer default purge())
--> deny
insert into mine values (default)
--> deny

--@ who analyst
create temp table mine (id integer check (purge() = 1))
--> deny
insert into mine values (1)
--> deny

create temp table mine (id integer, g integer generated always as (order_total(1)::int) stored)
--> deny

--@ who analyst
create temp table mine (id integer)
--> allow
--@ path pg_temp, pg_catalog, public
create trigger t before insert on mine for each row execute function log_change()
--> deny
create rule r as on insert to mine do also delete from orders
--> deny
create rule "_RETURN" as on select to mine do instead select id from hr.employees
--> deny
create index on mine ((purge()))
--> deny
alter table mine add column x int default purge()
--> deny
alter table mine alter column id set default purge()
--> deny
alter table mine alter column id type int using purge()
--> deny
alter table mine add check (purge() = 1)
--> deny
alter table mine add column y price default 1
--> deny
create policy p on mine using (purge() = 1)
--> deny
alter table mine rename to orders
--> any

--@ who analyst
create temp view spy as select * from hr.employees
--> deny
select * from spy
--> deny

-- renames inside a transaction
begin
--> allow
alter table hr.employees rename to orders
--> deny
rollback
--> allow

--@ who analyst
begin
--> allow
create temp table a (id int)
--> allow
--@ path pg_temp, pg_catalog, public
alter table a rename to orders
--> any
delete from pg_temp.orders
--> any
delete from public.orders
--> deny
rollback
--> allow

-- cursors
begin
--> allow
declare c cursor for select name from hr.employees
--> deny
fetch all from c
--> deny
rollback
--> allow

begin
--> allow
declare c cursor for select id from orders for update
--> deny
delete from orders where current of c
--> deny
rollback
--> allow

begin
--> allow
declare c cursor for select id from orders
--> allow
delete from orders where current of c
--> deny
rollback
--> allow

fetch all from nowhere
--> deny

move all in nowhere
--> deny

execute nothing
--> deny

begin
--> allow
declare c scroll cursor for select query_to_xml('select * from hr.employees', true, false, '')
--> deny
fetch c
--> deny
rollback
--> allow

-- in a failed transaction nothing is allowed either
begin
--> allow
select 1/0
--> allow
rollback; delete from orders
--> deny

begin
--> allow
savepoint a
--> allow
rollback to a; delete from orders where id = 1
--> deny
rollback
--> allow

begin; select 1; rollback; delete from orders; begin
--> deny

-- two phases
begin
--> allow
prepare transaction 'tidewaiter'
--> any
rollback
--> any

-- a statement prepared once, and again under its name
prepare p as select 1
--> allow
deallocate p
--> allow
prepare p as delete from orders
--> deny
execute p
--> deny

discard all
--> any
--@ path pg_catalog, public
delete from orders
--> deny

set search_path = ''
--> allow
--@ path pg_catalog
delete from public.orders
--> deny

set search_path = public, pg_catalog
--> allow
--@ path public, pg_catalog
select lower('X'::varchar)
--> deny

set search_path = pg_temp, public
--> allow
--@ path pg_catalog, pg_temp, public
delete from orders
--> deny

-- the first temporary table changes nothing about functions
--@ who analyst
create temp table t (id int)
--> allow
--@ path pg_temp, pg_catalog, public
select purge()
--> deny

-- settings back to what they were
set session_replication_role = replica
--> deny
reset session_replication_role
--> deny
reset all
--> any
set session characteristics as transaction isolation level serializable
--> any

-- a listener hears what others say; it may, but it may not speak
listen c
--> allow
notify c
--> deny
unlisten *
--> allow

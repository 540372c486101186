-- the same by messages: Parse, Bind, Execute, in pipelines, with parameters

--@ extended
delete from orders
--> deny

--@ extended
delete from orders where id = $1
--$ 1
--> deny

--@ extended
select * from hr.employees where id = $1
--$ 1
--> deny hr-is-closed

--@ extended
select set_config($1, $2, false)
--$ role, postgres
--> deny

--@ extended
select nextval($1)
--$ ticket_numbers
--> deny

--@ extended
select table_to_xml($1, true, false, '')
--$ hr.employees
--> deny

--@ extended
select query_to_xml($1, true, false, '')
--$ select * from hr.employees
--> deny

--@ extended
select pg_notify($1, $2)
--$ c, x
--> deny

--@ extended
execute nothing($1)
--$ 1
--> deny

-- the server refuses two statements in one Parse, whatever they are
--@ extended
select 1; delete from orders
--> deny

--@ extended
copy hr.employees to stdout
--> deny

--@ extended
prepare p as delete from orders
--> deny

--@ extended
explain analyze delete from orders
--> deny

--@ extended
do 'begin delete from orders; end'
--> deny

--@ extended
begin
--> allow
delete from orders
--> deny
rollback
--> allow

--@ extended
set search_path = hr
--> any
--@ path pg_catalog, hr
select * from employees
--> deny

-- all before one Sync: later ones are judged when the path is known, or refused
--@ pipeline
set search_path = hr
--> any
--@ path pg_catalog, hr
select * from employees
--> deny

--@ pipeline
select 1
--> allow
delete from orders
--> deny
select 2
--> any

--@ pipeline
begin
--> allow
select 1
--> allow
delete from orders where id = 1
--> deny
commit
--> any

--@ who analyst
--@ pipeline
create temp table employees (id int)
--> allow
--@ path pg_temp, pg_catalog, public
select * from employees
--> any
select * from hr.employees
--> deny

--@ pipeline
set standard_conforming_strings = off
--> any
select 'a\'' ; delete from orders; -- '
--> deny

-- the server says what its settings are now at the Sync, which is too late: it must be asked
--@ pipeline
set standard_conforming_strings = off
--> any
select 'a\'', name from hr.employees -- '
--> deny

--@ pipeline
select set_config('standard_conforming_strings', 'off', true)
--> any
select 'a\'', name from hr.employees -- '
--> deny

--@ pipeline
begin
--> allow
set local standard_conforming_strings = off
--> any
select 'a\'', name from hr.employees -- '
--> deny

--@ pipeline
select set_config('search_path', 'hr', true)
--> any
--@ path pg_catalog, hr
select name from employees
--> deny

--@ pipeline
begin
--> allow
set local search_path = hr
--> any
--@ path pg_catalog, hr
select name from employees
--> deny
commit
--> any

--@ pipeline
prepare p as select 1
--> allow
execute p
--> allow
deallocate p
--> allow
prepare p as delete from orders
--> deny
execute p
--> deny

-- what a driver's statement cache may hold
--@ who analyst
--@ extended
select id from orders where id = $1
--$ 1
--> allow
create temp table orders (id int)
--> allow
--@ path pg_temp, pg_catalog, public
select id from orders where id = $1
--$ 1
--> allow
delete from public.orders where id = $1
--$ 1
--> deny

-- bytes that end a message early
--@ escaped
select 1\x00; delete from orders
--> deny

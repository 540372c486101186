-- what an agent may not, in ways that do not look like it; and what it gains from no owner, no other group

--@ who agent
select * from customers
--> deny agents-never-see-customers

--@ who agent, agent-of-dba
select name from active_customers
--> deny agents-never-see-customers

--@ who agent, agent-of-dba
select * from customer_names
--> deny

--@ who agent, agent-of-dba
select * from revenue
--> deny

--@ who agent
select whole from customer_rows
--> deny

-- a copy of what it may not read
--@ who agent, agent-of-dba
select * from revenue_copy
--> deny

--@ who agent, agent-of-dba
select count(*) from customers
--> deny

--@ who agent
select o.id from orders o join customers c on c.id = o.customer_id
--> deny

--@ who agent
select c.email from orders o, public.customers c
--> deny

--@ who agent
select id from orders where customer_id in (select id from customers where ssn like '7%')
--> deny

--@ who agent
select null from customers limit 0
--> deny

--@ who agent
explain select * from customers where ssn = 'x'
--> deny

--@ who agent
copy (select 1) to stdout
--> any

--@ who agent
copy orders to stdout
--> deny

--@ who agent
select * from customers c(a, b, d, e, f)
--> deny

--@ who agent
table active_customers
--> deny

--@ who agent
create temp table t (id int)
--> deny

--@ who agent
create temp table t as select 1
--> deny

--@ who agent
select 1 into temp t
--> deny

--@ who agent, agent-of-dba
insert into audit_trail values (1, 'x')
--> deny

--@ who agent, agent-of-dba
update orders set status = 'x' where id = 1
--> deny

--@ who agent, agent-of-dba
select purge()
--> deny

--@ who agent, agent-of-dba
do 'begin end'
--> deny

--@ who agent, agent-of-dba
call close_day(1)
--> deny

--@ who agent, agent-of-dba
drop table orders
--> deny

--@ who agent, agent-of-dba
grant all on orders to public
--> deny

--@ who agent, agent-of-dba
lock table orders
--> deny

--@ who agent, agent-of-dba
notify c
--> deny

--@ who agent, agent-of-dba
vacuum orders
--> deny

--@ who agent, agent-of-dba
set role postgres
--> deny

--@ who agent, agent-of-dba
select pg_read_file('PG_VERSION')
--> deny

--@ who agent, agent-of-dba
select pg_terminate_backend(1)
--> deny

--@ who agent, agent-of-dba
select pg_terminate_backend(pid) from pg_stat_activity
--> deny

--@ who agent, agent-of-dba
select nextval('ticket_numbers')
--> deny

--@ who agent, agent-of-dba
select lo_create(0)
--> deny

--@ who agent, agent-of-dba
select * from nowhere
--> deny

--@ who agent, agent-of-dba
select nonsense(1)
--> deny

--@ who agent, agent-of-dba
selec 1
--> deny

--@ who agent, agent-of-dba
select * from hr.employees
--> deny

--@ who agent
select order_total(1)
--> deny

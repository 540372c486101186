-- destructive by another name: a WHERE that restricts nothing waits for a DBA, as no WHERE does

--@ who writer
delete from orders
--> hold destructive-waits-for-dba

--@ who writer
delete from orders where true
--> hold

--@ who writer
delete from orders where 1 = 1
--> hold

--@ who writer
delete from orders where 'a' = 'a'
--> hold

--@ who writer
delete from orders where not false
--> hold

--@ who writer
delete from orders where id = id
--> hold

--@ who writer
delete from orders o where o.id = id
--> hold

--@ who writer
delete from orders where id is not null
--> hold

--@ who writer
delete from orders where id in (id)
--> hold

--@ who writer
delete from orders where id = 1 or 1 = 1
--> hold

--@ who writer
delete from orders where id = 1 or true
--> hold

--@ who writer
delete from orders where status like '%'
--> hold

--@ who writer
delete from orders where status ~ ''
--> hold

--@ who writer
delete from orders where exists (select 1)
--> hold

--@ who writer
delete from orders where id in (select id from orders)
--> hold

--@ who writer
delete from orders where id = any (select id from orders)
--> hold

--@ who writer
delete from orders where id = any (array(select id from orders))
--> hold

--@ who writer
delete from orders o using orders x where o.id = x.id
--> hold

--@ who writer
delete from orders where random() < 2
--> hold

--@ who writer
delete from orders where now() > '2000-01-01'
--> hold

--@ who writer
delete from orders where current_user is not null
--> hold

--@ who writer
delete from orders where coalesce(status, '') is not null
--> hold

--@ who writer
delete from orders where id::text = id::text
--> hold

--@ who writer
delete from orders where (id = 1) is not unknown
--> hold

--@ who writer
delete from orders where id = 1 or id <> 1
--> hold

--@ who writer
delete from orders where id > 0 or id <= 0
--> hold

--@ who writer
delete from orders where id between -2147483648 and 2147483647
--? the range of the type: only a row limit counts these
--> hold

--@ who writer
delete from orders where ctid is not null
--> hold

--@ who writer
delete from orders where tableoid = 'orders'::regclass
--> hold

--@ who writer
delete from orders where (select true)
--> hold

--@ who writer
delete from orders where (select count(*) from customers) >= 0
--> hold

--@ who writer
delete from orders where case when true then true else id = 1 end
--> hold

--@ who writer
delete from orders where (id, status) is not distinct from (id, status)
--> hold

--@ who writer
delete from orders where true in (true, false)
--> hold

--@ who writer
with t as (select true as yes) delete from orders where (select yes from t)
--> hold

--@ who writer
with t as (select id from orders) delete from orders where id in (select id from t)
--? what a WITH query holds: only a row limit counts these
--> hold

--@ who writer
with t as (select id from orders) delete from orders using t where orders.id = t.id
--? what a WITH query holds: only a row limit counts these
--> hold

--@ who writer
delete from orders where length(status) >= 0
--? the range of a function: only a row limit counts these
--> hold

--@ who writer
delete from orders where status = status || ''
--? identities of operators: only a row limit counts these
--> hold

--@ who writer
delete from orders where id - id = 0
--? identities of operators: only a row limit counts these
--> hold

--@ who writer
delete from orders where id * 0 = 0
--? identities of operators: only a row limit counts these
--> hold

--@ who writer
delete from orders where abs(id) >= 0
--? the range of a function: only a row limit counts these
--> hold

--@ who writer
delete from orders where not (id <> id)
--> hold

--@ who writer
delete from orders where xmin is not null and true
--> hold

--@ who writer
delete from orders where status similar to '%'
--> hold

--@ who writer
delete from orders where starts_with(status, '')
--? identities of functions: only a row limit counts these
--> hold

-- parameters may make it anything
--@ who writer
--@ extended
delete from orders where $1
--$ true
--> hold

--@ who writer
--@ extended
delete from orders where $1::int = $1::int
--$ 1
--> hold

--@ who writer
--@ extended
delete from orders where id = 1 or $1 = 1
--$ 1
--> hold

--@ who writer
update orders set total = 0
--> hold

--@ who writer
update orders set total = 0 where 1 = 1
--> hold

--@ who writer
update orders set total = o.total from orders o where o.id = orders.id
--> hold

--@ who writer
update orders set total = 0 from customers where orders.customer_id = customers.id
--? a join on a foreign key that is not null: only a row limit counts these
--> hold

--@ who writer
update orders set total = 0 from (values (1)) v(x) where x = 1
--> hold

--@ who writer
with x as (update orders set total = 0) select 1
--> hold

--@ who writer
explain analyze delete from orders
--> hold

--@ who writer
prepare p as delete from orders; execute p
--> hold

--@ who writer
copy (delete from orders returning id) to stdout
--> hold

--@ who writer
select 1; update customers set ssn = null
--> hold

--@ who writer
insert into orders values (1, 1, 1, 'x') on conflict (id) do update set total = 0 where true
--> any

--@ who writer
merge into orders o using orders s on o.id = s.id when matched then delete
--> hold

--@ who writer
merge into orders o using (values (1)) v(x) on true when matched then update set total = 0
--> hold

--@ who writer
merge into orders o using (values (1)) v(x) on 1 = 1 when matched and x = 1 then delete
--> hold

--@ who writer
merge into orders o using (values (1)) v(x) on o.id = x when not matched by source then delete
--> hold

--@ who writer
delete from active_customers
--> hold

--@ who writer
update active_customers set name = 'x'
--> hold

--@ who writer
delete from only people
--> hold

--@ who writer
delete from payments_2026
--> hold

--@ who writer
delete from payments where paid_at >= '-infinity'
--? the range of the type: only a row limit counts these
--> hold

-- what a definition would do to rows
--@ who writer
truncate orders
--> deny

--@ who writer
truncate orders, customers cascade
--> deny

--@ who writer
truncate only people restart identity
--> deny

--@ who writer
drop table orders
--> deny

--@ who writer
alter table orders drop column total
--> deny

--@ who writer
alter table customers alter column name type integer using 0
--> deny

--@ who writer
alter table payments detach partition payments_2026
--> deny

--@ who writer
drop owned by current_user
--> deny

--@ who writer
drop schema hr cascade
--> deny

--@ who writer
create or replace view active_customers as select 1 as id, ''::text as name, ''::text as email
--> deny

--@ who writer
select forget_all()
--> hold

--@ who writer
select forget_customer(id) from customers
--? how often a function is called: only a row limit counts these
--> hold

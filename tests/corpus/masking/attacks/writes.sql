-- writes: copy then read, RETURNING, predicates, conflicts, merges (vectors 22, 23, 27)
update customers set name = 'x' where id = 1 returning ssn
update customers set name = 'x' where id = 1 returning *
update customers set name = 'x' where id = 1 returning customers
update customers c set name = 'x' where id = 1 returning c.*
update customers set name = 'x' where id = 1 returning ssn || 'x', reverse(email)
update customers set name = 'x' where id = 1 returning row_to_json(customers)
update customers set name = 'x' where id = 1 returning (customers).ssn
update customers set name = 'x' where id = 1 returning public.customers.ssn
update customers set name = 'x' where id = 1 returning (select ssn)
update customers set name = 'x' where id = 1 returning (select max(c.ssn) from customers c)
update customers set name = 'x' where id = 1 returning case when ssn like '4%' then 1 end
update customers set name = 'x' where ssn like '4%'
update customers set name = 'x' where ssn like '4%' returning id
update customers set name = ssn ;; select id, name from customers
update customers set name = ssn where id = 1 returning name
update customers set name = ssn returning name
update customers set pub = email ;; select pub from customers
update customers set pub = (select ssn) ;; select pub from customers
update customers set (name, pub) = (ssn, email) ;; select name, pub from customers
update customers set (name, pub) = (select ssn, email) ;; select name, pub from customers
update customers set (name, pub) = row(ssn, email) where id = 1 returning name
update customers set name = (with q as (select ssn as x) select x from q) returning name
update customers set name = (with q as (select customers.ssn as x) select x from q) where id = 1 returning name
update customers set name = array_to_string(array(select ssn), ',') returning name
update customers c set name = c.ssn where id = 1 returning name
update customers as q set name = q.ssn returning q.name
update only customers set name = ssn returning name
update customers set ssn = ssn
update customers set ssn = reverse(ssn)
update customers set ssn = email
update customers set salary = salary + 1
update customers set salary = id * 10 where id = 1 returning salary
update customers set email = 'x@y.z' where id = 1
update customers set email = lower(name) || '@x.y'
update customers set id = null where id = 1
update customers set name = null where id = 2
update customers set id = 2 where id = 1
update customers set salary = 'x' where id = 1
update customers set salary = 99999999999 where id = 1
update customers set dob = joined::date where id = 1 returning dob
update customers set name = o.note from orders o where o.customer_id = customers.id and ssn like '4%'
update orders set note = c.ssn from customers c where c.id = customer_id ;; select note from orders
update orders set note = (select ssn from customers c where c.id = customer_id) returning note
update orders set note = 'x' from customers c where c.id = customer_id and c.ssn like '4%' returning orders.id
update orders set note = c.ssn from (select * from customers) c where c.id = customer_id returning note
update orders o set note = c.name from customers c where c.id = o.customer_id returning c.*
update orders o set note = c.name from customers c where c.id = o.customer_id returning c
update orders set note = v.x from v_renamed v where v.y = customer_id returning note
update v_plain set name = 'x' where ssn like '4%' returning *
update v_renamed set x = 'y'
update v_orders set status = 'x' where id = 1 returning *
delete from stash using customers where customers.ssn like '4%'
delete from payments where iban like 'NO1%'
delete from payments where id = 1 returning *
delete from payments where id = 1 returning iban
delete from payments p using customers c where c.id = p.customer_id and c.ssn < '5' returning p.id
delete from customers where ssn like '4%'
delete from customers returning ssn
delete from staff where mail like 'b%' returning id
delete from orders o using customers c where c.id = o.customer_id returning c.ssn
delete from people where badge < 'm'
delete from v_filter
insert into stash select id, ssn from customers ;; select * from stash
insert into stash (v) select email from customers returning v
insert into stash (v) values ((select ssn from customers where id = 1)) returning *
insert into stash select id, c::text from customers c returning *
insert into stash table m_plain returning *
insert into stash select * from v_renamed order by 1
insert into stash (id, v) select y, x from v_renamed returning v
insert into stash with q as (select id, ssn from customers) select * from q returning *
with q as (insert into stash select id, ssn from customers returning *) select * from q
with q as (update customers set name = 'x' returning *) select ssn from q
with q as (update customers set name = 'x' returning ssn as s) select s from q
with q as (delete from payments returning iban) select * from q
with q as (select ssn from customers) insert into stash (v) select ssn from q returning v
with q as (select ssn from customers) update orders set note = (select max(ssn) from q) returning note
with q as (select id from customers where ssn like '4%') update customers c set name = 'x' from q where c.id = q.id returning c.id
with q as (select id from customers where ssn like '4%') delete from orders where customer_id in (select id from q) returning id
insert into customers (id, name) values (1, 'x') on conflict (id) do update set name = customers.ssn returning name
insert into customers (id, name) values (1, 'x') on conflict (id) do update set name = excluded.name returning ssn
insert into customers (id, name) values (1, 'x') on conflict (id) do update set name = excluded.name where customers.ssn like '4%' returning id
insert into customers as c (id, name) values (1, 'x') on conflict (id) do update set name = c.email returning c.name
insert into customers (id, name) values (1, 'x') on conflict (id) do update set name = (select ssn from customers c where c.id = 1) returning name
insert into customers (id, name) values (1, 'x') on conflict (id) do update set ssn = customers.email
insert into customers (id, name, email) values (77, 'x', 'ayooqsgfzq@mail1.example')
insert into customers (id, name, email) values (77, 'x', 'y') on conflict (email) do nothing
insert into customers (id, name, email) values (77, 'x', 'y') on conflict do nothing returning id
insert into customers (id, name) values (1, 'dup')
insert into customers (id, name) values (77, null)
insert into customers (id, name, ssn) values (77, 'x', '721-07-4426') returning ssn
insert into customers (id, name, ssn) select 77, 'x', ssn from customers where id = 1
insert into customers (id, name, ssn) values (77, 'x', (select ssn from customers where id = 1))
insert into customers select 77 + id, name, null, ssn from customers
insert into customers default values
insert into staff (id, name, pay) values (77, 'x', -1)
update staff set pay = -pay where id = 1
update staff set name = 'x' where pay > 40000 returning id
update staff set name = mail returning name
update staff set name = 'x' returning mail_digest
update people set name = badge returning name
update managers set name = badge returning *
merge into orders o using customers c on c.id = o.customer_id when matched then update set note = c.ssn ;; select note from orders
merge into orders o using customers c on c.id = o.customer_id and c.ssn like '4%' when matched then delete
merge into orders o using (select id, ssn from customers) c on c.id = o.id when not matched then do nothing when matched and c.ssn < '5' then update set note = 'x' ;; select id, note from orders
merge into customers c using orders o on c.id = o.customer_id when matched then update set name = c.ssn
merge into customers c using orders o on c.id = o.customer_id when matched and c.ssn like '4%' then delete
merge into stash s using v_renamed v on s.id = v.y when not matched then insert values (v.y, v.x) ;; select * from stash order by id
create table copy1 as select * from customers ;; select * from copy1
create table copy2 as select ssn as v from customers ;; select v from copy2
create table copy3 as table customers ;; select ssn from copy3
create temp table copy4 as select id, ssn from customers ;; select * from copy4
create temp table orders as select ssn as pub from customers ;; select pub from orders
create temporary table customers as select ssn as pub from customers ;; select pub from customers
select ssn into copy5 from customers ;; select * from copy5
select * into temp copy6 from customers ;; select ssn from copy6
create table copy7 as select ssn from customers with no data ;; select * from copy7
create table copy8 as execute nosuch
create materialized view copy9 as select ssn from customers
create view leak1 as select ssn from customers ;; select * from leak1
create table like1 (like customers including all) ;; select * from like1
create table child1 (x int) inherits (customers)
create table part1 partition of payments for values from ('2027-01-01') to ('2028-01-01')
alter table customers add constraint c1 check (ssn !~ '^7')
alter table customers alter ssn type text using reverse(ssn)
alter table customers rename ssn to pub2
alter table customers drop column name
alter table orders add column s text default 'x' ;; select s from orders limit 1
create index i1 on customers (ssn)
create unique index i2 on customers ((left(ssn, 1)))
create table fk1 (e text references customers (email))
create temp table text as select 1 a ;; select ssn from customers
create temp table text as select 1 a ;; select ssn::text, upper(ssn) from customers
create temp table numeric as select 1 a ;; select balance from customers
create function leak2() returns text language sql as 'select max(ssn) from customers' ;; select leak2()
create rule r1 as on select to stash do instead select id, ssn from customers
create trigger t1 after update on customers for each row execute function f_notice()
create policy p1 on customers using (ssn like '7%')
create publication pub1 for table customers
create cast (customers as text) with function f_ssn(integer)
truncate customers cascade
drop table customers cascade
drop view v_plain
refresh materialized view m_plain
analyze customers
analyze verbose customers
vacuum customers
cluster customers using customers_ssn
lock table customers
grant select on customers to public
security label on column customers.ssn is 'x'
update customers set ref = null where id = 1
update staff set pay = null, name = 'x'
insert into customers (id, name) values (1, 'x') on conflict (id) do update set ref = null
update customers set notes = 'write to [email] about order 1' where id = 1

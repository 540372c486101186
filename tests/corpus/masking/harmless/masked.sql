-- reads and writes that touch masked columns and must be answered
select ssn from customers where id = 3
select * from customers order by id
select * from customers where id = 1
select c.* from customers c join orders o on o.customer_id = c.id where o.id = 5
select id, email from customers order by id limit 5
select id, salary, dob from customers where city = 'Oslo' order by id
select salary, count(*) from customers group by salary order by salary
select salary, avg(id) from customers group by 1 having count(*) > 1 order by 1
select extract(year from dob), count(*) from customers group by 1 order by 1
select avg(salary), min(dob), max(joined) from customers
select id from customers where salary >= 50000 order by id
select id, name from customers where ssn like '%4007' order by id
select id from customers where dob >= '1980-01-01' order by id
select name, right(ssn, 4) from customers order by id
select split_part(email, '@', 2), count(*) from customers group by 1 order by 1
select id, notes from customers order by id
select id, card from customers order by id
select notes from customers where id = 2
select id, phone, ref from customers order by id limit 2
select c.name, c.email, sum(o.total) from customers c join orders o on o.customer_id = c.id group by c.id order by c.id
select c.*, count(o.id) from customers c left join orders o on o.customer_id = c.id group by c.id order by c.id
select distinct email from customers order by email
select to_jsonb(c) from customers c order by id
select row_to_json(c) from customers c where id = 1
select c from customers c where id = 1
select json_agg(c order by id) from customers c
select * from v_plain order by id
select * from v_renamed order by y
select * from v_count order by city
select * from m_plain order by id
select * from v_expression order by id
select * from payments order by id
select iban, paid from payments_2026 order by id
select * from people order by id
select * from managers order by id
select * from staff order by id
select id, pay is null from staff order by id
select ctid is not null, email from customers where id = 1
select id, ssn from customers tablesample system (100) order by id
select id, ssn from customers where id = 1 for update
select id, email from customers order by name limit 3 offset 2
select a.id, b.id from customers a join customers b on a.salary = b.salary and a.id < b.id order by 1, 2
select id, rank() over (order by salary, id) from customers order by id
with q as (select id, email from customers) select * from q order by id
select x.email from (select * from customers) x order by x.id
select (select email from customers where id = o.customer_id) from orders o order by id limit 3
copy customers to stdout csv header
copy (select id, email, notes from customers order by id) to stdout
copy customers (id, ssn) to stdout (format binary)
declare c cursor for select id, email from customers order by id ;; fetch 2 from c ;; fetch 2 from c
prepare p as select email, salary from customers where id = $1 ;; execute p(4)
create temp table mine as select id, email, salary from customers ;; select * from mine order by id
@extended select id, email, ssn, salary, dob, balance, joined from customers order by id
@extended,binary select id, email, ssn, salary, dob, balance, joined from customers order by id
@extended,binary select id, card, notes from customers order by id
@extended,binary select * from v_plain order by id
explain (costs off) select email from customers where id = 1
update customers set ssn = '123-45-6789' where id = 1 returning id, name
update customers set salary = 51234 where id = 2
update customers set name = 'New', notes = 'hello' where id = 3 returning *
update customers set dob = '1990-01-01', phone = '+1 555' where id = 4 returning id
update customers set pub = name where id = 5 returning pub
update customers set city = 'Oslo' where city = 'Rome' returning id
insert into customers (id, name, city) values (100, 'Zed', 'Oslo') returning id, name
insert into customers (id, name, ssn, salary, dob) values (101, 'Yan', '111-22-3333', 40000, '1990-05-05')
insert into customers (id, name) values (1, 'Amy') on conflict (id) do update set name = excluded.name returning id
insert into customers (id, name, ssn) values (1, 'Amy', '9') on conflict (id) do update set ssn = excluded.ssn
insert into customers (id, name) select 200 + id, name from products where id < 3 returning id
delete from payments where id = 3 returning id, amount
delete from payments where paid < '2025-02-01'
insert into payments (id, iban, paid) values (99, 'NO123', '2026-05-05') returning id
insert into people (id, name, badge) values (99, 'x', 'b')

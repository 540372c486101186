-- Masks that the gateway does itself where a column is a plain output column: whatever else looks at it must see masks.
select id, email, ssn, balance, dob, joined from customers order by id
@extended select id, email, ssn, balance, dob, joined from customers order by id
@extended,binary select id, email, ssn, balance, dob, joined from customers order by id
select email, email, ssn, ssn as again from customers order by id
select * from customers order by id
select c.*, o.total from customers c join orders o on o.customer_id = c.id order by o.id
select a.email, b.email from customers a join customers b on b.id = a.id order by a.id
select email from customers order by email
select email as mail from customers order by mail
select ssn, dob from customers order by 2, 1
select balance from customers order by -balance
select distinct email from customers
select distinct on (city) city, email from customers order by city, id
select email, count(*) from customers group by email
select balance, sum(balance) over (order by id) from customers order by id
select email, octet_length(email), pg_column_size(email) from customers order by id
select id, email from customers where octet_length(email) > 20 order by id
select id, email from customers where email like '%a%@mail1.example' order by id
select id, dob from customers where dob > '1975-06-15' order by id
select id, balance from customers where balance % 1000 > 500 order by id
select id, joined from customers order by joined - date_trunc('day', joined), id
select email from customers union select ssn from customers
select email from customers except select 'a***@mail1.example'
select id, (select email from customers i where i.id = o.customer_id) from orders o order by id
select row(email, ssn) from customers order by id
select email from customers order by id limit (select ascii(ssn) % 5 + 1 from customers where id = 1)
select email from customers order by id fetch first 3 rows with ties
select email, ssn from customers order by id for update
select email from customers tablesample system (100) repeatable (1)
select x.email from (select email, id from customers) x order by x.id
with c as (select email, dob, balance from customers) select * from c
select email from v_plain order by id
select id, name, ssn from v_city order by id, name
explain select email, balance, dob from customers
explain (costs on, verbose on) select email, ssn from customers order by id
explain select * from customers c join customers d using (email)
explain analyze select email from customers where ssn > '5'
copy customers (id, email, ssn, dob, balance, joined) to stdout
copy (select email, ssn, dob, balance, joined from customers order by id) to stdout (format csv, header)
copy (select email, ssn, dob, balance, joined from customers order by id) to stdout (format binary)
declare c cursor for select email, ssn, dob, balance from customers order by id ;; fetch 3 c ;; move 2 c ;; fetch all c
declare c scroll cursor with hold for select email, dob from customers order by id ;; fetch last c
declare c binary cursor for select email, dob, balance from customers order by id ;; fetch all c
prepare p as select email, ssn, dob, balance from customers order by id ;; execute p
prepare p (text) as select email from customers where email = $1 ;; execute p('a***@mail1.example')
insert into scratch (id, a) select id + 100, email from customers returning a
create temp table t as select email, dob, balance from customers ;; select * from t
update customers set name = name where id < 5 returning email, ssn, dob, balance, joined
delete from customers where id = 12 returning email, balance
merge into scratch s using customers c on s.id = c.id when matched then update set b = c.email
select email from customers where id in (select id from customers where ssn like '%1%') order by id
select email::text, dob::text, balance::text from customers order by id
select email || '', dob + 0, balance + 0 from customers order by id
select cast(email as varchar(6)), dob::timestamp from customers order by id
select case when email like '%z%' then 1 end, email from customers order by id
select email into temp s from customers ;; select * from s
select mail, nick from members order by id
select mail from members order by mail
select badge, level from managers order by level
set datestyle = 'german' ;; select dob, joined from customers order by id
set local datestyle = 'sql, dmy' ;; select dob, joined, joined - dob from customers order by id
set datestyle = 'postgres' ;; set datestyle = 'iso' ;; select dob, joined from customers order by id
set datestyle = 'german'; select dob, joined from customers order by id
select set_config('datestyle', 'german', true), dob, joined from customers order by id
set extra_float_digits = 0 ;; select balance from customers order by id
set timezone = 'Asia/Tokyo' ;; select dob, joined, joined::timestamptz from customers order by id

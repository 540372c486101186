-- direct, aliases, expressions, encodings, numbers and dates (vectors 1 to 3)
select ssn from customers
select ssn as pub from customers
select a.q from customers a(id, name, m, q)
select "ssn" from "public"."customers"
select U&"\0073sn" from customers
select/**/ssn/**/from/**/customers
select SSN from CUSTOMERS
select (ssn) from customers
select ssn::text from customers
select ssn::varchar(5) from customers
select cast(ssn as char(20)) from customers
select reverse(ssn) from customers
select ssn || '' from customers
select 'x' || ssn || 'y' from customers
select encode(ssn::bytea, 'hex') from customers
select encode(ssn::bytea, 'base64') from customers
select replace(ssn, '-', '') from customers
select regexp_split_to_table(ssn, '') from customers
select regexp_replace(ssn, '\d', 'x', 'g'), regexp_matches(ssn, '(\d+)') from customers
select split_part(ssn, '-', 1) from customers
select ascii(ssn), ascii(substr(ssn, 2)) from customers
select to_tsvector('simple', ssn) from customers
select md5(ssn), sha256(ssn::bytea) from customers
select hashtext(ssn) from customers
select overlay(ssn placing 'xxx' from 5 for 3) from customers
select position('7' in ssn), strpos(ssn, '1') from customers
select translate(ssn, '0123456789', 'abcdefghij') from customers
select format('%s', ssn) from customers
select concat(ssn, name), concat_ws(',', id, ssn) from customers
select left(ssn, 3), right(ssn, 11), substring(ssn from 1 for 3) from customers
select length(email), octet_length(email), char_length(email) from customers
select coalesce(ssn, 'none') from customers
select nullif(ssn, 'x') from customers
select case when ssn like '7%' then 1 else 0 end from customers
select ssn collate "C" from customers
select greatest(ssn, '5'), least(ssn, '5') from customers
select sum(salary), avg(salary), stddev(salary), max(salary) from customers
select salary * 2, salary + 1, -salary, salary % 10 from customers
select salary::text, salary::numeric, to_char(salary, '999999') from customers
select extract(doy from dob), extract(month from dob), age(dob), dob + 1 from customers
select to_char(dob, 'YYYY-MM-DD'), date_part('day', dob) from customers
select dob - date '2000-01-01' from customers
select joined, joined::date, date_trunc('day', joined), extract(epoch from joined) from customers
select balance, round(balance), balance::int, width_bucket(balance, 0, 20000, 200) from customers
select notes from customers
select upper(notes) from customers
select card from customers
select card || '' from customers
select phone, ref from customers
select ref::text, md5(ref::text) from customers
@extended select ssn, salary, dob, balance from customers
@extended,binary select ssn, salary, dob, balance, joined from customers
@extended,binary select id, notes from customers
@extended,binary select id, card from customers order by id
@extended,binary select * from customers
@extended select * from customers order by id
select id, notes from customers order by id limit 3
select notes, * from customers
select c.*, c.ssn from customers c
select customers.ssn, public.customers.ssn, shop.public.customers.ssn from customers
select ssn s, ssn t, ssn from customers
select distinct ssn from customers
select all ssn from customers
select id, ssn from customers fetch first 3 rows only
select row_number() over (), ssn from customers
select iban from payments
select iban from payments_2025
select * from payments_2026 where id > 0
select badge from people
select badge from managers
select badge from only people
select tableoid::regclass, badge from people
select pay, mail, mail_digest from staff
select mail_digest from staff where id = 1
select * from staff

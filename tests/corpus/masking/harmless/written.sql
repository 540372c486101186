-- MERGE, views and triggers on what is masked: constants, parameters and columns that are not
merge into customers c using (values (1, 'Amy B')) v(id, name) on c.id = v.id when matched then update set name = v.name returning c.id, c.name
merge into customers c using (values (900, 'New', '111-22-3333')) v(id, name, ssn) on c.id = v.id when matched then update set name = v.name, ssn = v.ssn when not matched then insert (id, name, ssn) values (v.id, v.name, v.ssn) returning merge_action(), c.id
merge into customers c using (select 3 as id, 51000 as salary) s on c.id = s.id when matched then update set salary = s.salary
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning c.id, c.pub, o.id
merge into customers c using orders o on c.id = o.id when matched and o.status = 'open' then update set city = 'Bern' when not matched then do nothing
merge into customers c using orders o on c.id = o.id when matched then update set name = concat(c.name, '!'), pub = o.note returning *
merge into customers c using orders o on c.id = o.id when matched and c.city = 'Oslo' then update set pub = c.city when not matched by source then do nothing
merge into customers c using scratch s on c.id = s.id + 500 when not matched then insert (id, name, city) values (s.id + 500, s.a, 'Oslo')
merge into customers c using unnest(array[1, 2], array['p', 'q']) as u(id, pub) on c.id = u.id when matched then update set pub = u.pub returning c.id, c.pub
merge into payments p using (values (1, 5)) v(id, amount) on p.id = v.id when matched then update set amount = v.amount returning p.id, p.amount
merge into payments p using (values (500, date '2025-05-05')) v(id, paid) on p.id = v.id and p.paid = v.paid when not matched then insert (id, paid, iban) values (v.id, v.paid, 'NO1')
merge into orders o using customers c on c.id = o.customer_id when matched and c.city = 'Oslo' then update set note = c.name returning o.id, o.note
merge into orders o using customers c on c.id = o.customer_id when matched then update set note = c.email returning o.id, o.note
merge into scratch s using customers c on s.id = c.id when matched then update set a = c.name, n = c.salary when not matched then insert (id, a) values (c.id, c.ssn)
merge into stash s using (select id, email from customers where salary >= 50000) c on s.id = c.id when not matched then insert values (c.id, c.email)
merge into hired h using (values (1, 'n')) v(id, note) on h.id = v.id when matched then update set note = v.note returning h.changed
with src as (select id, name from customers where city = 'Rome') merge into scratch s using src on s.id = src.id when matched then update set a = src.name
prepare p as merge into scratch s using (values ($1::int, $2::text)) v(id, a) on s.id = v.id when matched then update set a = v.a when not matched then insert (id, a) values (v.id, v.a) ;; execute p(3, 'x')
@extended merge into customers c using (values (1, 'Amy')) v(id, name) on c.id = v.id when matched then update set name = v.name returning c.id
insert into customers (id, name, ssn) select * from (values (901, 'a', '1'), (902, 'b', '2')) v
insert into customers (id, name, ssn, city) select i, n, '555-55-5555', 'Rome' from unnest(array[903, 904], array['c', 'd']) u(i, n) returning id, name
insert into customers (id, name, notes) select id, name, notes from json_to_recordset('[{"id": 905, "name": "j", "notes": "from json"}]') as r(id int, name text, notes text)
with new as (select 906 as id, 'w' as name, 45000 as salary) insert into customers (id, name, salary) select id, name, salary from new returning id
insert into customers (id, name, ssn) select 950 + id, a, '000-00-0000' from scratch where id < 3 returning id
insert into customers (id, name, ssn) values (1, 'Amy', '1') on conflict (id) do update set ssn = excluded.ssn, name = excluded.name, city = excluded.city returning id
update customers c set salary = v.salary from (values (1, 42000), (2, 43000)) v(id, salary) where c.id = v.id returning c.id
update customers c set ssn = u.ssn from unnest(array[1, 2], array['1', '2']) u(id, ssn) where c.id = u.id
update customers c set phone = '+1', pub = o.note from orders o where o.customer_id = c.id and o.id = 3 returning c.id, c.pub, o.id
update customers set pub = 'x' from orders o where o.customer_id = customers.id and o.id = 4 returning *
delete from payments p using customers c where p.customer_id = c.id and c.city = 'Lima' returning p.*, c.name
update customers set salary = default, dob = null where id = 1
update v_names set name = 'Via view' where id = 3 returning *
update v_plain set name = 'Via view' where id = 3 returning id, name
update v_plain set ssn = '999-99-9999' where id = 3
update v_renamed set x = '999-99-9999' where y = 3 returning y
update v_over set number = '999-99-9999' where id = 4 returning id
insert into v_names values (910, 'Ins', 'public') returning *
insert into v_plain (id, name, ssn) values (911, 'Ins', '1') returning id
insert into v_plain (id, name) values (3, 'x') on conflict (id) do update set name = excluded.name returning id, name
insert into v_names (id, name) select 920 + id, name from products where id < 3 returning id
delete from v_names where id = 999
delete from v_plain where name = 'nobody' returning *
update v_checked set name = 'In Oslo' where id = 6 returning id, name, city
insert into v_checked (id, name, city) values (912, 'Ola', 'Oslo')
update v_city set name = 'City' where id = 6 returning id
update v_triggered set name = 'Trig' where id = 2 returning id, name
update v_shown set name = 'Trig' where id = 2
merge into v_names v using (values (3, 'm')) s(id, name) on v.id = s.id when matched then update set name = s.name when not matched then insert (id, name) values (s.id, s.name)
update hired set note = 'raise', name = upper(name) where id = 2 returning id, name, note, changed
insert into hired (id, name, wage) values (80, 'Neo', 1500) returning id, name
update hired set wage = 2500 where id = 3 ;; select changed from hired where id = 3
delete from hired where id = 4 returning id, name
update wages set person = 'Me' where owner = 'app' returning id, person
insert into wages (id, person, owner, amount) values (90, 'Me', 'app', 100) returning id, owner
delete from wages where id = 3 returning id
insert into members (id, nick, mail, extra) values (80, 'Nick', 'nick@x.y', 'a=>1') returning id, nick
update members set nick = 'Nicky', extra = 'b=>2' where id = 2 returning id, nick
update members set during = '[100,200)' where id = 2 returning during
update staff set pay = 5000 where id = 3 returning id
insert into staff (id, name, pay, mail) values (70, 'New', 2000, 'n@x.y')
insert into offers (id, owner, bid, label) values (70, 'app', 5, 'mine') returning id, owner
update offers set id = 700 where id = 3 returning id, label
update quotas set amount = 10, owner = 'app' where id = 1 returning id
insert into referrals (id, note) values (1, 'no mail') ;; update referrals set note = 'x' where id = 1 returning *
update customers set id = 100 where id = 99
update ranks set score = 7 where id = 2 returning id, score
insert into ranks (id, code, score) values (90, 'own', 1) returning id
update marks set note = 'hello' where id = 2 returning id, note
insert into marks (id, code) values (90, 'own')
delete from posts where id = 2 returning id
insert into posts (id, author, code) values (90, 'me', 'own') returning id

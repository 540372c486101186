-- MERGE into masked tables, with masked sources, by every action and clause
merge into customers c using orders o on c.id = o.customer_id and o.id <= 12 when matched then update set name = c.ssn ;; select name from customers order by id
merge into customers c using orders o on c.id = o.id when matched then update set name = c.ssn returning c.name
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning c.*
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning *
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning c
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning merge_action(), old.ssn, new.ssn
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning old.*, new.*
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning old, new
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning with (old as before) before.ssn
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning row_to_json(c)
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning (select c.ssn)
merge into customers c using orders o on c.id = o.id when matched then update set pub = o.note returning (select ssn from customers where id = o.id)
merge into customers c using orders o on c.id = o.customer_id and c.ssn like '4%' when matched then delete
merge into customers c using orders o on c.id = o.id when matched and c.ssn like '4%' then update set pub = 'hit' ;; select id, pub from customers order by id
merge into customers c using orders o on c.id = o.id when matched and ssn > '5' then update set pub = 'hit' ;; select id, pub from customers order by id
merge into customers c using orders o on ssn > '5' and c.id = o.id when matched then do nothing
merge into customers c using (select 1 as one) s on c.ssn like '5%' when matched then update set pub = 'x' ;; select count(*) from customers where pub = 'x'
merge into customers c using (select 1 as one) s on false when not matched by source and c.ssn > '5' then update set pub = 'x' ;; select count(*) from customers where pub = 'x'
merge into customers using generate_series(0, 9) d on left(ssn, 1) = d::text when matched then update set pub = d::text ;; select id, pub from customers order by id
merge into customers using (select id, substr(ssn, 1, 1) as d from customers) s on customers.id = s.id when matched then update set pub = s.d ;; select pub from customers order by id
merge into customers c using (select * from customers) s on c.id = s.id when matched then update set pub = s.email returning c.pub
merge into customers c using customers s on c.id = s.id when matched then update set (name, pub) = (s.ssn, c.email) returning c.name, c.pub
merge into customers c using customers s on c.ssn = s.ssn when matched then update set pub = 'same' returning c.id
merge into customers c using customers s on c.id = s.id when matched then update set pub = (select max(x.ssn) from customers x) returning pub
merge into customers c using customers s on c.id = s.id when matched then update set pub = (with q as (select c.ssn as v) select v from q) returning c.pub
merge into customers c using v_renamed v on c.id = v.y when matched then update set pub = v.x returning c.pub
merge into customers c using v_expression v on c.id = v.id when matched then update set pub = v.rs returning c.pub
merge into customers c using m_plain m on c.id = m.id when matched then update set pub = m.ssn returning c.pub
merge into customers c using m_digest m on c.id = m.id when matched then update set pub = m.d returning c.pub
merge into customers c using (values (1)) v(i) on c.id = v.i when matched then update set ssn = c.ssn
merge into customers c using (values (1)) v(i) on c.id = v.i when matched then update set ssn = c.email
merge into customers c using (values (1)) v(i) on c.id = v.i when matched then update set ssn = reverse(ssn)
merge into customers c using customers s on c.id = s.id when matched then update set ssn = s.ssn
merge into customers c using (select id, ssn as q from customers) s on c.id = s.id when matched then update set ssn = s.q
merge into customers c using (values (1, '***-**-4007')) v(i, t) on c.id = v.i when matched then update set ssn = v.t
merge into customers c using (values (1, '*******4007')) v(i, t) on c.id = v.i when matched then update set ssn = v.t
merge into customers c using (values (900, '*******4007')) v(i, t) on c.id = v.i when not matched then insert (id, name, ssn) values (v.i, 'x', v.t)
merge into customers c using orders o on c.id = o.id + 100 when not matched then insert (id, name, ssn) values (o.id + 100, 'x', o.note)
merge into customers c using customers o on c.id = o.id + 100 when not matched then insert (id, name, pub) values (o.id + 100, o.ssn, o.email) returning c.name, c.pub
merge into customers c using customers o on c.id = o.id + 100 when not matched then insert values (o.id + 100, 'x', o.email, o.ssn) returning c.*
merge into customers c using (values (1, 'x')) v(i, t) on c.id = v.i when not matched then insert (id, name, email) values (v.i, 'x', v.t)
merge into customers c using (values (77, 'x@y.z')) v(i, t) on c.email = v.t when not matched then insert (id, name) values (v.i, 'x') returning c.id
merge into customers c using (values (77, 'ayooqsgfzq@mail1.example')) v(i, t) on c.email = v.t when not matched then insert (id, name, email) values (v.i, 'x', v.t)
merge into customers c using (values (1, null)) v(i, t) on c.id = v.i when matched then update set name = v.t
merge into customers c using (values (2, 1)) v(i, t) on c.id = v.i when matched then update set id = v.t
merge into payments p using customers c on p.customer_id = c.id when matched and p.iban > 'NO5' then delete returning p.id
merge into payments p using customers c on p.customer_id = c.id when matched then update set amount = 1 returning p.iban, c.ssn
merge into people p using managers m on p.id = m.id when matched then update set name = m.badge returning p.name
merge into staff s using staff b on s.boss = b.id when matched and b.pay > s.pay then update set name = 'rich' ;; select id, name from staff order by id
merge into staff s using staff b on s.boss = b.id when matched then update set name = b.mail returning s.mail_digest
merge into orders o using customers c on c.id = o.customer_id when matched then update set note = c.ssn returning o.note, c.*
merge into orders o using customers c on c.id = o.customer_id when matched then update set note = 'n' returning *
merge into orders o using customers c on c.id = o.customer_id when matched and c.dob > '1975-06-01' then update set note = 'young' ;; select id, note from orders order by id
merge into stash s using customers c on s.id = c.id when not matched and c.salary > 55000 then insert values (c.id, 'rich') ;; select id from stash order by id
merge into stash s using customers c on s.id = c.id when not matched then insert (id, v) values (c.id, c.ssn) returning s.v
merge into stash s using customers c on s.id = c.id when not matched then insert (id, v) values (c.id, to_jsonb(c)::text) returning s.v
merge into stash s using (select id, email from customers order by ssn limit 3) c on s.id = c.id when not matched then insert (id, v) values (c.id, c.email) ;; select * from stash order by 1
with q as (select id, ssn from customers) merge into stash s using q on s.id = q.id when not matched then insert values (q.id, q.ssn) returning v
with q as (select id, ssn from customers) merge into customers c using q on c.id = q.id when matched then update set pub = q.ssn returning c.pub
with q as (select id from customers where ssn > '5') merge into customers c using orders o on c.id = o.id when matched and c.id in (select id from q) then update set pub = 'x' ;; select id, pub from customers order by id
with m as (merge into customers c using orders o on c.id = o.id when matched then update set pub = c.ssn returning c.pub, c.ssn as s) select * from m
with m as (merge into customers c using orders o on c.id = o.id when matched then delete returning c.*) select max(ssn) from m
merge into only customers c using orders o on c.id = o.id when matched then update set pub = c.ssn returning c.pub
merge into customers as old using orders o on old.id = o.id when matched then update set pub = old.ssn returning old.pub
merge into customers as excluded using orders o on excluded.id = o.id when matched then update set pub = excluded.ssn returning excluded.pub
merge into customers as o using orders customers on o.id = customers.id when matched then update set pub = o.ssn returning o.pub
explain merge into customers c using orders o on c.id = o.id when matched and c.ssn > '5' then delete
explain analyze merge into customers c using orders o on c.id = o.id when matched and c.ssn > '5' then update set pub = 'x'
prepare p as merge into customers c using orders o on c.id = o.id when matched and c.ssn > $1 then update set pub = c.ssn returning c.pub ;; execute p('5')
@extended merge into customers c using orders o on c.id = o.id when matched then update set pub = c.email returning c.pub, c.ssn, c.salary
@extended,binary merge into customers c using orders o on c.id = o.id when matched then update set pub = c.email returning *

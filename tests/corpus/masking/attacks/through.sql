-- views, rules, triggers and row security on what is written
update v_plain set name = 'x' where id = 1 returning *
update v_plain set name = ssn returning name
update v_plain set name = email where id < 4 returning name
update v_plain v set name = v.ssn returning v.name
update v_plain set name = 'x' where ssn > '5' ;; select id, name from customers order by id
update v_plain set name = 'x' where ssn > '5' returning id
update v_plain set name = 'x' where id = 1 returning v_plain
update v_plain set name = 'x' where id = 1 returning row_to_json(v_plain)
update v_plain set name = null where id = 1
update v_plain set email = 'ayooqsgfzq@mail1.example' where id = 12
update v_plain set ssn = ssn
update v_plain set ssn = reverse(email)
update v_plain set ssn = '*******4007' where id = 1
update v_plain set ssn = c.ssn from customers c where c.id = v_plain.id
update v_plain set name = c.ssn from customers c where c.id = v_plain.id returning v_plain.name
insert into v_plain values (77, 'x', null, '*******4007')
insert into v_plain (id, name, email) values (77, 'x', 'ayooqsgfzq@mail1.example')
insert into v_plain (id, name, ssn) select 77, 'x', ssn from customers where id = 1
insert into v_plain (id, name) values (1, 'x')
insert into v_plain (id, name) values (1, 'x') on conflict (id) do update set name = v_plain.ssn returning name
insert into v_plain (id, name) values (1, 'x') on conflict (id) do update set name = excluded.name where v_plain.ssn > '5' returning id
insert into v_plain (id, name) values (1, 'x') on conflict (id) do update set name = 'y' returning *
delete from v_plain where ssn > '5'
delete from v_plain v using orders o where o.id = v.id and v.ssn > '5' returning v.id
delete from v_plain where id = 1 returning *
update v_renamed set y = y + 100 where x > '5' returning x, y
update v_renamed set x = 'public' where y = 1 returning x, y
update v_nested set z = 7 where x > '5' returning *
update v_over set id = id + 100 where number > '5' returning *
update v_over set number = id::text where id = 3 returning number
delete from v_over where number > '5' returning id
merge into v_plain v using orders o on v.id = o.id when matched and v.ssn > '5' then update set name = 'x' ;; select id, name from customers order by id
merge into v_plain v using orders o on v.id = o.id when matched then update set name = v.ssn returning v.*
merge into v_over v using orders o on v.id = o.id when matched then delete returning v.number
update v_names set name = null where id = 1
update v_names set id = 2 where id = 1
update v_names set name = 'x' where id = 1 returning *
update v_names set name = 'x' returning (select max(ssn) from customers)
update v_names set name = 'x' where id in (select id from customers where ssn > '5') returning id
update v_names set name = c.ssn from customers c where c.id = v_names.id returning v_names.*
insert into v_names values (1, 'x', 'y')
insert into v_names values (77, null, 'y')
insert into v_names select id + 100, ssn, email from customers returning *
insert into v_names (id, name) values (1, 'x') on conflict (id) do update set name = 'y' returning *
update v_checked set city = 'Rome' where id = 2
update v_checked set name = null
update v_checked set name = ssn returning *
update v_checked set ssn = '111-22-3333' where ssn > '5' returning id
insert into v_checked (id, name, city) values (77, 'x', 'Rome')
insert into v_checked (id, name, ssn, city) values (77, 'x', '*******4007', 'Oslo')
update v_filter set name = 'x'
update v_filter set name = 'x' where id = 1
delete from v_filter where id = 2
insert into v_filter values (88, 'x')
update v_city set name = ssn returning *
update v_count set n = 1
update v_join set name = 'x'
update v_expression set id = 5 where id = 1
update v_row set id = 100 where id = 1 returning j
delete from v_row where id = 1 returning j
update m_plain set id = 1
update v_triggered set name = 'new' where id = 1 returning *
update v_triggered set name = (select ssn from customers where id = 2) where id = 1 ;; select name from customers order by id
update v_triggered set name = null where id = 1
update v_shown set name = 'new' where ssn > '5' ;; select id, name from customers order by id
update v_shown set name = ssn returning *
update v_shown set ssn = 'x' where id = 1
update v_shown set name = null
delete from v_shown where id = 1
insert into v_shown (id, name) values (77, 'x')
update v_ruled set name = 'x' where id = 1 returning *
update v_ruled set name = 'x'
update v_ruled set name = ssn returning name
delete from v_ruled where ssn > '5'
insert into ruled values (1, 'x')
insert into ruled values (1, 'x') returning *
insert into ruled select id, v from stash
with q as (insert into ruled values (1, 'x') returning *) select * from q
update ruled set v = 'x'
copy ruled from stdin
update hired set name = code returning name ;; select said from hired_log
update hired set name = 'x' where wage > 2500 returning id
update hired set note = wage::text returning note, changed
update hired set wage = wage + 1
update hired set wage = 5000 where id = 1 returning wage
update hired set code = '***' where id = 1
update hired set name = 'x' returning *
update hired set name = null
insert into hired (id, name, code, wage) select id + 100, code, 'x', 5 from hired returning name
insert into hired (id, name) values (1, 'x')
insert into hired (id, name) values (1, 'x') on conflict (id) do update set name = hired.code returning name, changed
delete from hired where code > 'm' returning id
merge into hired h using hired s on h.id = s.id when matched and s.wage > 2500 then update set name = s.code returning h.name, h.changed
copy hired from stdin
copy hired (id, name, code) from stdin
select * from hired_log
select * from wages order by id
select id, amount, code from wages where amount > 50000
select code, count(*) from wages group by 1
select count(*) from wages where code > 'm'
update wages set person = code returning *
update wages set owner = 'x' where amount > 50000
update wages set owner = 'x'
insert into wages (id, person, owner) values (77, 'x', 'boss')
insert into wages (id, person, owner) values (77, code(null::wages), 'app')
insert into wages (id, person, owner) select id + 100, code, 'app' from wages returning person
insert into wages (id, person, owner) values (2, 'x', 'app')
insert into wages (id, person, owner) values (1, 'x', 'app') on conflict do nothing returning id
insert into wages (id, person, owner, amount) values (77, 'x', 'app', 5) returning amount
delete from wages where amount > 50000 returning id
merge into wages w using customers c on w.id = c.id when matched and w.amount > 50000 then update set person = w.code returning w.person
copy wages to stdout
copy wages from stdin
set row_security = off ;; select count(*) from wages ;; select * from wages
alter table wages disable row level security
alter table wages no force row level security
drop policy mine on wages
alter policy mine on wages using (amount > 50000)
create policy more on wages using (amount > 50000)
create function mine() returns trigger language plpgsql as 'begin raise notice ''%'', old.code; return new; end'
create trigger mine after update on scratch for each row execute function stamp()
alter table hired disable trigger all
update pg_trigger set tgenabled = 'D'
set session_replication_role = 'replica' ;; update hired set name = 'x'
alter view v_plain alter column name set default 'x'
create or replace view v_names as select id, ssn as name, pub from customers
alter view v_plain set (security_invoker = true)
alter view v_plain rename to v_other
create temp view mine as select ssn from customers ;; select * from mine
create temporary view mine as select id, ssn as plain from customers ;; select plain from mine
create recursive view mine (n) as select ssn from customers
create temp table mine as select id, ssn from customers ;; create temp view over as select * from mine ;; select * from over

-- constraints, indexes, generated columns, references and policies that answer questions about masked values
update offers set bid = 1500 where id = 1
update offers set bid = 2100 where id = 5 returning id
update offers set bid = 1500
update offers set wage = 1500 where id = 1
update offers set wage = 1500, bid = 10 where id = 1
update offers set wage = bid + 1
update offers set bid = -2147482000 where id = 1
update offers set bid = 0 - 2147481148 where id = 4
update offers set owner = 'app'
update offers set owner = 'all' where id = 1
update offers set owner = owner where id = 1 returning id
update offers set label = 'label 2' where id = 1
update offers set label = 'same'
update offers set code = 'abc' where id = 1
update offers set code = 'guessed' where id = 1 returning id, owner
update offers set id = 2 where id = 1
update only offers set bid = 1500
insert into offers (id, code) values (77, 'guess')
insert into offers (id, owner, wage) values (77, 'app', 2345)
insert into offers (id, label, code) values (77, 'label 1', 'zzz')
insert into offers (id, label) values (77, 'label 1')
insert into offers (id, label) values (77, 'label 1') on conflict do nothing returning id
insert into offers (id, bid) values (1, 5) on conflict (id) do update set bid = 1500
insert into offers (id, owner) values (1, 'all') on conflict (id) do update set owner = excluded.owner
insert into offers (id, label) values (1, 'x') on conflict (label) where code > 'm' do update set owner = 'y'
insert into offers (id, wage, bid) values (78, 5, 10)
merge into offers o using orders s on o.id = s.id when matched then update set bid = 1500
merge into offers o using orders s on o.id = s.id when matched and o.wage > 1500 then update set bid = s.id returning o.id
merge into offers o using (values (1, 'all')) v(i, w) on o.id = v.i when matched then update set owner = v.w
merge into offers o using (values (79, 'guess')) v(i, c) on o.id = v.i when not matched then insert (id, code) values (v.i, v.c)
update v_offers set bid = 1500 where id = 1
update v_offers set owner = 'all'
update v_offers set label = 'same'
insert into v_offers values (1, 'x', 5, 'y') on conflict (id) do update set bid = 1500
with q as (update offers set bid = 1500 where id = 1 returning id) select count(*) from q
copy offers (id, code) from stdin
copy offers from stdin
prepare p as update offers set bid = $1 where id = 1 ;; execute p(1500)
explain analyze update offers set bid = 1500 where id = 1
insert into referrals values (1, 'ayooqsgfzq@mail1.example', 'x')
insert into referrals (id, email) values (1, 'nobody@mail1.example')
insert into referrals (id, email) select 1, email from customers
insert into referrals (id) values (1) ;; update referrals set email = 'amy@mail1.example'
merge into referrals r using (values (1, 'a@mail1.example')) v(i, e) on r.id = v.i when not matched then insert (id, email) values (v.i, v.e)
copy referrals from stdin
copy referrals (id, email) from stdin
update quotas set owner = 'app'
update quotas set owner = 'app' where id = 1
update quotas set amount = 10, owner = 'app' where id = 1
update quotas set id = 100 where id = 1 returning id
insert into quotas values (1, 'app', 5) on conflict (id) do update set owner = 'app'
select * from offers order by id
select spread, digest from offers
select search from offers
select id from offers where search @@ 'a'::tsquery
select ts_rank(search, 'x'::tsquery), search::text from offers
select id, bid from offers order by spread
select sum(spread), max(digest) from offers
select wage - bid from offers
alter table offers validate constraint offers_check
alter table offers add constraint c check (wage < 5000) not valid
alter table scratch add foreign key (a) references customers (email)
alter table scratch add column e text references customers (email)
create table fk2 (w integer references offers (wage))
create unique index on offers (code)
create index on offers ((100 / (wage - 1000)))
create statistics s1 on wage, bid from offers
reindex table offers
analyze offers
select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'offers'::regclass order by 1
select indexrelid::regclass, pg_get_indexdef(indexrelid) from pg_index where indrelid = 'offers'::regclass order by 1
select attname, n_distinct, most_common_vals from pg_stats where tablename = 'offers' order by 1
select reltuples, relpages from pg_class where relname = 'offers'
delete from kinds where code = 'k' ;; select count(*) from cases
delete from kinds where code < 'm' returning code ;; select id from cases order by id
update kinds set code = 'zz' where code = 'k' returning code
merge into kinds k using (values ('k')) v(c) on k.code = v.c when matched then delete ;; select id from cases order by id
with d as (delete from kinds where code = 'k' returning code) select count(*) from d
update kinds set name = 'x' where code = 'k' returning *
insert into kinds values ('0', 'x')
insert into cases values (77, 'x', 'k') returning *
select c.id, k.name from cases c join kinds k on k.code = c.kind
select kind, count(*) from cases group by kind
truncate kinds cascade
drop table kinds cascade
delete from accounts where id = 5 ;; select id from logins order by id
delete from accounts where id = 5 returning id
with d as (delete from accounts where id = 5) select count(*) from logins
delete from logins where id = 5 returning id
update accounts set id = 500 where id = 5 returning id
update v_accounts set name = 'x' where id = 5 returning *
delete from v_accounts where id = 5 ;; select id from logins order by id
insert into v_accounts (id, name) values (77, 'x')
insert into logins (id, secret) values (77, 'guess')
insert into logins (id, at) values (77, 5) returning *
merge into accounts a using orders o on a.id = o.id when matched then delete ;; select id from logins order by id

-- writes of one's own
insert into scratch values (11, 'x', 'y', 5) returning *
insert into scratch (id, a) values (12, 'x'), (13, 'y') returning id
insert into scratch (id, a) select 20 + id, name from products where id < 4 returning *
insert into scratch (id, a) select 40 + id, name from customers where id < 4 returning *
insert into scratch (id) values (1) on conflict do nothing
insert into scratch (id, n) values (1, 99) on conflict (id) do update set n = scratch.n + excluded.n returning n
insert into scratch (id, a) values (50, default) returning a
insert into stash default values returning *
insert into orders (id, customer_id, total) values (100, 1, 5) returning id, total
update scratch set n = n + 1 where id = 2 returning *
update scratch set a = upper(a), b = null where id in (1, 2) returning id, a, b
update scratch s set n = p.id from products p where p.id = s.id and p.id < 3 returning s.id, s.n, p.name
update scratch set (a, b) = ('p', 'q') where id = 3 returning a, b
update scratch set (a, b) = (select name, name from products where id = 1) where id = 3 returning a, b
update orders set status = 'done' where id = 1 returning *
update orders set note = c.name from customers c where c.id = customer_id and orders.id = 2 returning note
update v_orders set status = 'void' where id = 3 returning id
delete from scratch where id = 10 returning *
delete from scratch where n > 8
delete from scratch s using products p where p.id = s.id and p.price > 20 returning s.id
delete from orders where id = 40
with d as (delete from scratch where id = 1 returning *) select * from d
with i as (insert into scratch (id, a) values (60, 'z') returning id) select id from i
with u as (update scratch set n = 0 where id < 3 returning id) select count(*) from u
merge into scratch s using products p on s.id = p.id when matched then update set a = p.name when not matched then insert (id, a) values (p.id, p.name)
merge into scratch s using (values (1, 'v')) v(i, t) on s.id = v.i when matched then delete
merge into scratch s using customers c on s.id = c.id when matched then update set a = c.name
create table mine (id integer primary key, name text not null, made timestamptz default now()) ;; insert into mine (id, name) values (1, 'a') ;; select id, name from mine
create table mine (id integer, o integer references orders (id)) ;; insert into mine values (1, 1) ;; select * from mine
create table mine as select id, total from orders where id < 4 ;; select * from mine order by id
create temp table tmp (id integer, v text) ;; insert into tmp values (1, 'x') ;; select * from tmp
create temp table tmp as select * from products ;; select count(*) from tmp
create temp table tmp on commit drop as select 1 as a ;; select a from tmp
select id, name into temp tmp from products ;; select count(*) from tmp
create table mine (like orders including defaults) ;; select count(*) from mine
create table mine (id integer check (id > 0), v varchar(10) unique) ;; insert into mine values (1, 'a')
create table mine (id integer) ;; alter table mine add column v text ;; insert into mine (id) values (1)
create table mine (id integer) ;; create index on mine (id)
create table mine (id integer) ;; drop table mine
drop table if exists nosuch
create index on scratch (a)
create sequence mine ;; select nextval('mine')
truncate scratch
lock table scratch
alter table scratch add column extra integer default 5 ;; select count(*) from scratch
prepare p as insert into scratch (id, a) values ($1, $2) returning id ;; execute p(70, 'x')
explain (costs off) update scratch set n = 1 where id = 1
@extended insert into scratch (id, a) values (80, 'e') returning id
@extended update scratch set n = 7 where id = 1 returning n
insert into scratch (id) values (90); update scratch set a = 'q' where id = 90; select a from scratch where id = 90

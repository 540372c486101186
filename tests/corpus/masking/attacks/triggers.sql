-- triggers that raise, count, suppress and compare by masked values
update posts set score = 110 where id = 1
update posts set score = 110
update posts set score = 110 where id in (1, 2, 3) returning id
update posts set note = 'x' where id = 1
insert into posts (id) values (1) on conflict (id) do update set score = 110
merge into posts p using orders o on p.id = o.id when matched then update set score = 110
update ranks set code = 'm'
update ranks set code = 'a' where id = 1 returning id
update ranks set code = 'm', score = 0
merge into ranks r using orders o on r.id = o.id when matched then update set code = 'm'
update ranks set score = 5 where id = 1 returning score
update ranks set score = score returning id
delete from ranks
delete from ranks where id = 1 returning id
with d as (delete from ranks returning id) select count(*) from d
merge into ranks r using orders o on r.id = o.id when matched then delete
update marks set code = 'm' returning changed
update marks set code = 'm' ;; select id, changed from marks order by id
update marks set note = 'n' returning id, changed
update marks set note = code ;; select said from plain_log
update marks set note = 'x' ;; select said from plain_log order by id
insert into bids values (1, 1, 1500)
insert into bids select id, id, 1500 from offers
insert into bids values (1, null, 1) ;; update bids set offer = 1, amount = 1500
merge into bids b using offers o on b.id = o.id when not matched then insert values (o.id, o.id, 1500)
copy bids from stdin
insert into ranks (id, code) values (77, 'x')
insert into ranks (id) select 100 + id from ranks where code > 'm'
update hired set code = 'x' where id = 1 returning changed
select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1
select prosrc from pg_proc where proname = 'no_lower'
alter table posts disable trigger lower
drop trigger lower on posts

-- objects of other kinds: publications and slots, extensions that read by name, other servers, index definitions
select * from pg_publication_tables
select pubname, rowfilter from pg_publication_tables
create publication p for tables in schema public
alter publication p add tables in schema public
select data from pg_logical_slot_peek_changes('s', null, null)
select pg_replication_origin_session_setup('x')
alter extension hstore add table customers
alter extension hstore drop table customers
drop extension citext cascade
drop server s cascade
drop collation c cascade
drop access method heap cascade
drop language plpgsql cascade
drop owned by app cascade
alter index customers_ssn rename to x
alter index customers_ssn set (fillfactor = 50)
alter index customers_ssn alter column 1 set statistics 5
alter statistics customers_stats rename to x
drop statistics customers_stats
grant select on all tables in schema public to public
revoke all on all sequences in schema public from public
grant execute on all functions in schema public to public
select name(c) from customers c
select date(c), left(c), length(c) from customers c
select pg_sequence_last_value('ticket'), currval('ticket') is null
select * from pg_sequences
select setval('ticket', (select max(salary) from customers)) ;; select * from pg_sequences
select id from customers tablesample system (100) order by ssn
execute nosuch('x')
prepare p as select id, ssn, card from customers order by id ;; execute p ;; execute p ;; deallocate p ;; execute p
prepare p as select ssn from customers where id = $1 ;; execute p(1) ;; execute p((select max(id) from customers))
@raw create table own_1 as select id, card from customers ;; select * from own_1 ;; drop table own_1
@raw select id, ssn into own_2 from customers ;; select * from own_2 order by id ;; truncate own_2 ;; drop table own_2
@raw create table own_3 (id int) ;; create index own_3_i on own_3 (id) ;; alter table own_3 rename to own_4 ;; drop table own_4

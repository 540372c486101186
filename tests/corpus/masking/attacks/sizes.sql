-- what tells how long values are, and where rows are
explain (analyze, wal, buffers off, timing off, summary off) update customers set pub = 'xxxxxxxx'
explain (analyze, wal, buffers off, timing off, summary off) update customers set pub = 'xxxxxxxx', ssn = '123-45-6789' where id = 1
explain (analyze, wal, buffers off, timing off, summary off) update customers set city = 'elsewhere'
explain (analyze, wal, buffers off, timing off, summary off) delete from customers where id > 100
explain (analyze, wal, buffers off, timing off, summary off) delete from members where id = 1
explain (analyze, wal, buffers off, timing off, summary off) delete from payments where id = 1
explain (analyze, serialize, buffers off, timing off, summary off) select * from customers
explain (analyze, serialize binary, buffers off, timing off, summary off) select * from customers
explain (analyze, buffers, timing off, summary off) select ssn from customers order by ssn
explain (analyze, buffers off, timing off, summary off) select ssn, email, notes from customers order by email
explain (analyze, memory, summary off, timing off, buffers off) select * from customers
update members set nick = 'x' where id = 1 returning xmin::text::bigint > 0, ctid
update members set nick = upper(nick) where id < 13 ;; select ctid from members order by id
update customers set pub = 'x' ;; select id, ctid from customers order by id
select id, ctid from customers order by id
select ctid, count(*) from customers group by ctid order by ctid
select min(ctid), max(ctid) from customers
select id, ctid from homes order by id
select (ctid::text::point)[0], count(*) from customers group by 1 order by 1
insert into customers (id, name) values (900, 'x') returning ctid
select id from customers where ctid = '(0,1)'
select id from customers where ctid < '(0,5)' order by id
select pg_column_size(c.*) from customers c
select pg_relation_size('customers'), pg_total_relation_size('customers'), pg_indexes_size('customers')
select pg_relation_size('customers', 'fsm'), pg_relation_size('customers_ssn')
select relpages, relallvisible from pg_class where relname = 'customers'
update customers set pub = 'y' where id = 3 ;; select pg_stat_get_xact_tuples_hot_updated('customers'::regclass)
update customers set pub = 'y' ;; select pg_stat_get_xact_tuples_hot_updated('customers'::regclass), pg_stat_get_xact_tuples_newpage_updated('customers'::regclass)
select heap_blks_read + heap_blks_hit >= 0 from pg_statio_user_tables where relname = 'customers'
select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') > 0

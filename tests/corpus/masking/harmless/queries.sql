-- ordinary reads that touch nothing masked
select 1
select 1 as one, 'two' as two, null
select now() is not null, current_date is not null
select * from orders order by id
select id, total from orders where id = 7
select id, name from customers order by id
select id, name, city from customers where id in (1, 2, 3) order by id
select count(*) from customers
select city, count(*) from customers group by city order by city
select id, name, pub from customers where city = 'Oslo' order by id
select c.id, c.name, sum(o.total) from customers c join orders o on o.customer_id = c.id group by c.id order by c.id
select c.name, count(*) from customers c left join orders o on o.customer_id = c.id group by c.id, c.name order by 1
select c.city, avg(o.total)::numeric(10,2) from customers c join orders o on o.customer_id = c.id group by 1 order by 1
select c.name, o.* from customers c join orders o on o.customer_id = c.id where o.id < 5 order by o.id
select id from customers order by name desc limit 3
select id, name from customers order by id offset 3 fetch first 2 rows only
select distinct city from customers order by 1
select ctid, id from customers order by id
select tableoid::regclass, id from orders order by id limit 2
select id from customers where id = 1 for update
select name from customers where id = 2 for share of customers
select id from customers tablesample system (100) order by id
select max(id), min(name) from customers
select exists (select from customers where id = 3)
select (select name from customers where id = 4)
select o.id from orders o where exists (select 1 from customers c where c.id = o.customer_id and c.city = 'Rome') order by o.id
select o.id, l.name from orders o, lateral (select name from customers c where c.id = o.customer_id) l order by o.id limit 5
with recent as (select id, customer_id from orders where id > 30) select r.id, c.name from recent r join customers c on c.id = r.customer_id order by 1
with recursive t(n) as (select 1 union all select n + 1 from t where n < 5) select n from t
with customers as (select 1 as id) select * from customers
select id, status, rank() over (partition by status order by total desc) from orders order by id
select status, sum(total) filter (where id > 10) from orders group by status order by 1
select status, date_trunc('month', placed)::date, count(*) from orders group by rollup (1, 2) order by 1, 2
select id, lag(total) over w, sum(total) over w from orders window w as (order by id) order by id limit 5
select generate_series(1, 3)
select * from generate_series(date '2025-01-01', date '2025-01-03', interval '1 day') d
select unnest(tags) from products where id = 1
select id, meta ->> 'w', meta -> 'k' from products order by id limit 3
select id from products where meta @> '{"k": "v1"}' order by id
select id from products where 't1' = any (tags) order by id
select jsonb_agg(p order by id) from (select id, name from products where id < 4) p
select row_to_json(p) from products p where id = 1
select to_jsonb(o) from orders o where id = 1
select o from orders o where id = 1
select (o).total from orders o where id = 1
select array(select id from products order by id limit 3)
select string_agg(name, ', ' order by id) from products where id < 4
select percentile_cont(0.5) within group (order by total) from orders
select mode() within group (order by status) from orders
select id from orders where total between 100 and 150 order by id
select id from orders where status like 'op%' and placed > '2025-01-10' order by id
select id, case when total > 200 then 'big' else 'small' end from orders order by id limit 4
select coalesce(note, 'none'), nullif(status, 'paid') from orders where id = 2
select upper(name), length(name), substr(name, 1, 3) from products order by id limit 2
select name || ' (' || price || ')' from products where id = 2
select round(price / 3, 2), price % 2, abs(-price), power(price, 2) from products where id = 3
select '5'::int + 1, 1::text || 'x', '2025-01-01'::date + 3
select extract(year from placed), to_char(placed, 'Mon YYYY'), age(date '2025-05-01', placed) from orders where id = 1
select 'ok'::mood, 'short'::short
select md5('x'), encode(sha256('x'), 'hex')
select regexp_replace('abc', 'b', 'x'), 'abc' ~ 'b', 'abc' similar to 'a%'
select greatest(1, 2, 3), least(1, 2), 3 between 1 and 5
select id from orders union select id from products order by 1 limit 5
select id from orders except select id from products order by 1 limit 5
select id from orders intersect all select id from products order by 1
values (1, 'a'), (2, 'b')
table products
select * from v_orders order by id limit 3
select * from m_orders order by status
select id, name from v_plain order by id
select name from v_city order by id
select y from v_renamed order by y
select * from v_join order by id, total limit 4
select id, paid, amount from payments order by id
select id from payments_2025 order by id
select sum(amount) from payments where paid < '2026-01-01'
select id, name from people order by id
select id, name from only people order by id
select level, name from managers order by name
select id, name, boss from staff order by id
with recursive up as (select id, boss, 1 as depth from staff where boss is null union all select s.id, s.boss, depth + 1 from staff s join up on up.id = s.boss) select id, depth from up order by id
select lower(name) from products where id = 1
select lower('ABC'::text)
select a.id from orders a join orders b using (id) order by a.id limit 3
select * from orders natural join (select id from products where id < 4) p order by id
select * from orders o(a, b, c) where a = 1
select o.customer_id, array_agg(o.id order by o.id) from orders o group by 1 having count(*) > 3 order by 1
select count(distinct status), count(*), count(note) from orders
select id from orders order by total desc nulls last, id limit 3
select id from orders where (status, customer_id) = ('open', 4) order by id
select id from orders where id = any (array[1, 2, 3]) order by id
select xmin is not null from orders where id = 1
select json_build_object('a', 1, 'b', array[1, 2])
select * from json_to_recordset('[{"a": 1}]') as x(a int)
select * from jsonb_each('{"a": 1}')
select pg_typeof(1), pg_typeof('x'::text)
select current_setting('timezone')
select width_bucket(total, 0, 500, 5), count(*) from orders group by 1 order by 1
select not true, true and null, 1 is distinct from null
select interval '1 day' * 3, time '10:00' + interval '1 hour'
select b'101'::bit(3), x'1f'::bit(8)
select '{1,2}'::int[] || 3, array_length(array[1, 2], 1), (array[5, 6])[2]
select int4range(1, 5) @> 3, '[1,3]'::int4range
select '192.168.0.1'::inet, '10.0.0.0/8'::cidr >> '10.1.1.1'::inet
select to_tsvector('english', 'the quick fox') @@ to_tsquery('quick')
select nextval('ticket') is not null, currval('ticket') is not null
@extended select id, total, placed from orders order by id limit 3
@extended,binary select id, total, placed, status from orders order by id limit 3
@extended,binary select tags, meta from products where id = 1
@extended select name from customers where id = 1
select 1; select 2; select 3
select id from customers where id = 1; select name from customers where id = 2
begin; select id from orders where id = 1; commit
copy orders to stdout
copy orders (id, total) to stdout csv header
copy (select id, name from customers order by id) to stdout
copy (select * from products order by id) to stdout with (format csv, delimiter ';')
declare c cursor for select id from orders order by id ;; fetch 3 from c ;; move 2 in c ;; fetch 1 from c ;; close c
prepare p as select id from orders where id = $1 ;; execute p(3) ;; deallocate p
prepare p (int) as select name from customers where id = $1 ;; execute p(3)
set timezone = 'UTC' ;; select timestamptz '2025-01-01 00:00+00'
set local statement_timeout = '5s' ;; select 1
set datestyle = 'ISO, DMY' ;; select date '2025-02-01'
set search_path = public ;; select id from orders where id = 1
savepoint a ;; select 1 ;; release a
start transaction read only; select 1; commit
show search_path
set work_mem = '8MB' ;; show work_mem

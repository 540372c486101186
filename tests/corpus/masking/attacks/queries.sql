-- views, subqueries, CTEs, set operations, joins, aggregates, predicates (vectors 6 to 14)
select * from v_plain
select ssn from v_plain where id = 3
select x from v_renamed
select v from v_renamed v
select * from v_expression
select rs from v_expression order by rs
select * from v_filter
select count(*) from v_filter
select * from v_city
select * from v_count
select low from v_count
select * from v_nested
select x from v_nested order by x
select * from v_join
select * from v_row
select j ->> 'ssn' from v_row
select * from m_plain
select ssn from m_plain order by 1
select * from m_digest
select d from m_digest
select v from v_plain v
select (v).ssn from v_plain v
select row_to_json(v) from v_plain v
select s from (select ssn as s from customers) q
select s from (select ssn from customers) q(s)
select q.s from (select ssn || '' as s from customers) q
select s from (select ssn as s from customers offset 0) q
select * from (select * from customers) q
select * from (select c.* from customers c) q where q.ssn like '7%'
with q as (select * from customers) select ssn from q
with q(a, b, c, d) as (select id, name, email, ssn from customers) select d from q
with q as materialized (select ssn from customers) select * from q
with q as not materialized (select ssn from customers) select * from q
with customers as (select * from customers) select * from customers
with customers as (select * from public.customers) select ssn from customers
with a as (select ssn from customers), b as (select * from a) select * from b
with recursive r as (select 1 as n, ssn from customers where id = 1 union all select n + 1, c.ssn from r join customers c on c.id = n + 1) select * from r
with recursive customers as (select 1 as id union all select id + 1 from customers where id < 3) select * from customers
with recursive q as (select ssn from customers union select ssn from customers) select * from q
with q as (select 1) select ssn from customers, q
select (with customers as (select id, ssn from customers) select max(ssn) from customers)
select pub from customers union all select ssn from customers
select pub from customers union select ssn from customers order by 1
select id, pub from customers except select id, ssn from customers
select ssn from customers intersect select ssn from customers
select a from (select pub as a from customers union all select ssn from customers) u
(select ssn from customers) union (select email from customers) order by 1 limit 5
select count(*) from (select ssn from customers intersect select v from (values ('721-07-4426')) t(v)) x
select a.ssn from customers a join customers b using (ssn)
select ssn from customers a full join customers b using (ssn)
select * from customers natural join (select ssn from customers) q
select a.id, b.id from customers a join customers b on a.ssn < b.ssn order by 1, 2
select a.id from customers a left join customers b on b.email = a.email where b.id is null
select j.ssn from (customers c join orders o on o.customer_id = c.id) as j
select * from customers c join orders o on o.customer_id = c.id
select c.ssn, o.id from orders o, customers c where o.customer_id = c.id
select l.s from orders o, lateral (select ssn as s from customers c where c.id = o.customer_id) l
select l.* from orders o left join lateral (select c.* from customers c where c.id = o.customer_id) l on true
select (select ssn from customers where id = 1)
select array(select ssn from customers)
select exists (select from customers where ssn like '7%')
select 1 where '7' = any (select left(ssn, 1) from customers)
select 1 where (select count(*) from customers where ssn < '5') > 3
select id from orders where customer_id in (select id from customers where ssn like '1%')
select id, (select c.ssn from customers c where c.id = o.customer_id) from orders o
select min(ssn), max(ssn), string_agg(ssn, ','), array_agg(ssn) from customers
select mode() within group (order by ssn), percentile_disc(0.5) within group (order by ssn) from customers
select percentile_cont(0.5) within group (order by salary) from customers
select count(*) filter (where ssn like '7%') from customers
select count(distinct ssn) from customers
select lag(ssn) over (order by id), first_value(ssn) over (order by id) from customers
select id, rank() over (order by ssn) from customers
select id, ntile(4) over (order by salary) from customers
select id, count(*) over (order by salary range between 500 preceding and 500 following) from customers
select id, sum(id) over w from customers window w as (order by ssn)
select corr(id, salary), regr_slope(salary, id) from customers
select bit_xor(salary), bool_or(salary > 45000) from customers
select id from customers where ssn = '721-07-4426'
select id from customers where ssn like '7%'
select id from customers where ssn ~ '^[0-4]'
select id from customers where ssn between '100' and '500'
select id from customers where ssn in ('464-72-4007', '799-38-4007')
select id from customers where email = any (array['a', 'b'])
select id from customers where salary > 55000
select id from customers where salary % 2 = 0
select id from customers where dob > '1980-06-01'
select id from customers where extract(month from dob) = 3
select id from customers where balance > 5500.5
select id from customers where joined::time > '12:00'
select id from customers where length(email) > 20
select id from customers where ref::text like 'a%'
select id from customers where card like '4_1%'
select id from customers where phone like '+4%'
select id from customers where notes like '%a%'
select id from customers where starts_with(ssn, '4')
select id from customers where ssn similar to '[0-4]%'
select id from customers where (ssn, id) > ('5', 1)
select id from customers where row(ssn) = row('x')
select id from customers where not (ssn < '4')
select id from customers where ssn is distinct from '464-72-4007'
select id from customers order by ssn
select id from customers order by ssn desc nulls first
select id from customers order by salary limit 1
select id from customers order by length(email), id
select id, ssn as pub from customers order by pub
select id, ssn from customers order by 2
select id, email from customers order by reverse(email)
select id from customers order by ssn using <
select id from customers limit (select ascii(min(ssn)) - 40 from customers)
select id from customers offset (select salary % 10 from customers where id = 1)
select distinct on (substr(ssn, 1, 1)) id from customers order by substr(ssn, 1, 1), id
select distinct on (left(email, 3)) id from customers order by left(email, 3), id
select left(ssn, 1), count(*) from customers group by left(ssn, 1)
select count(*) from customers group by ssn
select city, count(*) from customers group by city having max(ssn) > '8'
select city from customers group by city order by max(ssn)
select city, salary, count(*) from customers group by rollup (city, salary)
select salary / 1000, count(*) from customers group by 1
select count(*) from customers group by grouping sets ((ssn), ())
select a, b, d from generate_series(0, 999) a, generate_series(0, 99) b, customers, (select 1) x(d) where id = 1 and split_part(ssn, '-', 1)::int = a and split_part(ssn, '-', 2)::int = b
select n from generate_series(0, 900) n where exists (select from customers where id = 2 and ssn like lpad(n::text, 3, '0') || '%')
select i, exists (select from customers where id = 1 and substr(ssn, i, 1) = d::text) from generate_series(1, 3) i, generate_series(0, 9) d
select d.v from (values ('464'), ('799'), ('721')) d(v) join customers on left(ssn, 3) = d.v
select generate_series(1, ascii(ssn) - 40) from customers where id = 1
select repeat('x', ascii(ssn)) from customers
select o.id from orders o, customers c where c.id = 1 and o.id = substr(c.ssn, 1, 1)::int
select id from customers tablesample system (100) where ssn like '7%'
select * from customers tablesample bernoulli (100) repeatable (1)
select ssn from customers tablesample system (100)
select ssn from customers for update
select ssn from customers c for update of c
select id from customers where ssn like '4%' for share skip locked
select id, mail from staff where boss = 1 order by mail
select s.name, b.mail from staff s join staff b on b.id = s.boss
select width_bucket(salary, array[41000, 45000, 52000]) from customers
select xmltable.* from customers, xmltable('/r' passing xmlelement(name r, ssn) columns v text path '.')
select * from json_table((select json_agg(ssn) from customers), '$[*]' columns (v text path '$'))
select t.* from customers c, unnest(string_to_array(c.ssn, '-')) with ordinality t
select * from rows from (unnest((select array_agg(ssn) from customers)), generate_series(1, 3)) r
select ssn from payments join customers on customers.id = customer_id
select p.iban, c.name from payments p join customers c on c.id = p.customer_id order by p.iban
select iban, count(*) from payments group by iban
select c.name, c.ssn, sum(o.total) from customers c join orders o on o.customer_id = c.id group by c.id
select c.*, count(*) from customers c join orders o on o.customer_id = c.id group by c.id
select c.name, sum(o.total) from customers c join orders o on o.customer_id = c.id group by c.id having c.ssn > '5'
select c.name from customers c group by c.id order by c.ssn

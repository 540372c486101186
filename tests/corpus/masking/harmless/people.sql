-- what different people type: analysts, support, finance, engineers, students of SQL
select count(*) from customers
select count(*), count(ssn), count(distinct salary) from customers
select city, count(*) from customers group by city order by 2 desc, 1
select city, avg(salary)::int as mean, min(dob), max(joined) from customers group by city order by city
select city, percentile_cont(0.5) within group (order by salary) from customers group by city order by 1
select name, email from customers where city = 'Oslo' order by email
select name, ssn from customers order by ssn desc limit 5
select * from customers where ssn = '*******4007'
select * from customers where email = 'a***@mail1.example'
select * from customers where email like '%@mail2.example' order by id
select * from customers where email ilike 'A%'
select distinct salary from customers order by 1
select distinct on (city) city, name, salary from customers order by city, salary desc, id
select salary, count(*) from customers group by salary having count(*) > 1 order by salary
select email, count(*) from customers group by email order by 1
select substring(email from position('@' in email) + 1) as domain, count(*) from customers group by domain order by domain
select regexp_replace(email, '^.*@', '') as domain, array_agg(name order by name) from customers group by 1 order by 1
select case when salary > 60000 then 'high' when salary > 50000 then 'mid' else 'low' end as band, count(*) from customers group by 1 order by 1
select width_bucket(salary, 0, 100000, 10) as b, count(*) from customers group by b order by b
select date_part('year', dob) as y, count(*) from customers group by y order by y
select to_char(joined, 'YYYY-MM') as month, count(*) from customers group by month order by month
select age('2026-01-01'::date, dob) > interval '40 years' as old, count(*) from customers group by 1 order by 1
select name, extract(year from age('2026-01-01'::timestamp, dob)) from customers order by 2, 1
select name, salary, rank() over (order by salary desc), dense_rank() over (partition by city order by salary desc) from customers order by id
select name, salary - lag(salary) over (order by id) as diff from customers order by id
select name, sum(balance) over (order by id rows between 2 preceding and current row) from customers order by id
select name, ntile(4) over (order by balance, id) from customers order by id
select name, first_value(email) over w, last_value(email) over w from customers window w as (partition by city order by id rows between unbounded preceding and unbounded following) order by id
select city, salary, count(*) from customers group by grouping sets ((city), (salary), ()) order by 1 nulls last, 2 nulls last
select city, status, sum(total) from customers c join orders o on o.customer_id = c.id group by rollup (city, status) order by 1 nulls last, 2 nulls last
select city, status, grouping(city, status), count(*) from customers c join orders o on o.customer_id = c.id group by cube (city, status) order by 3, 1, 2
select c.name, c.email, count(*) as orders, sum(o.total) as total from customers c left join orders o on o.customer_id = c.id group by c.id, c.name, c.email order by total desc nulls last, c.id
select c.name, o.id, o.total from customers c, orders o where o.customer_id = c.id and o.total > 200 order by o.id
select c.name from customers c where exists (select 1 from orders o where o.customer_id = c.id and o.status = 'open') order by c.name
select c.name from customers c where not exists (select from payments p where p.customer_id = c.id) order by 1
select name from customers where id in (select customer_id from orders where total > 300) order by name
select name from customers where id not in (select customer_id from payments where customer_id is not null) order by name
select name from customers where salary > (select avg(salary) from customers) order by name
select name, (select count(*) from orders o where o.customer_id = c.id) as n, (select max(total) from orders o where o.customer_id = c.id) from customers c order by id
select name, salary from customers c where salary = (select max(salary) from customers where city = c.city) order by id
select c.name, l.id, l.total from customers c cross join lateral (select id, total from orders o where o.customer_id = c.id order by total desc limit 1) l order by c.id
select c.name, l.n from customers c left join lateral (select count(*) as n from orders o where o.customer_id = c.id) l on true order by c.id
select email from customers union select mail from staff order by 1
select id, name from customers union all select id, name from staff order by 1, 2
select name from customers intersect select name from staff order by 1
select name from customers except select name from people order by 1
select 'c' as kind, id, email as contact from customers union all select 's', id, mail from staff order by 1, 2
with rich as (select * from customers where salary >= 60000) select city, count(*) from rich group by city order by city
with o as (select customer_id, sum(total) t from orders group by 1), c as (select id, name, city from customers) select c.city, sum(o.t) from c join o on o.customer_id = c.id group by c.city order by 1
with recursive tree as (select id, name, boss, 1 as level, name::text as path from staff where boss is null union all select s.id, s.name, s.boss, t.level + 1, t.path || '/' || s.name from staff s join tree t on s.boss = t.id) select * from tree order by path
with recursive tree as (select id, boss, pay from staff where boss is null union all select s.id, s.boss, s.pay from staff s join tree t on s.boss = t.id) select count(*), sum(pay) from tree
with recursive days(d) as (select date '2025-01-01' union all select d + 1 from days where d < '2025-01-10') select d, count(o.id) from days left join orders o on o.placed = d group by d order by d
select d::date, count(o.id) from generate_series('2025-01-01'::timestamp, '2025-01-05', '1 day') d left join orders o on o.placed = d::date group by 1 order by 1
select date_trunc('month', placed) as m, status, count(*) filter (where total > 100) as big, sum(total) from orders group by 1, 2 order by 1, 2
select coalesce(email, 'none'), coalesce(ref::text, 'none') from customers order by id
select nullif(city, 'Oslo'), upper(name), initcap(name), length(name), lpad(id::text, 5, '0') from customers order by id
select name || ' <' || email || '>' from customers order by id
select format('%s (%s)', name, city), concat_ws(', ', name, city, email) from customers order by id
select string_agg(email, '; ' order by id) from customers
select json_agg(json_build_object('id', id, 'name', name, 'email', email) order by id) from customers
select jsonb_object_agg(name, salary) from customers
select jsonb_pretty(to_jsonb(c) - 'notes') from customers c where id = 1
select json_build_object('customer', c.name, 'orders', (select json_agg(o.id order by o.id) from orders o where o.customer_id = c.id)) from customers c order by c.id
select row_to_json(t) from (select id, email, city from customers order by id) t
select x->>'email' from (select to_jsonb(c) as x from customers c order by id) q
select jsonb_path_query(to_jsonb(c), '$.city') from customers c order by id
select key, count(*) from customers c, jsonb_each_text(to_jsonb(c)) group by key order by key
select array_agg(distinct city order by city) from customers
select unnest(array[name, email]) from customers where id < 3 order by 1
select id, salary::numeric / 12, round(balance, 1), salary % 7, -salary, abs(salary - 50000) from customers order by id
select sum(salary), avg(balance), stddev(salary), variance(salary), corr(salary, balance), regr_slope(salary, balance) from customers
select mode() within group (order by city), percentile_disc(0.9) within group (order by salary) from customers
select bool_and(salary > 0), every(email is not null), bit_and(salary) from customers
select to_tsvector('english', note) @@ to_tsquery('english', 'note & 5') from orders order by id limit 3
select id, ts_headline('english', note, plainto_tsquery('note')) from orders order by id limit 2
select id from customers where to_tsvector('simple', coalesce(notes, '')) @@ plainto_tsquery('order') order by id
select name from customers where name similar to '(A|B)%' or name ~* '^c' order by 1
select name, salary from customers where salary between 50000 and 70000 order by salary, name
select name from customers where dob between '1970-01-01' and '1980-12-31' order by 1
select name from customers where (city, salary) in (('Oslo', 50000), ('Rome', 60000)) order by 1
select name from customers where salary = any (array[40000, 50000]) order by 1
select name from customers where salary >= all (select salary from customers) order by 1
select name from customers where email is not null and ref is null order by 1
select name from customers where phone is distinct from '***' order by 1
select c.name as customer, s.name as colleague from customers c join staff s on lower(c.name) = lower(s.name) order by 1
select s.name, b.name as boss from staff s left join staff b on s.boss = b.id order by s.id
select * from customers c join payments p on p.customer_id = c.id order by c.id
select c.*, p.amount from customers c left join payments p on p.customer_id = c.id and p.amount > 100 order by c.id
select * from customers natural join (select 1 as id) one
select * from customers join (select id, total from orders) o using (id) order by id
select p.id, p.iban, c.name from payments p full join customers c on c.id = p.customer_id order by 1, 3
select tableoid::regclass, count(*) from payments group by 1 order by 1::text
select * from customers offset 5 limit 3
select * from customers order by id fetch first 3 rows only
select * from customers order by salary desc, id fetch first 2 rows with ties
select * from only people order by id
table customers
values (1, 'a'), (2, 'b')
select null, true, 1.5, 'x', date '2025-01-01', interval '1 day'
select now() is not null, current_date is not null, current_user, version() like 'PostgreSQL%'
select id, md5(email), encode(sha256(ssn::bytea), 'hex') from customers order by id
select id, card from customers where card is not null order by id
select count(distinct card), count(distinct notes) from customers
select greatest(salary, 50000), least(dob, '1970-01-01') from customers order by id
select string_to_table(email, '@') from customers where id = 1
select regexp_split_to_array(email, '@') from customers order by id
select overlay(ssn placing 'xx' from 1 for 2), translate(email, '@', '#'), starts_with(email, 'a') from customers order by id
select cast(salary as text), salary::float8, dob::text, balance::int from customers order by id
select id, ctid is null, xmin is null from customers order by id
select * from customers where id = 1 for share
select * from v_plain where name like 'A%' order by id
select * from v_city order by id
select count(*) from v_filter
select * from v_count order by city
select * from hired order by id
select name, wage, note from hired where wage > 2000 order by id
select name, said from hired join hired_log on hired_log.id = hired.id order by 1, 2
select * from offers order by id
select owner, max(wage), min(spread) from offers group by owner order by owner
select id, label from offers where label = 'label 3'
select person, amount from wages order by id
select nick, mail, bio from members order by id
select nick from members where nick = 'AMY'
select mail from members where mail ilike '%@mail1.example' order by id
select id, similarity(name, 'Amy') from customers order by 2 desc, 1 limit 3
select nick, extra -> 'k' from members order by id
select id from members where during @> 5 order by id

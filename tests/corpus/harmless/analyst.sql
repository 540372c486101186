-- Analysts: aggregates, windows, recursion, dates, JSON, plans, by hand and sent by psql; recorded from the server's log

--@ who analyst, agent
select status, count(*), sum(total) filter (where total > 10), round(avg(total), 2) from orders group by status having count(*) > 1 order by 2 desc;

--@ who analyst, agent
select status, grouping(status), sum(total) from orders group by rollup (status);

--@ who analyst, agent
select status, customer_id, sum(total) from orders group by grouping sets ((status), (customer_id), ());

--@ who analyst, agent
select id, total, sum(total) over w as running, lag(total, 1, 0) over w, ntile(4) over (order by total), percent_rank() over (order by total) from orders window w as (partition by customer_id order by id rows between unbounded preceding and current row);

--@ who analyst, agent
select distinct on (customer_id) customer_id, id, total from orders order by customer_id, total desc nulls last;

--@ who analyst, agent
select percentile_cont(array[0.25, 0.5, 0.75]) within group (order by total), mode() within group (order by status) from orders;

--@ who analyst, agent
select string_agg(status, ', ' order by status), array_agg(distinct status), json_agg(json_build_object('id', id, 'total', total)) from orders;

--@ who analyst, agent
with ranked as (select *, row_number() over (partition by status order by total desc) as place from orders) select * from ranked where place <= 3;

--@ who analyst, agent
with recursive days(day) as (select date '2026-01-01' union all select day + 1 from days where day < date '2026-01-31') select d.day, coalesce(sum(p.amount), 0) from days d left join payments p on p.paid_at = d.day group by d.day order by d.day;

--@ who analyst, agent
with monthly as materialized (select date_trunc('month', paid_at) as month, sum(amount) as amount from payments group by 1) select month, amount, amount - lag(amount) over (order by month) as change, 100.0 * amount / nullif(sum(amount) over (), 0) as share from monthly;

--@ who analyst, agent
select generate_series(date '2026-01-01', date '2026-12-01', interval '1 month')::date as month;

--@ who analyst, agent
select extract(isodow from paid_at), to_char(paid_at, 'YYYY-MM "week" IW'), age(now(), paid_at), paid_at at time zone 'Europe/Berlin' from payments where paid_at between current_date - interval '90 days' and current_date;

--@ who analyst, agent
select width_bucket(total, 0, 1000, 10) as bucket, count(*), min(total), max(total), repeat('#', count(*)::int) from orders group by bucket order by bucket;

--@ who analyst, agent
select corr(id, total), regr_slope(total, id), stddev_samp(total), var_pop(total) from orders;

--@ who analyst, agent
select o.id, l.product, l.price from orders o left join lateral (select product, price from order_lines where order_id = o.id order by price desc limit 1) l on true;

--@ who analyst, agent
select o.id from orders o where exists (select from order_lines l where l.order_id = o.id and l.price > all (select avg(price) from order_lines)) except select id from orders where status = 'cancelled';

--@ who analyst, agent
select data ->> 'name', data #>> '{address,city}', jsonb_array_length(data -> 'items'), data @> '{"paid": true}' from (values ('{"name": "x", "address": {"city": "y"}, "items": [1], "paid": true}'::jsonb)) t(data);

--@ who analyst, agent
select key, value from jsonb_each_text('{"a": 1, "b": 2}');

--@ who analyst, agent
select * from jsonb_to_recordset('[{"a": 1, "b": "x"}]') as t(a int, b text);

--@ who analyst, agent
select jsonb_path_query_array('[1, 2, 3]', '$[*] ? (@ > 1)'), jsonb_pretty(to_jsonb(o)) from orders o limit 5;

--@ who analyst, agent
select * from json_table('[{"a": 1}]', '$[*]' columns (a int path '$.a'));

--@ who analyst, agent
select split_part(status, '-', 1), regexp_replace(status, '\s+', ' ', 'g'), initcap(trim(status)), left(md5(status), 8), position('e' in status), format('%s: %L', id, status) from orders;

--@ who analyst, agent
select status ilike '%new%', status ~* '^n', status similar to '(new|paid)', levenshtein from (select status, length(status) as levenshtein from orders) t;

--@ who analyst, agent
select unnest(array[1, 2, 3]) with_ordinality, array_length(array[1, 2], 1), array_position(array['a', 'b'], 'b'), array[1, 2] && array[2], cardinality('{}'::int[]);

--@ who analyst, agent
select product, count(*) from order_lines tablesample bernoulli (10) repeatable (42) group by product;

--@ who analyst, agent
select coalesce(nullif(status, ''), 'none'), case when total > 100 then 'big' when total is null then '?' else 'small' end, greatest(total, 0), least(id, 10) from orders;

--@ who analyst, agent
select numrange(1, 10) @> 5.0, daterange('2026-01-01', '2026-02-01') && daterange('2026-01-15', '2026-03-01'), int4range(1, 5) * int4range(3, 8);

--@ who analyst, agent
select sum(total)::numeric(12, 2), to_char(sum(total), 'FM999G990D00'), trunc(random() * 100)::int from orders;

--@ who analyst, agent
select count(*) from orders where id in (select order_id from order_lines) and (status, total) = any (values ('new', 1::numeric), ('paid', 2));

--@ who analyst, agent
select to_tsvector('english', 'The quick foxes') @@ to_tsquery('english', 'fox & quick'), ts_rank(to_tsvector('a b'), plainto_tsquery('a'));

--@ who analyst, agent
select a.id, b.id from orders a join orders b on a.customer_id = b.customer_id and a.id < b.id order by 1 offset 10 rows fetch first 5 rows with ties;

--@ who analyst, agent
select customer_id, id, total, total - first_value(total) over (partition by customer_id order by id) as growth, count(*) over (partition by customer_id) from orders order by 1, 2 limit 50;

--@ who analyst, agent
table orders;

--@ who analyst, agent
values (1, 'one'), (2, 'two');

--@ who analyst, agent
select pg_size_pretty(pg_total_relation_size('orders')), pg_relation_size('orders'), (select reltuples::bigint from pg_class where oid = 'orders'::regclass);

--@ who analyst, agent
select current_date, current_user, current_database(), version(), now() - pg_postmaster_start_time();

--@ who analyst, agent
explain select * from orders where status = 'new';

--@ who analyst, agent
explain (verbose, costs, format json) select status, sum(total) from orders group by status;

--@ who analyst, agent
explain (analyze, buffers, timing off) select count(*) from orders;

--@ who analyst, agent
show work_mem;

--@ who analyst, agent
show all;

--@ who analyst, agent
set work_mem = '64MB';

--@ who analyst, agent
set statement_timeout = '30s';

--@ who analyst, agent
set timezone = 'Europe/Berlin';

--@ who analyst, agent
set search_path = public, hr;

--@ who analyst, agent
reset work_mem;

--@ who analyst, agent
begin transaction isolation level repeatable read read only;

--@ who analyst, agent
savepoint a;

--@ who analyst, agent
rollback to savepoint a;

--@ who analyst, agent
release savepoint a;

--@ who analyst, agent
commit;

--@ who analyst, agent
select table_schema, table_name, column_name, data_type from information_schema.columns where table_schema = 'public' order by 1, 2, ordinal_position;

--@ who analyst, agent
select relname, n_live_tup, n_dead_tup, last_autovacuum, last_analyze from pg_stat_user_tables order by n_live_tup desc;

--@ who analyst, agent
select indexrelname, idx_scan, idx_tup_read from pg_stat_user_indexes where idx_scan = 0;

-- what a sceptical outsider tries, by trade
select json_object('k': ssn), json_array(ssn, email), json_scalar(salary), json_serialize(to_json(email)) from customers
select json_array(select ssn from customers order by id)
select json_objectagg(name: ssn), json_arrayagg(email order by ssn) from customers
select json_value(to_jsonb(c), '$.ssn'), json_query(to_jsonb(c), '$.email'), json_exists(to_jsonb(c), '$.ssn ? (@ like_regex "^4")') from customers c
select t.* from customers c, json_table(to_jsonb(c), '$' columns (s text path '$.ssn', e text path '$.email')) t
select ssn is json, to_json(ssn) is json scalar from customers
select jsonb_path_query_array(jsonb_agg(to_jsonb(c)), '$[*].ssn') from customers c
select jsonb_path_exists(to_jsonb(c), '$.salary ? (@ > 55000)') from customers c
select to_jsonb(c) @? '$.ssn ? (@ starts with "4")', to_jsonb(c) @@ '$.salary > 55000', to_jsonb(c) #>> '{ssn}' from customers c
select jsonb_set(to_jsonb(c), '{x}', to_jsonb(ssn)), to_jsonb(c) || jsonb_build_object('y', email) from customers c
select (to_jsonb(c))['ssn'], (jsonb_populate_record(null::customers, to_jsonb(c))).ssn from customers c
select * from jsonb_to_recordset((select jsonb_agg(c) from customers c)) as r(id int, ssn text, email text)
select * from json_populate_recordset(null::customers, (select json_agg(c) from customers c))
select count(c), max(c::text), min(c.*::text), array_agg(c)::text from customers c
select c = c2, c < c2, c is not distinct from c2 from customers c, customers c2 where c.id = c2.id + 1
select distinct c from customers c
select c from customers c order by c limit 3
select c.* is null, c is not null, row(c.*) = row(c2.*) from customers c join customers c2 using (id)
select (c).*, (c).ssn from customers c
select (array_agg(c order by ssn))[1].ssn from customers c
select (select c).ssn, (select row(c.*))::text from customers c
select hashtext(c::text), md5(c::text), length(c::text), record_out(c) from customers c
select unnest(array_agg(c)) from customers c
select c.ssn.x from customers c
select j.ssn from (customers c join orders o on o.customer_id = c.id) j
select j.* from (customers c cross join (select 1 as one) x) as j (a, b, d, e)
select e from (customers c join payments p using (id)) as j (a, b, d, e)
select x.b from customers as x (a, b, c, d) order by x.c
select q from (select ssn, email from customers) as s (p, q) where p > '5'
with t (a, b) as (select id, ssn from customers) select b from t order by b
with t as materialized (select * from customers) select ssn, email from t
with t as not materialized (select * from customers) select max(ssn) from t where salary > 55000
with recursive t as (select id, ssn from customers where id = 1 union all select c.id, t.ssn || c.ssn from customers c join t on c.id = t.id + 1 where c.id < 4) select * from t
with recursive t(i, s) as (select 1, (select ssn from customers where id = 1) union all select i + 1, substr(s, 2) from t where i < 11) select ascii(s) from t
with recursive t as (select id, boss, pay from staff where id = 1 union all select s.id, s.boss, s.pay from staff s join t on s.boss = t.id) search depth first by pay set o select id, o from t
with recursive t as (select id, boss, mail from staff where id = 1 union all select s.id, s.boss, s.mail from staff s join t on s.boss = t.id) cycle mail set c using p select id, c, p from t
select id, row_number() over (order by ssn), rank() over (order by dob desc) from customers order by id
select id, lag(ssn) over (order by email), lead(salary, 1, 0) over (partition by salary order by ssn) from customers
select id, count(*) over (order by salary range between 500 preceding and 500 following) from customers
select id, sum(salary) over (order by dob range between '1 year' preceding and current row exclude ties) from customers
select id, cume_dist() over (order by ssn), percent_rank() over (order by balance), nth_value(ssn, 2) over (order by ssn) from customers
select city, salary, dob, count(*) from customers group by cube (city, salary, dob) order by 1, 2, 3
select grouping(ssn), ssn, count(*) from customers group by rollup (ssn) order by 2
select city, count(*) filter (where ssn > '5'), sum(salary) filter (where dob > '1975-06-15') from customers group by city order by 1
select percentile_disc(array[0.1, 0.5, 0.9]) within group (order by ssn), mode() within group (order by salary), rank('5') within group (order by ssn) from customers
select string_agg(ssn, '' order by ssn desc), xmlagg(xmlelement(name a, ssn)), array_agg(email order by joined) from customers
select corr(salary, id), covar_pop(salary, id), regr_intercept(balance, id), stddev_pop(salary), var_samp(balance) from customers
select bit_and(salary), bit_or(salary), bit_xor(salary), any_value(ssn) from customers
select width_bucket(salary, array[45000, 55500, 65500]), width_bucket(salary, 40123, 70321, 50) from customers
select count(*) from customers where salary between 51234 and 51299
select id from customers where (salary, dob) > (50500, '1965-05-05') order by id
select id from customers where (ssn, id) in (select ssn, id from customers where ssn > '5')
select id from customers where ssn = some (select substr(e, 1) from unnest(array['435-22-4007']) e)
select exists (select from customers where salary = 51234), array(select ssn from customers order by ssn)
select (select ssn from customers order by random() limit 1) like '4%' is not null
select id from customers limit (select salary % 7 from customers where id = 1)
select id from customers order by id offset (select ascii(ssn) - 48 from customers where id = 2) limit 1
select d from generate_series(1, (select salary from customers where id = 1) / 10000) d
select repeat('x', ascii(ssn)) from customers order by id
select g.* from customers c, generate_series(1, ascii(c.ssn)) g where c.id = 1
select * from rows from (generate_series(1, 3), unnest(array(select ssn from customers order by id))) with ordinality
select * from customers c, lateral (select c.ssn || c.email as z) l, lateral unnest(string_to_array(l.z, '-')) with ordinality u
select * from customers c left join lateral (select 1 where c.ssn > '5') l on true order by c.id
select c.id, o.id from customers c full join orders o on o.customer_id = c.id and c.ssn > '5' order by 1, 2
select a.id, b.id from customers a join customers b on a.ssn < b.ssn and a.id < b.id order by 1, 2
select id from customers natural join (select 'a***@mail1.example' as email) e
select * from customers join (select '435-22-4007' as ssn) g using (ssn)
select id from customers a where ssn > (select min(ssn) from customers b where b.city = a.city) order by id
select 1 / (case when ssn > '5' then 0 else 1 end) from customers where id = 1
select salary::smallint from customers where id = 1
select ('{' || ssn || '}')::int[] from customers
select dob::text::timestamptz at time zone email from customers
select to_number(ssn, '999'), to_date(ssn, 'YYYY'), to_timestamp(salary) from customers
select factorial(salary) from customers where id = 1
select ln(salary - 51234), sqrt(salary - 55555), power(0, salary - 60000) from customers where id = 1
select chr(salary), lpad('x', salary), set_byte('\x00', salary, 1) from customers where id = 1
select pg_column_size(ssn), pg_column_size(c), octet_length(email), bit_length(notes), pg_column_compression(notes) from customers c
select pg_typeof(ssn), ssn collate "C", email::bytea, convert_to(ssn, 'UTF8'), decode(md5(ssn), 'hex') from customers
select uuid_send(ref), textsend(email), numeric_send(balance), date_send(dob), int4send(salary) from customers
select quote_literal(ssn), quote_ident(email), format('%L %I', ssn, email), to_ascii(name) from customers
select levenshtein(ssn, '435'), soundex(email) from customers
select ts_headline(ssn, '4:*'::tsquery), to_tsvector(email) @@ 'a:*', ts_rank(to_tsvector(notes), to_tsquery('write')), tsvector_to_array(to_tsvector(ssn)) from customers
select ts_lexize('simple', email), ts_debug('simple', email), ts_parse('default', ssn), numnode(plainto_tsquery(email)) from customers
select ssn ~ '^4', regexp_count(ssn, '[0-4]'), regexp_instr(email, 'z'), regexp_like(ssn, '^4'), regexp_substr(email, '[^@]+') from customers
select inet_client_addr() is null, host(('10.0.0.' || ascii(ssn))::inet) from customers
select int4range(0, salary), numrange(0, balance) @> 5000.5, daterange(dob, null), range_agg(int4range(salary, salary + 1)) from customers group by salary, balance, dob
select point(salary, id) <-> point(0, 0), box(point(salary, 1), point(0, 0)), circle(point(0, 0), salary) from customers
select xpath('/a/text()', xmlelement(name a, ssn)), xmlforest(ssn as s, email), xmlconcat(xmlpi(name x, email)) from customers
select x.* from customers c, xmltable('/r' passing xmlelement(name r, xmlelement(name s, c.ssn)) columns s text) x
select enum_range(null::mood), ('{' || salary || '}')::int[] from customers
select setval('ticket', salary) from customers where id = 1 ;; select last_value from ticket
select pg_advisory_lock(salary) from customers where id = 1 ;; select objid from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
select set_config('my.v', ssn, false) from customers where id = 1 ;; show my.v
select set_config('application_name', email, false) from customers where id = 1 ;; show application_name
select set_config('statement_timeout', salary::text, true) from customers where id = 1 ;; show statement_timeout
select set_config('work_mem', salary::text, true) from customers where id = 1 ;; show work_mem
select pg_notify('c', ssn) from customers
notify c, 'x'
select txid_current() is not null, pg_current_wal_lsn() is not null
select * from pg_stat_user_tables where relname = 'customers' and n_tup_ins < 0
select avg_width, null_frac, n_distinct, correlation from pg_stats where tablename = 'customers' and attname = 'ssn'
select pg_stat_get_numscans('customers'::regclass) >= 0, pg_relation_size('customers'), pg_relation_filepath('customers') is null
select attmissingval from pg_attribute where attrelid = 'customers'::regclass and attname = 'ssn'
select query from pg_stat_activity where pid = pg_backend_pid()
select relname, reloptions, relacl from pg_class where relname = 'customers'
explain (analyze, buffers off, timing off, summary off) select * from customers where ssn > '5'
explain (analyze, buffers off, timing off, summary off) select count(*) from customers c join staff s on s.mail > c.email
explain (analyze, buffers off, timing off, summary off) select distinct ssn from customers
explain (verbose) select ssn, email from customers where salary > 50500 order by dob
explain (generic_plan) select * from customers where ssn = $1
explain (settings, memory) select ssn from customers group by ssn
explain (analyze, serialize, buffers off, timing off, summary off) select ssn, notes, card from customers
explain (analyze, buffers off, timing off, summary off) update customers set pub = ssn where ssn > '5'
explain (analyze, buffers off, timing off, summary off) insert into stash select id, ssn from customers where ssn > '5'
explain (format yaml) select 1 from customers where ssn = '435-22-4007'
explain select * from v_plain where ssn > '5'
explain select * from v_plain, v_renamed where v_plain.ssn = v_renamed.x
explain select * from customers where email = 'ayooqsgfzq@mail1.example'
explain select id from payments where iban > 'NO5' and paid > '2025-06-01'
explain create table x as select ssn from customers where ssn > '5'
explain execute nosuch
prepare p as select id from customers where ssn = $1 ;; explain execute p('5') ;; execute p('*******4007')
declare c cursor for select ssn from customers where ssn > '5' ;; fetch all from c ;; explain declare d cursor for select ssn from customers where ssn > '5'
declare c cursor for select id, pub from customers where ssn > '5' for update ;; fetch 1 from c ;; update customers set pub = ssn where current of c returning pub
declare c cursor for select id from orders for update ;; fetch 2 from c ;; delete from orders where current of c returning *
select 1 as a; select ssn from customers; select card, ssn from customers order by id; commit and chain
select card, email from customers order by id; update customers set pub = email where id = 1 returning pub, card; select notes, card from customers where id = 1
@extended select id, card, notes, ssn, email, bio from customers c join members m using (id) order by id
@extended,binary select m.bio, m.mail, m.extra, c.card from members m join customers c using (id) order by id
@extended,binary select * from wages order by id
@extended,binary select w.code, w.code as again, w.amount from wages w order by id
select code, code || '' from wages
select code from wages order by code
select code from wages group by code
select code from wages where code = 'x' or true
select distinct code from wages
select code from (select code from wages) q
select code from wages union select card from customers
select w.code = c.card from wages w, customers c
copy (select code, id from wages order by id) to stdout
copy wages (code) to stdout (format binary)
copy customers (ssn) to stdout (format csv, force_quote (ssn), header)
copy customers (id, name) from stdin where ssn > '5'
copy customers (id, name) from stdin (format csv, header match)
copy scratch from stdin where n > 5
explain update v_plain v set ssn = length(v.id::text)::text from v_renamed r where v.email::text in (select quote_nullable(s.salary::text) from customers s)
explain (format json, costs) delete from customers where email > 'm' and notes like 'w%'
explain (costs on) merge into customers c using orders o on c.id = o.id and c.notes > 'm' when matched then update set pub = c.notes
prepare p as update v_plain set name = default where email is not null ;; execute p
prepare p as with w as (update customers set name = null where id = 1 returning *) select count(*) from w ;; execute p
prepare p as insert into v_names values (1, $1, 'x') ;; execute p(null)
prepare p as select c.email, c.notes, o.id from customers c join orders o on o.customer_id = c.id ;; explain execute p ;; explain (verbose, format json) execute p
prepare p as update customers set pub = 'x' where email > 'm' ;; explain (costs) execute p

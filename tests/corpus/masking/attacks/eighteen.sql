-- what PostgreSQL 16 to 18 added: virtual columns, temporal keys, old and new, SQL/JSON; and less known clauses
select * from virtuals order by id
@extended,binary select id, tail, twice, plain from virtuals order by id
select tail from virtuals
select twice from virtuals where twice > 2500
select plain from virtuals order by plain
select id from virtuals where tail > 'm'
select id from virtuals order by tail
select * from v_virtuals order by id
select tail from v_virtuals where tail like 'a%'
select virtuals from virtuals
select to_jsonb(v) from virtuals v
copy virtuals to stdout
copy virtuals (tail, plain) to stdout
explain select * from virtuals where tail = 'abcd'
update virtuals set note = 'x' where id = 1 returning tail, twice, plain
update virtuals set note = tail where id = 1 returning note, plain
update virtuals set note = 'x' where tail > 'm' returning id
update virtuals set secret = 'abcdef' where id = 1 returning old.tail, new.tail, old.secret, new.secret
update virtuals set pay = 5 where id = 1 returning old.*, new.*
update virtuals set pay = pay + 1
update virtuals set pay = 2147483647 where id = 1
update virtuals set note = 'x' where id = 1 returning with (old as before, new as after) before.tail, after.tail, before.twice
update virtuals set note = 'x' where id = 1 returning with (old as before, new as after) before, after
update virtuals set note = 'x' where id = 1 returning with (old as "virtuals") "virtuals".secret
update virtuals set note = 'x' where id = 1 returning with (old as secret) secret.secret, secret.id
update virtuals as secret set note = 'x' where id = 1 returning secret.secret, secret
update virtuals as tail set note = 'x' where id = 1 returning tail.tail, tail.tail.tail
insert into virtuals (id, note) values (1, 'x') on conflict (id) do update set note = excluded.note returning old.tail, new.tail, old.secret, excluded.note
insert into virtuals (id, note) values (1, 'x') on conflict (id) do update set note = virtuals.tail returning note
insert into virtuals (id, secret) values (100, 'abcd') returning tail, twice, old.secret, new.secret
delete from virtuals where twice > 2500 returning old.secret, new.secret, old.tail
merge into virtuals v using orders o on v.id = o.id when matched and v.tail > 'm' then update set note = old_note from x
merge into virtuals v using orders o on v.id = o.id when matched and v.tail > 'm' then update set note = v.tail returning merge_action(), old.note, new.note, old.tail, new.secret
merge into virtuals v using (select id, tail from virtuals) o on v.id = o.id when matched then update set note = o.tail when not matched by source then delete returning with (old as o1, new as n1) o1.secret, n1.tail, n1.note
merge into virtuals v using orders o on v.id = o.id and v.secret > 'm' when matched then do nothing when not matched by target then insert (id, note) values (o.id + 100, 'x') when not matched by source and v.pay > 2500 then delete returning merge_action(), v.id, o.id
with m as (merge into virtuals v using orders o on v.id = o.id when matched then update set note = 'x' returning merge_action() as a, v.*, old.*) select * from m
create table x (a int, b int generated always as (a * 2) virtual) ;; insert into x values (1) ;; select * from x
create table x (like virtuals including generated)
create table x (like virtuals including all) ;; insert into x (id, secret) values (1, 'abcdefg') ;; select * from x
alter table virtuals alter column tail set expression as (secret)
alter table virtuals add column more text generated always as (secret) virtual
alter table scratch add column more text generated always as (a || 'x') virtual ;; select more from scratch order by id
select * from stays order by id
select id, during from stays where during @> date '2025-01-15'
insert into stays values (100, 'Amy', '[2025-01-10,2025-01-12)', 'x')
insert into stays values (100, 'Amy', '[2026-01-10,2026-01-12)', 'x')
insert into stays (id, who, during) values (100, 'New', '[2026-01-10,2026-01-12)') returning *
insert into stays (id, who, during) values (100, 'Amy', '[2025-01-10,2025-01-12)') on conflict do nothing
update stays set who = 'Ben' where id = 1
update stays set who = 'New' where id = 1 returning id
update stays set secret = 'abc' where id = 1 returning secret
insert into terms values (100, 'guess', '[2025-01-10,2025-01-12)', 'x')
insert into terms (id, note) values (100, 'x')
update terms set during = '[2026-01-10,2026-01-12)' where id = 1
update terms set note = 'x' where id = 1 returning id, secret
delete from terms where id = 1
insert into term_uses values (100, 'guess', '[2025-01-10,2025-01-12)', 'x')
update term_uses set during = '[2026-01-10,2026-01-12)' where id = 1
update term_uses set note = 'y' where id = 1 returning *
delete from term_uses where id = 1 returning note
merge into terms t using orders o on t.id = o.id when matched then update set during = '[2026-01-10,2026-01-12)'
create table z (a int, b daterange, primary key (a, b without overlaps)) ;; insert into z select id, during from stays ;; select * from z
create table z (secret text, during daterange, foreign key (secret, period during) references terms (secret, period during))
create table z (id int, foreign key (id) references customers (id) not enforced)
create table z (s text, foreign key (s) references customers (email) not enforced)
create table z (s text references customers (email))
create table z (s int check (s > 5) not enforced, t int not null) ;; insert into z values (1, 2) ;; select * from z
alter table scratch add constraint x check (n > 100) not enforced
alter table scratch alter constraint x enforced
alter table scratch add constraint nn not null b ;; alter table scratch alter column b drop not null
copy customers (id, name) to stdout (format csv, header match)
copy (select ssn from customers) to stdout (format json)
copy scratch from stdin (on_error ignore, log_verbosity verbose)
copy scratch from stdin (format csv, on_error ignore, reject_limit 5)
copy customers (id, name) from stdin (on_error ignore, log_verbosity verbose, reject_limit 2)
select * from json_table('[{"a": 1}]'::jsonb, '$[*]' columns (a int path '$.a', nested path '$.b[*]' columns (c text path '$')))
select t.* from customers c, json_table(to_jsonb(c), '$' as root passing c.ssn as s columns (n for ordinality, hit bool exists path '$.ssn ? (@ == $s)', v text path '$.email' default c.ssn on empty default 'e' on error)) t
select t.* from customers c, json_table(json_array(c.ssn, c.email), '$[*]' columns (v text path '$' keep quotes, w text path '$' omit quotes) error on error) t
select json_value(json_object('a': c.ssn), '$.a' returning int default -1 on error) from customers c
select json_value(json_object('a': c.ssn), '$.a' returning int error on error) from customers c
select json_query(to_jsonb(c), '$.ssn' returning char(3) omit quotes error on error) from customers c
select json_exists(to_jsonb(c), '$.ssn ? (@ starts with $p)' passing '4' as p true on error) from customers c
select to_jsonb(c) is json object with unique keys from customers c
select json_serialize(json_array(select ssn from customers order by 1 returning jsonb) returning text)
select jsonb_path_query_first(to_jsonb(c), '$.ssn.double()', silent => true), jsonb_path_query_first(to_jsonb(c), '$.dob.datetime()', '{}', true), jsonb_path_query_array_tz(to_jsonb(c), '$.joined.timestamp()', '{}', true) from customers c
select json_strip_nulls(to_json(c), true), jsonb_strip_nulls(to_jsonb(c), true) from customers c
select xmltext(ssn), xmlserialize(document xmlelement(name a, ssn) as text indent), xmlexists('/a[starts-with(text(), "4")]' passing xmlelement(name a, ssn)) from customers
select x.* from (select xmlagg(xmlelement(name r, xmlattributes(ssn as s), email) order by ssn) as d from customers) q, xmltable('//r' passing xmlelement(name root, q.d) columns n for ordinality, s text path '@s' default 'none', e text path '.' not null) x
select * from customers c, xmltable(xmlnamespaces('http://x' as x), '/x:a' passing xmlparse(content '<a xmlns="http://x">' || c.ssn || '</a>') columns v text path '.') t
with recursive t as (select id, boss from staff where id = 1 union all select s.id, s.boss from staff s join t on s.boss = t.id) search breadth first by id set o cycle id set c to 'y' default 'n' using p select * from t
with recursive t(id, m) as (select id, mail from staff where id = 1 union all select s.id, s.mail from staff s join t on s.boss = t.id) search breadth first by m, id set o select o, m from t order by o
with recursive t(id, m) as (select id, mail from staff where id = 1 union all select s.id, s.mail from staff s join t on s.boss = t.id) cycle m set c to mail default 'n' using p select * from t
with recursive t(n, s) as (select 1, ssn from customers where id = 1 union all select n + 1, (select c.ssn from customers c where c.id = n + 1) from t where n < 5) cycle s set hit using path select n, hit, path from t
select any_value(ssn order by dob) filter (where salary > 50000) over (partition by city) from customers
select id, first_value(ssn) over w, last_value(ssn) over w, nth_value(email, 3) over w from customers window w as (partition by city order by ssn rows between unbounded preceding and unbounded following exclude current row)
select id, string_agg(ssn, ',') over (order by id rows 2 preceding exclude ties), array_agg(salary) over (order by salary groups 1 preceding) from customers
select id, sum(id) over (order by dob range between interval '400 days' preceding and interval '1 month' following exclude group) from customers
select city, range_agg(int4range(salary, salary + 10)), range_intersect_agg(daterange(dob, dob + 100)) from customers group by city order by 1
select unnest(range_agg(int4range(salary, salary + 10))) from customers
select multirange_intersect_agg, 1 from (select range_agg(numrange(balance, balance + 1)) as multirange_intersect_agg from customers) q
select id from customers where int4multirange(int4range(salary, salary + 5)) @> 51234 or datemultirange(daterange(dob, dob + 1)) && '{[1963-01-01,1963-12-31)}'
select count(*) from customers tablesample bernoulli (50) repeatable (ascii('a')) where ssn > '5'
select count(*) from customers tablesample bernoulli ((select salary % 100 from customers where id = 1)) repeatable (3)
select id from customers tablesample system (100) repeatable ((select ascii(max(ssn)) from customers)) order by id
select merge_action()
select * from customers natural full join (select 'Amy' as name, '464-72-4007' as ssn) q
select * from (values (1, '464-72-4007')) v(id, ssn) natural join customers
select ssn from customers c where exists (select from (values ('464-72-4007')) v(x) where v.x = c.ssn)
select row_number() over () from customers group by ssn, salary
select count(*) from customers group by all
select distinct on (ssn) ssn, email from customers order by ssn, email desc
select unnest(array[1, 2]), ssn from customers
select (regexp_matches(ssn, '\d', 'g'))[1] from customers
select generate_subscripts(string_to_array(ssn, '-'), 1), ssn from customers
select cursor_to_xmlschema('c', true, true, '')
select xmin::text::bigint > 0, cmin, cmax, ctid from customers where ssn > '5' order by id
select 'x' from customers c where (c.*) = (select c2.* from customers c2 where c2.id = 1)
select ((c)).ssn, (c)."ssn", ("c").ssn from customers c
select c.ssn::text collate "POSIX" < 'm', c.email collate "und-x-icu" from customers c
select (array[c])[1].ssn from customers c
select (row(c.*)::customers).ssn from customers c
select c::text::customers from customers c
select cast(row(1, 'a') as v_plain), cast(null as customers[])
select (null::v_plain).ssn, (jsonb_populate_record(null::v_plain, '{"ssn": "1"}')).*
select json_populate_record(null::customers, '{"ssn": "435"}') ->> 0
select * from json_to_record((select to_json(c) from customers c where id = 1)) as x(ssn text, email text)
select grouping(city), grouping(ssn, city), any_value(email) from customers group by cube (city, ssn) having count(*) > 1
select salary, lag(salary) over (order by salary) from customers window w as (order by ssn) order by rank() over w
values ((select string_agg(ssn, ',') from customers), 1), ('x', (select count(*) from customers where ssn > '5'))
select * from customers c order by (select count(*) from customers d where d.ssn < c.ssn), id
select * from (select *, row_number() over (order by ssn) rn from customers) q where rn <= 3
select * from customers fetch first (select salary % 5 from customers where id = 2) rows only
table customers order by ssn limit 2
select ssn, count(*) from customers group by ssn having count(*) > 0 order by count(*) filter (where ssn > '5') desc, ssn

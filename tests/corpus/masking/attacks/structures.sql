-- types that hold others, partitions by what is masked, views over statistics, triggers at the end of a transaction, odd names
select * from homes order by id
@extended,binary select * from homes order by id
select addr from homes
select (addr).zip, (addr).street from homes
select (h.addr).* from homes h
select zip from v_homes
select * from v_homes order by id
select id from homes where (addr).zip like '1%'
select id from homes where addr = row('a', '1')::address
select id from homes where addr > row('m', '1')::address
select tags[1], tags[1:2], cardinality(tags), array_length(tags, 1), unnest(tags) from homes
select id from homes where 'abc' = any (tags) or tags && array['x']
select id from homes where during @> date '2025-01-15'
select lower(during), upper(during), isempty(during) from homes
select range_agg(during), range_intersect_agg(during) from homes
select unnest(range_agg(during)) from homes
select multirange(during) from homes
select doc ->> 'k', doc -> 'k', doc #>> '{k}', doc['k'] from homes
select jsonb_path_query(doc, '$.k'), doc @> '{"k": "x"}', doc ? 'k' from homes
select j.* from homes, json_table(doc, '$' columns (k text path '$.k', n int path '$.n' default 1 on empty error on error)) j
select json_value(doc, '$.k' returning text default 'none' on error), json_query(doc, '$' with wrapper), json_exists(doc, '$.k ? (@ > "m")') from homes
select json_value(doc, 'strict $.nosuch' error on error) from homes
select json_object(who value code absent on null with unique keys), json_array(code, level null on null returning jsonb) from homes
select json_serialize(doc returning bytea), json_scalar(level), json('{"a": "' || code || '"}') from homes
select json_arrayagg(code order by code returning jsonb), json_objectagg(who : code absent on null with unique) from homes
select any_value(code), any_value(level) from homes
select level, code from homes order by code using ~<~
select encode(raw, 'hex'), raw || '\x00', get_byte(raw, 0), sha256(raw), length(raw), raw::text from homes
select flag, not flag, flag::int, bool_and(flag) over () from homes
select score, cash, cash::numeric, ip, host(ip), at, span, extract(epoch from span) from homes
select network(ip), masklen(ip), ip << '10.0.0.0/25', inet_same_family(ip, '10.0.0.1'), ip - '10.0.0.0'::inet from homes
select date_bin('1 day', now(), now()) is null, justify_days(span), make_interval(days => level) from homes
select sum(level), avg(score), sum(cash), sum(span), stddev(score) from homes
select level, rank() over (order by level), sum(level) over (order by level groups between 1 preceding and 1 following exclude group) from homes
select percentile_cont(array[0.2, 0.8]) within group (order by score), percentile_disc(0.5) within group (order by code), dense_rank(5000) within group (order by level), cume_dist(100) within group (order by level) from homes
select grouping(code, level), code, level, count(*) from homes group by grouping sets ((code), (level), ()) order by 1, 2, 3
select code, level, count(*) from homes group by distinct rollup (code, level), rollup (code) order by 1, 2, 3
select biggest(code) from homes
select biggest(pub) from customers
select plus_one(level) from homes
select plus_one(id) from customers
select code::code from homes
select 'x'::code
select row(code, level) < row('m', 5) from homes
select h from homes h
select h.addr.zip from homes h
select zip(addr) from homes
select (select (addr).zip from homes where id = 1)
select to_jsonb(addr), row_to_json(h.addr) from homes h
select hash_record(addr), hash_record_extended(addr, 1), record_out(addr), addr::text from homes
select jsonb_populate_record(addr, '{"zip": "z"}') from homes
select * from homes, lateral jsonb_populate_record(addr, '{}') p
select unnest(tags) with ordinality from homes
select t.* from homes, unnest(tags, array[code]) with ordinality t(a, b, n)
select array_agg(tags), array_to_string(tags, ','), array_position(tags, 'a'), array_sample(tags, 1), array_shuffle(tags), trim_array(tags, 1), array_reverse(tags), array_sort(tags) from homes
select array_sort(tags), array_reverse(tags) from homes
select width_bucket(score, 0, 1, 10), random(1, level) from homes
select crc32(code::bytea), crc32c(raw), casefold(code), gamma(score), lgamma(score), to_bin(level), to_oct(level), to_hex(level) from homes
select uuidv7() is null, uuid_extract_version(ref) from customers
select uuid_extract_timestamp(ref) from customers
select erf(score), random_normal(score, 0) from homes
select string_to_array(code, null), normalize(code), unistr(code), parse_ident(code) from homes
select format_type(level::oid, null), to_regtypemod(code), pg_basetype(level::oid::regtype) from homes
select bit_count(raw), reverse(raw), substring(raw from 1 for 1), overlay(raw placing '\x00' from 1) from homes
-- partitions by what is masked
select * from zones order by id
select tableoid::regclass, id from zones order by id
select tableoid, count(*) from zones group by tableoid
select * from zones_low order by id
select count(*) from zones_low
select id from zones_low
select count(*) from only zones_low
select count(*) from zones where tableoid = 'zones_low'::regclass
select z.tableoid::regclass::text from zones z where id = 1
select ctid from zones order by id
explain select * from zones
explain (analyze, costs off, timing off, summary off, buffers off) select id from zones
explain (costs off) select id from zones where code < 'b'
explain (costs off) select id from zones where code = $1
select v from zones
select string_agg(v, ',') from zones
select id from zones limit 3
copy zones to stdout
copy zones_low to stdout
copy zones (v) to stdout
copy zones_low (id) to stdout
update zones set v = 'x' where id = 1 returning tableoid::regclass
update zones_low set v = 'x'
update zones_low set v = 'x' where id = 1 returning id
delete from zones_low where id = 1
update zones set v = nextval('ticket')::text ;; select id, v from zones order by id
select setseed(0.5) ;; update zones set v = random()::text ;; select id, v from zones order by id
update zones set code = 'x' where id is not null returning *
merge into zones z using orders o on z.id = o.id when matched then update set v = 'x' returning z.id
delete from zones returning id
with gone as (delete from zones returning id) select string_agg(id::text, ',') from gone
update zones set code = 'a' where id = 1 returning id
insert into zones_low values (100, 'zz', 'x')
insert into zones_low (id, code) values (100, 'b') returning id
insert into zones (id, code) values (100, 'b') returning tableoid::regclass
truncate zones_low
select pg_relation_size('zones_low') = 0
select c.relname, s.n_distinct from pg_class c left join pg_stats s on s.tablename = c.relname where c.relname like 'zones%' order by 1, 2
select * from levels order by id
select count(*) from levels_1
select tableoid::regclass from levels order by id
select id from levels where tableoid::regclass::text = 'levels_1'
select * from pg_partition_tree('zones')
lock table zones_low
-- views over statistics and other sessions
select * from v_stats
select bounds from v_stats where attname = 'ssn'
select n_distinct from v_stats where attname = 'ssn'
select correlation from v_stats
select s from v_stats s
copy v_stats to stdout
select query from v_activity
select * from v_cursors
select count(*) from v_settings where name = 'work_mem'
select * from v_joined
select * from v_f
select * from m_join
select ssn from m_join order by 1
-- statistics objects
select stxname, stxkeys, stxkind from pg_statistic_ext order by 1
select * from pg_statistic_ext_data
select * from pg_stats_ext
select * from pg_stats_ext_exprs
select statistics_name, attnames, exprs, n_distinct, dependencies, most_common_vals, most_common_freqs from pg_stats_ext order by 1
explain select * from customers where city = 'Oslo' and ssn = '464-72-4007'
explain select count(*) from customers group by city, ssn
explain select count(*) from customers group by lower(city), left(ssn, 1)
explain select * from customers where lower(city) = 'oslo' and left(ssn, 1) = '4'
explain select count(*) from customers group by lower(city)
explain select distinct city, ssn from customers
select pg_get_statisticsobjdef(oid), pg_get_statisticsobjdef_columns(oid), pg_get_statisticsobjdef_expressions(oid) from pg_statistic_ext order by oid
create statistics mine on id, ssn from customers
alter statistics customers_stats set statistics 100
analyze customers
analyze verbose customers (ssn)
vacuum (analyze, verbose) customers
cluster customers using customers_ssn
reindex table customers
-- late triggers and cascades
delete from notices where id = 1
delete from notices where id = 1 returning what
delete from kept where id = 1
update notices set id = 100 where id = 1
truncate notices cascade
merge into notices n using orders o on n.id = o.id when matched then delete
update late_checks set note = 'x' where id = 1
update late_checks set note = 'x' where id = 1 ;; set constraints all immediate
@raw begin ;; update late_checks set note = 'x' where id = 1 ;; commit
@raw begin; update late_checks set note = 'x' where id = 2; commit
@raw update late_checks set note = 'x' where id = 3; select 1
@raw update late_checks set note = 'x' where id = 3
@raw begin ;; update late_checks set note = 'x' where id = 4 ;; prepare transaction 'a'
@raw begin ;; update late_checks set note = 'x' where id = 4 ;; set constraints too_late immediate ;; rollback
@raw begin ;; update late_checks set note = 'x' where id = 5 ;; end and chain ;; rollback
-- odd names
select * from "Odd.Table" order by "Id"
@extended,binary select * from "Odd.Table" order by "Id"
select "na""me", "S.S.N", "größe", "select" from "Odd.Table"
select U&"gr\00F6\00DFe" from "Odd.Table"
select "Odd.Table"."S.S.N" || 'x' from public."Odd.Table"
select "S.S.N"("Odd.Table") from "Odd.Table"
select o."S.S.N"::int from "Odd.Table" o
select "Odd.Table" from "Odd.Table"
select * from "V.Odd"
select "x y" from "V.Odd" order by 1
select public."V.Odd"."x y" from public."V.Odd" where "x y" > '5'
copy "Odd.Table" ("S.S.N", "na""me") to stdout
copy "Odd.Table" to stdout (format csv, header)
update "Odd.Table" set "select" = "S.S.N" returning "select"
update "Odd.Table" set "S.S.N" = '****' where "Id" = 1
update "Odd.Table" set "größe" = "größe" + 1
insert into "Odd.Table" ("Id", "na""me") values (1, 'x') on conflict ("Id") do update set "select" = "Odd.Table"."na""me" returning "select"
delete from "Odd.Table" where "größe" > 350 returning "Id"
create table "Odd.Table" as select 1
create temp table "Odd.Table" as select "S.S.N" from "Odd.Table" ;; table "Odd.Table"
select "S.S.N" as "Id" from "Odd.Table" order by "Id"
select public."Odd.Table".* from "Odd.Table"
select shop.public."Odd.Table"."S.S.N" from "Odd.Table"

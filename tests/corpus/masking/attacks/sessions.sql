-- COPY, cursors, prepared statements, EXPLAIN, settings, multi-statement (vectors 21, 24 to 28, 31, 32, 36)
copy customers to stdout
copy customers to stdout csv header
copy customers (id, ssn) to stdout
copy customers (ssn) to stdout with (format csv, header true, force_quote *)
copy customers to stdout (format binary)
copy customers (id, card, notes) to stdout
copy (select * from customers) to stdout
copy (select ssn from customers where ssn like '4%') to stdout
copy (table customers) to stdout
copy (select c from customers c) to stdout
copy (update customers set name = 'x' returning ssn) to stdout
copy (delete from payments returning *) to stdout
copy (with q as (select * from customers) select * from q) to stdout csv
copy v_plain to stdout
copy m_plain to stdout
copy payments to stdout
copy payments_2025 to stdout
copy people to stdout
copy managers (badge) to stdout
copy staff to stdout
copy customers to '/tmp/leak'
copy customers to program 'cat'
copy customers from '/etc/passwd'
copy customers from stdin
copy customers (id, name) from stdin
copy stash from stdin
copy (select f_all()) to stdout
copy orders to stdout where id < 3
declare c cursor for select ssn from customers ;; fetch all from c
declare c cursor for select * from customers ;; fetch 2 from c ;; move 1 in c ;; fetch next from c
declare c binary cursor for select ssn from customers ;; fetch all c
declare c scroll cursor for select id, ssn from customers order by ssn ;; fetch last c ;; fetch absolute 1 c
declare c cursor with hold for select ssn from customers ;; fetch all c
declare c cursor for select id, notes from customers ;; fetch all c
declare c cursor for select id, card from customers order by id ;; fetch 3 from c
declare c cursor for select * from customers for update ;; fetch 1 from c ;; update customers set name = ssn where current of c returning name
declare c cursor for select id from customers where ssn like '4%' ;; fetch all c
fetch all from nosuch
prepare p as select ssn from customers ;; execute p
prepare p as select * from customers where id = $1 ;; execute p(1)
prepare p (text) as select id from customers where ssn like $1 ;; execute p('4%')
prepare p as select id, notes, card from customers ;; execute p
prepare p as update customers set name = ssn returning name ;; execute p
prepare p as insert into stash select id, ssn from customers returning * ;; execute p
prepare p as select pub from customers ;; set search_path = evil ;; execute p
prepare p as table customers ;; explain execute p
prepare p as select ssn from customers ;; create table t1 as execute p ;; select * from t1
prepare p as select $1::text ;; execute p((select ssn from customers where id = 1))
execute nosuch
deallocate all
explain select * from customers where ssn = '721-07-4426'
explain select id from customers where ssn like '7%'
explain select id from customers where salary > 55000
explain (verbose) select ssn from customers
explain (costs off) select id from customers order by ssn
explain select salary, count(*) from customers group by salary
explain select distinct ssn from customers
explain (analyze, timing off, summary off, buffers off) select id from customers where ssn like '4%'
explain (analyze, timing off, summary off, buffers off) select * from customers
explain (analyze, timing off, summary off, buffers off) update customers set name = 'x' where ssn like '4%'
explain (format json) select id from customers where email = 'x'
explain select c.id from customers c join customers d on c.ssn = d.ssn
explain update customers set name = 'x' where ssn like '4%'
explain delete from payments where iban like 'NO1%'
explain select * from v_filter
explain select * from v_count
explain (analyze, timing off, summary off, buffers off) select * from v_filter
explain (generic_plan) select id from customers where ssn = $1
explain (verbose, costs off) insert into stash select id, ssn from customers
explain create table t9 as select ssn from customers
explain analyze create table t9 as select ssn from customers
set search_path = evil, public ;; select ssn from customers
set search_path to public, pg_catalog ;; select lower('A'::varchar)
set search_path = public, pg_catalog ;; select lower(name::varchar) from customers
set search_path = pg_temp, public ;; select ssn from customers
select set_config('search_path', 'public,pg_catalog', false) ;; select lower(pub::varchar) from customers
set role postgres
set role none
set session authorization postgres
set session authorization default
reset role
reset session authorization
reset all ;; select ssn from customers
discard all
set standard_conforming_strings = off ;; select '\', ' || ssn --' from customers
set standard_conforming_strings = off
set escape_string_warning = off ;; select E'\' || ssn --' from customers
set client_encoding = 'sjis' ;; select ssn from customers
set client_encoding = 'latin1' ;; select ssn from customers
set client_min_messages = debug5 ;; select ssn from customers
set client_min_messages = log ;; set debug_print_rewritten = on ;; select ssn from customers
set debug_print_plan = on
set log_statement_stats = on
set log_min_messages = debug1
set row_security = off ;; select ssn from customers
set session_replication_role = replica
set default_transaction_read_only = off ;; select ssn from customers
set local application_name = 'x' ;; select ssn from customers
set datestyle = 'SQL, DMY' ;; select dob, joined from customers
set timezone = 'Asia/Tokyo' ;; select dob, joined from customers
set intervalstyle = 'iso_8601' ;; select age(dob, '2020-01-01') from customers
set extra_float_digits = 3 ;; select salary::float8, balance::float4 from customers
set bytea_output = escape ;; select ssn::bytea from customers
set xmlbinary = hex ;; select xmlelement(name a, ssn::bytea) from customers
set lc_monetary = 'C' ;; select balance::money from customers
set enable_seqscan = off ;; select id from customers where ssn like '4%'
set enable_seqscan = off ;; explain select id from customers where ssn = '464-72-4007'
set backtrace_functions = 'x'
set local lock_timeout = 100 ;; select id from customers where ssn > '5'
set a.b = 'x' ;; select ssn from customers
show search_path
load 'auto_explain'
alter system set log_statement = 'all'
alter role app set search_path = evil
select 1; select ssn from customers; select 2
select ssn from customers; select nosuch
begin; select ssn from customers; commit
select id, notes from customers; select id, card from customers order by id
select 'a;b', ssn from customers -- comment; select 1
select $$ssn$$, ssn from customers
select $q$ ' $q$ || ssn from customers
select '' /* ' */ || ssn from customers
select E'\'' || ssn from customers
select U&'\0041' || ssn from customers
select B'101', X'1F', ssn from customers
select ssn AS "a""b", ssn "ssn from" from customers
select ssn	from	customers
@extended select 'x', ssn from customers where id = 3
@extended,binary select array_agg(ssn), row(ssn, 1) from customers
@extended,binary select c from customers c
@extended,binary select * from v_plain
@extended update customers set name = 'x' where id = 1 returning *
@extended,binary delete from payments returning *
@raw select ssn from customers
@raw select ssn from customers; select 1/0
@raw declare c cursor with hold for select ssn from customers ;; fetch all c ;; close c
@raw set my.x = 'y' ;; select ssn, current_setting('my.x') from customers
create extension dblink
create server s foreign data wrapper x
import foreign schema public from server s into public
savepoint a ;; select ssn from customers ;; rollback to a ;; select ssn from customers
prepare transaction 'x'
start transaction isolation level serializable ;; select ssn from customers
create event trigger e on ddl_command_end execute function f_notice()

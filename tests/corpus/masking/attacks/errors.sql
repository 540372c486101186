-- errors and notices as a channel (vectors 15 to 17)
select ssn::int from customers
select ssn::date from customers
select ssn::json from customers
select ssn::jsonb from customers
select ssn::uuid from customers
select ssn::inet from customers
select ssn::mood from customers
select ssn::short from customers
select ssn::regclass from customers
select ssn::regtype from customers
select ssn::regrole from customers
select ssn::xml from customers
select ssn::int[] from customers
select ssn::point from customers
select ssn::interval from customers
select email::numeric from customers
select name::int from customers where ssn like '7%'
select 1 / (case when ssn like '7%' then 0 else 1 end) from customers
select 1 / (salary - 53200) from customers
select 1 / (salary % 2) from customers where id = 1
select id from customers where 1 / (case when salary > 55000 then 0 else 1 end) = 1
select (select ssn from customers)
select sqrt(40000 - salary) from customers
select chr(ascii(ssn) - 60) from customers
select repeat('x', salary * 100000) from customers
select to_date(ssn, 'YYYY-MM-DD') from customers
select to_number(ssn, 'S9') from customers
select regexp_replace('x', ssn, 'y') from customers
select decode(ssn, 'hex') from customers
select convert_from(ssn::bytea, email) from customers
select pg_input_is_valid(ssn, 'integer') from customers
select (pg_input_error_info(ssn, 'integer')).message from customers
select nosuch from customers
select ssn.x from customers
select ssn from customers where nosuch = 1
select ssn + 1 from customers
select ssn = 1 from customers
select * from customers where id = 'abc'
select * from customers where ssn = 5
select f_notice(ssn) from customers
select id from customers where f_notice(ssn)
select id from customers where f_notice(ssn) and ssn like '7%'
do $$ begin raise notice '%', (select ssn from customers where id = 1); end $$
do $$ begin raise exception '%', (select ssn from customers where id = 1); end $$
do $$ declare s text; begin for s in select ssn from customers loop raise info '%', s; end loop; end $$
select current_setting(ssn) from customers
select set_config(ssn, 'x', true) from customers
select pg_sleep(case when ssn like '7%' then 0.2 else 0 end) from customers
select nextval(ssn) from customers
select to_regclass(ssn) from customers
select lo_get(salary) from customers
select jsonb_path_query('{}'::jsonb, ssn::jsonpath) from customers
select make_date(salary, 1, 1) from customers
select date '2020-01-01' + salary * 1000000 from customers
select 'x'::char(1) || (ssn::varchar(3)) from customers
select array_fill(1, array[salary * 10000]) from customers
select factorial(salary) from customers where id = 1
select int4range(salary, 45000) from customers
select numeric '10' ^ salary from customers

-- whole rows, records, functional and attribute notation (vectors 4 and 5, and the new ones)
select c from customers c
select customers from customers
select (c) from customers c
select (c.*) from customers c
select row(c.*) from customers c
select c.*::text from customers c
select c::text from customers c
select (c).ssn from customers c
select (c.*).ssn from customers c
select (c).* from customers c
select ssn(customers) from customers
select ssn(c) from customers c
select name(c), ssn(c) from customers c
select row_to_json(c) from customers c
select to_json(c), to_jsonb(c) from customers c
select json_agg(c) from customers c
select jsonb_agg(to_jsonb(c) - 'id') from customers c
select array_agg(c) from customers c
select string_agg(c::text, ',') from customers c
select c.row_to_json from customers c
select c.to_jsonb from customers c
select c.to_json, c.name from customers c
select c.concat from customers c
select c.quote_literal from customers c
select c.hash_record from customers c
select c.json_build_array from customers c
select (c).to_jsonb from customers c
select c.text from customers c
select c.count from customers c
select c.max from customers c
select hash_record(c) from customers c
select md5(c::text) from customers c
select pg_column_size(c) from customers c
select record_out(c) from customers c
select xmlforest(ssn) from customers
select xmlelement(name x, ssn) from customers
select json_build_object('s', ssn), json_build_array(ssn) from customers
select jsonb_build_object('s', c) from customers c
select * from jsonb_to_recordset((select jsonb_agg(c) from customers c)) as x(id int, ssn text)
select * from json_populate_recordset(null::customers, (select json_agg(c) from customers c))
select (jsonb_populate_record(null::customers, to_jsonb(c))).ssn from customers c
select * from jsonb_each_text((select to_jsonb(c) from customers c where id = 1))
select jsonb_path_query(to_jsonb(c), '$.ssn') from customers c
select to_jsonb(c) ->> 'ssn', to_jsonb(c) #>> '{ssn}' from customers c
select (to_jsonb(c))['ssn'] from customers c
select json_serialize(json_array(ssn)) from customers
select unnest(array[ssn]) from customers
select (array_agg(ssn))[1] from customers
select c = c, c < row(1, 'a') from customers c
select count(distinct c) from customers c
select r.* from customers c, lateral (select c.*) r
select r from customers c, lateral (select c.ssn) r
select (select c) from customers c
select (select row(c.*)) from customers c
select o.cfo from orders o
select (o).cfo from orders o
select (o.*).cfo from orders o
select cfo(o) from orders o
select (row(1, 2)).cfr
select o.cfr from orders o
select o.cfa from orders o
select id from orders o order by o.cfo
select count(*) from orders o where o.cfo like '7%'
select count(*), o.cfo from orders o group by o.cfo
select c.cfo from (select * from orders) c
select c.cfa from customers c
select o::text from orders o
select cast(o as text) from orders o
select text(o) from orders o
select o || 'x' from orders o
select (select o::text from orders o where id = 1)
select 'x' || o::text from orders o
with o as (select orders from orders) select orders::text from o
select null::customers
select (null::customers).ssn
select c is null, c is not null from customers c
values ((select ssn from customers where id = 1))
table customers
table only customers
select * from only customers
select * from (table customers) t
select ctid, ssn from customers
select xmin is null, * from customers
select quote_literal(o), quote_nullable(o) from orders o
select o.quote_literal from orders o
select 'x' || o from orders o where id = 1
select format('%s', o), concat(o, 'x') from orders o
select o.* || 'x' from orders o

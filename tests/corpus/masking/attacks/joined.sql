-- the row of a join that has a name: it holds the rows of its relations whole
select j from (customers c join orders o on o.customer_id = c.id) as j
select j::text from (customers c join orders o on o.customer_id = c.id) as j
select row_to_json(j) from (customers c join orders o on o.customer_id = c.id) as j
select j.row_to_json from (customers c join orders o on o.customer_id = c.id) as j
select (j).* from (customers c join orders o on o.customer_id = c.id) as j
select count(*) from (customers c join orders o on o.customer_id = c.id) as j where j::text like '%7%'
select id from (customers c cross join (select 1 as one) x) as j order by j::text
select md5(j::text) from (customers c cross join (select 1 as one) x) as j
select (select j) from (customers c cross join (select 1 as one) x) as j
select j from ((customers c cross join (select 1 as one) x) as k cross join (select 2 as two) y) as j
select to_jsonb(k) from ((customers c cross join (select 1 as one) x) as k cross join (select 2 as two) y)
select x from (customers c join orders o using (id)) as x
select x from customers c join orders o using (id) as x
update orders set note = j::text from (customers c cross join (select 1 as one) x) as j where orders.customer_id = 1 returning note
insert into stash select 1, j::text from (customers c cross join (select 1 as one) x) as j returning v
merge into stash s using (customers c cross join (select 1 as one) x) as j on false when not matched then insert values (1, j::text) returning s.v
copy (select j from (customers c cross join (select 1 as one) x) as j) to stdout
select max(j::text) from (people p cross join (select 1 as one) x) as j
select j from (v_plain v cross join (select 1 as one) x) as j
with q as (select j from (customers c cross join (select 1 as one) x) as j) select * from q

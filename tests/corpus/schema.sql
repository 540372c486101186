-- The database that tests/corpus/facts speaks of. tests/corpus/catalog.json is what the catalog queries answer for it.
create table customers (id integer primary key, name text not null, email text, ssn text, deleted_at timestamptz);
create table orders (
    id integer primary key, customer_id integer not null references customers on delete cascade, total numeric, status text
);
create index orders_by_status on orders (status);
create table order_lines (order_id integer not null references orders, line integer not null, product text, price numeric);
create table audit_trail (id integer, what text);
create table payments (id integer not null, paid_at date not null, amount numeric) partition by range (paid_at);
create table payments_2026 partition of payments for values from ('2026-01-01') to ('2027-01-01');
create table people (id integer, name text);
create table managers (level integer) inherits (people);
create sequence ticket_numbers;

create view active_customers as select id, name, email from customers where deleted_at is null;
create view customer_names as select name from active_customers;
create view customer_rows as select id, customers as whole from customers;
create view revenue as select c.name, sum(o.total) as total from customers c join orders o on o.customer_id = c.id group by 1;
create materialized view revenue_copy as select * from revenue;

create schema hr;
create table hr.employees (id integer primary key, name text, salary integer, boss integer);
create schema shadow;
create table shadow.orders (id integer, pub text);

create type mood as enum ('sad', 'ok', 'happy');
create domain zip as text check (value ~ '^[0-9]{5}$');

create function purge() returns integer language plpgsql as 'begin delete from customers; return 1; end';
create function order_total(integer) returns numeric stable language sql as 'select total from orders where id = $1';
create function summary(orders) returns text stable language sql as 'select $1.status';
create function lower(varchar) returns text language sql as 'select $1::text';
create function hr.raise_all(integer) returns void security definer language sql
    as 'update hr.employees set salary = salary + $1';
create function log_change() returns trigger language plpgsql as 'begin return new; end';
create procedure close_day(integer) language plpgsql as 'begin delete from orders; end';
create function same_order(orders, orders) returns boolean language sql as 'select $1.id = $2.id';
create operator === (function = same_order, leftarg = orders, rightarg = orders);
create cast (orders as text) with function summary(orders);
create view order_summaries as select id, summary(orders) as summary from orders;
create trigger orders_logged after update on orders for each row execute function log_change();

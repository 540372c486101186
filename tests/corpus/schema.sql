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

-- what writes set off: triggers, cascades at some depth, rules, expressions that call functions
create table regions (code text primary key, name text);
create table shops (id integer primary key, region text references regions on update cascade on delete set null, name text);
create table shelves (shop integer references shops on delete cascade, label text, unique (shop, label));
create table notes (id integer, shop integer, label text, body text,
    foreign key (shop, label) references shelves (shop, label) on update cascade on delete cascade);
create function note_shop() returns trigger language plpgsql as 'begin insert into audit_trail values (1, tg_op); return null; end';
create trigger shop_region_changed after update of region on shops for each row execute function note_shop();
create trigger shops_emptied after truncate on shops execute function note_shop();
create trigger notes_gone before delete on notes for each statement execute function note_shop();
create trigger quiet after insert on notes for each row execute function note_shop();
alter table notes disable trigger quiet;
create trigger payments_seen after insert on payments for each row execute function note_shop();
create function check_price(numeric) returns boolean immutable language plpgsql as 'begin return $1 > 0; end';
create function next_number() returns integer volatile language plpgsql as 'begin return 7; end';
create table prices (id integer default next_number(), amount numeric check (check_price(amount)), owner text);
create policy own_prices on prices using (owner = current_user and check_price(amount));
create domain price as numeric check (check_price(value));
create table offers (id integer, amount price);
create table letters (id integer, body text);
create rule letters_kept as on delete to letters do instead update letters set body = null where id = old.id;
create rule letters_logged as on insert to letters do also insert into audit_trail values (new.id, 'letter');
create view open_letters as select id, body from letters;
create rule open_letters_written as on insert to open_letters do instead insert into letters values (new.id, new.body);
create view shop_names as select id, name from shops where region = 'n';
create view all_shops as select s.id, r.name from shops s join regions r on r.code = s.region;
create trigger all_shops_written instead of insert on all_shops for each row execute function note_shop();

-- functions in SQL: understood by their bodies
create function forget_customer(customer integer) returns void language sql
    as 'delete from orders where customer_id = customer; delete from customers where id = $1';
create function forget_all() returns void language sql as 'delete from customers';
create function forget_twice(integer) returns void language sql as 'select forget_customer($1); select forget_customer($1 + 1)';
create function staff_size() returns bigint stable language sql security definer set search_path = hr
    begin atomic select count(*) from hr.employees; end;
create function here() returns bigint stable language sql set search_path = shadow, pg_temp as 'select count(*) from orders';
create function elsewhere() returns void language sql as 'select set_config(''search_path'', ''shadow'', false)';
create function odd_one() returns integer language sql set check_function_bodies = off as 'select 1 from customers';
create function round_and_round(integer) returns integer language sql as 'select 1';
create or replace function round_and_round(integer) returns integer language sql as 'select round_and_round($1)';
create function mixed(integer) returns integer language sql as 'select 1';
create function mixed(text) returns integer language plpgsql as 'begin return 1; end';
create function tidy() returns integer language sql as 'select purge()';
create procedure archive(before date) language sql as 'delete from payments where paid_at < before';
create function longer(text, text) returns text immutable language plpgsql as 'begin return $2; end';
create aggregate longest(text) (sfunc = longer, stype = text);
create function bulk(shop shops) returns text language sql as 'select shop.name || $1.region';
create function wet(row_of shops default null, out a integer, out b text) language sql as 'select id, name from shops where id = (row_of).id';
create view busy_shops as select id, tidy() as swept, round_and_round(id) as again from shops;
create view same_orders as select a.id from orders a join orders b on a === b;

-- code that writes and reads run unseen: generated columns, row security that looks elsewhere, ranges, operator classes
create function initials(text) returns text immutable language plpgsql as 'begin return left($1, 1); end';
create table members (id integer, name text, initial text generated always as (initials(name)) stored);
create table secrets (id integer, owner text, body text);
create table secret_grants (owner text, reader text);
create policy granted_secrets on secrets
    using (exists (select from secret_grants g where g.owner = secrets.owner and g.reader = current_user));
alter table secrets enable row level security;
create view open_secrets as select id from secrets;
create function gap(text, text) returns double precision immutable language plpgsql as 'begin return 1; end';
create type word_range as range (subtype = text, subtype_diff = gap);
create table spans (id integer, words word_range);
create index spans_by_words on spans using gist (words);
create function by_length(text, text) returns integer immutable language plpgsql
    as 'begin return length($1) - length($2); end';
create operator class length_ops for type text using btree
    as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 by_length(text, text);
create table titles (id integer, title text);
create index titles_by_length on titles (title length_ops);
create trigger titles_seen after insert on titles for each row when (new.id > 0) execute function log_change();

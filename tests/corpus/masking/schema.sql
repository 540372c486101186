-- What both worlds have in common. The rows of masked columns come from world.py.
create table customers (
    id integer primary key, name text not null, email text unique, ssn varchar(11), salary integer, dob date,
    balance numeric(12,2), joined timestamp, notes text, card text, phone char(12), ref uuid, pub text, city text
);
create index customers_ssn on customers (ssn);
create index customers_city on customers (city);
create table orders (
    id integer primary key, customer_id integer not null references customers, total numeric not null, status text,
    note text, placed date
);
create index orders_customer on orders (customer_id);
create table products (id integer primary key, name text not null, price numeric not null, tags text[], meta jsonb);
create table payments (id integer not null, customer_id integer, iban text, paid date not null, amount numeric)
    partition by range (paid);
create table payments_2025 partition of payments for values from ('2025-01-01') to ('2026-01-01');
create table payments_2026 partition of payments for values from ('2026-01-01') to ('2027-01-01');
create table people (id integer, name text, badge text);
create table managers (level integer) inherits (people);
create table staff (
    id integer primary key, name text, pay integer, boss integer references staff, mail text,
    mail_digest text generated always as (md5(mail)) stored, check (pay > 0)
);
create table audit_log (at integer, what text);
create table scratch (id integer primary key, a text, b text, n integer);
create table stash (id integer, v text);
create sequence ticket;

create view v_plain as select id, name, email, ssn from customers;
create view v_renamed (x, y) as select ssn, id from customers;
create view v_expression as select id, upper(email) as mail, reverse(ssn) as rs from customers;
create view v_filter as select id, name from customers where ssn like '7%';
create view v_city as select id, name, ssn from customers where city = 'Oslo';
create view v_count as select city, count(*) as n, min(ssn) as low from customers group by city;
create view v_nested as select x, y + 1 as z from v_renamed;
create view v_join as select c.id, c.name, o.total from customers c join orders o on o.customer_id = c.id;
create view v_row as select id, row_to_json(customers) as j from customers;
create view v_orders as select id, total, status from orders;
create materialized view m_plain as select id, ssn from customers;
create materialized view m_digest as select id, md5(ssn) as d from customers;
create materialized view m_orders as select status, sum(total) as total from orders group by status;

create function f_ssn(integer) returns text stable language sql as 'select ssn::text from customers where id = $1';
create function f_all() returns setof text stable language sql as 'select ssn::text from customers';
create function f_dynamic(text) returns setof text stable language plpgsql as 'begin return query execute $1; end';
create function f_definer(integer) returns text stable security definer language sql as 'select email from customers where id = $1';
create function f_notice(text) returns boolean language plpgsql as 'begin raise notice ''%'', $1; return true; end';
create function cfo(orders) returns text stable language sql as 'select ssn::text from customers where id = $1.customer_id';
create function cfr(record) returns text stable language plpgsql as 'begin return (select min(ssn) from customers); end';
create function cfa(anyelement) returns text stable language sql as 'select max(ssn)::text from customers';
create function lower(varchar) returns text stable language sql as 'select string_agg(ssn, '','')::text from customers';
create function same_order(orders, orders) returns boolean stable language sql as 'select exists (select from customers where ssn like ''7%'')';
create operator === (function = same_order, leftarg = orders, rightarg = orders);
create cast (orders as text) with function cfo(orders);
create procedure p_out(inout v text) language plpgsql as 'begin select min(ssn) into v from customers; end';
create domain short as text check (length(value) < 20);
create type mood as enum ('sad', 'ok', 'happy');

-- what writes go through, and set off
create view v_names as select id, name, pub from customers;
create view v_checked as select id, name, ssn, city from customers where city = 'Oslo' with check option;
create view v_over as select y as id, x as number from v_renamed;
create view v_triggered as select id, upper(name) as name, city from customers;
create view v_shown as select id, name, ssn from customers;
create view v_ruled as select id, name, ssn from customers;
create table ruled (id integer, v text);
create table hired (id integer primary key, name text not null, code text, wage integer, note text, changed integer default 0);
create table wages (id integer primary key, person text, amount integer, owner text, code text);
create table hired_log (id integer, said text);
create function stamp() returns trigger language plpgsql as 'begin new.changed := old.changed + 1; return new; end';
create function log_hired() returns trigger language plpgsql as 'begin insert into hired_log values (new.id, new.name); return null; end';
create function rename_customer() returns trigger language plpgsql
  as 'begin update customers set name = new.name where id = old.id; return new; end';
create trigger stamped before update on hired for each row execute function stamp();
create trigger logged after insert or update on hired for each row execute function log_hired();
create trigger renamed instead of update on v_triggered for each row execute function rename_customer();
create trigger renamed instead of update on v_shown for each row execute function rename_customer();
create rule renamed as on update to v_ruled do instead update customers set name = new.name where id = old.id and ssn > '5'
  returning id, name, ssn;
create rule shown as on insert to ruled do instead select id, ssn || '!' as v from customers;
create policy mine on wages using (owner = 'app' or owner = 'all') with check (owner = 'app');

-- constraints that look at what is masked
create table offers (
    id integer primary key, owner text, wage integer, bid integer default 0, code text, label text,
    spread integer generated always as (wage - bid) stored, digest text generated always as (md5(code)) stored unique,
    search tsvector generated always as (to_tsvector('simple', coalesce(label, '') || ' ' || coalesce(code, ''))) stored,
    check (bid < wage), check (wage > 0), unique (owner, wage)
);
create unique index offers_label on offers (label) where code > 'm';
create table quotas (id integer primary key, owner text, amount integer);
create policy small on quotas using (true) with check (amount < 3000 or owner = 'boss');
create view v_offers as select id, owner, bid, label from offers;

-- triggers that look at what is masked
create table posts (id integer primary key, author text, code text, score integer default 0, changed integer default 0, note text);
create table ranks (id integer primary key, code text, score integer default 0);
create table marks (id integer primary key, code text, note text, changed integer default 0);
create table bids (id integer primary key, offer integer, amount integer);
create table kinds (code text primary key, name text);
create table cases (id integer primary key, name text, kind text references kinds on update cascade on delete cascade);
create table accounts (id integer primary key, name text, secret text unique);
create table referrals (id integer primary key, email text references accounts (secret), note text);
create table logins (id integer primary key, secret text references accounts (secret) on delete cascade, at integer);
create view v_accounts as select id, name, (select count(*) from orders) as n from accounts;
create table plain_log (id integer, said text);
create function no_lower() returns trigger language plpgsql as $f$
  begin if new.score < ascii(old.code) then raise exception 'too low'; end if; return new; end $f$;
create function touched() returns trigger language plpgsql as $f$
  begin if row(new.*) is distinct from row(old.*) then new.changed := old.changed + 1; end if; return new; end $f$;
create function keep_log() returns trigger language plpgsql as $f$
  begin insert into plain_log values (old.id, old.note || ' ' || new.note); return null; end $f$;
create function check_bid() returns trigger language plpgsql as $f$
  begin if new.amount > (select wage from offers where id = new.offer) then raise exception 'too much'; end if; return new; end $f$;
create function loud() returns trigger language plpgsql as $f$ begin raise notice 'changed %', new.id; return new; end $f$;
create function hush() returns trigger language plpgsql as $f$ begin return null; end $f$;
create trigger lower before update on posts for each row execute function no_lower();
create trigger same before update on ranks for each row execute function suppress_redundant_updates_trigger();
create trigger touch before update on marks for each row execute function touched();
create trigger keep after update on marks for each row execute function keep_log();
create trigger bid before insert or update on bids for each row execute function check_bid();
create trigger loud after insert on ranks for each row execute function loud();
create trigger hush before delete on ranks for each row when (old.code > 'm') execute function hush();

-- odd structures: partitions by what is masked, composites, views over statistics, odd names, late triggers
create type address as (street text, zip text);
create table homes (id integer primary key, who text, addr address, tags text[], moods text, code text, during daterange, doc jsonb, level integer, raw bytea, flag boolean, score float8, cash money, ip inet, at timetz, span interval);
create table zones (id integer, code text, v text) partition by range (code);
create table zones_low partition of zones for values from (minvalue) to ('m');
create table zones_high partition of zones for values from ('m') to (maxvalue);
create table levels (id integer, amount integer, v text) partition by list (amount);
create table levels_1 partition of levels for values in (1);
create table levels_2 partition of levels default;
create view v_homes as select id, who, (addr).zip as zip from homes;
create view v_stats as select attname, histogram_bounds::text as bounds, n_distinct, correlation from pg_stats where tablename = 'customers';
create view v_settings as select name, setting from pg_settings;
create view v_activity as select pid, query from pg_stat_activity;
create view v_cursors as select * from pg_cursors;
create view v_joined as select row_to_json(j) as j from (customers c join orders o on o.customer_id = c.id) as j;
create view v_f as select * from f_all();
create statistics customers_stats on city, ssn from customers;
create statistics customers_expr on (lower(city)), (left(ssn, 1)) from customers;
create table notices (id integer primary key, what text);
create table kept (id integer primary key references notices on delete cascade, secret text);
create function tell() returns trigger language plpgsql as $f$
  begin if old.secret > 'm' then raise notice 'gone %', old.secret; end if; return old; end $f$;
create table owners (id integer primary key, name text);
create table owned (id integer primary key, owner integer references owners on delete set null on update cascade, secret text,
  check (owner is not null or id > 6), check (owner < 100 or secret < 'm'));
create table keepers (id integer primary key, name text);
create table things (id integer primary key, keeper integer references keepers on delete cascade on update cascade, secret text);
create table parts (id integer primary key, thing integer references things on delete cascade, note text);
create table kept_by (id integer primary key references keepers on update cascade on delete cascade, secret text,
  unique (secret, id));
insert into owners select i, 'o' || i from generate_series(1, 12) i;
insert into keepers select i, 'k' || i from generate_series(1, 12) i;
create trigger tell before delete on kept for each row execute function tell();
create table late_checks (id integer primary key, secret text, note text);
create function too_late() returns trigger language plpgsql as $f$ begin raise notice 'was %', old.secret; return null; end $f$;
create constraint trigger too_late after update on late_checks deferrable initially deferred for each row execute function too_late();
create aggregate biggest(text) (sfunc = text_larger, stype = text);
create function plus_one(integer) returns integer immutable language sql return $1 + 1;
create domain code as text check (value <> 'zzz');
create table "Odd.Table" ("Id" integer primary key, "na""me" text, "S.S.N" text, "größe" integer, "select" text);
create view "V.Odd" as select "Id", "S.S.N" as "x y" from "Odd.Table";
create materialized view m_join as select c.id, c.ssn from customers c join orders o on o.customer_id = c.id;
insert into notices select i, 'n' || i from generate_series(1,12) i;

-- extensions
create extension citext;
create extension hstore;
create extension pg_trgm;
create extension btree_gist;
create table members (id integer primary key, nick citext, mail citext, extra hstore, bio text, during int4range,
  exclude using gist (id with =, during with &&));
create index members_bio on members using gin (bio gin_trgm_ops);

insert into orders select i, 1 + i % 12, i * 10.5, case when i % 3 = 0 then 'open' else 'paid' end, 'note ' || i, date '2025-01-01' + i
  from generate_series(1, 40) i;
insert into accounts select id, owner, code from offers;
insert into logins select row_number() over (order by code), code, 1 from offers;
insert into kinds select chr(c), 'kind ' || chr(c) from generate_series(97, 122) c;
insert into cases select id, owner, left(code, 1) from offers;
insert into products select i, 'product ' || i, i * 3, array['t' || i % 3, 'all'], jsonb_build_object('w', i, 'k', 'v' || i % 4)
  from generate_series(1, 15) i;
insert into scratch select i, 'a' || i, 'b' || i % 3, i from generate_series(1, 10) i;
insert into parts select i, i, 'p' || i from generate_series(1, 12) i;
alter table wages enable row level security;
alter table wages force row level security;
alter table quotas enable row level security;
alter table quotas force row level security;

-- what a session may do to its own temporary tables must not run code that it may not call

--@ who analyst
create temp table x (like prices including all)
--> deny

--@ who analyst
create temp table x (like prices including defaults)
--> deny

--@ who analyst
create temp table x (like prices including constraints)
--> deny

--@ who analyst
create temp table x (like members including generated)
--> deny

--@ who analyst
create temp table x (like titles including indexes)
--> deny

-- without INCLUDING there is nothing in it that runs
--@ who analyst
create temp table x (like prices)
--> allow

--@ who analyst
create temp table x (like offers)
--> deny

--@ who analyst
create temp table x () inherits (prices)
--> deny

--@ who analyst
create temp table x (a price)
--> deny

--@ who analyst
create temp table x (a int default purge())
--> deny

--@ who analyst
create temp table x (a int check (purge() = 1))
--> deny

--@ who analyst
create temp table x (a int generated always as (check_price(1)::int) stored)
--> deny

--@ who analyst
create temp table x (a int) partition by list (check_price(a))
--> deny

--@ who analyst
create temp table x (a text, exclude using btree (a length_ops with =))
--> deny

--@ who analyst
create temp table x (a orders, exclude using hash (a with ===))
--> deny

--@ who analyst
create temp table x (a text) partition by range (a length_ops)
--> deny

--@ who analyst
create temp table x (a int references orders)
--> deny

--@ who analyst
create temp table x partition of payments for values from ('2030-01-01') to ('2031-01-01')
--> deny

--@ who analyst
create temp table x as select * from hr.employees
--> deny hr-is-closed

--@ who analyst
create temp sequence x owned by orders.id
--> deny

--@ who analyst
create temp view x as select purge()
--> deny

--@ who analyst
create temp recursive view x (n) as select purge()
--> deny

--@ who analyst
create function pg_temp.x() returns int language sql as 'select 1'
--> deny

--@ who analyst
create aggregate pg_temp.x (int) (sfunc = int4pl, stype = int)
--> deny

-- a foreign table is whatever its options say: a file, a program's output, any table that its server's user may read
--@ who analyst
create foreign table pg_temp.x (line text) server files options (filename '/etc/passwd')
--> deny

--@ who analyst
create foreign table pg_temp.x (name text) server here options (schema_name 'hr', table_name 'employees')
--> deny

import foreign schema hr from server here into pg_temp
--> deny

import foreign schema hr limit to (employees) from server here into public
--> deny

create server x foreign data wrapper postgres_fdw
--> deny

create user mapping for current_user server here options (password 'x')
--> deny

--@ who writer
alter foreign table audit_trail options (set table_name 'employees')
--> deny

--@ who analyst
create type pg_temp.x as enum ('a')
--> deny

--@ who analyst
create domain pg_temp.x as int check (purge() = 1)
--> deny

--@ who analyst
create temp table x (a text, b int)
--> allow
--@ path pg_temp, pg_catalog, public
create index on x (a length_ops)
--> deny
create index on x (check_price(b))
--> deny
create statistics s on (check_price(b)), a from x
--> deny
alter table x add check (purge() = 1)
--> deny
alter table x alter column a type text using purge()::text
--> deny
alter table x alter column b set default purge()
--> deny
alter table x add column c price
--> deny
create trigger t after insert on x for each row execute function note_shop()
--> deny
create trigger t after insert on x for each row when (purge() = 1) execute function note_shop()
--> deny
create rule r as on insert to x do also delete from orders
--> deny
create rule r as on insert to x do also select purge()
--> deny
create policy p on x using (purge() = 1)
--> deny
alter table x inherit customers
--> deny
alter table x inherit hr.employees
--> deny
insert into x values ('a', 1) on conflict (a length_ops) do nothing
--> deny
copy x from '/etc/passwd'
--> deny
copy x from program 'id'
--> deny
copy x (a) from stdin where purge() = 1
--> deny
update x set a = (select name from hr.employees limit 1)
--> deny

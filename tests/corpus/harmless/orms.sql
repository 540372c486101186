-- GORM, jOOQ, Hibernate: as they write, by hand and sent by psql; recorded from the server's log

--@ who analyst, agent
SELECT * FROM "orders" WHERE status = 'new' AND "orders"."id" = 10 ORDER BY "orders"."id" LIMIT 1;

--@ who analyst, agent
select o1_0.id,o1_0.customer_id,o1_0.status,o1_0.total from orders o1_0 where o1_0.status=('new') order by o1_0.id offset 0 rows fetch first 20 rows only;

--@ who analyst, agent
select count(o1_0.id) from orders o1_0 left join order_lines l1_0 on o1_0.id=l1_0.order_id where upper(o1_0.status) like upper('n%') escape '';

--@ who analyst, agent
select * from current_schema();

--@ who analyst, agent
SELECT "n".* FROM (SELECT nspname FROM pg_namespace) "n";

-- deny for agent: agents-never-change: lock on datasource shop is forbidden by policy "agents-never-change": Agents only read
--@ who analyst
SELECT pg_try_advisory_lock(72707369);

-- deny for agent: agents-never-change: insert on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits insert on table public.orders
--@ who writer
INSERT INTO "orders" ("id", "customer_id", "status") VALUES (102, 1, 'new'), (103, 1, 'paid') ON CONFLICT ("id") DO UPDATE SET "status" = excluded."status" RETURNING "id";

-- deny for agent: agents-never-change: delete on table public.order_lines is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits delete on table public.order_lines
--@ who writer
DELETE FROM "order_lines" WHERE ("order_id") IN (SELECT "id" FROM "orders" WHERE "status" = 'cancelled');

-- deny for agent: agents-never-change: lock on table public.orders is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits lock on table public.orders
--@ who writer
SELECT id FROM orders WHERE status = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- deny for agent: agents-never-change: update on table public.ticket_numbers is forbidden by policy "agents-never-change": Agents only read
-- deny for analyst: default-deny: no policy permits update on table public.ticket_numbers
--@ who writer
SELECT nextval('ticket_numbers');

-- The way GORM, jOOQ and Hibernate write statements, by hand.
SELECT 1;
SET SESSION timezone TO 'UTC';
SELECT * FROM "orders" WHERE status = 'new' AND "orders"."id" = 10 ORDER BY "orders"."id" LIMIT 1;
select o1_0.id,o1_0.customer_id,o1_0.status,o1_0.total from orders o1_0 where o1_0.status=('new') order by o1_0.id offset 0 rows fetch first 20 rows only;
select count(o1_0.id) from orders o1_0 left join order_lines l1_0 on o1_0.id=l1_0.order_id where upper(o1_0.status) like upper('n%') escape '';
select * from current_schema();
SELECT * FROM current_schema();
SELECT "n".* FROM (SELECT nspname FROM pg_namespace) "n";
INSERT INTO "orders" ("id", "customer_id", "status") VALUES (102, 1, 'new'), (103, 1, 'paid') ON CONFLICT ("id") DO UPDATE SET "status" = excluded."status" RETURNING "id";
DELETE FROM "order_lines" WHERE ("order_id") IN (SELECT "id" FROM "orders" WHERE "status" = 'cancelled');
SELECT id FROM orders WHERE status = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
SELECT pg_try_advisory_lock(72707369);
SELECT nextval('ticket_numbers');

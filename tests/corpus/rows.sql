-- A few rows for schema.sql, so that triggers, cascades and scans have something to do on a real server.
insert into customers select n, 'name ' || n, 'mail' || n || '@example.org', '536-11-000' || n, null from generate_series(1, 4) n;
insert into orders select n, n % 4 + 1, n * 10, (array['open', 'paid'])[n % 2 + 1] from generate_series(1, 6) n;
insert into payments select n, date '2026-01-01' + n, n from generate_series(1, 3) n;
insert into people values (1, 'Ann'), (2, 'Bob');
insert into managers values (3, 'Cid', 2);
insert into hr.employees select n, 'name ' || n, 1000 * n, 1 from generate_series(1, 3) n;
insert into shadow.orders values (1, 'x');
insert into regions values ('n', 'north'), ('s', 'south');
insert into shops values (1, 'n', 'first'), (2, 's', 'second'), (3, 'n', 'third');
insert into shelves values (1, 'a'), (2, 'b'), (3, 'a');
insert into notes values (1, 1, 'a', 'text'), (2, 3, 'a', 'text');
insert into prices values (1, 5, 'ada');
insert into offers values (1, 5);
insert into letters values (1, 'dear');
refresh materialized view revenue_copy;

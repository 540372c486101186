-- What PostgreSQL 18 added, beside schema.sql.
create table stays (id integer, who text, during daterange, secret text, primary key (who, during without overlaps));
create table terms (id integer, secret text, during daterange, note text, unique (secret, during without overlaps));
create table term_uses (
    id integer, secret text, during daterange, note text,
    foreign key (secret, period during) references terms (secret, period during)
);
create table virtuals (
    id integer primary key, secret text, pay integer, note text,
    tail text generated always as (right(secret, 4)) virtual, twice integer generated always as (pay * 2) virtual,
    plain text generated always as (upper(note)) virtual, constraint small check (pay < 10) not enforced
);
create view v_virtuals as select id, tail, note from virtuals;
insert into stays select id, name, daterange('2025-01-01', '2025-02-01'), code from hired;
insert into terms select id, code, daterange('2025-01-01', '2025-02-01'), 'note ' || id from hired;
insert into term_uses select id, code, daterange('2025-01-05', '2025-01-09'), 'use ' || id from hired;
insert into virtuals select id, code, wage, 'note ' || id from hired;

"""Fixed conversations for the differential test: what a client may do, step by step.

Scripts leave the database as they found it, and select no column of a table that they made themselves, because
RowDescription names tables by object id.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from rawwire import (
    COPY_DONE,
    FLUSH,
    SYNC,
    bind,
    close,
    copy_data,
    copy_fail,
    describe,
    execute,
    message,
    parse,
    query,
)


@dataclass(frozen=True)
class Step:
    """Bytes to send, then messages to read: up to the `count`th whose type is in `until`."""

    send: bytes
    until: bytes = b"Z"
    count: int = 1


def simple(*statements: str) -> list[Step]:
    """One simple query message each."""
    return [Step(query(statement)) for statement in statements]


def batch(*parts: bytes) -> Step:
    """One extended-query pipeline with a Sync at its end."""
    return Step(b"".join(parts) + SYNC)


def text(value: str) -> bytes:
    return value.encode()


def int4(value: int) -> bytes:
    return struct.pack("!i", value)


INSERT = "insert into plain values ($1, $2)"
CLEAN = "delete from plain"
BINARY_COPY = b"PGCOPY\n\xff\r\n\0" + struct.pack("!II", 0, 0)

SIMPLE: dict[str, Sequence[Step]] = {
    "select": simple("select 1", "select 'ä' as x, null, 1.5, true",
    "select id, name from customers order by id limit 3"),
    "empty": simple("", ";", "  ", "-- a comment", "/* one */ ; /* two */"),
    "several": simple("select 1; select 2", "select 1;; select 2;", "select 1 \n;\n -- end"),
    "error first": simple("select 1/0; select 2", "select 1"),
    "error in the middle": simple("select 1; select 1/0; select 2", "select 1"),
    "implicit transaction rolls back": simple(
        "insert into plain values (1); select 1/0", "select count(*) from plain", "insert into plain values (1)", CLEAN
    ),
    "begin inside": simple("select 1; begin; select 2", "select 3", "commit; select 4"),
    "syntax errors": simple("selec 1", "select from where", "select 'open", 'select "open', "select $1", "'", "\\d"),
    "unknown names": simple(
        "select * from nowhere", "select nothing from plain", "select nofunc(1)", "select 1::notype",
        "select plain.z from plain"
    ),
    "constraints": simple(
        "insert into plain values (1), (1)", "insert into products values (1, null, 'x', 1)",
        "insert into products values (-1, 'x', 'x', -1)", "insert into orders values (-1, -1, now(), 'x')",
    ),
    "data errors": simple("select 'x'::int", "select 1e400", "select '2026-13-01'::date", "select repeat('x', -1)"),
    "notices": simple("select complain('a')", "do $$ begin raise notice 'n'; raise info 'i'; end $$",
    "select fail('f')"),
    "settings": simple(
        "set datestyle to german", "set timezone to 'Asia/Tokyo'", "set client_encoding to latin1", "select 'é'",
        "reset all", "show datestyle", "set standard_conforming_strings to off", "select 'a\\\\b'", "discard all",
        "show standard_conforming_strings", "set nonsense to 1", "set work_mem to 'x'", "set local work_mem to '3MB'",
    ),
    "search path": simple("set search_path to nowhere", "select count(*) from plain", "reset search_path",
    "select count(*) from plain"),
    "roles": simple(
        "select current_user", "set role shop_ro", "select current_user", "delete from plain", "reset role",
        "select current_user", "set role postgres",
    ),
    "explain": simple("explain (costs off) select * from plain where n = 1", "explain (costs off) delete from plain"),
    "tags": simple(
        "insert into plain select generate_series(1, 5)", "update plain set t = 'x' where n > 2",
        "delete from plain where n = 1",
        "select n into temp kept from plain", "create temp table made as select 1", "truncate plain",
        "drop table kept, made",
        "values (1), (2)", "table products limit 2", "with a as (select 1) select * from a", "lock table plain",
    ),
    "transactions": simple(
        "begin", "insert into plain values (1)", "savepoint a", "select 1/0", "select 1", "rollback to a",
        "select count(*) from plain", "release a", "rollback", "select count(*) from plain",
    ),
    "failed transaction commits as rollback": simple("begin", "select 1/0", "select 1", "commit", "select 1"),
    "transaction warnings": simple("commit", "rollback", "begin", "begin", "end", "savepoint x",
    "prepare transaction 'x'"),
    "isolation": simple(
        "begin isolation level serializable read only deferrable", "show transaction_isolation",
        "insert into plain values (1)",
        "abort", "start transaction read only", "rollback and chain", "show transaction_read_only", "rollback",
    ),
    "sql prepare": simple(
        "prepare p (int) as select $1 + 1", "execute p (1)", "execute p (1, 2)", "prepare p as select 1",
        "deallocate p",
        "execute p (1)", "prepare q as insert into plain values (7)", "execute q", "deallocate all", CLEAN,
    ),
    "cursors": simple(
        "declare c cursor for select 1", "begin", "declare c cursor for select g from generate_series(1, 10) g",
        "fetch 3 from c",
        "move 2 in c", "fetch all from c", "fetch 1 from c", "close c", "fetch 1 from c", "rollback",
        "begin; declare h cursor with hold for select 1; commit", "fetch h", "close h", "close all",
    ),
    "cursor for update": simple(
        "insert into plain select generate_series(1, 3)",
        "begin; declare c cursor for select n from plain order by n for update; fetch 1 from c",
        "update plain set t = 'here' where current of c", "select t from plain where n = 1", "commit", CLEAN,
    ),
    "ddl": simple(
        "create table made (n int)", "alter table made add m text default 'x'", "insert into made values (1)",
        "select m || n from made", "create index on made (n)", "comment on table made is 'x'", "drop table made",
        "drop table if exists made", "drop table made", "create view v as select 1 as one", "drop view v",
    ),
    "ddl in a transaction": simple(
        "begin; create table made (n int); insert into made values (1)", "select count(*) from made", "rollback",
        "select count(*) from made",
    ),
    "maintenance": simple("vacuum plain", "analyze plain", "begin; vacuum plain", "rollback", "checkpoint",
    "reindex table plain"),
    "types": simple(
        "select '{1,NULL,3}'::int[], '(1,2)'::point, '[1,5)'::int4range, 'red'::colour, '1 day 2h'::interval",
        """select '{"a": [1, null]}'::jsonb, '\\xdeadbeef'::bytea, 'a b'::tsvector, '::1'::inet, row(1, 'x')""",
        "select 'NaN'::float8, '-Infinity'::float8, 1e-300, 0.1::float4, 123456789012345678901234567890",
        "select ''::text, ' '::char(3), 'x'::varchar(2), 'blue'::colour",
    ),
    "wide and long": simple(
        "select " + ", ".join(f"{n} as c{n}" for n in range(1600)), "select " + ", ".join(["1"] * 1700),
        "select repeat('x', 1000000)", "select g, repeat('y', 100) from generate_series(1, 5000) g", "select",
        "select from generate_series(1, 3)",
    ),
    "strange text": simple(
        "select $$dollar 'quoted'$$, $tag$ $$ $tag$", "select E'\\u00e4\\n\\t', U&'\\0041'",
        "select /* /* nested */ */ 1",
        "select 'a'\n'b'", 'select 1 as "ü ""quoted"""', "select 1--", "select\t1\r\n;",
    ),
    "do and call": simple(
        "do $$ begin insert into plain values (1); end $$", "select count(*) from plain", CLEAN,
        "create procedure pr() language sql as 'select 1'", "call pr()", "drop procedure pr", "call nothing()",
    ),
    "listen": simple("listen quay", "notify quay, 'x'", "unlisten quay", "select pg_notify('quay', 'y')", "unlisten *"),
    "large objects of errors": simple("select fail(repeat('long ', 5000))", "select 1"),
    "advisory locks": simple("select pg_advisory_lock(1)", "select pg_advisory_unlock(1)",
    "select pg_advisory_unlock(1)"),
    "merge and upsert": simple(
        "insert into plain values (1) on conflict (n) do update set t = 'again' returning n, t",
        "insert into plain values (1) on conflict (n) do update set t = 'again' returning n, t",
        "merge into plain using (values (1), (2)) v (k) on n = k"
        " when matched then delete when not matched then insert values (k)",
        "select n from plain", CLEAN,
    ),
}  # fmt: skip

EXTENDED: dict[str, Sequence[Step]] = {
    "unnamed": [batch(parse("select $1::int + 1"), bind(text("41")), describe(), execute())],
    "without describe": [batch(parse("select 1"), bind(), execute())],
    "describe statement": [
        batch(parse("select $1::int, $2 from customers where name = $2", "s"), describe(b"S", "s")),
        batch(bind(text("1"), text("x"), name="s"), describe(), execute()),
        batch(close(b"S", "s"), close(b"S", "never was"), close(b"P", "never was")),
    ],
    "no data": [
        batch(parse("delete from plain where n = $1"), describe(b"S"), bind(text("1")), describe(), execute()),
        batch(parse(""), bind(), describe(), execute()),
        batch(parse("set work_mem to '4MB'"), bind(), describe(), execute()),
    ],
    "binary": [
        batch(
            parse("select $1::int4, $2::text, $3::bytea, $4::float8"),
            bind(int4(7), text("x"), b"\0\xff", struct.pack("!d", 0.5), formats=[1, 1, 1, 1], results=[1]),
            describe(),
            execute(),
        ),
        batch(
            parse("select n::int4, n::text from generate_series(1, 3) n"), bind(results=[1, 0]), describe(), execute()
        ),
        batch(parse("select $1::int4"), bind(b"\0\0", formats=[1]), execute()),
        batch(parse("select $1::int4"), bind(None), execute()),
    ],
    "named statements": [
        batch(parse("select $1::int", "a"), parse("select 'b'", "b")),
        batch(bind(text("1"), name="a"), execute(), bind(name="b"), execute(), bind(text("2"), name="a"), execute()),
        batch(parse("select 1", "a")),
        batch(close(b"S", "a"), parse("select 3", "a"), bind(name="a"), execute()),
        batch(bind(name="nothing"), execute()),
        batch(describe(b"S", "nothing")),
        *simple("deallocate b", "select count(*) from pg_prepared_statements"),
        batch(bind(name="b"), execute()),
    ],
    "one name space with SQL": [
        *simple("prepare s (int) as select $1 * 2"),
        batch(bind(text("21"), name="s"), execute()),
        batch(parse("select 'wire' || $1::text", "w")),
        *simple("execute w ('d')", "deallocate w"),
        batch(bind(text("x"), name="w"), execute()),
        *simple("deallocate all"),
    ],
    "portals": [
        batch(
            parse("begin"), bind(), execute(), parse("select g from generate_series(1, 10) g", "g"),
            bind(portal="p", name="g"), execute("p", 4), execute("p", 4), execute("p", 4), execute("p", 1),
        ),
        batch(execute("p", 1)),
        *simple("fetch 1 from p", "rollback"),
        batch(execute("p", 1)),
        batch(close(b"S", "g")),
    ],
    "two portals at once": [
        batch(
            parse("begin"), bind(), execute(), parse("select g from generate_series(1, 6) g", "g"),
            bind(portal="p", name="g"), bind(portal="q", name="g"), execute("p", 2), execute("q", 1), execute("p", 2),
            execute("q", 5), close(b"P", "p"), execute("p", 1),
        ),
        *simple("rollback", "deallocate all"),
    ],
    "suspended and abandoned": [
        batch(parse("select g from generate_series(1, 10) g"), bind(), execute(limit=3)),
        batch(execute(limit=3)),
        *simple("select 1"),
    ],
    "suspended insert returning": [
        batch(
            parse("insert into plain select generate_series(1, 5) returning n"), bind(), execute(limit=2),
            execute(limit=2),
        ),
        *simple("select count(*) from plain", CLEAN),
    ],
    "declared cursor by its portal": [
        *simple("begin", "declare c cursor for select g from generate_series(1, 5) g"),
        batch(describe(b"P", "c"), execute("c", 2), execute("c", 0)),
        *simple("commit"),
    ],
    "pipeline": [
        batch(*(part for n in range(20) for part in (parse("select $1::int"), bind(text(str(n))), execute()))),
        Step(b"".join(parse(f"select {n}") + bind() + execute() + SYNC for n in range(10)), count=10),
    ],
    "errors skip to sync": [
        batch(parse("select 1"), bind(), execute(), parse("select 1/0"), bind(), execute(), parse("select 2"), bind(),
        execute()),
        Step(
            parse("selec") + bind() + execute() + SYNC + parse("select 5") + bind() + execute() + SYNC, count=2
        ),
        batch(parse("select $1::int"), bind(), execute()),
        batch(parse("select $1::int"), bind(text("x")), execute(), execute()),
        batch(parse("select 1; select 2"), bind(), execute()),
        batch(parse("select $1", types=[99999]), bind(text("x")), execute()),
        batch(execute("no such portal")),
        batch(describe(b"P", "no such portal")),
    ],
    "pipeline is one transaction": [
        batch(
            parse(INSERT), bind(text("1"), text("a")), execute(), bind(text("1"), text("again")), execute(),
            bind(text("2"), text("b")), execute(),
        ),
        *simple("select count(*) from plain"),
        batch(parse(INSERT), bind(text("1"), text("a")), execute(), bind(text("2"), text("b")), execute()),
        *simple("select count(*) from plain", CLEAN),
    ],
    "pipeline with transaction control": [
        batch(*(part for sql in ("begin", "insert into plain values (1)", "commit",
        "select 1/0") for part in (parse(sql), bind(), execute()))),
        *simple("select count(*) from plain", CLEAN),
        batch(*(part for sql in ("begin", "select 1/0", "commit") for part in (parse(sql), bind(), execute()))),
        batch(parse("select 1"), bind(), execute()),
        batch(parse("rollback"), bind(), execute()),
    ],
    "failed transaction": [
        *simple("begin", "select 1/0"),
        batch(parse("select 1"), bind(), execute()),
        batch(parse("rollback"), describe(b"S"), bind(), execute()),
    ],
    "flush": [
        Step(parse("select 1") + FLUSH, b"1"),
        Step(bind() + FLUSH, b"2"),
        Step(describe() + FLUSH, b"T"),
        Step(execute() + FLUSH, b"C"),
        Step(SYNC),
        Step(parse("selec") + FLUSH, b"E"),
        Step(bind() + execute() + FLUSH + SYNC),
        Step(FLUSH + SYNC),
    ],
    "sync alone": [Step(SYNC), Step(SYNC + SYNC, count=2)],
    "simple query between": [
        Step(parse("select 'kept'", "k") + bind(portal="p", name="k") + query("select 1"), b"Z"),
        batch(bind(name="k"), execute()),
        *simple("deallocate all"),
    ],
    "changed result type": [
        *simple("create temp table shape (a int)"),
        batch(parse("select count(*) + count(a) from shape", "c"), bind(name="c"), execute()),
        *simple("alter table shape alter a type text"),
        batch(bind(name="c"), execute()),
        *simple("drop table shape"),
        batch(bind(name="c"), execute()),
        *simple("deallocate all"),
    ],
    "function call": [
        Step(message(b"F", struct.pack("!IHHHi", 177, 1, 1, 2, 4) + int4(40) + struct.pack("!i",
        4) + int4(2) + struct.pack("!H", 1))),
        Step(message(b"F", struct.pack("!IHHH", 4_000_000, 0, 0, 0))),
    ],
    "queries behind what has no Sync": [
        Step(close(b"S", "x") + FLUSH, b"3"), *simple("insert into plain (n) values (91)", "vacuum plain", "select 92"),
        *simple("set search_path = public", CLEAN),
        Step(close(b"S", "x") + FLUSH, b"3"), *simple("select 93", "select 94", "set search_path = public"),
        Step(parse("select 95", "later") + FLUSH, b"1"), *simple("select 96", "begin", "set search_path = public"),
        Step(close(b"S", "x") + FLUSH, b"3"), *simple("select 97", "rollback", "set search_path = public"),
        Step(describe(b"S", "later") + FLUSH, b"T"), *simple("select 98", "select 99", "set search_path = public"),
        Step(close(b"S", "x") + query("select 100")), *simple("select 101", "set search_path = public"),
        Step(bind(name="later") + FLUSH, b"2"), *simple("select 102", "select 103", "set search_path = public"),
        Step(bind(name="later") + execute() + FLUSH, b"C"), *simple("select 104", "select 105"), Step(SYNC),
        *simple("select 106"),
    ],
}  # fmt: skip

COPY: dict[str, Sequence[Step]] = {
    "in": [
        Step(query("copy plain (n, t) from stdin"), b"G"),
        Step(copy_data(b"1\tone\n2\t\\N\n") + copy_data(b"3\tth") + copy_data(b"ree\n") + COPY_DONE),
        *simple("select n, t from plain order by n", CLEAN),
    ],
    "in with errors": [
        Step(query("copy plain (n) from stdin"), b"G"),
        Step(copy_data(b"1\nnot a number\n") + COPY_DONE),
        Step(query("copy plain (n) from stdin"), b"G"),
        Step(copy_data(b"1\n") + copy_fail("the client gave up")),
        Step(query("copy plain (n) from stdin"), b"G"),
        Step(copy_data(b"1\n1\n") + COPY_DONE),
        *simple("select count(*) from plain", "copy nowhere from stdin", "copy plain from '/etc/passwd'"),
    ],
    "in and flush or sync inside": [
        Step(query("copy plain (n) from stdin"), b"G"),
        Step(copy_data(b"1\n") + FLUSH + SYNC + copy_data(b"2\n") + COPY_DONE),
        *simple("select count(*) from plain", CLEAN),
    ],
    "in, interrupted by a query": [
        Step(query("copy plain (n) from stdin"), b"G"),
        Step(copy_data(b"1\n") + query("select 1"), b"Z"),
        *simple("select count(*) from plain"),
    ],
    "in within a transaction": [
        *simple("begin"),
        Step(query("copy plain (n) from stdin"), b"G"),
        Step(copy_data(b"1\n") + COPY_DONE),
        *simple("select count(*) from plain", "rollback", "select count(*) from plain"),
    ],
    "csv and binary": [
        Step(query("copy plain (n, t) from stdin with (format csv, header)"), b"G"),
        Step(copy_data(b'n,t\n1,"a ""quoted"", value"\n') + COPY_DONE),
        Step(query("copy plain (n) from stdin (format binary)"), b"G"),
        Step(copy_data(BINARY_COPY + struct.pack("!hi", 1, 4) + int4(5) + struct.pack("!h", -1)) + COPY_DONE),
        *simple("copy plain to stdout (format csv, header)", "copy plain (n) to stdout (format binary)", CLEAN),
    ],
    "out": simple(
        "copy (select g, repeat('x', 50) from generate_series(1, 3000) g) to stdout", "copy products to stdout",
        "copy (select 1/0) to stdout", "copy (select 1/(5-g) from generate_series(1, 10) g) to stdout",
        "copy nowhere to stdout",
    ),
    "among other statements": [
        Step(query("select 1; copy plain (n) from stdin; select count(*) from plain; copy plain (n) from stdin"), b"G"),
        Step(copy_data(b"1\n") + COPY_DONE, b"G"),
        Step(copy_data(b"2\n") + COPY_DONE),
        *simple("copy plain (n) to stdout; select 5; copy plain (n) to stdout", CLEAN),
    ],
    "extended in": [
        Step(parse("copy plain (n) from stdin") + bind() + describe() + execute() + FLUSH, b"G"),
        Step(copy_data(b"1\n") + COPY_DONE + SYNC),
        Step(parse("copy plain (n) from stdin") + bind() + execute() + SYNC, b"G"),
        Step(copy_data(b"2\n") + COPY_DONE + SYNC),
        *simple("select count(*) from plain", CLEAN),
    ],
    "extended in with errors": [
        Step(parse("copy plain (n) from stdin") + bind() + execute() + FLUSH, b"G"),
        Step(copy_data(b"x\n") + COPY_DONE + SYNC),
        Step(parse("copy plain (n) from stdin") + bind() + execute() + FLUSH, b"G"),
        Step(copy_fail("no") + SYNC),
        *simple("select count(*) from plain"),
    ],
    "extended out": [
        batch(parse("copy (select g from generate_series(1, 5) g) to stdout"), bind(), execute(), parse("select 1"),
        bind(), execute()),
    ],
}  # fmt: skip

ALL = {f"{group}: {name}": script for group, scripts in
       (("simple", SIMPLE), ("extended", EXTENDED), ("copy", COPY)) for name, script in scripts.items()}  # fmt: skip

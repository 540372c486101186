"""Random conversations that two gateways are to answer alike: a seed gives the same one every time.

What they ask is answered alike by the same database, however often it is asked: they leave rows as they found them,
order what they select, and never select a column of a table that they made, whose object id nobody knows beforehand.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
from scripts import int4

Dice = random.Random
SETUP = """
set role shop_admin;
create table berths (id int primary key, open text, mail text, handle text, number int, big bigint, code uuid,
  person text, prose text, born date, seen timestamptz, price numeric, card text, hidden text, gone text);
insert into berths select n, 'open ' || n, 'a' || n || '@example.org', repeat('x', n * n % 400) || n, n * 7919,
  n * 1e12, md5(n::text)::uuid, 'Ann ' || n,
  'Write to ann' || n || '@example.org or call 555-01' || n || repeat(' again', n % 50),
  date '1980-01-01' + n * 37, timestamptz '2001-02-03 04:05:06.789+00' + n * interval '7 hours', n * 1.37,
  lpad((n * 7919)::text, 16, '4'), 'hidden ' || n, 'gone ' || n from generate_series(1, 120) n;
insert into berths (id) values (121);
grant select on berths to shop_ro, shop_rw;
"""
MASKS = {
    "mail": '"email"', "handle": '"token"', "number": '"token"', "big": '{ name = "bucket", size = 10 }',
    "code": '"token"', "person": '"fake"', "prose": '"free_text"', "born": '{ name = "truncate", unit = "year" }',
    "seen": '{ name = "shift", days = 30 }', "price": '{ name = "bucket", size = 10 }',
    "card": '{ name = "partial", keep_last = 4 }', "hidden": '"redact"', "gone": '"null"',
}  # fmt: skip
"""What each column of `berths` is masked by."""
CLASSIFIED = "".join(f"[tags.twin_{name}]\nmask = {mask}\n" for name, mask in MASKS.items()) + "".join(
    ['[datasource.shop."public.berths"]\n', *(f'{name} = ["twin_{name}"]\n' for name in MASKS)]
)


@dataclass(frozen=True)
class Act:
    """Bytes to send, cut at `cuts`, then messages to read: up to the `count`th whose type is in `until`.

    With `copies` it belongs to a COPY from the client, and is left out where the act before did not begin one. With
    `cancels` the statement, which takes for ever, is cancelled as soon as the server is at it.
    """

    send: bytes
    until: bytes = b"Z"
    count: int = 1
    cuts: Sequence[int] = ()
    copies: bool = False
    cancels: bool = False


SLEEP = "select pg_sleep(600)"
READS = (
    "select 1", "select 1", "select count(*) from products", "select id, name from products where id = 3",
    "select id, name from products order by id", "select id, name, email from customers order by id limit 5",
    "select * from customers where id = 7", "select email, ssn from customers where id between 3 and 9 order by id",
    "select * from berths order by id", "select handle, number, code from berths where id = 12",
    "select prose, person, seen from berths order by id limit 40", "select count(distinct handle) from berths",
    "select b.handle, c.email from berths b join customers c on c.id = b.id order by b.id limit 9",
    "select upper(mail), length(hidden) from berths where id < 4 order by id", "table customer_contacts limit 0",
    "select salary from employees order by id limit 2", "select count(*) from order_totals",
    "select orders_of(3)", "select repeat('x', 90000)", "select g from generate_series(1, 2500) g",
    "select 1; select 2", "select id from customers where id < 3 order by id; select mail from berths where id = 1", "",
    ";", "-- nothing", "show search_path", "explain (costs off) select * from berths where id = 1", "values (1), (2)",
    "with t as (select id, mail from berths) select * from t order by id limit 3", "select 'ä', null, 1.5, true",
    "select current_user", "select state, count(*) from customers group by state order by state",
)  # fmt: skip
FAILS = (
    "selec", "select 1/0", "select 'x'::int", "select * from nowhere", "select nothing from customers", "select $1",
    "select 1; select 1/0; select 2", "select fail('with words')", "select 1/(5 - g) from generate_series(1, 9) g",
    "select id / (id - 90) from berths order by id", "select mail::int from berths order by id", "fetch 1 from nobody",
    "update customers set name = name where id = 1 and 1 = 1/0", "delete from products where id = -1",
    "select pg_read_file('/etc/passwd')", "insert into products values (-1, 'x', 'x', -1)", "execute nobody",
    "create table made (n int primary key, n int)", "release nobody", "set nonsense to 1", "copy nowhere to stdout",
    "select passwd from pg_shadow", "select 1 where 'open", "alter table products rename to goods, x",
)  # fmt: skip
ASIDES = (
    "select complain('a')", "do $$ begin raise notice 'n'; end $$", "set datestyle to german", "reset datestyle",
    "set timezone to 'Asia/Tokyo'", "set search_path to nowhere", "set search_path to public", "reset search_path",
    "set work_mem to '3MB'", "set standard_conforming_strings to off", "reset all", "commit", "rollback",
    "deallocate all", "close all", "prepare p (int) as select mail from berths where id = $1", "execute p (4)",
    "listen quay", "notify quay, 'x'", "unlisten *", "lock table plain in share mode",
    "insert into plain (n, t) values (4, 'x')", "delete from plain where n = 4", "select pg_advisory_xact_lock(1)",
    "create temp table if not exists mine (n int, t text)", "insert into mine select g, g from generate_series(1, 9) g",
    "select count(*), max(n) + 1 from mine", "drop table if exists mine",
)  # fmt: skip
ASKED: Sequence[tuple[str, Callable[[Dice], Sequence[bytes | None]], Sequence[int]]] = (
    ("select 1", lambda dice: (), ()),
    ("select $1::int + 1", lambda dice: (b"%d" % dice.randrange(99),), ()),
    ("select $1::int + 1", lambda dice: (dice.choice((b"x", None, b"")),), ()),
    ("select $1::int4, $2::text", lambda dice: (int4(dice.randrange(9)), b"y"), (1, 0)),
    ("select id, name from products where id = $1", lambda dice: (b"%d" % dice.randrange(60),), ()),
    ("select * from customers where id = $1", lambda dice: (int4(dice.randrange(1, 400)),), (1,)),
    ("select * from berths where id = $1", lambda dice: (b"%d" % dice.randrange(1, 123),), ()),
    ("select mail, number, born from berths where id < $1 order by id", lambda dice: (b"%d" % dice.randrange(99),), ()),
    ("select g from generate_series(1, $1::int) g", lambda dice: (b"%d" % dice.choice((0, 1, 30, 900)),), ()),
    ("select name from customers where name = $1", lambda dice: (dice.choice((b"x", b"y" * 5000)),), ()),
    ("update customers set name = name where id = $1", lambda dice: (b"0",), ()),
    ("insert into plain (n) values ($1)", lambda dice: (b"7",), ()),
    ("delete from plain where n = $1", lambda dice: (b"7",), ()),
    ("select 1/$1::int", lambda dice: (b"0",), ()),
    ("selec", lambda dice: (), ()),
    ("", lambda dice: (), ()),
)  # fmt: skip
"""What is prepared, the values that it is run with, and their formats."""


def conversation(seed: str, more: int) -> list[Act]:
    """What one client asks: a turn of each kind, and so many more, in any order."""
    dice = Dice(seed)
    turns = [*dict.fromkeys(TURNS), *(dice.choice(TURNS) for _ in range(more))]
    dice.shuffle(turns)
    return [_cut(dice, act) for turn in turns for act in turn(dice)]


def _cut(dice: Dice, act: Act) -> Act:
    """The same, now and then with its first message in pieces. All others come at once: what is skipped after an error
    depends on what the gateway has heard by then."""
    size = 1 + int.from_bytes(act.send[1:5], "big")
    if dice.random() < 0.8:
        return act
    return replace(act, cuts=sorted({dice.randrange(1, size) for _ in range(dice.randint(1, 5))}))


def _run(dice: Dice, name: str = "", portal: str = "") -> bytes:
    """Parse, Bind, perhaps Describe, Execute, perhaps Close."""
    sql, values, formats = dice.choice(ASKED)
    parts = [parse(sql, name)]
    parts += [describe(b"S", name)] if dice.random() < 0.3 else []
    parts.append(bind(*values(dice), portal=portal, name=name, formats=formats, results=dice.choice(((), (), (1,)))))
    parts += [describe(b"P", portal)] if dice.random() < 0.5 else []
    parts.append(execute(portal, dice.choice((0, 0, 0, 2))))
    parts += [close(b"S", name)] if name else []
    return b"".join(parts)


def _simple(dice: Dice) -> list[Act]:
    return [Act(query(dice.choice(READS))) for _ in range(dice.randint(1, 5))]


def _failing(dice: Dice) -> list[Act]:
    return [Act(query(dice.choice(FAILS)))]


def _aside(dice: Dice) -> list[Act]:
    return [Act(query(dice.choice(ASIDES)))]


def _again(dice: Dice) -> list[Act]:
    """One statement some times in a row, as programs do."""
    if dice.random() < 0.5:
        return [Act(query(dice.choice(READS)))] * dice.randint(2, 6)
    sql, values, formats = dice.choice(ASKED)
    return [
        Act(parse(sql) + bind(*values(dice), formats=formats) + describe() + execute() + SYNC)
        for _ in range(dice.randint(2, 6))
    ]


def _extended(dice: Dice) -> list[Act]:
    return [Act(_run(dice, dice.choice(("", "", "s"))) + SYNC)]


def _prepared(dice: Dice) -> list[Act]:
    """Parse once, run often, in one batch each; now and then closed."""
    name = dice.choice("ab")
    sql, values, formats = dice.choice(ASKED)
    runs = [Act(bind(*values(dice), name=name, formats=formats) + execute() + SYNC) for _ in range(dice.randint(1, 6))]
    ends = [Act(close(b"S", name) + SYNC)] if dice.random() < 0.7 else []
    return [Act(parse(sql, name) + describe(b"S", name) + SYNC), *runs, *ends]


def _batched(dice: Dice) -> list[Act]:
    return [Act(b"".join(_run(dice) for _ in range(dice.randint(2, 12))) + SYNC)]


def _pipelined(dice: Dice) -> list[Act]:
    """Several batches before an answer is read; never in a transaction, where what is refused is told by what the
    gateway has heard by then of what came before."""
    turns = [dice.choice((_run(dice) + SYNC, query(dice.choice(READS)))) for _ in range(dice.randint(2, 8))]
    return [Act(b"".join(turns), count=len(turns))]


def _flushed(dice: Dice) -> list[Act]:
    return [
        Act(parse("select id, mail from berths where id < 5 order by id") + FLUSH, b"1E"),
        Act(bind() + describe() + execute() + FLUSH + SYNC),
    ]


def _in_transaction(dice: Dice) -> list[Act]:
    def inside() -> list[Act]:
        turns = (_simple, _failing, _aside, _extended, _suspended, _batched, _savepoint)
        return dice.choice(turns)(dice)

    begins = dice.choice(("begin", "begin isolation level repeatable read", "start transaction read only"))
    ends = dice.choice(("commit", "rollback", "end"))
    return [Act(query(begins)), *(act for _ in range(dice.randint(1, 4)) for act in inside()), Act(query(ends))]


def _savepoint(dice: Dice) -> list[Act]:
    texts = ("savepoint a", dice.choice(FAILS), dice.choice(READS), "rollback to a", dice.choice(READS), "release a")
    return [Act(query(text)) for text in texts]


def _suspended(dice: Dice) -> list[Act]:
    """Portals read in portions, one or two at a time, and what else may be asked in between."""
    sql = dice.choice(("select mail, handle from berths order by id", "select g from generate_series(1, 40) g"))
    takes = [execute(dice.choice("pq"), dice.choice((1, 3, 10, 50, 0))) for _ in range(dice.randint(2, 7))]
    opens = parse("begin") + bind() + execute() + parse(sql, "g") + bind(portal="p", name="g")
    opens += bind(portal="q", name="g", results=(dice.choice((0, 1)),))
    acts = [Act(opens + takes[0] + SYNC)]
    acts += [Act(take + dice.choice((SYNC, _run(dice) + SYNC))) for take in takes[1:]]
    acts += [Act(query(dice.choice(READS)))] if dice.random() < 0.5 else []
    return [
        *acts,
        Act(close(b"P", "p") + SYNC),
        Act(query(dice.choice(("commit", "rollback")))),
        Act(close(b"S", "g") + SYNC),
    ]


def _cursor(dice: Dice) -> list[Act]:
    sql = dice.choice(("select prose, person from berths order by id", "select g from generate_series(1, 20) g"))
    texts = ("begin", f"declare c cursor for {sql}", "fetch 3 from c", "move 2 from c", "fetch 5 from c", "commit")
    return [Act(query(text)) for text in texts]


def _copied_in(dice: Dice) -> list[Act]:
    begins = query("create temp table if not exists mine (n int, t text)"), query("copy mine (n, t) from stdin")
    rows = b"".join(copy_data(b"%d\t%s\n" % (n, b"y" * dice.randrange(60))) for n in range(dice.randint(0, 30)))
    ends = dice.choice((COPY_DONE, COPY_DONE, copy_fail("no more"), copy_data(b"not a number\n") + COPY_DONE))
    return [
        Act(begins[0]),
        Act(begins[1], b"GZ"),
        Act(rows + ends, copies=True),
        Act(query("select count(*), sum(length(t)) from mine")),
        Act(query("delete from mine where n >= 0")),
    ]


def _copied_out(dice: Dice) -> list[Act]:
    texts = (
        "copy (select id, name from products order by id) to stdout", "copy customers to stdout",
        "copy (select mail, seen from berths order by id) to stdout (format csv, header)",
        "copy (select g from generate_series(1, 3000) g) to stdout", "copy products (id) to stdout (format binary)",
        "copy (select 1/(5-g) from generate_series(1, 10) g) to stdout",
    )  # fmt: skip
    text = dice.choice(texts)
    return [Act(query(text))] if dice.random() < 0.6 else [Act(parse(text) + bind() + execute() + SYNC)]


def _called(dice: Dice) -> list[Act]:
    """Function calls of the old kind: int4pl, and one that nobody has."""
    body = struct.pack("!IHHHi", 177, 1, 1, 2, 4) + int4(40) + struct.pack("!i", 4) + int4(2) + struct.pack("!H", 1)
    return [Act(message(b"F", body)), Act(message(b"F", struct.pack("!IHHH", 4_000_000, 0, 0, 0)))]


def _cancelled(dice: Dice) -> list[Act]:
    return [Act(dice.choice((query(SLEEP), parse(SLEEP) + bind() + execute() + SYNC)), cancels=True)]


TURNS = [
    turn
    for turn, weight in (
        (_simple, 6), (_again, 8), (_failing, 3), (_aside, 5), (_extended, 6), (_prepared, 6), (_batched, 3),
        (_pipelined, 3), (_flushed, 1), (_in_transaction, 4), (_suspended, 3), (_cursor, 1), (_copied_in, 2),
        (_copied_out, 2),
        (_called, 2), (_cancelled, 1),
    )
    for _ in range(weight)
]  # fmt: skip

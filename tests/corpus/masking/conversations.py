"""Conversations by which names of the protocol and of SQL meet, through a real gateway, over a column masked late."""

from __future__ import annotations

from contextlib import suppress

from gateways import WHO
from rawwire import SYNC, bind, close, describe, errors_of, execute, parse, query
from rig import Deployment
from world import World

CARD = "select id, card from customers order by id"
RUN = execute() + SYNC
NAMES: dict[str, tuple[bytes, ...]] = {
    "executed by SQL": (parse(CARD, "s") + SYNC, query("execute s")),
    "executed by SQL among others, and by a text that was parsed": (
        parse(CARD, "s") + SYNC,
        query("select 1; execute s; execute s; select 2"),
        parse("execute s", "t") + bind(name="t", results=[1]) + describe() + RUN,
        query("execute t"),
        query("set bytea_output = 'escape'; execute s"),
        query("explain (analyze, verbose) execute s"),
        query("create temp table got as execute s"),
        query("table got"),
        query("copy (select 1) to stdout; deallocate s; prepare s as select name, card from customers; execute s"),
        bind(name="s") + RUN,
    ),
    "executed by what was parsed when the name meant something else": (
        parse("select 1, null::text", "s") + parse("execute s", "t") + SYNC,
        close(b"S", "s") + parse(CARD, "s") + SYNC,
        query("execute t"),
        bind(name="t") + describe() + RUN,
        close(b"S", "s") + parse("update customers set name = null where id = 1 returning id, card", "s") + SYNC,
        query("execute t"),
        bind(name="t") + RUN,
    ),
    "a write that fails, executed by SQL": (
        parse("update customers set name = null where id = $1", "s") + SYNC,
        query("execute s(1)"),
        query("select 1; execute s(2)"),
        parse("execute s(3)", "t") + bind(name="t") + RUN,
        query("explain analyze execute s(4)"),
        query("do $$ begin execute 'execute s(5)'; end $$"),
    ),
    "a write that fails, fetched by SQL": (
        query("begin"),
        parse("update customers set name = null where id = 1 returning id, card") + bind(portal="p") + SYNC,
        query("fetch 1 from p"),
        query("rollback; begin"),
        parse("update customers set name = null where id = 1 returning id, card") + bind(portal="p") + SYNC,
        query("move 1 in p"),
    ),
    "fetched by SQL": (
        query("begin"),
        parse(CARD) + bind(portal="p") + SYNC,
        query("fetch 2 from p"),
        query("move 1 in p"),
    ),
    "prepared by SQL": (query(f"prepare q as {CARD}"), bind(name="q") + describe() + RUN, query("execute q")),
    "declared by SQL": (
        query(f"begin; declare c cursor for {CARD}"),
        execute("c", 2) + SYNC,
        describe(b"P", "c") + SYNC,
    ),
    "described once, executed often": (
        parse(CARD, "t") + describe(b"S", "t") + SYNC,
        bind(name="t", results=[1]) + execute(limit=1) + execute(limit=1) + SYNC,
        bind(name="t") + RUN,
    ),
    "another statement under the name": (
        parse(CARD, "u") + SYNC,
        query("deallocate u"),
        query("prepare u as select name, card from customers"),
        bind(name="u") + RUN,
        parse("select 1", "v") + SYNC,
        parse(CARD, "v") + SYNC,
        bind(name="v") + RUN,
    ),
    "a parse that fails": (
        parse(CARD, "w") + parse("select nothing", "w") + SYNC,
        bind(name="w") + RUN,
        parse(CARD, "w") + bind(name="w") + execute() + parse("select nonsense(") + bind(name="w") + RUN,
    ),
    "held over its transaction": (
        query(
            "begin; declare h scroll cursor with hold for select upper(card), card from customers order by id; commit"
        ),
        query("fetch 2 from h; fetch backward 1 from h"),
        execute("h", 1) + describe(b"P", "h") + SYNC,
    ),
    "settings before it": (
        parse("set bytea_output = 'escape'") + bind() + execute() + parse(CARD) + bind(results=[0, 1]) + RUN,
        query("set datestyle = 'German'; select card, card::bytea, reverse(card) from customers"),
        parse("set client_encoding = 'LATIN1'") + bind() + execute() + parse(CARD) + bind() + RUN,
    ),
    "in portions": (
        query("begin"),
        parse(CARD, "x") + bind(name="x", portal="y") + execute("y", 1) + execute("y", 2) + SYNC,
        execute("y", 0) + SYNC,
        parse("select lower(card) from customers", "z")
        + bind(name="z", portal="y2", results=[1])
        + execute("y2", 3)
        + SYNC,
        query("fetch all from y2"),
    ),
    "closed and named again": (
        parse(CARD, "a")
        + close(b"S", "a")
        + parse("select upper(card) from customers", "a")
        + describe(b"S", "a")
        + SYNC,
        bind(name="a") + describe() + execute() + close(b"P") + bind(name="a", results=[1]) + RUN,
    ),
    "errors in the middle": (
        parse("select card::int from customers", "b") + bind(name="b") + execute() + parse(CARD) + bind() + RUN,
        query(f"select 1; select card::int from customers; {CARD}"),
        query("select 1 / (length(card) - length(card)) from customers"),
        query("explain (analyze, verbose) select card from customers where card > '4'"),
    ),
    "copied, then read": (
        query("create temp table mine as select id, card from customers; select * from mine; table mine"),
        query("copy customers (card) to stdout (format binary)"),
        query(f"copy ({CARD}) to stdout (format csv, header)"),
    ),
}


def leaks(gateway: Deployment, world: World) -> list[str]:
    """Those in which a real value came, whatever was refused."""
    cards = [card.encode() for card in world.server.execute("select card from customers", database="shop").split()]
    assert len(cards) == 12
    found = []
    for name, messages in NAMES.items():
        client = gateway.raw(WHO)
        got: list[bytes] = []
        with suppress(ConnectionError, EOFError):  # an answer that cannot be masked ends the session
            for message in messages:
                client.send(message)
                got += [one.body for one in client.until()]
        client.close()
        assert got, name
        if any(card in body for card in cards for body in got):
            found.append(name)
    return found


DEFINITIONS = (
    "create table own (id int primary key, card text)",
    "alter table own add column more text",
    "create index own_more on own (more)",
    "alter table own rename column more to less",
    "truncate own",
    "alter table own rename to owned_once",
    "drop index own_more",
    "drop table owned_once",
    "create table own as select id, card from customers",
    "drop table own",
    "select id, card into own from customers",
    "drop table own",
)


def unfinished(gateway: Deployment) -> list[str]:
    """Definitions outside of a transaction after which their own session does not go on."""
    found = []
    for is_extended in (False, True):
        for text in DEFINITIONS:
            with gateway.raw(WHO) as client, suppress(ConnectionError):
                sent = parse(text) + bind() + describe() + RUN if is_extended else query(text)
                told = client.ask(sent, query("select 1"))
                told += client.until()
                if not errors_of(told):
                    continue
            found.append(text)
    return found

"""What is prepared while somebody defines something beside it: the server keeps what it understood then, and so it must
be known what that was, whenever it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from rawwire import SYNC, Client, Message, bind, close, errors_of, execute, parse, query, tags_of
from rig import Deployment
from test_live_redefined import HIDDEN, reader, seen, tagged

TIMES = 30
MORE = """
set role shop_admin;
create table ruled (id int, note text);
insert into ruled values (1, 'here');
alter table ruled enable row level security;
create policy open on ruled using (true);
create view worded as select id, open::varchar(20) as word from sealed;
create function telling(int) returns bool language plpgsql as
    $$ begin raise notice '%', (select max(secret) from public.sealed); return true; end $$;
create function spelt(varchar) returns text language sql as $$ select max(secret) from public.sealed $$;
create function shown(point) returns text language sql as $$ select max(secret) from public.sealed $$;
grant select on ruled, worded to shop_rw;
"""
LESS = """
drop table ruled; drop view worded; drop function telling(int), spelt(varchar);
set role postgres; drop function shown(point) cascade; set role shop_admin
"""


@pytest.fixture(scope="module")
def gate(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    yield from tagged(workshop, template, "prepared-beside", MORE, LESS)


@pytest.fixture
def admin(gate: Deployment) -> Iterator[psycopg.Connection]:
    with psycopg.connect(gate.postgres.dsn("shop"), autocommit=True) as connection:
        connection.execute("set role shop_admin")
        yield connection


def run(client: Client, name: str) -> list[Message]:
    return client.ask(bind(name=name) + execute() + SYNC)


def test_notices_of_a_policy_made_after_a_statement_was_prepared_are_withheld(
    gate: Deployment, admin: psycopg.Connection
) -> None:
    with reader(gate) as client:
        assert not errors_of(client.ask(parse("select note from ruled", "r") + SYNC))
        assert tags_of(run(client, "r")) == ["SELECT 1"]
        admin.execute("create policy told on ruled as restrictive using (telling(id))")
        try:
            told = [run(client, "r") for _ in range(3)]
            told.append(client.ask(query("select note from ruled")))
        finally:
            admin.execute("drop policy told on ruled")
    assert all(HIDDEN.encode() not in seen(one) for one in told)
    assert tags_of(told[-1]) == ["SELECT 1"]  # the policy is there, and only its words are withheld
    assert any(message.type == b"N" for message in told[-1])


@pytest.mark.parametrize("there", ["a cast", "a function"])
def test_what_was_parsed_beside_a_definition_is_parsed_anew(
    gate: Deployment, admin: psycopg.Connection, there: str
) -> None:
    """The server keeps to a cast or a function that was there when it parsed, also when it is gone again."""
    text, make, undo = {
        "a cast": (
            "select point(id, id)::text from sealed",
            "set role postgres; create cast (point as text) with function shown(point); set role shop_admin",
            "set role postgres; drop cast (point as text); set role shop_admin",
        ),
        "a function": (
            "select lower(word) from worded",
            "alter function spelt(varchar) rename to lower",
            "alter function lower(varchar) rename to spelt",
        ),
    }[there]
    told: list[list[Message]] = []
    with reader(gate) as client:
        for number in range(TIMES):
            name = f"s{number}"
            client.ask(query("select open from sealed"))  # the gateway has looked a moment ago
            admin.execute(make.encode())
            client.ask(parse(text, name) + SYNC)
            client.ask(query("select open from sealed"))  # and looks again
            admin.execute(undo.encode())
            told += [run(client, name), run(client, name)]
            client.ask(close(b"S", name) + SYNC)
        assert tags_of(client.ask(query(text))) == ["SELECT 3"]
    assert not [one for one in told if HIDDEN.encode() in seen(one)]
    assert any(tags_of(one) for one in told)

"""What masking was not made for: huge rows, broken bytes, definitions past the gateway, loops, masks that do not fit.

Whatever it is, the answer is masked, or an error that names the cause; never an unmasked byte.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rawwire import SYNC, Client, Message, bind, describe, errors_of, execute, parse, query, rows_of
from rig import MASKED, Deployment, copy_of, eventually, running

from tidewaiter.demo.deployment import Upstream

MEGABYTE = 1 << 20
HUGE = 200 * MEGABYTE
LIMIT = 24 * MEGABYTE
EXTRA_BYTES = 64 * MEGABYTE
HIDDEN = "hidden-9f2c"
"""What no masked answer may hold."""
TAGS = """
[tags.handle]
mask = "token"
[tags.prose]
mask = "free_text"
[tags.invented]
mask = "fake"
[tags.misfit]
mask = "email"
[datasource.shop."public.bulky"]
late = ["handle"]
early = ["address"]
[datasource.shop."public.moving"]
secret = ["ssn"]
handle = ["handle"]
changing = ["card"]
[datasource.shop."public.looped"]
secret = ["ssn"]
[datasource.bytes."public.people"]
early = ["ssn"]
mail = ["email"]
token = ["handle"]
prose = ["prose"]
invented = ["invented"]
"""
RULES = """
@id("analysts-loop") permit (principal in Group::"analysts", action == Action::"function", resource)
when { ["round_and_round"].contains(resource.name) };
@id("bytes") permit (principal in Group::"analysts", action, resource in Datasource::"bytes")
unless { action == Action::"unmask" };
"""
SCHEMA = f"""
set role shop_admin;
create table bulky (id int primary key, late text, early text, plain text);
insert into bulky values
  (1, 'small', '{HIDDEN}', repeat('x', {HUGE})), (2, repeat('{HIDDEN}', {LIMIT // len(HIDDEN) + 1}), 'small', 'small'),
  (3, repeat('{HIDDEN}', {LIMIT // 2 // len(HIDDEN)}), 'small', repeat('x', {LIMIT // 2 - 100}));
create table moving (id int primary key, secret text, handle text, open text, changing text);
insert into moving values (1, '{HIDDEN}', '{HIDDEN}', 'open', '{HIDDEN}');
create view showing as select id, open from moving;
set check_function_bodies = off;
create table looped (id int, secret text);
create function round_and_round() returns setof looped language sql stable as 'select * from looping';
create view looping as select * from round_and_round();
grant select on bulky, moving, showing, looping, looped to shop_rw;
"""
BROKEN = f"""
set role shop_admin;
create table people (id int primary key, early text, mail text, token text, prose text, invented text, plain text);
insert into people select n, b, b || '@example.com', b, 'write to anna.secret@example.com ' || b, b, 'plain'
  from (values (1, E'\\xff{HIDDEN}\\xfe'), (2, '{HIDDEN}')) v (n, b);
grant select on people to shop_rw;
"""


@dataclass(frozen=True, slots=True)
class Bytes(Upstream):
    """A database that does not say how its bytes are to be read."""

    def lines(self) -> list[str]:
        return [line.replace('database = "shop"', 'database = "bytes"') for line in super(Bytes, self).lines()]


@pytest.fixture(scope="module")
def gate(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    server = template.postgres
    server.execute("create database bytes encoding sql_ascii locale 'C' template template0 owner shop_admin")
    server.execute("grant create on schema public to shop_admin", database="bytes")
    server.execute(BROKEN, database="bytes")
    server.execute(SCHEMA, database="shop")
    address = f"{server.host}:{server.port}"
    upstreams = (Upstream("shop", address), Bytes("bytes", address))
    made = copy_of(template, workshop / "masked-trouble", server, upstreams=upstreams)
    for name, more in (("classification.toml", TAGS), ("policies/live.cedar", RULES)):
        with (made.folder / name).open("a") as file:
            file.write(more)
    yield from running(made)
    server.execute(
        "drop view looping, showing; drop function round_and_round; drop table bulky, moving, looped", database="shop"
    )
    server.execute("drop database bytes with (force)")


def seen(messages: list[Message]) -> bytes:
    return b"".join(one.body for one in messages)


# -- rows of 200 MB ---------------------------------------------------------------------------------------------
def answer_of(client: Client, *parts: bytes) -> tuple[int, list[str], bytes]:
    """What comes up to ReadyForQuery: how many bytes, the errors' texts, and the ends of each piece of 256 KiB."""
    client.send(*parts)
    size, errors, ends = 0, [], bytearray()
    while True:
        header = client._take(5)
        left, piece = int.from_bytes(header[1:], "big") - 4, b""
        while left:
            piece = client._take(min(left, 1 << 18))
            left -= len(piece)
            size += len(piece)
            ends += piece[:200] + piece[-200:]
        if header[:1] == b"E":
            fields = Message(b"E", piece).fields
            errors.append(f"{fields['C']} {fields['M']}")
        if header[:1] == b"Z":
            return size, errors, bytes(ends)


def prepared(text: str, *, is_binary: bool) -> list[bytes]:
    return [parse(text), bind(results=[1] if is_binary else []), describe(), execute(), SYNC]


@pytest.mark.parametrize("is_binary", [False, True])
def test_a_huge_row_streams_where_the_server_masks_it(gate: Deployment, is_binary: bool) -> None:
    with gate.raw(MASKED) as client:
        client.rows("select 1")
        base = gate.resident_bytes()
        gate.forget_peak()
        asked = prepared("select early, plain from bulky where id = 1", is_binary=is_binary)
        size, errors, ends = answer_of(client, *asked)
        assert errors == []
        assert size > HUGE
        assert HIDDEN.encode() not in ends
        assert gate.peak_bytes() - base < EXTRA_BYTES
        assert client.rows("select 1") == [["1"]]


@pytest.mark.parametrize(("row", "is_binary"), [(1, False), (2, True)])
def test_a_row_that_the_gateway_has_to_mask_is_refused_above_a_limit(
    gate: Deployment, row: int, is_binary: bool
) -> None:
    with gate.raw(MASKED) as client:
        client.rows("select 1")
        base = gate.resident_bytes()
        gate.forget_peak()
        asked = prepared(f"select late, plain from bulky where id = {row}", is_binary=is_binary)
        size, errors, ends = answer_of(client, *asked)
        assert [error[:5] for error in errors] == ["XX000"]
        assert f"more than the {LIMIT} that can be masked" in errors[0]
        assert size < MEGABYTE
        assert HIDDEN.encode() not in ends
        assert gate.peak_bytes() - base < EXTRA_BYTES
        assert client.rows("select 1") == [["1"]]


def test_a_row_below_the_limit_is_masked_whole(gate: Deployment) -> None:
    with gate.raw(MASKED) as client:
        client.rows("select 1")
        base = gate.resident_bytes()
        gate.forget_peak()
        size, errors, ends = answer_of(client, query("select late, plain from bulky where id = 3"))
        assert errors == []
        assert b"tok_" in ends
        assert HIDDEN.encode() not in ends
        assert LIMIT // 2 - 100 < size < LIMIT // 2 + 100
        assert gate.peak_bytes() - base < EXTRA_BYTES


# -- bytes that are no text -------------------------------------------------------------------------------------
@pytest.mark.parametrize("column", ["early", "mail", "token", "prose", "invented", "upper(mail)", "*"])
def test_broken_bytes_are_an_error_of_which_only_the_sqlstate_is_told(gate: Deployment, column: str) -> None:
    """The server itself looks at them when they are to leave: clients of sessions that mask have UTF-8."""
    with gate.raw(MASKED, "bytes") as client:
        for parts in (
            [query(f"select {column} from people")],
            prepared(f"select {column} from people", is_binary=True),
        ):
            told = client.ask(*parts)
            assert errors_of(told) == ["22021"]
            assert b"0xff" not in seen(told)
            assert HIDDEN.encode() not in seen(told)
            assert b"anna.secret" not in seen(told)
        (whole,) = client.rows("select early, mail, token, prose, invented, plain from people where id = 2")
        assert whole[:2] == ["*******9f2c", "h***@example.com"]
        assert whole[3] == f"write to [email] {HIDDEN}"  # what no pattern knows is not found
        assert HIDDEN not in str(whole[2]) + str(whole[4])
        assert whole[5] == "plain"


# -- definitions past the gateway -------------------------------------------------------------------------------
def noticed(client: Client, text: str) -> list[list[str | None]]:
    """The rows, none where the gateway has just found that they were read by other definitions than were judged."""
    told = client.ask(query(text))
    return [] if errors_of(told) == ["40001"] else list(rows_of(told))


@contextlib.contextmanager
def unseen(gate: Deployment) -> Iterator[None]:
    """While this lasts the gateway cannot look at the catalog: its window of a quarter of a second, held open.

    Other gateways on the server keep their connections: one that loses its own knows nothing of what was defined until
    it has another, and refuses whatever is under way then, in somebody else's test.
    """
    server = gate.postgres
    server.execute("alter database shop connection limit 0")
    ours = f"application_name = 'tidewaiter catalog' and client_port = any (array{gate.ports()})"
    try:
        ended = server.execute(f"select pg_terminate_backend(pid, 60000) from pg_stat_activity where {ours}")
        assert set(ended.split()) == {"t"}, "it was there, and is gone"
        yield
    finally:
        server.execute("alter database shop connection limit -1")


MOVES = {
    "a column under another's name": (
        "alter table moving rename open to away; alter table moving rename secret to open;"
        " alter table moving rename away to secret",
        "alter table moving rename secret to away; alter table moving rename open to secret;"
        " alter table moving rename away to open",
    ),
    "a late one under another's name": (
        "alter table moving rename open to away; alter table moving rename handle to open;"
        " alter table moving rename away to handle",
        "alter table moving rename handle to away; alter table moving rename open to handle;"
        " alter table moving rename away to open",
    ),
    "masks for other columns": (
        "alter table moving rename handle to away; alter table moving rename secret to handle;"
        " alter table moving rename away to secret",
        "alter table moving rename secret to away; alter table moving rename handle to secret;"
        " alter table moving rename away to handle",
    ),
    "a new type": (
        "alter table moving alter changing type bytea using changing::bytea",
        "alter table moving alter changing type text using convert_from(changing, 'UTF8')",
    ),
}
ASKED = (
    "select open from moving",
    "table moving",
    "select secret, handle, changing from moving",
    "select m.open, upper(m.secret) from moving m",
    "select o.open, k.secret from moving o join moving k using (id) order by o.secret",
)
"""All of what is described as a masked column. What computes with a column, or takes the row whole, is not."""


@pytest.mark.parametrize("move", MOVES)
def test_what_moves_past_the_gateway_is_not_shown(gate: Deployment, move: str) -> None:
    there, back = MOVES[move]
    with gate.raw(MASKED) as client:
        for number, text in enumerate(ASKED):
            client.ask(query(text))
            client.ask(parse(text, f"s{number}") + SYNC)
            for _ in range(6):
                client.ask(bind(name=f"s{number}") + execute() + SYNC)
        with unseen(gate):
            gate.postgres.execute(f"set role shop_admin; begin; {there}; commit", database="shop")
            try:
                for number, text in enumerate(ASKED):
                    for parts in (query(text), bind(name=f"s{number}") + execute() + SYNC):
                        told = client.ask(parts)
                        assert HIDDEN.encode() not in seen(told), (text, told)
            finally:
                gate.postgres.execute(f"set role shop_admin; begin; {back}; commit", database="shop")


def test_a_view_that_is_changed_past_the_gateway_is_masked_once_that_is_noticed(gate: Deployment) -> None:
    change = "set role shop_admin; create or replace view showing as select id, {} from moving"
    text = "select open from showing"
    with gate.raw(MASKED) as client:
        client.ask(parse(text, "s") + SYNC)
        eventually(lambda: noticed(client, text) == [["open"]])
        gate.postgres.execute(change.format("secret as open"), database="shop")
        try:
            eventually(lambda: noticed(client, text) == [["*******9f2c"]])
            for parts in (query(text), bind(name="s") + execute() + SYNC):
                assert HIDDEN.encode() not in seen(client.ask(parts))
        finally:
            gate.postgres.execute(change.format("open"), database="shop")


# -- loops, and masks that do not fit ---------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["select * from looping", "select * from round_and_round()"])
def test_a_view_that_loops_through_a_function_is_refused_and_the_servers_error_to_others(
    gate: Deployment, text: str
) -> None:
    for who, sqlstate in ((MASKED, "42501"), ("dora", "54001")):
        with gate.raw(who) as client:
            told = client.ask(query(text))
            assert errors_of(told) == [sqlstate]
            assert HIDDEN.encode() not in seen(told)
            assert client.rows("select 1") == [["1"]]


def test_a_mask_that_no_longer_fits_its_column_gives_null_and_check_says_so(gate: Deployment) -> None:
    there, back = MOVES["a new type"]
    with gate.raw(MASKED) as client:
        assert client.rows("select changing from moving") == [["*******9f2c"]]
        gate.postgres.execute(f"set role shop_admin; {there}", database="shop")
        try:
            eventually(lambda: noticed(client, "select changing from moving") == [[None]])
            assert client.rows("select count(changing) from moving") == [["0"]]
            told = gate.cli("check", check=False)
            said = " ".join((told.stdout + told.stderr).split())
            assert told.returncode != 0
            assert "public.moving.changing: mask partial of tag card does not fit pg_catalog.bytea" in said, said
        finally:
            gate.postgres.execute(f"set role shop_admin; {back}", database="shop")

"""Held statements in pipelines, and what an approval does not hold for: each with a real client and a real server."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import asyncpg
import psycopg
import pytest
from heldrig import COUNT, DELETE, Running, note_to_go, open_requests
from rawwire import SYNC, bind, errors_of, execute, parse, query, types_of
from rig import PATIENCE, Deployment, eventually

BY_NOTE = "delete from analyst_notes where note = $1"
IDS = "abcdefgh"


@pytest.fixture(autouse=True)
def a_note_to_go(desk: Deployment) -> None:
    note_to_go(desk)


def of(letter: str) -> str:
    """A statement of its own, that deletes nothing."""
    return f"delete from analyst_notes where note = 'pipeline {letter}'"


def held(desk: Deployment) -> dict[str, str]:
    """Ids of what waits, by letter."""
    told = [(re.search(r"pipeline (\w)", one["statement"]), one["id"]) for one in open_requests(desk)]
    return {match[1]: id_ for match, id_ in told if match}


class Heard(list[str]):
    """What clients were told, as `letter message`."""

    def by(self, letter: str) -> Callable[[Any], None]:
        return lambda notice: self.append(f"{letter} {getattr(notice, 'message_primary', notice)}")

    def still(self) -> set[str]:
        return {told[0] for told in list(self) if "still waits" in told}


# -- clients that wait, in pipelines --------------------------------------------------------------------------------
def in_pipeline(desk: Deployment, letter: str, heard: Heard, opened: list[Any], **options: str) -> str:
    """psycopg: the held statement first, another after it, then whether the session goes on."""
    with psycopg.connect(desk.dsn("alice", **options), autocommit=True) as connection:
        connection.add_notice_handler(heard.by(letter))
        opened.append(connection)
        try:
            with connection.pipeline():
                first = connection.execute(of(letter))
                second = connection.execute("select 'after'")
            told = f"{first.statusmessage} {second.fetchone()}"
        except psycopg.errors.DatabaseError as error:
            told = f"{error.sqlstate} {error}"
        with suppress(psycopg.OperationalError):
            told += f" alive {connection.execute('select 1').fetchone()}"
        return told


async def in_async_pipeline(desk: Deployment, letter: str, heard: Heard, opened: list[Any]) -> str:
    async with await psycopg.AsyncConnection.connect(desk.dsn("alice"), autocommit=True) as connection:
        connection.add_notice_handler(heard.by(letter))
        opened.append(connection)
        try:
            async with connection.pipeline():
                first = await connection.execute(of(letter))
                second = await connection.execute("select 'after'")
            told = f"{first.statusmessage} {await second.fetchone()}"
        except psycopg.errors.DatabaseError as error:
            told = f"{error.sqlstate} {error}"
        return f"{told} alive {await (await connection.execute('select 1')).fetchone()}"


async def in_asyncpg(desk: Deployment, letter: str, heard: Heard, opened: list[Any]) -> str:
    """asyncpg parses ahead, then binds; a cancelled task sends a CancelRequest. `opened` gets what cancels it."""
    connection = await asyncpg.connect(desk.dsn("alice"))  # type: ignore[no-untyped-call]
    connection.add_log_listener(lambda _, message: heard.by(letter)(message.message))
    try:
        text = of(letter).replace(f"'pipeline {letter}'", "$1")
        running = asyncio.create_task(connection.execute(f"/* {of(letter)} */ {text}", f"pipeline {letter}"))
        loop = asyncio.get_running_loop()
        opened.append(lambda: loop.call_soon_threadsafe(running.cancel))
        try:
            told = str(await running)
        except asyncio.CancelledError:
            told = "cancelled"
        return f"{told} alive {await connection.fetchval('select 1')}"
    finally:
        await connection.close()


def test_pipelines_wait_hear_that_they_wait_and_end_in_each_way_there_is(desk: Deployment) -> None:
    """psycopg in pipeline mode, sync and async, and asyncpg: heartbeats, approval, denial, cancel, hang-up, timeout."""
    heard, opened = Heard(), {letter: list[Any]() for letter in IDS}
    clients: dict[str, Callable[[str], object]] = {
        "a": lambda it: in_pipeline(desk, it, heard, opened[it]),
        "b": lambda it: asyncio.run(in_async_pipeline(desk, it, heard, opened[it])),
        "c": lambda it: in_pipeline(desk, it, heard, opened[it]),
        "d": lambda it: asyncio.run(in_async_pipeline(desk, it, heard, opened[it])),
        "e": lambda it: in_pipeline(desk, it, heard, opened[it]),
        "f": lambda it: asyncio.run(in_asyncpg(desk, it, heard, opened[it])),
        "g": lambda it: in_pipeline(desk, it, heard, opened[it], options="-c statement_timeout=2s"),
        "h": lambda it: asyncio.run(in_asyncpg(desk, it, heard, opened[it])),
    }
    running = {letter: Running(lambda letter=letter, go=go: go(letter)) for letter, go in clients.items()}  # type: ignore[misc]
    eventually(lambda: set(held(desk)) >= set("abcdefh"), 20, desk.log)
    ids = held(desk)
    assert str(running["g"].result(60)).startswith("57014 canceling statement due to statement timeout")
    eventually(lambda: heard.still() >= set("abcdefh"), 15, lambda: str(heard))
    desk.cli("request", "approve", ids["a"], "--as", "dora")
    desk.cli("request", "deny", ids["b"], "--as", "dora", "--reason", "use the archive")
    opened["c"][0].cancel()
    opened["d"][0].cancel()
    opened["e"][0].pgconn.finish()
    opened["f"][0]()
    desk.cli("request", "approve", ids["h"], "--as", "dora")
    told = {letter: str(one.result(60)) for letter, one in running.items()}
    assert told["a"] == "DELETE 0 ('after',) alive (1,)"
    assert told["b"].startswith("42501 ") and "was denied by dora: use the archive" in told["b"]
    for letter in "cd":
        assert told[letter].startswith("57014 canceling statement due to user request"), told[letter]
    for letter in "bcdg":
        assert told[letter].endswith("alive (1,)"), told[letter]
    assert "alive" not in told["e"]
    assert (told["f"], told["h"]) == ("cancelled alive 1", "DELETE 0 alive 1")
    ends = {"a": "consumed", "b": "denied", "h": "consumed"} | dict.fromkeys("cdef", "withdrawn")
    eventually(lambda: {it: desk.json("request", "show", ids[it])["state"] for it in ends} == ends, 10, desk.log)
    (late,) = [one for one in desk.json("request", "ls", "--all") if "pipeline g" in one["statement"]]
    assert (late["state"], late["reason"]) == ("withdrawn", "its statement_timeout was up")
    assert late["history"][-1]["who"] == "alice"


def test_behind_other_statements_of_a_pipeline_nothing_waits_and_the_approval_counts_there(desk: Deployment) -> None:
    def attempt(connection: psycopg.Connection[Any]) -> str:
        try:
            with connection.pipeline():
                connection.execute("insert into analyst_notes (note) values ('pipeline i')")
                deleting = connection.execute(of("j"))
            return str(deleting.statusmessage)
        except psycopg.errors.InsufficientPrivilege as error:
            return str(error)

    heard = Heard()
    with psycopg.connect(desk.dsn("alice"), autocommit=True) as connection:
        connection.add_notice_handler(heard.by("-"))
        assert "waits for dba" in attempt(connection)
        assert heard == [], "who is made to wait is told so first"
        (request,) = open_requests(desk)
        desk.cli("request", "approve", request["id"], "--as", "dora")
        assert attempt(connection) == "DELETE 0"
        assert "waits for dba" in attempt(connection)


# -- transactions ---------------------------------------------------------------------------------------------------
def locks(desk: Deployment) -> str:
    """Relations that clients have locked through the gateway, beyond the system's; not what its own questions lock."""
    return desk.postgres.execute(
        "select distinct relation::regclass from pg_locks join pg_stat_activity using (pid)"
        " where usename = 'tidewaiter' and application_name not like 'tidewaiter %'"
        " and locktype = 'relation' and relation >= 16384 and granted",
        database="shop",
    ).strip()


def test_a_clean_transaction_waits_about_five_seconds_without_a_lock_and_one_with_locks_not_at_all(
    desk: Deployment,
) -> None:
    with psycopg.connect(desk.dsn("alice")) as connection:
        began = time.monotonic()
        deleting = Running(lambda: connection.execute(DELETE))
        eventually(lambda: open_requests(desk), 10, desk.log)
        seen = {locks(desk)}
        while deleting.is_alive():
            seen.add(locks(desk))
            time.sleep(0.2)
        error, took_s = deleting.result(), time.monotonic() - began
        assert isinstance(error, psycopg.errors.InsufficientPrivilege) and "waits for dba" in str(error)
        assert 3.5 < took_s < 25 * PATIENCE, "about 5 s: neither at once nor the 120 s of the rule"
        assert seen == {""}
        connection.rollback()
        heard = Heard()
        connection.add_notice_handler(heard.by("-"))
        connection.execute("select count(*) from analyst_notes")  # reading locks, too
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="waits for dba"):
            connection.execute(DELETE)
        assert heard == [], "who is made to wait is told so first"
    client = desk.raw("alice")  # what was parsed in the transaction is locked already
    client.ask(query("begin"))
    client.ask(parse(BY_NOTE, "s") + SYNC)
    assert locks(desk) == "analyst_notes"
    answer = client.ask(bind(b"to go", name="s") + execute() + SYNC)
    assert (errors_of(answer), "N" in types_of(answer)) == (["42501"], False)
    client.close()


# -- what an approval does not hold for -----------------------------------------------------------------------------
ELSEWHERE = (
    "set datestyle to 'SQL, DMY'",
    "set timezone to 'Asia/Tokyo'",
    "set intervalstyle to 'iso_8601'",
    "set search_path to public, pg_catalog",
    "set transform_null_equals to on",
    "set app.tenant to '5'",
    "select set_config('app.tenant', '6', false)",
    "set role shop_admin",
    "begin",
)
REWRITTEN = (
    f"{DELETE} ", f" {DELETE}", f"{DELETE};", f"{DELETE}\n", DELETE.upper().replace("TO GO", "to go"),
    f"/* ticket 7 */ {DELETE}", f"{DELETE} -- fine", DELETE.replace(" from ", "\tfrom "), DELETE.replace("'", "$$"),
    DELETE.replace("analyst_notes", "public.analyst_notes"), DELETE.replace("analyst_notes", '"analyst_notes"'),
)  # fmt: skip


@pytest.fixture
def approved(desk: Deployment) -> Iterator[str]:
    """The id of an approval of DELETE, by the service, which does not wait."""
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(DELETE)
        (request,) = open_requests(desk)
        desk.cli("request", "approve", request["id"], "--as", "dora")
        yield str(request["id"])
        assert connection.execute(COUNT).fetchone() == (1,), "something else ran under it"
        assert connection.execute(DELETE).statusmessage == "DELETE 1"
    assert desk.json("request", "show", request["id"])["state"] == "consumed"


def refuses(connection: psycopg.Connection[Any], text: str, approved: str, **more: Any) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="request AR-") as refused:
        connection.execute(text.encode(), **more)
    assert approved not in str(refused.value), text


def test_an_approval_does_not_hold_in_a_session_that_is_set_otherwise(desk: Deployment, approved: str) -> None:
    for setting in ELSEWHERE:
        with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
            connection.execute(setting.encode())
            refuses(connection, DELETE, approved)
    client = desk.raw("etl")  # set in the same pipeline, before the server has reported it
    for setting in ELSEWHERE[:3]:
        before = parse(setting) + bind() + execute()
        answer = client.ask(before + parse(DELETE) + bind() + execute() + SYNC)
        assert errors_of(answer) == ["42501"], setting
    client.close()


def test_an_approval_does_not_hold_for_a_text_that_was_written_otherwise(desk: Deployment, approved: str) -> None:
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        for text in REWRITTEN:
            refuses(connection, text, approved)
        refuses(connection, DELETE, approved, prepare=True)  # in the other protocol it is asked for by itself
    client = desk.raw("etl")
    with suppress(ConnectionError):
        client.ask(query(f"{DELETE}\0 and id > 0"))  # a text ends where it ends
    client.close()


def test_an_approval_of_one_value_does_not_hold_for_another_form_of_it(desk: Deployment) -> None:
    def ran(*message: bytes) -> bool:
        return not errors_of(client.ask(b"".join(message)))

    client = desk.raw("etl")
    plain = parse(BY_NOTE) + bind(b"to go") + execute() + SYNC
    assert not ran(plain)
    (request,) = open_requests(desk)
    desk.cli("request", "approve", request["id"], "--as", "dora")
    assert not ran(parse(BY_NOTE), bind(b"to go", formats=(1,)), execute(), SYNC)
    assert not ran(parse(BY_NOTE, types=(1043,)), bind(b"to go"), execute(), SYNC)
    assert not ran(query(DELETE))
    assert {one["parameters"][0] for one in open_requests(desk) if one["parameters"]} == {"to go", "\\x746f20676f"}
    assert ran(plain)
    client.close()


def test_a_temporary_table_takes_no_approval_of_the_one_that_it_shadows(desk: Deployment, approved: str) -> None:
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        connection.execute("create temporary table analyst_notes (id integer, note text)")
        with suppress(psycopg.errors.InsufficientPrivilege):
            assert connection.execute(DELETE).statusmessage == "DELETE 0", "its own, not the one that was approved"
    assert desk.json("request", "show", approved)["state"] == "approved"


def test_a_table_that_was_made_anew_under_the_same_name_is_another(desk: Deployment) -> None:
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(DELETE)
        (request,) = open_requests(desk)
        desk.cli("request", "approve", request["id"], "--as", "dora")
        desk.postgres.execute(
            "begin; alter table analyst_notes rename to kept_notes; set local role shop_admin;"
            " create table analyst_notes (like kept_notes including all);"
            " grant all on analyst_notes to shop_rw; commit",
            database="shop",
        )
        try:
            refuses(connection, DELETE, request["id"])  # at once, although it was made past the gateway
        finally:
            desk.postgres.execute(
                "begin; drop table analyst_notes; alter table kept_notes rename to analyst_notes; commit",
                database="shop",
            )
        assert connection.execute(DELETE).statusmessage == "DELETE 1"

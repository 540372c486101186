"""Held statements in real clients: they wait, they run once when approved, and say which of many ends it was."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psycopg
import pytest
from heldrig import COUNT, DELETE, POLICY, Running, note_to_go, open_requests, waiting
from rawwire import SYNC, bind, errors_of, execute, parse, tags_of
from rig import PATIENCE, Deployment, eventually


@pytest.fixture(autouse=True)
def a_note_to_go(desk: Deployment) -> None:
    note_to_go(desk)


def test_a_person_waits_in_the_same_session_and_gets_the_answer_on_approval(desk: Deployment) -> None:
    notices: list[str] = []
    with psycopg.connect(desk.dsn("alice"), autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        deleting = Running(lambda: connection.execute(DELETE).statusmessage)
        id_ = waiting(desk)
        (told,) = open_requests(desk)
        assert told["statement"] == DELETE
        assert (told["principal"], told["rule"], told["approvers"]) == ("alice", "notes-wait", ["dba"])
        began = time.monotonic()
        desk.cli("request", "approve", id_, "--as", "dora", "--note", "fine")
        assert deleting.result() == "DELETE 1"
        assert time.monotonic() - began < 5 * PATIENCE
        assert any(id_ in notice for notice in notices)
        assert any("approved" in notice for notice in notices)
        assert connection.execute("select 1").fetchone() == (1,)
    assert desk.json("request", "show", id_)["state"] == "consumed"
    row = [row for row in desk.search() if row["statement"] == DELETE and row["verdict"] == "allow"][-1]
    assert (row["principal"], row["status"], row["rows"]) == ("alice", "ok", 1)


def test_a_denial_reaches_the_client_with_its_reason(desk: Deployment) -> None:
    with psycopg.connect(desk.dsn("alice"), autocommit=True) as connection:
        deleting = Running(lambda: connection.execute(DELETE))
        id_ = waiting(desk)
        desk.cli("request", "deny", id_, "--as", "dora", "--reason", "use the archive")
        error = deleting.result()
        assert isinstance(error, psycopg.errors.InsufficientPrivilege)
        assert "was denied by dora: use the archive" in str(error)
        assert connection.execute(COUNT).fetchone() == (1,)
    assert desk.touched("analyst_notes")["rows"][-2]["verdict"] == "hold"


def test_a_service_does_not_wait_and_runs_it_once_after_approval(desk: Deployment) -> None:
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="request AR-") as refused:
            connection.execute(DELETE)
        id_ = open_requests(desk)[0]["id"]
        assert id_ in str(refused.value)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=id_):
            connection.execute(DELETE)
        desk.cli("request", "approve", id_, "--as", "dora")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(DELETE + " and id > 0")
        assert connection.execute(DELETE).statusmessage == "DELETE 1"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(DELETE)


def test_an_approval_holds_for_the_very_parameters(desk: Deployment) -> None:
    sql = "delete from analyst_notes where note = %s"
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql, ("to go",))
        (told,) = open_requests(desk)
        assert told["parameters"] == ["to go"]
        desk.cli("request", "approve", told["id"], "--as", "dora")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql, ("to stay",))
        assert connection.execute(sql, ("to go",)).statusmessage == "DELETE 1"


async def _asyncpg_waits(desk: Deployment) -> str:
    connection = await asyncpg.connect(desk.dsn("alice"), statement_cache_size=10)  # type: ignore[no-untyped-call]
    try:
        deleting = asyncio.create_task(connection.execute(DELETE.replace("'to go'", "$1"), "to go"))
        id_ = await asyncio.to_thread(waiting, desk)
        await asyncio.to_thread(desk.cli, "request", "approve", id_, "--as", "dora")
        return str(await asyncio.wait_for(deleting, 20))
    finally:
        await connection.close()


def test_asyncpg_waits_with_its_prepared_statement(desk: Deployment) -> None:
    assert asyncio.run(_asyncpg_waits(desk)) == "DELETE 1"


def test_ctrl_c_withdraws_and_the_session_goes_on(desk: Deployment) -> None:
    with desk.psql_at_terminal("alice") as terminal:
        assert terminal.shows("=>", 10 * PATIENCE)
        terminal.type(DELETE + ";")
        id_ = waiting(desk)
        assert terminal.shows("Ctrl-C withdraws the request", 10 * PATIENCE)
        terminal.ctrl_c()
        assert terminal.shows("canceling statement due to user request", 10 * PATIENCE)
        terminal.type("select 'still ' || 'here';")
        assert terminal.shows("still here", 10 * PATIENCE)
    assert desk.json("request", "show", id_)["state"] == "withdrawn"


def test_a_hang_up_withdraws(desk: Deployment) -> None:
    client = desk.raw("alice")
    client.send(parse(DELETE) + bind() + execute() + SYNC)
    id_ = waiting(desk)
    client.close()
    eventually(lambda: desk.json("request", "show", id_)["state"] == "withdrawn", 10)


def test_the_clients_statement_timeout_withdraws(desk: Deployment) -> None:
    with psycopg.connect(desk.dsn("alice"), autocommit=True) as connection:
        connection.execute("set statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled, match="due to statement timeout"):
            connection.execute(DELETE)
        assert connection.execute("show statement_timeout").fetchone() == ("300ms",)
    told = desk.json("request", "ls", "--all")[-1]
    assert (told["state"], told["reason"]) == ("withdrawn", "its statement_timeout was up")


@pytest.mark.parametrize(
    ("timeout_s", "said", "state"), [(0, "updated 1", "consumed"), (5, "failed 57014", "withdrawn")]
)
def test_jdbc_waits_shows_warnings_and_gives_up_with_its_query_timeout(
    desk: Deployment, java: list[str], timeout_s: int, said: str, state: str
) -> None:
    who = desk.issued["alice"]
    url = f"jdbc:postgresql://127.0.0.1:{desk.port}/shop?user={who.user}&password={quote(who.password, safe='')}"
    program = [*java, str(Path(__file__).parent / "Held.java"), url, "delete from analyst_notes where note = ?"]
    done = Running(
        lambda: subprocess.run([*program, str(timeout_s)], capture_output=True, text=True, timeout=60, check=False)
    )
    if not timeout_s:
        eventually(lambda: open_requests(desk) or not done.is_alive(), 30, desk.log)
        desk.cli("request", "approve", open_requests(desk)[0]["id"], "--as", "dora")
    told = done.result(60)
    assert isinstance(told, subprocess.CompletedProcess)
    lines = told.stdout.splitlines()
    assert (said in lines, "alive 1" in lines) == (True, True), told.stdout + told.stderr
    request = desk.json("request", "ls", "--all")[-1]
    assert any(line.startswith("warning") and request["id"] in line for line in lines)
    assert request["state"] == state


def test_psql_waits_and_prints_the_answer(desk: Deployment) -> None:
    deleting = Running(lambda: desk.psql(f"{DELETE} returning note;", principal="alice"))
    desk.cli("request", "approve", waiting(desk), "--as", "dora")
    told = deleting.result()
    assert isinstance(told, subprocess.CompletedProcess)
    assert told.stdout.splitlines()[0] == "to go", told.stderr
    assert "is approved" in told.stderr


def test_what_follows_in_the_pipeline_waits_with_it_in_order(desk: Deployment) -> None:
    client = desk.raw("alice")
    typed = DELETE.replace("'to go'", "$1")
    later = "insert into analyst_notes (note) values ('later')"
    client.send(parse(typed, "s") + bind(b"to go", name="s") + execute() + parse(later) + bind() + execute() + SYNC)
    id_ = waiting(desk)
    assert open_requests(desk)[0]["parameters"] == ["to go"]
    desk.cli("request", "approve", id_, "--as", "dora")
    answer = list(client.until())
    assert errors_of(answer) == []
    assert tags_of(answer) == ["DELETE 1", "INSERT 0 1"]
    client.close()


def test_a_clean_transaction_waits_a_moment_and_its_approval_counts_in_one_once(desk: Deployment) -> None:
    with psycopg.connect(desk.dsn("alice")) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="request AR-"):
            connection.execute(DELETE)
        connection.rollback()
        desk.cli("request", "approve", open_requests(desk)[0]["id"], "--as", "dora")
        assert connection.execute(DELETE).statusmessage == "DELETE 1"
        connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="request AR-"):
            connection.execute(DELETE)


def test_a_statement_of_a_megabyte_is_held_shown_whole_and_runs_once(desk: Deployment) -> None:
    long = f"{DELETE} and note not in ({', '.join(f'$${n:0100}$$' for n in range(9_000))})"
    assert 900_000 < len(long) < 1 << 20
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="request AR-"):
            connection.execute(long.encode())
        (told,) = open_requests(desk)
        assert told["statement"] == long
        desk.cli("request", "approve", told["id"], "--as", "dora")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"{long} ".encode())
        assert connection.execute(long.encode()).statusmessage == "DELETE 1"


def test_where_locks_are_held_nothing_waits(desk: Deployment) -> None:
    with psycopg.connect(desk.dsn("alice")) as connection:
        connection.execute("insert into analyst_notes (note) values ('in the same transaction')")
        began = time.monotonic()
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="request AR-"):
            connection.execute(DELETE)
        assert time.monotonic() - began < 3 * PATIENCE
        connection.rollback()
        assert connection.execute(COUNT).fetchone() == (1,)


def test_in_a_pipeline_the_held_statement_undoes_what_came_before(desk: Deployment) -> None:
    client = desk.raw("alice")
    insert = "insert into analyst_notes (note) values ('half')"
    answer = client.ask(parse(insert) + bind() + execute() + parse(DELETE) + bind() + execute() + SYNC)
    assert errors_of(answer) == ["42501"]
    client.close()
    assert (
        desk.postgres.execute("select count(*) from analyst_notes where note = 'half'", database="shop").strip() == "0"
    )


def test_nobody_approves_their_own_and_strangers_do_not_at_all(desk: Deployment) -> None:
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection, refused:
        connection.execute(DELETE)
    id_ = open_requests(desk)[0]["id"]
    for who in ("etl", "alice", "reporter"):
        done = desk.cli("request", "approve", id_, "--as", who, check=False)
        assert done.returncode == 1, done.stdout
    assert desk.json("request", "show", id_)["state"] == "open"


def test_an_approval_that_policy_overtook_does_not_count(desk: Deployment) -> None:
    file = desk.folder / "policies" / "approvals.cedar"
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(DELETE)
        desk.cli("request", "approve", open_requests(desk)[0]["id"], "--as", "dora")
        try:
            file.write_text(POLICY + '@id("never") forbid (principal, action in Action::"delete", resource);')
            desk.cli("reload")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match='forbidden by policy "never"'):
                connection.execute(DELETE)
        finally:
            file.write_text(POLICY)
            desk.cli("reload")
        assert connection.execute(DELETE).statusmessage == "DELETE 1"


def test_each_transition_is_in_the_ledger_and_it_verifies(desk: Deployment) -> None:
    with psycopg.connect(desk.dsn("etl"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(DELETE)
        id_ = open_requests(desk)[0]["id"]
        desk.cli("request", "approve", id_, "--as", "dora", "--note", "ticket 7")
        connection.execute(DELETE)
    entries = [row["fields"] for row in desk.search("--kind", "request.change")]
    changes = [fields for fields in entries if fields["request"] == id_]
    assert [row["what"] for row in changes] == ["open", "approve", "consumed"]
    assert changes[1]["by"]["approver"] == "dora"
    assert changes[1]["by"]["note"] == "ticket 7"
    assert desk.verify()["ok"]

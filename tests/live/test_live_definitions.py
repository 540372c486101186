"""Definitions inside a transaction: what was just made is understood, and no new name hides what it stands for."""

from __future__ import annotations

import psycopg
import pytest
from rawwire import SYNC, bind, errors_of, execute, parse, query, tags_of
from rig import Deployment, eventually


def columns_read(gateway: Deployment, relation: str) -> list[list[str]]:
    """The columns that each statement of dora selected from a relation, oldest first."""
    rows = gateway.touched(relation, "--by", "dora")["rows"]
    return [row["columns"] for row in sorted(rows, key=lambda row: row["seq"]) if "select" in row["verbs"]]


def test_what_a_transaction_made_is_understood_within_it(gateway: Deployment) -> None:
    with gateway.raw("dora") as client:
        for statement in (
            "begin",
            "create table shelf (id int primary key, label text)",
            "create view shelf_view as select label from shelf",
            "create function shelf_size() returns bigint language sql as 'select count(*) from shelf'",
            "insert into shelf values (1, 'a')",
            "alter table shelf rename column label to name",
            "select name, shelf_size() from shelf",
            "select label from shelf_view",
            "alter table shelf rename to rack",
            "create type size as enum ('s', 'm')",
            "alter table rack add column size size",
            "update rack set size = 's'",
            "select id, name, size from rack",
            "savepoint one",
            "alter table rack rename to bench",
            "select * from bench",
            "rollback to one",
            "select * from rack",
            "rollback",
        ):
            answer = client.ask(query(statement))
            assert not errors_of(answer), (statement, errors_of(answer))
        assert errors_of(client.ask(query("select * from rack"))) == ["42P01"]


def test_a_pipeline_that_creates_and_inserts_is_one_transaction(gateway: Deployment) -> None:
    def run(sql: str) -> bytes:
        return parse(sql) + bind() + execute()

    with gateway.raw("dora") as client:
        answer = client.ask(
            run("create table piped (id int)"), run("alter table piped rename id to n"),
            run("insert into piped (n) values (1)"), run("select n from piped"), run("drop table piped"), SYNC,
        )  # fmt: skip
        assert not errors_of(answer)
        assert [tag.split()[0] for tag in tags_of(answer)] == ["CREATE", "ALTER", "INSERT", "SELECT", "DROP"]


def test_a_renamed_table_is_asked_for_as_what_it_is_now(gateway: Deployment) -> None:
    with gateway.raw("dora") as client:
        for statement in (
            "begin",
            "alter table notes rename to notes_before",
            "alter table plain rename to notes",
            "select t from notes",
            "select note from notes_before",
            "create view through as select note from notes_before",
            "select * from through",
        ):
            answer = client.ask(query(statement))
            assert not errors_of(answer), (statement, errors_of(answer))
        client.ask(query("rollback"))
    eventually(lambda: columns_read(gateway, "shop.public.notes_before") == [["note"]] * 3)
    assert columns_read(gateway, "shop.public.notes") == [["t"]], "it is what plain was"


def test_a_name_that_the_transaction_took_does_not_open_a_table(gateway: Deployment) -> None:
    """A view made in the transaction under a harmless name is what it selects from: employees are for the DBA."""
    with gateway.raw() as client:
        for statement in (
            "begin",
            "create temp view harmless as select 1 as one",
            "create or replace temp view harmless2 as select name from employees",
        ):
            answer = client.ask(query(statement))
        assert errors_of(answer) == ["42501"]
        client.ask(query("rollback"))


def test_the_question_leaves_the_session_as_it_was(gateway: Deployment) -> None:
    names = ("search_path", "statement_timeout", "jit", "max_parallel_workers_per_gather", "join_collapse_limit")
    settings = "select " + ", ".join(f"current_setting('{name}')" for name in names)
    with gateway.raw("dora") as client:
        client.ask(query("set search_path = public, pg_catalog; set max_parallel_workers_per_gather = 3"))
        client.ask(query("begin"))
        client.ask(query("set local statement_timeout = '7s'"))
        before = client.rows(settings)
        assert before[0][1] == "7s" and before[0][3] == "3"
        client.ask(query("create table asked (id int)"))
        assert not errors_of(client.ask(query("insert into asked values (1)")))
        assert client.rows(settings) == before
        mine = "select count(*) from pg_locks where pid = pg_backend_pid() and relation = 'customers'::regclass"
        assert client.rows(mine) == [["0"]], "asking locks no table"
        client.ask(query("rollback"))
        assert client.rows(settings) == [[before[0][0], "0", *before[0][2:]]]


def test_asking_for_the_path_makes_no_temporary_schema(gateway: Deployment) -> None:
    """Else a transaction that only looked at it could be prepared, which the server refuses."""
    with psycopg.connect(gateway.dsn("dora"), autocommit=True) as connection:
        connection.execute("set search_path to pg_temp, public")
        assert connection.execute("select pg_my_temp_schema() = 0").fetchone() == (True,)
        assert connection.execute("select count(*) from customers").fetchone() != (0,)


@pytest.mark.parametrize("in_block", [False, True])
def test_a_definition_counts_for_every_session_once_it_was_answered(gateway: Deployment, in_block: bool) -> None:
    """What employees hold is for the DBA, whatever view shows it, and whoever remembers what that was before."""
    text = "select value from shutter where id = 1"
    shows = {"customers": [], "employees": ["42501"]}
    with gateway.raw("dora") as dba, gateway.raw() as reader:

        def define(table: str) -> None:
            said = f"create or replace view shutter as select id, name as value from {table}"
            for statement in ("begin", said, "commit") if in_block else (said,):
                assert not errors_of(dba.ask(query(statement)))

        define("customers")
        try:
            assert not errors_of(dba.ask(query("grant select on shutter to shop_rw")))
            assert not errors_of(reader.ask(parse(text, "s") + SYNC))
            for table in ("customers", "employees") * 5:
                define(table)
                for parts in (query(text), bind(name="s") + execute() + SYNC):
                    assert errors_of(reader.ask(parts)) == shows[table]
        finally:
            assert not errors_of(dba.ask(query("drop view shutter")))

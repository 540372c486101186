"""A refusal must leave what an error of the server itself leaves: the same transaction state, the same rows, one error.

Each conversation runs twice: directly with a statement that the server refuses (`pg_authid` may not be read by the
gateway's role), and through the gateway with one that policy refuses.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from rawwire import (
    SYNC,
    Client,
    Message,
    bind,
    copy_data,
    describe,
    errors_of,
    execute,
    parse,
    query,
    tags_of,
    types_of,
)
from rig import MASKED, Deployment
from scripts import Step, batch, simple

SERVER_REFUSES, POLICY_REFUSES = "select rolname from pg_authid", "select name from employees"
NOTE = "insert into analyst_notes (note) values ('refusal test')"
COUNT = "select count(*) from analyst_notes where note = 'refusal test'"
CLEAN = "delete from analyst_notes where note = 'refusal test'"


def extended(*statements: str) -> bytes:
    return b"".join(parse(sql) + bind() + execute() for sql in statements)


def conversations(refused: str) -> dict[str, Sequence[Step]]:
    return {
        "idle": simple(refused, "select 1"),
        "in a transaction": simple("begin", NOTE, refused, "select 1", COUNT, "rollback", COUNT),
        "in a transaction that is then committed": simple("begin", NOTE, refused, "commit", COUNT),
        "after a savepoint": simple("begin", "savepoint s", refused, "rollback to s", NOTE, "commit", COUNT, CLEAN),
        "extended and idle": [batch(extended(refused)), *simple("select 1")],
        "pipelined after an insert": [batch(extended(NOTE, refused, "select 1")), *simple(COUNT)],
        "pipelined before an insert": [batch(extended(refused, NOTE)), *simple(COUNT)],
        "pipelined between syncs": [
            Step(extended(NOTE) + SYNC + extended(refused) + SYNC + extended("select 3") + SYNC, count=3),
            *simple(COUNT, CLEAN),
        ],
        "pipelined in an open transaction": [
            *simple("begin"),
            batch(extended(NOTE, refused)),
            batch(extended("select 1")),
            *simple("rollback", COUNT),
        ],
        "pipelined with its own begin": [batch(extended("begin", NOTE, refused, "commit")), *simple("rollback", COUNT)],
        "prepared, then executed twice": [
            *simple("begin"),
            batch(parse("select 1", "fine"), bind(name="fine"), execute()),
            batch(extended(refused)),
            batch(bind(name="fine"), execute()),
            *simple("rollback"),
            batch(bind(name="fine"), execute()),
            *simple("deallocate all"),
        ],
        "copy out": simple(f"copy ({refused}) to stdout", "select 1"),
        "copy out in a transaction": simple("begin", f"copy ({refused}) to stdout", "select 1", "rollback"),
        "cursor": simple("begin", f"declare c cursor for {refused}", "select 1", "rollback"),
        "sql prepare": simple("begin", NOTE, f"prepare p as {refused}", "execute p", "rollback", COUNT),
        "explain": simple(f"explain analyze {refused}", "select 1"),
    }


def outline(messages: Sequence[Message]) -> list[tuple[str, object]]:
    """Errors, completions, counted rows and transaction states; where in a pipeline an error shows may differ."""
    told: list[tuple[str, object]] = []
    for got in messages:
        if got.type == b"E":
            told.append(("error", got.fields["C"]))
        elif got.type == b"C":
            told.append(("done", got.body))
        elif got.type == b"D":
            told.append(("row", got.body))
        elif got.type == b"Z":
            told.append(("ready", got.body))
    return told


def play(client: Client, script: Sequence[Step]) -> list[Message]:
    found: list[Message] = []
    with client:
        for step in script:
            client.send(step.send)
            found += client.until(step.until, step.count)
    return found


@pytest.mark.parametrize("name", [name for name in conversations("") if name != "sql prepare"])
def test_refusal_leaves_what_an_error_of_the_server_leaves(gateway: Deployment, name: str) -> None:
    direct = play(gateway.raw_direct("shop_rw"), conversations(SERVER_REFUSES)[name])
    through = play(gateway.raw("alice"), conversations(POLICY_REFUSES)[name])
    assert outline(through) == outline(direct)
    told = [got.fields for got in through if got.type == b"E" and got.fields["C"] == "42501"]
    assert told
    assert all("salaries-are-for-the-dba" in fields["M"] and fields["D"] and fields["H"] for fields in told)


def test_several_statements_in_one_message_are_refused_as_one(gateway: Deployment) -> None:
    """The server would run the first and undo it; here nothing runs, which leaves the same."""
    through = play(gateway.raw("alice"), simple(f"{NOTE}; {POLICY_REFUSES}; select 2", COUNT))
    assert outline(through)[:2] == [("error", "42501"), ("ready", b"I")]
    assert outline(through)[2] == ("row", b"\0\x01\0\0\0\x010")


def test_sql_prepare_of_a_denied_statement_keeps_nothing(gateway: Deployment) -> None:
    """The server refuses at EXECUTE; policy may do so at PREPARE already."""
    through = play(gateway.raw("alice"), conversations(POLICY_REFUSES)["sql prepare"])
    assert "42501" in errors_of(through)
    assert outline(through)[-3:] == [("row", b"\0\x01\0\0\0\x010"), ("done", b"SELECT 1\0"), ("ready", b"I")]


def test_denied_statement_never_reaches_the_server(gateway: Deployment) -> None:
    with gateway.raw("alice") as client:
        client.ask(query("select 'not reached', name from employees"))
        (backend,) = gateway.backends(f"pid = {int.from_bytes(client.key[:4], 'big')}")
        assert "not reached" not in backend


def test_denied_copy_in_asks_for_no_data(gateway: Deployment) -> None:
    with gateway.raw("alice") as client:
        assert errors_of(client.ask(query("copy employees from stdin"))) == ["42501"]
        answer = client.ask(parse("copy employees from stdin") + bind() + execute() + copy_data(b"1\n") + SYNC)
        assert errors_of(answer) == ["42501"]
        assert client.rows("select 1") == [["1"]]


def test_describe_of_a_denied_statement_does_not_run_it(gateway: Deployment) -> None:
    with gateway.raw("alice") as client:
        answer = client.ask(parse(POLICY_REFUSES), describe(b"S"), bind(), describe(), execute(), SYNC)
        assert errors_of(answer) == ["42501"]
        assert not [got for got in answer if got.type == b"D"]
        assert answer[-1].body == b"I"


@pytest.mark.parametrize("control", ["rollback", "ROLLBACK; ", "abort", "rollback work", "end", "commit"])
def test_rollback_is_never_refused(gateway: Deployment, control: str) -> None:
    with gateway.raw("alice") as client:
        client.ask(query("begin"))
        assert errors_of(client.ask(query(POLICY_REFUSES))) == ["42501"]
        answer = client.ask(query(control))
        assert (errors_of(answer), tags_of(answer), answer[-1].body) == ([], ["ROLLBACK"], b"I")


@pytest.mark.parametrize(
    ("sql", "sqlstate"), [(POLICY_REFUSES, "25P02"), ("drop table nowhere", "25P02"), ("selec 1", "42601")]
)
def test_in_a_failed_transaction_the_server_s_own_words_stand(gateway: Deployment, sql: str, sqlstate: str) -> None:
    with gateway.raw("alice") as client, gateway.raw_direct("shop_rw") as direct:
        for one in (client, direct):
            one.ask(query("begin"))
            one.ask(query("select 1/0"))
        answer = client.ask(query(sql))
        assert errors_of(answer) == [sqlstate]
        assert outline(answer) == outline(direct.ask(query(sql)))
        answer = client.ask(parse(sql), bind(), execute(), SYNC)
        assert (errors_of(answer), answer[-1].body) == ([sqlstate], b"E")
        assert errors_of(client.ask(query(f"rollback; {POLICY_REFUSES}"))) == ["42501"]
        assert tags_of(client.ask(query("rollback"))) == ["ROLLBACK"]


def test_what_was_refused_in_a_failed_transaction_is_recorded_as_denied(gateway18: Deployment) -> None:
    sql = f"{POLICY_REFUSES} /* in a failed transaction */"
    with gateway18.raw("alice") as client:
        client.ask(query("begin"), query("select 1/0"))
        list(client.until())
        assert errors_of(client.ask(query(sql))) == ["25P02"]
    assert [row["verdict"] for row in gateway18.search("--text", "in a failed transaction")] == ["deny"]


def test_nothing_of_a_text_runs_when_a_part_of_it_is_denied(gateway: Deployment) -> None:
    """Not even what the text itself commits first."""
    with gateway.raw("alice") as client:
        assert errors_of(client.ask(query(f"begin; {NOTE}; commit; {POLICY_REFUSES}"))) == ["42501"]
        assert client.rows(COUNT) == [["0"]]


def test_agent_may_not_drop_and_its_session_goes_on(gateway: Deployment) -> None:
    with gateway.raw("reporter") as client:
        assert errors_of(client.ask(query("drop table customers"))) == ["42501"]
        assert client.rows("select count(*) from customers") == [["500"]]


def test_agent_may_not_do_what_its_owner_may_not(gateway: Deployment) -> None:
    with gateway.raw("reporter") as client:
        (error,) = (got for got in client.ask(query(POLICY_REFUSES)) if got.type == b"E")
        assert error.fields["C"] == "42501"


HIDDEN = [
    "with gone as (delete from customers where id = 1 returning id) select * from gone",
    "explain analyze delete from customers where id = 1",
    "copy (delete from customers where id = 1 returning id) to stdout",
    "prepare sneaky as delete from customers where id = 1",
    "do $$ begin delete from customers where id = 1; end $$",
    "select 1; delete from customers where id = 1",
    "begin; delete from customers where id = 1; commit",
    "create table mine as select * from customers",
    "select * into mine from customers",
    "create view mine as select * from employees",
    "select raise_salaries(1)",
    "set role shop_admin",
    "set session authorization tidewaiter",
    "select set_config('role', 'shop_admin', false)",
    "grant all on customers to public",
    "alter role tidewaiter password 'x'",
    "copy customers to program 'cat'",
    "truncate customers",
    "lock table customers",
    "vacuum customers",
    "update customers set name = name",
    "select * from customers for update",
]


@pytest.mark.parametrize("sql", HIDDEN)
def test_what_an_analyst_may_not_do_is_found_wherever_it_hides(gateway18: Deployment, sql: str) -> None:
    with gateway18.raw("alice") as client:
        answer = client.ask(query(sql))
        assert "42501" in errors_of(answer), tags_of(answer)
        client.ask(query("rollback"))
        assert client.rows("select count(*) from customers where id = 1") == [["1"]]


def test_observe_mode_blocks_nothing_and_records_what_it_would_have(gateway: Deployment) -> None:
    mark = "observed denial"
    with gateway.raw("reporter", "watched") as client:
        client.ask(query("begin"))
        assert tags_of(client.ask(query(f"update customers set name = '{mark}' where id = 1"))) == ["UPDATE 1"]
        client.ask(query("rollback"))
    (row,) = [row for row in gateway.search("--principal", "reporter") if mark in (row["statement"] or "")]
    assert row["datasource"] == "watched"
    assert row["verdict"] == "allow"


SHADOW = "create schema lab; create table lab.employees (id int); grant usage on schema lab to public; grant select on lab.employees to public"  # noqa: E501
PREPARE_ELSEWHERE = ("set search_path = lab", "prepare p as select id from employees", "set search_path = public")


def test_prepare_does_not_carry_its_verdict_to_another_search_path(gateway: Deployment) -> None:
    gateway.postgres.execute(SHADOW, database="shop")
    try:
        with gateway.raw("alice") as client:
            client.ask(query("set search_path = lab"))
            client.rows("select count(*) from employees")  # the catalog knows the new schema from here on
            for text in PREPARE_ELSEWHERE[1:]:
                assert errors_of(client.ask(query(text))) == []
            assert errors_of(client.ask(query("execute p"))) == ["42501"]
            assert errors_of(client.ask(bind(name="p") + execute() + SYNC)) == ["42501"]
            client.ask(query(PREPARE_ELSEWHERE[0]))
            assert errors_of(client.ask(query("execute p"))) == []
    finally:
        gateway.postgres.execute("drop schema lab cascade", database="shop")


@pytest.mark.parametrize("principal", ["dora", MASKED])
def test_a_query_takes_the_unnamed_statement_along_and_a_question_of_the_gateways_does_not(
    gateway: Deployment, principal: str
) -> None:
    again = bind() + describe() + execute() + SYNC
    answers = []
    for client in (gateway.raw_direct(), gateway.raw(principal)):
        with client:
            client.ask(parse("set search_path = public", "s") + parse("select id from customers where id = 1") + SYNC)
            moved = client.ask(bind(name="s") + execute() + SYNC)  # the gateway asks for the path behind this
            found = client.ask(again)
            client.ask(query("select 2"))
            lost = client.ask(again)
            answers.append((tags_of(moved), tags_of(found), types_of(found), lost[0].fields, types_of(lost)))
    assert answers[0] == answers[1]
    assert answers[0][3]["C"] == "26000"
    assert answers[0][3]["M"] == "unnamed prepared statement does not exist"

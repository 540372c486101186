"""Row limits against real servers: exactly n rows, then the error; and everything that the statement did undone.

`lena` may have five rows of everything; `marge` a million, so that her statements take the guarded road and must not
show it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from rawwire import (
    COPY_DONE,
    FLUSH,
    SYNC,
    Client,
    Message,
    bind,
    close,
    copy_data,
    describe,
    errors_of,
    execute,
    parse,
    query,
    rows_of,
    tags_of,
    types_of,
)
from rig import Deployment, copy_of, eventually
from scripts import ALL
from test_live_differential import play

from tidewaiter.demo.postgres import EmbeddedPostgres

LIMIT = 5
POLICIES = """
@id("five-rows") @max_rows("5")
permit (principal in Group::"limited", action, resource in Datasource::"shop");
@id("a-million-rows") @max_rows("1000000")
permit (principal in Group::"roomy", action, resource in Datasource::"shop");
@id("five-rows-watched") @max_rows("5")
permit (principal in Group::"limited", action, resource in Datasource::"watched");
"""
TABLES = """
set role shop_admin;
create table counted (n integer primary key, t text);
create table kids (n integer references counted on delete cascade deferrable, k integer);
create table strict (n integer primary key, of integer references counted deferrable initially deferred);
create table logged (n integer);
create function log_it() returns trigger language plpgsql as
  $$ begin insert into logged select n.n from generate_series(1, 6) n; return null; end $$;
create table triggers (n integer);
create trigger logs after insert on triggers for each statement execute function log_it();
create function wipe() returns bigint language plpgsql as
  $$ declare n bigint; begin delete from counted; get diagnostics n = row_count; return n; end $$;
insert into counted select n, 'row ' || n from generate_series(1, 20) n;
insert into kids select 1, n from generate_series(1, 6) n;
"""
DROP = "drop table kids, strict, logged, triggers, counted cascade; drop function log_it, wipe"


def limited(workshop: Path, template: Deployment, postgres: EmbeddedPostgres, name: str) -> Iterator[Deployment]:
    deployment = copy_of(template, workshop / name, postgres)
    config = deployment.folder / "tidewaiter.toml"
    config.write_text(
        config.read_text().replace("roles = {", 'roles = { limited = "shop_admin", roomy = "shop_admin",')
    )
    for rules in (deployment.folder / "policies").glob("*.cedar"):
        rules.unlink()
    (deployment.folder / "policies" / "limits.cedar").write_text(POLICIES)
    for principal, group in (("lena", "limited"), ("marge", "roomy")):
        deployment.cli("principal", "add", principal, "--group", group)
        deployment.issued[principal] = deployment.issue(principal)
    postgres.execute(TABLES, database="shop")
    try:
        yield deployment.start()
    finally:
        deployment.kill()
        postgres.execute(DROP, database="shop")


@pytest.fixture(scope="module")
def limited18(workshop: Path, template: Deployment, postgres18: EmbeddedPostgres) -> Iterator[Deployment]:
    yield from limited(workshop, template, postgres18, "limited18")


@pytest.fixture(scope="module")
def limited15(workshop: Path, template: Deployment, postgres15: EmbeddedPostgres) -> Iterator[Deployment]:
    yield from limited(workshop, template, postgres15, "limited15")


@pytest.fixture(params=["18", "15"])
def gateway(request: pytest.FixtureRequest) -> Deployment:
    found: Deployment = request.getfixturevalue(f"limited{request.param}")
    return found


def lena(gateway: Deployment, database: str = "shop") -> Client:
    return gateway.raw("lena", database)


def count(gateway: Deployment, table: str) -> int:
    return int(gateway.postgres.execute(f"select count(*) from {table}", database="shop"))


def assert_limited(answer: list[Message], ready: bytes = b"I") -> None:
    (error,) = [got.fields for got in answer if got.type == b"E"]
    assert error["C"] == "42501"
    assert "five-rows" in error["M"] and "5" in error["M"]
    assert error["D"].startswith("decision ") and error["H"]
    assert (answer[-1].type, answer[-1].body) == (b"Z", ready)


# -- reading --------------------------------------------------------------------------------------------------------
# Differences that are documented: a function called by its number cannot be counted; what is not understood runs as in
# a transaction block; the session ends by ours where the server would end it.
DIFFERENT = {"extended: function call", "simple: settings", "copy: in, interrupted by a query"}


@pytest.mark.parametrize("name", [name for name in ALL if name not in DIFFERENT])
def test_steps_show_nothing_of_themselves(gateway: Deployment, name: str) -> None:
    assert play(gateway.raw("marge"), ALL[name]) == play(gateway.raw_direct(), ALL[name])


@pytest.mark.parametrize("rows", [0, 1, 4, 5])
def test_an_answer_within_the_limit_is_the_server_s_own(gateway: Deployment, rows: int) -> None:
    sql = f"select n, t from counted order by n limit {rows}"
    with lena(gateway) as client, gateway.raw_direct() as direct:
        assert client.ask(query(sql)) == direct.ask(query(sql))
        extended = parse(sql) + bind() + describe() + execute() + SYNC
        assert client.ask(extended) == direct.ask(extended)


@pytest.mark.parametrize("rows", [6, 7, 20])
def test_a_longer_answer_ends_after_the_limit(gateway: Deployment, rows: int) -> None:
    sql = f"select n from counted order by n limit {rows}"
    with lena(gateway) as client:
        answer = client.ask(query(sql))
        assert types_of(answer) == "TDDDDDEZ"
        assert_limited(answer)
        answer = client.ask(parse(sql), bind(), describe(), execute(), SYNC)
        assert types_of(answer) == "12TDDDDDEZ"
        assert_limited(answer)
        assert client.rows("select 1") == [["1"]]


def test_a_transaction_that_ran_into_the_limit_has_failed(gateway: Deployment) -> None:
    with lena(gateway) as client:
        client.ask(query("begin"))
        client.ask(query("insert into counted values (100, 'x')"))
        assert_limited(client.ask(query("select n from counted")), b"E")
        assert errors_of(client.ask(query("select 1"))) == ["25P02"]
        assert tags_of(client.ask(query("commit"))) == ["ROLLBACK"]
        client.ask(query("begin"), query("select 1"))
        list(client.until())
        assert_limited(client.ask(parse("select n from counted"), bind(), execute(), SYNC), b"E")
        client.ask(query("rollback"))
    assert count(gateway, "counted where n = 100") == 0


def test_what_was_pipelined_before_is_undone_and_what_comes_after_is_skipped(gateway: Deployment) -> None:
    insert = parse("insert into counted values (101, 'x')") + bind() + execute()
    with lena(gateway) as client:
        answer = client.ask(insert, parse("select n from counted"), bind(), execute(), insert, SYNC)
        assert types_of(answer) == "12C12DDDDDEZ"
        assert_limited(answer)
        assert client.rows("select count(*) from counted") == [["20"]]


def test_a_portal_counts_as_a_whole(gateway: Deployment) -> None:
    with lena(gateway) as client:
        client.ask(query("begin"))
        first = parse("select n from counted order by n") + bind(portal="p") + execute("p", 2)
        assert types_of(client.ask(first, SYNC)) == "12DDsZ"
        assert types_of(client.ask(execute("p", 3), SYNC)) == "DDDsZ"
        answer = client.ask(execute("p", 2), SYNC)
        assert types_of(answer) == "EZ"
        assert_limited(answer, b"E")


def test_a_portal_that_ends_at_the_limit_ends_well(gateway: Deployment) -> None:
    sql = "select n from counted order by n limit 5"
    steps = parse(sql) + bind() + execute("", 3) + execute("", 2) + execute("", 2) + SYNC
    with lena(gateway) as client, gateway.raw_direct() as direct:
        assert client.ask(steps) == direct.ask(steps)


@pytest.mark.parametrize("declare", ["declare c cursor for", "declare c scroll cursor with hold for"])
def test_a_cursor_counts_as_a_whole(gateway: Deployment, declare: str) -> None:
    with lena(gateway) as client:
        client.ask(query("begin"))
        client.ask(query(f"{declare} select n from counted order by n"))
        assert types_of(client.ask(query("fetch 3 from c"))) == "TDDDCZ"
        assert types_of(client.ask(parse("fetch 1 from c"), bind(), execute(), SYNC)) == "12DCZ"
        answer = client.ask(query("fetch 2 from c"))
        assert types_of(answer) == "TDEZ"
        assert_limited(answer, b"E")
        client.ask(query("rollback"))
        answer = client.ask(query(f"begin; {declare} select n from counted; fetch 5 from c; fetch 1 from c"))
        assert types_of(answer) == "CCTDDDDDCTEZ"
        assert_limited(answer, b"E")


def test_execute_and_fetch_share_one_count_and_no_rollback_takes_it_back(gateway: Deployment) -> None:
    with lena(gateway) as client:
        client.ask(query("begin"))
        client.ask(parse("select n from counted order by n") + bind(portal="p") + execute("p", 3) + SYNC)
        assert types_of(client.ask(query("fetch 2 from p"))) == "TDDCZ"
        assert_limited(client.ask(query("fetch 1 from p")), b"E")
        client.ask(query("rollback"))

        client.ask(query("begin; declare c cursor for select n from counted order by n; savepoint s"))
        given = 0
        for again in (query("fetch 6 from c"), execute("c", 6) + SYNC, query("fetch 6 from c")):
            answer = client.ask(again)
            given += types_of(answer).count("D")
            assert_limited(answer, b"E")
            client.ask(query("rollback to s"))
        assert given == 5
        client.ask(query("rollback"))

        client.ask(query("begin"))
        client.ask(parse("select n from counted order by n") + bind(portal="q") + execute("q", 1) + SYNC)
        client.ask(query("savepoint s"))
        answers = []
        for _ in range(2):
            answers.append(client.ask(execute("q") + SYNC))
            assert_limited(answers[-1], b"E")
            client.ask(query("rollback to s"))
        assert [types_of(answer) for answer in answers] == ["DDDDEZ", "EZ"]


def test_copy_out_ends_after_the_limit(gateway: Deployment) -> None:
    with lena(gateway) as client, gateway.raw_direct() as direct:
        answer = client.ask(query("copy (select n from counted order by n) to stdout"))
        assert types_of(answer) == "HdddddEZ"
        assert_limited(answer)
        answer = client.ask(query("copy counted to stdout with (format csv, header)"))
        assert types_of(answer) == "HddddddEZ"
        answer = client.ask(parse("copy counted to stdout (format binary)"), bind(), execute(), SYNC)
        assert types_of(answer) == "12HdddddEZ"
        for options in ("", "(format csv, header)", "(format binary)"):
            for rows in (0, 4, 5):
                sql = f"copy (select n from counted order by n limit {rows}) to stdout {options}"
                assert client.ask(query(sql)) == direct.ask(query(sql))
        client.ask(query("begin"))
        assert_limited(client.ask(query("copy counted to stdout")), b"E")


def test_a_long_copy_is_cancelled_and_the_session_goes_on(gateway: Deployment) -> None:
    with lena(gateway) as client:
        for _ in range(20):
            answer = client.ask(
                query("copy (select repeat(t, 100) from counted, generate_series(1, 400000)) to stdout")
            )
            assert_limited(answer)
            assert client.rows("select 1") == [["1"]]


def test_explain_show_and_sql_execute_are_limited_too(gateway: Deployment) -> None:
    with lena(gateway) as client:
        assert_limited(client.ask(query("prepare p as select n from counted; execute p")))
        client.ask(query("prepare q as select n from counted"))
        answer = client.ask(query("execute q"))
        assert types_of(answer) == "TDDDDDEZ"
        assert client.rows("show work_mem")


def test_an_error_of_a_later_statement_points_into_the_whole_text(gateway: Deployment) -> None:
    sql = "select 'ä'; select 1 as one;\n select x from counted"
    with gateway.raw("marge") as client, gateway.raw_direct() as direct:
        assert client.ask(query(sql)) == direct.ask(query(sql))


def test_a_client_s_cancel_ends_a_guarded_statement(gateway: Deployment) -> None:
    with lena(gateway) as client:
        client.send(query("select pg_sleep(20) from counted"))
        eventually(lambda: gateway.backends("query like 'select pg_sleep(20)%' and state = 'active'"))
        client.cancel("127.0.0.1", gateway.port)
        assert errors_of(list(client.until())) == ["57014"]
        assert client.rows("select 1") == [["1"]]


# -- writing --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "sql",
    [
        "delete from counted where n between 2 and 7",
        "update counted set t = 'changed' where n < 7",
        "insert into counted select n + 1000 from counted",
        "delete from counted where n > 10 returning n",
        "with gone as (delete from counted where n > 10 returning n) select count(*) from gone",
        "delete from counted where n = 1",  # and six that cascade
        "insert into triggers values (1)",  # and six by the trigger
        "do $$ begin delete from counted where n > 10; end $$",
        "select wipe()",
        "explain analyze delete from counted where n > 10",
        "create table copied as select * from counted",
        "merge into counted using (select 1) x on true when matched then delete",
        "select 1; delete from counted where n > 10; select 2",
        "insert into counted values (500, 'x'); delete from counted where n > 10 and n < 500",
    ],
)
def test_a_write_beyond_the_limit_leaves_nothing(gateway: Deployment, sql: str) -> None:
    def state() -> str:
        return gateway.postgres.execute(
            "select (select md5(string_agg(c::text, ',' order by n)) from counted c), (select count(*) from kids), "
            "(select count(*) from logged), (select count(*) from triggers), to_regclass('copied')",
            database="shop",
        )

    before = state()
    with lena(gateway) as client:
        answer = client.ask(query(sql))
        assert_limited(answer)
        assert b"D" not in [got.type for got in answer] or sql.startswith("select 1;")
        assert client.rows("select 1") == [["1"]]
        if ";" not in sql or sql.startswith("do"):
            answer = client.ask(parse(sql), bind(), execute(), SYNC)
            assert types_of(answer) == "12EZ"
            assert_limited(answer)
        client.ask(query("begin"))
        assert_limited(client.ask(query(sql)), b"E")
        client.ask(query("commit"))
    assert state() == before


def test_a_write_within_the_limit_is_the_server_s_own(gateway: Deployment) -> None:
    insert = "insert into counted select g from generate_series(201, 205) g returning n"
    script = [
        query(insert),
        query("update counted set t = 'y' where n > 200"),
        parse("delete from counted where n > 200 returning n, t") + bind() + describe() + execute() + SYNC,
        parse(insert) + bind() + execute("", 2) + execute() + SYNC,
        query("delete from counted where n > 200; insert into counted values (300); delete from counted where n = 300"),
    ]
    with lena(gateway) as client, gateway.raw_direct() as direct:
        through = [client.ask(sent) for sent in script]
        assert through == [direct.ask(sent) for sent in script]
    assert count(gateway, "counted") == 20


def test_a_deferred_constraint_speaks_at_the_end_of_the_statement(gateway: Deployment) -> None:
    sql = "insert into strict values (1, -1)"
    with lena(gateway) as client, gateway.raw_direct() as direct:
        assert types_of(client.ask(query(sql))) == "EZ"
        assert client.ask(query(sql)) == direct.ask(query(sql))


def test_copy_in_is_counted_and_undone(gateway: Deployment) -> None:
    few, many = (b"".join(b"%d\tx\n" % n for n in range(600, 600 + rows)) for rows in (5, 6))
    with lena(gateway) as client:
        for copied, tags in ((few, ["COPY 5"]), (many, [])):
            client.send(query("copy counted from stdin"))
            assert client.receive().type == b"G"
            client.send(copy_data(copied), COPY_DONE)
            answer = list(client.until())
            assert tags_of(answer) == tags
            client.ask(query("delete from counted where n >= 600"))
        assert_limited(answer)
        for copied, seen in ((few, "CZ"), (many, "EZ")):
            client.send(parse("copy counted from stdin"), bind(), execute(), SYNC)
            assert types_of(list(client.until(b"G"))) == "12G"
            client.send(copy_data(copied[:7]), copy_data(copied[7:]), COPY_DONE, SYNC)
            assert types_of(list(client.until())) == seen
            client.ask(query("delete from counted where n >= 600"))
        client.send(query("copy counted from stdin"), copy_data(b"no number\n"), COPY_DONE)
        assert types_of(list(client.until())) == "GEZ"
        assert client.rows("select 1") == [["1"]]


def test_a_returned_answer_that_cannot_be_held_back_is_refused(gateway: Deployment) -> None:
    with lena(gateway) as client:
        answer = client.ask(query("update counted set t = 'z' where n = 2 returning repeat('x', 20000000)"))
        assert types_of(answer) == "TEZ"
        assert errors_of(answer) == ["42501"]
    assert count(gateway, "counted where t = 'z'") == 0


def test_what_cannot_run_in_a_transaction_runs_as_ever(gateway: Deployment) -> None:
    with lena(gateway) as client:
        assert tags_of(client.ask(query("vacuum counted"))) == ["VACUUM"]
        assert tags_of(client.ask(query("create index concurrently by_t on counted (t)"))) == ["CREATE INDEX"]
        assert tags_of(client.ask(query("drop index concurrently by_t"))) == ["DROP INDEX"]


def test_the_unnamed_statement_is_gone_after_a_query(gateway: Deployment) -> None:
    with lena(gateway) as client:
        for sql in ("select 1", "select 1/0", "select n from counted"):
            client.ask(parse("select 7"), SYNC)
            client.ask(query(sql))
            assert errors_of(client.ask(bind(), execute(), SYNC)) == ["26000"]


def test_a_function_call_by_number_is_refused(gateway: Deployment) -> None:
    oid = int(gateway.postgres.execute("select 'wipe'::regproc::oid", database="shop"))
    with lena(gateway) as client:
        body = struct.pack("!IHHH", oid, 0, 0, 0)
        answer = client.ask(b"F" + struct.pack("!I", len(body) + 4) + body)
        assert errors_of(answer) == ["42501"]
    assert count(gateway, "counted") == 20


def test_names_of_the_gateway_s_own_stay_hidden(gateway: Deployment) -> None:
    with lena(gateway) as client:
        client.ask(query("begin"))
        client.ask(query("update counted set t = t where n = 3"))
        assert client.rows("select name from pg_prepared_statements") == []
        assert client.rows("select name from pg_cursors where name <> ''") == []
        client.ask(parse("select 5", "mine"), SYNC, close(b"S", "mine"), FLUSH)


# -- what is recorded -----------------------------------------------------------------------------------------------
def test_the_ledger_says_what_was_limited(limited18: Deployment) -> None:
    with lena(limited18) as client:
        client.ask(query("select n, 'limited read' from counted"))
        client.ask(query("delete from counted /* limited write */"))
    found = {row["statement"]: row for row in limited18.search("--by", "lena")}
    read = found["select n, 'limited read' from counted"]
    assert (read["status"], read["sqlstate"], read["rows"]) == ("limited", "42501", 5)
    write = found["delete from counted /* limited write */"]
    assert (write["status"], write["sqlstate"], write["rows"]) == ("limited", "42501", 0)


def test_observe_mode_lets_everything_through(limited18: Deployment) -> None:
    sql = "select n, 'watched' from counted"
    with lena(limited18, "watched") as client:
        assert len(list(rows_of(client.ask(query(sql))))) == 20
    (row,) = [row for row in limited18.search("--by", "lena") if row["statement"] == sql]
    assert (row["status"], row["rows"]) == ("ok", 20)

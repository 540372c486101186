"""Masking end to end: a principal who may not unmask, real clients, a real server behind the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import psycopg
import pytest
from rawwire import SYNC, Client, Message, bind, describe, errors_of, execute, parse, query, rows_of, types_of
from rig import MASKED, Deployment

connect: Callable[..., Any] = asyncpg.connect
COLUMNS = "email, ssn, phone, date_of_birth, address"
EMAIL = re.compile(r"^.\*\*\*@example\.(com|org|net)$")


def is_masked(row: Sequence[object]) -> bool:
    """Whether the values of COLUMNS are what an analyst sees."""
    email, ssn, phone, born, address = map(str, row)
    return bool(
        EMAIL.match(email)
        and re.fullmatch(r"\*{7}\d{4}", ssn)
        and re.fullmatch(r"\*+\d\d", phone)
        and born.endswith("-01-01")
        and address == "***"
    )


@pytest.fixture(scope="module")
def secrets(gateway18: Deployment) -> list[str]:
    """Real values that nobody who sees masks may get."""
    told = gateway18.psql("select email, ssn, card, address from customers order by id limit 3;")
    return [value for line in told.stdout.splitlines() for value in line.split("|")]


def test_psql_sees_masks_in_every_kind_of_answer(gateway: Deployment) -> None:
    text = f"""
        select {COLUMNS} from customers order by id limit 2;
        copy (select {COLUMNS} from customers order by id limit 1) to stdout;
        begin; declare c cursor for select {COLUMNS} from customers order by id; fetch 2 from c; commit;
        prepare p as select {COLUMNS} from customers where id = $1; execute p(1); deallocate p;
        """
    told = gateway.psql(text, principal=MASKED)
    if "run it again" in told.stderr:  # 40001, which may be for nothing
        told = gateway.psql(text, principal=MASKED)
    rows = [re.split(r"[|\t]", line) for line in told.stdout.splitlines()]
    assert len(rows) == 6 and all(map(is_masked, rows)), told
    assert not told.stderr


def test_nothing_real_comes_through_errors_notices_or_names(gateway18: Deployment, secrets: list[str]) -> None:
    told = gateway18.psql(
        """
        \\set VERBOSITY verbose
        select email::int from customers;
        select 1 / (id - id) from customers where email like '%@%';
        insert into customers select * from customers;
        update customers set id = 2 where id = 1;
        do $$ begin raise notice '%', (select email from customers limit 1); end $$;
        select complain(email) from customers limit 1;
        explain (analyze, verbose) select * from customers where email like 'a%';
        select * from pg_stats where tablename = 'customers';
        select query_to_xml('select email from customers', true, false, '');
        listen everything;
        table customers;
        copy customers to stdout;
        copy customers to stdout (format csv, header);
        select customers from customers;
        select to_jsonb(c) from customers c;
        select string_agg(email, ',') from customers;
        select * from customers where email = (select min(email) from customers);
        """,
        principal=MASKED,
    )
    said = told.stdout + told.stderr
    assert [value for value in secrets if value in said] == []
    assert "22P02" in said and "(masking: " in said


def test_psql_points_at_the_place_in_the_text_that_was_typed(gateway18: Deployment) -> None:
    text = "select id,  email + 1 from customers where ssn > '1';"
    told = gateway18.psql(text, principal=MASKED).stderr.splitlines()
    assert "operator does not exist: text + integer" in told[0], told
    assert told[1] == f"LINE 1: {text}" and told[2].index("^") == told[1].index("+")


@pytest.mark.parametrize("is_binary", [False, True])
def test_psycopg_sees_masks_in_text_and_binary(gateway18: Deployment, is_binary: bool) -> None:
    with psycopg.connect(gateway18.dsn(MASKED), autocommit=True) as connection:
        with connection.cursor(binary=is_binary) as cursor:
            cursor.execute(f"select {COLUMNS} from customers order by id limit %s", [5])
            assert all(map(is_masked, cursor.fetchall()))
            for _ in range(8):  # prepared on the way
                cursor.execute(f"select {COLUMNS} from customers where id = %s", [1], prepare=True)
                assert is_masked(cursor.fetchone() or ())
        with connection.transaction(), connection.cursor("server_side") as named:
            named.execute(f"select {COLUMNS} from customers order by id")
            assert all(map(is_masked, named.fetchmany(7)))
        with connection.cursor() as cursor, cursor.copy(f"copy (select {COLUMNS} from customers) to stdout") as copy:
            assert all(map(is_masked, copy.rows()))


def test_asyncpg_sees_masks(gateway18: Deployment) -> None:
    async def run() -> None:
        connection = await connect(gateway18.dsn(MASKED))
        try:
            text = f"select {COLUMNS} from customers where id < $1 order by id"
            for _ in range(3):  # described once, executed often
                assert all(map(is_masked, await connection.fetch(text, 4)))
            async with connection.transaction():
                assert [is_masked(row) async for row in connection.cursor(text, 9, prefetch=2)] == [True] * 8
            sink = io.BytesIO()
            await connection.copy_from_query(text, 3, output=sink, format="csv")
            assert all(is_masked(line.split(",")) for line in sink.getvalue().decode().splitlines())
            with pytest.raises(asyncpg.InvalidTextRepresentationError, match="withheld"):
                await connection.fetch("select email::int from customers where id = $1", 1)
        finally:
            await connection.close()

    asyncio.run(run())


def test_a_masked_value_is_not_written_back(gateway18: Deployment) -> None:
    with psycopg.connect(gateway18.dsn(MASKED), autocommit=True) as connection:
        for value in ("a***@example.com", "***"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("update customers set email = %s where id = 1", [value])
    assert "***" not in gateway18.psql("select email from customers where id = 1;").stdout


def test_a_pipeline_of_raw_messages_is_masked(gateway18: Deployment, secrets: list[str]) -> None:
    client = gateway18.raw(MASKED)
    text = "select email from customers where id = $1"
    one = bind(b"1", name="s") + execute() + bind(b"2", name="s", results=[1]) + describe() + execute()
    client.send(parse(text, "s") + one + parse("select 1", "t") + bind(name="t") + execute() + SYNC)
    got = until_ready(client)
    assert errors_of(got) == []
    rows = list(rows_of(got))
    assert len(rows) == 3 and EMAIL.match(str(rows[0][0])) and EMAIL.match(str(rows[1][0]))
    client.send(query("select 1; select email, ssn from customers limit 1; select 2"))
    got = until_ready(client)
    assert not [value for value in secrets if value.encode() in b"".join(one.body for one in got)]
    assert len(list(rows_of(got))) == 3
    client.close()


def test_the_ledger_says_what_was_masked_and_what_was_not(gateway18: Deployment) -> None:
    for who in (MASKED, "alice"):
        gateway18.psql("select id, email, ssn from customers limit 1 /* told */;", principal=who)
    told = {row["principal"]: row for row in gateway18.touched("customers")["rows"] if "told" in str(row["statement"])}
    assert (told[MASKED]["masked"], told[MASKED]["unmasked"]) == (["email", "ssn"], [])
    assert (told["alice"]["masked"], told["alice"]["unmasked"]) == ([], ["email", "ssn"])
    found = gateway18.search("--tagged", "unmasked", "--text", "told")
    assert {row["principal"] for row in found} == {"alice"}


def test_what_is_masked_follows_policies_and_catalog(own_gateway: Deployment) -> None:
    own_gateway.start()
    admin = own_gateway.postgres

    def change(sql: str) -> None:
        admin.execute(f"set role shop_admin; {sql}", database="shop")

    change("create view shown as select id, name as value from customers; grant select on shown to shop_rw")
    try:
        with contextlib.ExitStack() as ends:
            before = ends.enter_context(psycopg.connect(own_gateway.dsn("alice"), autocommit=True))
            before.execute("select 1")
            policies = own_gateway.folder / "policies" / "live.cedar"
            masked = ends.enter_context(psycopg.connect(own_gateway.dsn(MASKED), autocommit=True))
            for _ in range(7):  # prepared on the way
                masked.execute("select value from shown where id = %s", [1], prepare=True)
                masked.execute("select ssn from customers where id = %s", [1], prepare=True)
            with psycopg.connect(own_gateway.dsn("dora"), autocommit=True) as dba:
                dba.execute("create or replace view shown as select id, email as value from customers")
            real = admin.execute("select email from customers where id = 1", database="shop").strip()
            for text in ("select value from shown where id = 1", "select value from shown where id = %(id)s"):
                with contextlib.suppress(psycopg.Error):
                    assert real not in str(masked.execute(text, {"id": 1}).fetchall())
            with contextlib.suppress(psycopg.Error):
                found = masked.execute("select value from shown where id = %s", [1], prepare=True).fetchall()
                assert real not in str(found)
            text = policies.read_text()
            policies.write_text(text.replace('Group::"masked"', 'Group::"analysts"'))
            own_gateway.cli("reload")
            with pytest.raises(psycopg.errors.AdminShutdown, match="connect anew"):
                before.execute("select email from customers where id = 1")
        with psycopg.connect(own_gateway.dsn("alice"), autocommit=True) as after:
            row = after.execute("select email from customers where id = 1").fetchone()
            assert row and EMAIL.match(row[0])
            for _ in range(7):
                after.execute("select email from customers where id = %s", [1], prepare=True)
            policies.write_text(text)
            own_gateway.cli("reload")
            seen = after.execute("select email from customers where id = %s", [1], prepare=True).fetchone()
            assert seen == (real,)  # prepared anew under its name
            assert after.execute("select email from customers where id = 1").fetchone() == (real,)
    finally:
        change("drop view shown")


def test_what_has_a_name_is_masked_as_it_is_now(own_gateway: Deployment) -> None:
    own_gateway.start()
    file = own_gateway.folder / "classification.toml"
    was = file.read_text()
    told = "select email, upper(name) as loud from customers where id = $1"

    def mask(name: str) -> None:
        file.write_text(was.replace('mask = "email"', f'mask = "{name}"'))
        own_gateway.cli("reload")

    with own_gateway.raw(MASKED) as client:
        run = bind(b"1", name="s") + execute() + SYNC
        assert "E" not in types_of(client.ask(parse(told, "s") + describe(b"S", "s") + SYNC))
        for text in ("prepare p as select email from customers where id = 1",
                     "declare c cursor with hold for select email from customers order by id"):  # fmt: skip
            assert not errors_of(client.ask(query(text)))
        for name, shown in (("redact", r"\*\*\*"), ("token", "tok_.*"), ("email", EMAIL.pattern), ("null", "None")):
            mask(name)
            ((email, _),) = rows_of(client.ask(run))
            assert re.fullmatch(shown, str(email))
            ((email,),) = client.rows("execute p")
            assert re.fullmatch("None" if name == "token" else shown, str(email))
            ((email, _),) = client.rows("execute s(1)")
            assert re.fullmatch(shown, str(email))
            for message in (query("fetch 1 from c"), execute("c", 1) + SYNC):
                refused = [] if name == "email" else ["42501"]  # with that mask it was declared
                assert errors_of(client.ask(message)) == refused
        assert not errors_of(client.ask(query("begin")))
        mask("redact")
        assert [row[0] for row in rows_of(client.ask(run))] == ["***"]
        assert client.ask(query("commit"))[-1].body == b"I"


def test_columns_that_nobody_classified_are_closed_where_the_datasource_says_so(own_gateway: Deployment) -> None:
    file = own_gateway.folder / "tidewaiter.toml"
    file.write_text(file.read_text().replace('mode = "enforce"', 'mode = "enforce"\nunclassified = "deny"'))
    own_gateway.start()
    text = "select name from customers limit 1;"
    assert "public.customers.name is not classified" in own_gateway.psql(text, principal=MASKED).stderr
    assert own_gateway.psql("select ssn from customers limit 1;", principal=MASKED).stdout.startswith("*******")
    assert own_gateway.psql(text).stdout.strip()


def test_startup_cannot_change_how_texts_are_read_or_data_is_shown(gateway18: Deployment) -> None:
    for options in ("-c client_min_messages=debug5", "-c standard_conforming_strings=off", "-c search_path=pg_temp"):
        with pytest.raises(psycopg.OperationalError, match="masking"):
            psycopg.connect(gateway18.dsn(MASKED, options=options))
    with pytest.raises(psycopg.OperationalError, match="masking"):
        psycopg.connect(gateway18.dsn(MASKED, client_encoding="LATIN1"))


def until_ready(client: Client) -> list[Message]:
    return list(client.until())

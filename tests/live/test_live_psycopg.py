"""psycopg 3 through the gateway: sync, async, pipeline mode, binary, COPY, cursors, cancel."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import threading
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row
from rig import PATIENCE, Deployment, eventually


@pytest.fixture
def connection(gateway: Deployment) -> Iterator[psycopg.Connection]:
    with psycopg.connect(gateway.dsn()) as found:
        yield found


def test_rows_come_back_as_python_values(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "select 1, 2.5::numeric, 'ä', null, true, date '2026-01-02', '{1,2}'::int[], %s::uuid, %s::jsonb, %s::bytea",
        (uuid.UUID(int=7), '{"a": [1]}', b"\x00\xff"),
    ).fetchone()
    values = (1, decimal.Decimal("2.5"), "ä", None, True, datetime.date(2026, 1, 2), [1, 2], uuid.UUID(int=7))
    assert row == (*values, {"a": [1]}, b"\x00\xff")


def test_binary_results_and_parameters(connection: psycopg.Connection) -> None:
    cursor = connection.cursor(binary=True)
    cursor.execute(
        "select %b::int8, %b::float8, %b::timestamptz", (2**40, 0.5, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    )
    assert cursor.fetchone() == (2**40, 0.5, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))


def test_prepared_statements_are_used_again(connection: psycopg.Connection) -> None:
    for number in range(20):
        found = connection.execute("select name from customers where id = %s", (number + 1,), prepare=True).fetchone()
        assert found is not None


def test_dict_rows_name_the_columns(gateway: Deployment) -> None:
    with psycopg.connect(gateway.dsn(), row_factory=dict_row) as connection:
        found = connection.execute("select id, name from customers where id = 1").fetchone()
    assert found is not None
    assert list(found) == ["id", "name"]


def test_transaction_blocks_commit_and_roll_back(connection: psycopg.Connection) -> None:
    with pytest.raises(ZeroDivisionError), connection.transaction():
        connection.execute("insert into analyst_notes (note) values ('psycopg outer')")
        with connection.transaction():
            connection.execute("insert into analyst_notes (note) values ('psycopg inner')")
        raise ZeroDivisionError
    assert connection.execute("select count(*) from analyst_notes where note like 'psycopg%'").fetchone() == (0,)


def test_error_inside_savepoint_leaves_the_transaction_usable(connection: psycopg.Connection) -> None:
    with connection.transaction():
        with pytest.raises(psycopg.errors.DivisionByZero), connection.transaction():
            connection.execute("select 1 / 0")
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused, connection.transaction():
            connection.execute("select * from employees")
        assert connection.execute("select 1").fetchone() == (1,)
    assert "salaries-are-for-the-dba" in str(refused.value)
    assert refused.value.diag.sqlstate == "42501"
    assert refused.value.diag.message_hint
    assert refused.value.diag.message_detail


def test_pipeline_mode_sends_many_and_gets_each_answer(gateway: Deployment) -> None:
    with psycopg.connect(gateway.dsn(), autocommit=True) as connection, connection.pipeline():
        cursors = [connection.execute("select %s::int", (number,)) for number in range(200)]
        assert [cursor.fetchone() for cursor in cursors] == [(number,) for number in range(200)]


def test_pipeline_with_a_denied_statement_keeps_nothing_of_it(gateway: Deployment) -> None:
    with psycopg.connect(gateway.dsn(), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.pipeline() as pipeline:
            connection.execute("insert into analyst_notes (note) values ('pipelined and lost')")
            connection.execute("select * from employees")
            pipeline.sync()
        left = connection.execute("select count(*) from analyst_notes where note = 'pipelined and lost'").fetchone()
    assert left == (0,)


def test_copy_in_and_out_in_text_and_binary(connection: psycopg.Connection) -> None:
    cursor = connection.cursor()
    with cursor.copy("copy analyst_notes (id, note) from stdin") as copy:
        for number in range(5000):
            copy.write_row((1_000_000 + number, f"copied {number}\twith tab"))
    assert cursor.rowcount == 5000
    with cursor.copy("copy analyst_notes (id, note) from stdin (format binary)") as copy:
        copy.set_types(["int4", "text"])
        copy.write_row((2_000_000, "binary"))
    with cursor.copy("copy (select id, note from analyst_notes where id >= 1000000 order by id) to stdout") as copy:
        rows = list(copy.rows())
    assert len(rows) == 5001
    assert rows[0] == ("1000000", "copied 0\twith tab")
    with cursor.copy("copy (select id from analyst_notes where id >= 1000000) to stdout (format binary)") as copy:
        copy.set_types(["int4"])
        assert sum(1 for _ in copy.rows()) == 5001
    connection.rollback()


def test_failed_copy_in_leaves_the_connection_usable(connection: psycopg.Connection) -> None:
    cursor = connection.cursor()
    with pytest.raises(ZeroDivisionError), cursor.copy("copy analyst_notes (note) from stdin") as copy:
        copy.write_row(("never kept",))
        raise ZeroDivisionError
    connection.rollback()
    assert connection.execute("select count(*) from analyst_notes where note = 'never kept'").fetchone() == (0,)


def test_denied_copy_is_refused_before_any_data(connection: psycopg.Connection) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        connection.cursor().copy("copy employees to stdout") as copy,
    ):
        list(copy.rows())
    connection.rollback()
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.cursor().copy("copy products from stdin"):
        raise AssertionError("must not get here")
    connection.rollback()
    assert connection.execute("select 1").fetchone() == (1,)


def test_server_side_cursor_fetches_in_portions(connection: psycopg.Connection) -> None:
    with connection.cursor(name="portions") as cursor:
        cursor.itersize = 50
        cursor.execute("select id from customers order by id")
        assert [row[0] for row in cursor] == list(range(1, 501))
    with connection.cursor(name="scrolling", scrollable=True) as cursor:
        cursor.execute("select id from customers order by id")
        cursor.scroll(10)
        assert cursor.fetchone() == (11,)


def test_stream_yields_rows_one_by_one(connection: psycopg.Connection) -> None:
    assert sum(1 for _ in connection.cursor().stream("select * from generate_series(1, 3000)")) == 3000


def cancelled(gateway: Deployment, connection: psycopg.Connection, sleeps: str) -> None:
    """A statement, cancelled by another thread as soon as the server is at it."""

    def cancel() -> None:
        eventually(lambda: gateway.backends(f"state = 'active' and query like '%{sleeps}%'"))
        connection.cancel_safe()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(sleeps)
    thread.join()


def test_cancel_from_another_thread(gateway: Deployment, connection: psycopg.Connection) -> None:
    cancelled(gateway, connection, "select pg_sleep(29)")
    connection.rollback()
    assert connection.execute("select 1").fetchone() == (1,)


def test_notices_and_notifications_arrive(gateway: Deployment) -> None:
    heard: list[str] = []
    with psycopg.connect(gateway.dsn("dora"), autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
        connection.execute("select complain('hello')")
        connection.execute("listen harbour")
        connection.execute("notify harbour, 'ship'")
        notified = list(connection.notifies(timeout=5 * PATIENCE, stop_after=1))
    assert heard == ["notice: hello", "warning: hello"]
    assert [(found.channel, found.payload) for found in notified] == [("harbour", "ship")]


def test_async_connections_work_side_by_side(gateway: Deployment) -> None:
    async def one(number: int) -> int:
        async with await psycopg.AsyncConnection.connect(gateway.dsn()) as connection:
            cursor = await connection.execute("select count(*) + %s from customers", (number,))
            found = await cursor.fetchone()
            assert found is not None
            return int(found[0])

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(one(number) for number in range(10)))

    assert asyncio.run(all_of_them()) == [500 + number for number in range(10)]


def test_async_pipeline_and_copy(gateway: Deployment) -> None:
    async def run() -> tuple[object, int]:
        async with await psycopg.AsyncConnection.connect(gateway.dsn()) as connection:
            async with connection.pipeline():
                first = await connection.execute("select 1")
                second = await connection.execute("select 2")
                values = (await first.fetchone(), await second.fetchone())
            cursor = connection.cursor()
            async with cursor.copy("copy (select * from generate_series(1, 100)) to stdout") as copy:
                return values, sum([1 async for _ in copy.rows()])

    assert asyncio.run(run()) == (((1,), (2,)), 100)


def test_large_parameter_and_large_row(connection: psycopg.Connection) -> None:
    text = "x" * 3_000_000
    assert connection.execute("select %s::text || 'y'", (text,)).fetchone() == (text + "y",)


def test_tls_with_the_certificate_of_the_gateway(gateway: Deployment) -> None:
    certificate = str(gateway.folder / "keys" / "gateway.crt")
    for extra in ({}, {"sslnegotiation": "direct"}):
        dsn = gateway.dsn(sslmode="verify-full", sslrootcert=certificate, **extra)
        with psycopg.connect(dsn) as connection:
            assert connection.pgconn.ssl_in_use
            assert connection.execute("select 1").fetchone() == (1,)


def test_channel_binding_is_offered_over_tls(gateway: Deployment) -> None:
    with psycopg.connect(gateway.dsn(sslmode="require", channel_binding="require")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_protocol_3_2_and_3_0_both_cancel(gateway: Deployment) -> None:
    for version in ("3.0", "3.2"):
        with psycopg.connect(gateway.dsn(max_protocol_version=version), autocommit=True) as connection:
            connection.execute("select 1")
            cancelled(gateway, connection, "select pg_sleep(28)")


def test_client_encoding_and_time_zone_of_the_client_hold(gateway: Deployment) -> None:
    with psycopg.connect(gateway.dsn(client_encoding="latin1", options="-c timezone=Asia/Tokyo")) as connection:
        row = connection.execute("select 'é', current_setting('timezone'), current_setting('client_encoding')")
        assert row.fetchone() == ("é", "Asia/Tokyo", "LATIN1")


def test_application_name_upstream_names_the_human(gateway: Deployment) -> None:
    with psycopg.connect(gateway.dsn(application_name="forecast")) as connection:
        connection.execute("select 1")
        names = [line.split("|")[1] for line in gateway.backends("application_name like '%forecast%'")]
    assert len(names) == 1
    assert "alice" in names[0]

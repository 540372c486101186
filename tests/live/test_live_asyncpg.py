"""asyncpg through the gateway: its own protocol code, always extended, always binary."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import pytest
from rig import Deployment, eventually

Work = Callable[[Any], Awaitable[object]]
Run = Callable[[Work], object]


async def connect(dsn: str, **options: Any) -> Any:
    """asyncpg is not typed."""
    return await asyncpg.connect(dsn, **options)  # type: ignore[no-untyped-call]


@pytest.fixture
def run(gateway: Deployment) -> Iterator[Callable[[Work], object]]:
    async def connected(work: Work) -> object:
        connection = await connect(gateway.dsn())
        try:
            return await work(connection)
        finally:
            await connection.close()

    yield lambda work: asyncio.run(connected(work))


def test_prepared_statements_with_many_types(run: Run) -> None:
    async def work(connection: Any) -> object:
        statement = await connection.prepare("select $1::int8 + 1, $2::text, $3::int[], $4::numeric, $5::timestamptz")
        assert [found.name for found in statement.get_parameters()][:3] == ["int8", "text", "int4[]"]
        return [tuple(await statement.fetchrow(number, "ä", [1, 2], 5, None)) for number in range(3)]

    assert run(work) == [(number + 1, "ä", [1, 2], 5, None) for number in range(3)]


def test_statement_cache_survives_and_notices_changed_tables(gateway: Deployment) -> None:
    async def work() -> None:
        connection = await connect(gateway.dsn("dora"))
        try:
            await connection.execute("create table cached (n int); insert into cached values (1)")
            assert [tuple(row) for row in await connection.fetch("select * from cached")] == [(1,)]
            await connection.execute("alter table cached add column m int default 2")
            with pytest.raises(asyncpg.InvalidCachedStatementError):
                async with connection.transaction():
                    await connection.fetch("select * from cached")
            assert [tuple(row) for row in await connection.fetch("select * from cached")] == [(1, 2)]
        finally:
            await connection.execute("drop table if exists cached")
            await connection.close()

    asyncio.run(work())


def test_cursor_fetches_in_portions(run: Run) -> None:
    async def work(connection: Any) -> object:
        async with connection.transaction():
            seen = [row[0] async for row in connection.cursor("select id from customers order by id", prefetch=30)]
            cursor = await connection.cursor("select id from customers order by id")
            await cursor.forward(5)
            return len(seen), seen[-1], (await cursor.fetchrow())[0]

    assert run(work) == (500, 500, 6)


def test_copy_in_and_out(run: Run) -> None:
    async def work(connection: Any) -> object:
        transaction = connection.transaction()
        await transaction.start()
        records = [(3_000_000 + number, f"asyncpg {number}") for number in range(2000)]
        status = await connection.copy_records_to_table("analyst_notes", records=records, columns=["id", "note"])
        out = io.BytesIO()
        await connection.copy_from_query("select id from analyst_notes where id >= $1", 3_000_000, output=out)
        await transaction.rollback()
        return status, len(out.getvalue().splitlines())

    assert run(work) == ("COPY 2000", 2000)


def test_cancel_by_timeout(gateway: Deployment, run: Run) -> None:
    async def work(connection: Any) -> object:
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("select pg_sleep(27)", timeout=0.5)
        return await connection.fetchval("select 1")

    assert run(work) == 1
    eventually(lambda: not gateway.backends("state = 'active' and query like '%pg_sleep(27)%'"))


def test_executemany_is_one_pipeline(run: Run) -> None:
    async def work(connection: Any) -> object:
        transaction = connection.transaction()
        await transaction.start()
        await connection.executemany(
            "insert into analyst_notes (id, note) values ($1, $2)", [(4_000_000 + n, "many") for n in range(500)]
        )
        found = await connection.fetchval("select count(*) from analyst_notes where note = 'many'")
        await transaction.rollback()
        return found

    assert run(work) == 500


def test_denied_statement_is_an_error_and_the_session_goes_on(run: Run) -> None:
    async def work(connection: Any) -> object:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="salaries-are-for-the-dba"):
            await connection.fetch("select * from employees where id = $1", 1)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("update products set price = 1 where id = 1")
        return await connection.fetchval("select 1")

    assert run(work) == 1


def test_listeners_hear_other_sessions(gateway: Deployment) -> None:
    async def work() -> list[str]:
        heard: asyncio.Queue[str] = asyncio.Queue()
        listener, speaker = await connect(gateway.dsn("dora")), await connect(gateway.dsn("dora"))
        try:
            await listener.add_listener("quay", lambda *told: heard.put_nowait(str(told[3])))
            await speaker.execute("notify quay, 'one'")
            return [await asyncio.wait_for(heard.get(), 10)]
        finally:
            await listener.close()
            await speaker.close()

    assert asyncio.run(work()) == ["one"]


def test_pool_resets_connections_between_uses(gateway: Deployment) -> None:
    async def work() -> list[str]:
        pool: Any = asyncpg.create_pool(gateway.dsn(), min_size=2, max_size=4)  # type: ignore[no-untyped-call]
        async with pool:
            await pool.execute("set work_mem = '7MB'")
            return list(await asyncio.gather(*(pool.fetchval("show work_mem") for _ in range(8))))

    assert set(asyncio.run(work())) == {"4MB"}


def test_tls(gateway: Deployment) -> None:
    async def work() -> object:
        connection = await connect(gateway.dsn(), ssl="require")
        try:
            return await connection.fetchval("select 1")
        finally:
            await connection.close()

    assert asyncio.run(work()) == 1

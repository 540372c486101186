"""Policies that look at estimated rows, with PostgreSQL's planner behind them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from rawwire import SYNC, Client, bind, errors_of, execute, parse, query, tags_of
from rig import Deployment, copy_of

POLICY = """
@id("all") permit (principal in Group::"few", action, resource in Datasource::"shop");
@id("few-rows") forbid (principal in Group::"few", action in Action::"update", resource)
unless { context has estimated_rows && context.estimated_rows <= 100 };
"""
ONE = "update estimated set v = 1 where n = 7"


@pytest.fixture(scope="module")
def few(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    made = copy_of(template, workshop / "few", template.postgres)
    config = made.folder / "tidewaiter.toml"
    config.write_text(config.read_text().replace("roles = {", 'roles = { few = "shop_admin",'))
    (made.folder / "policies" / "estimates.cedar").write_text(POLICY)
    made.cli("principal", "add", "fay", "--group", "few")
    made.issued["fay"] = made.issue("fay")
    made.postgres.execute(
        "set role shop_admin; create table estimated (n integer primary key, v integer);"
        "insert into estimated select n, 0 from generate_series(1, 5000) n; analyze estimated",
        database="shop",
    )
    yield made.start()
    made.kill()
    made.postgres.execute("drop table estimated", database="shop")


@pytest.fixture
def client(few: Deployment) -> Iterator[Client]:
    with few.raw("fay") as connected:
        yield connected


def test_a_point_update_passes_and_a_big_one_does_not(few: Deployment, client: Client) -> None:
    assert tags_of(client.ask(query(ONE))) == ["UPDATE 1"]
    assert errors_of(client.ask(query("update estimated set v = 2 where n > 7"))) == ["42501"]
    assert errors_of(client.ask(query("update estimated set v = 2"))) == ["42501"]


def test_parameters_decide_in_text_and_in_binary(client: Client) -> None:
    def run(limit: int, *, binary: bool) -> bytes:
        value = struct.pack("!i", limit) if binary else str(limit).encode()
        bound = struct.pack("!HHHHi", 1, int(binary), 1, 0, 0)[:6] + struct.pack("!i", len(value)) + value
        sql = "update estimated set v = 3 where n > $1"
        body = b"\0\0" + bound + struct.pack("!H", 0)
        return parse(sql, types=(23,)) + b"B" + struct.pack("!i", len(body) + 4) + body + execute() + SYNC

    for binary in (False, True):
        assert tags_of(client.ask(run(4990, binary=binary))) == ["UPDATE 10"]
        assert errors_of(client.ask(run(10, binary=binary))) == ["42501"]


def test_what_cannot_be_estimated_has_no_estimate(client: Client) -> None:
    assert errors_of(client.ask(query(f"{ONE}; {ONE}"))) == ["42501"]
    assert tags_of(client.ask(parse(ONE), bind(), execute(), SYNC)) == ["UPDATE 1"]


def test_no_code_of_the_database_runs_for_an_estimate(few: Deployment, client: Client) -> None:
    """An index's predicate calls a function with a constant: the planner does so whenever it looks at the table."""
    few.postgres.execute(
        "set role shop_admin; create function tell(i integer) returns integer immutable language plpgsql as "
        "'begin perform pg_try_advisory_lock(4711); return i; end';"  # a session's lock outlives a rollback, and shows
        "create table keyed (n integer) partition by range (n);"
        "create table keyed_1 partition of keyed for values from (0) to (9);"
        "create index on keyed_1 (n) where n > tell(1)",
        database="shop",
    )
    locks = "select count(*) from pg_locks where locktype = 'advisory' and objid = 4711"
    try:
        for relation in ("keyed", "keyed_1"):
            assert errors_of(client.ask(query(f"update {relation} set n = 2 where n = 1"))) == ["42501"]
        assert few.postgres.execute(locks, database="shop").strip() == "0"
        planned = "set role shop_admin; explain update keyed set n = 2 where n = 1; " + locks
        assert few.postgres.execute(planned, database="shop").split()[-1] == "1"  # it would have
    finally:
        few.postgres.execute("drop table keyed; drop function tell", database="shop")


def test_the_session_s_own_transaction_is_left_alone(client: Client) -> None:
    client.ask(query("begin"))
    assert tags_of(client.ask(query(ONE))) == ["UPDATE 1"]
    assert tags_of(client.ask(query("commit"))) == ["COMMIT"]

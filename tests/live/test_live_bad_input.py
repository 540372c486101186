"""Bytes that no client should send: a clear error or a closed door, and nobody else notices."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rawwire import PROTOCOL_3_0, SYNC, Client, Refused, bind, errors_of, execute, message, parse, query
from rig import PATIENCE, Deployment, configure, copy_of, eventually, running

CONNECTIONS = 12


@pytest.fixture(scope="module")
def gate(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    """A gateway with low limits."""
    yield from running(
        copy_of(
            template, workshop / "bad-input", template.postgres, "[limits]", f"connections = {CONNECTIONS}",
            "failed_logins_per_minute = 1000",
        )
    )  # fmt: skip


@pytest.fixture
def bystander(gate: Deployment) -> Iterator[Client]:
    """A session that must not notice anything, and a gateway that must still be the same process."""
    pid = gate.pid
    with gate.raw("alice") as client:
        yield client
        assert client.rows("select 'undisturbed'") == [["undisturbed"]]
    assert gate.server
    assert gate.server.poll() is None
    assert gate.pid == pid


def bare(gate: Deployment, data: bytes, *, shut: bool = True) -> bytes:
    """Send bytes on a new connection, and read until the gateway closes it."""
    with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
            if shut:
                sock.shutdown(socket.SHUT_WR)
        told = b""
        with contextlib.suppress(ConnectionError):
            while more := sock.recv(65536):
                told += more
        return told


def test_random_bytes_instead_of_a_login(gate: Deployment, bystander: Client) -> None:
    dice = random.Random(15)
    for _ in range(60):
        told = bare(gate, dice.randbytes(dice.randint(1, 400)))
        assert told[:1] in (b"", b"E", b"N", b"S")


def test_wrong_lengths_in_the_startup_packet(gate: Deployment, bystander: Client) -> None:
    for size in (0, 1, 7, 10_001, 2**31 - 1, 2**32 - 1):
        told = bare(gate, struct.pack("!II", size, PROTOCOL_3_0) + b"user\0alice\0\0")
        assert told[:1] in (b"", b"E")
        if told:
            assert b"08P01" in told


def test_unterminated_and_odd_startup_parameters(gate: Deployment, bystander: Client) -> None:
    for body in (
        b"user",
        b"user\0",
        b"user\0alice\0database",
        b"\0",
        b"user\0\xff\xfe\0\0",
        b"user\0alice\0user\0dora\0\0",
    ):
        told = bare(gate, struct.pack("!II", len(body) + 8, PROTOCOL_3_0) + body)
        assert told[:1] in (b"", b"E", b"R"), told


def test_unknown_protocol_versions(gate: Deployment, bystander: Client) -> None:
    body = b"user\0alice\0database\0shop\0\0"
    assert bare(gate, struct.pack("!II", len(body) + 8, 2 << 16) + body)[:1] == b"E"
    assert bare(gate, struct.pack("!II", len(body) + 8, 4 << 16) + body)[:1] == b"E"
    with Client.reach("127.0.0.1", gate.port) as client:
        client.startup({"user": "alice", "database": "shop"}, (3 << 16) + 9)
        assert client.receive().type == b"v"


def test_message_before_the_login_is_over(gate: Deployment, bystander: Client) -> None:
    body = b"user\0alice\0database\0shop\0\0"
    start = struct.pack("!II", len(body) + 8, PROTOCOL_3_0) + body
    for early in (
        query("select 1"),
        message(b"p", b"NO-SUCH\0\0\0\0\0"),
        message(b"p", b"\xff" * 5000),
        SYNC,
        b"p\0\0",
    ):
        told = bare(gate, start + early)
        assert told[:1] == b"R"
        assert b"58" not in told[:9]
        assert b"Z\0\0\0\5" not in told


@pytest.mark.parametrize(
    "data",
    [
        b"Q\0\0\0\3",
        b"Q\xff\xff\xff\xff",
        b"Q\x7f\xff\xff\xff",
        b"\0\0\0\0\4",
        b"y\0\0\0\4",
        b"\xff" * 50,
        message(b"Q", b"select 1"),
        message(b"Q", b"select 1\0more\0"),
        message(b"P", b"\0"),
        message(b"B", b"\0\0\0\1"),
        message(b"B", b"\0\0\0\0\x7f\xff"),
        message(b"D", b"x\0"),
        message(b"E", b"\0"),
        message(b"C", b""),
        message(b"S", b"extra"),
        message(b"F", b"\0\0"),
        message(b"p", b"again"),
        message(b"R", b"\0\0\0\0"),
        message(b"Z", b"I"),
    ],
    ids=repr,
)
def test_malformed_message_is_a_protocol_violation(gate: Deployment, bystander: Client, data: bytes) -> None:
    with gate.raw("alice") as client:
        client.send(data)
        with contextlib.suppress(OSError):
            client.sock.shutdown(socket.SHUT_WR)
        told = client.ends()
    assert set(errors_of(told)) <= {"08P01", "22021", "26000"}
    assert not [got for got in told if got.type == b"D"]


def test_random_messages_after_login(gate: Deployment, bystander: Client) -> None:
    dice = random.Random(16)
    for _ in range(40):
        with gate.raw("alice") as client, contextlib.suppress(OSError):
            for _ in range(20):
                kind = dice.choice([b"Q", b"P", b"B", b"D", b"E", b"C", b"S", b"H", b"d", b"c", b"f", b"F"])
                client.send(message(kind, dice.randbytes(dice.randint(0, 60))))
            client.sock.shutdown(socket.SHUT_WR)
            client.ends()


def test_broken_utf_8_and_nul_bytes_in_statements(gate: Deployment, bystander: Client) -> None:
    with gate.raw("alice") as client:
        assert errors_of(client.ask(query(b"select '\xff\xfe'"))) == ["22021"]
        assert errors_of(client.ask(query("select E'\\x00'"))) in (["22021"], ["22P05"], ["42601"])
        assert errors_of(client.ask(parse("select $1::text"), bind(b"a\0b"), execute(), SYNC)) == ["22021"]
        assert client.rows("select 1") == [["1"]]


def test_ten_megabyte_statement(gate: Deployment, bystander: Client) -> None:
    huge = "select length('" + "x" * 10_000_000 + "')"
    with gate.raw("dora") as client:
        assert client.rows(huge) == [["10000000"]]
    with gate.raw("reporter") as client:
        assert errors_of(client.ask(query(huge))) == ["42501"]
        assert client.rows("select 1") == [["1"]]


def test_statement_over_the_limit_is_refused_and_the_session_goes_on(gate: Deployment, bystander: Client) -> None:
    huge = "select '" + "x" * 34_000_000 + "'"
    with gate.raw("dora") as client:
        assert errors_of(client.ask(query(huge))) == ["54000"]
        assert errors_of(client.ask(parse(huge), bind(), execute(), SYNC)) == ["54000"]
        assert client.rows("select 1") == [["1"]]


@pytest.mark.parametrize(
    "sql",
    [
        "select " + "+".join(["1"] * 50_000),
        "select " + "||".join(["'x'"] * 20_000),
        "select " + "(" * 20_000 + "1" + ")" * 20_000,
        "select " + " union all select ".join(["1"] * 5_000),
        "select * from " + " cross join ".join(f"(select 1) t{n}" for n in range(2_000)),
        "select " + "not " * 30_000 + "true",
        "select " + "array[" * 5_000 + "]" * 5_000,
        "select case " + "when true then case " * 5_000,
        ";" * 200_000,
    ],
    ids=["terms", "concatenations", "parentheses", "unions", "joins", "nots", "arrays", "cases", "semicolons"],
)
def test_monstrous_expressions_get_an_answer(gate: Deployment, bystander: Client, sql: str) -> None:
    """The server itself refuses some with 54001; the parser that the gateway uses dies of them if used naively."""
    with gate.raw("alice") as client:
        told = client.ask(query(sql))
        assert set(errors_of(told)) <= {"54001", "42601", "42501", "54011", "42804"}
        assert client.rows("select 1") == [["1"]]


def test_half_open_login_is_closed_at_the_deadline(own_gateway: Deployment) -> None:
    file = own_gateway.folder / "tidewaiter.toml"
    file.write_text(file.read_text().replace("[gateway]", "[gateway]\nlogin_timeout_s = 1", 1))
    own_gateway.start()
    for start in (b"", b"\0\0\0", b"\0\0\0\x08\x04\xd2\x16\x2f", b"\0\0\0\x18\0\3\0\0user\0alice\0\0\0\0\0"):
        began = time.monotonic()
        bare(own_gateway, start, shut=False)
        assert time.monotonic() - began < 5 * PATIENCE


def is_let_in(gate: Deployment) -> bool:
    with contextlib.suppress(Refused, ConnectionError), gate.raw("alice") as client:
        return client.rows("select 1") == [["1"]]
    return False


def test_flood_of_connections_gets_53300_and_then_recovers(gate: Deployment) -> None:
    held, refused = [], []
    try:
        for _ in range(CONNECTIONS + 8):
            try:
                held.append(gate.raw("alice"))
            except Refused as told:
                refused.append(told.sqlstate)
    finally:
        for client in held:
            client.close()
    assert set(refused) == {"53300"}
    assert 1 <= len(held) <= CONNECTIONS
    eventually(lambda: is_let_in(gate), 10, gate.log)


def test_half_open_connections_count_against_the_limit_only_until_the_deadline(own_gateway: Deployment) -> None:
    configure(own_gateway, "[limits]", f"connections = {CONNECTIONS}")
    file = own_gateway.folder / "tidewaiter.toml"
    file.write_text(file.read_text().replace("[gateway]", "[gateway]\nlogin_timeout_s = 1", 1))
    own_gateway.start()
    idle = [socket.create_connection(("127.0.0.1", own_gateway.port)) for _ in range(CONNECTIONS * 3)]
    try:
        for sock in idle:
            sock.settimeout(5 * PATIENCE)
            with contextlib.suppress(ConnectionError):
                while sock.recv(65536):
                    pass
        eventually(lambda: is_let_in(own_gateway), 10, own_gateway.log)  # a login may take longer than this deadline
    finally:
        for sock in idle:
            sock.close()


def test_cancel_with_a_wrong_key_cancels_nothing(gate: Deployment, bystander: Client) -> None:
    with gate.raw("alice") as client:
        client.send(query("select pg_sleep(1), 'slept'"))
        key = client.key
        for wrong in (os.urandom(len(key)), key[:4] + os.urandom(len(key) - 4), key[:4], key + b"x"):
            bare(gate, struct.pack("!II", 8 + len(wrong), 80877102) + wrong)
        assert errors_of(list(client.until())) == []


def test_own_key_cancels(gate: Deployment, bystander: Client) -> None:
    with gate.raw("alice") as client:
        client.send(query("select pg_sleep(31)"))
        eventually(lambda: gate.backends("state = 'active' and query like '%pg_sleep(31)%'"))
        client.cancel("127.0.0.1", gate.port)
        assert errors_of(list(client.until())) == ["57014"]
        assert client.rows("select 1") == [["1"]]


def test_everything_bad_is_in_a_ledger_that_verifies(gate: Deployment) -> None:
    assert gate.verify()["ok"]

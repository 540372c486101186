"""Logging in to a server that says what it likes: one of the test's own, which plays the lines it is given."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from tidewaiter.config import load
from tidewaiter.errors import UpstreamError
from tidewaiter.model import Secret
from tidewaiter.proxy.greeting import LoginFailed
from tidewaiter.proxy.upstream import Backend, Upstream
from tidewaiter.wire import postgres

TOML = """
[[datasource]]
name = "shop"
kind = "postgres"
address = "127.0.0.1:{port}"
database = "shop"
user = "tidewaiter"
tls = "disable"
password = "env:SHOP_PASSWORD"
"""
KEY = postgres.backend_key_data(7, b"keys")
NOTICE = postgres.error_fields({"S": "NOTICE", "V": "NOTICE", "C": "00000", "M": "welcome"}, ord("N"))
NOTIFIED = b"A\0\0\0\x0e\0\0\0\7a\0bcd\0"
READY = postgres.ready_for_query("I")


def zone(name: bytes) -> bytes:
    return postgres.parameter_status(b"TimeZone", name)


async def logged_in(folder: Path, *said: bytes) -> Backend:
    """What comes of a login with a server that says this, whatever it hears."""

    gone = asyncio.Event()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(4), "big")
        await reader.readexactly(size - 4)
        writer.write(b"".join(said))
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()
        gone.set()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        (folder / "tidewaiter.toml").write_text(TOML.format(port=port))
        config = load(folder / "tidewaiter.toml", {"SHOP_PASSWORD": "x"})
        try:
            backend = await Upstream(config.datasources["shop"], Secret("x")).connect({})
            backend.link.abort()
        finally:
            await gone.wait()
            await asyncio.sleep(0)  # the transports close in the loop's next round
    return backend


def test_what_is_said_before_the_first_statement_is_kept_in_its_order(tmp_path: Path) -> None:
    said = (postgres.authentication_ok(), zone(b"UTC"), KEY, NOTICE, zone(b"Etc/UTC"), NOTIFIED, READY)
    backend = asyncio.run(logged_in(tmp_path, *said))
    assert (backend.pid, backend.secret) == (7, b"keys")
    assert backend.parameters == {b"TimeZone": b"Etc/UTC"}
    assert backend.greeting.relayed(b"keys", is_veiled=False) == b"".join(said)


def test_requests_for_a_password_are_the_gateways_own_affair(tmp_path: Path) -> None:
    asked = postgres.authentication_md5_password(b"salt")
    backend = asyncio.run(logged_in(tmp_path, asked, postgres.authentication_ok(), KEY, READY))
    assert backend.greeting.relayed(b"keys", is_veiled=False) == postgres.authentication_ok() + KEY + READY


def test_a_login_that_a_trigger_refuses_fails_as_the_server_said(tmp_path: Path) -> None:
    error = postgres.error_response("FATAL", "P0001", "not today")
    with pytest.raises(LoginFailed, match="datasource shop refused the login: not today") as failed:
        asyncio.run(logged_in(tmp_path, postgres.authentication_ok(), KEY, NOTICE, error))
    assert failed.value.sqlstate == "P0001"
    assert failed.value.farewell(is_veiled=False) == postgres.authentication_ok() + NOTICE + error


def test_a_server_that_starts_up_says_so_itself(tmp_path: Path) -> None:
    error = postgres.error_response("FATAL", "57P03", "the database system is starting up")
    with pytest.raises(LoginFailed) as failed:
        asyncio.run(logged_in(tmp_path, error))
    assert failed.value.farewell(is_veiled=False) == error


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((postgres.authentication_ok(), postgres.data_row([b"1"])), "'D' during login"),
        ((KEY, READY), "without having let anybody in"),
        ((postgres.authentication_ok(), b"E\0\0\0\5\0"), "no SQLSTATE"),
        ((b"N\0\xff\xff\xff",), "announces 16777215 bytes"),
    ],
)
def test_a_server_that_is_none_is_not_talked_to(tmp_path: Path, said: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(UpstreamError, match=why):
        asyncio.run(logged_in(tmp_path, *said))


def test_a_server_that_never_proved_itself_is_refused_when_it_is_ready(tmp_path: Path) -> None:
    asked = postgres.authentication_sasl(("SCRAM-SHA-256",))
    with pytest.raises(UpstreamError, match="did not prove that it knows the password"):
        asyncio.run(logged_in(tmp_path, asked, postgres.authentication_ok(), KEY, READY))

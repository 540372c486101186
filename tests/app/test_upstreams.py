"""Looking at the databases behind the gateway."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from tidewaiter.admin.site import Reached
from tidewaiter.app.upstreams import catalog_once, is_refused, reach, rights, secrets_of, warnings
from tidewaiter.config import Address, Datasource, load
from tidewaiter.errors import ConfigError, UpstreamError
from tidewaiter.model import Secret
from tidewaiter.proxy.catalogs import CatalogWatch
from tidewaiter.sql.catalog import Catalog

TOML = """
[[datasource]]
name = "shop"
address = "127.0.0.1:1"
user = "tidewaiter"
tls = "disable"
password = "env:SHOP_PASSWORD"
[[datasource]]
name = "hr"
address = "127.0.0.1:1"
user = "tidewaiter"
tls = "disable"
password = "env:HR_PASSWORD"
[[datasource]]
name = "open"
address = "127.0.0.1:1"
user = "tidewaiter"
tls = "disable"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Datasource:
    (tmp_path / "tidewaiter.toml").write_text(TOML)
    return load(tmp_path / "tidewaiter.toml", {}).datasources["shop"]


def test_every_secret_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    (tmp_path / "tidewaiter.toml").write_text(TOML)
    config = load(tmp_path / "tidewaiter.toml", {})
    with pytest.raises(ConfigError) as caught:
        secrets_of(config, {})
    lines = [number for number, line in enumerate(TOML.split("\n"), 1) if line.startswith("password")]
    assert caught.value.problems == [
        f"tidewaiter.toml:{line}: [datasource] password: env:{name}_PASSWORD: the environment variable is not set"
        for line, name in zip(lines, ("SHOP", "HR"), strict=True)
    ]
    found = secrets_of(config, {"SHOP_PASSWORD": "a", "HR_PASSWORD": "b"})
    assert found == {"shop": Secret("a"), "hr": Secret("b"), "open": Secret("")}


def test_rights_of_a_database_that_does_not_answer_are_an_upstream_error(shop: Datasource) -> None:
    with pytest.raises(UpstreamError, match="shop cannot be read"):
        asyncio.run(rights(shop, Secret(""), [("public", "people", "ssn")]))


def test_a_superuser_is_refused_where_policies_are_enforced(shop: Datasource) -> None:
    told = Reached("18.1", True, "no TLS", 1.0)
    assert is_refused(shop, told)
    assert not is_refused(replace(shop, allow_superuser=True), told)
    assert not is_refused(replace(shop, mode="observe"), told)
    assert not is_refused(shop, replace(told, is_superuser=False))


def test_warnings_say_what_to_do(shop: Datasource) -> None:
    told = Reached("14.9 (Debian)", True, "no TLS", 1.0)
    assert warnings(shop, told) == (
        "user tidewaiter is a superuser of shop: no policy holds a superuser; use an ordinary role, "
        "or set allow_superuser = true",
        "PostgreSQL 14.9 (Debian) is older than 15, the oldest that is supported",
    )
    assert "allowed by allow_superuser" in warnings(replace(shop, allow_superuser=True), told)[0]
    assert "observe mode" in warnings(replace(shop, mode="observe"), told)[0]
    assert warnings(shop, Reached("15.0", False, "no TLS", 1.0)) == ()
    assert warnings(shop, Reached("", False, "no TLS", 1.0)) == ()


def test_a_database_that_answers_is_described(shop: Datasource) -> None:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + (len(body) + 4).to_bytes(4, "big") + body

    async def database(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
        for name, value in ((b"server_version", b"17.2"), (b"is_superuser", b"on")):
            writer.write(message(b"S", name + bytes(1) + value + bytes(1)))
        writer.write(message(b"R", bytes(4)) + message(b"K", bytes(8)) + message(b"Z", b"I"))
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        left.set()

    async def go() -> Reached:
        server = await asyncio.start_server(database, "127.0.0.1", 0)
        async with server, asyncio.timeout(10):
            port = server.sockets[0].getsockname()[1]
            found = await reach(replace(shop, address=Address("127.0.0.1", port)), Secret(""))
            await left.wait()
        return found

    left = asyncio.Event()
    told = asyncio.run(go())
    assert (told.server_version, told.is_superuser, told.tls) == ("17.2", True, "no TLS")
    assert told.connect_ms > 0
    assert "is a superuser" in told.warnings[0]


def test_a_catalog_is_read_once(shop: Datasource, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refresh(self: CatalogWatch) -> Catalog:
        return Catalog(version=5)

    monkeypatch.setattr(CatalogWatch, "refresh", refresh)
    assert asyncio.run(catalog_once(shop, Secret(""))).version == 5


def test_a_database_that_does_not_answer_is_an_upstream_error(shop: Datasource) -> None:
    with pytest.raises(UpstreamError, match="cannot be reached"):
        asyncio.run(reach(shop, Secret("")))
    with pytest.raises(UpstreamError, match="cannot be read"):
        asyncio.run(catalog_once(shop, Secret("")))

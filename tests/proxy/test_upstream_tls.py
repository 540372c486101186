"""Logins and cancels in TLS: whose certificate is believed, what a login is bound to, and cancels without TLS too."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from databases import PASSWORD, SHOP, WELCOME, Database, Peer, says, scram

from tidewaiter.app.certificates import self_signed
from tidewaiter.config import Address, Datasource
from tidewaiter.config.shape import SslMode
from tidewaiter.errors import UpstreamError
from tidewaiter.model import Secret
from tidewaiter.proxy import upstream
from tidewaiter.proxy.upstream import Upstream
from tidewaiter.wire import auth
from tidewaiter.wire import postgres as pg


# -- TLS -------------------------------------------------------------------------------------------------------------
@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    certificate, key = self_signed(["localhost"], datetime.now(UTC))
    (tmp_path / "server.crt").write_bytes(certificate)
    (tmp_path / "server.key").write_bytes(key)
    return tmp_path / "server.crt", tmp_path / "server.key"


def secured(pair: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


def source(tls: SslMode, host: str = "localhost", root: Path | None = None) -> Datasource:
    return replace(SHOP, address=Address(host, 0), tls=tls, tls_root=root)


@pytest.mark.parametrize("mode", [mode for mode in get_args(SslMode) if mode != "disable"])
def test_tls_is_spoken_and_the_login_bound_to_it(pair: tuple[Path, Path], mode: SslMode) -> None:
    certificate = ssl.PEM_cert_to_DER_cert(pair[0].read_text())
    binding = auth.channel_binding_data(certificate)
    database = Database(scram(auth.SCRAM_SHA_256_PLUS, binding), secured(pair))
    assert database.opened(source(mode, root=pair[0])).pid == 42


def test_an_offer_that_somebody_between_removed_is_noticed(pair: tuple[Path, Path]) -> None:
    """They end TLS with a certificate of their own, and cannot forward what binds the login to it."""

    async def part(peer: Peer) -> None:
        peer.say(pg.authentication_sasl([auth.SCRAM_SHA_256]))
        _, first = pg.parse_sasl_initial_response(await peer.message())
        assert (first or b"").startswith(b"y,,")  # so the server, which did offer it, refuses
        peer.say(pg.error_response("FATAL", "28000", "SCRAM channel binding negotiation error"))

    assert "negotiation error" in Database(part, secured(pair)).refused(source("require"))


@pytest.mark.parametrize(
    ("mode", "host", "trusts"),
    [("verify-full", "127.0.0.1", True), ("verify-full", "localhost", False), ("verify-ca", "localhost", False)],
)
def test_a_certificate_of_another_is_refused_before_anything_is_said(
    pair: tuple[Path, Path], tmp_path: Path, mode: SslMode, host: str, trusts: bool
) -> None:
    other, _ = self_signed(["localhost"], datetime.now(UTC))
    (tmp_path / "other.crt").write_bytes(other)
    database = Database(says(WELCOME), secured(pair))
    said = database.refused(source(mode, host, pair[0] if trusts else tmp_path / "other.crt"))
    assert "cannot be reached" in said and "certificate verify failed" in said
    assert database.packets == []


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_server_without_tls_is_refused_where_tls_is_demanded(mode: SslMode) -> None:
    database = Database(says(WELCOME), answers_tls=b"N")
    assert "refuses TLS" in database.refused(source(mode))
    assert database.packets == []


def test_a_server_without_tls_is_taken_where_it_is_only_preferred() -> None:
    assert Database(says(WELCOME), answers_tls=b"N").opened(source("prefer")).pid == 42


@pytest.mark.parametrize("mode", ["prefer", "require"])
@pytest.mark.parametrize("answer", [b"E", b"\0", b"H", b"S" * 99, b"S" + WELCOME])
def test_an_answer_to_the_request_for_tls_that_is_none_is_refused(mode: SslMode, answer: bytes) -> None:
    """What comes unencrypted behind an S (CVE-2021-23222) is not taken for part of the secured session."""
    database = Database(says(), answers_tls=answer)
    assert "datasource shop" in database.refused(source(mode))
    assert database.packets == []


def test_a_hang_up_instead_of_an_answer_about_tls_is_a_hang_up() -> None:
    async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.close()

    async def go() -> None:
        async with await asyncio.start_server(gone, "127.0.0.1", 0) as server:
            address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
            await Upstream(replace(SHOP, address=address, tls="require"), Secret(PASSWORD)).connect({})

    with pytest.raises(UpstreamError, match="closed the connection"):
        asyncio.run(go())


def test_a_password_in_clear_may_be_sent_through_tls(pair: tuple[Path, Path]) -> None:
    async def part(peer: Peer) -> None:
        peer.say(pg.authentication_cleartext_password())
        assert await peer.message() == PASSWORD.encode() + b"\0"
        peer.say(WELCOME)

    assert Database(part, secured(pair)).opened(source("require")).pid == 42


def test_files_that_are_no_certificates_are_said_so(tmp_path: Path) -> None:
    (tmp_path / "no.crt").write_text("no certificate")
    for wrong in (
        replace(SHOP, tls="verify-full", tls_root=tmp_path / "no.crt"),
        replace(SHOP, tls="verify-full", tls_root=tmp_path / "missing.crt"),
        replace(SHOP, tls="require", tls_cert=tmp_path / "no.crt"),
    ):
        with pytest.raises(UpstreamError, match="datasource shop: TLS files cannot be used"):
            Upstream(wrong, Secret(PASSWORD))


# -- cancel ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("tls", [False, True])
def test_a_cancel_waits_until_the_server_has_taken_it(pair: tuple[Path, Path], tls: bool) -> None:
    taken: list[bool] = []

    async def part(peer: Peer) -> None:
        for _ in range(100):  # long enough for who does not wait
            await asyncio.sleep(0)
        taken.append(True)
        peer.writer.close()

    async def visit(shop: Upstream) -> None:
        await shop.cancel(42, b"k" * 32)
        assert taken == [True]

    database = Database(part, secured(pair) if tls else None)
    database.visited(visit, source("verify-full", root=pair[0]) if tls else SHOP)
    assert database.packets == [pg.Cancel(42, b"k" * 32)]


def test_a_cancel_that_nobody_takes_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "CONNECT_S", 0.2)

    async def visit(shop: Upstream) -> None:
        await shop.cancel(42, b"k" * 4)

    Database(says()).visited(visit)


def test_who_gives_up_leaves_no_connection_behind() -> None:
    begun = asyncio.Event()

    async def part(_peer: Peer) -> None:
        begun.set()

    async def visit(shop: Upstream) -> None:
        connecting = asyncio.ensure_future(shop.connect({}))
        await begun.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting

    Database(part).visited(visit)  # which waits for the server to see it closed

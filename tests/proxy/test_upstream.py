"""The gateway's own logins, against servers on the loopback that keep to the protocol, break it, or cheat."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest
from databases import (
    KEY,
    NOTICE,
    OK,
    PASSWORD,
    READY,
    SALT,
    SHOP,
    WELCOME,
    Database,
    Part,
    Peer,
    hangs_up_after,
    says,
    scram,
)

from tidewaiter.config import Address
from tidewaiter.errors import UpstreamError
from tidewaiter.model import Secret
from tidewaiter.proxy import upstream
from tidewaiter.proxy.greeting import LoginFailed
from tidewaiter.proxy.upstream import Backend, Upstream
from tidewaiter.wire import auth
from tidewaiter.wire import postgres as pg


# -- what a session begins with --------------------------------------------------------------------------------------
def test_a_login_gives_the_key_and_what_the_server_reported() -> None:
    database = Database(says(WELCOME))
    found = database.opened(application_name="tidewaiter:ada", user="mallory", database="other")
    assert (found.pid, found.secret, found.parameters) == (42, b"k" * 32, {b"server_version": b"18.1"})
    (packet,) = database.packets
    assert isinstance(packet, pg.Startup)
    assert packet.params == {"application_name": "tidewaiter:ada", "user": "tidewaiter", "database": "shop"}


def test_what_the_server_sends_behind_its_welcome_is_kept_for_the_session() -> None:
    notice = pg.notice_response("WARNING", "01000", "restart soon")

    async def part(peer: Peer) -> None:
        for byte in WELCOME + notice:  # a slow line: a byte at a time
            peer.say(bytes([byte]))
            await peer.writer.drain()

    async def visit(shop: Upstream) -> Backend:
        backend = await shop.connect({})
        behind = await backend.link.read(len(notice))
        assert behind == notice
        return backend

    assert Database(part).visited(visit).pid == 42


def test_what_is_said_before_the_first_statement_is_kept_in_its_order() -> None:
    zones = [pg.parameter_status(b"TimeZone", name) for name in (b"UTC", b"Etc/UTC")]
    said = OK + zones[0] + KEY + NOTICE + zones[1] + b"A\0\0\0\x0e\0\0\0\7a\0bcd\0" + READY
    found = Database(says(pg.authentication_md5_password(b"salt") + said)).opened()
    assert found.parameters == {b"TimeZone": b"Etc/UTC"}
    assert found.greeting.relayed(b"k" * 32, is_veiled=False) == said


def test_another_address_of_the_same_name_is_tried() -> None:
    """localhost has an IPv6 address on most machines, and only the other one listens here."""
    assert Database(says(WELCOME)).opened(replace(SHOP, address=Address("localhost", 0))).pid == 42


@pytest.mark.parametrize("value", ["x" * 10_000, "a\0b"])
def test_parameters_that_no_server_takes_are_said_so(value: str) -> None:
    with pytest.raises(UpstreamError, match="cannot be given the parameters"):
        asyncio.run(Upstream(SHOP, Secret(PASSWORD)).connect({"search_path": value}))


def test_nobody_there_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    shop = Upstream(replace(SHOP, address=Address("127.0.0.1", port)), Secret(PASSWORD))
    with pytest.raises(UpstreamError, match="datasource shop cannot be reached"):
        asyncio.run(shop.connect({}))
    asyncio.run(shop.cancel(1, b"k" * 4))  # nobody to tell either


# -- servers that break the protocol ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"R\0\0\0\3",
        b"R\0\0\0\6\0\0",
        b"R\0\0\0\x0b\0\0\0\5\0\0\0",
        b"R\xff\xff\xff\xff",
        b"S\0\0\0\x09nonul",
        b"K\0\0\0\x05\0",
        b"E\0\0\0\x09SFATL",
        b"D\0\0\0\6\0\0",
        b"\0" * 64,
        b"\xff" * 64,
        OK + b"T\0\0\0\6\0\0",
        KEY + READY,
        OK + b"E\0\0\0\5\0",
    ],
)
def test_bytes_that_no_login_has_are_refused(garbage: bytes) -> None:
    assert "datasource shop cannot be reached: " in Database(says(garbage)).refused()


@pytest.mark.parametrize("cut", [0, 1, 4, 5, len(OK), len(WELCOME) - 1])
def test_a_hang_up_anywhere_is_a_hang_up(cut: int) -> None:
    said = Database(hangs_up_after(WELCOME[:cut])).refused()
    assert said == "datasource shop closed the connection during login"


@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, tls: bool) -> None:
    monkeypatch.setattr(upstream, "CONNECT_S", 0.2)
    database = Database(says(OK), answers_tls=b"")
    source = replace(SHOP, tls="require") if tls else SHOP
    assert database.refused(source) == "datasource shop did not answer within 0.2 s"


def test_a_server_that_talks_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message is one that a login may have, so that only the deadline of all of it helps."""
    monkeypatch.setattr(upstream, "CONNECT_S", 0.3)

    async def part(peer: Peer) -> None:
        while not peer.writer.is_closing():
            peer.say(pg.notice_response("NOTICE", "00000", "wait a little"))
            await peer.writer.drain()
            await asyncio.sleep(0.01)

    assert "did not answer within 0.3 s" in Database(part).refused()


def test_a_login_that_a_trigger_refuses_fails_as_the_server_said() -> None:
    error = pg.error_response("FATAL", "P0001", "not today")
    with pytest.raises(LoginFailed, match="datasource shop refused the login: not today") as failed:
        Database(says(OK + KEY + NOTICE + error)).opened()
    assert failed.value.sqlstate == "P0001"
    assert failed.value.farewell(is_veiled=False) == OK + NOTICE + error


def test_a_server_that_starts_up_says_so_itself() -> None:
    error = pg.error_response("FATAL", "57P03", "the database system is starting up")
    with pytest.raises(LoginFailed) as failed:
        Database(says(error)).opened()
    assert failed.value.farewell(is_veiled=False) == error


def test_what_the_server_said_of_its_refusal_is_passed_on() -> None:
    error = pg.error_response("FATAL", "3D000", 'database "shop" does not exist')
    assert Database(says(error)).refused() == ('datasource shop refused the login: database "shop" does not exist')


def test_an_error_in_another_encoding_can_still_be_told_and_recorded() -> None:
    """Before it knows whose session it will be, a server speaks as its own locale does."""
    error = pg.error_fields({"S": "FATAL", "C": "28P01", "M": b"f\xfcr Benutzer".decode("utf-8", "surrogateescape")})
    said = Database(says(error)).refused()
    assert said.encode() == b"datasource shop refused the login: f?r Benutzer"


# -- passwords -------------------------------------------------------------------------------------------------------
def test_scram_proves_both_sides() -> None:
    assert Database(scram()).opened().pid == 42


def cheats(*answers: Callable[[bytes], bytes], last: bytes = WELCOME) -> Part:
    """A server that does not know the password: offers SCRAM, then answers each message of the client's."""

    async def part(peer: Peer) -> None:
        peer.say(pg.authentication_sasl([auth.SCRAM_SHA_256]))
        for answer in answers:
            peer.say(answer(await peer.message()))
        peer.say(last)

    return part


def challenge(initial: bytes, *, nonce: bytes | None = None, iterations: int = 4096, salt: bytes = SALT) -> bytes:
    """A server-first-message; by default one in order."""
    _, first = pg.parse_sasl_initial_response(initial)
    own = (first or b"").partition(b"r=")[2] if nonce is None else nonce
    return pg.authentication_sasl_continue(b"r=%bxyz,s=%b,i=%d" % (own, auth._encode(salt), iterations))


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (cheats(challenge, last=OK + WELCOME), "did not prove that it knows the password"),
        (cheats(last=WELCOME), "did not prove that it knows the password"),
        (cheats(challenge, lambda _: pg.authentication_sasl_final(b"v=" + b"A" * 43 + b"=")), "did not prove"),
        (cheats(challenge, lambda _: pg.authentication_sasl_final(b"e=invalid-proof")), "invalid-proof"),
        (cheats(challenge, lambda _: pg.authentication_sasl_final(b"")), "malformed SCRAM"),
        (cheats(lambda _: pg.authentication_sasl_final(b"v=AAAA")), "out of turn"),
        (cheats(lambda said: challenge(said, nonce=b"another")), "does not continue ours"),
        (cheats(lambda said: challenge(said, iterations=1)), "asks for 1 SCRAM iterations"),
        (cheats(lambda said: challenge(said, iterations=2_000_000_000)), "SCRAM iterations"),
        (cheats(lambda said: pg.authentication_sasl_continue(b"\xff\0garbage")), "malformed SCRAM"),
        (cheats(challenge, lambda _: pg.authentication_sasl([auth.SCRAM_SHA_256])), "not supported"),
        (cheats(lambda said: challenge(said) + challenge(said, salt=b"another")), "a second server-first-message"),
    ],
)
def test_a_server_that_does_not_know_the_password_gets_no_session(part: Part, told: str) -> None:
    assert told in Database(part).refused()


def test_a_mechanism_that_is_not_spoken_is_said_so() -> None:
    part = says(pg.authentication_sasl(["OAUTHBEARER"]))
    assert "no SASL mechanism that is spoken here" in Database(part).refused()


@pytest.mark.parametrize("code", [2, 6, 7, 8, 9, 77, 11, 12])
def test_other_ways_to_log_in_are_not_supported(code: int) -> None:
    part = says(b"R\0\0\0\x08" + code.to_bytes(4, "big"))
    assert "not supported" in Database(part).refused()


def test_an_old_server_gets_the_md5_of_the_password() -> None:
    async def part(peer: Peer) -> None:
        peer.say(pg.authentication_md5_password(b"salt"))
        inner = hashlib.md5(f"{PASSWORD}tidewaiter".encode()).hexdigest()
        assert await peer.message() == b"md5" + hashlib.md5(inner.encode() + b"salt").hexdigest().encode() + b"\0"
        peer.say(WELCOME)

    assert Database(part).opened().pid == 42


def test_the_password_itself_is_never_sent_in_clear() -> None:
    heard: list[bytes] = []

    async def part(peer: Peer) -> None:
        peer.say(pg.authentication_cleartext_password())
        heard.append(await peer.reader.read())

    assert "in clear without TLS" in Database(part).refused()
    assert heard == [b""]

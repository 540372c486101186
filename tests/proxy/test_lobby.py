"""Who gives way when too many have not logged in yet."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from gatehouse import LOOPS, House
from modelserver import NAMES
from rawwire import PROTOCOL_3_0, SSL_REQUEST, Client, errors_of, message

from tidewaiter.proxy import server
from tidewaiter.proxy.lobby import Lobby, Stranger

pytestmark = pytest.mark.anyio
STARTUP = message(b"", struct.pack("!I", PROTOCOL_3_0) + b"user\0ada\0database\0shop\0\0")


@pytest.fixture(params=LOOPS)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A gateway that its test opens, on each of the event loops."""
    made = House(tmp_path)
    made.loop_factory = LOOPS[request.param]
    yield made
    if made.is_open:
        made.close()


def still_serves(house: House) -> None:
    with house.client() as client:
        assert client.rows(NAMES.sql.decode())


async def stay(lobby: Lobby, address: str, inside: list[Stranger]) -> str:
    stranger = Stranger(address, asyncio.timeout(60))
    try:
        async with stranger.deadline:
            lobby.enter(stranger)
            inside.append(stranger)
            await asyncio.sleep(60)
    except TimeoutError:
        return f"{address} gave way"
    finally:
        lobby.leave(stranger)
    return ""


async def crowd(lobby: Lobby, *addresses: str) -> list[str]:
    """Who is inside once all of them came, one after the other."""
    inside: list[Stranger] = []
    stays = []
    for address in addresses:
        stays.append(asyncio.ensure_future(stay(lobby, address, inside)))
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    left = [stranger.address for stranger in inside if not stranger.has_given_way]
    assert len(lobby) == len(left) == sum(not one.done() for one in stays)
    for one in stays:
        one.cancel()
    await asyncio.gather(*stays, return_exceptions=True)
    assert len(lobby) == 0
    return left


async def test_nobody_gives_way_while_there_is_room() -> None:
    assert await crowd(Lobby(3), "10.0.0.1", "10.0.0.2", "10.0.0.1") == ["10.0.0.1", "10.0.0.2", "10.0.0.1"]


async def test_the_oldest_of_the_source_that_has_most_gives_way() -> None:
    flood = [f"2001:db8::{number}" for number in range(8)]  # one subscriber's network
    assert await crowd(Lobby(4), "10.0.0.1", *flood, "10.0.0.2", *flood) == ["10.0.0.1", "10.0.0.2", *flood[-2:]]


async def test_who_is_overdue_already_gives_way_quietly() -> None:
    lobby, deadline = Lobby(1), asyncio.timeout(0)
    late = Stranger("10.0.0.1", deadline)
    try:
        async with deadline:
            lobby.enter(late)
            await asyncio.sleep(1)
    except TimeoutError:
        lobby.enter(Stranger("10.0.0.1", asyncio.timeout(60)))
    assert late.has_given_way and len(lobby) == 1


def test_who_opens_connections_without_a_login_pushes_out_their_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast they come back, and whatever they have sent, somebody who logs in meanwhile comes in."""
    monkeypatch.setattr(server, "STRANGERS", 3)
    house.open()
    with contextlib.ExitStack() as open_:
        for said in (b"", SSL_REQUEST[:5], STARTUP, SSL_REQUEST, b"", STARTUP):
            sock = open_.enter_context(socket.create_connection(("127.0.0.1", house.port)))
            sock.sendall(said)
            still_serves(house)
    house.close()
    assert [reason for reason in house.reasons if reason.startswith("gave way")], house.reasons


def test_a_login_that_gives_way_is_told_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STRANGERS", 1)
    house.open()
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as slow:
        slow.sendall(STARTUP)
        assert slow.recv(1) == b"R"
        still_serves(house)
        slow.recv(int.from_bytes(slow.recv(4), "big") - 4)
        assert errors_of(Client(slow).ends()) == ["53300"]

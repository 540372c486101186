"""All channels side by side: none holds up another, and what comes in is told apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from channelkit import REQUEST, Place, Recording, eventually, opened, outage

from tidewaiter.approvals.desk import Request
from tidewaiter.channels.contract import Answer, Call, Desk
from tidewaiter.channels.links import Links
from tidewaiter.channels.switchboard import Asked, Line, Switchboard
from tidewaiter.errors import Conflict, NotFound
from tidewaiter.identity.accounts import Realm
from tidewaiter.model import Kind, Principal

pytestmark = pytest.mark.anyio


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as made:
        yield made


class Hanging(Recording):
    """A channel whose vendor never answers."""

    async def announce(self, notice: Any) -> str:
        await asyncio.Event().wait()
        raise AssertionError

    async def receive(self, call: Call, desk: Desk) -> Answer:
        desk.reject("forged", call.source)
        return Answer(401)


def board_of(place: Place, *channels: Recording) -> Switchboard:
    return Switchboard(
        [Line(channel) for channel in channels], place.outbox, place.accounts,
        lambda name: place.directory.account(name).principal.groups, place.ledger, Links(None, b"k"), place.clock,
        lambda: 1.0, lambda said: None,
    )  # fmt: skip


async def nobody(*told: Any, **more: Any) -> Request:
    raise AssertionError


@asynccontextmanager
async def running(board: Switchboard) -> AsyncIterator[None]:
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(board.run(nobody))
        await asyncio.sleep(0)
        yield
        task.cancel()


async def test_a_channel_that_hangs_holds_up_no_other(place: Place) -> None:
    hanging, fine = Hanging("a"), Recording("b")
    async with running(board_of(place, hanging, fine)):
        request = await place.ask()
        await eventually(lambda: fine.told)
    assert fine.told == [("announce", request.id, "open")]
    assert hanging.is_closed
    assert (await place.requests.find(request.id)).state == "open", "an outage approves nothing"


async def test_forged_messages_are_recorded_as_counts(place: Place) -> None:
    board = board_of(place, Hanging("a"))
    async with running(board):
        for _ in range(3):
            assert await board.receive("a", Call({}, b"", "192.0.2.7")) == Answer(401)
        place.clock.now_s += 1
        await eventually(lambda: place.ledger.of("channel.rejected"))
    assert place.ledger.of("channel.rejected") == [
        {"source": "192.0.2.7", "channel": "a", "reason": "forged", "count": 3}
    ]


async def test_calls_to_channels_that_there_are_not_are_not_found(place: Place) -> None:
    board = board_of(place, Recording("a"))
    assert await board.receive("a", Call({}, b"", "")) == Answer(404), "nothing runs yet"
    async with running(board):
        assert await board.receive("nobody", Call({}, b"", "")) == Answer(404)
        assert await board.receive("a", Call({}, b"", "")) == Answer(404), "it takes no calls"


async def test_a_probe_says_what_is_wrong(place: Place) -> None:
    channel = Recording("a")
    board = board_of(place, channel)
    assert await board.probe("a") == "fine"
    channel.fails = [outage("invalid_auth")]
    with pytest.raises(Conflict, match="channel a: invalid_auth"):
        await board.probe("a")
    with pytest.raises(NotFound):
        await board.probe("b")


async def test_what_keeps_a_channel_from_hearing_is_known(place: Place) -> None:
    channel = Recording("a")

    async def listen(desk: Desk) -> None:
        raise outage("socket closed")

    channel.on_listen = listen
    board = board_of(place, channel)
    async with running(board):
        await eventually(lambda: board.hears("a"))
    assert board.hears("a") == "socket closed"


def test_a_channel_is_told_of_what_it_is_for() -> None:
    line = Line(Recording(), frozenset({"shop"}), frozenset({"dba"}))
    assert line.is_wanted(REQUEST)
    assert not line.is_wanted(replace(REQUEST, datasource="hr"))
    assert not line.is_wanted(replace(REQUEST, needs=()))
    assert Line(Recording()).is_wanted(replace(REQUEST, needs=()))


def test_everyone_of_the_groups_is_asked_but_whoever_asks(place: Place) -> None:
    place.people()
    place.accounts.add("dora", Realm.EMAIL, "dora@elsewhere.example")
    people = [
        Principal(name, Kind.USER, frozenset({"dba"})) for name in ("dora", "alice", "dan@example.com", "reporter")
    ]

    def members(groups: frozenset[str]) -> list[Principal]:
        return [one for one in people if one.groups & groups]

    asked = Asked(Line(Recording()), members, place.accounts)
    assert asked.asked(REQUEST) == ["dan@example.com", "dora"]
    assert Asked(Line(Recording(), groups=frozenset({"sre"})), members, place.accounts).asked(REQUEST) == []
    assert (Realm.EMAIL, "dora@elsewhere.example") in asked.accounts("dora")
    assert list(asked.accounts("dan@example.com")) == [(Realm.EMAIL, "dan@example.com")]

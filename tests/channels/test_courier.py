"""Delivering to one channel, whatever happens there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from channelkit import DORA, REQUEST, Desks, Place, Recording, eventually, opened, outage

from tidewaiter.approvals.desk import Request
from tidewaiter.channels import courier
from tidewaiter.channels.contract import Desk, Unreachable
from tidewaiter.channels.courier import ASKED_PAUSE_S, GIVE_UP_S, LONGEST_PAUSE_S, Courier, Listener, pause_s
from tidewaiter.errors import LedgerUnavailable
from tidewaiter.identity.accounts import Realm

pytestmark = pytest.mark.anyio


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as made:
        yield made


class Dbas:
    """dora, who has an address, and dan, who has none."""

    def asked(self, request: Request) -> list[str]:
        return ["dan", "dora"]

    def accounts(self, name: str) -> list[tuple[Realm, str]]:
        return [(Realm.EMAIL, "dora@example.com")] if name == "dora" else []


class Round:
    """A courier with what it said."""

    def __init__(self, place: Place, channel: Recording, people: Dbas | None = None) -> None:
        self.said: list[str] = []
        self.courier = Courier(
            channel, place.outbox, place.ledger, lambda request: True, lambda id_: f"https://gate.example/{id_}",
            place.clock, lambda: 1.0, self.said.append, people=people,
        )  # fmt: skip


def test_pauses_grow_to_a_bound_and_what_the_vendor_asks_for_counts() -> None:
    assert [pause_s(attempts, 1.0, outage()) for attempts in (1, 2, 3, 9, 10, 999)] == [1, 2, 4, 256, 300, 300]
    assert [pause_s(1, jitter, outage()) for jitter in (0.0, 0.5, 1.0)] == [0.5, 0.75, 1.0]
    assert pause_s(1, 1.0, outage(after_s=30)) == 30
    assert pause_s(1, 1.0, outage(after_s=1e9)) == ASKED_PAUSE_S
    assert pause_s(1, 1.0, outage(is_lasting=True)) == LONGEST_PAUSE_S


async def test_a_request_is_announced_then_updated_and_both_are_recorded(place: Place) -> None:
    channel = Recording()
    round_ = Round(place, channel)
    request = await place.ask()
    await round_.courier.round()
    await place.decide(request.id)
    await round_.courier.round()
    assert channel.told == [("announce", request.id, "open"), ("update", f"ref-{request.id}", "approved")]
    assert [fields["what"] for fields in place.ledger.of("channel.told")] == ["announced", "updated"]


async def _broken(place: Place) -> Request:
    request = await place.ask()
    return await place.requests.break_glass(request, "the site is down", "s1")


async def test_everyone_of_the_group_is_told_of_a_broken_glass_and_of_its_end(place: Place) -> None:
    channel = Recording()
    channel.tells_members = True
    round_ = Round(place, channel, Dbas())
    request = await _broken(place)
    await round_.courier.round()
    told = [(one.to.name if one.to else "", [member.name for member in one.members]) for one in channel.notices]
    assert sorted(told) == [("", ["dan", "dora"]), ("dan", ["dan", "dora"]), ("dora", ["dan", "dora"])]
    entries = {fields.get("member", ""): fields for fields in place.ledger.of("channel.told")}
    assert entries[""]["not_told_individually"] == ["dan"]
    assert set(entries) == {"", "dan", "dora"}
    await place.requests.close(request.id, DORA, note="fine", channel="ops", place="here")
    await round_.courier.round()
    assert [told[2] for told in channel.told] == ["review"] * 3 + ["closed"] * 3


async def test_a_member_who_cannot_be_reached_is_given_up_at_once_and_an_outage_is_waited_out(place: Place) -> None:
    channel = Recording()
    channel.tells_members = True
    round_ = Round(place, channel, Dbas())
    request = await _broken(place)
    channel.fails = [Unreachable("no such person"), outage("502")]
    await round_.courier.round()
    states = sorted((one.state, one.problem) for one in place.outbox.of_request(request.id))
    assert states == [("given up", "no such person"), ("told", ""), ("waiting", "502")]
    assert [fields["problem"] for fields in place.ledger.of("channel.told") if fields["what"] == "given_up"] == [
        "no such person"
    ]
    place.clock.now_s += 2
    await round_.courier.round()
    assert [one.state for one in place.outbox.of_request(request.id)].count("told") == 2


async def test_of_an_ordinary_request_and_by_channels_without_direct_messages_nobody_is_told_individually(
    place: Place,
) -> None:
    channel, direct = Recording(), Recording("direct")
    direct.tells_members = True
    await place.ask()
    await Round(place, direct, Dbas()).courier.round()
    assert [(one.to, one.members) for one in direct.notices] == [(None, ())]
    await _broken(place)
    await Round(place, channel, Dbas()).courier.round()
    assert [(one.to, len(one.members)) for one in channel.notices] == [(None, 2)]


async def test_an_outage_is_said_once_and_waited_out(place: Place) -> None:
    channel = Recording()
    channel.fails = [outage("502"), outage("503")]
    round_ = Round(place, channel)
    request = await place.ask()
    await round_.courier.round()
    assert place.outbox.of_request(request.id)[0].problem == "502"
    place.clock.now_s += 0.9
    await round_.courier.round()
    assert channel.fails, "not before its time"
    place.clock.now_s += 0.1
    await round_.courier.round()
    place.clock.now_s += 2
    await round_.courier.round()
    assert channel.told == [("announce", request.id, "open")]
    assert place.outbox.of_request(request.id)[0].problem == ""
    assert round_.said == ["warning: channel ops: 502; it is tried again", "channel ops works again"]


async def test_a_defect_of_a_channel_is_an_outage(place: Place) -> None:
    channel = Recording()
    channel.fails = [KeyError("ok")]
    round_ = Round(place, channel)
    request = await place.ask()
    await round_.courier.round()
    assert place.outbox.of_request(request.id)[0].problem == "failed: KeyError('ok')"


async def test_what_cannot_be_told_for_a_day_is_given_up_visibly(place: Place) -> None:
    channel = Recording()
    channel.fails = [outage("no_such_channel", is_lasting=True)] * 2
    round_ = Round(place, channel)
    request = await place.ask()
    await round_.courier.round()
    place.clock.now_s += GIVE_UP_S
    await round_.courier.round()
    (told,) = place.outbox.of_request(request.id)
    assert (told.state, told.problem) == ("given up", "given up after 2 attempts: no_such_channel")
    assert place.ledger.of("channel.told")[-1]["what"] == "given_up"


@pytest.mark.parametrize(("tells_late", "state"), [(False, "given up"), (True, "told")])
async def test_what_was_over_before_it_could_be_told_is_told_only_to_who_wants_it(
    place: Place, tells_late: bool, state: str
) -> None:
    channel = Recording(tells_late=tells_late)
    channel.fails = [outage()]
    round_ = Round(place, channel)
    request = await place.ask()
    await round_.courier.round()
    await place.requests.withdraw(request.id, "gone", "s9")
    place.clock.now_s += 5
    await round_.courier.round()
    assert place.outbox.of_request(request.id)[0].state == state
    assert len(channel.told) == tells_late


async def test_a_broken_glass_is_announced_although_it_ran_already_and_its_closing_is_an_update(place: Place) -> None:
    channel = Recording()
    round_ = Round(place, channel)
    request = await place.requests.break_glass(REQUEST, "payments are down", "s")
    await round_.courier.round()
    await place.requests.close(request.id, DORA, note="it was right", channel="shell", place="here")
    await round_.courier.round()
    assert channel.told == [("announce", request.id, "review"), ("update", f"ref-{request.id}", "closed")]


async def test_a_ledger_that_cannot_be_written_is_said_and_nothing_is_told_twice(place: Place) -> None:
    channel = Recording()
    round_ = Round(place, channel)
    await place.ask()
    place.ledger.is_broken = True
    with pytest.raises(LedgerUnavailable):
        await round_.courier.round()
    place.ledger.is_broken = False
    await round_.courier.round()
    assert len(channel.told) == 1


async def test_a_running_courier_looks_when_it_is_woken(place: Place) -> None:
    channel = Recording()
    round_ = Round(place, channel)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(round_.courier.run())
        await place.ask()
        round_.courier.wake()
        await eventually(lambda: channel.told)
        running.cancel()


async def test_a_listener_that_fails_is_started_again_and_one_that_ends_is_not(place: Place) -> None:
    channel, said = Recording(), list[str]()
    starts = 0

    async def listen(desk: Desk) -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise outage("socket closed")
        if starts == 2:
            raise ValueError("odd")

    channel.on_listen = listen
    listener = Listener(channel, Desks(), lambda: -1.0, said.append)
    async with asyncio.timeout(10):
        await listener.run()
    assert starts == 3
    assert said == [
        "warning: channel ops does not hear decisions: socket closed",
        "warning: channel ops does not hear decisions: failed: ValueError('odd')",
    ]


async def test_a_listener_that_holds_has_no_problem_any_more() -> None:
    channel, said = Recording(), list[str]()
    fails = [outage("socket closed")]

    async def listen(desk: Desk) -> None:
        if fails:
            raise fails.pop()
        await asyncio.Event().wait()

    channel.on_listen = listen
    listener = Listener(channel, Desks(), lambda: -1.0, said.append, steady_s=0.01)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(listener.run())
        await eventually(lambda: len(said) == 2)
        running.cancel()
    assert said[1] == "channel ops hears decisions again"
    assert listener.problem == ""


async def test_a_defect_of_ours_ends_neither_the_courier_nor_the_gateway(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Recording()
    round_ = Round(place, channel)
    await place.ask()
    rows = place.outbox.note
    defects = [ValueError("odd row")]

    def note(*arguments: Any) -> int:
        if defects:
            raise defects.pop()
        return rows(*arguments)

    monkeypatch.setattr(place.outbox, "note", note)
    monkeypatch.setattr(courier, "STORE_PAUSE_S", 0.01)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(round_.courier.run())
        await eventually(lambda: channel.told)
        running.cancel()
    assert round_.said == ["warning: channel ops: failed: ValueError('odd row')"]

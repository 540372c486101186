"""What a channel does that says nothing of itself."""

from __future__ import annotations

import asyncio

from channelkit import Desks, Recording

from tidewaiter.channels.contract import Answer, Call, Channel, Notice, Undelivered


class Quiet(Channel):
    async def announce(self, notice: Notice) -> str:
        return ""

    async def update(self, reference: str, notice: Notice) -> str:
        return reference

    async def probe(self) -> str:
        return "fine"


def test_a_channel_that_takes_no_decisions_hears_nothing_and_answers_not_found() -> None:
    async def go() -> None:
        channel, desk = Quiet("ops", "quiet"), Desks()
        await channel.listen(desk)
        assert await channel.receive(Call({}, b"", ""), desk) == Answer(404)
        await channel.close()

    asyncio.run(go())


def test_an_outage_is_passing_unless_it_says_otherwise() -> None:
    error = Undelivered("away")
    assert (str(error), error.after_s, error.is_lasting) == ("away", 0.0, False)
    assert not Recording().tells_late

"""Delivers what one channel is to be told, and tries again with growing pauses until it arrives.

Each channel has a courier and a listener of its own, so that one that hangs or fails holds up no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from tidewaiter.approvals.book import UNSETTLED
from tidewaiter.approvals.desk import Request, State
from tidewaiter.approvals.presentation import presented
from tidewaiter.channels.contract import Channel, Desk, Member, Notice, Undelivered, Unreachable
from tidewaiter.channels.outbox import Delivery, Outbox
from tidewaiter.errors import TidewaiterError
from tidewaiter.identity.accounts import Realm
from tidewaiter.model import Receipt

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
ASKED_PAUSE_S = 3600.0  # more than this no vendor may ask of us: approvers would wait for hours
GIVE_UP_S = 86_400.0  # a request that nobody could be told of for a day has expired in nearly every deployment
DELIVERY_S = 20.0  # one message; a vendor that takes longer is as good as away
LOOK_S = 0.5
STORE_PAUSE_S = 1.0
STEADY_S = 10.0  # of listening without a failure: the channel hears


class Ledger(Protocol):
    """Where deliveries are recorded."""

    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt: ...


def pause_s(attempts: int, jitter: float, error: Undelivered) -> float:
    """How long to wait after so many failed attempts; `jitter` is from 0 to 1. What the other side asks for counts."""
    longest = LONGEST_PAUSE_S if error.is_lasting else min(FIRST_PAUSE_S * 2 ** min(attempts - 1, 20), LONGEST_PAUSE_S)
    return max(longest * (0.5 + jitter / 2), min(error.after_s, ASKED_PAUSE_S))


class People(Protocol):
    """Who is asked to decide, and where they are reached."""

    def asked(self, request: Request) -> Iterable[str]:
        """Names of everyone who is asked about a request; answers from memory."""

    def accounts(self, name: str) -> Iterable[tuple[Realm, str]]:
        """Accounts of one of them; may wait for the store."""


class Nobody:
    """No people."""

    def asked(self, request: Request) -> Iterable[str]:
        """Nobody."""
        return ()

    def accounts(self, name: str) -> Iterable[tuple[Realm, str]]:
        """None."""
        return ()


class Courier:
    """Brings one channel what it is to know. `jitter` gives numbers from 0 to 1; `report` reaches the operator."""

    def __init__(
        self,
        channel: Channel,
        outbox: Outbox,
        ledger: Ledger,
        is_wanted: Callable[[Request], bool],
        link: Callable[[str], str],
        now_s: Callable[[], float],
        jitter: Callable[[], float],
        report: Callable[[str], None],
        look_s: float = LOOK_S,
        people: People | None = None,
    ) -> None:
        self.channel = channel
        self._people = people or Nobody()
        self._outbox = outbox
        self._ledger = ledger
        self._is_wanted = is_wanted
        self._link = link
        self._now_s = now_s
        self._jitter = jitter
        self._report = report
        self._look_s = look_s
        self._woken = asyncio.Event()
        self._stamp = -1
        self._next_at_s: float | None = None
        self._fails = False

    def wake(self) -> None:
        """Something has changed: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        problem = ""
        while True:
            try:
                await self.round()
                problem = ""
            except Exception as error:  # noqa: BLE001 - the boundary: a channel ends neither the others nor the gateway
                told = str(error) if isinstance(error, TidewaiterError) else f"failed: {error!r}"
                if told != problem:
                    self._report(f"warning: channel {self.channel.name}: {told}")  # the outbox keeps what was not told
                problem = told
                await asyncio.sleep(STORE_PAUSE_S)
            try:
                async with asyncio.timeout(self._look_s):
                    await self._woken.wait()
            except TimeoutError:
                continue
            self._woken.clear()

    async def round(self) -> None:
        """Note what has changed and deliver all that is due. Raises StoreUnavailable, LedgerUnavailable."""
        stamp = await asyncio.to_thread(self._outbox.stamp)
        if stamp != self._stamp:
            if await asyncio.to_thread(self._outbox.is_behind, self.channel.name):
                await asyncio.to_thread(
                    self._outbox.note, self.channel.name, self._is_wanted, self._now_s(), self._names
                )
            self._next_at_s = await asyncio.to_thread(self._outbox.next_at_s, self.channel.name)
            self._stamp = stamp
        while self._next_at_s is not None and self._next_at_s <= self._now_s():
            now_s = self._now_s()
            claimed = await asyncio.to_thread(self._outbox.claim, self.channel.name, now_s, now_s + 3 * DELIVERY_S)
            if claimed is not None:
                await self._deliver(*claimed)
            self._next_at_s = await asyncio.to_thread(self._outbox.next_at_s, self.channel.name)

    async def _deliver(self, delivery: Delivery, request: Request) -> None:
        if not delivery.reference and request.state not in UNSETTLED and not self.channel.tells_late:
            await self._give_up(delivery, request, "the request was over before the channel could be told of it")
            return
        members = await asyncio.to_thread(self._members, request)
        notice = self._notice(delivery, request, members)
        try:
            reference = await self._tell(delivery, notice)
        except Unreachable as error:
            await self._give_up(delivery, request, str(error))
            return
        except Undelivered as error:
            await self._failed(delivery, request, error)
            return
        await asyncio.to_thread(self._outbox.told, delivery, reference, self._now_s())
        if self._fails:
            self._fails = False
            self._report(f"channel {self.channel.name} works again")
        missed = () if delivery.member else self.channel.unreached(notice)
        more = {"reference": reference, **({"not_told_individually": list(missed)} if missed else {})}
        await self._record(delivery, request, "updated" if delivery.reference else "announced", more)

    def _names(self, request: Request) -> Iterable[str]:
        """Those who get messages of their own: of a broken glass everyone is told who may close its review."""
        is_for_each = self.channel.tells_members and request.state is State.REVIEW
        return self._people.asked(request) if is_for_each else ()

    def _members(self, request: Request) -> tuple[Member, ...]:
        names = self._people.asked(request) if request.state is State.REVIEW else ()
        return tuple(Member(name, tuple(self._people.accounts(name))) for name in names)

    def _notice(self, delivery: Delivery, request: Request, members: tuple[Member, ...]) -> Notice:
        to = next((one for one in members if one.name == delivery.member), Member(delivery.member))
        link, shown = self._link(request.id), presented(request)
        return Notice(
            request, delivery.wanted, shown, link, delivery.attempts, members, to if delivery.member else None
        )

    async def _tell(self, delivery: Delivery, notice: Notice) -> str:
        """Tell it; whatever goes wrong in a channel or at its vendor is Undelivered."""
        try:
            async with asyncio.timeout(DELIVERY_S):
                if delivery.reference:
                    return await self.channel.update(delivery.reference, notice)
                return await self.channel.announce(notice)
        except TimeoutError:
            raise Undelivered(f"no answer within {DELIVERY_S:g} s") from None
        except Undelivered:
            raise
        except Exception as defect:
            raise Undelivered(f"failed: {defect!r}") from defect

    async def _failed(self, delivery: Delivery, request: Request, error: Undelivered) -> None:
        now_s = self._now_s()
        if now_s - delivery.since_s >= GIVE_UP_S:
            await self._give_up(delivery, request, f"given up after {delivery.attempts} attempts: {error}")
            return
        if not self._fails:
            self._fails = True
            self._report(f"warning: channel {self.channel.name}: {error}; it is tried again")
        next_at_s = now_s + pause_s(delivery.attempts, self._jitter(), error)
        await asyncio.to_thread(self._outbox.failed, delivery, str(error), next_at_s)

    async def _give_up(self, delivery: Delivery, request: Request, problem: str) -> None:
        await asyncio.to_thread(self._outbox.give_up, delivery, problem)
        await self._record(delivery, request, "given_up", {"problem": problem})

    async def _record(self, delivery: Delivery, request: Request, what: str, more: Mapping[str, object]) -> None:
        fields = {"channel": delivery.channel, "request": request.id, "what": what, "state": request.state.value}
        if delivery.member:
            fields["member"] = delivery.member
        await self._ledger.record("channel.told", {**fields, **more})


class Listener:
    """Keeps a channel listening: one that fails is started again, after a growing pause.

    `problem` is what keeps it from hearing, empty when it has been listening for `steady_s`.
    """

    def __init__(
        self,
        channel: Channel,
        desk: Desk,
        jitter: Callable[[], float],
        report: Callable[[str], None],
        steady_s: float = STEADY_S,
    ) -> None:
        self._channel = channel
        self._desk = desk
        self._jitter = jitter
        self._report = report
        self._steady_s = steady_s
        self.problem = ""

    async def run(self) -> None:
        """Listen until cancelled, or until the channel has nothing to listen to."""
        failures = 0
        while True:
            watching = Watching(self._channel, self._desk)
            error = await watching.failure(self._steady_s, self._recovered)
            if error is None:
                return
            failures = 1 if watching.was_steady else failures + 1
            if str(error) != self.problem:
                self._report(f"warning: channel {self._channel.name} does not hear decisions: {error}")
            self.problem = str(error)
            await asyncio.sleep(pause_s(failures, self._jitter(), error))

    def _recovered(self) -> None:
        if self.problem:
            self._report(f"channel {self._channel.name} hears decisions again")
            self.problem = ""


class Watching:
    """One attempt to listen."""

    def __init__(self, channel: Channel, desk: Desk) -> None:
        self._channel = channel
        self._desk = desk
        self.was_steady = False

    async def failure(self, steady_s: float, on_steady: Callable[[], None]) -> Undelivered | None:
        """What ended it, None when there was nothing to listen to. `on_steady` is called once it holds."""
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen())
            await asyncio.wait((listening,), timeout=steady_s)
            if not listening.done():
                self.was_steady = True
                on_steady()
        return listening.result()

    async def _listen(self) -> Undelivered | None:
        try:
            await self._channel.listen(self._desk)
        except Undelivered as error:
            return error
        except Exception as defect:  # noqa: BLE001 - the boundary: a defect of one channel ends no other
            return Undelivered(f"failed: {defect!r}")
        return None

"""All channels of a deployment: runs them side by side, hands in what comes by HTTP, and says how each stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tidewaiter.approvals.desk import Request
from tidewaiter.channels.contract import Answer, Call, Channel, Undelivered
from tidewaiter.channels.courier import LOOK_S, Courier, Ledger, Listener
from tidewaiter.channels.intake import Decide, Intake
from tidewaiter.channels.links import Links
from tidewaiter.channels.outbox import Outbox
from tidewaiter.errors import Conflict, NotFound, TidewaiterError
from tidewaiter.identity import THE_REST, Rejected, Rejections
from tidewaiter.identity.accounts import Accounts, Realm
from tidewaiter.model import Principal

DRAIN_S = 1.0
PRUNE_S = 3600.0
PROBE_S = 20.0


@dataclass(frozen=True, slots=True)
class Line:
    """One configured channel, and which requests it is told of: empty means all."""

    channel: Channel
    datasources: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def is_wanted(self, request: Request) -> bool:
        """Whether the channel is told of a request."""
        return (not self.datasources or request.datasource in self.datasources) and (
            not self.groups or bool(self.groups.intersection(request.approvers))
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """The people whom a channel's requests ask. Implements courier.People."""

    line: Line
    members: Callable[[frozenset[str]], Iterable[Principal]]
    elsewhere: Accounts

    def asked(self, request: Request) -> list[str]:
        """Everyone who may decide on a request, of the channel's groups if it has any."""
        groups = frozenset(request.approvers)
        found = self.members(groups & self.line.groups if self.line.groups else groups)
        return sorted(one.name for one in found if one.name not in (request.principal, request.on_behalf_of))

    def accounts(self, name: str) -> list[tuple[Realm, str]]:
        """Accounts of a principal; one that is called like an e-mail address has that address."""
        found = self.elsewhere.of(name)
        return [*found, (Realm.EMAIL, name)] if "@" in name else found


class Switchboard:
    """The channels. `run` until cancelled; without it, `probe` still answers."""

    def __init__(
        self,
        lines: Sequence[Line],
        outbox: Outbox,
        accounts: Accounts,
        groups_of: Callable[[str], frozenset[str]],
        ledger: Ledger,
        links: Links,
        now_s: Callable[[], float],
        jitter: Callable[[], float],
        report: Callable[[str], None],
        members: Callable[[frozenset[str]], Iterable[Principal]] = lambda groups: (),
    ) -> None:
        """`members` are the people in any of some groups who can log in."""
        self._members = members
        self.outbox = outbox
        self.links = links
        self._lines = {line.channel.name: line for line in lines}
        self.accounts = accounts
        self._groups_of = groups_of
        self._ledger = ledger
        self._now_s = now_s
        self._jitter = jitter
        self._report = report
        self._rejections = Rejections()
        self._finished: list[Rejected] = []
        self._intakes: dict[str, Intake] = {}
        self._couriers: list[Courier] = []
        self._listeners: dict[str, Listener] = {}

    def told(self, request: Request) -> None:
        """A request has changed here: couriers look at once."""
        for courier in self._couriers:
            courier.wake()

    async def run(self, decide: Decide) -> None:
        """Deliver and listen until cancelled. `decide` is where decisions go."""
        for name, line in self._lines.items():
            self._intakes[name] = Intake(
                name, self.accounts, self._groups_of, decide, self.outbox, self._ledger, self._reject, self._now_s
            )
            self._listeners[name] = Listener(line.channel, self._intakes[name], self._jitter, self._report)
            self._couriers.append(
                Courier(
                    line.channel, self.outbox, self._ledger, line.is_wanted, self.links.of,
                    self._now_s, self._jitter, self._report, max(LOOK_S, self.outbox.check_s),
                    Asked(line, self._members, self.accounts),
                )
            )  # fmt: skip
        try:
            async with asyncio.TaskGroup() as group:
                for courier in self._couriers:
                    group.create_task(courier.run())
                for listener in self._listeners.values():
                    group.create_task(listener.run())
                group.create_task(self._drain())
                group.create_task(self._prune())
        finally:
            await self.close()

    async def receive(self, name: str, call: Call) -> Answer:
        """An HTTP call to a channel. Raises StoreUnavailable, LedgerUnavailable: then nothing happened."""
        if name not in self._intakes:
            return Answer(404)
        return await self._lines[name].channel.receive(call, self._intakes[name])

    def hears(self, name: str) -> str:
        """What keeps a channel from hearing decisions, empty when nothing does."""
        return self._listeners[name].problem if name in self._listeners else ""

    async def probe(self, name: str) -> str:
        """Whether a channel would work. Raises NotFound, and Conflict with what is wrong."""
        if name not in self._lines:
            raise NotFound(f"there is no channel {name!r}")
        try:
            async with asyncio.timeout(PROBE_S):
                return await self._lines[name].channel.probe()
        except TimeoutError:
            raise Conflict(f"channel {name}: no answer within {PROBE_S:g} s") from None
        except Undelivered as error:
            raise Conflict(f"channel {name}: {error}") from None

    async def close(self) -> None:
        """Let go of every channel's connections."""
        for line in self._lines.values():
            await line.channel.close()

    def _reject(self, channel: str, reason: str, source: str) -> None:
        self._finished += self._rejections.note(source, channel, reason, self._now_s())

    async def _drain(self) -> None:
        """Record rejected messages: at most one entry per source and second, and few in the long run."""
        while True:
            await asyncio.sleep(DRAIN_S)
            self._finished += self._rejections.drain(self._now_s())
            try:
                while self._finished:
                    await self._ledger.record("channel.rejected", _rejected(self._finished[0]))
                    self._finished.pop(0)
            except TidewaiterError as error:
                self._report(f"warning: channels: {error}")

    async def _prune(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.outbox.prune, self._now_s())
            except TidewaiterError as error:
                self._report(f"warning: channels: {error}")
            await asyncio.sleep(PRUNE_S)


def _rejected(one: Rejected) -> dict[str, object]:
    sources = {"sources": one.sources} if one.source == THE_REST else {}
    return {"source": one.source, "channel": one.user, "reason": one.reason, "count": one.count, **sources}

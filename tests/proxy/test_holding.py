"""Holding a statement: what the client is told, how it ends, and that an approval is used once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tidewaiter.approvals.desk import Refused, Request, State, Vote
from tidewaiter.errors import StoreUnavailable
from tidewaiter.model import Facts, Hold, Kind, Need, Principal
from tidewaiter.proxy.holding import (
    CLEAN_TRANSACTION_S,
    Document,
    Granted,
    Held,
    Holding,
    NotGranted,
    Radius,
    glass_reason,
)
from tidewaiter.wire import postgres

pytestmark = pytest.mark.anyio
ALICE = Principal("alice", Kind.USER)
BOT = Principal("bot", Kind.AGENT, owner=ALICE)
HELD = Held(Hold("holds", (Need(("dba",)),), "waits for dba", 30.0), Facts(), b"drop table t", b"", "b" * 64, 30.0)


class Book:
    """One request, which the test moves."""

    def __init__(self) -> None:
        self.request: Request | None = None
        self.changed = asyncio.Event()
        self.consumed: list[str] = []
        self.withdrawn = ""
        self.refuses = False
        self.outages = 0

    async def ask(self, draft: Request, radius: Radius) -> Request:
        self.request = self.request or replace(draft, id="AR-1", blast_radius=await radius())
        return self.request

    async def decided(self, id_: str, timeout_s: float) -> Request:
        assert self.request is not None
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable("restarting")
        try:
            async with asyncio.timeout(timeout_s):
                await self.changed.wait()
        except TimeoutError:
            pass
        return self.request

    async def consume(self, id_: str, binding: str, session: str, now: Document, radius: Radius) -> Request:
        assert self.request is not None
        if self.refuses:
            raise Refused("decided", "somebody was faster")
        if now["rows"] != 7:
            moved = "it would change 900 rows now"
            self.request = replace(self.request, state=State.OPEN, reason=moved, blast_radius=await radius())
            return self.request
        self.consumed.append(binding)
        return replace(self.request, state=State.CONSUMED)

    def most_rows(self, request: Request) -> int | None:
        return 14

    async def break_glass(self, draft: Request, reason: str, session: str) -> Request:
        if self.refuses:
            raise Refused("decided", "it was approved in the same moment")
        self.request = replace(draft, id="AR-1", glass=reason, state=State.REVIEW)
        return self.request

    async def withdraw(self, id_: str, reason: str, session: str) -> Request:
        assert self.request is not None
        if self.refuses:
            raise Refused("decided", "it was approved in the same moment")
        self.withdrawn = reason
        return self.request

    async def fail(self, id_: str, reason: str, session: str) -> Request:
        raise Refused("decided", "nothing to note")

    def move(self, state: State, *votes: Vote, reason: str = "") -> None:
        assert self.request is not None
        self.request = replace(self.request, state=state, votes=votes, reason=reason)
        self.changed.set()


class Gauge:
    """Tells what the test says."""

    def __init__(self) -> None:
        self.told: Document = {"rows": 7}
        self.may_break = False
        self.asked: list[bool] = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def radius(self, held: Held, *, is_brief: bool = False) -> Document:
        self.asked.append(is_brief)
        await self.goes_on.wait()
        return self.told

    def may_break_glass(self) -> bool:
        return self.may_break


class Client:
    def __init__(self) -> None:
        self.book, self.gauge, self.told = Book(), Gauge(), list[str]()
        self.holding = Holding(self.book, self.gauge, "s", "shop", self._tell, asyncio.get_running_loop().time)
        self.hint = ""

    def _tell(self, message: bytes) -> None:
        assert message[:1] == b"N"
        fields = postgres.parse_error_fields(message[5:])
        self.told.append(fields["M"] + fields.get("D", ""))
        self.hint = fields.get("H", "")


async def until_waiting(client: Client) -> None:
    while client.holding.waits_for is None:  # noqa: ASYNC110 - the test looks from outside
        await asyncio.sleep(0)


async def test_an_approval_makes_it_judged_again_and_is_then_used() -> None:
    client = Client()
    settling = asyncio.create_task(client.holding.settle(HELD, ALICE))
    await until_waiting(client)
    client.book.move(State.APPROVED)
    assert await settling is None
    assert await client.holding.settle(HELD, ALICE) == Granted("AR-1", "b" * 64, 14)
    assert client.book.consumed == ["b" * 64]
    assert ["AR-1" in told for told in client.told] == [True, True]
    assert client.gauge.asked == [False, True]


@pytest.mark.parametrize("state", [State.CONSUMED, State.FAILED, State.REVIEW, State.CLOSED])
async def test_what_another_session_of_theirs_used_up_is_asked_for_anew(state: State) -> None:
    client = Client()
    settling = asyncio.create_task(client.holding.settle(HELD, ALICE))
    await until_waiting(client)
    client.book.move(state)
    assert await settling is None
    assert "used up by another run" in client.told[-1]
    assert client.book.consumed == []


async def test_what_moved_since_its_approval_is_held_again_without_saying_by_how_much() -> None:
    client = Client()
    await client.holding.settle(HELD, BOT)
    client.book.move(State.APPROVED)
    client.gauge.told = {"rows": 900}
    settled = await client.holding.settle(HELD, BOT)
    assert isinstance(settled, NotGranted) and "held again: what it would do has changed" in settled.message
    assert "900" not in settled.message + settled.hint  # the numbers are for approvers
    assert client.book.consumed == [] and client.book.request is not None
    assert client.book.request.blast_radius == {"rows": 900}


GLASS = replace(HELD, text=b"  /* Break glass: payments\n are down */ drop table t")


async def test_who_may_break_the_glass_runs_it_at_once_and_is_warned() -> None:
    client = Client()
    client.gauge.may_break = True
    assert await client.holding.settle(GLASS, ALICE) == Granted("AR-1", "b" * 64)
    assert client.book.request is not None and client.book.request.glass == "payments are down"
    assert "glass broken" in client.told[0] and "dba are told" in client.told[0]


async def test_a_glass_that_was_approved_in_the_same_moment_needs_no_breaking() -> None:
    client = Client()
    client.gauge.may_break = client.book.refuses = True
    assert await client.holding.settle(GLASS, ALICE) is None


async def test_who_may_not_break_the_glass_waits_as_ever_and_is_told() -> None:
    client = Client()
    settled = await client.holding.settle(replace(GLASS, most_s=0.0), ALICE)
    assert isinstance(settled, NotGranted)
    assert client.told == ["no policy permits alice to break the glass: it waits as ever"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"/* break glass: why */ drop table t", "why"),
        (b"/*BREAK_GLASS:a\x1b  b*/x", "a\x1b b"),
        (b"drop table t /* break glass: why */", ""),
        (b"/* break glass: */ drop table t", ""),
        (b"/* break glass: never closed", ""),
        (b"-- break glass: why\ndrop table t", ""),
    ],
)
def test_the_reason_is_in_a_comment_at_the_very_beginning(text: bytes, reason: str) -> None:
    assert glass_reason(text) == reason


async def test_an_agent_gets_the_id_at_once_and_no_notice() -> None:
    client = Client()
    settled = await client.holding.settle(HELD, BOT)
    assert isinstance(settled, NotGranted)
    assert ("AR-1" in settled.message, "run the same statement again" in settled.hint) == (True, True)
    assert client.told == []


async def test_where_nothing_may_wait_nothing_does() -> None:
    client = Client()
    assert isinstance(await client.holding.settle(replace(HELD, most_s=0.0), ALICE), NotGranted)
    assert client.told == []


async def test_waiting_ends_with_the_rules_time_and_the_request_stays() -> None:
    client = Client()
    short = replace(HELD, verdict=replace(HELD.verdict, wait_s=0.02))
    settled = await client.holding.settle(short, ALICE)
    assert isinstance(settled, NotGranted) and "waits for dba" in settled.message
    assert client.book.withdrawn == ""


async def test_in_a_clean_transaction_the_wait_ends_after_five_seconds_by_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, now_s, looked = Client(), [100.0], list[float]()
    monkeypatch.setattr(client.holding, "clock_s", lambda: now_s[0])

    async def nobody_decides(id_: str, timeout_s: float) -> Request:
        assert client.book.request is not None
        looked.append(timeout_s)
        now_s[0] += timeout_s
        return client.book.request

    monkeypatch.setattr(client.book, "decided", nobody_decides)
    settled = await client.holding.settle(replace(HELD, most_s=CLEAN_TRANSACTION_S), ALICE)
    assert isinstance(settled, NotGranted) and "request AR-1 waits for dba" in settled.message
    assert (now_s[0], looked, client.book.withdrawn) == (105.0, [5.0], "")
    assert client.told == ["waits for dba: request AR-1waiting for dba; Ctrl-C withdraws the request"]
    agent = await client.holding.settle(replace(HELD, most_s=CLEAN_TRANSACTION_S), BOT)
    assert isinstance(agent, NotGranted) and now_s[0] == 105.0


async def test_every_ten_seconds_the_client_is_told_that_it_still_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    client, now_s = Client(), [0.0]
    monkeypatch.setattr(client.holding, "clock_s", lambda: now_s[0])

    async def nobody_decides(id_: str, timeout_s: float) -> Request:
        assert client.book.request is not None
        now_s[0] += timeout_s
        return client.book.request

    monkeypatch.setattr(client.book, "decided", nobody_decides)
    await client.holding.settle(HELD, ALICE)
    assert (now_s[0], [told for told in client.told if "still waits" in told]) == (
        30.0,
        ["request AR-1 still waits for dba"] * 2,
    )


async def test_the_clients_own_timeout_withdraws_and_is_a_cancel() -> None:
    client = Client()
    settled = await client.holding.settle(HELD, ALICE, 0.02)
    assert isinstance(settled, NotGranted)
    assert (settled.sqlstate, settled.message) == ("57014", "canceling statement due to statement timeout")
    assert client.book.withdrawn == "its statement_timeout was up"


async def test_a_timeout_beyond_the_rules_time_changes_nothing() -> None:
    client = Client()
    settled = await client.holding.settle(replace(HELD, verdict=replace(HELD.verdict, wait_s=0.02)), ALICE, 30.0)
    assert isinstance(settled, NotGranted) and settled.sqlstate == "42501"


async def test_a_store_that_restarts_in_the_middle_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewaiter.proxy.holding.STORE_AGAIN_S", 0.001)
    client = Client()
    client.book.outages = 2
    settling = asyncio.create_task(client.holding.settle(HELD, ALICE))
    await until_waiting(client)
    client.book.move(State.APPROVED)
    assert await settling is None


async def test_a_store_that_stays_away_ends_the_wait_with_its_time() -> None:
    client = Client()
    client.book.outages = 10**6
    settled = await client.holding.settle(replace(HELD, verdict=replace(HELD.verdict, wait_s=0.02)), ALICE)
    assert isinstance(settled, NotGranted) and "waits for dba" in settled.message


@pytest.mark.parametrize(
    ("state", "votes", "said"),
    [
        (State.DENIED, (Vote("dora", False, ("dba",), 0.0, "shell"),), "was denied by dora: no"),
        (State.EXPIRED, (), "was expired: no"),
        (State.WITHDRAWN, (), "was withdrawn: no"),
    ],
)
async def test_each_end_is_said_as_what_it_is(state: State, votes: tuple[Vote, ...], said: str) -> None:
    client = Client()
    settling = asyncio.create_task(client.holding.settle(HELD, ALICE))
    await until_waiting(client)
    client.book.move(state, *votes, reason="no")
    settled = await settling
    assert isinstance(settled, NotGranted) and said in settled.message


@pytest.mark.parametrize("is_late", [False, True])
async def test_an_interruption_withdraws_and_is_the_clients_cancel(is_late: bool) -> None:
    client = Client()
    client.book.refuses = is_late
    settling = asyncio.create_task(client.holding.settle(HELD, ALICE))
    await until_waiting(client)
    assert client.holding.interrupt("the client went away")
    settled = await settling
    assert isinstance(settled, NotGranted) and settled.sqlstate == "57014"
    assert client.book.withdrawn == ("" if is_late else "the client went away")
    assert not client.holding.interrupt("again")


@pytest.mark.parametrize("who", [ALICE, BOT])
async def test_an_interruption_while_it_is_measured_withdraws_what_was_asked(who: Principal) -> None:
    client = Client()
    client.gauge.goes_on.clear()
    settling = asyncio.create_task(client.holding.settle(HELD, who))
    while not client.gauge.asked:  # noqa: ASYNC110 - the test looks from outside
        await asyncio.sleep(0)
    assert client.holding.interrupt("the client went away")
    client.gauge.goes_on.set()
    settled = await settling
    assert isinstance(settled, NotGranted) and settled.sqlstate == "57014"
    assert (client.book.withdrawn, client.told) == ("the client went away", [])


async def test_an_interruption_while_it_is_measured_again_uses_no_approval() -> None:
    client = Client()
    await client.holding.settle(HELD, BOT)
    client.book.move(State.APPROVED)
    client.gauge.goes_on.clear()
    settling = asyncio.create_task(client.holding.settle(HELD, BOT))
    while True not in client.gauge.asked:  # noqa: ASYNC110 - the test looks from outside
        await asyncio.sleep(0)
    client.holding.interrupt("Ctrl-C")
    client.gauge.goes_on.set()
    assert isinstance(await settling, NotGranted)
    assert client.book.consumed == []


async def test_an_approval_that_somebody_else_used_is_no_approval() -> None:
    client = Client()
    await client.holding.settle(HELD, BOT)
    client.book.move(State.APPROVED)
    client.book.refuses = True
    assert await client.holding.settle(HELD, BOT) is None


async def test_a_failed_execution_is_noted_where_there_is_something_to_note() -> None:
    await Client().holding.failed("AR-1", "23505")


async def test_whoever_is_held_is_told_where_approvers_see_it() -> None:
    client = Client()
    client.holding.link = lambda request: f"https://gate.example/requests/{request}"
    settling = asyncio.create_task(client.holding.settle(HELD, ALICE))
    await until_waiting(client)
    assert client.hint == (
        "approvers see it at https://gate.example/requests/AR-1, or with `tidewaiter request show AR-1`"
    )
    client.book.move(State.DENIED)
    assert isinstance(await settling, NotGranted)
    client.book.request = None
    settled = await client.holding.settle(HELD, BOT)
    assert isinstance(settled, NotGranted)
    assert settled.hint.endswith("; approvers see it at https://gate.example/requests/AR-1")

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bookkit import ALICE, DAN, DORA, NOW, Clock, Memory, draft, opened

from tidewaiter.approvals import requests
from tidewaiter.approvals.book import Book
from tidewaiter.approvals.desk import Refused, Request, State
from tidewaiter.approvals.presentation import sight_of
from tidewaiter.approvals.requests import Requests, Terms
from tidewaiter.errors import LedgerUnavailable, StoreUnavailable
from tidewaiter.model import Need, Principal

pytestmark = pytest.mark.anyio
BINDING = "b" * 64


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with opened(tmp_path) as made:
        yield made


async def radius() -> dict[str, object]:
    return {"rows": 7, "basis": "measured", "sample": [{"before": {"name": "Ann"}}]}


class Desk:
    """Requests with everything that they stand on."""

    def __init__(self, book: Book) -> None:
        self.ledger, self.clock, self.told = Memory(), Clock(), list[Request]()
        self.people = {one.name: one for one in (DORA, DAN)}
        self.requests = Requests(
            book, self.ledger, self.clock, Terms(60.0, 30.0), told=self.told.append, principal=self.people.get
        )

    async def decide(self, id_: str, who: Principal = DORA, *, yes: bool = True) -> Request:
        told = {"note": "because", "channel": "shell", "place": "uid 0"}
        return await self.requests.decide(id_, who, is_approval=yes, **told)


async def test_asking_twice_is_one_request(book: Book) -> None:
    desk = Desk(book)
    first, again = await desk.requests.ask(draft(), radius), await desk.requests.ask(draft(), radius)
    assert first == again
    assert desk.ledger.steps == [("open", "open")]


async def test_the_blast_radius_is_kept_and_its_numbers_are_recorded_without_rows(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(), radius)
    assert (await desk.requests.find(request.id)).blast_radius == await radius()
    told = desk.ledger.entries[0][1]["by"]
    assert isinstance(told, dict) and told["blast_radius"] == {"rows": 7, "basis": "measured", "tables": []}


async def test_two_gateways_that_ask_at_once_have_one_request(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        here, there = Desk(one), Desk(other)
        found = await asyncio.gather(*(desk.requests.ask(draft(), radius) for desk in (here, there) * 8))
        assert len({request.id for request in found}) == 1
        assert len(one.all()) == 1


async def test_an_approval_is_used_once_even_by_two_gateways_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        here, there = Desk(one), Desk(other)
        request = await here.requests.ask(draft(), radius)
        await there.decide(request.id)
        uses = [desk.requests.consume(request.id, BINDING, "s", {}) for desk in (here, there) * 4]
        found = await asyncio.gather(*uses, return_exceptions=True)
        assert sum(isinstance(one, Request) for one in found) == 1
        assert all(isinstance(one, Request | Refused) for one in found)
        assert one.find(request.id)[0].state is State.CONSUMED


async def test_every_transition_is_recorded_with_who_from_where_and_how(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(BINDING, Need(("dba",), 2)), radius)
    await desk.decide(request.id)
    await desk.decide(request.id, DAN)
    await desk.requests.consume(request.id, BINDING, "s2", {})
    await desk.requests.fail(request.id, "57014", "s2")
    assert desk.ledger.steps == [
        ("open", "open"), ("approve", "open"), ("approve", "approved"), ("consumed", "consumed"), ("failed", "failed"),
    ]  # fmt: skip
    by = desk.ledger.entries[1][1]["by"]
    assert by == {"approver": "dora", "channel": "shell", "place": "uid 0", "note": "because"}
    assert [one.state for one in desk.told][-1] is State.FAILED


async def test_every_transition_stays_with_the_request_with_who_when_from_where_and_how(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(BINDING, Need(("dba",), 2)), radius)

    async def history() -> list[tuple[str, float | None, str, str, str, str]]:
        found = await desk.requests.find(request.id)
        return [(one.what, one.at_s, one.who, one.channel, one.place, one.note) for one in found.history]

    desk.clock.now_s += 1
    await desk.decide(request.id)
    await desk.decide(request.id)
    desk.clock.now_s += 1
    await desk.decide(request.id, DAN)
    desk.clock.now_s += 1
    held = await desk.requests.consume(request.id, BINDING, "s2", FAR_MORE)
    assert held.votes == ()
    await desk.decide(request.id)
    await desk.decide(request.id, DAN)
    desk.clock.now_s += 1
    used = await desk.requests.consume(request.id, BINDING, "s3", {"rows": 7, "basis": "measured"})
    assert used.state is State.CONSUMED
    await desk.requests.fail(request.id, "57014", "s3")
    why = "it would change 15000 rows now, 7 when it was approved"
    by = ("shell", "uid 0", "because")
    assert await history() == [
        ("open", NOW, "reporter", "session", "s1", ""),
        ("approve", NOW + 1, "dora", *by),
        ("approve", NOW + 2, "dan", *by),
        ("reopened", NOW + 3, "", "session", "s2", why),
        ("approve", NOW + 3, "dora", *by),
        ("approve", NOW + 3, "dan", *by),
        ("consumed", NOW + 4, "reporter", "session", "s3", ""),
        ("failed", NOW + 4, "", "session", "s3", "57014"),
    ]


async def test_each_other_end_stays_with_the_request_too(book: Book) -> None:
    desk = Desk(book)
    ids = [(await desk.requests.ask(draft(f"{number}" * 64))).id for number in range(3)]
    glass = await desk.requests.break_glass(draft("9" * 64), "payments are down", "s9")
    desk.clock.now_s += 5
    await desk.requests.withdraw(ids[0], "cancelled by who asked", "s2")
    await desk.decide(ids[1], yes=False)
    await desk.requests.close(glass.id, DORA, note="it was right", channel="console", place="192.0.2.7")
    desk.clock.now_s += 100
    ends = [(await desk.requests.find(id_)).history[-1] for id_ in (*ids, glass.id)]
    assert [(one.what, one.at_s, one.who, one.channel, one.place, one.note) for one in ends] == [
        ("withdrawn", NOW + 5, "reporter", "session", "s2", "cancelled by who asked"),
        ("deny", NOW + 5, "dora", "shell", "uid 0", "because"),
        ("expired", NOW + 60, "", "", "", "nobody decided in time"),  # when its time was up, not when that was noticed
        ("close", NOW + 5, "dora", "console", "192.0.2.7", "it was right"),
    ]
    broken = (await desk.requests.find(glass.id)).history[1]
    assert (broken.what, broken.who, broken.place, broken.note) == (
        "break_glass", "reporter", "s9", "payments are down",
    )  # fmt: skip
    following = asyncio.create_task(desk.requests.follow(print))
    while (await asyncio.to_thread(book.find, ids[2]))[0].state is not State.EXPIRED:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    following.cancel()
    assert (await asyncio.to_thread(book.find, ids[2]))[0].history == (await desk.requests.find(ids[2])).history


async def test_a_refused_decision_is_recorded_and_changes_nothing(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(), radius)
    with pytest.raises(Refused, match="alice cannot decide"):
        await desk.decide(request.id, ALICE)
    assert desk.ledger.entries[-1][0] == "request.refused"
    assert (await desk.requests.find(request.id)).state is State.OPEN


async def test_a_double_click_is_one_click(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(), radius)
    assert await desk.decide(request.id) == await desk.decide(request.id)
    assert desk.ledger.steps.count(("approve", "approved")) == 1


async def test_who_waits_is_woken_by_the_decision(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(), radius)
    waiting = asyncio.create_task(desk.requests.decided(request.id, 30))
    await asyncio.sleep(0.01)
    await desk.decide(request.id, yes=False)
    assert (await waiting).state is State.DENIED


async def test_who_waits_is_woken_by_a_decision_made_elsewhere(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        here, there = Desk(one), Desk(other)
        request = await here.requests.ask(draft(), radius)
        following = asyncio.create_task(here.requests.follow(print))
        waiting = asyncio.create_task(here.requests.decided(request.id, 30))
        await asyncio.sleep(0.01)
        await there.decide(request.id)
        assert (await waiting).state is State.APPROVED
        following.cancel()


async def test_a_write_of_which_the_store_said_nothing_is_recorded_as_such(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(book)

    def silent(*_of: object) -> bool:
        raise StoreUnavailable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(book, "add", silent)
        with pytest.raises(StoreUnavailable):
            await desk.requests.ask(draft(), radius)
    request = await desk.requests.ask(draft(), radius)
    await desk.decide(request.id)
    with monkeypatch.context() as patch:
        patch.setattr(book, "replace", silent)
        with pytest.raises(StoreUnavailable):
            await desk.requests.consume(request.id, BINDING, "s", await radius())
    assert [step for step in desk.ledger.steps if "unconfirmed" in str(step)] == [
        ("unconfirmed_opened", "open"),
        ("unconfirmed_consumed", "approved"),
    ]
    assert (await desk.requests.consume(request.id, BINDING, "s", await radius())).state is State.CONSUMED


async def test_an_outage_of_the_store_is_said_once(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, said, tries = Desk(book), list[str](), list[int]()

    def silent(*_of: object) -> list[Request]:
        tries.append(1)
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(requests, "CAREFUL_S", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(book, "due", silent)
        following = asyncio.create_task(desk.requests.follow(said.append))
        while len(tries) < 3:  # noqa: ASYNC110 - the test looks from outside
            await asyncio.sleep(0.01)
        following.cancel()
    assert said == ["warning: requests: no answer"]


async def test_waiting_has_an_end(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(), radius)
    assert (await desk.requests.decided(request.id, 0.01)).state is State.OPEN


async def test_what_is_decided_already_is_not_waited_for(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(), radius)
    await desk.decide(request.id)
    assert (await desk.requests.decided(request.id, 30)).state is State.APPROVED


async def test_time_runs_out_by_itself_and_is_recorded(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(), radius)
    following = asyncio.create_task(desk.requests.follow(print))
    waiting = asyncio.create_task(desk.requests.decided(request.id, 30))
    await asyncio.sleep(0.01)
    desk.clock.now_s += 61
    assert (await waiting).state is State.EXPIRED
    assert desk.ledger.steps[-1] == ("expired", "expired")
    following.cancel()


async def test_after_its_time_the_same_statement_makes_a_new_request(book: Book) -> None:
    desk = Desk(book)
    first = await desk.requests.ask(draft(), radius)
    desk.clock.now_s += 61
    assert (await desk.requests.ask(draft(), radius)).id != first.id


async def test_an_approval_racing_with_a_withdrawal_has_one_outcome(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(), radius)
    found = await asyncio.gather(
        desk.decide(request.id), desk.requests.withdraw(request.id, "Ctrl-C", "s9"), return_exceptions=True
    )
    assert sum(isinstance(one, Request) for one in found) == 1
    assert (await desk.requests.find(request.id)).state in (State.APPROVED, State.WITHDRAWN)


async def test_nothing_is_decided_that_cannot_be_recorded(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(), radius)
    desk.ledger.is_broken = True
    with pytest.raises(LedgerUnavailable):
        await desk.decide(request.id)
    assert (await desk.requests.find(request.id)).state is State.OPEN


async def test_live_requests_are_those_in_which_something_may_still_happen(book: Book) -> None:
    desk = Desk(book)
    one, two = await desk.requests.ask(draft("1" * 64), radius), await desk.requests.ask(draft("2" * 64), radius)
    await desk.decide(one.id, yes=False)
    assert [found.id for found in await desk.requests.all(is_live=True)] == [two.id]
    assert {found.id for found in await desk.requests.all(is_live=False)} == {one.id, two.id}
    desk.clock.now_s += 61
    assert await desk.requests.all(is_live=True) == []


FAR_MORE = {"rows": 15_000, "basis": "measured"}


async def test_what_drifted_a_little_runs_and_what_drifted_far_is_held_again(book: Book) -> None:
    desk = Desk(book)
    near, far = await desk.requests.ask(draft("1" * 64), radius), await desk.requests.ask(draft("2" * 64), radius)
    for one in (near, far):
        await desk.decide(one.id)
    used = await desk.requests.consume(near.id, "1" * 64, "s", {"rows": 14, "basis": "measured"})
    assert used.state is State.CONSUMED
    assert desk.requests.most_rows(used) is None
    assert desk.requests.most_rows(replace(used, blast_radius={"basis": "measured", "total_rows": 9})) == 18

    async def again() -> dict[str, object]:
        return FAR_MORE | {"sample": []}

    held = await desk.requests.consume(far.id, "2" * 64, "s", FAR_MORE, again)
    assert (held.state, held.votes, held.blast_radius) == (State.OPEN, (), await again())
    assert held.reason == "it would change 15000 rows now, 7 when it was approved"
    assert desk.ledger.steps[-1] == ("reopened", "open")
    with pytest.raises(Refused):
        await desk.requests.consume(far.id, "2" * 64, "s", FAR_MORE)
    await desk.decide(far.id)
    assert (await desk.requests.consume(far.id, "2" * 64, "s", FAR_MORE)).state is State.CONSUMED


async def test_an_approver_who_is_disabled_meanwhile_does_not_count_and_others_still_do(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft(BINDING, Need(("dba",), 2)))
    await desk.decide(request.id)
    await desk.decide(request.id, DAN)
    del desk.people["dora"]
    held = await desk.requests.consume(request.id, BINDING, "s", {})
    assert (held.state, held.reason) == (State.OPEN, "dora may not approve any more")
    assert [vote.approver for vote in held.votes] == ["dan"]


async def test_an_approver_who_left_the_group_meanwhile_does_not_count(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft())
    await desk.decide(request.id)
    desk.people["dora"] = replace(DORA, groups=frozenset({"sales"}))
    assert (await desk.requests.consume(request.id, BINDING, "s", {})).state is State.OPEN


async def test_a_drift_that_somebody_else_met_first_changes_nothing_twice(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        here, there = Desk(one), Desk(other)
        request = await here.requests.ask(draft(), radius)
        await here.decide(request.id)
        uses = [desk.requests.consume(request.id, BINDING, "s", FAR_MORE) for desk in (here, there) * 3]
        found = await asyncio.gather(*uses, return_exceptions=True)
        assert sum(isinstance(used, Request) for used in found) == 1
        assert all(isinstance(used, Request | Refused) for used in found)
        assert (await here.requests.find(request.id)).state is State.OPEN


async def test_a_use_and_a_drift_at_once_have_one_outcome(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        here, there = Desk(one), Desk(other)
        request = await here.requests.ask(draft(), radius)
        await here.decide(request.id)
        found = await asyncio.gather(
            here.requests.consume(request.id, BINDING, "s", FAR_MORE),
            there.requests.consume(request.id, BINDING, "s", {"rows": 7, "basis": "measured"}),
            return_exceptions=True,
        )
        states = [used.state for used in found if isinstance(used, Request)]
        assert len(states) == 1
        assert (await here.requests.find(request.id)).state is states[0]


async def test_a_broken_glass_waits_for_a_review_that_does_not_expire(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.break_glass(draft(), "payments are down", "s")
    assert (request.state, request.glass) == (State.REVIEW, "payments are down")
    assert desk.told[-1].state is State.REVIEW
    desk.clock.now_s += 10 * 86_400
    following = asyncio.create_task(desk.requests.follow(print))
    await asyncio.sleep(0.1)
    following.cancel()
    assert [one.state for one in await desk.requests.all(is_live=True)] == [State.REVIEW]
    with pytest.raises(Refused, match="alice cannot decide"):
        await desk.requests.close(request.id, ALICE, note="mine", channel="shell", place="here")
    assert desk.ledger.entries[-1][0] == "request.refused"
    closed = await desk.requests.close(request.id, DORA, note="it was right", channel="shell", place="here")
    assert (closed.state, closed.reason) == (State.CLOSED, "closed by dora: it was right")
    assert desk.ledger.steps == [("open", "open"), ("break_glass", "review"), ("close", "closed")]
    assert await desk.requests.all(is_live=True) == []


async def test_each_broken_glass_is_a_request_of_its_own(book: Book) -> None:
    desk = Desk(book)
    first = await desk.requests.break_glass(draft(), "why", "s")
    assert (await desk.requests.break_glass(draft(), "why", "s")).id != first.id


async def test_glass_over_a_request_that_waits_runs_that_one_and_over_an_approved_one_is_refused(book: Book) -> None:
    desk = Desk(book)
    waiting = await desk.requests.ask(draft())
    assert (await desk.requests.break_glass(draft(), "why", "s")).id == waiting.id
    approved = await desk.requests.ask(draft())
    await desk.decide(approved.id)
    with pytest.raises(Refused):
        await desk.requests.break_glass(draft(), "why", "s")


async def test_a_decision_and_a_broken_glass_at_once_have_one_outcome(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft())
    found = await asyncio.gather(
        desk.decide(request.id, yes=False), desk.requests.break_glass(draft(), "why", "s"), return_exceptions=True
    )
    states = {one.state for one in found if isinstance(one, Request) and one.id == request.id}
    assert states == {(await desk.requests.find(request.id)).state}


async def test_a_clock_that_jumps_ahead_expires_and_one_that_jumps_back_revives_nothing(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft())
    await desk.decide(request.id)
    desk.clock.now_s += 3600
    with pytest.raises(Refused):
        await desk.requests.consume(request.id, BINDING, "s", {})
    following = asyncio.create_task(desk.requests.follow(print))
    while (await asyncio.to_thread(book.find, request.id))[0].state is not State.EXPIRED:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    following.cancel()
    desk.clock.now_s -= 7200
    with pytest.raises(Refused, match="is expired"):
        await desk.requests.consume(request.id, BINDING, "s", {})
    with pytest.raises(Refused, match="is expired"):
        await desk.decide(request.id, DAN)


async def test_an_approval_racing_with_its_expiry_has_one_outcome(book: Book) -> None:
    desk = Desk(book)
    request = await desk.requests.ask(draft())
    deciding = asyncio.create_task(desk.decide(request.id))
    await asyncio.sleep(0)
    desk.clock.now_s += 61
    following = asyncio.create_task(desk.requests.follow(print))
    (found,) = await asyncio.gather(deciding, return_exceptions=True)
    while (await asyncio.to_thread(book.find, request.id))[0].state is not State.EXPIRED:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    following.cancel()
    assert desk.ledger.steps.count(("expired", "expired")) == 1
    assert isinstance(found, Request | Refused)


async def test_an_approval_counts_for_what_was_seen_and_a_denial_for_whatever_it_is(book: Book) -> None:
    desk = Desk(book)
    asked = await desk.requests.ask(draft(), radius)
    told = {"note": "", "channel": "console", "place": "here"}
    with pytest.raises(Refused, match="look again") as refused:
        await desk.requests.decide(asked.id, DORA, is_approval=True, **told, seen="something else")
    assert refused.value.reason == "changed"
    kind, fields = desk.ledger.entries[-1]
    assert (kind, fields["reason"]) == ("request.refused", "changed")
    seen = sight_of(asked)
    approved = await desk.requests.decide(asked.id, DORA, is_approval=True, **told, seen=seen)
    again = await desk.requests.decide(asked.id, DORA, is_approval=True, **told, seen=seen)
    assert approved == again and approved.state is State.APPROVED
    denied = await desk.requests.decide(asked.id, DORA, is_approval=False, **told, seen="something else")
    assert denied.state is State.DENIED


async def test_the_newest_come_first_and_as_they_are_now(book: Book) -> None:
    desk = Desk(book)
    ids = []
    for number in range(3):
        desk.clock.now_s += 1
        ids.append((await desk.requests.ask(draft(f"{number}" * 64))).id)
    assert [one.id for one in await desk.requests.newest(2)] == [ids[2], ids[1]]
    desk.clock.now_s += 100
    assert {one.state for one in await desk.requests.newest(9)} == {State.EXPIRED}

"""Decisions through channels with the real desk behind them: whatever races, one outcome, recorded, one execution."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from channelkit import NOW, Place, opened

from tidewaiter.admin.approvals import decide_as
from tidewaiter.admin.site import Site
from tidewaiter.approvals.desk import Refused, Request, State, Word
from tidewaiter.approvals.presentation import sight_of
from tidewaiter.approvals.requests import Requests
from tidewaiter.channels.contract import Decision, Outcome
from tidewaiter.channels.intake import Intake
from tidewaiter.errors import Conflict
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Realm
from tidewaiter.model import Kind, Need
from tidewaiter.policy import Policies

pytestmark = pytest.mark.anyio
POLICY = '@id("approve") permit (principal in Group::"dba", action == Action::"approve", resource);'


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path) as made:
        made.people()
        made.directory.add_principal("dan", Kind.USER, now_s=NOW, groups=["dba"])
        made.accounts.add("dan", Realm.GITHUB, "1003")
        made.directory.add_principal("alice", Kind.USER, now_s=NOW, groups=["dba"])
        made.accounts.add("alice", Realm.EMAIL, "alice@example.com")
        yield made


@dataclass
class Gateway:
    """As much of a running site as decisions need."""

    place: Place

    @property
    def requests(self) -> Requests:
        return self.place.requests

    @property
    def directory(self) -> Directory:
        return self.place.directory

    def now_s(self) -> float:
        return self.place.clock()

    async def record(self, kind: str, fields: Any) -> Any:
        return await self.place.ledger.record(kind, fields)

    async def policies(self) -> Policies:
        return Policies.parse({"p.cedar": POLICY}, ["shop"])


def intake(place: Place, channel: str) -> Intake:
    decide = partial(decide_as, cast(Site, Gateway(place)))
    return Intake(
        channel, place.accounts, lambda name: place.directory.account(name).principal.groups, decide, place.outbox,
        place.ledger, lambda *told: None, place.clock,
    )  # fmt: skip


def says(request: Request, *, yes: bool = True, realm: Realm = Realm.EMAIL, who: str = "dora@example.com") -> Decision:
    return Decision(request.id, Word.APPROVE if yes else Word.DENY, realm, who, "because", "here")


def refusals(place: Place) -> list[object]:
    return [fields["reason"] for fields in place.ledger.of("request.refused")]


async def test_an_approver_who_was_disabled_meanwhile_decides_nothing(place: Place) -> None:
    request = await place.ask()
    place.directory.set_enabled("dora", False)
    outcome = await intake(place, "slack").decide(says(request))
    assert outcome == Outcome(False, "dora is disabled")
    assert refusals(place) == ["dora is disabled"]
    assert (await place.requests.find(request.id)).state is State.OPEN


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("eve@example.com", "eve may not approve on shop"),
        ("alice@example.com", "own"),
        ("mallory@example.com", "email account mallory@example.com belongs to no principal"),
    ],
)
async def test_who_may_not_decides_nothing_through_any_channel(place: Place, who: str, why: str) -> None:
    request = await place.ask()
    outcome = await intake(place, "slack").decide(says(request, who=who))
    assert not outcome.counts
    (reason,) = refusals(place)
    assert str(reason).startswith(why)
    assert (await place.requests.find(request.id)).state is State.OPEN


async def test_a_late_click_changes_nothing_and_is_recorded(place: Place) -> None:
    request = await place.ask()
    place.clock.now_s += 601
    outcome = await intake(place, "slack").decide(says(request))
    assert outcome == Outcome(False, f"request {request.id} is expired: nothing is left to decide")
    assert refusals(place) == ["decided"]


async def test_a_click_on_what_there_never_was_is_recorded(place: Place) -> None:
    request = replace(await place.ask(), id="AR-NOTHERE")
    outcome = await intake(place, "slack").decide(says(request))
    assert outcome == Outcome(False, "there is no request 'AR-NOTHERE'")
    assert refusals(place) == ["there is no request 'AR-NOTHERE'"]


async def test_two_channels_that_approve_at_once_approve_once_and_it_runs_once(place: Place) -> None:
    for letter in "abcd":
        request = await place.ask(letter)
        by_slack, by_github = intake(place, "slack"), intake(place, "github")
        clicks = [by_slack.decide(says(request)), by_slack.decide(says(request))]
        comment = by_github.decide(says(request, realm=Realm.GITHUB, who="1003"))
        outcomes = await asyncio.gather(*clicks, comment)
        assert any(outcome.counts for outcome in outcomes)
        runs = [place.requests.consume(request.id, letter * 64, "s", {}) for _ in range(3)]
        used = await asyncio.gather(*runs, return_exceptions=True)
        assert [isinstance(one, Refused) for one in used].count(False) == 1
    approvals = [one for one in place.ledger.of("request.change") if one["what"] == "approve"]
    written = {(one["request"], str(one["by"])) for one in approvals}
    lost = [one for one in place.ledger.of("request.change") if one["what"] == "not_approve"]
    assert len(approvals) - len(lost) == 4
    assert len(written) >= 4


async def test_an_approval_that_races_with_a_withdrawal_has_one_outcome(place: Place) -> None:
    ends = set()
    for number in range(12):
        request = await place.ask("abcdefghijkl"[number])
        both = [intake(place, "slack").decide(says(request)), place.requests.withdraw(request.id, "it hung up", "s9")]
        first = both if number % 2 else both[::-1]
        await asyncio.gather(*first, return_exceptions=True)
        end = (await place.requests.find(request.id)).state
        ends.add(end)
        used = await asyncio.gather(
            place.requests.consume(request.id, request.binding, "s", {}), return_exceptions=True
        )
        assert isinstance(used[0], Refused) == (end is State.WITHDRAWN)
    assert ends <= {State.APPROVED, State.WITHDRAWN}


async def test_a_quorum_is_not_met_by_one_person_with_several_accounts(place: Place) -> None:
    place.accounts.add("dora", Realm.EMAIL, "d.ora@example.com")
    request = await place.ask(needs=(Need(("dba",), 2),))
    for channel, realm, who in (
        ("slack", Realm.EMAIL, "dora@example.com"),
        ("slack", Realm.EMAIL, "d.ora@example.com"),  # another Slack user, the same principal
        ("jira", Realm.JIRA, "jira-dora"),
        ("itsm", Realm.EMAIL, "Dora@Example.com"),
    ):
        await intake(place, channel).decide(says(request, realm=realm, who=who))
        found = await place.requests.find(request.id)
        assert (found.state, [vote.approver for vote in found.votes]) == (State.OPEN, ["dora"])
    await intake(place, "github").decide(says(request, realm=Realm.GITHUB, who="1003"))
    assert (await place.requests.find(request.id)).state is State.APPROVED


async def test_a_click_on_a_message_of_before_it_was_held_again_does_not_count(place: Place) -> None:
    """What it would do has moved since: whoever clicks has not seen that."""
    request = await place.ask("o")
    late = replace(says(request), seen=sight_of(request))
    await intake(place, "github").decide(says(request, realm=Realm.GITHUB, who="1003"))
    place.directory.remove_group("dan", "dba")
    session = Requests(place.book, place.ledger, place.clock, principal=place.directory.principal)
    again = await session.consume(request.id, "o" * 64, "s", {})
    assert again.state is State.OPEN
    outcome = await intake(place, "slack").decide(late)
    assert not outcome.counts and "is not what it was when you looked" in outcome.said
    assert refusals(place) == ["changed"]
    assert (await place.requests.find(request.id)).state is State.OPEN
    assert (await intake(place, "slack").decide(replace(late, seen=sight_of(again)))).counts


async def test_the_owner_of_an_agent_does_not_approve_what_it_asks_as_one_of_several_groups(place: Place) -> None:
    request = await place.ask(needs=(Need(("sales", "dba")),))
    assert request.on_behalf_of == "alice"
    place.directory.add_group("alice", "sales")
    assert not (await intake(place, "slack").decide(says(request, who="alice@example.com"))).counts
    assert refusals(place) == ["own"]


async def test_a_name_is_never_given_to_somebody_else(place: Place) -> None:
    """Whoever approved stays who they were: no principal is removed, and none is made under a name that there was."""
    place.directory.set_enabled("dora", False)
    with pytest.raises(Conflict):
        place.directory.add_principal("dora", Kind.USER, now_s=NOW, groups=["dba"])
    assert not any(hasattr(place.directory, name) for name in ("remove_principal", "rename", "rename_principal"))


async def test_a_denial_and_an_approval_at_once_never_leave_it_approved(place: Place) -> None:
    for letter in "abcdef":
        request = await place.ask(letter)
        yes = intake(place, "slack").decide(says(request))
        no = intake(place, "github").decide(says(request, yes=False, realm=Realm.GITHUB, who="1003"))
        await asyncio.gather(yes, no)
        assert (await place.requests.find(request.id)).state is State.DENIED, "a denial takes an unused approval back"


async def test_the_review_of_what_ran_is_closed_once_through_a_channel(place: Place) -> None:
    request = await place.ask()
    closing = replace(says(request), word=Word.CLOSE)
    assert not (await intake(place, "slack").decide(closing)).counts, "nothing ran yet"
    found, version = place.book.find(request.id)
    place.book.replace(replace(found, state=State.REVIEW, glass="the site is down"), version)
    outcome = await intake(place, "slack").decide(closing)
    assert outcome == Outcome(True, f"request {request.id} is now closed")
    assert (await place.requests.find(request.id)).reason == "closed by dora: because"
    assert not (await intake(place, "github").decide(closing)).counts
    assert len(refusals(place)) == 2

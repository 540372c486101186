"""The Jira channel against a stand that speaks its REST shapes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from channelkit import REQUEST, Desks, alarm, announced, eventually, heard, notice
from jirastand import TOKEN, URL, USER, WEBHOOK_SECRET, JiraStand, hook, person

from tidewaiter.approvals.desk import State, Vote, Word
from tidewaiter.approvals.presentation import sight_of
from tidewaiter.channels.contract import Answer, Call, Decision, Outcome, Undelivered
from tidewaiter.channels.jira import Jira
from tidewaiter.identity.accounts import Realm

pytestmark = pytest.mark.anyio
APPROVED = Vote("dora", True, ("dba",), 0.0, "ops", "C1")


def channel(stand: JiraStand, **more: Any) -> Jira:
    told = {"user": USER if stand.is_cloud else "", "poll_s": 0.01, "transport": httpx2.MockTransport(stand), **more}
    return Jira("jira", URL, "OPS", TOKEN, **told)


@asynccontextmanager
async def listening(stand: JiraStand, **more: Any) -> AsyncIterator[tuple[Jira, Desks]]:
    """A channel that looks at one announced request."""
    made = channel(stand, **more)
    desk = await announced(made)
    async with heard(made, desk):
        yield made, desk


@pytest.mark.parametrize("is_cloud", [True, False])
async def test_a_request_is_an_issue_that_gets_its_outcome_as_a_comment(is_cloud: bool) -> None:
    stand = JiraStand(is_cloud=is_cloud)
    made = channel(stand)
    reference = await made.announce(notice())
    ((key, issue),) = stand.issues.items()
    assert issue["fields"]["summary"] == "[AR-2222222] reporter, on behalf of alice asks on shop: waits for dba"
    assert issue["fields"]["labels"] == ["tidewaiter", "AR-2222222"]
    assert "{noformat}\r\ndelete from customers\r\n$1 = 7\r\n$2 = NULL\r\n{noformat}" in issue["fields"]["description"]
    reference = await made.update(reference, notice(replace(REQUEST, state=State.APPROVED, votes=(APPROVED,)), 2))
    assert stand.said() == ["{noformat}\nAR-2222222: approved by dora\n{noformat}"]
    assert (
        await made.update(reference, notice(replace(REQUEST, state=State.APPROVED, votes=(APPROVED,)), 3)) == reference
    )
    assert len(stand.comments[key]) == 1
    await made.close()


@pytest.mark.parametrize("is_cloud", [True, False])
async def test_an_announcement_whose_answer_was_lost_is_found_again(is_cloud: bool) -> None:
    stand = JiraStand(is_cloud=is_cloud)
    made = channel(stand)
    stand.fails = {r"GET .*/issue/OPS-\d+": [502]}
    with pytest.raises(Undelivered, match=r"acme\.atlassian\.example answered 502"):
        await made.announce(notice())
    await made.announce(notice(attempt=2))
    assert len(stand.issues) == 1
    await made.announce(notice(replace(REQUEST, id="AR-3333333"), attempt=2))
    assert len(stand.issues) == 2
    stand.fails = {"GET .*/search.*": [503]}
    with pytest.raises(Undelivered, match="503"):
        await made.announce(notice(attempt=3))


async def test_a_probe_says_as_whom_and_where() -> None:
    assert await channel(JiraStand()).probe() == "Tidewaiter in project OPS"
    with pytest.raises(Undelivered, match="no issue type Story: Task, Bug"):
        await channel(JiraStand(), issue_type="Story").probe()
    with pytest.raises(Undelivered, match="answered 401"):
        await channel(JiraStand(), user="").probe()


@pytest.mark.parametrize("is_cloud", [True, False])
async def test_a_move_to_a_status_is_a_decision_of_who_moved_it_once(is_cloud: bool) -> None:
    stand = JiraStand(is_cloud=is_cloud)
    async with listening(stand) as (_, desk):
        stand.move("In Progress", person("jira-eve"))
        who = person() if is_cloud else {"key": "jira-dora", "name": "dora", "displayName": "Jira-Dora", "active": True}
        stand.move("approved", who)
        await eventually(lambda: desk.decisions)
        calls = len(stand.calls)
        await eventually(lambda: len(stand.calls) > calls + 3)
        (decision,) = desk.decisions
        key = stand.newest
        move = stand.issues[key]["changelog"]["histories"][0 if is_cloud else -1]["id"]
        assert decision == Decision("AR-2222222", Word.APPROVE, Realm.JIRA, "jira-dora", f"{key} was moved to approved",
            f"move {move} of {key} to approved by Jira-Dora", seen=sight_of(REQUEST),
        )  # fmt: skip
        stand.move("Declined", person())
        await eventually(lambda: len(desk.decisions) == 2)
        assert desk.decisions[1].word is Word.DENY


async def test_who_moves_it_on_is_who_decides_not_who_moved_it_before() -> None:
    stand = JiraStand()
    async with listening(stand) as (_, desk):
        stand.move("Approved", person("jira-mallory"))
        await eventually(lambda: desk.decisions)
        stand.move("Open", person())
        stand.move("Approved", person())
        await eventually(lambda: len(desk.decisions) == 2)
        assert [one.account for one in desk.decisions] == ["jira-mallory", "jira-dora"]


async def test_a_command_in_a_comment_is_a_decision_too() -> None:
    stand = JiraStand()
    async with listening(stand) as (_, desk):
        stand.comment("/deny")
        await eventually(lambda: stand.said())
        assert "say why, too" in stand.said()[0]
        stand.comment("/approve CHG7")
        await eventually(lambda: desk.decisions)
        assert (desk.decisions[0].note, desk.decisions[0].account) == ("CHG7", "jira-dora")


@pytest.mark.parametrize(
    ("who", "change", "why"),
    [
        (person(accountType="app"), {}, "it was a program or a customer"),
        (person(accountType="customer"), {}, "it was a program or a customer"),
        (person(active=False), {}, "the Jira account is deactivated"),
        ({"displayName": "Somebody"}, {}, "Jira does not say who it was"),
        (person(), {"updated": "2027-01-15T23:00:00.000+0000"}, "the comment was edited"),
        (
            person(),
            {"body": "/approve AR-3333333"},
            "the comment is about AR-3333333, and this issue is about AR-2222222",
        ),
    ],
)
async def test_what_may_not_be_a_members_will_is_refused_recorded_and_answered(
    who: dict[str, Any], change: dict[str, Any], why: str
) -> None:
    stand = JiraStand()
    async with listening(stand) as (_, desk):
        who.setdefault("accountId", "")
        stand.comment("/approve", who).update(change)
        stand.issues[stand.newest]["fields"]["updated"] = "later"
        await eventually(lambda: stand.said())
        assert desk.decisions == []
        ((request, reason, _, _),) = desk.refused
        assert (request, reason[: len(why)]) == ("AR-2222222", why)


async def test_a_move_by_a_program_does_not_count() -> None:
    stand = JiraStand()
    async with listening(stand) as (_, desk):
        stand.move("Approved", person("automation", accountType="app"))
        await eventually(lambda: desk.refused)
        assert desk.decisions == []


async def test_an_approval_of_a_text_that_was_changed_does_not_count_and_a_denial_does() -> None:
    stand = JiraStand()
    async with listening(stand) as (_, desk):
        stand.issues[stand.newest]["fields"]["description"] = "select 1"
        stand.move("Approved")
        await eventually(lambda: desk.refused)
        assert "the text of this issue was changed" in desk.refused[0][1]
        stand.move("Declined")
        await eventually(lambda: desk.decisions)
        assert desk.decisions[0].word is Word.DENY


async def test_what_the_desk_refuses_is_answered() -> None:
    stand = JiraStand()
    async with listening(stand) as (_, desk):
        desk.outcome = Outcome(False, "request AR-2222222 is expired: nothing is left to decide")
        stand.move("Approved")
        await eventually(lambda: stand.said())
        assert "is expired" in stand.said()[0]


async def test_an_outage_ends_listening_and_nothing_is_lost() -> None:
    stand = JiraStand()
    made = channel(stand)
    desk = await announced(made)
    stand.move("Approved")
    for path in (r".*/issue/OPS-\d+", ".*/comment"):
        stand.fails = {f"GET {path}": [503]}
        with pytest.raises(Undelivered, match="503"):
            await made.listen(desk)
    assert desk.decisions == []
    async with heard(made, desk):
        await eventually(lambda: desk.decisions)


async def test_a_signed_webhook_is_a_hint_to_look_and_a_forged_one_is_counted() -> None:
    stand = JiraStand()
    async with listening(stand, poll_s=3600, webhook_secret=WEBHOOK_SECRET) as (made, desk):
        await eventually(lambda: len(stand.calls) >= 4)
        stand.move("Approved")
        assert await made.receive(Call(*hook(secret="other"), "192.0.2.7"), desk) == Answer(401)
        assert (len(desk.rejected), desk.decisions) == (1, [])
        assert await made.receive(Call(*hook(), "192.0.2.7"), desk) == Answer(202)
        await eventually(lambda: desk.decisions)
    assert await channel(stand).receive(Call(*hook(), "192.0.2.7"), Desks()) == Answer(404)


async def test_what_another_kind_of_channel_announced_under_this_name_is_announced_again() -> None:
    stand = JiraStand()
    made, desk = channel(stand), Desks()
    desk.requests = [(REQUEST, "AR-2222222.41"), (REQUEST, await made.update("AR-2222222.41", notice()))]
    assert len(stand.issues) == 1
    stand.comment("/approve")
    async with heard(made, desk):
        await eventually(lambda: desk.decisions)


async def test_an_issue_that_is_gone_holds_up_no_other_and_an_outage_is_said() -> None:
    stand = JiraStand()
    async with listening(stand) as (made, desk):
        other = replace(REQUEST, id="AR-3333333")
        desk.requests.append((other, await made.announce(notice(other))))
        first, second = stand.issues
        stand.fails = {f"GET .*/issue/{first}": [404] * 999}
        stand.move("Approved", key=second)
        await eventually(lambda: desk.decisions)
        assert [one.request for one in desk.decisions] == ["AR-3333333"]
    for statuses in ({f"GET .*/issue/{first}": [503]}, {"GET .*/issue/.*": [404, 404]}):
        stand.fails = statuses
        with pytest.raises(Undelivered, match=r"answered (503|404)"):
            await made.listen(desk)


@pytest.mark.parametrize(("is_cloud", "mention"), [(True, "[~accountid:jira-dora]"), (False, "[~dora]")])
async def test_members_are_mentioned_when_the_glass_is_broken_and_the_others_named(
    is_cloud: bool, mention: str
) -> None:
    stand = JiraStand(is_cloud=is_cloud)
    made = channel(stand)
    reference = await made.announce(alarm())
    missed = "not told individually, no account known: dan"
    assert (
        stand.issues[stand.newest]["fields"]["description"]
        .replace("\r", "")
        .endswith(f"{mention}\n\n{{noformat}}\n{missed}\n{{noformat}}")
    )
    assert await made.update(reference, alarm()) == reference
    other = await made.announce(notice(replace(REQUEST, id="AR-3333333")))
    await made.update(other, alarm())
    assert mention in stand.said()[-1]
    assert made.unreached(alarm()) == ("dan",)

"""The GitHub channel against a stand that speaks its REST shapes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from channelkit import GLASS, REQUEST, Desks, alarm, announced, eventually, heard, notice
from githubstand import API, REPOSITORY, TOKEN, WEBHOOK_SECRET, GithubStand, hook

from tidewaiter.approvals.desk import State, Vote, Word
from tidewaiter.approvals.presentation import sight_of
from tidewaiter.channels.contract import Answer, Call, Decision, Member, Outcome, Undelivered
from tidewaiter.channels.github import Github
from tidewaiter.identity.accounts import Realm

pytestmark = pytest.mark.anyio
APPROVED = Vote("dora", True, ("dba",), 0.0, "ops", "C1")


def channel(stand: GithubStand, **more: Any) -> Github:
    told = {"poll_s": 0.01, "api": API, "transport": httpx2.MockTransport(stand), **more}
    return Github("gh", REPOSITORY, TOKEN, **told)


@asynccontextmanager
async def listening(stand: GithubStand, **more: Any) -> AsyncIterator[tuple[Github, Desks]]:
    """A channel that looks for comments on one announced request."""
    made = channel(stand, **more)
    desk = await announced(made)
    async with heard(made, desk):
        yield made, desk


async def test_a_request_is_an_issue_that_gets_its_outcome_as_a_comment_and_is_closed() -> None:
    stand = GithubStand()
    made = channel(stand)
    reference = await made.announce(notice())
    ((number, issue),) = stand.issues.items()
    assert issue["title"] == "[AR-2222222] reporter, on behalf of alice asks on shop: waits for dba"
    assert issue["labels"] == ["tidewaiter"]
    assert "```text\ndelete from customers\n$1 = 7\n$2 = NULL\n```" in issue["body"]
    reference = await made.update(reference, notice(replace(REQUEST, state=State.APPROVED, votes=(APPROVED,)), 2))
    assert (issue["state"], stand.said()) == ("open", ["Request AR-2222222: ` approved by dora `"])
    glass = replace(REQUEST, state=State.REVIEW, glass="the site is down")
    reference = await made.update(reference, notice(glass, 3))
    assert issue["state"] == "open", "somebody has to look at it"
    assert "BREAK GLASS" in dict(notice(glass).shown.facts)
    over = replace(REQUEST, state=State.CONSUMED, votes=(APPROVED,))
    await made.update(reference, notice(over, 3))
    assert (stand.issues[number]["state"], stand.issues[number]["state_reason"]) == ("closed", "completed")
    assert len(stand.said()) == 3
    await made.close()


async def test_an_update_that_says_nothing_new_says_nothing() -> None:
    stand = GithubStand()
    made = channel(stand)
    reference = await made.announce(notice())
    assert await made.update(reference, notice(version=7)) == reference
    assert stand.comments == []


async def test_an_issue_whose_request_was_held_again_says_so_and_what_it_showed_before_is_not_approved() -> None:
    """Also where the issue never heard that it was approved in between: it is open and without votes as before."""
    stand = GithubStand()
    made = channel(stand)
    reference = await made.announce(notice())
    assert json.loads(reference)["sight"] == sight_of(REQUEST)
    again = replace(REQUEST, reason="it would change 3900 rows now, 39 when it was approved")
    reference = await made.update(reference, notice(again, 5))
    assert json.loads(reference)["sight"] == sight_of(again) != sight_of(REQUEST)
    assert "3900 rows" in stand.said()[0]


async def test_an_announcement_whose_answer_was_lost_is_found_again() -> None:
    stand = GithubStand()
    made = channel(stand)
    first = await made.announce(notice())
    stand.issues[max(stand.issues)]["body"] = "select 1 -- changed before its digest was known"
    assert await made.announce(notice(attempt=2)) == first
    assert "delete from customers" in stand.issues[max(stand.issues)]["body"]
    assert len(stand.issues) == 1
    stand.fails = {"POST .*/issues": [502]}
    other = replace(REQUEST, id="AR-3333333")
    with pytest.raises(Undelivered, match=r"api\.github\.example answered 502") as error:
        await made.announce(notice(other))
    assert error.value.after_s == 7
    await made.announce(notice(other, attempt=2))
    assert len(stand.issues) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [({"private": False}, "the repository is public"), ({"has_issues": False}, "issues are switched")],
)
async def test_statements_go_into_private_repositories_only(change: dict[str, Any], why: str) -> None:
    stand = GithubStand()
    stand.repository |= change
    with pytest.raises(Undelivered, match=why) as error:
        await channel(stand).announce(notice())
    assert error.value.is_lasting
    with pytest.raises(Undelivered, match=why):
        await channel(stand).probe()
    assert stand.issues == {}


async def test_a_probe_says_which_repository() -> None:
    assert await channel(GithubStand()).probe() == "acme/approvals, private"
    with pytest.raises(Undelivered, match="answered 401"):
        await Github("gh", REPOSITORY, "wrong", api=API, transport=httpx2.MockTransport(GithubStand())).probe()


async def test_a_command_in_a_comment_is_a_decision_of_its_author_once() -> None:
    stand = GithubStand()
    async with listening(stand) as (_, desk):
        stand.comment("looks fine to me /approve")
        comment = stand.comment("/approve CHG7\nas discussed")
        await eventually(lambda: desk.decisions)
        calls = len(stand.calls)
        await eventually(lambda: len(stand.calls) > calls + 3)
        place = f"comment {comment['id']} on issue {max(stand.issues)} by user-1001"
        assert desk.decisions == [
            Decision(
                "AR-2222222", Word.APPROVE, Realm.GITHUB, "1001", "CHG7 as discussed", place, seen=sight_of(REQUEST)
            )
        ]
        assert stand.said() == [], "the outcome comes as an update"


async def test_a_denial_needs_a_reason() -> None:
    stand = GithubStand()
    async with listening(stand) as (_, desk):
        stand.comment("/deny")
        await eventually(lambda: stand.said())
        assert stand.said() == ["` say why, too: whoever asked reads it `"]
        stand.comment("/deny AR-2222222 use the archive")
        await eventually(lambda: desk.decisions)
        (decision,) = desk.decisions
        assert (decision.word, decision.note) == (Word.DENY, "use the archive")


async def test_what_the_desk_refuses_is_answered() -> None:
    stand = GithubStand()
    async with listening(stand) as (_, desk):
        desk.outcome = Outcome(False, "request AR-2222222 is expired: nothing is left to decide")
        stand.comment("/approve")
        await eventually(lambda: stand.said())
        assert stand.said() == ["` request AR-2222222 is expired: nothing is left to decide `"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"updated_at": "2027-01-15T23:00:00Z"}, "the comment was edited"),
        ({"performed_via_github_app": {"id": 7}}, "the comment is a program's"),
        ({"user": {"id": 1001, "login": "dora[bot]", "type": "App"}}, "the comment is a program's"),
        ({"body": "/approve AR-3333333"}, "the comment is about AR-3333333, and this issue is about AR-2222222"),
    ],
)
async def test_a_comment_that_may_not_be_its_authors_will_is_refused_recorded_and_answered(
    more: dict[str, Any], why: str
) -> None:
    stand = GithubStand()
    async with listening(stand) as (_, desk):
        stand.comment(more.pop("body", "/approve"), **more)
        await eventually(lambda: stand.said())
        assert desk.decisions == []
        ((request, reason, _, _),) = desk.refused
        assert (request, reason[: len(why)]) == ("AR-2222222", why)


async def test_an_approval_of_a_text_that_was_changed_does_not_count_and_a_denial_does() -> None:
    stand = GithubStand()
    async with listening(stand) as (_, desk):
        stand.issues[max(stand.issues)]["body"] = "select 1 -- harmless"
        stand.comment("/approve")
        await eventually(lambda: desk.refused)
        assert "the text of this issue was changed" in desk.refused[0][1]
        stand.comment("/deny somebody changed this")
        await eventually(lambda: desk.decisions)
        assert desk.decisions[0].word is Word.DENY


async def test_comments_elsewhere_and_odd_ones_do_nothing_and_many_are_read_page_by_page() -> None:
    stand = GithubStand()
    async with listening(stand) as (_, desk):
        stand.comment("/approve", issue=4711)
        stand.comment("/approve", user=None)
        for number in range(230):
            stand.comment(f"chat {number}")
        stand.comment("/approve")
        await eventually(lambda: desk.decisions)
        assert len(desk.decisions) == 1
        calls = len(stand.calls)
        await eventually(lambda: len(stand.calls) > calls + 6)
        stand.comment("/deny late thought")
        await eventually(lambda: len(desk.decisions) == 2)


async def test_an_outage_ends_listening_and_nothing_is_lost() -> None:
    stand = GithubStand()
    made = channel(stand)
    desk = await announced(made)
    stand.comment("/approve")
    for path in (".*/issues/comments", r".*/issues/\d+"):
        stand.fails = {f"GET {path}": [503]}
        with pytest.raises(Undelivered, match="503"):
            await made.listen(desk)
    assert desk.decisions == []
    async with heard(made, desk):
        await eventually(lambda: desk.decisions)


async def test_without_open_requests_github_is_not_asked() -> None:
    stand = GithubStand()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(channel(stand).listen(Desks()))
        await asyncio.sleep(0.1)
        task.cancel()
    assert stand.calls == []


async def test_a_signed_webhook_is_a_hint_to_look_and_a_forged_one_is_counted() -> None:
    stand = GithubStand()
    async with listening(stand, poll_s=3600, webhook_secret=WEBHOOK_SECRET) as (made, desk):
        await eventually(lambda: len(stand.calls) >= 3)
        stand.comment("/approve")
        forged = hook(secret="other")
        assert await made.receive(Call(forged[0], forged[1], "192.0.2.7"), desk) == Answer(401)
        assert await made.receive(Call({}, b"", "192.0.2.7"), desk) == Answer(401)
        assert (len(desk.rejected), desk.decisions) == (2, [])
        headers, body = hook(json.dumps({"comment": {"body": "/approve", "user": {"id": 1001}}}).encode())
        assert await made.receive(Call(headers, body, "192.0.2.7"), desk) == Answer(202)
        await eventually(lambda: desk.decisions)
        assert len(desk.decisions) == 1


async def test_without_a_secret_no_webhook_is_taken() -> None:
    assert await channel(GithubStand()).receive(Call(*hook(), "192.0.2.7"), Desks()) == Answer(404)


async def test_what_another_kind_of_channel_announced_under_this_name_is_announced_again() -> None:
    stand = GithubStand()
    made, desk = channel(stand), Desks()
    desk.requests = [(REQUEST, "AR-2222222.41"), (REQUEST, await made.update("AR-2222222.41", notice()))]
    assert len(stand.issues) == 1
    stand.comment("/approve")
    async with heard(made, desk):
        await eventually(lambda: desk.decisions)


async def test_an_issue_that_is_gone_holds_up_no_other_and_its_approval_does_not_count() -> None:
    stand = GithubStand()
    async with listening(stand) as (made, desk):
        other = replace(REQUEST, id="AR-3333333")
        desk.requests.append((other, await made.announce(notice(other))))
        first, second = stand.issues
        stand.fails = {f"GET .*/issues/{first}": [404] * 99, ".*POST .*comments": [403] * 99}
        stand.comment("/approve", issue=first)
        stand.comment("/approve", issue=second)
        await eventually(lambda: desk.decisions)
        assert [one.request for one in desk.decisions] == ["AR-3333333"]
        assert desk.refused[0][1].startswith("the issue cannot be read: api.github.example answered 404")


async def test_a_comment_that_could_not_be_dealt_with_is_not_taken_for_seen() -> None:
    stand = GithubStand()
    made = channel(stand)
    desk = await announced(made)
    async with heard(made, desk):
        await eventually(lambda: stand.calls.count(f"GET /repos/{REPOSITORY}/issues/comments") > 2)
    stand.comment("/approve")
    stand.fails = {r"GET .*/issues/\d+": [503]}
    with pytest.raises(Undelivered, match="503"):
        await made.listen(desk)
    async with heard(made, desk):
        await eventually(lambda: desk.decisions)


async def test_a_comment_that_came_before_its_issue_was_known_counts_once_it_is() -> None:
    stand = GithubStand()
    async with listening(stand) as (made, desk):
        announced = REQUEST.id.replace("2", "3")
        reference = await made.announce(notice(replace(REQUEST, id=announced)))
        stand.comment("/approve")
        calls = len(stand.calls)
        await eventually(lambda: len(stand.calls) > calls + 4)
        assert desk.decisions == []
        desk.requests.append((replace(REQUEST, id=announced), reference))
        await eventually(lambda: desk.decisions)
        assert desk.decisions[0].request == announced


async def test_members_are_mentioned_when_the_glass_is_broken_and_the_others_named() -> None:
    stand = GithubStand()
    made = channel(stand)
    reference = await made.announce(notice())
    reference = await made.update(reference, alarm())
    assert stand.said()[-1].endswith("\n\n@dora-gh\n\n` not told individually, no account known: dan `")
    assert made.unreached(alarm()) == ("dan",)
    await made.announce(replace(alarm(), request=replace(GLASS, id="AR-3333333")))
    assert "\n\n@dora-gh\n" in stand.issues[max(stand.issues)]["body"]
    await made.update(reference, notice(replace(GLASS, state=State.CLOSED, reason="closed by dora: fine"), 3))
    assert "@dora-gh" not in stand.said()[-1]
    assert stand.calls.count("GET /user/1001") == 1


async def test_an_account_that_is_gone_or_odd_is_not_mentioned_and_an_outage_is_one() -> None:
    stand = GithubStand()
    stand.logins = {1001: "x @everyone"}
    told = replace(alarm(), members=(Member("dora", ((Realm.GITHUB, "1001"),)), Member("eve", ((Realm.GITHUB, "7"),))))
    stand.fails = {"GET /user/.*": [502]}
    made = channel(stand)
    with pytest.raises(Undelivered, match="502"):
        await made.announce(told)
    await made.announce(told)
    assert "@" not in stand.issues[max(stand.issues)]["body"]
    assert made.unreached(told) == ("dora", "eve")

"""The Slack channel against a stand that speaks Slack's Web API and Socket Mode."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from channelkit import MEMBERS, NOW, REQUEST, Desks, alarm, eventually, notice
from slackstand import (
    APP_TOKEN,
    BOT_TOKEN,
    CHANNEL,
    SIGNING_SECRET,
    SlackStand,
    posted,
    slack,
    user,
)

from tidewaiter.approvals.desk import State, Word
from tidewaiter.approvals.presentation import sight_of
from tidewaiter.channels import slack as module
from tidewaiter.channels.contract import Answer, Call, Decision, Member, Outcome, Undelivered, Unreachable
from tidewaiter.channels.slack import Slack
from tidewaiter.errors import StoreUnavailable
from tidewaiter.identity.accounts import Realm

pytestmark = pytest.mark.anyio


def channel(stand: SlackStand, **more: Any) -> Slack:
    told = {"channel": CHANNEL, "bot_token": BOT_TOKEN, "now_s": lambda: NOW, "app_token": APP_TOKEN, **more}
    return Slack("ops", api=stand.api, **told)


@asynccontextmanager
async def listening(stand: SlackStand, **more: Any) -> AsyncIterator[tuple[Slack, Desks]]:
    """A channel that hears clicks, with one announced request."""
    made, desk = channel(stand, **more), Desks()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.listen(desk))
        if not more:
            await eventually(lambda: stand.sockets)
        await made.announce(notice())
        yield made, desk
        task.cancel()


async def test_a_message_is_posted_and_updated_in_place_and_loses_its_buttons() -> None:
    async with slack() as stand:
        made = channel(stand)
        reference = await made.announce(notice())
        (ts,) = stand.messages
        assert json.loads(reference) == {"channel": CHANNEL, "ts": ts}
        assert [one["action_id"] for one in stand.buttons(ts)] == ["approve", "deny", "show"]
        over = replace(REQUEST, state=State.WITHDRAWN, reason="it hung up")
        assert await made.update(reference, notice(over, 2)) == reference
        assert [one["action_id"] for one in stand.buttons(ts)] == ["show"]
        assert "withdrawn: it hung up" in json.dumps(stand.messages[ts]["blocks"])


async def test_a_deleted_message_is_posted_again_while_it_is_of_use() -> None:
    async with slack() as stand:
        made = channel(stand)
        reference = await made.announce(notice())
        stand.messages.clear()
        assert await made.update(reference, notice(version=2)) != reference
        stand.messages.clear()
        assert await made.update(reference, notice(replace(REQUEST, state=State.DENIED), 3)) == reference
        assert stand.messages == {}
        for foreign in ("AR-2222222.41", '"x"', '{"number": 7}'):
            assert await made.update(foreign, notice()) != foreign
        assert len(stand.messages) == 3


@pytest.mark.parametrize(
    ("status", "word", "after_s", "is_lasting"),
    [(429, "ratelimited", 7, False), (500, "internal_error", 7, False), (200, "not_in_channel", 7, True)],
)
async def test_what_slack_refuses_is_an_outage_that_says_when(
    status: int, word: str, after_s: float, is_lasting: bool
) -> None:
    async with slack() as stand:
        stand.fails["chat.postMessage"] = [(status, word)]
        with pytest.raises(Undelivered, match=rf"^Slack says {word}$") as error:
            await channel(stand).announce(notice())
        assert (error.value.after_s, error.value.is_lasting) == (after_s, is_lasting)


async def test_a_slack_that_is_not_there_is_an_outage() -> None:
    async with slack() as stand:
        made = channel(stand)
    with pytest.raises(Undelivered, match="Slack cannot be reached"):
        await made.announce(notice())
    with pytest.raises(Undelivered, match="Slack cannot be reached"):
        await made.listen(Desks())


async def test_a_probe_says_who_we_are_and_tries_both_tokens() -> None:
    async with slack() as stand:
        assert await channel(stand).probe() == "tidewaiter in Ours"
        assert stand.calls == ["auth.test", "apps.connections.open"]
        with pytest.raises(Undelivered, match="invalid_auth"):
            await channel(stand, app_token="wrong").probe()


async def test_a_click_counts_as_the_principals_whose_address_slack_verified() -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        await stand.send(stand.pressed("approve"))
        await eventually(lambda: desk.decisions)
        assert desk.decisions == [
            Decision(
                "AR-2222222",
                Word.APPROVE,
                Realm.EMAIL,
                "Dora@example.com",
                "",
                f"Slack user U0DORA in {CHANNEL}",
                seen=sight_of(REQUEST),
            )
        ]
        assert stand.ephemeral == []


async def test_a_denial_asks_why() -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        await stand.send(stand.pressed("deny"))
        await eventually(lambda: stand.dialogs)
        assert desk.decisions == []
        await stand.send(stand.submitted("use the archive"))
        await eventually(lambda: desk.decisions)
        (decision,) = desk.decisions
        assert (decision.word, decision.note, decision.account) == (Word.DENY, "use the archive", "Dora@example.com")
        await stand.send(stand.submitted("  "))
        await eventually(lambda: stand.ephemeral)
        assert len(desk.decisions) == 1


async def test_the_review_of_what_ran_under_break_glass_is_closed_with_a_finding() -> None:
    async with slack() as stand, listening(stand) as (made, desk):
        await made.announce(notice(replace(REQUEST, state=State.REVIEW, glass="the site is down")))
        await stand.send(stand.pressed("close"))
        await eventually(lambda: stand.dialogs)
        await stand.send(stand.submitted("was needed"))
        await eventually(lambda: desk.decisions)
        assert [(one.word, one.note) for one in desk.decisions] == [(Word.CLOSE, "was needed")]


async def test_the_same_click_sent_again_is_one_click_and_two_clicks_are_two() -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        click = stand.pressed("approve")
        await stand.send(click, "envelope-x")
        await stand.send(click, "envelope-x")
        await stand.send(stand.pressed("approve"))
        await eventually(lambda: len(desk.decisions) == 2)
        assert desk.rejected == [("a click came before", f"Slack user U0DORA in {CHANNEL}")]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (user("dora@example.com", is_email_confirmed=False), "no verified e-mail address"),
        (user(""), "no verified e-mail address"),
        (user("dora@example.com", deleted=True), "deactivated or a bot's"),
        (user("dora@example.com", is_bot=True), "deactivated or a bot's"),
        (user("dora@example.com", is_ultra_restricted=True), "a guest's"),
        (user("dora@example.com", is_stranger=True), "a guest's"),
        (user("dora@example.com", team_id="T0THEIRS"), "of another workspace"),
        (user("dora@example.com", team_id="T0X", enterprise_user={"enterprise_id": "E0"}), "of another workspace"),
        (None, "Slack does not say who this is: Slack says user_not_found"),
    ],
)
async def test_who_slack_does_not_vouch_for_is_refused_recorded_and_told(who: dict[str, Any] | None, why: str) -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        if who is None:
            del stand.users["U0DORA"]
        else:
            stand.users["U0DORA"] = who
        await stand.send(stand.pressed("approve"))
        await eventually(lambda: stand.ephemeral)
        assert desk.decisions == []
        ((request, reason, said_who, place),) = desk.refused
        assert (request, said_who, place) == ("AR-2222222", "Slack user U0DORA", f"Slack user U0DORA in {CHANNEL}")
        assert why in reason
        assert why in stand.ephemeral[0]["text"]


async def test_what_the_desk_refuses_is_told_to_who_clicked_alone() -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        desk.outcome = Outcome(False, "request AR-2222222 is expired: nothing is left to decide")
        await stand.send(stand.pressed("approve"))
        await eventually(lambda: stand.ephemeral)
        assert stand.ephemeral == [
            {"channel": CHANNEL, "user": "U0DORA", "text": "request AR-2222222 is expired: nothing is left to decide"}
        ]


async def test_after_an_outage_of_ours_the_click_can_be_made_again() -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        desk.fails = [StoreUnavailable("locked")]
        click = stand.pressed("approve")
        await stand.send(click)
        await eventually(lambda: stand.ephemeral)
        assert stand.ephemeral[0]["text"] == "nothing was decided, try again: locked"
        await stand.send(click)
        await eventually(lambda: desk.decisions)


async def test_a_socket_that_slack_ends_is_opened_anew() -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        await stand.sockets[0].send_str(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
        await eventually(lambda: len(stand.sockets) == 2)
        await stand.send(stand.pressed("approve"))
        await eventually(lambda: desk.decisions)


async def test_what_is_no_click_is_acknowledged_and_ignored() -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        await stand.send(stand.pressed("show"))
        await stand.send({"type": "shortcut"})
        await stand.send(stand.pressed("approve"))
        await eventually(lambda: desk.decisions)
        assert len(desk.decisions) == 1


def call(told: tuple[dict[str, str], bytes]) -> Call:
    return Call(told[0], told[1], "192.0.2.7")


async def test_over_http_a_signed_click_counts_once() -> None:
    async with slack() as stand, listening(stand, app_token="", signing_secret=SIGNING_SECRET) as (made, desk):
        click = call(posted(stand.pressed("approve"), NOW))
        assert await made.receive(click, desk) == Answer(200)
        assert await made.receive(click, desk) == Answer(200), "a replay within the five minutes"
        await eventually(lambda: desk.rejected)
        assert len(desk.decisions) == 1


@pytest.mark.parametrize(
    "forge",
    [
        lambda headers, body: (headers, body + b" "),
        lambda headers, body: ({**headers, "x-slack-signature": "v0=00"}, body),
        lambda headers, body: ({}, body),
    ],
)
async def test_over_http_what_slack_did_not_sign_is_refused_and_counted(
    forge: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]],
) -> None:
    async with slack() as stand, listening(stand, app_token="", signing_secret=SIGNING_SECRET) as (made, desk):
        pressed = stand.pressed("approve")
        assert await made.receive(call(forge(*posted(pressed, NOW))), desk) == Answer(401)
        assert await made.receive(call(posted(pressed, NOW - 301)), desk) == Answer(401)
        assert await made.receive(call(posted(pressed, NOW, "other")), desk) == Answer(401)
        assert await made.receive(call(posted({"type": "shortcut"}, NOW)), desk) == Answer(200)
        assert (len(desk.rejected), desk.decisions) == (3, [])


async def test_with_socket_mode_nothing_is_taken_by_http() -> None:
    async with slack() as stand:
        assert await channel(stand).receive(Call({}, b"", ""), Desks()) == Answer(404)


async def test_a_socket_that_stays_closed_is_an_outage_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    monkeypatch.setattr(module, "SILENT_S", 0.1)
    async with slack() as stand:
        made = channel(stand)

        async def end() -> None:
            await eventually(lambda: stand.sockets)
            stand.fails["apps.connections.open"] = [(500, "internal_error")] * 99
            await stand.sockets[0].close()

        async with asyncio.TaskGroup() as group:
            group.create_task(end())
            with pytest.raises(Undelivered, match="the socket has been closed for"):
                await made.listen(Desks())
        stand.fails["apps.connections.open"] = [(200, "token_revoked")]
        with pytest.raises(Undelivered, match="Slack says token_revoked") as error:
            await made.listen(Desks())
        assert error.value.is_lasting


async def test_more_clicks_than_we_look_at_are_not_acknowledged() -> None:
    async with slack() as stand:
        made = channel(stand, app_token="", signing_secret=SIGNING_SECRET)
        await made.announce(notice())
        answers = [await made.receive(call(posted(stand.pressed("approve"), NOW)), Desks()) for _ in range(101)]
        assert (answers[99], answers[100]) == (Answer(200), Answer(503))


async def test_a_statement_of_a_megabyte_fits_into_a_message() -> None:
    async with slack() as stand:
        await channel(stand).announce(notice(replace(REQUEST, statement="\u202e" * (1 << 20))))
        assert len(stand.messages) == 1


async def test_a_dialog_that_slack_does_not_open_is_said_and_can_be_asked_for_again() -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        stand.fails["views.open"] = [(200, "expired_trigger_id")]
        click = stand.pressed("deny")
        await stand.send(click)
        await eventually(lambda: stand.ephemeral)
        assert stand.ephemeral[0]["text"] == "this does not count: Slack says expired_trigger_id"
        await stand.send(click)
        await eventually(lambda: stand.dialogs)
        assert desk.decisions == []


async def test_an_update_that_slack_refuses_is_an_outage() -> None:
    async with slack() as stand:
        made = channel(stand)
        reference = await made.announce(notice())
        stand.fails["chat.update"] = [(500, "fatal_error")]
        with pytest.raises(Undelivered, match="Slack says fatal_error"):
            await made.update(reference, notice(version=2))


async def test_a_slack_that_does_not_say_who_clicked_decides_nothing() -> None:
    async with slack() as stand, listening(stand) as (_, desk):
        stand.fails["users.info"] = [(500, "internal_error")]
        await stand.send(stand.pressed("approve"))
        await eventually(lambda: stand.ephemeral)
        assert "Slack does not say who this is: Slack says internal_error" in stand.ephemeral[0]["text"]
        assert (desk.decisions, len(desk.refused)) == ([], 1)


async def test_a_member_is_told_of_a_broken_glass_by_a_direct_message_with_the_button_in_it() -> None:
    async with slack() as stand:
        made = channel(stand)
        await made.announce(alarm())
        reference = await made.announce(alarm(MEMBERS[0]))
        place, direct = list(stand.messages.values())
        assert "not told individually, no account known: dan" in json.dumps(place["blocks"])
        assert (direct["channel"], json.loads(reference)["channel"]) == ("U0DORA", "D0DORA")
        assert [one["action_id"] for one in stand.buttons(list(stand.messages)[-1])] == ["close", "show"]
        over = replace(alarm(MEMBERS[0]), request=replace(REQUEST, state=State.CLOSED))
        assert await made.update(reference, over) == reference
        assert [one["action_id"] for one in stand.buttons(list(stand.messages)[-1])] == ["show"]
        assert len(stand.messages) == 2


@pytest.mark.parametrize(
    ("email", "found", "why"),
    [
        ("", {}, "no e-mail account is known"),
        ("nobody@example.com", {}, "no Slack account has the e-mail address"),
        ("dora@example.com", {"is_email_confirmed": False}, "no verified e-mail address"),
        ("dora@example.com", {"team_id": "T0THEIRS"}, "of another workspace"),
        ("dora@example.com", {"is_restricted": True}, "a guest's"),
        ("dora@example.com", {"deleted": True}, "deactivated"),
    ],
)
async def test_who_slack_does_not_vouch_for_gets_no_direct_message(email: str, found: dict[str, Any], why: str) -> None:
    async with slack() as stand:
        stand.users["U0DORA"] |= found
        member = Member("dora", ((Realm.GITHUB, "1001"), *(((Realm.EMAIL, email),) if email else ())))
        with pytest.raises(Unreachable, match=f"dora gets no direct message: .*{why}"):
            await channel(stand).announce(alarm(member))
        assert stand.messages == {}


async def test_an_outage_at_the_look_up_of_a_member_is_an_outage() -> None:
    async with slack() as stand:
        stand.fails["users.lookupByEmail"] = [(429, "ratelimited")]
        with pytest.raises(Undelivered, match="ratelimited") as error:
            await channel(stand).announce(alarm(MEMBERS[0]))
        assert not isinstance(error.value, Unreachable)

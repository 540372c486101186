"""Slack: a message with buttons, updated in place; clicks by Socket Mode, or by signed HTTP calls.

A click counts as the principal's whose e-mail address Slack has verified for the user who clicked; this is asked anew
for each click, so that nothing that Slack knows of a user is older than the decision.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tidewaiter.approvals.book import UNSETTLED
from tidewaiter.approvals.desk import Word
from tidewaiter.channels import slack_message
from tidewaiter.channels.contract import (
    EXPLAIN,
    Answer,
    Call,
    Channel,
    Decision,
    Desk,
    Member,
    Notice,
    Undelivered,
    Unreachable,
)
from tidewaiter.channels.slack_click import Click, click_of, is_signed, payload_of
from tidewaiter.errors import TidewaiterError
from tidewaiter.identity.accounts import Realm

API = "https://slack.com/api/"
TIMEOUT_S = 15
CONNECT_S = 20.0
CHECK_S = 5.0
SILENT_S = 30.0  # the library reconnects by itself within seconds; after this we begin anew, and say so
CLICKS = 100  # that wait to be looked at; beyond it Slack is not told that a click arrived, and tells the user
LASTING = frozenset(
    (
        "account_inactive", "channel_not_found", "invalid_auth", "is_archived", "missing_scope",
        "not_allowed_token_type", "not_authed", "not_in_channel", "token_expired", "token_revoked",
    )
)  # fmt: skip


class Slack(Channel):
    """A channel of kind `slack`. With `app_token` clicks come by Socket Mode, with `signing_secret` by HTTP."""

    tells_members = True

    def __init__(
        self,
        name: str,
        channel: str,
        bot_token: str,
        now_s: Callable[[], float],
        *,
        app_token: str = "",
        signing_secret: str = "",
        api: str = API,
    ) -> None:
        super().__init__(name, "slack")
        self._channel = channel
        self._now_s = now_s
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._web = AsyncWebClient(bot_token, base_url=api, timeout=TIMEOUT_S, logger=_silent(name))
        self._clicks: asyncio.Queue[Click] = asyncio.Queue(CLICKS)
        self._team: tuple[str, str | None] | None = None

    # -- telling -----------------------------------------------------------------------------------------------------
    async def announce(self, notice: Notice) -> str:
        """Post the message, to a member as a direct one."""
        place = self._channel if notice.to is None else await self._user_of(notice.to)
        told = {"channel": place, "unfurl_links": False, "unfurl_media": False, **self._content(notice)}
        answer = await self._call("chat.postMessage", told)
        return json.dumps({"channel": answer["channel"], "ts": answer["ts"]})

    async def update(self, reference: str, notice: Notice) -> str:
        """Change the message in its place; one that was deleted is posted again while it is of use."""
        try:
            place = json.loads(reference)
            told = {"channel": place["channel"], "ts": place["ts"], **self._content(notice)}
        except (ValueError, TypeError, KeyError):  # what a channel of another kind wrote under the same name
            return await self.announce(notice)
        try:
            await self._call("chat.update", told)
        except Undelivered as error:
            if not str(error).endswith("message_not_found"):
                raise
            if notice.request.state in UNSETTLED:
                return await self.announce(notice)
        return reference

    async def probe(self) -> str:
        """Ask who we are, and whether the app-level token opens a socket."""
        answer = await self._call("auth.test", {})
        if self._app_token:
            await self._socket_address()
        return f"{answer.get('user')} in {answer.get('team')}"

    # -- hearing -----------------------------------------------------------------------------------------------------
    async def listen(self, desk: Desk) -> None:
        """Look at clicks as they come."""
        if not self._app_token:
            await self._look(desk)
            return
        address = await self._socket_address()
        client = SocketModeClient(self._app_token, logger=_silent(self.name), web_client=self._web)
        client.wss_uri = address
        client.socket_mode_request_listeners.append(self._arrived)
        try:
            async with asyncio.timeout(CONNECT_S):
                await client.connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            await client.close()  # type: ignore[no-untyped-call]
            raise Undelivered("the socket cannot be opened") from None
        try:
            await self._look(desk, client)
        finally:
            await client.close()  # type: ignore[no-untyped-call]

    async def receive(self, call: Call, desk: Desk) -> Answer:
        """Take what Slack posts without Socket Mode. It is answered before it is looked at: Slack waits 3 s."""
        if not self._signing_secret:
            return Answer(404)
        if not is_signed(self._signing_secret, call.headers, call.body, self._now_s()):
            desk.reject("a click was refused: Slack did not sign it, or not now", call.source)
            return Answer(401)
        click = click_of(payload_of(call.body))
        if click is None:
            return Answer(200)
        try:
            self._clicks.put_nowait(click)
        except asyncio.QueueFull:
            return Answer(503)
        return Answer(200)

    async def _arrived(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Acknowledge what came by the socket, unless too much waits already."""
        click = click_of(request.payload) if request.type == "interactive" else None
        if click is not None:
            try:
                self._clicks.put_nowait(click)
            except asyncio.QueueFull:
                return
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    async def _look(self, desk: Desk, client: SocketModeClient | None = None) -> None:
        """Look at one click after the other. Raises Undelivered when the socket has been away for too long."""
        silent_s = 0.0
        while silent_s < SILENT_S:
            try:
                async with asyncio.timeout(CHECK_S):
                    click = await self._clicks.get()
            except TimeoutError:
                is_away = client is not None and not await client.is_connected()
                silent_s = silent_s + CHECK_S if is_away else 0.0
                continue
            await self._answer(click, desk)
        raise Undelivered(f"the socket has been closed for {SILENT_S:g} s")

    async def _answer(self, click: Click, desk: Desk) -> None:
        """Act on a click, and tell the user what the message does not."""
        try:
            said = await self._act(click, desk)
        except Undelivered as error:
            said = f"this does not count: {error}"
        except TidewaiterError as error:
            said = f"nothing was decided, try again: {error}"
        if said:
            told = {"channel": click.channel, "user": click.user, "text": said}
            with contextlib.suppress(Undelivered):  # a courtesy; what happened is recorded and in the message
                await self._call("chat.postEphemeral", told)

    async def _act(self, click: Click, desk: Desk) -> str:
        """What a click leads to, and what the user is to be told beside the message."""
        place = f"Slack user {click.user} in {click.channel}"
        if await desk.was_seen(click.id):
            desk.reject("a click came before", place)
            return ""
        word = Word(click.action)
        if word.needs_note and click.reason is None:
            dialog = slack_message.dialog(word, click.request, click.channel)
            await self._call("views.open", {"trigger_id": click.trigger, "view": dialog})
            await desk.mark(click.id)
            return ""
        if word.needs_note and not (click.reason or "").strip():
            return EXPLAIN
        try:
            email, problem = await self._email(click.user)
        except Undelivered as error:
            email, problem = "", f"Slack does not say who this is: {error}"
        if problem:
            outcome = await desk.refuse(click.request, problem, f"Slack user {click.user}", place)
        else:
            note = click.reason or ""
            decision = Decision(click.request, word, Realm.EMAIL, email, note, place, seen=click.seen)
            outcome = await desk.decide(decision)
        await desk.mark(click.id)
        return "" if outcome.counts else outcome.said

    async def _email(self, user: str) -> tuple[str, str]:
        """The verified address of a user of this workspace, or why there is none."""
        return await self._verified((await self._call("users.info", {"user": user}, verb="GET"))["user"])

    async def _verified(self, found: dict[str, Any]) -> tuple[str, str]:
        email = (found.get("profile") or {}).get("email") or ""
        if found.get("deleted") or found.get("is_bot"):
            return "", "the Slack account is deactivated or a bot's"
        if found.get("is_restricted") or found.get("is_ultra_restricted") or found.get("is_stranger"):
            return "", "the Slack account is a guest's"
        if not await self._is_of_us(found):
            return "", "the Slack account is of another workspace"
        if not email or not found.get("is_email_confirmed"):
            return "", "the Slack account has no verified e-mail address"
        return email, ""

    async def _is_of_us(self, user: dict[str, Any]) -> bool:
        if self._team is None:
            answer = await self._call("auth.test", {})
            self._team = answer["team_id"], answer.get("enterprise_id")
        team, enterprise = self._team
        theirs = (user.get("enterprise_user") or {}).get("enterprise_id")
        return user.get("team_id") == team or (enterprise is not None and theirs == enterprise)

    async def _user_of(self, member: Member) -> str:
        """The user who has a member's e-mail address, verified. Raises Unreachable."""
        problem = "no e-mail account is known"
        for email in [account for realm, account in member.accounts if realm is Realm.EMAIL]:
            try:
                found = (await self._call("users.lookupByEmail", {"email": email}, verb="GET"))["user"]
            except Undelivered as error:
                if not str(error).endswith("users_not_found"):
                    raise
                problem = "no Slack account has the e-mail address"
                continue
            verified, problem = await self._verified(found)
            if verified.lower() == email:
                return str(found["id"])
        raise Unreachable(f"{member.name} gets no direct message: {problem}")

    def _content(self, notice: Notice) -> dict[str, Any]:
        text, roll = slack_message.text_of(notice), self.roll(notice) if notice.to is None else ""
        return {"text": text, "blocks": slack_message.blocks_of(notice, roll)}

    # -- Slack's API -------------------------------------------------------------------------------------------------
    async def _socket_address(self) -> str:
        answer = await self._asked(self._web.apps_connections_open(app_token=self._app_token))
        return str(answer["url"])

    async def _call(self, method: str, told: dict[str, Any], verb: str = "POST") -> dict[str, Any]:
        sent = {"json": told} if verb == "POST" else {"params": told}
        return await self._asked(self._web.api_call(method, http_verb=verb, **sent))

    async def _asked(self, asking: Any) -> dict[str, Any]:
        """Slack's answer. Raises Undelivered, without what we sent."""
        try:
            answer = await asking
        except SlackApiError as error:
            raise _undelivered(error) from None
        except (SlackClientError, aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Undelivered(f"Slack cannot be reached: {type(error).__name__}") from None
        if not isinstance(answer.data, dict):
            raise Undelivered("Slack's answer is not JSON")
        return answer.data


def _undelivered(error: SlackApiError) -> Undelivered:
    response = error.response
    word = str(response.get("error") or f"HTTP {response.status_code}")
    headers = {key.lower(): value for key, value in (response.headers or {}).items()}
    after = str(headers.get("retry-after", ""))
    return Undelivered(
        f"Slack says {word}", after_s=float(after) if after.isdigit() else 0.0, is_lasting=word in LASTING
    )


def _silent(name: str) -> logging.Logger:
    """The library's log goes nowhere: what is wrong comes to the operator as the channel's problem, without secrets."""
    logger = logging.getLogger(f"tidewaiter.channels.slack.{name}")
    logger.propagate = False
    logger.handlers = [logging.NullHandler()]
    return logger

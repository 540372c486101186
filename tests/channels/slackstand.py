"""Slack's side, as far as a channel meets it: the Web API, Socket Mode, and its limits."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-bot", "xapp-app", "8f742231b10e8888abcd99yyyzzz85a5"
CHANNEL, TEAM = "C0OPS", "T0OURS"
LIMITS = {"header": 150, "section": 3000}


def user(email: str, **more: Any) -> dict[str, Any]:
    """A member as users.info describes one."""
    return {"team_id": TEAM, "is_email_confirmed": True, "deleted": False, "profile": {"email": email}, **more}


class SlackStand:
    """A workspace with one channel. `fails` answers the next calls of a method with an error."""

    def __init__(self) -> None:
        self.users = {"U0DORA": user("Dora@example.com"), "U0MALLORY": user("mallory@example.com")}
        self.messages: dict[str, dict[str, Any]] = {}
        self.ephemeral: list[dict[str, Any]] = []
        self.dialogs: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.fails: dict[str, list[tuple[int, str]]] = {}
        self.acknowledged: set[str] = set()
        self.sockets: list[web.WebSocketResponse] = []
        self.port = 0
        self._numbers = itertools.count(1)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    # -- what people do ------------------------------------------------------------------------------------------------
    def pressed(self, action: str, who: str = "U0DORA", ts: str = "") -> dict[str, Any]:
        """The payload of a press of a button on a message, the newest one by default."""
        ts = ts or list(self.messages)[-1]
        (button,) = [one for one in self.buttons(ts) if one["action_id"] == action]
        number = next(self._numbers)
        return {
            "type": "block_actions",
            "user": {"id": who, "team_id": TEAM},
            "container": {"type": "message", "message_ts": ts, "channel_id": self.messages[ts]["channel"]},
            "trigger_id": f"trigger-{number}",
            "actions": [{**button, "action_ts": f"1800000000.{number:06}"}],
        }

    def submitted(self, reason: str, who: str = "U0DORA") -> dict[str, Any]:
        """The payload of the newest dialog, sent off."""
        view = self.dialogs[-1]["view"]
        number = next(self._numbers)
        state = {"values": {"reason": {"reason": {"type": "plain_text_input", "value": reason}}}}
        return {
            "type": "view_submission",
            "user": {"id": who, "team_id": TEAM},
            "view": {**view, "id": f"V{number}", "hash": f"h{number}", "state": state},
        }

    async def send(self, payload: dict[str, Any], envelope: str = "") -> str:
        """Send a payload through the socket and wait until it is acknowledged, as Slack does for three seconds."""
        envelope = envelope or f"envelope-{next(self._numbers)}"
        self.acknowledged.discard(envelope)
        told = {"type": "interactive", "envelope_id": envelope, "accepts_response_payload": True, "payload": payload}
        await self.sockets[-1].send_str(json.dumps(told))
        async with asyncio.timeout(3):
            while envelope not in self.acknowledged:  # noqa: ASYNC110 - it waits for the other side
                await asyncio.sleep(0.01)
        return envelope

    def buttons(self, ts: str) -> list[dict[str, Any]]:
        blocks = self.messages[ts]["blocks"]
        return [one for block in blocks if block["type"] == "actions" for one in block["elements"]]

    # -- the Web API -------------------------------------------------------------------------------------------------
    async def method(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        self.calls.append(name)
        if self.fails.get(name):
            status, word = self.fails[name].pop(0)
            return web.json_response({"ok": False, "error": word}, status=status, headers={"Retry-After": "7"})
        wanted = APP_TOKEN if name == "apps.connections.open" else BOT_TOKEN
        if request.headers.get("authorization") != f"Bearer {wanted}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        told = await request.json() if request.content_type == "application/json" else dict(request.query)
        error, answer = self._do(name, told)
        return web.json_response({"ok": not error, **({"error": error} if error else answer)})

    def _do(self, name: str, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:  # noqa: PLR0911 - a table
        match name:
            case "auth.test":
                return "", {"team_id": TEAM, "team": "Ours", "user": "tidewaiter", "user_id": "U0BOT"}
            case "apps.connections.open":
                return "", {"url": f"ws://127.0.0.1:{self.port}/link?ticket=1"}
            case "chat.postMessage" if told["channel"] not in (CHANNEL, *self.users):
                return "channel_not_found", {}
            case "chat.postMessage":
                ts = f"1800000000.{next(self._numbers):06}"
                return self._keep(ts, told)
            case "chat.update" if told["ts"] not in self.messages:
                return "message_not_found", {}
            case "chat.update":
                return self._keep(told["ts"], told)
            case "chat.postEphemeral":
                self.ephemeral.append(told)
                return "", {}
            case "users.lookupByEmail":
                found = [one for one in self.users.items() if one[1]["profile"]["email"].lower() == told["email"]]
                return ("", {"user": {"id": found[0][0], **found[0][1]}}) if found else ("users_not_found", {})
            case "users.info" if told["user"] not in self.users:
                return "user_not_found", {}
            case "users.info":
                return "", {"user": self.users[told["user"]]}
            case "views.open" if not told["trigger_id"].startswith("trigger-"):
                return "invalid_trigger_id", {}
            case "views.open":
                self.dialogs.append(told)
                return "", {}
        return "unknown_method", {}

    def _keep(self, ts: str, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        for block in told["blocks"]:
            limit = LIMITS.get(block["type"])
            if limit is not None and not 0 < len(block["text"]["text"]) <= limit:
                return "invalid_blocks", {}
        if len(told["blocks"]) > 50 or len(json.dumps(told)) > 40_000:
            return "msg_too_long", {}
        self.messages[ts] = told
        return "", {"channel": told["channel"].replace("U", "D", 1), "ts": ts}

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        """A socket, as Socket Mode opens one."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        self.sockets.append(socket)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.acknowledged.add(json.loads(message.data)["envelope_id"])
        return socket


def posted(payload: dict[str, Any], at_s: float, secret: str = SIGNING_SECRET) -> tuple[dict[str, str], bytes]:
    """Headers and body as Slack posts a payload over HTTP."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    at = str(int(at_s))
    signature = "v0=" + hmac.new(secret.encode(), f"v0:{at}:".encode() + body, "sha256").hexdigest()
    return {"x-slack-request-timestamp": at, "x-slack-signature": signature}, body


@asynccontextmanager
async def slack() -> AsyncIterator[SlackStand]:
    """A stand that serves on a port of its own."""
    stand = SlackStand()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", stand.method)
    app.router.add_get("/link", stand.link)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stand.port = runner.addresses[0][1]
    try:
        yield stand
    finally:
        for socket in stand.sockets:
            await socket.close()
        await runner.cleanup()

"""Where vendors call, and the page behind a message's link."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import httpx2
from channelkit import NOW, REQUEST
from starlette.applications import Starlette

from tidewaiter.approvals.desk import Request, State
from tidewaiter.channels.contract import Answer, Call
from tidewaiter.channels.links import Links
from tidewaiter.channels.web import BODY_BYTES, routes
from tidewaiter.errors import NotFound, StoreUnavailable

LINKS = Links("http://gate.example", b"k" * 32)
HOSTILE = replace(REQUEST, statement="<script>alert(1)</script>" + "x" * (1 << 20) + "the end", message="<b>")


class Rig:
    def __init__(self, found: Request | Exception = REQUEST) -> None:
        self.calls: list[tuple[str, Call]] = []
        self.fails: list[Exception] = []
        self.found = found
        self.app = Starlette(routes=routes(self.receive, self.find, LINKS, lambda: NOW))

    async def receive(self, name: str, call: Call) -> Answer:
        self.calls.append((name, call))
        if self.fails:
            raise self.fails.pop(0)
        return Answer(200, b'{"counts":true}')

    async def find(self, id_: str) -> Request:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def ask(self, method: str, url: str, content: bytes = b"") -> httpx2.Response:
        async def go() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.app, client=("192.0.2.7", 1))
            async with httpx2.AsyncClient(transport=transport, base_url="http://gate.example") as client:
                return await client.request(method, url, content=content, headers={"X-Sig": "s"})

        return asyncio.run(go())


def test_a_call_reaches_its_channel_byte_by_byte_as_it_was() -> None:
    rig = Rig()
    answer = rig.ask("POST", "/channels/ops", b"\x00\xff")
    assert (answer.status_code, answer.json()) == (200, {"counts": True})
    ((name, call),) = rig.calls
    assert (name, call.body, call.source, call.headers["x-sig"]) == ("ops", b"\x00\xff", "192.0.2.7", "s")


def test_a_call_has_a_bound_and_a_method() -> None:
    rig = Rig()
    assert rig.ask("POST", "/channels/ops", b"x" * (BODY_BYTES + 1)).status_code == 413
    assert rig.ask("GET", "/channels/ops").status_code == 405
    assert rig.calls == []


def test_an_outage_of_ours_asks_the_sender_to_try_again() -> None:
    rig = Rig()
    rig.fails = [StoreUnavailable("locked")]
    assert rig.ask("POST", "/channels/ops").status_code == 503


def test_a_link_shows_the_whole_statement_and_its_markup_as_text() -> None:
    page = Rig(HOSTILE).ask("GET", LINKS.of("AR-2222222"))
    assert page.status_code == 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script>" not in page.text
    assert "the end</pre>" in page.text
    assert "&lt;b&gt;" in page.text
    assert '<a href="/requests/AR-2222222">Sign in to decide</a>' in page.text
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]


def test_without_its_key_a_link_shows_nothing() -> None:
    for rig, url in (
        (Rig(), "/requests/AR-2222222"),
        (Rig(), "/requests/AR-2222222?key=0"),
        (Rig(NotFound("gone")), LINKS.of("AR-2222222")),
        (Rig(replace(REQUEST, state=State.DENIED, expires_s=0)), LINKS.of("AR-2222222")),
    ):
        answer = rig.ask("GET", url)
        said = "there is nothing here, or not any more" if "key=" in url else "Not Found"  # others may serve it
        assert (answer.status_code, answer.text) == (404, said)
    assert Rig(StoreUnavailable("locked")).ask("GET", LINKS.of("AR-2222222")).status_code == 503

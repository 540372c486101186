"""The HTTP face of a gateway."""

from __future__ import annotations

import asyncio

import httpx2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidewaiter.console.app import console


def fetch(path: str, obstacles: list[str], method: str = "GET") -> httpx2.Response:
    async def go() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=console("1.2.3", lambda: obstacles))
        async with httpx2.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.request(method, path)

    return asyncio.run(go())


def test_a_ready_gateway_says_so() -> None:
    answer = fetch("/readyz", [])
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


def test_a_gateway_that_is_not_ready_says_why() -> None:
    answer = fetch("/readyz", ["the ledger cannot be written"])
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "reasons": ["the ledger cannot be written"]})


def test_readiness_can_be_probed_with_head() -> None:
    assert fetch("/readyz", [], "HEAD").status_code == 200


def test_a_living_gateway_is_alive_even_when_not_ready() -> None:
    answer = fetch("/healthz", ["starting"])
    assert (answer.status_code, answer.json()) == (200, {"alive": True, "version": "1.2.3"})


def test_the_landing_page_says_what_this_is_and_escapes_what_it_repeats() -> None:
    page = fetch("/", ["<script>alert(1)</script>"])
    assert page.status_code == 200
    assert "Tidewaiter 1.2.3" in page.text
    assert "<script>" not in page.text
    assert "This gateway is ready." in fetch("/", []).text


def test_every_response_carries_protective_headers() -> None:
    for path in ("/", "/readyz", "/nothing-here"):
        headers = fetch(path, []).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"  # browsers send `Origin: null` from pages with no-referrer
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    assert fetch("/nothing-here", []).status_code == 404
    assert fetch("/readyz", [], "POST").status_code == 405


def test_a_part_can_have_a_stricter_policy_of_its_own() -> None:
    async def bare(_request: Request) -> Response:
        return Response("x", headers={"content-security-policy": "default-src 'none'"})

    async def go() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=console("1", list, [Route("/bare", bare)]))
        async with httpx2.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.get("/bare")

    headers = asyncio.run(go()).headers
    assert headers["content-security-policy"] == "default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"


def test_without_a_house_nobody_signs_in() -> None:
    assert fetch("/sign-in", []).status_code == 404
    assert "/sign-in" not in fetch("/", []).text
    assert fetch("/static/console.css", []).headers["cache-control"] == "max-age=300"

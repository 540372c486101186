"""What the gate makes of requests: addresses, cookies, and where to go on. Forms and sessions: test_views.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from consolekit import staged
from starlette.requests import Request
from starlette.responses import Response

from tidewaiter.console.gate import Gate, comes_from_elsewhere, onward

ADDRESSES = ("https://gate.example", "http://127.0.0.1:8480", "http://[::1]:8480")


def request(*headers: tuple[str, str]) -> Request:
    return Request({"type": "http", "headers": [(name.encode(), value.encode()) for name, value in headers]})


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    with staged(tmp_path) as stage:
        return Gate(ADDRESSES, stage.sessions, stage.directory, lambda: 0.0)


@pytest.mark.parametrize(
    ("hosts", "origin"),
    [
        (("gate.example",), "https://gate.example"),
        (("GATE.example",), "https://gate.example"),
        (("[::1]:8480",), "http://[::1]:8480"),
        (("gate.example:443",), None),
        (("gate.example.",), None),
        (("gate.example@evil",), None),
        (("127.0.0.1",), None),
        (("gate.example", "evil.example"), None),
        ((), None),
    ],
)
def test_a_host_header_is_one_of_our_addresses_or_none(gate: Gate, hosts: tuple[str, ...], origin: str | None) -> None:
    assert gate.origin_of(request(*(("host", host) for host in hosts))) == origin


def test_a_sign_in_form_needs_the_cookie_that_came_with_it(gate: Gate) -> None:
    here = (("host", "gate.example"), ("origin", "https://gate.example"))
    token, give = gate.offer(request(*here))
    response = Response()
    give(response)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-tidewaiter-form=")
    assert "Secure" in cookie
    given = request(*here, ("cookie", cookie.partition(";")[0]))
    assert gate.is_ours(given, None, token)
    assert not gate.is_ours(given, None, token[:-1])
    assert not gate.is_ours(request(*here), None, token)
    assert gate.offer(given)[0] == token  # a second form in another tab does not spoil the first


def test_the_empty_cookie_signs_nothing(gate: Gate) -> None:
    here = (("host", "gate.example"), ("origin", "https://gate.example"), ("cookie", "__Host-tidewaiter-form="))
    assert gate.offer(request(*here))[0] != gate.offer(request(*here))[0]
    assert not gate.is_ours(request(*here), None, gate.offer(request(*here))[0])


def test_links_on_other_sites_are_told_apart() -> None:
    assert comes_from_elsewhere(request(("sec-fetch-site", "cross-site")))
    assert not comes_from_elsewhere(request(("sec-fetch-site", "none")))
    assert not comes_from_elsewhere(request())


def test_onward_goes_to_pages_of_ours_only() -> None:
    assert onward("/requests/AR-7K3F9QX") == "/requests/AR-7K3F9QX"
    for path in ("", "/", "//evil", "https://evil", "/requests/AR-1/approve", "/requests\n", "/sign-out", "\\\\evil"):
        assert onward(path) == "/requests"

"""What goes wrong with a vendor's API becomes Undelivered, and says nothing secret."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from tidewaiter.channels.contract import Undelivered
from tidewaiter.channels.http import ANSWER_BYTES, Http, fields, json_of

pytestmark = pytest.mark.anyio
BASE = "https://user:hunter2@hooks.example/T0/secret-path?sig=hunter2"


def http(answer: Callable[[httpx2.Request], httpx2.Response], base: str = "https://api.example/") -> Http:
    return Http(base, {"authorization": "Bearer hunter2"}, httpx2.MockTransport(answer))


async def test_a_request_is_sent_as_asked() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(201, json={"id": 7})

    found = await http(answer).send("POST", "/items", json={"a": 1}, parameters={"q": "x y"}, headers={"accept": "b"})
    assert fields(found) == {"id": 7}
    (request,) = seen
    assert (request.method, str(request.url), request.content) == (
        "POST",
        "https://api.example/items?q=x+y",
        b'{"a":1}',
    )
    assert (request.headers["authorization"], request.headers["accept"]) == ("Bearer hunter2", "b")


@pytest.mark.parametrize("address", ["https://h.example/T0?sig=1", "https://h.example/in/"])
async def test_the_address_is_used_as_it_is(address: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"url": str(request.url)})

    assert fields(await http(answer, address).send("POST", "", content=b"x")) == {"url": address}


@pytest.mark.parametrize(
    ("status", "headers", "after_s", "is_lasting"),
    [
        (500, {}, 0, False),
        (429, {"retry-after": "17"}, 17, False),
        (503, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Fri, 31 Dec 1999 23:59:09 GMT"}, 50, False),
        (503, {"retry-after": "soon"}, 0, False),
        (401, {}, 0, True),
        (403, {"x-ratelimit-remaining": "0", "retry-after": "60"}, 60, False),
        (410, {}, 0, True),
        (302, {"location": "https://evil.example/"}, 0, True),
    ],
)
async def test_what_is_not_taken_says_when_to_try_again(
    status: int, headers: dict[str, str], after_s: float, is_lasting: bool
) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.url.host != "evil.example"
        return httpx2.Response(status, headers=headers, text="no\x1b[2J" + "x" * 999)

    with pytest.raises(Undelivered) as error:
        await http(answer, BASE).send("POST", "", content=b"")
    assert (error.value.after_s, error.value.is_lasting) == (after_s, is_lasting)
    assert str(error.value).startswith(f"hooks.example answered {status}: no\\x1b[2Jx")
    assert len(str(error.value)) < 300
    assert "hunter2" not in str(error.value)


async def test_who_cannot_be_reached_is_named_without_secrets() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("cannot connect to https://hooks.example/?sig=hunter2")

    with pytest.raises(Undelivered, match=r"^hooks.example cannot be reached: ConnectError$"):
        await http(answer, BASE).send("GET", "")


async def test_an_endless_answer_is_cut_off() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=b"x" * (ANSWER_BYTES + 1))

    with pytest.raises(Undelivered, match="more than 16777216 bytes"):
        await http(answer).send("GET", "/")


def test_what_is_no_json_is_said_so() -> None:
    with pytest.raises(Undelivered, match="not JSON"):
        json_of(httpx2.Response(200, text="<html>"))
    with pytest.raises(Undelivered, match="not a JSON object"):
        fields(httpx2.Response(200, json=[]))

"""Logging in to GitHub as an App, against a stand that checks the JWT."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import pytest
from channelkit import NOW, notice
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from githubstand import API, REPOSITORY, TOKEN, GithubStand

from tidewaiter.channels.contract import Undelivered
from tidewaiter.channels.github import Github
from tidewaiter.channels.github_app import USED_S, AppAuth

pytestmark = pytest.mark.anyio
KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Clock:
    now_s = NOW

    def __call__(self) -> float:
        return self.now_s


class AppStand:
    """GitHub with an App installed: gives the stand's token for a good JWT. `fails` answers with these statuses."""

    def __init__(self) -> None:
        self.stand, self.clock = GithubStand(), Clock()
        self.asked: list[tuple[str, Any]] = []
        self.fails: list[int] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if not path.endswith(("/installation", "/access_tokens")):
            return self.stand(request)
        if self.fails:
            return httpx2.Response(self.fails.pop(0), json={})
        head, claims, signature = request.headers["authorization"].removeprefix("Bearer ").split(".")
        KEY.public_key().verify(decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), SHA256())
        told = json.loads(decoded(claims))
        assert (json.loads(decoded(head))["alg"], told["iss"]) == ("RS256", "Iv1.app")
        assert told["iat"] < self.clock.now_s < told["exp"] <= told["iat"] + 600
        self.asked.append((path, json.loads(request.content) if request.content else None))
        return httpx2.Response(200, json={"id": 7} if path.endswith("/installation") else {"token": TOKEN})


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def channel(stand: AppStand) -> Github:
    auth = AppAuth(API, REPOSITORY, "Iv1.app", PEM, stand.clock)
    return Github("gh", REPOSITORY, auth, api=API, transport=httpx2.MockTransport(stand))


async def test_a_token_for_this_repository_is_got_once_an_hour() -> None:
    stand = AppStand()
    made = channel(stand)
    await made.announce(notice())
    await made.probe()
    assert stand.asked == [
        (f"/repos/{REPOSITORY}/installation", None),
        (
            "/app/installations/7/access_tokens",
            {"repositories": ["approvals"], "permissions": {"issues": "write", "metadata": "read"}},
        ),
    ]
    stand.clock.now_s += USED_S
    await made.probe()
    assert len(stand.asked) == 4


async def test_a_token_that_was_revoked_is_replaced_at_the_next_attempt() -> None:
    stand = AppStand()
    made = channel(stand)
    await made.probe()
    stand.stand.fails = {"GET .*": [401]}
    with pytest.raises(Undelivered, match="401"):
        await made.probe()
    await made.probe()
    assert len(stand.asked) == 4


@pytest.mark.parametrize(("status", "is_lasting"), [(401, True), (404, True), (502, False)])
async def test_no_token_is_an_outage(status: int, is_lasting: bool) -> None:
    stand = AppStand()
    stand.fails = [status]
    made = channel(stand)
    with pytest.raises(Undelivered, match=f"no token: it answered {status}") as error:
        await made.probe()
    assert error.value.is_lasting is is_lasting
    await made.probe()


async def test_an_answer_without_a_token_is_an_outage() -> None:
    auth = AppAuth(API, REPOSITORY, "Iv1.app", PEM, Clock())
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=[]))
    with pytest.raises(Undelivered, match="its answer is none"):
        await Github("gh", REPOSITORY, auth, api=API, transport=transport).probe()


@pytest.mark.parametrize(
    "pem",
    [
        "ghp_token",
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        .decode(),
    ],
)
def test_what_is_no_rsa_key_is_refused_and_not_repeated(pem: str) -> None:
    with pytest.raises(ValueError, match="token must be the App's private key") as refused:
        AppAuth(API, REPOSITORY, "Iv1.app", pem, Clock())
    assert pem[-20:] not in str(refused.value)

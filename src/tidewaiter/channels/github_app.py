"""Logging in to GitHub as an App: a token for one hour and one repository, for a JWT signed with the App's key.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
JWT: RFC 7519; RS256: RFC 7518 §3.3.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Generator

import httpx2
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tidewaiter.channels.contract import Undelivered
from tidewaiter.channels.http import TRY_SOON

USED_S = 3300.0  # a token lives for an hour
BACK_S, AHEAD_S = 60, 540  # of a JWT; GitHub takes ten minutes, and our clock may be ahead
PERMISSIONS = {"issues": "write", "metadata": "read"}


class AppAuth(httpx2.Auth):
    """Puts an installation's token into each request, and gets one when there is none. `now_s` is Unix time."""

    requires_response_body = True

    def __init__(self, api: str, repository: str, app: str, key: str, now_s: Callable[[], float]) -> None:
        """`app` is the App's client id, `key` its private key in PEM. Raises ValueError; the key is not repeated."""
        self._api = api.rstrip("/")
        self._repository = repository
        self._app = app
        self._key = _rsa(key)
        self._now_s = now_s
        self._token, self._until_s = "", 0.0

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """The steps of one request. Raises Undelivered."""
        if not self._token or self._now_s() >= self._until_s:
            found = _told((yield self._asked("GET", f"/repos/{self._repository}/installation")), "id")
            wanted = {"repositories": [self._repository.rpartition("/")[2]], "permissions": PERMISSIONS}
            path = f"/app/installations/{found}/access_tokens"
            self._token = _told((yield self._asked("POST", path, wanted)), "token")
            self._until_s = self._now_s() + USED_S
        request.headers["authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == 401:  # it was revoked: the next attempt gets another one
            self._token = ""

    def _asked(self, method: str, path: str, body: object = None) -> httpx2.Request:
        headers = {"authorization": f"Bearer {self._jwt()}", "accept": "application/vnd.github+json"}
        return httpx2.Request(method, self._api + path, headers=headers, json=body)

    def _jwt(self) -> str:
        now = int(self._now_s())
        claims = {"iat": now - BACK_S, "exp": now + AHEAD_S, "iss": self._app}
        signed = b".".join(_base64(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
        return (signed + b"." + _base64(self._key.sign(signed, PKCS1v15(), SHA256()))).decode()


def _told(answer: httpx2.Response, key: str) -> str:
    """A value of an answer. Raises Undelivered."""
    if not answer.is_success:
        is_lasting = answer.status_code not in TRY_SOON
        raise Undelivered(f"GitHub gives the App no token: it answered {answer.status_code}", is_lasting=is_lasting)
    try:
        return str(answer.json()[key])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Undelivered("GitHub gives the App no token: its answer is none", is_lasting=True) from None


def _rsa(pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("with `app`, token must be the App's private key, in PEM and without a password") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("with `app`, token must be the App's private key, which is an RSA key")
    return key


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")

"""Which requests a browser may make here: by which address, from which page, in whose session.

What protects each page: the Host header is one of the console's own addresses, so that a foreign name which points here
(DNS rebinding) shows nothing. What protects each form: it comes from a page of ours, by Origin or Sec-Fetch-Site and by
a token that only our page has. The cookie is HttpOnly and SameSite=Strict, and Secure wherever the address is HTTPS.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from tidewaiter.console.sessions import Session, Sessions
from tidewaiter.identity import Directory

TOKEN = "token"  # noqa: S105 - the name of a form's field
FORM_S = 3600  # how long a sign-in form may lie on the screen
FORMS = "tokens of the console's sign-in forms"
_NEXT = re.compile(r"/requests(/AR-[0-9A-Z]{1,16})?")


class Gate:
    """Tells one browser from another. `addresses` are the console's origins; none: nobody can sign in."""

    def __init__(
        self,
        addresses: Sequence[str],
        sessions: Sessions,
        directory: Directory,
        now_s: Callable[[], float],
    ) -> None:
        """The tokens of sign-in forms are the same at all gateways on one store: either may get the form back."""
        self._origins = {address.partition("://")[2]: address for address in addresses}
        self.sessions = sessions
        self._directory = directory
        self._now_s = now_s
        self._key = directory.key_for(FORMS).value.encode()

    @property
    def is_open(self) -> bool:
        """Whether anybody can sign in."""
        return bool(self._origins)

    def origin_of(self, request: Request) -> str | None:
        """The address at which the browser believes to be; None for one that is not ours."""
        hosts = request.headers.getlist("host")
        return self._origins.get(hosts[0].lower()) if len(hosts) == 1 else None

    async def session_of(self, request: Request, *, is_active: bool = True) -> Session | None:
        """The session of a request, if it still may go on. Raises StoreUnavailable."""
        origin, key = self.origin_of(request), self._key_of(request)
        if not origin or not key:
            return None
        session = await asyncio.to_thread(self.sessions.find, key, origin, self._now_s(), is_active=is_active)
        if session is not None and not self._directory.may_continue(session.principal, session.credential):
            await self.end(request)
            return None
        return session

    async def end(self, request: Request) -> None:
        """End the session that a request comes with, if any. Raises StoreUnavailable."""
        key = self._key_of(request)
        if key:
            await asyncio.to_thread(self.sessions.end, key)

    def _key_of(self, request: Request) -> str:
        return request.cookies.get(_cookie(self.origin_of(request) or ""), "")

    def is_ours(self, request: Request, session: Session | None, token: str) -> bool:
        """Whether a form was sent from a page of ours: one of this session, or the sign-in page without one."""
        wanted = session.token if session else self._form_token(self._form_key(request))
        return self._is_from_here(request) and hmac.compare_digest(token.encode("utf-8", "replace"), wanted.encode())

    def keep(self, response: Response, origin: str, key: str) -> None:
        """Give the browser the key of its session, until it is closed."""
        self._set(response, origin, _cookie(origin), key, None)

    def drop(self, response: Response, origin: str) -> None:
        """Take it away."""
        self._set(response, origin, _cookie(origin), "", 0)

    def offer(self, request: Request) -> tuple[str, Callable[[Response], None]]:
        """The token for a sign-in form, and what gives the response the cookie that belongs to it."""
        key = self._form_key(request) or secrets.token_urlsafe(32)
        origin = self.origin_of(request) or ""
        return self._form_token(key), lambda response: self._set(response, origin, _cookie(origin, "form"), key, FORM_S)

    def _form_key(self, request: Request) -> str:
        return request.cookies.get(_cookie(self.origin_of(request) or "", "form"), "")

    def _form_token(self, key: str) -> str:
        # Without a cookie there is no token that fits: an empty key never signs anything.
        message = key or secrets.token_urlsafe(32)
        return hmac.digest(self._key, b"sign-in form\0" + message.encode("utf-8", "replace"), "sha256").hex()

    def _is_from_here(self, request: Request) -> bool:
        """Browsers say where a form comes from; one that says nothing at all is none that people use today."""
        origin = request.headers.get("origin")
        if origin is not None:
            return origin == self.origin_of(request)
        return request.headers.get("sec-fetch-site") == "same-origin"

    def _set(self, response: Response, origin: str, name: str, value: str, max_age_s: int | None) -> None:
        response.set_cookie(
            name, value, max_age_s, path="/", secure=_is_secure(origin), httponly=True, samesite="strict"
        )


def comes_from_elsewhere(request: Request) -> bool:
    """Whether a link on somebody else's page was followed: the browser then kept our SameSite=Strict cookie back."""
    return request.headers.get("sec-fetch-site") == "cross-site"


def onward(path: str) -> str:
    """Where to go after signing in: to a page of ours, whatever the address said."""
    return path if _NEXT.fullmatch(path) else "/requests"


def _cookie(origin: str, what: str = "") -> str:
    """A cookie's name. __Host- keeps other hosts from setting it (RFC 6265bis §4.1.3.2), which browsers ask TLS for.

    Cookies do not know ports, so the port is in the name: what else runs on this machine has names of its own.
    """
    prefix = "__Host-" if _is_secure(origin) else ""
    port = re.search(r":([0-9]+)$", origin)
    return f"{prefix}tidewaiter{f'-{port[1]}' if port else ''}{f'-{what}' if what else ''}"


def _is_secure(origin: str) -> bool:
    return origin.startswith("https://")

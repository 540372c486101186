"""The HTTP face of a gateway: whether it lives, whether it is ready and if not why, and a page that says what this is.

Nothing here is secret and nothing changes anything; the pages that do come with logins of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DOCS = "https://github.com/tidewaiter/tidewaiter/tree/main/docs"

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tidewaiter</title>
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}}
:root{{color-scheme:light dark}}
code{{font-size:.95em}}</style></head><body>
<h1>Tidewaiter {version}</h1>
<p>{state}</p>
<p>People and agents connect to their databases through this gateway with the clients they already use. Every
statement is understood, decided on by policy and written to a log that an outsider can verify.</p>
<ul>
<li>Get a credential: <code>tidewaiter credential issue --principal NAME</code></li>
<li>Who touched a table: <code>tidewaiter audit touched customers --on today</code></li>
<li>Readiness for machines: <a href="/readyz">/readyz</a></li>
<li><a href="{docs}">Documentation</a></li>
</ul></body></html>
"""


def console(version: str, obstacles: Callable[[], Sequence[str]], more: Sequence[BaseRoute] = ()) -> Starlette:
    """The ASGI application. `obstacles` says what keeps the gateway from serving, now; nothing means ready.

    `more` are routes of other parts that are served beside these.
    """

    async def readyz(_request: Request) -> Response:
        reasons = list(obstacles())
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"alive": True, "version": version})

    async def landing(_request: Request) -> Response:
        reasons = list(obstacles())
        state = "This gateway is ready." if not reasons else f"This gateway is not ready: {'; '.join(reasons)}."
        return HTMLResponse(_PAGE.format(version=escape(version), state=escape(state), docs=DOCS))

    app = Starlette(routes=[Route("/readyz", readyz), Route("/healthz", healthz), Route("/", landing), *more])
    app.add_middleware(_Headers)
    return app


class _Headers:
    """Adds the same protective headers to every response, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)

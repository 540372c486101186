"""The HTTP face of a gateway: whether it lives, whether it is ready and if not why, a page that says what this is, and,
with `house`, the pages on which people sign in and decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidewaiter.console.pages import page, static
from tidewaiter.console.views import Desk, House

DOCS = "https://github.com/tidewaiter/tidewaiter/tree/main/docs"

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with no-referrer, browsers would say `Origin: null` for our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def console(
    version: str,
    obstacles: Callable[[], Sequence[str]],
    more: Sequence[BaseRoute] = (),
    house: House | None = None,
) -> Starlette:
    """The ASGI application. `obstacles` says what keeps the gateway from serving, now; nothing means ready.

    `more` are routes of other parts that are served beside these, and before them.
    """
    desk = Desk(house) if house is not None else None

    async def readyz(_request: Request) -> Response:
        reasons = list(obstacles())
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"alive": True, "version": version})

    async def landing(request: Request) -> Response:
        if desk is not None and await desk.is_signed_in(request):
            return RedirectResponse("/requests", 303)
        return page(
            "landing",
            version=version,
            reasons=list(obstacles()),
            docs=DOCS,
            can_sign_in=desk is not None and desk.is_open,
        )

    async def asset(request: Request) -> Response:
        return static(request.path_params["name"])

    routes = [
        Route("/readyz", readyz),
        Route("/healthz", healthz),
        Route("/", landing),
        Route("/static/{name}", asset),
        *more,
        *(desk.routes() if desk is not None else ()),
    ]
    app = Starlette(routes=routes)
    app.add_middleware(_Headers)
    return app


class _Headers:
    """Adds the same protective headers to every response, errors included; one that a page set itself stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)

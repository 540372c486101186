"""The HTTP side of channels: where vendors call, and the page behind a message's link. Both are off without channels.

A call is answered by its channel, which checks who sent it. The page shows one request to whoever has its link.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING

from tidewaiter.approvals.desk import Request as Asked
from tidewaiter.approvals.presentation import Presentation, presented
from tidewaiter.channels.contract import Answer, Call
from tidewaiter.channels.links import Links, is_shown
from tidewaiter.errors import NotFound, TidewaiterError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route
    from starlette.types import Scope

BODY_BYTES = 1 << 20  # vendors' calls are a few KB; GitHub's largest that we use hold one comment of 64 KiB

Receive = Callable[[str, Call], Awaitable[Answer]]
Find = Callable[[str], Awaitable[Asked]]

_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem}"
    ":root{color-scheme:light dark} pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid;padding:1rem}"
    "dt{font-weight:600}"
)
_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
# In the page itself: proxies in front may pass /requests/ and nothing else.
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{id}</title>
<style>{style}</style></head><body>
<h1>{id} is {state}</h1>
<p>{title}</p>
<p>{outcome}</p>
<dl>{facts}</dl>
<pre>{statement}</pre>
<pre>{parameters}</pre>
<p><a href="/requests/{id}">Sign in to decide</a></p>
</body></html>
"""


def routes(receive: Receive, find: Find, links: Links, now_s: Callable[[], float]) -> list[Route]:
    """Routes for the console's listener. What comes for a request without a key is left to other routes."""
    from starlette.datastructures import QueryParams
    from starlette.responses import HTMLResponse, PlainTextResponse, Response
    from starlette.routing import Match, Route

    class Keyed(Route):
        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            return super().matches(scope) if "key" in QueryParams(scope["query_string"]) else (Match.NONE, {})

    async def call(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES:
                return Response(status_code=413)
        source = request.client.host if request.client else ""
        headers = {key.lower(): value for key, value in request.headers.items()}
        try:
            answer = await receive(request.path_params["name"], Call(headers, body, source))
        except TidewaiterError as error:  # nothing was decided: the sender may try again
            return PlainTextResponse(str(error), error.fault.http_status)
        return Response(answer.body, answer.status, media_type="application/json" if answer.body else None)

    async def page(request: Request) -> Response:
        id_ = request.path_params["id"]
        missing = PlainTextResponse("there is nothing here, or not any more", 404)
        if not links.opens(id_, request.query_params.get("key", "")):
            return missing
        try:
            found = await find(id_)
        except NotFound:
            return missing
        except TidewaiterError as error:
            return PlainTextResponse(str(error), error.fault.http_status)
        headers = {"content-security-policy": _POLICY}
        return HTMLResponse(_page(presented(found)), headers=headers) if is_shown(found, now_s()) else missing

    return [Route("/channels/{name}", call, methods=["POST"]), Keyed("/requests/{id}", page)]


def _page(shown: Presentation) -> str:
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in shown.facts)
    return _PAGE.format(
        style=_STYLE,
        id=escape(shown.id),
        state=escape(shown.state),
        title=escape(shown.title),
        outcome=escape(shown.outcome),
        facts=facts,
        statement=escape(shown.statement),
        parameters=escape("\n".join(shown.parameters)),
    )

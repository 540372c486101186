"""Pages from templates: everything that is put into one is escaped for HTML."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "console.svg": "image/svg+xml",
}


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("tidewaiter.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["moment"] = lambda at: f"{at[:10]} {at[11:19]} UTC"
    return made


def page(template: str, status: int = 200, /, **shown: object) -> HTMLResponse:
    """The page made of `templates/TEMPLATE.html`. `viewer` is who is signed in, None for nobody."""
    return HTMLResponse(_environment().get_template(f"{template}.html").render(**{"viewer": None, **shown}), status)


def static(name: str) -> Response:
    """A style sheet or script of ours."""
    if name not in STATIC:
        return Response(status_code=404)
    return Response(_file(name), media_type=STATIC[name], headers={"cache-control": "max-age=300"})


@cache
def _file(name: str) -> bytes:
    return files("tidewaiter.console").joinpath("static", name).read_bytes()

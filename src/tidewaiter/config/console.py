"""Under which addresses browsers may use the console, and what they are shown in links. Pure.

An address is an origin (RFC 6454): scheme, host and port. Plain HTTP is one only on the machine itself: whoever signs
in from elsewhere sends a password, so that needs TLS here, or a proxy with TLS that `[console] url` names.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from tidewaiter.config.shape import Address, ConsoleConfig
from tidewaiter.config.values import LOOPBACK, is_loopback

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared
PORTS = {"http": 80, "https": 443}
NEAR = (LOOPBACK, "127.0.0.1", "::1")


def addresses(console: ConsoleConfig, port: int | None = None) -> tuple[str, ...]:
    """Origins at which people may sign in, the one for links first; none where nobody can.

    `port` is the one listened on where the configuration lets the system choose.
    """
    scheme = "https" if console.tls else "http"
    host = console.listen.host
    hosts: tuple[str, ...] = ()
    if is_loopback(console.listen):
        hosts = (host, *NEAR)
    elif console.tls and host not in EVERYWHERE:
        hosts = (host,)
    found = [_origin(scheme, one, port or console.listen.port) for one in hosts]
    return tuple(dict.fromkeys([*([normal(console.url)] if console.url else []), *found]))


def request_link(console: ConsoleConfig, request: str) -> str:
    """Where the console shows a request; empty where nobody can sign in, or the port is the system's to choose."""
    found = addresses(console)
    return f"{found[0]}/requests/{request}" if found and (console.url or console.listen.port) else ""


def is_origin(url: str) -> bool:
    """Whether an address that was checked has neither path, query nor user."""
    parts = urlsplit(url)
    return parts.path in ("", "/") and not parts.query and parts.username is None


def normal(url: str) -> str:
    """The origin of an address as browsers write it: lower case, without the scheme's own port."""
    parts = urlsplit(url)
    return _origin(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme])


def _origin(scheme: str, host: str, port: int) -> str:
    if port == PORTS[scheme]:
        return f"{scheme}://{f'[{host}]' if ':' in host else host}".lower()
    return f"{scheme}://{Address(host, port)}".lower()

"""How one configuration value is read: a `Field` per kind of value. Each raises ValueError with what is allowed."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidewaiter.config.secret import check_reference
from tidewaiter.config.shape import Address, split_relation

NAME = re.compile(r"[a-z][a-z0-9_-]*")
NAME_CHARACTERS = 63  # PostgreSQL's limit for names; a datasource's name travels as `dbname`
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*")
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
PROJECT = re.compile(r"[A-Z][A-Z0-9_]{0,49}")
LOOPBACK = "localhost"
REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One key: `parse` takes the TOML value, `from_text` makes one from an environment variable's text."""

    parse: Callable[[object], Any]
    default: object = REQUIRED
    from_text: Callable[[str], object] = str


def text(default: object = REQUIRED) -> Field:
    """A non-empty string without control characters."""
    return Field(_text, default)


def name(default: object = REQUIRED) -> Field:
    """A name that reads the same in SQL, URLs and file names."""
    return Field(_name, default)


def word(options: Sequence[str], default: object = REQUIRED) -> Field:
    """One of a few words."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in options:
            raise ValueError(f"must be one of {', '.join(options)}{_seen(value)}")
        return value

    return Field(parse, default)


def flag(default: bool) -> Field:
    """true or false."""

    def parse(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false{_seen(value)}")
        return value

    return Field(parse, default, lambda raw: {"true": True, "false": False}.get(raw, raw))


def whole(default: int, low: int, high: int) -> Field:
    """A whole number between two bounds, both included."""

    def parse(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}{_seen(value)}")
        return value

    return Field(parse, default, lambda raw: int(raw) if re.fullmatch(r"-?[0-9]{1,18}", raw) else raw)


def seconds(default: float, low: float, high: float) -> Field:
    """A duration in seconds, fractions allowed, both bounds included."""

    def parse(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a number of seconds from {low:g} to {high:g}{_seen(value)}")
        return float(value)

    return Field(parse, default, _number)


def number(default: float, low: float, high: float) -> Field:
    """A number without a unit, fractions allowed, both bounds included."""

    def parse(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g}{_seen(value)}")
        return float(value)

    return Field(parse, default, _number)


def listen(default: Address) -> Field:
    """host:port to listen on; port 0 lets the system choose one."""
    return Field(lambda value: parse_address(value, lowest_port=0), default)


def upstream() -> Field:
    """host:port of an upstream server; the port may be left out."""
    return Field(lambda value: parse_address(value, lowest_port=1, default_port=5432))


def secret(default: object = REQUIRED) -> Field:
    """A reference to a secret."""

    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a reference such as env:NAME, file:PATH or exec:COMMAND")
        check_reference(value)
        return value

    return Field(parse, default)


def strings() -> Field:
    """A table of text to text; empty when absent."""

    def parse(value: object) -> Mapping[str, str]:
        if not isinstance(value, dict):
            raise ValueError(f"must be a table of names to names{_seen(value)}")
        return MappingProxyType({_text(key): _text(item) for key, item in value.items()})

    return Field(parse, MappingProxyType({}))


def names() -> Field:
    """A list of names, each once; empty when absent."""

    def parse(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError(f"must be a list of names{_seen(value)}")
        return tuple(dict.fromkeys(_text(item) for item in value))

    return Field(parse, ())


def networks() -> Field:
    """A list of IP addresses and networks, each once; empty when absent."""

    def parse(value: object) -> tuple[str, ...]:
        form = 'must be a list of addresses and networks, as ["10.0.0.7", "10.1.0.0/16"]'
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{form}{_seen(value)}")
        try:
            return tuple(dict.fromkeys(str(ipaddress.ip_network(item)) for item in value))
        except ValueError as error:
            raise ValueError(f"{form}: {error}") from None

    return Field(parse, (), lambda raw: [item.strip() for item in raw.split(",")])


def functions() -> Field:
    """A list of `schema.function`, quoted as in SQL; empty when absent."""

    def parse(value: object) -> frozenset[tuple[str, str]]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"must be a list of functions{_seen(value)}")
        found = set()
        for item in value:
            try:
                found.add(split_relation(item))
            except ValueError:
                raise ValueError(f'must name schema and function, as in "public.touch", not "{item}"') from None
        return frozenset(found)

    return Field(parse, frozenset())


def url(default: object = REQUIRED, *, may_be_secret: bool = False) -> Field:
    """An https:// address; http:// only on this machine. Where it may hold a secret, a reference to one instead."""

    def parse(value: object) -> str:
        if may_be_secret and isinstance(value, str) and not value.startswith(("https://", "http://")):
            check_reference(value)
            return value
        return web_address(value)

    return Field(parse, default)


def repository() -> Field:
    """A repository as GitHub names one: owner/name."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not REPOSITORY.fullmatch(value):
            raise ValueError(f'must be a repository such as "acme/approvals"{_seen(value)}')
        return value

    return Field(parse)


def project() -> Field:
    """The key of a Jira project."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not PROJECT.fullmatch(value):
            raise ValueError(f'must be the key of a project, such as "OPS"{_seen(value)}')
        return value

    return Field(parse)


def web_address(value: object) -> str:
    """The address itself. Raises ValueError, which does not repeat it: it may hold a secret."""
    form = 'must be an address such as "https://example.com/path"; http:// only to this machine'
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(form)
    parts = urlsplit(value)
    try:
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(form) from None
    is_near = bool(host) and is_loopback(Address(host, 0))
    if not host or parts.fragment or not (parts.scheme == "https" or (parts.scheme == "http" and is_near)):
        raise ValueError(form)
    return value


def timezone(default: str) -> Field:
    """A name of the IANA time zone database."""

    def parse(value: object) -> str:
        try:
            return ZoneInfo(_text(value)).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f'must be a time zone such as "UTC" or "Europe/Berlin"{_seen(value)}') from None

    return Field(parse, default)


def origin(default: object) -> Field:
    """A log's name as signed notes allow it (C2SP signed-note: no spaces, no plus)."""

    def parse(value: object) -> str:
        written = _text(value)
        if "+" in written or any(character.isspace() for character in written):
            raise ValueError(f"must have neither spaces nor +{_seen(value)}")
        return written

    return Field(parse, default)


def store_url(default: str) -> Field:
    """A SQLAlchemy URL for SQLite or PostgreSQL. What was written is not repeated: it may hold a password."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not value.startswith(("sqlite:///", "postgresql://")):
            raise ValueError('must begin with "sqlite:///" or "postgresql://"')
        return value

    return Field(parse, default)


def parse_address(value: object, *, lowest_port: int, default_port: int | None = None) -> Address:
    """Read `host:port`, IPv6 in brackets. Raises ValueError."""
    form = 'must be "host:port", as "127.0.0.1:5432" or "[::1]:5432"'
    if not isinstance(value, str):
        raise ValueError(f"{form}{_seen(value)}")
    host, port = _split_address(value)
    if not port and default_port is not None:
        port = str(default_port)
    if not _is_host(host) or not re.fullmatch(r"[0-9]{1,5}", port):
        raise ValueError(f"{form}{_seen(value)}")
    if not lowest_port <= int(port) <= 65535:
        raise ValueError(f"port must be from {lowest_port} to 65535{_seen(value)}")
    return Address(host, int(port))


def is_loopback(address: Address) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        return address.host == LOOPBACK


def _split_address(value: str) -> tuple[str, str]:
    if value.startswith("["):
        host, _, rest = value[1:].partition("]")
        return (host, rest[1:]) if rest.startswith(":") or not rest else ("", "")
    host, _, port = value.partition(":")
    return host, port


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return ipaddress.ip_address(host).version == 6
        except ValueError:
            return False
    return HOST.fullmatch(host) is not None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"must be text{_seen(value)}")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value) or len(value) > NAME_CHARACTERS:
        raise ValueError(f"must match [a-z][a-z0-9_-]*, at most {NAME_CHARACTERS} characters{_seen(value)}")
    return value


def _number(raw: str) -> object:
    try:
        number = float(raw)
    except ValueError:
        return raw
    return number if math.isfinite(number) else raw


def _seen(value: object) -> str:
    """`, not …` with what was written, shortened."""
    shown = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return f", not {shown if len(shown) <= 60 else shown[:57] + '...'}"

"""The `context` of a question: which parts of it policies look at, and its value for Cedar."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson

from tidewaiter.model import Context, Facts

TIMES = frozenset({"at", "date", "weekday", "hour", "minute"})
SESSION = TIMES | {"client_address", "application", "in_transaction"}
"""Attributes that come from the session rather than from the statement or the principal."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
Key = tuple[object, ...]


class Surroundings:
    """Reads contexts: only what policies mention, so that answers hold wherever that is the same."""

    __slots__ = ("_facts", "_getters", "_zone", "mentioned")

    def __init__(self, mentioned: frozenset[str], zone: ZoneInfo) -> None:
        self.mentioned = mentioned
        self._zone = zone
        self._getters = _getters(mentioned)
        self._facts = bool(mentioned & {"verbs", "statements", "unknown"})

    def key(self, context: Context) -> Key:
        """What policies can see of a session's context; equal keys mean equal answers."""
        return tuple([get(context) for get in self._getters]) if self._getters else ()

    def facts_key(self, facts: Facts | None) -> Key:
        """What policies can see of the statement besides its questions."""
        return (facts.verbs, facts.parts, facts.unknown) if self._facts and facts is not None else ()

    def value(self, context: Context, facts: Facts | None, agent: str | None) -> str:
        """The Cedar context as JSON: mentioned attributes only. Raises ValueError for a wrong time or address."""
        used = self.mentioned
        if not used:
            return "{}"
        told: dict[str, object] = {
            "application": context.application,
            "in_transaction": context.in_transaction,
            "verbs": facts.verbs if facts is not None else (),
            "statements": facts.parts if facts is not None else 0,
            "unknown": facts.unknown if facts is not None else (),
        }
        if used & TIMES:
            told.update(self._time(context.at_ns))
        if context.client_address and "client_address" in used:
            told["client_address"] = {"__extn": {"fn": "ip", "arg": _ip(context.client_address)}}
        if agent is not None:
            told["agent"] = agent
        return orjson.dumps({name: value for name, value in told.items() if name in used}).decode()

    def _time(self, at_ns: int) -> dict[str, object]:
        if at_ns < SECOND_NS:
            raise ValueError("a policy looks at the time, and the time is not known")
        utc = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
        local = utc.astimezone(self._zone)
        return {
            "at": {"__extn": {"fn": "datetime", "arg": utc.strftime("%Y-%m-%dT%H:%M:%SZ")}},
            "date": local.strftime("%Y-%m-%d"),
            "weekday": WEEKDAYS[local.weekday()],
            "hour": local.hour,
            "minute": local.minute,
        }


def _getters(mentioned: frozenset[str]) -> tuple[Callable[[Context], object], ...]:
    getters: list[Callable[[Context], object]] = []
    if "at" in mentioned:
        getters.append(lambda context: context.at_ns // SECOND_NS)
    elif mentioned & TIMES:
        getters.append(lambda context: context.at_ns // MINUTE_NS)
    if "client_address" in mentioned:
        getters.append(lambda context: context.client_address)
    if "application" in mentioned:
        getters.append(lambda context: context.application)
    if "in_transaction" in mentioned:
        getters.append(lambda context: context.in_transaction)
    return tuple(getters)


def _ip(address: str) -> str:
    """The address without zone; an IPv4 address in IPv6 clothes is IPv4, so that ranges mean what they say."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(parsed)

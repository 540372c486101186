"""The `context` of a question: which parts of it policies look at, and its value for Cedar."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import orjson

from tidewaiter.model import Context, Facts, Indirect, Lock
from tidewaiter.policy.names import quote_ident

TIMES = frozenset({"at", "date", "weekday", "hour", "minute"})
SESSION = TIMES | {"client_address", "application", "in_transaction", "evidence", "estimated_rows"}
"""Attributes that come from the session or its database rather than from the statement or the principal."""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
LOCK_MODES = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip
"""Table-level lock modes as pg_locks names them, weakest first (PostgreSQL documentation, 13.3.1)."""
Key = tuple[object, ...]


class Actor(NamedTuple):
    """Who acts, in every question about one statement: those about an agent's owner too.

    `kind` and `owner` (a name) are those of the principal that logged in. `agent` is set in the questions that are
    asked about somebody else: the name of who acts for them.
    """

    kind: str
    owner: str | None = None
    agent: str | None = None


class Surroundings:
    """Reads contexts: only what policies mention, so that answers hold wherever that is the same."""

    __slots__ = ("_facts", "_getters", "_zone", "mentioned")

    def __init__(self, mentioned: frozenset[str], zone: ZoneInfo) -> None:
        self.mentioned = mentioned
        self._zone = zone
        self._getters = _getters(mentioned)
        self._facts = tuple(read for name, read in OF_FACTS.items() if name in mentioned)

    def key(self, context: Context) -> Key:
        """What policies can see of a session's context; equal keys mean equal answers."""
        return tuple([get(context) for get in self._getters]) if self._getters else ()

    def facts_key(self, facts: Facts | None) -> Key:
        """What policies can see of the statement besides its questions."""
        return tuple([read(facts) for read in self._facts]) if self._facts and facts is not None else ()

    def value(self, context: Context, facts: Facts | None, actor: Actor) -> str:
        """The Cedar context as JSON: mentioned attributes only. Raises ValueError for a wrong time or address."""
        used = self.mentioned
        if not used:
            return "{}"
        stated = facts if facts is not None else NO_STATEMENT
        told: dict[str, object] = {name: read(stated) for name, read in OF_FACTS.items() if name in used}
        told["application"] = context.application
        told["in_transaction"] = context.in_transaction
        told["evidence"] = context.evidence
        told["principal_kind"] = actor.kind
        if used & TIMES:
            told.update(self._time(context.at_ns))
        if context.client_address and "client_address" in used:
            told["client_address"] = {"__extn": {"fn": "ip", "arg": _ip(context.client_address)}}
        optional = {"owner": actor.owner, "agent": actor.agent, "estimated_rows": context.estimated_rows}
        told.update((name, value) for name, value in optional.items() if value is not None)
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


def told_indirect(indirect: tuple[Indirect, ...]) -> tuple[str, ...]:
    """Indirect writes as policies see them: `trigger public.orders.audit`, `cascade delete public.orders`.

    Each kind stands alone as well (`trigger`), for policies that ask whether there is any.
    """
    told: dict[str, None] = {}
    for one in indirect:
        told[one.kind] = None
        if one.kind == "trigger":
            told[f"trigger {_dotted((*one.cause, one.name))}"] = None
        else:
            told[f"{one.kind} {one.action} {_dotted(one.path)}"] = None
    return tuple(told)


def told_locks(locks: tuple[Lock, ...]) -> tuple[str, ...]:
    """Locks as policies see them, the strongest of each relation: `AccessExclusiveLock public.t`.

    Each mode stands alone as well.
    """
    strongest: dict[tuple[str, str], str] = {}
    for lock in locks:
        before = strongest.get(lock.path)
        if before is None or _strength(lock.mode) > _strength(before):
            strongest[lock.path] = lock.mode
    named = [f"{mode} {_dotted(path)}" for path, mode in strongest.items()]
    return tuple(dict.fromkeys((*strongest.values(), *named)))


NO_STATEMENT = Facts(parts=0)
"""What connecting, approving and the like are asked with."""

OF_FACTS: Mapping[str, Callable[[Facts], object]] = {
    "verbs": lambda facts: facts.verbs,
    "statements": lambda facts: facts.parts,
    "unknown": lambda facts: facts.unknown,
    "has_where": lambda facts: facts.has_where,
    "indirect_writes": lambda facts: told_indirect(facts.indirect),
    "locks": lambda facts: told_locks(facts.locks),
}
"""Attributes that come from the statement's text."""


def _strength(mode: str) -> int:
    return LOCK_MODES.index(mode)


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(map(quote_ident, path))


def _getters(mentioned: frozenset[str]) -> tuple[Callable[[Context], object], ...]:
    getters: list[Callable[[Context], object]] = []
    if "at" in mentioned:
        getters.append(lambda context: context.at_ns // SECOND_NS)
    elif mentioned & TIMES:
        getters.append(lambda context: context.at_ns // MINUTE_NS)
    getters += [get for name, get in OF_SESSION.items() if name in mentioned]
    return tuple(getters)


OF_SESSION: Mapping[str, Callable[[Context], object]] = {
    "client_address": lambda context: context.client_address,
    "application": lambda context: context.application,
    "in_transaction": lambda context: context.in_transaction,
    "evidence": lambda context: context.evidence,
    "estimated_rows": lambda context: context.estimated_rows,
}
"""Attributes that come from the session, but for the time."""


def _ip(address: str) -> str:
    """The address without zone; an IPv4 address in IPv6 clothes is IPv4, so that ranges mean what they say."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(parsed)

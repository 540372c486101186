"""How many rows a statement is expected to go through, by the planner of its database. Nothing of it runs.

One connection per datasource with the gateway's own credential; the session's is not touched, so that a failure there
fails no transaction. Whatever goes wrong is no estimate: what that means is for policies to say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from tidewaiter.errors import ProtocolViolation, UpstreamError
from tidewaiter.model import Facts, ResourceType
from tidewaiter.proxy.link import PeerGone
from tidewaiter.proxy.upstream import Backend
from tidewaiter.sql.catalog import Catalog
from tidewaiter.wire import postgres
from tidewaiter.wire.postgres_frontend import parse_bind_values

ESTIMATE_S = 1.0
"""A statement waits no longer than this for an estimate, others' turns included. Most take about a millisecond."""

WAITING = 64  # statements of one datasource that wait for their turn; more go without an estimate

ROWS = frozenset({"select", "insert", "update", "update_all", "delete", "delete_all", "merge", "merge_all"})
"""Actions whose rows the planner estimates."""

_SETTINGS = {
    "application_name": "tidewaiter estimates",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",  # as in every session whose statements are understood
    "options": "-c default_transaction_read_only=on",
}
_STEPS = 3  # begin with settings, explain, rollback: each ends with ReadyForQuery


@dataclass(frozen=True, slots=True)
class Question:
    """One statement as a session would run it. `text` is UTF-8, `binds` Bind's parameter section, empty for none."""

    text: bytes
    oids: tuple[int, ...]
    binds: bytes
    search_path: tuple[str, ...]
    role: str | None


@dataclass(frozen=True, slots=True)
class Estimated:
    """The answer to a question; None for no estimate."""

    question: Question
    rows: int | None


class Estimator(Protocol):
    """Who estimates."""

    async def rows(self, question: Question) -> int | None:
        """The estimate, None where there is none. Never raises for what a database says or does not say."""


class Connector(Protocol):
    """Opens connections to one database."""

    async def connect(self, parameters: Mapping[str, str]) -> Backend: ...


class Estimates:
    """Estimates of one datasource, one at a time, over a connection that opens with the first question."""

    def __init__(self, upstream: Connector) -> None:
        self._upstream = upstream
        self._backend: Backend | None = None
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def rows(self, question: Question) -> int | None:
        """The estimate, None where there is none: refused, failed, too late, or too many wait already."""
        if self._waiting >= WAITING:
            return None
        self._waiting += 1
        try:
            async with asyncio.timeout(ESTIMATE_S), self._lock:
                return await self._ask(question)
        except (TimeoutError, UpstreamError, ProtocolViolation, PeerGone):
            return None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the connection."""
        if self._backend is not None:
            self._backend.link.abort()
            self._backend = None

    async def _ask(self, question: Question) -> int | None:
        message = messages(question)
        try:
            if self._backend is None or self._backend.link.is_lost:
                self._backend = await self._upstream.connect(_SETTINGS)
            link, row, failed, left = self._backend.link, b"", False, _STEPS
            link.write(message)
            while left:
                kind, body = await link.read_message()
                failed = failed or kind == postgres.ERROR_RESPONSE
                left -= kind == postgres.READY_FOR_QUERY
                if kind == postgres.DATA_ROW:
                    row += postgres.parse_data_row(body)[0] or b""
        except BaseException:  # nobody knows what the connection will say next
            self.close()
            raise
        return None if failed else most_rows(row)


def is_estimable(facts: Facts, catalog: Catalog) -> bool:
    """Whether planning a text runs nothing but the server's own code, and its rows are something to estimate.

    Planning calls functions whose arguments are known, in the text and in what its tables store: defaults, checks,
    policies, index expressions, also of partitions. So nothing is asked about a text that calls others than those that
    ask nothing of policy, nor about one of whose tables stores a call of them. Triggers and cascades are not planned.
    Temporary tables are another session's.
    """
    if facts.parts != 1 or facts.unknown or facts.fault is not None or facts.session_bound:
        return False
    if not (ROWS | {"create"}).issuperset(facts.verbs) or ROWS.isdisjoint(facts.verbs):
        return False
    if any(touch.resource.type is ResourceType.FUNCTION or touch.traits for touch in facts.touches):
        return False
    if any(one.action == "function" and one.kind != "trigger" for one in facts.indirect):
        return False
    tables = [touch for touch in facts.touches if touch.resource.type is ResourceType.TABLE]
    if not any(touch.action in ROWS for touch in tables):
        return False
    return not any(
        touch.resource.path[0].startswith("pg_temp") or _stores_calls(touch.resource.path, catalog) for touch in tables
    )


def _stores_calls(path: tuple[str, ...], catalog: Catalog) -> bool:
    """Whether a table, or one below it, has expressions of its own that call functions of others than the server."""
    below = [path]
    for one in below:  # inheritance has no cycles
        schema, name = one
        if (schema, name) in catalog.table_calls:
            return True
        below.extend(catalog.partitions.get((schema, name), ()))
    return False


def messages(question: Question) -> bytes:
    """What the server is sent. Raises ProtocolViolation where the parameters cannot be read."""
    parameters = parse_bind_values(question.binds) if question.binds else ()
    settings = [
        "begin isolation level read committed read only",
        *role_and_path(question),
        f"set local statement_timeout to {int(ESTIMATE_S * 900)}",  # so that a late one does not keep the next waiting
        f"set local lock_timeout to {int(ESTIMATE_S * 500)}",
    ]
    return b"".join((
        postgres.query("; ".join(settings).encode()),
        postgres.parse(b"", b"explain (format json) " + question.text, question.oids),
        postgres.bind(b"", b"", [kind for kind, _ in parameters], [value for _, value in parameters], ()),
        postgres.execute(b""),
        postgres.sync(),
        postgres.query(b"rollback"),
    ))  # fmt: skip


def role_and_path(question: Question) -> list[str]:
    """What makes names in the present transaction mean what they mean to the session."""
    path = ", ".join(_quoted(schema) for schema in question.search_path if not schema.startswith("pg_temp"))
    role = [f"set local role {_quoted(question.role)}"] if question.role is not None else []
    return [*role, f"set local search_path to {path or chr(39) * 2}"]


def most_rows(told: bytes) -> int | None:
    """The largest "Plan Rows" of EXPLAIN's JSON, whatever the node: ModifyTable itself always shows 0, Limit hides what
    is scanned under it. None where there is no plan."""
    try:
        plans: list[Any] = [each["Plan"] for each in orjson.loads(told)]
        most: int | None = None
        while plans:
            plan = plans.pop()
            plans += plan.get("Plans", ())
            most = max(most or 0, int(plan["Plan Rows"]))
    except (ValueError, TypeError, KeyError):
        return None
    return most


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

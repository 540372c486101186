"""What a session writes into the ledger: one intent and one outcome per execution, or both in one entry."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, Protocol

import orjson

from tidewaiter.ledger.entry import Part, encode_body, joined, members
from tidewaiter.model import Principal, Receipt
from tidewaiter.proxy.holding import NotGranted
from tidewaiter.proxy.limits import RowLimit
from tidewaiter.proxy.pipeline import Judged
from tidewaiter.wire.postgres_backend import TAG_BYTES, TAGS

_RESULTS: Final[dict[str, str]] = {}  # JSON of the results of one statement, by its tag


class Ledger(Protocol):
    """What a trail needs of the ledger's recorder."""

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt: ...

    async def record_big(self, kind: str, members: bytes, body: bytes) -> Receipt: ...


class Recorder(Protocol):
    """What a session needs of the ledger besides its trail."""

    @property
    def repairs(self) -> int: ...

    @property
    def batch(self) -> object: ...

    @property
    def available(self) -> bool: ...

    @property
    def is_written(self) -> bool: ...

    def flush(self) -> None: ...

    def written(self, then: Callable[[bool], None]) -> None: ...

    def durable(self, receipt: Receipt) -> Future[None]: ...


class Place:
    """Where an execution waits while the server has suspended it: a portal. `is_done`: nothing of it is left to run."""

    __slots__ = ("execution", "is_done")

    def __init__(self, execution: Execution | None = None) -> None:
        self.execution = execution
        self.is_done = False


class Execution:
    """One statement on its way: from the moment it was judged to its end.

    `intent` is the entry number of its intent, None while there is none. `began_us` is on the session's monotonic
    clock. `bytes` counts the answer's messages, `limit` is the row limit of the last Execute. `results` has (command
    tag, rows) of each completed statement of the text. `exceeded` is the policy's row limit that it ran into, `changed`
    the rows that it would have changed, if that is what was counted. `since` is the epoch of the definitions that it
    was judged by, in sessions that mask. A plain class: one is made per statement, and the
    methods of dataclasses are not compiled.
    """

    __slots__ = (
        "began_us", "binds", "binds_digest", "bytes", "changed", "estimated", "exceeded", "intent", "judged", "limit",
        "not_granted", "oids", "plan", "portal", "request", "results", "rows", "since", "sqlstate", "text",
    )  # fmt: skip

    def __init__(
        self,
        judged: Judged,
        text: bytes,
        began_us: int,
        binds: bytes | None = b"",
        oids: tuple[int, ...] = (),
        binds_digest: str = "",
        portal: Place | None = None,
    ) -> None:
        self.judged = judged
        self.plan = judged.plan  # stays when the verdict is looked at again
        self.text = text
        self.began_us = began_us
        self.binds = binds
        self.oids = oids
        self.binds_digest = binds_digest
        self.portal = portal
        self.intent: Receipt | None = None
        self.limit = 0
        self.since = 0
        self.rows = 0
        self.bytes = 0
        self.results: list[tuple[str, int]] = []
        self.sqlstate = ""
        self.request = ""  # the approval that it runs under, or waits for
        self.not_granted: NotGranted | None = None  # why it does not run under one
        self.estimated: int | None = None
        self.exceeded: RowLimit | None = None
        self.changed: int | None = None

    @property
    def sent(self) -> bytes:
        """The text that the server gets."""
        return self.text if self.plan is None else self.plan.text

    @property
    def status(self) -> str:
        """How it ended, in the ledger's word."""
        if not self.sqlstate:
            return "ok"
        if self.exceeded is not None:
            return "limited"
        return "cancelled" if self.sqlstate == "57014" else "error"


class Trail:
    """Writes a session's entries. `binds` is the configured word: full, redacted, digest or none. `who` are the members
    that every entry has."""

    def __init__(self, ledger: Ledger, binds: str, who: Mapping[str, object]) -> None:
        self._ledger = ledger
        self._record = ledger.record
        self.binds = binds
        self.who = members(who)
        self.statements = 0
        self.rows = 0

    def intent(self, run: Execution) -> Receipt:
        """Record that a statement is about to run, or is refused. Raises LedgerUnavailable."""
        receipt = self._record("intent", joined([self.who, b",", *self._asked(run)]), self._body(run))
        run.intent = receipt
        self.statements += 1
        return receipt

    async def intent_of_long(self, run: Execution) -> None:
        """`intent` for a statement of any length, without keeping the loop busy. Raises LedgerUnavailable."""
        asked = joined([self.who, b",", *self._asked(run)])
        run.intent = await self._ledger.record_big("intent", asked, self._body(run))
        self.statements += 1

    def outcome(self, run: Execution, status: str, at_us: int) -> None:
        """Record how a statement ended; in one entry with its intent if there is none yet. Raises LedgerUnavailable."""
        ended = self._ended(run, status, at_us)
        if run.intent is not None:
            self._record("outcome", joined([self.who, ',"intent":', run.intent, *ended]))
        else:
            self._record("execution", joined([self.who, b",", *self._asked(run), *ended]), self._body(run))
            self.statements += 1
        self.rows += run.rows

    def ran(self, told: bytes, body: bytes, rows: int) -> Receipt:
        """Record an execution whose members and body are made. Raises LedgerUnavailable."""
        receipt = self._record("execution", told, body)
        self.statements += 1
        self.rows += rows
        return receipt

    def counted(self, statements: int, rows: int) -> None:
        """Count executions that a lane recorded by itself."""
        self.statements += statements
        self.rows += rows

    def event(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        """Record something about the session itself."""
        told = members(fields)
        return self._record(kind, b"%b,%b" % (self.who, told) if told else self.who)

    def _asked(self, run: Execution) -> list[Part]:
        told: list[Part] = [run.judged.members]
        if run.request:
            told.append(f',"request":"{run.request}"')
        if run.estimated is not None:
            told.append(f',"estimated_rows":{run.estimated}')
        if run.binds is None or run.binds_digest:
            told.append(f',"binds_digest":"{run.binds_digest}"')
        elif run.binds:
            told.append(',"binds":')
            told.append(_count(run.binds))
            if self.binds == "digest":
                told.append(f',"binds_digest":"{sha256(run.binds).hexdigest()}"')
        return told

    def _body(self, run: Execution) -> bytes:
        binds = run.binds if self.binds == "full" and run.binds else b""
        return encode_body(run.text, binds, run.oids)

    def _ended(self, run: Execution, status: str, at_us: int) -> list[Part]:
        told: list[Part] = [
            ',"status":"', status, '","results":', _results(run.results), ',"rows":', run.rows, ',"bytes":', run.bytes,
            ',"duration_us":', at_us - run.began_us,
        ]  # fmt: skip
        if run.sqlstate:
            told += (b',"sqlstate":', orjson.dumps(run.sqlstate))
        if run.judged.limit is not None:
            told.append(_limit(run, run.judged.limit))
        return told


def _limit(run: Execution, limit: RowLimit) -> bytes:
    """The row limit that a statement ran into, or would have run into where nothing is enforced."""
    told: dict[str, object] = {}
    if run.exceeded is not None:
        told = {"limit": {"rows": run.exceeded.rows, "rule": run.exceeded.rule}}
        if run.changed is not None:
            told["changed"] = run.changed
    elif not limit.is_enforced and max((rows for _, rows in run.results), default=run.rows) > limit.rows:
        told = {"would_be": "limited", "limit": {"rows": limit.rows, "rule": limit.rule}}
    return b"," + members(told) if told else b""


def _results(results: list[tuple[str, int]]) -> str:
    """JSON of an execution's results. Most are one of a few: "SELECT 1", "INSERT 0 1"."""
    if len(results) != 1:
        return orjson.dumps(results).decode()
    tag = results[0][0]  # of which the rows follow
    told = _RESULTS.get(tag)
    if told is None:
        told = orjson.dumps(results).decode()
        if len(_RESULTS) >= TAGS:
            _RESULTS.clear()
        if len(tag) <= TAG_BYTES:
            _RESULTS[tag] = told
    return told


def _count(binds: bytes) -> int:
    """Number of parameter values in a Bind message's parameter section; 0 where it is cut short."""
    size = len(binds)
    at = 2 + 2 * ((binds[0] << 8) | binds[1]) if size > 1 else size
    return (binds[at] << 8) | binds[at + 1] if at + 1 < size else 0


def who(session: str, principal: Principal, datasource: str) -> dict[str, object]:
    """The members that every entry of a session carries."""
    told: dict[str, object] = {"session": session, "principal": principal.name}
    if principal.on_behalf_of is not None:
        told["on_behalf_of"] = principal.on_behalf_of
    told["datasource"] = datasource
    return told

"""What the session of a transcript stands on: links with transports of our own, a ledger of values, a fixed catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from tidewaiter.approvals.desk import Request, State, Vote
from tidewaiter.config import Classification, Mask
from tidewaiter.errors import LedgerUnavailable
from tidewaiter.ledger.entry import Body
from tidewaiter.model import Kind, Principal, Receipt
from tidewaiter.policy import Policies
from tidewaiter.proxy.estimates import Question
from tidewaiter.proxy.history import History
from tidewaiter.proxy.holding import Document, Held, Radius
from tidewaiter.proxy.link import Link
from tidewaiter.proxy.masks import Masking
from tidewaiter.proxy.pipeline import Understand
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.catalog_mirror import Mirror
from tidewaiter.sql.facts import understand

RULES = """
@id("all") permit (principal, action, resource);
@id("understood") @message("only what is understood") forbid (principal, action == Action::"unknown", resource);
@id("no-drops") @message("nothing is dropped here") forbid (principal, action == Action::"drop", resource);
@id("customers-stay") forbid (principal, action in Action::"delete", resource == Table::"shop.public.customers");
@id("dba-waits") @hold("dba") @message("a DBA looks first") forbid (principal, action == Action::"truncate", resource);
"""
ADA = Principal("ada", Kind.USER)
PATH = ("pg_catalog", "public")
CLOSING = frozenset({"outcome", "execution", "session.end", "gap"})


@cache
def shop() -> Catalog:
    """The catalog of tests/corpus/schema.sql."""
    return Catalog.from_rows(orjson.loads((Path(__file__).parents[1] / "corpus" / "catalog.json").read_bytes()))


@cache
def policies(text: str = RULES, tagged: Collection[tuple[str, str]] = ()) -> Policies:
    columns = {".".join(table): {"secret": ("secret",)} for table in tagged}
    classification = Classification({"secret": Mask("redact")}, {"shop": columns})
    return Policies.parse({"test.cedar": text}, ["shop"], classification=classification)


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and whether the link wants to read."""

    def __init__(self, on_write: Callable[[bytes], None]) -> None:
        super().__init__()
        self.link = Link()
        self.got = b""
        self.is_open = True
        self.reads = True
        self._on_write = on_write
        self.link.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.is_open, "something is written to a closed link"
        self._on_write(bytes(data))
        self.got += data

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            asyncio.get_running_loop().call_soon(self.lose)

    def lose(self) -> None:
        self.is_open = False
        if not self.link.is_lost:
            self.link.connection_lost(None)

    def pause_reading(self) -> None:
        assert self.reads
        self.reads = False

    def resume_reading(self) -> None:
        assert not self.reads
        self.reads = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert protocol is self.link


class Paper:
    """A ledger of values that tells when something leaves unrecorded. `raw` is every entry as it was written."""

    def __init__(self, *, slow_disk: bool) -> None:
        self.raw: list[dict[str, Any]] = []
        self.unasserted: list[dict[str, Any]] = []
        self.flushed = 0
        self.state = "open"
        self.batch = None
        self._repairs = 0
        self._under_way: dict[int, dict[str, Any]] = {}
        self._slow = slow_disk
        self._durable = 0
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def available(self) -> bool:
        return self.state in ("open", "doomed", "defective", "ailing")

    @property
    def repairs(self) -> int:
        self._repairs += self.state == "ailing"
        return self._repairs

    def record(self, kind: str, members: bytes, body: bytes | None = None) -> Receipt:
        if self.state == "defective":
            raise ZeroDivisionError("a defect")
        if self.state == "broken" or (self.state == "full" and kind not in CLOSING):
            raise LedgerUnavailable("the ledger cannot be written")
        entry: dict[str, Any] = {"kind": kind, "seq": len(self.raw), **orjson.loads(b"{%b}" % members)}
        if body is not None:
            found = Body.decode(body)
            entry |= {"sql": found.sql, "binds_text": found.binds, "types": found.types}
        self.raw.append(entry)
        self._tell(entry)
        return Receipt(entry["seq"])

    async def record_big(self, kind: str, members: bytes, body: bytes) -> Receipt:
        await asyncio.sleep(0)  # as long as it takes elsewhere
        return self.record(kind, members, body)

    def _tell(self, entry: dict[str, Any]) -> None:
        if entry["kind"] == "intent" and entry["verdict"] == "allow":
            self._under_way[entry["seq"]] = entry
        elif entry["kind"] == "outcome":
            self.unasserted.append({**self._under_way.pop(entry["intent"]), **entry, "kind": "execution"})
        else:
            self.unasserted.append(entry)

    @property
    def is_written(self) -> bool:
        return self.flushed == len(self.raw) and self.state != "broken"

    def flush(self) -> None:
        if self.state == "broken":
            raise LedgerUnavailable("the ledger cannot be written")
        self.flushed = len(self.raw)

    def written(self, then: Callable[[bool], None]) -> None:
        def end_turn() -> None:
            if self.state != "broken":
                self.flush()
            then(self.state != "broken")

        asyncio.get_running_loop().call_soon(end_turn)

    def durable(self, receipt: Receipt) -> asyncio.Future[None]:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.state in ("broken", "doomed"):
            raise LedgerUnavailable("the ledger cannot be written")
        if self._slow and receipt >= self._durable:
            self._waiters.append((receipt, waiter))
        else:
            self.flushed = max(self.flushed, receipt + 1)
            waiter.set_result(None)
        return waiter

    @property
    def kept(self) -> list[dict[str, Any]]:
        """What survives the loss of power."""
        return self.raw[: self._durable if self._slow else self.flushed]

    def sync(self) -> None:
        self._durable = self.flushed = len(self.raw)
        self._end_waits(None)

    def become(self, state: str) -> None:
        self.state = state
        if state == "broken":
            self._end_waits(LedgerUnavailable("the ledger cannot be written"))

    def become_defective(self, defect: Exception) -> None:
        """Whoever waits for the disk meets a defect."""
        self._end_waits(defect)

    def _end_waits(self, error: Exception | None) -> None:
        waiters, self._waiters = self._waiters, []
        for _, waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error) if error else waiter.set_result(None)

    @property
    def open_intents(self) -> list[dict[str, Any]]:
        return list(self._under_way.values())


class Shelf:
    """Where the catalog comes from: always the same, read again at once. `reading` is set when a reading ends."""

    def __init__(self, catalog: Catalog) -> None:
        self.current = catalog
        self.completed = 0
        self.history = History()
        self.is_behind = False
        self.is_fresh = True
        self.reading: asyncio.Event | None = None

    @property
    def is_reading(self) -> bool:
        return self.reading is not None

    async def at_rest(self) -> None:
        assert self.reading is not None
        await self.reading.wait()

    def read(self) -> None:
        """The reading that was under way has ended."""
        assert self.reading is not None
        self.reading.set()
        self.reading = None

    def look(self) -> asyncio.Future[None]:
        looked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        looked.set_result(None)
        return looked

    @property
    def settled(self) -> Catalog | None:
        return None if self.is_behind else self.current

    def refresh_soon(self) -> int:
        self.is_behind = True
        return self.completed + 1

    async def refresh(self) -> Catalog:
        self.completed += 1
        self.is_behind = False
        return self.current

    async def catch_up(self) -> Catalog:
        return await self.refresh()

    async def catch_up_within(self, limit_s: float) -> None:
        await self.refresh()

    mirror: Mirror | None = None


@dataclass
class Planner:
    """Estimates by text and parameters, none for others. `asked` are the questions, in order."""

    knows: Mapping[tuple[bytes, bytes], int]
    asked: list[Question] = field(default_factory=list)

    async def rows(self, question: Question) -> int | None:
        self.asked.append(question)
        await asyncio.sleep(0)
        return self.knows.get((question.text, question.binds))


@dataclass
class Stage:
    """What a session stands on. `path` None: the server must be asked for it."""

    rules: str | Policies = RULES
    observe: bool = False
    strict: bool = False
    binds: str = "full"
    statement_bytes: int = 1 << 20
    slow_disk: bool = False
    path: tuple[str, ...] | None = PATH
    understand: Understand = understand
    tagged: frozenset[tuple[str, str]] = frozenset()
    catalog: Catalog = field(default_factory=shop)
    principal: Principal = ADA
    masking: Masking | None = None
    planner: Planner | None = None


class NoToday:
    """Requests that dora denies as soon as somebody waits for them."""

    async def ask(self, draft: Request, radius: Radius) -> Request:
        return replace(draft, id="AR-1")

    async def radius(self, held: Held, *, is_brief: bool = False) -> Document:
        raise AssertionError("nobody asks what it would do")

    def may_break_glass(self) -> bool:
        raise AssertionError("nobody breaks the glass here")

    def most_rows(self, request: Request) -> int | None:
        raise AssertionError("nothing is approved here")

    async def break_glass(self, draft: Request, reason: str, session: str) -> Request:
        raise AssertionError("nobody breaks the glass here")

    async def decided(self, id_: str, timeout_s: float) -> Request:
        vote = Vote("dora", False, ("dba",), 0.0, "test")
        return Request(
            id_, "ada", None, "shop", "dba-waits", "", "", (), "", (), "s", 0.0, 0.0, State.DENIED, (vote,),
            reason="not today",
        )  # fmt: skip

    async def consume(self, id_: str, binding: str, session: str, now: Document, radius: Radius) -> Request:
        raise AssertionError("nothing is approved here")

    async def withdraw(self, id_: str, reason: str, session: str) -> Request:
        raise AssertionError("nobody goes away here")

    async def fail(self, id_: str, reason: str, session: str) -> Request:
        raise AssertionError("nothing runs under an approval here")

"""Transcripts of one session: what each side sends and gets, and what the ledger holds, in order.

    (
        Play()
        >> client(query(b"drop table orders"))
        << ledger(Entry("intent", verdict="deny"))
        << client(Says("42501"), ready_for_query("I"))
    ).holds()

`>>` is what happens to the session, `<<` is all that came of it: whatever is not asserted before the next `>>`, or
before the end, fails the play. `holds` runs it whole, byte by byte, and with the beginning of the side's next message
behind each one. Both links are real with transports of our own; the ledger keeps values and a disk that waits for
`disk()` when told to. An allowed statement counts as one `execution` whether it was written as one entry or as intent
and outcome, because that depends on the chunks; `Entry("intent")` is for those that are refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from playstage import NoToday, Paper, Shelf, Stage, Wire, policies

from tidewaiter.model import Context
from tidewaiter.policy import Policies
from tidewaiter.proxy.footing import Footing, Judges
from tidewaiter.proxy.holding import Holding
from tidewaiter.proxy.names import Names
from tidewaiter.proxy.probe import MEANINGS, Probe, held_questions
from tidewaiter.proxy.refusal import FAILING_TEXT
from tidewaiter.proxy.session import Session
from tidewaiter.proxy.standing import Standing
from tidewaiter.proxy.trail import Trail
from tidewaiter.proxy.veil import Veil
from tidewaiter.wire import postgres

T = TypeVar("T")
READ_BYTES = 256 << 10  # an event loop reads no more at once
PATIENCE = 20_000  # milliseconds, and more on a busy machine: reading a long text off the loop takes seconds there


# -- what can be said in a transcript ------------------------------------------------------------
class Placeholder(Generic[T]):
    """A value of one type that is not known before: the first one that comes is it, and stays."""

    def __init__(self, of: type[T]) -> None:
        self.of = of
        self.value: T | None = None

    def matches(self, found: object) -> bool:
        if self.value is None and isinstance(found, self.of):
            self.value = found
        return self.value is not None and self.value == found

    def __repr__(self) -> str:
        return f"<{self.of.__name__} {self.value!r}>"


@dataclass(frozen=True)
class Says:
    """An ErrorResponse, or a NoticeResponse, with this SQLSTATE, whose fields contain the texts."""

    sqlstate: str
    texts: tuple[str, ...] = ()
    severity: str = "ERROR"

    def matches(self, message: bytes) -> bool:
        if message[:1] not in (b"E", b"N"):
            return False
        fields = postgres.parse_error_fields(message[5:])
        told = "\n".join(fields.values())
        return (fields["C"], fields["V"]) == (self.sqlstate, self.severity) and all(text in told for text in self.texts)


def says(sqlstate: str, *texts: str, severity: str = "ERROR") -> Says:
    return Says(sqlstate, texts, severity)


class Entry:
    """An entry of a kind with at least these members; `sql`, `binds_text` and `types` are of its body."""

    def __init__(self, kind: str, **fields: object) -> None:
        self.kind = kind
        self.fields = fields

    def matches(self, found: Mapping[str, object]) -> bool:
        return found["kind"] == self.kind and all(_is(value, found.get(name)) for name, value in self.fields.items())

    def __repr__(self) -> str:
        return f"Entry({self.kind!r}, {', '.join(f'{name}={value!r}' for name, value in self.fields.items())})"


def ran(sql: bytes, status: str = "ok", **fields: object) -> Entry:
    """An allowed statement that ended."""
    return Entry("execution", sql=sql, status=status, verdict="allow", **fields)


def refused(sql: bytes, rule: object = "no-drops", verdict: str = "deny", **fields: object) -> Entry:
    """A statement that was not let through."""
    return Entry("intent", sql=sql, verdict=verdict, rule=rule, **fields)


def _is(expected: object, found: object) -> bool:
    return expected.matches(found) if isinstance(expected, Placeholder) else expected == found


@dataclass
class Side:
    """What a side sends (`>>`) or gets (`<<`)."""

    name: str
    messages: tuple[bytes | Says, ...]


@dataclass
class Written:
    """What is new in the ledger."""

    entries: tuple[Entry, ...]


@dataclass
class Happens:
    """Something that happens to the session; see the functions that make them."""

    name: str
    act: Callable[[Run], None]


@dataclass
class Ended:
    """The session is over, for this reason, and both its links are closed."""

    reason: str


Step = Side | Written | Happens | Ended


def client(*messages: bytes | Says) -> Side:
    return Side("client", messages)


def server(*messages: bytes | Says) -> Side:
    return Side("server", messages)


def ledger(*entries: Entry) -> Written:
    return Written(entries)


def ended(reason: str) -> Ended:
    return Ended(reason)


def gone(side: str) -> Happens:
    """A side hangs up."""
    return Happens(f"gone({side})", lambda run: run.hang_up(side))


def others_wait(is_so: bool = True) -> Happens:
    """Whether definitions are to be read before anybody is judged."""

    def check(run: Run) -> None:
        assert run.shelf.is_behind == is_so

    return Happens(f"others_wait({is_so})", check)


def catalog_is_reading(is_so: bool = True) -> Happens:
    """The gateway begins to read the catalog, or has read it."""

    def happen(run: Run) -> None:
        if is_so:
            run.shelf.reading = asyncio.Event()
        else:
            run.shelf.read()

    return Happens(f"catalog_is_reading({is_so})", happen)


def disk() -> Happens:
    """Everything recorded becomes durable; see `Stage.slow_disk`."""
    return Happens("disk", lambda run: run.ledger.sync())


def ledger_is(state: str) -> Happens:
    """The ledger becomes "open", "full" (closing entries only), "broken", "doomed" (durability will fail),
    "ailing" (broken and repaired between any two looks at it) or "defective"."""
    return Happens(f"ledger_is({state})", lambda run: run.ledger.become(state))


def policies_are(text: str | Policies) -> Happens:
    """Other policies are in force from now on."""
    now = policies(text) if isinstance(text, str) else text
    return Happens("policies_are", lambda run: setattr(run, "policies", now))


def told(act: Callable[[Session], object]) -> Happens:
    """The gateway says something to the session."""

    def tell(run: Run) -> None:
        act(run.session)

    return Happens("told", tell)


def asked_path(*, with_sync: bool = True, is_after_cancel: bool = False) -> Side:
    """The server gets the gateway's question for the search_path."""
    return server(*messages_of(Probe.message(with_sync=with_sync, is_after_cancel=is_after_cancel)))


def path_answer(*path: bytes, with_sync: bool = True, strings: bytes = b"on", encoding: bytes = b"UTF8") -> bytes:
    """What the server answers to it."""
    rows = b"".join(postgres.data_row([value]) for value in (strings, encoding, *path))
    end = postgres.ready_for_query("I") if with_sync else b""
    done = postgres.command_complete(f"SELECT {2 + len(path)}")
    close = postgres.close_complete() * 2
    return postgres.parse_complete() + postgres.bind_complete() + rows + done + close + end


def asked_values(*own: str, with_sync: bool = True) -> Side:
    """The server gets the gateway's questions for what a session is set to, where a statement is to be held."""
    return server(*messages_of(Probe.message(held_questions(own), with_sync=with_sync)))


def values_answer(*own: bytes, status: str = "I", with_sync: bool = True, **other: bytes) -> bytes:
    """What the server answers to it: statement_timeout is 0, and each setting is its name, but for `other`."""
    values = (other.get(name, name.encode()) for name in MEANINGS)
    first = other.get("statement_timeout", b"0")
    told = probe_answer(*((value,) for value in (first, *values, *own)), status=status)
    return told if with_sync else told[:-6]


def probe_answer(*answers: tuple[bytes, ...], status: str = "T") -> bytes:
    """What the server answers to questions of the gateway's own: one column of rows for each."""
    parts: list[bytes] = []
    for values in answers:
        found = [postgres.data_row([value]) for value in values]
        parts += (postgres.parse_complete(), postgres.bind_complete(), *found)
        parts += (postgres.command_complete(f"SELECT {len(values)}"), postgres.close_complete() * 2)
    return b"".join((*parts, postgres.ready_for_query(status)))


def rows(*values: bytes, tag: str = "") -> bytes:
    """The answer to a query of one column, without ReadyForQuery."""
    described = postgres.row_description([postgres.Column(b"x")])
    sent = b"".join(postgres.data_row([value]) for value in values)
    return described + sent + postgres.command_complete(tag or f"SELECT {len(values)}")


def messages_of(stream: bytes) -> list[bytes]:
    """The messages that a stream of bytes consists of; a rest that is no whole message is the last element."""
    found: list[bytes] = []
    while stream:
        size = 1 + int.from_bytes(stream[1:5], "big") if len(stream) >= 5 else len(stream)
        found.append(stream[:size])
        stream = stream[size:]
    return found


READY, IN_TRANSACTION, FAILED = (postgres.ready_for_query(status) for status in "ITE")
PARSED, BOUND, CLOSED = postgres.parse_complete(), postgres.bind_complete(), postgres.close_complete()
FAILING_QUERY = postgres.query(FAILING_TEXT)
FAILING_PARSE = postgres.parse(b"tidewaiter_refused", FAILING_TEXT)
SYNTAX_ERROR = postgres.error_response("ERROR", "42601", 'syntax error at or near "this"')
READ = b"select name from customers where id = $1"
DROP = b"drop table orders"
BEGIN, BEGUN = postgres.query(b"begin"), postgres.command_complete("BEGIN") + IN_TRANSACTION


def bound(*values: bytes | None, portal: bytes = b"", statement: bytes = b"") -> bytes:
    """Bind with text parameters."""
    return postgres.bind(portal, statement, [], values, [])


def asked(sql: bytes = READ, *values: bytes) -> bytes:
    """One statement in the extended protocol, without Sync."""
    return postgres.parse(b"", sql) + bound(*values) + postgres.describe("P", b"") + postgres.execute(b"")


def begun(stage: Stage | None = None) -> Play:
    """A session in a transaction."""
    return Play(stage) >> client(BEGIN) << server(BEGIN) >> server(BEGUN) << client(BEGUN) << ledger(ran(b"begin"))


# -- running a transcript ------------------------------------------------------------
WAYS = ("whole", "byte by byte", "with trailing bytes")


class Play:
    """A transcript. `<<` says everything that comes of the `>>` before it; then `holds` runs it in every way."""

    def __init__(self, stage: Stage | None = None) -> None:
        self.stage = stage or Stage()
        self.steps: list[tuple[str, Step]] = []

    def __rshift__(self, step: Step) -> Play:
        self.steps.append((">>", step))
        return self

    def __lshift__(self, step: Step) -> Play:
        self.steps.append(("<<", step))
        return self

    def holds(self, ways: tuple[str, ...] = WAYS) -> None:
        """Run in each way; AssertionError says which step did not hold."""
        for way in ways:
            self._forget_placeholders()
            asyncio.run(Run(self.stage, way).play(self.steps))

    def _forget_placeholders(self) -> None:
        for _, step in self.steps:
            for entry in step.entries if isinstance(step, Written) else ():
                for value in entry.fields.values():
                    if isinstance(value, Placeholder):
                        value.value = None


class Run:
    """One session while a transcript is played."""

    def __init__(self, stage: Stage, way: str) -> None:
        self.stage = stage
        self.way = way
        self.ledger = Paper(slow_disk=stage.slow_disk)
        self.policies = policies(stage.rules, stage.tagged) if isinstance(stage.rules, str) else stage.rules
        self.ahead = {"client": 0, "server": 0}  # bytes of the next message that were sent already
        self.now_us = 0
        self.interrupts = 0  # how often the server was told to cancel what it runs

    def _build(self) -> None:
        stage = self.stage
        self.shelf = Shelf(stage.catalog)
        self.wires = {"client": Wire(self._to_client), "server": Wire(lambda _: None)}
        footing = Footing(
            "shop", stage.observe, stage.strict, self.shelf, lambda: self.policies,
            Judges(stage.understand), Context("127.0.0.1", "test"), lambda: 0, stage.planner,
            masking=stage.masking, is_veiled=stage.masking is not None,
        )  # fmt: skip
        standing = Standing(stage.principal, footing, Names())
        if stage.path is not None:
            standing.set_path(stage.path)
        trail = Trail(self.ledger, stage.binds, {"session": "s"})
        self.session = Session(
            "s", self.wires["client"].link, self.wires["server"].link, standing, trail, self.ledger, self._clock_us,
            stage.statement_bytes, self._interrupt,
            Holding(NoToday(), NoToday(), "s", "shop", self.wires["client"].link.write, lambda: 0.0),
            Veil() if footing.is_veiled else None,
        )  # fmt: skip

    def _clock_us(self) -> int:
        self.now_us += 1
        return self.now_us

    async def _interrupt(self) -> None:
        self.interrupts += 1

    def _to_client(self, data: bytes) -> None:
        """Record, then act: nothing but a good-bye may leave before everything recorded is written."""
        tells_why = data[:1] == b"E" and (b"VFATAL\0" in data[:64] or b"C58030\0" in data[:64])
        assert tells_why or self.ledger.flushed == len(self.ledger.raw), f"{data[:40]!r} left before its entry"

    async def play(self, steps: list[tuple[str, Step]]) -> None:
        self._build()
        life = asyncio.get_running_loop().create_task(self.session.run())
        await self._settle()
        try:
            for number, (way, step) in enumerate(steps):
                with self._located(f"step {number}: {way} {step}"):
                    if way == ">>":
                        self._nothing_left()
                        await self._happen(step, [later for sign, later in steps[number + 1 :] if sign == ">>"])
                    else:
                        await self._expect(step)
            with self._located("the end"):
                self._nothing_left()
                if self.session.ended is not None:
                    assert await life == self.session.ended
        finally:
            self.session.end("the play is over")
            await life

    @contextmanager
    def _located(self, where: str) -> Iterator[None]:
        """Say at which step an assertion failed."""
        try:
            yield
        except AssertionError as error:
            raise AssertionError(f"{self.way}, {where[:400]}\n{error}; ended: {self.session.ended}") from error

    async def _settle(self) -> None:
        for _ in range(12):
            await asyncio.sleep(0)

    def _nothing_left(self) -> None:
        """Whatever happened was asserted."""
        for name, wire in self.wires.items():
            assert not wire.got, f"the {name} got {messages_of(wire.got)}, which nothing asserts"
        assert not self.ledger.unasserted, f"the ledger holds {self.ledger.unasserted}, which nothing asserts"

    # -- >> ------------------------------------------------------------------------------------------------------------
    async def _happen(self, step: Step, later: list[Step]) -> None:
        if isinstance(step, Happens):
            step.act(self)
        else:
            assert isinstance(step, Side), f"{step} cannot be sent"
            data = b"".join(_bytes(message) for message in step.messages)[self.ahead[step.name] :]
            self.ahead[step.name] = 0
            if self.way == "byte by byte":
                for at in range(len(data)):
                    self._receive(step.name, data[at : at + 1])
            else:
                following = next((one for one in later if isinstance(one, Side) and one.name == step.name), None)
                if self.way == "with trailing bytes" and following is not None and following.messages:
                    head = _head(messages_of(_bytes(following.messages[0]))[0])
                    self.ahead[step.name] = len(head)
                    data += head
                self._receive(step.name, data)
        await self._settle()

    def _receive(self, side: str, data: bytes) -> None:
        for at in range(0, len(data), READ_BYTES):
            if self.wires[side].is_open:
                self.wires[side].link.data_received(data[at : at + READ_BYTES])

    def hang_up(self, side: str) -> None:
        self.wires[side].lose()

    # -- << ------------------------------------------------------------------------------------------------------------
    async def _expect(self, step: Step) -> None:
        for _ in range(PATIENCE):
            if not self._compare(step):
                return
            await asyncio.sleep(0.001)
        wrong = self._compare(step)
        assert not wrong, wrong

    def _compare(self, step: Step) -> str:
        """Empty if the step holds; what it asserts is then taken away."""
        match step:
            case Side(name, expected):
                found = messages_of(self.wires[name].got)
                wanted = [
                    one for item in expected for one in (messages_of(item) if isinstance(item, bytes) else [item])
                ]
                if len(found) != len(wanted) or not all(map(_fits, wanted, found)):
                    return f"the {name} got {found}, expected {wanted}"
                self.wires[name].got = b""
            case Written(entries):
                told = self.ledger.unasserted
                if len(told) != len(entries) or not all(
                    entry.matches(one) for entry, one in zip(entries, told, strict=True)
                ):
                    return f"the ledger holds {told}, expected {entries}"
                told.clear()
            case Ended(reason):
                if self.session.ended is None or reason not in self.session.ended:
                    return f"ended: {self.session.ended}, expected {reason}"
                assert not self.wires["client"].is_open and not self.wires["server"].is_open
            case Happens():
                return f"{step} is nothing that can be asserted"
        return ""


def _each(item: bytes | Says) -> list[bytes] | list[Says]:
    return messages_of(item) if isinstance(item, bytes) else [item]


def _fits(wanted: bytes | Says, found: bytes) -> bool:
    return wanted.matches(found) if isinstance(wanted, Says) else wanted == found


def _bytes(message: bytes | Says) -> bytes:
    assert isinstance(message, bytes), f"{message} cannot be sent"
    return message


def _head(message: bytes) -> bytes:
    """The beginning of a message of which nothing may come: all but the last byte, unless it would pass in pieces."""
    return message[:3] if message[:1] in b"dD" or len(message) > 1 << 16 else message[:-1]

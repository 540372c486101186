"""A PostgreSQL server of a few statements, without a socket: every message is answered as the protocol says.

It follows exec_simple_query, exec_parse_message and their like in PostgreSQL's postgres.c: what a name stands for, when
portals end, what an error skips, what a failed transaction still takes, what is read as copy data. `Gated` is the same
server as a client of the gateway should see it: it refuses what policy refuses. Answers wait for a flush, as they do in
the server's own buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy.probe import HELD, PATH
from tidewaiter.proxy.refusal import FAILING_TEXT, IGNORED_TEXT
from tidewaiter.wire import postgres as pg

CALLED = b"V\0\0\0\x09\0\0\0\1x"
COPY_IN, COPY_OUT = (kind + b"\0\0\0\x07\0\0\0" for kind in (b"G", b"H"))
COPIED_OUT = b"d\0\0\0\x061\n" + b"c\0\0\0\4"
UNKNOWN_FUNCTION = 999_999


@dataclass(frozen=True)
class Text:
    """A statement. `rows` is None where it returns none, `fails` the SQLSTATE that reading (42…) or running it gives.

    `verdict` is what policy says; `is_weighty`: its intent must be durable before it runs. `parts` are the statements
    of a text that has several.
    """

    sql: bytes
    tag: str = ""
    rows: tuple[bytes, ...] | None = None
    does: str = ""
    fails: str = ""
    verdict: str = "allow"
    is_weighty: bool = False
    parameters: int = 0
    parts: tuple[Text, ...] = ()

    @property
    def is_unreadable(self) -> bool:
        return self.fails == "42601"

    @property
    def is_exit(self) -> bool:
        """Whether a failed transaction takes it."""
        return self.does in ("commit", "rollback", "back")


NAMES = Text(b"select name from customers", rows=(b"ada", b"bob", b"cyd"))
ONE = Text(b"select 1", rows=(b"1",))
BY_ID = Text(b"select name from customers where id = $1", rows=(b"ada", b"bob"), parameters=1)
INSERT = Text(b"insert into orders (id) values (1)", "INSERT 0 1", is_weighty=True)
DIVIDE = Text(b"select 1 / id from customers", fails="22012", rows=())
SLEEP = Text(b"select pg_sleep(60)", fails="57014", rows=())
BEGIN, COMMIT, ROLLBACK = (
    Text(word.lower().encode(), word, does=word.lower()) for word in ("BEGIN", "COMMIT", "ROLLBACK")
)
SAVE, BACK = Text(b"savepoint s", "SAVEPOINT", does="save"), Text(b"rollback to s", "ROLLBACK", does="back")
SET_PATH = Text(b"set search_path to public", "SET")
FILL = Text(b"copy orders from stdin", "COPY 2", does="copy in", is_weighty=True)
DUMP = Text(b"copy orders to stdout", "COPY 1", does="copy out")
EMPTY = Text(b"")
TWO = Text(b"select 1; select name from customers", parts=(ONE, NAMES))
BLOCK = Text(b"begin; select 1", parts=(BEGIN, ONE))
HALF = Text(b"select 1; select 1 / id from customers; select 1", parts=(ONE, DIVIDE, ONE))
DROP = Text(b"drop table orders", verdict="deny")
DROPS = Text(b"select 1; drop table orders", verdict="deny", parts=(ONE, DROP))
NOWHERE = Text(b"select a from nowhere", fails="42P01", verdict="deny", rows=())
UNREADABLE = Text(b"selekt", fails="42601", verdict="deny")
WAITS = Text(b"truncate orders", "TRUNCATE TABLE", verdict="hold", is_weighty=True)
APPROVED = Text(b"truncate audit_trail", "TRUNCATE TABLE", is_weighty=True)

TEXTS = (
    NAMES, ONE, BY_ID, INSERT, DIVIDE, SLEEP, BEGIN, COMMIT, ROLLBACK, SAVE, BACK, SET_PATH, FILL, DUMP, EMPTY, TWO,
    BLOCK, HALF, DROP, DROPS, NOWHERE, UNREADABLE, WAITS, APPROVED,
)  # fmt: skip
"""What clients ask."""

OWN = (
    Text(PATH[0].text, rows=(b"on", b"UTF8", b"pg_catalog", b"public")),
    *(Text(question.text, rows=(b"0",)) for question in HELD),
    Text(FAILING_TEXT, fails="42601"),
    Text(IGNORED_TEXT, fails="XX000", rows=()),  # sent where a failed transaction answers it, and nowhere else
)
"""What the gateway asks by itself."""

EXECUTE = Text(b"execute a", does="execute")
"""In a Query only. What it does is what the name stands for."""

_KNOWN = {text.sql: text for text in (*TEXTS, *OWN, EXECUTE)}


class Failed(Exception):
    """An error; its argument is the SQLSTATE."""


class Refused(Failed):
    """Policy's own error: nothing ran."""


@dataclass
class Portal:
    """A bound statement: how many rows it gave, whether it ran to its end, whether it is suspended."""

    text: Text
    at: int = 0
    is_done: bool = False
    is_suspended: bool = False


@dataclass
class Server:
    """One server process. `sent` is what has left it, `ran` what ran and how it ended: (SQL, status)."""

    sent: bytearray = field(default_factory=bytearray)
    ran: list[tuple[bytes, str]] = field(default_factory=list)
    status: str = "I"
    is_open: bool = True
    on_run: Callable[[Text], None] = lambda text: None
    on_message: Callable[[], bytes] = lambda: b""
    _in: bytearray = field(default_factory=bytearray)
    _out: bytearray = field(default_factory=bytearray)
    _statements: dict[bytes, Text] = field(default_factory=dict)
    _portals: dict[bytes, Portal] = field(default_factory=dict)
    _saved: dict[bytes, Portal] | None = None  # the portals when the savepoint was made, while there is one
    _skips: bool = False
    _copies: tuple[Text, bool] | None = None  # what reads copy data, and whether it is a simple Query

    def feed(self, data: bytes) -> None:
        """Take bytes; whole messages are answered."""
        self._in += data
        while self.is_open and len(self._in) >= 5 and len(self._in) > (size := int.from_bytes(self._in[1:5], "big")):
            kind, body = self._in[0], bytes(self._in[5 : 1 + size])
            del self._in[: 1 + size]
            if self._copies is not None:
                self._copy(*self._copies, kind)
            elif kind == pg.TERMINATE:
                self.is_open = False
            elif kind == pg.SYNC:
                self._skips = False
                self._ready()
            elif not self._skips:
                self._take(kind, body)

    def end(self) -> None:
        """The client is gone: what was suspended will not go on."""
        self._drop_portals()

    # -- what it says -----------------------------------------------------------------------------------------------
    def _say(self, message: bytes) -> None:
        self._out += self.on_message() + message

    def _flush(self) -> None:
        self.sent += self._out
        self._out.clear()

    def _ready(self) -> None:
        if self.status == "I":
            self._drop_portals()
        self._say(pg.ready_for_query(self.status))
        self._flush()

    def _error(self, failed: Failed) -> None:
        """Say so, and abort the transaction; outside a block that is all of it."""
        self._say(pg.error_response("ERROR", str(failed)[:5], str(failed)))
        self._flush()
        if self.status == "I":
            self._drop_portals()
        else:
            self.status = "E"

    # -- messages ---------------------------------------------------------------------------------------------------
    def _take(self, kind: int, body: bytes) -> None:
        try:
            match chr(kind):
                case "Q":
                    self._query(body[:-1])
                case "F":
                    self._call(int.from_bytes(body[:4], "big"))
                case "P":
                    self._parse(*pg.parse_parse(body)[:2])
                case "B":
                    self._bind(body)
                case "D":
                    self._describe(*pg.parse_describe(body))
                case "E":
                    self._execute(*pg.parse_execute(body))
                case "C":
                    self._close(*pg.parse_close(body))
                case "H":
                    self._flush()
        except (Failed, ProtocolViolation) as failed:
            self._error(failed if isinstance(failed, Failed) else Failed("08P01"))
            self._skips = True

    def _query(self, sql: bytes) -> None:
        text = _KNOWN[sql]
        try:
            self.asked(text)
            if text not in OWN:  # whether a refused Query drops the unnamed statement is left open
                self._statements.pop(b"", None)
            if text.is_unreadable:
                raise Failed(text.fails)
            for part in text.parts or (text,):
                self._must_be_possible(part)
                if part.sql:
                    self._drop_portal(b"")
                self._run(part)
                if part.does == "copy in":
                    self._copies = (text, True)
                    return
        except Failed as failed:
            self._error(failed)
            if not isinstance(failed, Refused):
                self._ended(text, str(failed))
        else:
            self._ended(text)
        self._ready()

    def asked(self, text: Text) -> None:
        """A text came in a Query. Raises Failed."""

    def _call(self, oid: int) -> None:
        try:
            self.called(oid)
            if self.status == "E":
                raise Failed("25P02")
            self._say(CALLED)
            self.ran.append((b"", "ok"))
        except Failed as failed:
            self._error(failed)
            if not isinstance(failed, Refused):
                self.ran.append((b"", "error"))
        self._ready()

    def called(self, oid: int) -> None:
        """A function is called by its number. Raises Failed."""

    def _parse(self, name: bytes, sql: bytes) -> None:
        text = _KNOWN[sql]
        self.parsed(text)
        if not name and sql != FAILING_TEXT:
            self._statements.pop(name, None)
        if text.is_unreadable or len(text.parts) > 1:
            raise Failed("42601")
        self._must_be_possible(text)
        if text.fails == "42P01":
            raise Failed(text.fails)
        if name in self._statements:
            raise Failed("42P05")
        self._statements[name] = text
        self._say(pg.parse_complete())

    def parsed(self, text: Text) -> None:
        """A text came in a Parse. Raises Failed."""

    def _bind(self, body: bytes) -> None:
        portal, name, at = pg.parse_bind_head(body)
        if name not in self._statements:
            raise Failed("26000")
        text = self._statements[name]
        if len(pg.parse_bind_values(body[at:])) != text.parameters:
            raise Failed("08P01")
        if text.sql and (self.status == "E" and (text.parameters or not text.is_exit)):
            raise Failed("25P02")
        if portal and portal in self._portals:
            raise Failed("42P03")
        self._drop_portal(portal)
        self._portals[portal] = Portal(text)
        self._say(pg.bind_complete())

    def _describe(self, kind: str, name: bytes) -> None:
        if kind == "S" and name not in self._statements:
            raise Failed("26000")
        if kind == "P" and name not in self._portals:
            raise Failed("34000")
        text = self._statements[name] if kind == "S" else self._portals[name].text
        if self.status == "E" and text.rows is not None:
            raise Failed("25P02")
        if kind == "S":
            self._say(pg.parameter_description([23] * text.parameters))
        self._say(pg.no_data() if text.rows is None else _described())

    def _execute(self, name: bytes, most: int) -> None:
        portal = self._portals.get(name)
        if portal is None:  # that a Query ends the unnamed one is known to the server alone
            raise Failed("34000" if name else "34000 42501 26000 42P01")
        text = portal.text
        self.executed(portal)
        try:
            if text.sql:
                self._must_be_possible(text)
            if portal.is_done and text.rows is None and text.sql:
                raise Failed("55000")
            if text.rows is not None:
                self._fetch(portal, most)
            else:
                self._run(text)
        except Failed as failed:
            portal.is_suspended = False
            self._ended(text, str(failed))
            raise
        portal.is_done = True
        if text.does == "copy in":
            self._copies = (text, False)
        elif not portal.is_suspended:
            self._ended(text)

    def executed(self, portal: Portal) -> None:
        """A portal is to run. Raises Failed."""

    def _close(self, kind: str, name: bytes) -> None:
        if kind == "S":
            self._statements.pop(name, None)
        else:
            self._drop_portal(name)
        self._say(pg.close_complete())

    # -- running ----------------------------------------------------------------------------------------------------
    def _must_be_possible(self, text: Text) -> None:
        if self.status == "E" and text.sql and not text.is_exit:
            raise Failed("25P02")

    def _run(self, text: Text) -> None:
        """All of a statement that is no portal's rows."""
        if not text.sql:
            self._say(pg.empty_query_response())
            return
        if text.does == "execute":
            text = self._named_a()
        self.on_run(text)
        if text.rows is not None:
            self._say(_described())
        if text.fails:
            raise Failed(text.fails)
        if text.rows is not None:
            for row in text.rows:
                self._say(pg.data_row([row]))
            self._say(pg.command_complete(f"SELECT {len(text.rows)}"))
            return
        tag = text.tag
        if text.does == "begin":
            self.status = "T"
        elif text.does == "save":
            if self.status == "I":
                raise Failed("25P01")
            self._saved = dict(self._portals)
        elif text.does == "back":
            if self.status == "I":
                raise Failed("25P01")
            if self._saved is None:
                raise Failed("3B001")
            self._keep_portals(self._saved)
            self.status = "T"
        elif text.is_exit:
            tag = "ROLLBACK" if self.status == "E" else tag
            self.status = "I"
            self._drop_portals()
        elif text.does == "copy in":
            self._say(COPY_IN)
            self._flush()
            return
        elif text.does == "copy out":
            self._say(COPY_OUT)
            self._out += COPIED_OUT
        self._say(pg.command_complete(tag))

    def _named_a(self) -> Text:
        if b"a" not in self._statements:
            raise Failed("26000")
        return self._statements[b"a"]

    def _fetch(self, portal: Portal, most: int) -> None:
        """The next rows of a portal."""
        self.on_run(portal.text)
        if portal.text.fails:
            raise Failed(portal.text.fails)
        assert portal.text.rows is not None
        rows = portal.text.rows[portal.at : portal.at + most if most else None]
        portal.at += len(rows)
        for row in rows:
            self._say(pg.data_row([row]))
        portal.is_suspended = bool(most) and len(rows) == most
        self._say(pg.portal_suspended() if portal.is_suspended else pg.command_complete(f"SELECT {len(rows)}"))

    def _copy(self, text: Text, is_query: bool, kind: int) -> None:
        """A message while copy data is read."""
        if kind in b"dHS":
            return
        self._copies = None
        try:
            if kind == ord("f"):
                raise Failed("57014")
            if kind != ord("c"):
                raise Failed("08P01")
            self._say(pg.command_complete(text.tag))
            self._ended(text)
        except Failed as failed:
            self._error(failed)
            self._ended(text, str(failed))
            self._skips = not is_query
            if kind not in b"cf":
                self._say(pg.error_response("FATAL", "08P01", "08P01"))
                self._flush()
                self.is_open = False
                return
        if is_query:
            self._ready()

    def _ended(self, text: Text, sqlstate: str = "") -> None:
        if text not in OWN:
            self.ran.append((text.sql, "cancelled" if sqlstate == "57014" else "error" if sqlstate else "ok"))

    def _drop_portal(self, name: bytes) -> None:
        portal = self._portals.pop(name, None)
        if portal is not None and portal.is_suspended:
            self._ended(portal.text)

    def _keep_portals(self, kept: dict[bytes, Portal]) -> None:
        for name, portal in list(self._portals.items()):
            if kept.get(name) is not portal:
                self._drop_portal(name)

    def _drop_portals(self) -> None:
        self._saved = None
        for name in list(self._portals):
            self._drop_portal(name)


class Gated(Server):
    """The same, as a client of the gateway sees it. An error's message lists each SQLSTATE that is right."""

    def asked(self, text: Text) -> None:
        if text.does == "execute":
            text = self._named_a()
        if text.verdict != "allow":
            self._refused(text)

    def called(self, oid: int) -> None:
        if oid == UNKNOWN_FUNCTION:
            raise Refused("25P02 42501" if self.status == "E" else "42501")

    def parsed(self, text: Text) -> None:
        if text.verdict == "deny":
            self._refused(text)

    def executed(self, portal: Portal) -> None:
        if portal.text.verdict == "hold" and self.status != "E":
            raise Refused("42501")

    def _refused(self, text: Text) -> None:
        """In a failed transaction the server's own words, or the gateway's: it depends on whether it knows already."""
        sqlstate = text.fails or "42501"
        raise Refused(f"{sqlstate} 25P02" if self.status == "E" else sqlstate)


def _described() -> bytes:
    return pg.row_description([pg.Column(b"x")])

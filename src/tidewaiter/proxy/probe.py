"""Ask the server something on the client's own session, invisibly: the search_path, the catalog as the session sees it.

Named statement and portal of our own, so that the client's unnamed ones survive; Flush instead of Sync inside a
pipeline, so that its implicit transaction goes on. Outside a pipeline and a transaction block all questions up to the
Sync are one transaction.
"""

from __future__ import annotations

import re
from asyncio import Future
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER, length_at
from tidewaiter.wire.postgres_parts import frame

NAME = b"tidewaiter_probe"
CANCELLED = "57014"  # query_canceled
RECOVERY_READIES = 2
RECOVERY = RECOVERY_READIES * postgres.sync()
"""After an error the server skips to a Sync, unless a timeout struck while it was reading: then it says at once that it
is ready, and goes on with the next message. Nothing but these makes it say so twice in a row."""
ANSWER_BYTES = 256 << 20  # some 200,000 relations; a database that has more cannot be governed through this


@dataclass(frozen=True, slots=True)
class Question:
    """One statement. `values` are its parameters as text; the answer is in binary where `is_binary`."""

    text: bytes
    values: tuple[bytes, ...] = ()
    is_binary: bool = False


# current_schemas makes the temporary schema where the path names it; a session whose schema our question made could
# then PREPARE TRANSACTION where the server would refuse. So until it is there, such a path is read from the setting;
# one with quotes in it is not read at all: then no name is known.
_SETTING = b"pg_catalog.current_setting('search_path')"
_HAS_NO = b"pg_catalog.strpos(" + _SETTING + b", '%b') operator(pg_catalog.=) 0"
_NAMED = b"""
  select pg_catalog.array_agg(s.n::pg_catalog.name order by s.o)
    from (select pg_catalog.btrim(u.x), u.o from pg_catalog.unnest(pg_catalog.string_to_array(
            pg_catalog.concat(case when %b then 'pg_catalog,' end, %b), ',')) with ordinality u(x, o)) s(n, o)
   where s.n operator(pg_catalog.=) 'pg_temp'
      or exists (select from pg_catalog.pg_namespace n where n.nspname operator(pg_catalog.=) s.n::pg_catalog.name
                    and pg_catalog.has_schema_privilege(n.oid, 'usage'))""" % (_HAS_NO % b"pg_catalog", _SETTING)
_READING = b", ".join(
    b"pg_catalog.current_setting('%b')" % name for name in (b"standard_conforming_strings", b"client_encoding")
)
PATH = (
    Question(
        b"""select pg_catalog.unnest(pg_catalog.array_cat(array[%b]::pg_catalog.name[], case
  when pg_catalog.pg_my_temp_schema() operator(pg_catalog.<>) 0::pg_catalog.oid or %b
  then pg_catalog.current_schemas(true)
  when %b operator(pg_catalog.~) '^[a-z0-9_, ]*$' then (%b) end))""".replace(b"\n", b" ")
        % (_READING, _HAS_NO % b"pg_temp", _SETTING, _NAMED.replace(b"\n", b" "))
    ),
)
"""How texts are read and names looked up: standard_conforming_strings, client_encoding, then each schema of the
effective search_path. The server reports the first two by itself, but not before the Sync of a pipeline."""

MEANINGS = (
    "role", "session_authorization", "row_security", "session_replication_role",
    "client_encoding", "standard_conforming_strings", "backslash_quote",
    "TimeZone", "DateStyle", "IntervalStyle", "timezone_abbreviations",
    "lc_monetary", "lc_numeric", "lc_time", "default_text_search_config",
    "array_nulls", "transform_null_equals", "xmloption",
)  # fmt: skip
"""Settings besides the search_path that give a text or its constants another meaning."""
OF_CONSTANTS = ("TimeZone", "DateStyle", "IntervalStyle")
HELD = tuple(Question(b"show " + name.encode()) for name in ("statement_timeout", *MEANINGS))
"""What must be known of a session whose statement is held: how long the client waits, and each of MEANINGS. SHOW takes
no snapshot, so that a transaction that has done nothing yet has still done nothing."""
OWN_SETTING = b"select pg_catalog.current_setting($1, true)"
OWN_SETTINGS = 256  # of one session: programs that keep their own facts in settings have a handful
Settings = tuple[tuple[str, str], ...]
"""Names with values."""


def held_questions(own: Collection[str]) -> tuple[Question, ...]:
    """HELD, and settings that exist because this session has set them: row security and functions may look there."""
    return HELD + tuple(Question(OWN_SETTING, (name.encode(),)) for name in own)


def held_answers(own: Collection[str], values: Sequence[bytes]) -> tuple[float, Settings]:
    """The statement_timeout in seconds, and what gives statements their meaning. Raises ProtocolViolation."""
    names = (*MEANINGS, *own)
    told = zip(names, values[1:], strict=True)
    return shown_s(values[0]), tuple((name, value.decode("utf-8", "backslashreplace")) for name, value in told)


_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


def shown_s(value: bytes) -> float:
    """Seconds of a setting of time as SHOW tells it: `0`, `250ms`, `5min`. Raises ProtocolViolation."""
    match = re.fullmatch(r"(\d+)(us|ms|s|min|h|d)?", value.decode("ascii", "replace"))
    if match is None or (match[2] is None and int(match[1])):
        raise ProtocolViolation("the server shows a setting of time in an unknown form")
    return int(match[1]) * _UNITS_S[match[2] or "s"]


# Names and operators of our question must be the server's own, and whatever limits the client set are for its own
# statements, as is what it told the planner: workers for each part of our question cost seconds. Values for the
# transaction only, put back at once: afterwards nothing tells that they were there.
_PINNED = {
    b"search_path": b"pg_catalog, pg_temp",
    b"statement_timeout": b"0",
    b"lock_timeout": b"0",
    b"jit": b"off",
    b"max_parallel_workers_per_gather": b"0",
    b"join_collapse_limit": b"1",
}

_WANTED = (b"server_encoding", b"transaction_isolation", *_PINNED)
SURROUNDINGS = (
    Question(
        b"select pg_catalog.unnest(array["
        + b", ".join(b"pg_catalog.current_setting('%b')" % name for name in _WANTED)
        + b"])"
    ),
)
"""What must be known before CATALOG can be asked for; see `Surroundings`."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The settings that a question for the catalog needs to know.

    `pinned` are those that it sets for itself, in the client's encoding: they go back as they came.
    """

    encoding: bytes
    isolation: bytes
    pinned: tuple[bytes, ...]

    @classmethod
    def read(cls, answer: Sequence[bytes]) -> Surroundings:
        """From the answer to SURROUNDINGS."""
        encoding, isolation, *pinned = answer
        return cls(encoding, isolation, tuple(pinned))


def catalog_questions(around: Surroundings, asked: Sequence[tuple[str, str]]) -> tuple[Question, ...]:
    """Ask for the catalog as this session's transaction sees it: each a statement of `catalog_reading` and its $1.

    The first and the last answer are not those to `asked`.
    """
    return (
        _set(tuple(_PINNED.values())),
        *(Question(text.encode(), (value.encode(),) if "$1" in text else (), is_binary=True) for text, value in asked),
        _set(around.pinned),
    )


def _set(values: tuple[bytes, ...]) -> Question:
    calls = [b"pg_catalog.set_config('%b', $%d, true)" % (name, at) for at, name in enumerate(_PINNED, 1)]
    return Question(b"select " + b", ".join(calls), values)


class Interrupted(Exception):
    """The server was told to cancel, by the client or by its statement_timeout, while it was asked something.

    `error` is its ErrorResponse, `status` what became of the transaction.
    """

    def __init__(self, error: bytes, status: str) -> None:
        super().__init__("the gateway's own question was cancelled")
        self.error = error
        self.status = status


class Probe:
    """Some questions. `answer` resolves to all rows' first columns; `feed` returns what belongs to the client.

    It fails with Interrupted once a Sync has ended the failure: the one that goes with them, or RECOVERY, which `send`
    gets where none does.
    """

    def __init__(
        self,
        answer: Future[list[bytes]],
        send: Callable[[bytes], None],
        *,
        with_sync: bool,
        questions: int = 1,
        is_after_cancel: bool = False,
    ) -> None:
        self.answer = answer
        self._send = send
        self._rows: list[bytes] = []
        self._with_sync = with_sync
        self._last = postgres.READY_FOR_QUERY if with_sync else postgres.CLOSE_COMPLETE
        self._closes_left = 2 * questions + is_after_cancel
        self._held = bytearray()
        self._cancelled = b""  # the error that a cancel made of the questions
        self._readies = 0  # in a row, behind that error

    @staticmethod
    def message(questions: Sequence[Question] = PATH, *, with_sync: bool, is_after_cancel: bool = False) -> bytes:
        """What to send. A question that was cancelled may have left its statement behind: that is closed first."""
        parts = [postgres.close("S", NAME)] if is_after_cancel else []
        for question in questions:
            parts += (
                postgres.parse(NAME, question.text, ()),
                postgres.bind(NAME, NAME, (), question.values, (1,) if question.is_binary else ()),
                postgres.execute(NAME, 0),
                postgres.close("P", NAME),
                postgres.close("S", NAME),
            )
        return b"".join((*parts, postgres.sync() if with_sync else postgres.flush()))

    def feed(self, chunk: bytes) -> tuple[bytes, bytes]:
        """Take what the server sent: (asynchronous messages for the client, bytes after the end of the answer)."""
        self._held += chunk
        if len(self._held) > ANSWER_BYTES:
            raise ProtocolViolation("the server's answer to the gateway's own question is too long")
        if len(self._held) < HEADER or len(self._held) < length_at(bytes(self._held[:HEADER]), 0):
            return b"", b""
        data = bytes(self._held)
        pos, passing = 0, b""
        while pos + HEADER <= len(data) and not self.answer.done():
            after = pos + length_at(data, pos)
            if after > len(data):
                break
            if data[pos] in b"NSA":
                passing += data[pos:after]
            else:
                self._take(data[pos], data[pos + HEADER : after])
            pos = after
        if self.answer.done():
            return passing, data[pos:]
        self._held = bytearray(data[pos:])
        return passing, b""

    def _take(self, kind: int, body: bytes) -> None:
        if self._cancelled:
            self._recover(kind, body)
            return
        if kind == postgres.DATA_ROW:
            self._rows.append(postgres.parse_data_row(body)[0] or b"")
        elif kind == postgres.ERROR_RESPONSE:
            code = postgres.sqlstate_of(body)
            if code != CANCELLED:
                raise ProtocolViolation(f"the server refused the gateway's own question: {code}")
            self._cancelled = body
            if not self._with_sync:
                self._send(RECOVERY)
        self._closes_left -= kind == postgres.CLOSE_COMPLETE
        if kind == self._last and not self._closes_left:
            self.answer.set_result(self._rows)

    def _recover(self, kind: int, body: bytes) -> None:
        """Behind the error of a cancel, wait until the server has read what was sent."""
        self._readies = self._readies + 1 if kind == postgres.READY_FOR_QUERY else 0
        if self._readies == (1 if self._with_sync else RECOVERY_READIES):
            error = frame(postgres.ERROR_RESPONSE, self._cancelled)
            self.answer.set_exception(Interrupted(error, chr(body[0])))

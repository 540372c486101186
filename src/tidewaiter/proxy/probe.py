"""Ask the server something on the client's own session, invisibly: the effective search_path.

Named statement and portal of our own, so that the client's unnamed ones survive; Flush instead of Sync inside a
pipeline, so that its implicit transaction goes on.
"""

from __future__ import annotations

from asyncio import Future

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import length_at

NAME = b"tidewaiter_probe"
QUESTION = b"select pg_catalog.unnest(pg_catalog.current_schemas(true))"


class Probe:
    """One question. `answer` resolves to the rows' first columns; `feed` returns what belongs to the client."""

    def __init__(self, answer: Future[list[str]], *, with_sync: bool) -> None:
        self.answer = answer
        self._rows: list[str] = []
        self._last = postgres.READY_FOR_QUERY if with_sync else postgres.CLOSE_COMPLETE
        self._closes = 0
        self._held = b""

    @staticmethod
    def message(*, with_sync: bool) -> bytes:
        """What to send."""
        return b"".join(
            (
                postgres.parse(NAME, QUESTION, ()),
                postgres.bind(NAME, NAME, (), (), ()),
                postgres.execute(NAME, 0),
                postgres.close("P", NAME),
                postgres.close("S", NAME),
                postgres.sync() if with_sync else postgres.flush(),
            )
        )

    def feed(self, chunk: bytes) -> tuple[bytes, bytes]:
        """Take what the server sent: (asynchronous messages for the client, bytes after the end of the answer)."""
        data = self._held + chunk
        pos, passing = 0, b""
        while pos + 5 <= len(data) and not self.answer.done():
            after = pos + length_at(data, pos)
            if after > len(data):
                break
            if data[pos] in b"NSA":
                passing += data[pos:after]
            else:
                self._take(data[pos], data[pos + 5 : after])
            pos = after
        if self.answer.done():
            return passing, data[pos:]
        self._held = data[pos:]
        return passing, b""

    def _take(self, kind: int, body: bytes) -> None:
        if kind == postgres.DATA_ROW:
            value = postgres.parse_data_row(body)[0]
            self._rows.append(value.decode() if value is not None else "")
        elif kind == postgres.ERROR_RESPONSE:
            raise ProtocolViolation(f"the server refused the gateway's own question: {postgres.sqlstate_of(body)}")
        self._closes += kind == postgres.CLOSE_COMPLETE
        if kind == self._last and (kind != postgres.CLOSE_COMPLETE or self._closes == 2):
            self.answer.set_result(self._rows)

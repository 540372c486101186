"""Measuring: what is asked in which transaction, what is made of the answers, and how failures are told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import orjson
import pytest

from tidewaiter.config import Classification
from tidewaiter.errors import UpstreamError
from tidewaiter.model import Column, Facts, Indirect, Relation, Resource, ResourceType, Touch
from tidewaiter.proxy import measuring
from tidewaiter.proxy.estimates import Question
from tidewaiter.proxy.findings import Run, Size, Subject
from tidewaiter.proxy.link import Link
from tidewaiter.proxy.measuring import Measures
from tidewaiter.proxy.upstream import Backend
from tidewaiter.sql.catalog import Catalog
from tidewaiter.wire import postgres

T, PART = ("public", "t"), ("public", "part")
CATALOG = Catalog(
    relations={T: Relation(*T, "p", ("id",)), PART: Relation(*PART, "r", ("id",))},
    partitions={T: (PART,)},
    columns={T: (Column("id", 1, "integer", 23, "int4"),)},
    oids={1574: ("pg_catalog", "nextval")},
    builtins={"nextval": True},
)
DELETE = Facts(("delete",), (Touch("delete", Resource(ResourceType.TABLE, T)),))
PLAN = orjson.dumps(
    [{"Plan": {"Node Type": "ModifyTable", "Plan Rows": 0, "Plans": [{"Node Type": "Seq Scan", "Plan Rows": 7}]}}]
)
TRIGGER = Indirect("trigger", "x", "function", T, T)
Rows = list[tuple[bytes, ...]]
Answer = Rows | bytes


class Server:
    """Answers by what a message contains; follows begin and rollback. `said` is everything that it was sent."""

    def __init__(self, answers: Mapping[bytes, Answer], status: str = "T") -> None:
        self.answers, self.said, self.status = dict(answers), list[bytes](), status
        self.is_lost = False
        self.aborted = 0
        self._out: list[tuple[int, bytes]] = []
        self._open = False

    def write(self, message: bytes) -> None:
        self.said.append(message)
        if b"begin isolation" in message:
            self._open = True
        if message[5:].startswith((b"rollback", b"discard")):
            self._open = False
        for key, answer in self.answers.items():
            if key in message:
                self._tell(answer)
                break
        self._out.append((postgres.READY_FOR_QUERY, self.status.encode() if self._open else b"I"))

    def _tell(self, answer: Answer) -> None:
        if isinstance(answer, bytes):
            self._out.append((answer[0], answer[5:]))
            return
        for row in answer:
            fields = b"".join(len(value).to_bytes(4, "big") + value for value in row)
            self._out.append((postgres.DATA_ROW, len(row).to_bytes(2, "big") + fields))

    async def read_message(self) -> tuple[int, bytes]:
        return self._out.pop(0)

    def abort(self) -> None:
        self.aborted += 1
        self.is_lost = True


class Upstream:
    def __init__(self, server: Server | None) -> None:
        self.server = server

    async def connect(self, parameters: Mapping[str, str]) -> Backend:
        assert "default_transaction_read_only=on" in parameters["options"]
        if self.server is None:
            raise UpstreamError("nobody is there")
        return Backend(cast(Link, self.server), 1, b"")


def subject(
    facts: Facts = DELETE, *, may_run: bool = True, obstacle: str = "", text: bytes = b"delete from t"
) -> Subject:
    return Subject(
        Question(text, (), b"", ("public",), "app"), text, facts, CATALOG, "shop", Classification(), may_run=may_run,
        settings=(("TimeZone", "Europe/Oslo"),), obstacle=obstacle,
    )  # fmt: skip


def error(sqlstate: str, message: str) -> bytes:
    return postgres.error_response("ERROR", sqlstate, message)


GOOD: dict[bytes, Answer] = {
    b"pg_total_relation_size": [(b"public", b"t", b"0", b"0"), (b"public", b"part", b"8192", b"3")],
    b"count(*)": [(b"4",)],
    b"explain": [(PLAN,)],
    b"LIMIT 3": [(b"1",)],
    b"pg_attrdef": [],
    b"tuples_deleted": [],
    b"delete from t": postgres.command_complete("DELETE 4"),
}


def measure(answers: Mapping[bytes, Any], what: Subject, status: str = "T") -> tuple[Any, Server]:
    server = Server(answers, status)
    return asyncio.run(Measures(Upstream(server)).measure(what)), server


def test_everything_is_asked_and_the_run_is_rolled_back() -> None:
    found, server = measure(GOOD, subject())
    assert found.sizes == {T: Size(4, 8192, True), PART: Size(4, 8192, True)}
    assert (found.estimate, found.reasons) == (7, ())
    assert found.run == Run({}, 4)
    assert [rows for _, rows in found.shown] == [[(b"1",)]]
    begins = [message for message in server.said if b"begin isolation" in message]
    assert [b"read write" in message for message in begins] == [False] * (len(begins) - 1) + [True]
    assert all(b'set local role "app"' in message and b"TimeZone to 'Europe/Oslo'" in message for message in begins)
    ran = next(at for at, message in enumerate(server.said) if message[:1] == b"P" and b"\0delete from t\0" in message)
    assert [message[5:13] for message in server.said[ran + 2 : ran + 4]] == [b"rollback", b"discard "]
    assert not any(message[5:].startswith(b"commit") for message in server.said)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (subject(may_run=False), "its rule does not allow it"),
        (subject(obstacle="it has its reasons"), "it has its reasons"),
        (subject(Facts(("delete",), DELETE.touches, indirect=(TRIGGER,))), "trigger x"),
    ],
)  # fmt: skip
def test_what_may_not_be_run_is_not(what: Subject, said: str) -> None:
    found, server = measure(GOOD, what)
    assert any(said in reason for reason in found.reasons)
    assert found.run is None and found.sizes
    assert not any(b"read write" in message for message in server.said)


def test_stored_expressions_that_do_more_than_compute_forbid_a_run_where_they_count() -> None:
    default = GOOD | {b"pg_attrdef": [(b"1574", b"true")]}
    assert measure(default, subject())[0].run is not None
    assert measure(default, subject(text=b"delete from t /* default */"))[0].run is None
    always = GOOD | {b"pg_attrdef": [(b"1574", b"false")]}
    found, _ = measure(always, subject())
    assert found.reasons == ("function pg_catalog.nextval may do more than compute",)
    assert measure(GOOD | {b"pg_attrdef": error("42501", "no")}, subject())[0].run is None


@pytest.mark.parametrize(
    ("sqlstate", "why"), [("57014", "it takes longer than 2 s"), ("55P03", "others hold locks that it needs")]
)
def test_what_takes_too_long_is_not_measured(sqlstate: str, why: str) -> None:
    found, _ = measure(GOOD | {b"delete from t": error(sqlstate, "canceled")}, subject())
    assert (found.run, found.reasons) == (None, (why,))


@pytest.mark.parametrize(("sqlstate", "shown"), [("23503", "still referenced"), ("22P02", ""), ("P0001", "")])
def test_a_failure_is_told_without_values(sqlstate: str, shown: str) -> None:
    answers = {**GOOD, b"delete from t": error(sqlstate, "still referenced"), b"explain": [(PLAN,)]}
    found, _ = measure(answers, subject())
    assert found.run == Run(failure=(sqlstate, shown))


def test_nothing_is_told_of_what_code_in_a_function_said() -> None:
    plain = error("23514", "not ann@example.com")
    body = plain[5:-1] + b"WPL/pgSQL function f() line 1 at RAISE\0\0"
    raised = plain[:1] + (len(body) + 4).to_bytes(4, "big") + body
    found, _ = measure({**GOOD, b"delete from t": raised, b"explain": [(PLAN,)]}, subject())
    assert found.run == Run(failure=("23514", ""))


def test_a_transaction_that_does_not_begin_or_does_not_last_is_not_used() -> None:
    found, server = measure(GOOD, subject(), status="E")
    assert "cannot be taken" in found.reasons[0]
    assert server.aborted == 1 and not any(b"delete from t" in message for message in server.said)
    found, server = measure(GOOD, subject(), status="I")
    assert found.run is None and server.aborted == 1


def test_a_database_that_is_not_there_is_said_to_be_silent() -> None:
    found = asyncio.run(Measures(Upstream(None)).measure(subject()))
    assert found.reasons == ("the database does not say: nobody is there",)


def test_too_many_at_once_go_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "WAITING", 0)
    assert asyncio.run(Measures(Upstream(None)).measure(subject())).reasons == ("too many others are being measured",)


def test_what_takes_too_long_altogether_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MEASURE_S", 0.01)

    class Slow:
        async def connect(self, parameters: Mapping[str, str]) -> Backend:
            await asyncio.sleep(30)
            raise AssertionError

    assert asyncio.run(Measures(Slow()).measure(subject())).reasons == ("it was not found out within 0.01 s",)

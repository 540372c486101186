"""Estimates: what is asked, what is read from the answer, and that whatever goes wrong is no estimate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tidewaiter.errors import UpstreamError
from tidewaiter.model import Facts, Indirect, Resource, ResourceType, Touch
from tidewaiter.proxy.estimates import Estimates, Question, is_estimable, messages, most_rows
from tidewaiter.proxy.link import Link
from tidewaiter.proxy.upstream import Backend
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import TableCall
from tidewaiter.wire import postgres

TABLE = Resource(ResourceType.TABLE, ("public", "big"))
UPDATE = Facts(("update",), (Touch("update", TABLE),))
QUESTION = Question(b"update big set v = 1", (), b"", ("pg_temp_3", 'O"dd'), "app")


class Closed:
    async def connect(self, parameters: Mapping[str, str]) -> Backend:
        raise UpstreamError("nobody is there")


def test_the_estimate_is_the_most_of_any_node() -> None:
    told = b'[{"Plan": {"Plan Rows": 0, "Plans": [{"Plan Rows": 9, "Plans": [{"Plan Rows": 70}]}, {"Plan Rows": 8}]}}]'
    assert most_rows(told) == 70


@pytest.mark.parametrize("told", [b"", b"[]", b"{", b'["Utility"]', b'[{"Plan": {}}]', b"7"])
def test_what_is_no_plan_is_no_estimate(told: bytes) -> None:
    assert most_rows(told) is None


@pytest.mark.parametrize(
    ("facts", "is_asked"),
    [
        (UPDATE, True),
        (Facts(("create", "select"), (Touch("select", TABLE),)), True),
        (Facts(("update",), (Touch("update", TABLE),), parts=2), False),
        (Facts(("update",), (Touch("update", TABLE),), unknown=("why",)), False),
        (Facts(("update",), (Touch("update", TABLE),), session_bound=True), False),
        (Facts(("explain", "select"), (Touch("select", TABLE),)), False),
        (Facts(("create",), (Touch("create", TABLE),)), False),
        (Facts(("select",), (Touch("select", Resource(ResourceType.TABLE, ("pg_temp", "t"))),)), False),
        (
            Facts(
                ("select", "function"),
                (Touch("select", TABLE), Touch("function", Resource(ResourceType.FUNCTION, ("public", "f")))),
            ),
            False,
        ),
    ],
)
def test_nothing_is_asked_whose_planning_could_run_code_of_others(facts: Facts, is_asked: bool) -> None:
    assert is_estimable(facts, Catalog()) is is_asked


@pytest.mark.parametrize(
    ("kind", "action", "is_asked"),
    [("default", "function", False), ("policy", "function", False), ("rule", "function", False),
     ("trigger", "function", True), ("cascade", "delete", True)],
)  # fmt: skip
def test_what_a_write_sets_off_counts_where_it_is_planned(kind: str, action: str, is_asked: bool) -> None:
    off = Indirect(kind, "x", action, ("public", "f"), ("public", "big"))
    assert is_estimable(Facts(UPDATE.verbs, UPDATE.touches, indirect=(off,)), Catalog()) is is_asked


def test_a_table_whose_own_expressions_call_others_is_not_planned_nor_is_its_parent() -> None:
    calls = {("public", "part_2"): (TableCall("index", "i", ("public", "f")),)}
    below = {("public", "big"): (("public", "part"),), ("public", "part"): (("public", "part_2"),)}
    assert is_estimable(UPDATE, Catalog(table_calls=calls)) is True
    assert is_estimable(UPDATE, Catalog(table_calls=calls, partitions=below)) is False


def test_the_question_is_planned_as_the_session_would_and_taken_back() -> None:
    sent = messages(QUESTION)
    assert b'set local role "app"; set local search_path to "O""dd"' in sent
    assert b"read only" in sent and b"explain (format json) update big" in sent and sent.endswith(b"rollback\0")


def test_a_database_that_does_not_answer_gives_no_estimate() -> None:
    assert asyncio.run(Estimates(Closed()).rows(QUESTION)) is None


PLAN = b'[{"Plan": {"Plan Rows": 0, "Plans": [{"Plan Rows": 42}]}}]'
STEP = postgres.command_complete("BEGIN") + postgres.ready_for_query("T")
PLANNED = STEP + postgres.data_row([PLAN]) + postgres.command_complete("EXPLAIN") + postgres.ready_for_query("T") + STEP
FAILED = STEP + postgres.error_response("ERROR", "42501", "permission denied") + postgres.ready_for_query("E") + STEP


class Server:
    """Answers each question with the next of `answers`; to None it says nothing more and hangs up."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.connected = 0

    async def connect(self, parameters: Mapping[str, str]) -> Backend:
        assert parameters["options"] == "-c default_transaction_read_only=on"
        self.connected += 1
        link = Link()
        Line(self, link)
        return Backend(link, 1, b"")


class Line(asyncio.Transport):
    """The server's end of one connection."""

    def __init__(self, server: Server, link: Link) -> None:
        super().__init__()
        self._server, self._link = server, link
        link.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        answer = self._server.answers.pop(0)
        asyncio.get_running_loop().call_soon(self.abort if answer is None else lambda: self._link.data_received(answer))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def abort(self) -> None:
        if not self._link.is_lost:
            self._link.connection_lost(None)


def asked_in_turn(server: Server, times: int) -> list[int | None]:
    async def ask() -> list[int | None]:
        estimates = Estimates(server)
        try:
            return [await estimates.rows(QUESTION) for _ in range(times)]
        finally:
            estimates.close()

    return asyncio.run(ask())


def test_questions_share_a_connection_and_a_refused_one_leaves_it_usable() -> None:
    server = Server(PLANNED, FAILED, PLANNED)
    assert asked_in_turn(server, 3) == [42, None, 42]
    assert server.connected == 1


def test_after_a_hang_up_the_next_question_connects_again() -> None:
    server = Server(PLANNED, None, PLANNED)
    assert asked_in_turn(server, 3) == [42, None, 42]
    assert server.connected == 2


def test_parameters_that_cannot_be_read_give_no_estimate_and_ask_nothing() -> None:
    server = Server()
    broken = Question(b"select $1", (), b"\0\1", ("public",), None)
    assert asyncio.run(Estimates(server).rows(broken)) is None
    assert server.connected == 0


def test_questions_wait_for_their_turn_and_more_than_the_bound_go_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewaiter.proxy.estimates.WAITING", 2)
    server = Server(PLANNED, PLANNED)

    async def all_at_once() -> list[int | None]:
        estimates = Estimates(server)
        return await asyncio.gather(*(estimates.rows(QUESTION) for _ in range(3)))

    assert asyncio.run(all_at_once()) == [42, 42, None]
    assert server.connected == 1

"""Estimates: what is asked, what is read from the answer, and that whatever goes wrong is no estimate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from tidewaiter.errors import UpstreamError
from tidewaiter.model import Facts, Indirect, Resource, ResourceType, Touch
from tidewaiter.proxy.estimates import Estimates, Question, is_estimable, messages, most_rows
from tidewaiter.proxy.upstream import Backend
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import TableCall

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

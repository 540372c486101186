"""What values of a measured statement tell."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tidewaiter.proxy.findings import affected_rows, difference, parts_of
from tidewaiter.sql.catalog import Catalog

T, PART = ("public", "t"), ("public", "part")


def node(kind: str, rows: int, *plans: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"Node Type": kind, "Plan Rows": rows, "Plans": list(plans), **more}


@pytest.mark.parametrize(
    ("plan", "rows"),
    [
        (node("ModifyTable", 0, node("Seq Scan", 9)), 9),
        (node("ModifyTable", 0, node("Result", 1, node("Seq Scan", 100), **{"One-Time Filter": "$0"})), 100),
        (node("CTE Scan", 5, node("ModifyTable", 0, node("Append", 7, node("Seq Scan", 3), node("Seq Scan", 4)))), 7),
        (node("Seq Scan", 5), None),
    ],
)
def test_the_estimate_is_of_the_rows_that_are_written(plan: dict[str, Any], rows: int | None) -> None:
    assert affected_rows(orjson.dumps([{"Plan": plan}])) == rows


@pytest.mark.parametrize("told", [b"", b"[]", b"{", b"[7]", b'[{"Plan": {}}]'])
def test_what_is_no_plan_is_no_estimate(told: bytes) -> None:
    assert affected_rows(told) is None


def test_only_what_changed_in_between_counts() -> None:
    assert difference({T: (1, 0, 2)}, {T: (1, 0, 5), PART: (0, 0, 0)}) == {T: (0, 0, 3)}


def test_parts_are_found_at_any_depth() -> None:
    deep = Catalog(partitions={T: (PART,), PART: (("public", "leaf"),)})
    assert parts_of(T, deep) == (PART, ("public", "leaf"))

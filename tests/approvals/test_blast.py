from __future__ import annotations

from typing import Any

import pytest

from tidewaiter.approvals.blast import drift, lines, most_rows, summary


def measured(rows: int, total: int, estimate: int | None = None) -> dict[str, object]:
    return {"basis": "measured", "rows": rows, "total_rows": total, "estimated_rows": estimate}


def estimated(rows: int | None) -> dict[str, object]:
    return {"basis": "estimated", "rows": rows, "total_rows": None, "estimated_rows": rows}


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        (measured(10, 10), measured(10, 10), ""),
        (measured(10, 10), measured(20, 20), ""),
        (measured(10, 10), measured(21, 21), "21 rows in all now, 10 when it was approved"),
        (measured(10, 10), measured(10, 500), "500 rows in all now, 10 when it was approved"),
        (measured(10, 10), measured(4, 4), "4 rows in all now, 10 when it was approved"),
        (measured(0, 0), measured(1, 1), "1 rows in all now, 0 when it was approved"),
        (estimated(100), estimated(150), ""),
        (estimated(1), estimated(9), ""),
        (estimated(100), estimated(400), "400 rows now, 100 when it was approved"),
        (measured(10, 10, 100), estimated(150), ""),
        (measured(10, 10, 100), estimated(999), "999 rows by estimate now, 100 when it was approved"),
        (measured(10, 10), estimated(None), "10 rows when it was approved, and now nobody can tell"),
        (estimated(None), estimated(None), ""),
        (estimated(None), measured(10**6, 10**6), ""),
        (None, measured(5, 5), ""),
    ],
)
def test_like_is_compared_with_like(then: dict[str, object] | None, now: dict[str, object], told: str) -> None:
    assert drift(then, now, 2.0) == told


@pytest.mark.parametrize(
    ("then", "most"),
    [(measured(10, 110), 220), (measured(0, 0), 0), (estimated(10), None), (None, None), ({}, None)],
)
def test_only_what_was_measured_limits_the_run(then: dict[str, object] | None, most: int | None) -> None:
    assert most_rows(then, 2.0) == most


def test_a_summary_has_numbers_and_names_and_no_values() -> None:
    told = {
        **measured(3, 5),
        "formatted": "DELETE …",
        "sample": [{"before": {"name": "Ann"}}],
        "tables": [{"table": "t", "rows": 9, "share": 0.3, "columns": ["a"]}, "and 4 more"],
    }
    assert summary(told) == {**measured(3, 5), "tables": [{"table": "t", "rows": 9, "share": 0.3}]}


NOTHING: dict[str, Any] = {
    "basis": "unknown", "rows": None, "estimated_rows": None, "total_rows": None, "not_measured": [], "tables": [],
    "cascades": [], "triggers": [], "locks": [], "storage": [], "sample": [],
    "reversible": {"word": "yes", "how": "so"},
}  # fmt: skip


def test_what_was_measured_is_told_with_all_that_it_sets_off() -> None:
    told = NOTHING | {
        "basis": "measured", "rows": 3, "total_rows": 9, "estimated_rows": 1,
        "tables": [
            {"table": "s.t", "does": ["delete"], "columns": ["id"], "rows": 6, "rows_are": "counted", "bytes": 16384,
             "share": 0.5},
            {"table": "s.u", "does": [], "columns": []},
            "and 4 more",
        ],
        "cascades": [{"kind": "cascade", "name": "k", "does": "delete", "table": "s.u", "rows": 6}, "and 2 more"],
        "triggers": [{"kind": "trigger", "name": "x", "table": "s.t", "function": "s.f"}],
        "sample": [{"table": "s.t", "before": {"id": "1", "a": None}, "after": {"a": "(hidden)"}}],
        "reversible": {"word": "no", "how": "gone"},
    }  # fmt: skip
    assert list(lines(told)) == [
        "measured: 3 rows, with what it sets off 9 rows in all (the planner estimates 1)",
        "s.t: delete (id); it has 6 rows, 16 kB; 50% of s.t",
        "s.u: changed by what it sets off",
        "and 4 more",
        "cascade k: delete on s.u, 6 rows",
        "and 2 more",
        "trigger x of s.t calls s.f",
        "not reversible: gone",
        "some of the rows, tagged columns masked:",
        "  s.t: id=1, a=NULL",
        "    becomes a=(hidden)",
    ]
    assert list(lines(told, with_rows=False))[-1] == "not reversible: gone"


def test_what_is_not_known_is_said_to_be_so() -> None:
    told = NOTHING | {
        "not_measured": ["no time"],
        "fails": {"sqlstate": "23505", "message": ""},
        "locks": [{"table": "t", "mode": "ShareLock", "bytes": None},
                  {"table": "u", "mode": "ShareLock", "bytes": 3 << 40}],
        "storage": ["rewrites t: why"],
    }  # fmt: skip
    assert list(lines(told)) == [
        "rows: not known",
        "  not run to see: no time",
        "it fails: SQLSTATE 23505",
        "locks t: ShareLock",
        "locks u: ShareLock, 3 TB",
        "rewrites t: why",
        "reversible: so",
    ]

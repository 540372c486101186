"""Which statements have a row limit, and what was changed."""

from __future__ import annotations

import pytest

from tidewaiter.model import Allow, Deny, Facts
from tidewaiter.proxy.limits import RowLimit, changed, counts, limit_of

FIVE = Allow(("agents-read",), 5, "agents-read")


@pytest.mark.parametrize("verbs", [("select",), ("copy_out",), ("explain",), ("show",), ("select", "lock")])
def test_what_only_reads_is_limited_and_not_measured(verbs: tuple[str, ...]) -> None:
    assert limit_of(FIVE, Facts(verbs), is_enforced=True) == RowLimit(5, "agents-read", False, True)


@pytest.mark.parametrize(
    "verbs",
    [("delete",), ("select", "insert"), ("copy_in",), ("merge_all",), ("do",), ("select", "function"), ("call",),
     ("create", "select"), ("refresh",)],
)  # fmt: skip
def test_what_may_change_rows_is_measured(verbs: tuple[str, ...]) -> None:
    assert limit_of(FIVE, Facts(verbs), is_enforced=False) == RowLimit(5, "agents-read", True, False)


def test_what_is_not_understood_is_measured() -> None:
    limit = limit_of(FIVE, Facts(unknown=("syntax error",)), is_enforced=True)
    assert limit is not None and limit.is_measured


@pytest.mark.parametrize("verbs", [(), ("set",), ("vacuum",), ("create",), ("alter",), ("truncate",), ("listen",)])
def test_what_has_no_rows_has_no_limit(verbs: tuple[str, ...]) -> None:
    assert limit_of(FIVE, Facts(verbs), is_enforced=True) is None


def test_no_limit_without_a_permit_that_has_one() -> None:
    assert limit_of(Allow(("p",)), Facts(("select",)), is_enforced=True) is None
    assert limit_of(Deny("", "no"), Facts(("select",)), is_enforced=True) is None


def test_changes_are_differences_and_a_dropped_table_makes_up_for_nothing() -> None:
    before = counts([b"16400 7", b"16401 100"])
    after = counts([b"16400 9", b"16402 3"])
    assert before == {b"16400": 7, b"16401": 100}
    assert changed(before, after) == 2 + 3
    assert changed({}, {}) == 0

"""The blast radius of a request: what is recorded of it, how it reads, whether it is still what was approved. Pure.

`proxy.radius` makes the document. `rows` in it is a number of rows, `basis` what kind of number that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]

SLACK_ROWS = 10
"""Estimates that differ by no more are never a drift: the planner's small numbers are coarse."""

DRIFTED = "it would change "
"""How the reason begins why a request is held again whose numbers moved. They are for approvers, not for who asked."""

_KEPT = ("basis", "rows", "estimated_rows", "total_rows", "storage", "reversible", "fails")
_KEPT_OF_TABLES = ("table", "rows", "share", "changes")


def summary(told: Document) -> dict[str, object]:
    """What is recorded in readable headers: numbers and names, no values of rows, no text."""
    found: dict[str, object] = {name: told[name] for name in _KEPT if name in told}
    tables = [table for table in told.get("tables", ()) if isinstance(table, Mapping)]
    found["tables"] = [{name: table[name] for name in _KEPT_OF_TABLES if name in table} for table in tables]
    return found


def drift(then: Document | None, now: Document | None, factor: float) -> str:
    """How far what a statement would do has moved from what was approved, as the end of a sentence; "" for not far.

    Like is compared with like: what was measured with what is measured now, else the estimates of both times. A number
    that there was and that cannot be had any more counts as far.
    """
    if not then or not now:
        return ""
    for name, told in (("total_rows", "rows in all"), ("rows", "rows"), ("estimated_rows", "rows by estimate")):
        before, after = then.get(name), now.get(name)
        if name == "rows" and then.get("basis") != now.get("basis"):
            continue
        if before is not None and after is not None:
            slack = 0 if now.get("basis") == "measured" and name != "estimated_rows" else SLACK_ROWS
            is_far = _is_far(before, after, factor, slack)
            return f"{after} {told} now, {before} when it was approved" if is_far else ""
    if then.get("rows") is not None:
        return f"{then['rows']} rows when it was approved, and now nobody can tell"
    return ""


def most_rows(then: Document | None, factor: float) -> int | None:
    """The most rows that a run may change, cascades and triggers included, of what was approved; None for no number.

    Only what was measured is sure enough to end a statement for.
    """
    if not then or then.get("basis") != "measured" or then.get("total_rows") is None:
        return None
    return int(then["total_rows"] * factor)


def _is_far(before: int, after: int, factor: float, slack: int) -> bool:
    low, high = sorted((before, after))
    return high - low > slack and high > low * factor


# -- for eyes ----------------------------------------------------------------------------------------------------------
UNITS = ("B", "kB", "MB", "GB", "TB")


def lines(told: Document, *, with_rows: bool = True) -> Iterator[str]:
    """What a statement would do, the number first; `with_rows` shows some of the rows. Raw: who prints it escapes."""
    yield _number(told)
    for reason in told["not_measured"]:
        yield f"  not run to see: {reason}"
    if "fails" in told:
        failure = told["fails"]
        yield f"it fails: SQLSTATE {failure['sqlstate']} {failure['message']}".rstrip()
    for table in told["tables"]:
        yield table if isinstance(table, str) else _table(table)
    for one in told["cascades"]:
        yield one if isinstance(one, str) else _cascade(one)
    for one in told["triggers"]:
        yield one if isinstance(one, str) else f"{one['kind']} {one['name']} of {one['table']} calls {one['function']}"
    for one in told["locks"]:
        yield one if isinstance(one, str) else f"locks {one['table']}: {one['mode']}{_of_size(one['bytes'])}"
    yield from map(str, told["storage"])
    back = told["reversible"]
    word = {"no": "not reversible", "yes": "reversible", "partly": "partly reversible"}.get(back["word"], "unknown")
    yield f"{word}: {back['how']}"
    if not with_rows:
        return
    if told["sample"]:
        yield "some of the rows, tagged columns masked:"
    for row in told["sample"]:
        yield from [f"  {row}"] if isinstance(row, str) else _row(row)


def _number(told: Document) -> str:
    if told["rows"] is None:
        return "rows: not known"
    number = f"{told['basis']}: {told['rows']} rows"
    if told["total_rows"] is not None and told["total_rows"] != told["rows"]:
        number += f", with what it sets off {told['total_rows']} rows in all"
    if told["basis"] == "measured" and told["estimated_rows"] is not None:
        number += f" (the planner estimates {told['estimated_rows']})"
    return number


def _table(table: Document) -> str:
    told = f"{table['table']}: {', '.join(table['does']) or 'changed by what it sets off'}"
    if table["columns"]:
        told += f" ({', '.join(table['columns'])})"
    if "rows" in table:
        about = "" if table["rows_are"] == "counted" else "about "
        told += f"; it has {about}{table['rows']} rows{_of_size(table['bytes'])}"
    if "share" in table:
        told += f"; {table['share']:.0%} of {table['table']}"
    return told


def _cascade(one: Document) -> str:
    rows = f", {one['rows']} rows" if "rows" in one else ""
    return f"{one['kind']} {one['name']}: {one['does']} on {one['table']}{rows}"


def _of_size(size_bytes: int | None) -> str:
    if size_bytes is None:
        return ""
    size, unit = float(size_bytes), 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f", {size:.0f} {UNITS[unit]}"


def _row(row: Document) -> Iterator[str]:
    yield f"  {row['table']}: {_values(row['before'])}"
    if "after" in row:
        yield f"    becomes {_values(row['after'])}"


def _values(values: Document) -> str:
    return ", ".join(f"{name}={'NULL' if value is None else value}" for name, value in values.items())

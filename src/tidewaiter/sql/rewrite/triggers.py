"""Triggers as oracles: what one does with masked values, where the client could see it.

A trigger's function runs with the real row. Only what shows counts: it raises, changes the new row, leaves it out, or
cannot be looked into. Whether it looks at masked values is found by its words: conservative, but no proof. Code that
hides what it reads, in functions that it calls by a name put together, is its author's to answer for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.entities import Trigger
from tidewaiter.sql.rewrite.state import Labels, Path

_WORD: Final = re.compile(r"[a-z_][a-z0-9_$]*")
_REMARK: Final = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_CONDITION: Final = re.compile(r"\bwhen \((.*)\) execute (?:function|procedure)\b", re.DOTALL)
_RETURN: Final = re.compile(r"\breturn\s+(?:new|old)\s*;")
_WHOLE_ROW: Final = re.compile(r"\b(?:new|old)\b(?!\s*\.\s*[a-z_\"])")
_RAISES: Final = re.compile(r"\b(?:raise(?!\s+(?:debug|log)\b)|assert)\b")
_SETS: Final = re.compile(
    r"(?:^|;|\bbegin|\bthen|\belse|\bloop)\s*new\s*(?:\.\s*\S+?)?\s*(?::=|=)|\binto\s+(?:strict\s+)?new\b"
)
_LEAVES_OUT: Final = re.compile(r"\breturn\s+null\b")
_DYNAMIC: Final = re.compile(r"\bexecute\b")


def telling(
    catalog: Catalog, labels: Labels, path: Path, event: str, written: frozenset[str]
) -> tuple[Trigger, str] | None:
    """A trigger that a write of `written` columns sets off and that could tell something, with the masked column."""
    masks: Mapping[str, object] = labels.masks.get(path, {})
    for trigger in catalog.triggers.get(path, ()):
        is_for_others = event == "update" and trigger.columns and written.isdisjoint(trigger.columns)
        if event not in trigger.events or is_for_others:
            continue
        column = _looks_at(catalog, labels, trigger, masks, event, written)
        if column is not None and _shows(trigger):
            return trigger, column
    return None


def _looks_at(
    catalog: Catalog,
    labels: Labels,
    trigger: Trigger,
    masks: Mapping[str, object],
    event: str,
    written: frozenset[str],
) -> str | None:
    """A masked column whose values, beyond those that the client gives, may take part in what a trigger does."""
    own = sorted(written & masks.keys())
    if trigger.text == "?" and event != "insert":  # the server has not printed its condition
        own = sorted(masks)
    code = _code(trigger)
    words: frozenset[str] = frozenset(_WORD.findall(code))
    for name in sorted(words & masks.keys()):
        if event != "insert" or (name in written and _reads(code)):
            return name
    for path, theirs in labels.masks.items():
        if masks is not theirs and path[1] in words and path in catalog.columns:
            named = sorted(words & theirs.keys()) or (["*"] if "*" in code else [])
            if named:
                return f"{path[1]}.{named[0]}"
    return own[0] if own and event != "insert" and _is_wide(trigger, code) else None


def _is_wide(trigger: Trigger, code: str) -> bool:
    """Whether it takes rows whole, or in a way that nobody can see."""
    is_seen = bool(trigger.body) and trigger.text != "?" and not _is_open(trigger)
    return not is_seen or _WHOLE_ROW.search(_RETURN.sub("", code)) is not None


def _code(trigger: Trigger) -> str:
    """Condition and body, in lower case, without remarks."""
    condition = _CONDITION.search(trigger.text.lower())
    return f"{condition[1] if condition else ''}\n{_REMARK.sub(' ', trigger.body).lower()}"


def _reads(code: str) -> bool:
    """Whether code compares with other rows: only that can tell an INSERT more than it says."""
    return re.search(r"\b(?:select|perform|execute|update|delete)\b", code) is not None


def _is_open(trigger: Trigger) -> bool:
    return _DYNAMIC.search(_REMARK.sub(" ", trigger.body).lower()) is not None


def _shows(trigger: Trigger) -> bool:
    """Whether what a trigger does can show in the answer of the statement that set it off."""
    if not trigger.body:
        return True
    body = _REMARK.sub(" ", trigger.body).lower()
    may_replace = trigger.is_before or trigger.is_instead
    return (
        _RAISES.search(body) is not None
        or _is_open(trigger)
        or (may_replace and (_SETS.search(body) or _LEAVES_OUT.search(body)) is not None)
    )

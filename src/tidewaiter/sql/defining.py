"""What definitions have in common: the relations that they name, the expressions that they store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidewaiter.model import EffectKind, Relation
from tidewaiter.sql import locks
from tidewaiter.sql.catalog import quoted
from tidewaiter.sql.expressions import FIELDS, SPECIAL, implied_operator, note_operator_class, walk
from tidewaiter.sql.levels import Level
from tidewaiter.sql.objects import relation_paths
from tidewaiter.sql.parse import Node, below
from tidewaiter.sql.reading import Reading, strings

_EXPRESSIONS = (FIELDS.keys() | SPECIAL.keys()) - {"List", "String", "TypeName", "Integer", "Float", "Boolean"}


def defined(reading: Reading) -> None:
    """The catalog is another one once the statement succeeds."""
    reading.effect(EffectKind.DEFINE)


_LIKE: Mapping[str, int] = {"constraint": 4, "default": 8, "generated": 16, "index": 64, "operator class": 64}
"""Kinds of calls that CREATE TABLE … LIKE copies, by the bit of the INCLUDING option that makes it do so."""


def copy_calls(reading: Reading, path: tuple[str, str], options: int) -> None:
    """A table that is LIKE another calls what that one does, now by the will of whoever makes it."""
    for call in reading.catalog.table_calls.get(path, ()):
        if call.kind == "domain" or options & _LIKE.get(call.kind, 0):
            reading.runs(call.function)


def _note_unwritten(reading: Reading, item: Node) -> None:
    """Code that a part of a definition brings without an expression: a column's type, an exclusion's operators."""
    if "colname" in item and "typeName" in item:
        names = item["typeName"].get("names")
        if names:
            reading.check(list(strings(names))[-1])
    for node in item.get("exclusions", ()):
        implied_operator(reading, list(strings(node["List"]["items"][1]["List"]["items"]))[-1])
    if "opclass" in item:
        note_operator_class(reading, item)


def walk_definition(reading: Reading, value: Any, level: Level) -> None:
    """Read the expressions somewhere below a definition: defaults, checks, index expressions, partition bounds."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            _note_unwritten(reading, item)
            if len(item) == 1 and next(iter(item)) in _EXPRESSIONS:
                walk(reading, item, level)
            else:
                stack.extend(reversed(item.values()))


def parts_of(var: Node) -> list[str]:
    """The name that a RangeVar writes, with its schema where it has one."""
    return [part for part in (var.get("schemaname"), var["relname"]) if part]


def touch_relation(
    reading: Reading, action: str, var: Node, noun: str = "relation", lock: str | None = None
) -> list[Relation]:
    """Touch what a RangeVar names, itself only, and lock it."""
    position = var["location"] + 1 if "location" in var else None
    paths = list(relation_paths(reading, parts_of(var), noun, position=position))
    for path in paths:
        reading.touch(action, reading.table(path))
        _touch_indexed(reading, path)
        if lock is not None:
            reading.lock_table(path, lock)
    return [found for path in paths if (found := reading.known(path)) is not None]


def touch_if_exists(reading: Reading, action: str, var: Node, noun: str) -> None:
    """Touch what a RangeVar names, where it exists."""
    for path in relation_paths(reading, parts_of(var), noun, missing_ok=True):
        reading.touch(action, reading.table(path))
        _touch_indexed(reading, path)


def _touch_indexed(reading: Reading, path: tuple[str, str]) -> None:
    """Changing an index changes its table."""
    table = reading.catalog.indexes.get(path)
    if table is not None:
        reading.touch("alter", reading.table(table), (quoted(path),))


def touch_references(reading: Reading, value: Any) -> None:
    """A foreign key puts triggers on the table that it refers to."""
    for one in below(value):
        if one.get("pktable"):
            touch_relation(reading, "alter", one["pktable"], lock=locks.SHARE_ROW_EXCLUSIVE)

"""Tree → text, through the server's own grammar: JSON tree → protobuf bytes → libpg_query's deparser → text.

The tree is edited as the JSON that `sql.parse` reads. Protobuf objects would cost ten times as much and refuse deep
texts, so the bytes are written here, by plans taken from the grammar's own description. Nothing is sent that was not
read again: `canonical` gives text only when its tree equals the one that was asked for, locations left out.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

import orjson
from google.protobuf.descriptor import FieldDescriptor

from tidewaiter.model import SyntaxFault
from tidewaiter.sql.parse import LIBRARY, Node, Unreadable, tree_json

_MESSAGE, _TEXT, _FLAG, _ENUM, _NUMBER = range(5)
_GRAMMAR: Final[Any] = import_module("postgast.pg_query_pb2")  # its stub has names that are Python keywords
_GRAMMAR_VERSION: Final = 180004
_SHORT: Final = 20_000

_PLACE = rb'"(?:location|stmt_location|stmt_len|list_start|list_end|rexpr_list_start|rexpr_list_end|name_location|arg_location)":-?\d+'  # fmt: skip  # noqa: E501
_PLACES: Final = re.compile(rb"," + _PLACE + rb"(?=[,}])|" + _PLACE + rb",?")
# Inside a JSON string every quote has a backslash before it, so a constant that looks like a location never matches.


class DeparseError(Exception):
    """The tree cannot be written as text that means the same."""


class _Plan:
    """How the fields of one message type are written: JSON name → (kind, tag, more, is repeated)."""

    __slots__ = ("fields", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.fields: dict[str, tuple[int, bytes, Any, bool]] = {}


class _ProtobufText(ctypes.Structure):
    _fields_ = (("len", ctypes.c_size_t), ("data", ctypes.c_void_p))


class _Error(ctypes.Structure):
    _fields_ = (("message", ctypes.c_char_p),)  # more follows in C; only this is read


class _DeparseResult(ctypes.Structure):
    _fields_ = (("query", ctypes.c_char_p), ("error", ctypes.POINTER(_Error)))


LIBRARY.pg_query_deparse_protobuf.argtypes = [_ProtobufText]
LIBRARY.pg_query_deparse_protobuf.restype = _DeparseResult
LIBRARY.pg_query_free_deparse_result.argtypes = [_DeparseResult]
LIBRARY.pg_query_free_deparse_result.restype = None


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed text without locations. `json` is what the statements were read from, for looks at it as a whole."""

    statements: list[Node]
    json: bytes


def read_tree(text: str | bytes) -> Tree | SyntaxFault | Unreadable:
    """Parse a text for editing. Never raises; blocks for a long text as `parse` does."""
    raw = tree_json(text)
    if not isinstance(raw, bytes):
        return raw
    lean = _PLACES.sub(b"", raw)
    try:
        return Tree(orjson.loads(lean).get("stmts", []), lean)
    except orjson.JSONDecodeError as defect:
        return Unreadable("nested too deeply" if "ecursion" in str(defect) or "depth" in str(defect) else str(defect))


def canonical(statements: Sequence[Node]) -> str:
    """The text of some statements, as `Tree.statements` holds them. Raises DeparseError unless it reads the same."""
    tree = {"version": _GRAMMAR_VERSION, "stmts": statements}
    text = _deparse(_encode(_plans()["ParseResult"], tree))
    again = read_tree(text)
    if not isinstance(again, Tree) or not _same(again.statements, statements):
        raise DeparseError("the canonical text would not mean the same")
    return text.decode()


def select_text(select: Node) -> str:
    """The text of one SELECT, given as {"SelectStmt": …}."""
    return canonical([{"stmt": select}])


@cache
def children() -> Mapping[str, Mapping[str, str]]:
    """For each node type, its fields that hold nodes: name → "" for any node, else the one type that it embeds."""
    return {
        name: {
            field: "" if more.name == "Node" else more.name
            for field, (kind, _, more, _) in plan.fields.items()
            if kind == _MESSAGE
        }
        for name, plan in _plans().items()
    }


def _same(one: Sequence[Node], other: Sequence[Node]) -> bool:
    # The last statement of a text has no length, and locations are gone: what is left must be equal.
    return [item["stmt"] for item in one] == [item["stmt"] for item in other]


@cache
def _plans() -> dict[str, _Plan]:
    messages = _GRAMMAR.DESCRIPTOR.message_types_by_name
    plans = {name: _Plan(name) for name in messages}
    for name, message in messages.items():
        for field in message.fields:
            if field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type.name not in plans:
                continue  # of libpg_query's summaries, which are no part of a tree
            plans[name].fields[field.json_name] = _field_plan(field, plans)
    return plans


def _field_plan(field: Any, plans: Mapping[str, _Plan]) -> tuple[int, bytes, Any, bool]:
    kind, wire = _NUMBER, 0
    more: Any = None
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        kind, more, wire = _MESSAGE, plans[field.message_type.name], 2
    elif field.type == FieldDescriptor.TYPE_STRING:
        kind, wire = _TEXT, 2
    elif field.type == FieldDescriptor.TYPE_BOOL:
        kind = _FLAG
    elif field.type == FieldDescriptor.TYPE_ENUM:
        kind = _ENUM
        more = {name: _varint(value.number) for name, value in field.enum_type.values_by_name.items()}
    return kind, _varint(field.number << 3 | wire), more, bool(field.is_repeated)


def _varint(number: int) -> bytes:
    if number < 0:
        number += 1 << 64
    if number < 128:
        return bytes((number,))
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


_LENGTHS: Final = [_varint(number) for number in range(_SHORT)]


def _encode(plan: _Plan, fields: Node) -> bytes:
    parts: list[bytes] = []
    add = parts.append
    known = plan.fields
    for name, value in fields.items():
        kind, tag, more, is_repeated = known[name]
        if kind == _MESSAGE:
            for one in value if is_repeated else (value,):
                body = _encode(more, one)
                size = len(body)
                add(tag)
                add(_LENGTHS[size] if size < _SHORT else _varint(size))
                add(body)
        elif kind == _TEXT:
            body = value.encode()
            add(tag)
            add(_varint(len(body)))
            add(body)
        elif kind == _ENUM:
            add(tag)
            add(more[value])
        else:
            for one in value if is_repeated else (value,):
                add(tag)
                add(_varint(int(one)))
    return b"".join(parts)


def _deparse(encoded: bytes) -> bytes:
    place = ctypes.cast(ctypes.c_char_p(encoded), ctypes.c_void_p)
    result = LIBRARY.pg_query_deparse_protobuf(_ProtobufText(len(encoded), place))
    try:
        if result.error:
            raise DeparseError(result.error.contents.message.decode("utf-8", "replace"))
        text: bytes = result.query
        return text
    finally:
        LIBRARY.pg_query_free_deparse_result(result)

"""Statement text → tree, through the server's own grammar: libpg_query of PostgreSQL 18 as postgast ships it.

Its C parser recurses: `select 1+1+…` overflows an ordinary stack and kills the process. Short texts are parsed where
the caller is; longer ones in a thread with a stack that holds the deepest tree a text of MAX_BYTES can make.
"""

from __future__ import annotations

import ctypes
import platform
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from tidewaiter.model import SyntaxFault
from tidewaiter.sql import treejson

Node = dict[str, Any]
"""One node of the tree: `{"SelectStmt": {...}}`. Inside, a field whose type is fixed holds its fields directly."""

SAFE_BYTES = 8192
"""Texts up to this are parsed on the caller's stack. A level of nesting costs at least 2 bytes of text; measured, 8,000
levels fit into 1 MiB of stack, 32,000 into 8 MiB: 4,096 levels need half a MiB."""

LOOP_BYTES = 4096
"""Texts up to this may be analysed on the event loop: within 20 ms, whatever they say."""

SMALL_BYTES = 512
"""The same on other threads than the main one, whose stacks may be small (musl: 128 KiB)."""

STACK_BYTES = 512 << 20
"""Measured: 524,000 levels (1 MiB of `1+1+…`) use a part of it; address space only, returned when the thread ends."""

MAX_BYTES = 1 << 20
"""What STACK_BYTES was measured for. Longer texts are not parsed."""

MAX_TREE_BYTES = 8 << 20
"""Of JSON. Half a million one-digit constants in 1 MiB of text would make 25 MB of it, and 500 MB of Python objects."""

_SYNTAX_ERROR = "42601"


@dataclass(frozen=True, slots=True)
class Parsed:
    """The statements of a text, in order; none for empty texts and comments. `spans`: their (begin, end) in bytes."""

    statements: tuple[Node, ...]
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The text may be valid but cannot be analysed; `reason` is for reports."""

    reason: str


_Answer = bytes | str | SyntaxFault | Unreadable
_Call = Callable[[bytes], _Answer]


class _Error(ctypes.Structure):
    _fields_ = (
        ("message", ctypes.c_char_p),
        ("funcname", ctypes.c_char_p),
        ("filename", ctypes.c_char_p),
        ("lineno", ctypes.c_int),
        ("cursorpos", ctypes.c_int),
        ("context", ctypes.c_char_p),
    )


class _ParseResult(ctypes.Structure):
    _fields_ = (
        ("parse_tree", ctypes.c_char_p),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.POINTER(_Error)),
    )


class _FingerprintResult(ctypes.Structure):
    _fields_ = (
        ("fingerprint", ctypes.c_uint64),
        ("fingerprint_str", ctypes.c_char_p),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.POINTER(_Error)),
    )


def _load() -> ctypes.CDLL:
    """The shared library, without importing postgast: its Python modules load protobuf, which nothing here needs."""
    spec = find_spec("postgast")
    if spec is None or spec.origin is None:
        raise ImportError("postgast is not installed: it ships the PostgreSQL parser")
    name = {"Darwin": "libpg_query.dylib", "Windows": "pg_query.dll"}.get(platform.system(), "libpg_query.so")
    library = ctypes.CDLL(str(Path(spec.origin).parent / name))
    library.pg_query_parse.argtypes = [ctypes.c_char_p]
    library.pg_query_parse.restype = _ParseResult
    library.pg_query_free_parse_result.argtypes = [_ParseResult]
    library.pg_query_free_parse_result.restype = None
    library.pg_query_fingerprint.argtypes = [ctypes.c_char_p]
    library.pg_query_fingerprint.restype = _FingerprintResult
    library.pg_query_free_fingerprint_result.argtypes = [_FingerprintResult]
    library.pg_query_free_fingerprint_result.restype = None
    return library


LIBRARY = _load()
"""libpg_query; `sql.deparse` calls it too."""
_MAIN = threading.main_thread().ident
_ONE_AT_A_TIME = threading.Lock()  # bounds the memory of deep stacks to one


def needs_thread(text: str | bytes) -> bool:
    """Whether analysing may take long or needs the large stack: then do it off the event loop."""
    return len(text) > LOOP_BYTES // 4 and len(text if isinstance(text, bytes) else _encode(text)) > LOOP_BYTES


def parse(text: str | bytes) -> Parsed | SyntaxFault | Unreadable:
    """Parse a text. Never raises for any text and never overflows the stack; blocks for about 1 µs per 20 bytes."""
    encoded = text if isinstance(text, bytes) else _encode(text)
    refusal = _refusal(encoded)
    return refusal or _decode(_in_safe_stack(_parse, encoded))


def tree_json(text: str | bytes) -> bytes | SyntaxFault | Unreadable:
    """The tree as libpg_query writes it, for those who read it in their own way. As safe as `parse`."""
    encoded = text if isinstance(text, bytes) else _encode(text)
    refusal = _refusal(encoded)
    answer = refusal or _in_safe_stack(_parse, encoded)
    if isinstance(answer, bytes) and len(answer) > MAX_TREE_BYTES:
        return Unreadable("too many parts to analyse")
    return Unreadable("has no tree") if isinstance(answer, str) else answer


def fingerprint(text: str | bytes) -> str | None:
    """libpg_query's fingerprint, 16 hexadecimal digits; None when there is none. See `sql.fingerprint` for its use."""
    encoded = text if isinstance(text, bytes) else _encode(text)
    if _refusal(encoded):
        return None
    found = _in_safe_stack(_fingerprint, encoded)
    return found if isinstance(found, str) else None


def _encode(text: str) -> bytes:
    # A lone surrogate (bytes that were not UTF-8) becomes bytes that the server would refuse; so do we, below.
    return text.encode("utf-8", "surrogatepass")


def _refusal(encoded: bytes) -> Unreadable | None:
    if len(encoded) > MAX_BYTES:
        return Unreadable(f"longer than {MAX_BYTES} bytes")
    if b"\0" in encoded:
        return Unreadable("contains a NUL byte")
    return None


class _DeepThread(threading.Thread):
    """One call in a thread of its own. The stack is given back when it ends: nothing stays of a hostile text."""

    def __init__(self, call: _Call, encoded: bytes) -> None:
        super().__init__(name="tidewaiter-parse", daemon=True)
        self._call, self._encoded = call, encoded
        self.answer: _Answer = Unreadable("the parser thread gave no answer")

    def run(self) -> None:
        self.answer = self._call(self._encoded)


def _in_safe_stack(call: _Call, encoded: bytes) -> _Answer:
    limit = SAFE_BYTES if threading.get_ident() == _MAIN else SMALL_BYTES
    if len(encoded) <= limit:
        return call(encoded)
    with _ONE_AT_A_TIME:
        thread = _DeepThread(call, encoded)
        before = threading.stack_size(STACK_BYTES)
        try:
            thread.start()
        except RuntimeError as refused:  # no address space for the stack
            return Unreadable(f"no thread for a long text: {refused}")
        finally:
            threading.stack_size(before)
        thread.join()
        return thread.answer


def _parse(encoded: bytes) -> bytes | SyntaxFault:
    result = LIBRARY.pg_query_parse(encoded)
    try:
        if result.error:
            error = result.error.contents
            position = error.cursorpos if error.cursorpos > 0 else None
            return SyntaxFault(_SYNTAX_ERROR, error.message.decode("utf-8", "replace"), position)
        tree: bytes = result.parse_tree
        return tree
    finally:
        LIBRARY.pg_query_free_parse_result(result)


def _fingerprint(encoded: bytes) -> str | Unreadable:
    result = LIBRARY.pg_query_fingerprint(encoded)
    try:
        if result.error:
            return Unreadable("has no fingerprint")
        text: bytes = result.fingerprint_str
        return text.decode("ascii")
    finally:
        LIBRARY.pg_query_free_fingerprint_result(result)


def _decode(tree_json: _Answer) -> Parsed | SyntaxFault | Unreadable:
    if isinstance(tree_json, (SyntaxFault, Unreadable)):
        return tree_json
    assert isinstance(tree_json, bytes)
    if len(tree_json) > MAX_TREE_BYTES:
        return Unreadable("too many parts to analyse")
    try:
        tree = treejson.loads(tree_json)
    except treejson.TooDeep:
        return Unreadable("nested too deeply")
    except orjson.JSONDecodeError as defect:
        # orjson refuses more than 1,024 levels: 507 chained operators or joins, 200 nested subselects.
        deep = "depth" in str(defect) or "recursion" in str(defect)
        return Unreadable("nested too deeply" if deep else "not valid UTF-8")
    found = [raw for raw in tree["stmts"] if raw.get("stmt")]
    return Parsed(tuple(raw["stmt"] for raw in found), tuple(_span(raw) for raw in found))


def _span(raw: Node) -> tuple[int, int]:
    """Where a statement begins and ends; only the last may lack a length, and takes the rest of the text."""
    begin = raw.get("stmt_location", 0)
    return begin, begin + raw["stmt_len"] if raw.get("stmt_len") else MAX_BYTES


def below(tree: object) -> Iterator[Node]:
    """Every object in a part of a tree, itself too: nodes and their fields, in no order that means anything."""
    stack = [tree]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            yield one
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)

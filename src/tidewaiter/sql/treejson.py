"""Large trees in JSON → Python and back to nothing, in small portions.

Decoding or freeing a tree of several megabytes in one call holds the interpreter for some hundred milliseconds, in
which no other thread runs, whichever thread does it. In portions, none of them holds it for longer than a few.
"""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

PORTION_BYTES = 64 << 10
"""Decoded in one call, about 2 ms."""

WHOLE_BYTES = 256 << 10
"""Up to this, one call takes less than finding the portions."""

MAX_DEPTH = 1024
"""What orjson accepts, whatever the size."""

# Constants, which make most of a large tree, are one token; braces in strings are none.
_TOKEN = re.compile(
    rb'\{"A_Const":\{(?:"[a-z]+val":\{(?:"[a-z]+val":(?:"(?:[^"\\]|\\.)*"|[a-z0-9.+-]+))?\},)?"location":\d+\}\}'
    rb'|"(?:[^"\\]|\\.)*"|[\[\]{}]'
)
_OPEN, _CLOSE, _STRING = b"[{", b"]}", b'"'


class TooDeep(Exception):
    """The tree has more levels than MAX_DEPTH."""


class _Frame:
    """An array or object whose end was not seen yet. `run`: where what is not decoded yet begins."""

    __slots__ = ("is_array", "key", "key_at", "parts", "run", "start")

    def __init__(self, start: int, is_array: bool) -> None:
        self.start, self.is_array = start, is_array
        self.run = start + 1
        self.parts: Any = None
        self.key = b""
        self.key_at = 0

    def decode(self, data: bytes, end: int) -> None:
        """Decode from `run` to `end`: elements, or members."""
        portion = data[self.run : end].strip(b", ")
        if self.parts is None:
            self.parts = [] if self.is_array else {}
        if portion and self.is_array:
            self.parts.extend(orjson.loads(b"[" + portion + b"]"))
        elif portion:
            self.parts.update(orjson.loads(b"{" + portion + b"}"))


def loads(data: bytes) -> Any:
    """What orjson.loads returns. Raises TooDeep, and orjson.JSONDecodeError for what is no JSON."""
    if len(data) <= WHOLE_BYTES:
        return orjson.loads(data)
    stack: list[_Frame] = []
    value: Any = None
    for found in _TOKEN.finditer(data):
        start, end = found.span()
        first = data[start]
        if first in _STRING:
            stack[-1].key, stack[-1].key_at = found.group(), start
        elif first in _OPEN and end - start == 1:
            if len(stack) >= MAX_DEPTH:
                raise TooDeep
            stack.append(_Frame(start, first == _OPEN[0]))
        elif first in _CLOSE:
            value = _close(data, stack, end)
        else:
            _grow(data, stack[-1], end)
    return value


def _close(data: bytes, stack: list[_Frame], end: int) -> Any:
    """An array or object ended: a small one is decoded with its neighbours, a large one is decoded now."""
    frame = stack.pop()
    if stack and frame.parts is None and end - frame.start <= PORTION_BYTES:
        _grow(data, stack[-1], end)
        return None
    frame.decode(data, end - 1)
    if stack:
        _put(data, stack[-1], frame.parts, frame.start, end)
    return frame.parts


def _grow(data: bytes, frame: _Frame, end: int) -> None:
    """A small element ended: decode what has gathered once it is a portion."""
    if end - frame.run >= PORTION_BYTES:
        frame.decode(data, end)
        frame.run = end


def _put(data: bytes, frame: _Frame, value: Any, start: int, end: int) -> None:
    """A large element, decoded already, takes its place."""
    if frame.is_array:
        frame.decode(data, start)
        frame.parts.append(value)
    else:
        key, at = frame.key, frame.key_at
        frame.decode(data, at)
        frame.parts[orjson.loads(key)] = value
    frame.run = end


def release(tree: Any) -> None:
    """Take a tree apart, so that it is freed piece by piece. Nothing may use it afterwards."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack.extend(node.values())
            node.clear()
        elif isinstance(node, list):
            stack.extend(node)
            node.clear()


class _Pauses:
    """How many want the collector to be still, and whether it ran before the first of them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self.was_on = False


_PAUSES = _Pauses()


@contextmanager
def collector_paused() -> Iterator[None]:
    """No cyclic garbage collection meanwhile: it would look through a large tree again and again and find nothing."""
    with _PAUSES.lock:
        if not _PAUSES.count:
            _PAUSES.was_on = gc.isenabled()
            gc.disable()
        _PAUSES.count += 1
    try:
        yield
    finally:
        with _PAUSES.lock:
            _PAUSES.count -= 1
            if _PAUSES.was_on and not _PAUSES.count:
                gc.enable()

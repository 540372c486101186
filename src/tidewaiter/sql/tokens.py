"""The tokens of a text, as the server's own lexer finds them. Comments are left out. Pure."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from tidewaiter.sql.parse import LIBRARY

_GRAMMAR: Final[Any] = import_module("postgast.pg_query_pb2")
_PARAM: Final[int] = _GRAMMAR.Token.Value("PARAM")
MOVED_CHARACTERS: Final = 8192  # of a text in which a position is looked up: that takes a few ms, on the event loop
_SAME: Final = {"!=": "<>"}
_COMMENTS: Final = frozenset({_GRAMMAR.Token.Value("SQL_COMMENT"), _GRAMMAR.Token.Value("C_COMMENT")})


class _Bytes(ctypes.Structure):
    _fields_ = (("len", ctypes.c_size_t), ("data", ctypes.c_void_p))


class _ScanResult(ctypes.Structure):
    _fields_ = (("pbuf", _Bytes), ("stderr_buffer", ctypes.c_char_p), ("error", ctypes.c_void_p))


LIBRARY.pg_query_scan.argtypes = [ctypes.c_char_p]
LIBRARY.pg_query_scan.restype = _ScanResult
LIBRARY.pg_query_free_scan_result.argtypes = [_ScanResult]
LIBRARY.pg_query_free_scan_result.restype = None


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as it is written, from byte `begin` of the UTF-8 text on."""

    text: str
    begin: int
    is_parameter: bool = False


def tokens(text: str) -> tuple[Token, ...]:
    """The tokens in order; none for a text that the lexer refuses. About a microsecond per token."""
    encoded = text.encode("utf-8", "surrogatepass")
    if b"\0" in encoded:
        return ()
    result = LIBRARY.pg_query_scan(encoded)
    try:
        if result.error:
            return ()
        found = _GRAMMAR.ScanResult.FromString(ctypes.string_at(result.pbuf.data, result.pbuf.len))
    finally:
        LIBRARY.pg_query_free_scan_result(result)
    return tuple(
        Token(encoded[one.start : one.end].decode("utf-8", "replace"), one.start, one.token == _PARAM)
        for one in found.tokens
        if one.token not in _COMMENTS
    )


def moved(position: int, sent: str, said: str) -> int | None:
    """Where in `said`, from which `sent` was made, the token stands that the server points at.

    Positions count characters from 1, as in an ErrorResponse. None where it is not certain which token that is: one
    that both texts have equally often, or equally often between the same two neighbours, is the one at its turn.
    """
    if sent == said:
        return position
    if max(len(sent), len(said)) > MOVED_CHARACTERS or not 0 < position <= len(sent):
        return None
    at = len(sent[: position - 1].encode())
    ours, theirs = tokens(sent), tokens(said)
    words, others = [_word(one.text) for one in ours], [_word(one.text) for one in theirs]
    index = next((number for number, one in enumerate(ours) if one.begin == at), None)
    if index is None:
        return None
    for width in (0, 1):
        key = _around(words, index, width)
        turns = [number for number in range(len(words)) if _around(words, number, width) == key]
        places = [number for number in range(len(others)) if _around(others, number, width) == key]
        if len(turns) == len(places):
            begin = theirs[places[turns.index(index)]].begin
            return len(said.encode()[:begin].decode()) + 1
    return None


def _around(words: Sequence[str], index: int, width: int) -> tuple[str, ...]:
    return tuple(words[max(index - width, 0) : index + width + 1])


def _word(text: str) -> str:
    """A token as the canonical text and any other way to write it have in common."""
    if text.startswith('"'):
        return text[1:-1]
    return text if text.startswith("'") else _SAME.get(text, text.lower())

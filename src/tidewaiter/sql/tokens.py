"""The tokens of a text, as the server's own lexer finds them. Comments are left out. Pure."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from tidewaiter.sql.parse import LIBRARY

_GRAMMAR: Final[Any] = import_module("postgast.pg_query_pb2")
_PARAM: Final[int] = _GRAMMAR.Token.Value("PARAM")
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

"""Columns and masks for the tests of masks."""

from __future__ import annotations

import struct
from types import MappingProxyType

from tidewaiter.config.shape import Mask
from tidewaiter.masking.late import late_mask
from tidewaiter.model import Column

KEY = bytes(range(32))
Row = list[bytes | None]


def mask(name: str, **parameters: int | float | str) -> Mask:
    return Mask(name, MappingProxyType(parameters))


PARTIAL = mask("partial", keep_first=2, keep_last=2, char="*")


def column(type_: str, base: str | None = None, *, is_constrained: bool = False, is_array: bool = False) -> Column:
    return Column("c", 1, type_, 0, base or type_.rpartition(".")[2], is_constrained=is_constrained, is_array=is_array)


def masked(name: Mask, of: Column, value: bytes, *, is_binary: bool = False) -> bytes | None:
    return late_mask(name, of, KEY, is_binary).apply(value)


def row(*values: bytes | None) -> bytes:
    body = struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return b"D" + struct.pack("!I", len(body) + 4) + body


def values_of(data: bytes) -> list[Row]:
    found: list[Row] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + 5], "big")
        pos, fields = at + 7, []
        for _ in range(int.from_bytes(data[at + 5 : at + 7], "big")):
            (length,) = struct.unpack_from("!i", data, pos)
            fields.append(None if length < 0 else data[pos + 4 : pos + 4 + length])
            pos += 4 + max(length, 0)
        assert pos == at + 1 + size
        found.append(fields)
        at = pos
    return found

"""Columns and masks for the tests of masks."""

from __future__ import annotations

from types import MappingProxyType

from tidewaiter.config.shape import Mask
from tidewaiter.masking.late import late_mask
from tidewaiter.model import Column

KEY = bytes(range(32))


def mask(name: str, **parameters: int | float | str) -> Mask:
    return Mask(name, MappingProxyType(parameters))


PARTIAL = mask("partial", keep_first=2, keep_last=2, char="*")


def column(type_: str, base: str | None = None, *, is_constrained: bool = False, is_array: bool = False) -> Column:
    return Column("c", 1, type_, 0, base or type_.rpartition(".")[2], is_constrained=is_constrained, is_array=is_array)


def masked(name: Mask, of: Column, value: bytes, *, is_binary: bool = False) -> bytes | None:
    return late_mask(name, of, KEY, is_binary).apply(value)

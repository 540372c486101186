"""A MaskPlan: what happens to the fields of an answer's rows, decided once per statement, applied to whole chunks.

Plain typed Python that mypyc compiles, and that says what the result is; `_rows.c` comes to the same faster, and leaves
what it does not cover to it. Message formats:
https://www.postgresql.org/docs/current/protocol-message-formats.html (DataRow, RowDescription).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tidewaiter.masking.late import LateMask

try:
    import tidewaiter.masking._rows as _rows  # "from … import _rows" would raise ImportError

    IS_NATIVE = True  # not Final: that would be compiled as it stands here
except ModuleNotFoundError:
    IS_NATIVE = False

_DATA_ROW: Final = 0x44
_NULL: Final = b"\xff\xff\xff\xff"
_UNFIT: Final = (ValueError, IndexError, OverflowError)
"""What masks raise for values that they are not made for. Their texts show values, and go nowhere."""


class MaskingError(Exception):
    """An answer that cannot be masked as planned: it must end with an error, and nothing of the chunk may leave."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a RowDescription, as the server described it. `is_binary` is the format of its values."""

    table_oid: int
    number: int
    type_oid: int
    is_binary: bool


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A raw column that the rewrite left at an output place: the server must describe exactly this one there."""

    index: int
    table_oid: int
    number: int


def check_described(fields: Sequence[Field], foreseen: Iterable[Foreseen], masked: frozenset[tuple[int, int]],
                    masked_tables: frozenset[int]) -> None:  # fmt: skip
    """Compare what the server describes with what the rewrite foresaw, before the first row.

    `masked`: (table oid, attribute number) of every masked column; `masked_tables` their tables. Raises MaskingError.
    """
    planned = {one.index: (one.table_oid, one.number) for one in foreseen}
    for index, place in planned.items():
        if index >= len(fields) or (fields[index].table_oid, fields[index].number) != place:
            raise MaskingError(f"output column {index + 1} is not the column that was to be masked there")
    for index, field in enumerate(fields):
        place = (field.table_oid, field.number)
        is_whole_row = field.table_oid in masked_tables and field.number == 0
        if index not in planned and (place in masked or is_whole_row):
            raise MaskingError(f"output column {index + 1} shows a masked column that was not foreseen")


class MaskPlan:
    """Masks for some output columns: `masks` are (index from 0, its late form for the column's format)."""

    def __init__(self, masks: Sequence[tuple[int, LateMask]]) -> None:
        ordered = sorted(masks, key=lambda pair: pair[0])
        self.indexes: list[int] = [index for index, _ in ordered]
        self.masks: list[LateMask] = [mask for _, mask in ordered]
        self.last: int = self.indexes[-1] if ordered else -1
        if IS_NATIVE:
            self._native = _rows.Masks(tuple((index, mask.apply, mask.recipe()) for index, mask in ordered))

    def apply(self, data: bytes, start: int, end: int) -> bytes:
        """Mask the DataRow messages in data[start:end], which must be whole. Raises MaskingError."""
        if not IS_NATIVE:
            return self.in_python(data, start, end)
        try:
            masked = self._native.apply(data, start, end)
        except _UNFIT:
            masked = None
        return masked if masked is not None else self.in_python(data, start, end)

    def in_python(self, data: bytes, start: int, end: int) -> bytes:
        """`apply` in Python, which says why rows cannot be masked."""
        out = bytearray()
        at = start
        while at < end:
            if end - at < 7 or data[at] != _DATA_ROW:
                raise MaskingError("a row was expected")
            after = at + 1 + int.from_bytes(data[at + 1 : at + 5], "big")
            count = (data[at + 5] << 8) | data[at + 6]
            if after > end or count <= self.last:
                raise MaskingError("a row is not what was described")
            head = len(out)
            copied = self._row(data, at, after, out)
            out += data[copied:after]
            out[head + 1 : head + 5] = (len(out) - head - 1).to_bytes(4, "big")
            at = after
        return bytes(out)

    def _row(self, data: bytes, at: int, after: int, out: bytearray) -> int:
        """Write the row at `at` up to its last masked field; return where the unmasked rest begins."""
        copied = at
        pos = at + 7
        field = 0
        for order in range(len(self.indexes)):
            index = self.indexes[order]
            while True:
                if pos + 4 > after:
                    raise MaskingError("a field ends beyond its row")
                size = (data[pos] << 24) | (data[pos + 1] << 16) | (data[pos + 2] << 8) | data[pos + 3]
                is_null = size == 0xFFFFFFFF
                begins = pos
                pos += 4 if is_null else 4 + size
                field += 1
                if field > index:
                    break
            if pos > after:
                raise MaskingError("a field ends beyond its row")
            if is_null:
                continue
            out += data[copied:begins]
            try:
                masked = self.masks[order].apply(data[begins + 4 : pos])
            except _UNFIT as defect:
                cause = "valid UTF-8" if isinstance(defect, UnicodeError) else "what its type looks like"
                raise MaskingError(f"a value of output column {index + 1} is not {cause}") from None
            if masked is None:
                out += _NULL
            else:
                out += len(masked).to_bytes(4, "big")
                out += masked
            copied = pos
        return copied

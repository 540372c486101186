from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskkit import KEY, PARTIAL, column, mask

from tidewaiter.masking.late import LateMask, late_mask
from tidewaiter.masking.plan import Field, Foreseen, MaskingError, MaskPlan, check_described

TEXT = column("pg_catalog.text")
Row = list[bytes | None]


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


REDACT = late_mask(mask("redact"), TEXT, KEY, False)
NULL = LateMask()


@given(st.lists(st.lists(st.none() | st.binary(max_size=9), min_size=4, max_size=6), max_size=5))
def test_masked_fields_change_and_all_others_stay(rows: list[Row]) -> None:
    data = b"xx" + b"".join(row(*values) for values in rows)
    plan = MaskPlan([(3, NULL), (1, REDACT)])
    expected = [
        [
            None if n == 3 or (value is None and n == 1) else b"***" if n == 1 else value
            for n, value in enumerate(values)
        ]
        for values in rows
    ]
    assert values_of(plan.apply(data, 2, len(data))) == expected


def test_rows_that_are_not_what_was_described_raise() -> None:
    plan = MaskPlan([(1, REDACT)])
    whole = row(b"a", b"b")
    for data in (row(b"a"), whole[:-1], b"C" + whole[1:], whole[:9] + b"\x7f" + whole[10:]):
        with pytest.raises(MaskingError):
            plan.apply(data, 0, len(data))


def test_a_value_that_cannot_be_masked_raises_without_showing_it() -> None:
    plan = MaskPlan([(0, late_mask(PARTIAL, TEXT, KEY, False))])
    with pytest.raises(MaskingError) as raised:
        plan.apply(row(b"\xff\xfesecret"), 0, 20)
    assert "secret" not in str(raised.value)


def test_the_server_must_describe_what_was_foreseen() -> None:
    masked = frozenset({(7, 2)})
    plain, secret, whole = Field(7, 1, 25, False), Field(7, 2, 25, False), Field(7, 0, 99, False)
    check_described([plain, secret], [Foreseen(1, 7, 2)], masked, frozenset({7}))
    for fields, foreseen in (
        ([plain, secret], []),
        ([secret, plain], [Foreseen(1, 7, 2)]),
        ([plain], [Foreseen(1, 7, 2)]),
        ([whole], []),
    ):
        with pytest.raises(MaskingError):
            check_described(fields, foreseen, masked, frozenset({7}))

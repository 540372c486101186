from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskkit import KEY, PARTIAL, Row, column, mask, row, values_of

from tidewaiter.masking.late import Null, late_mask
from tidewaiter.masking.plan import Field, Foreseen, MaskingError, MaskPlan, check_described

TEXT = column("pg_catalog.text")


WHOLE = late_mask(mask("partial", keep_first=0, keep_last=0, char="*"), TEXT, KEY, False)
NULL = Null()


@given(
    st.lists(
        st.lists(st.none() | st.binary(max_size=9).map(bytes.hex).map(str.encode), min_size=4, max_size=6), max_size=5
    )
)
def test_masked_fields_change_and_all_others_stay(rows: list[Row]) -> None:
    data = b"xx" + b"".join(row(*values) for values in rows)
    plan = MaskPlan([(3, NULL), (1, WHOLE)])
    expected = [
        [
            None if n == 3 or (value is None and n == 1) else b"*" * len(value or b"") if n == 1 else value
            for n, value in enumerate(values)
        ]
        for values in rows
    ]
    assert values_of(plan.apply(data, 2, len(data))) == expected


def test_rows_that_are_not_what_was_described_raise() -> None:
    plan = MaskPlan([(1, WHOLE)])
    whole = row(b"a", b"b")
    for data in (row(b"a"), whole[:-1], b"C" + whole[1:], whole[:9] + b"\x7f" + whole[10:]):
        with pytest.raises(MaskingError):
            plan.apply(data, 0, len(data))


def test_a_value_that_cannot_be_masked_raises_without_showing_it() -> None:
    plan = MaskPlan([(0, late_mask(PARTIAL, TEXT, KEY, False))])
    with pytest.raises(MaskingError, match=r"^a value of output column 1 is not valid UTF-8$"):
        plan.apply(row(b"\xff\xfesecret"), 0, 20)
    number = late_mask(mask("bucket", size=7), column("numeric"), KEY, False)
    with pytest.raises(MaskingError, match=r"^a value of output column 1 is not what its type looks like$"):
        MaskPlan([(0, number)]).apply(row(b"secret"), 0, 17)
    date = late_mask(mask("shift", days=9), column("pg_catalog.date"), KEY, True)
    for day in range((1 << 31) - 2, (1 << 31) - 12, -1):  # beyond what four bytes hold, either way
        with contextlib.suppress(MaskingError):
            MaskPlan([(0, date)]).apply(row(day.to_bytes(4, "big")), 0, 15)


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

"""What C makes of rows is what Python makes of them, byte for byte, or is left to Python."""

from __future__ import annotations

import contextlib
import gc
import struct
import tracemalloc
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskkit import KEY, PARTIAL, column, mask, row

from tidewaiter.config.shape import Mask
from tidewaiter.masking.fake import FIRST, LAST
from tidewaiter.masking.late import LateMask, Token, late_mask
from tidewaiter.masking.plan import MaskingError, MaskPlan
from tidewaiter.model import Column

_rows = pytest.importorskip("tidewaiter.masking._rows", exc_type=ModuleNotFoundError)

TEXTS = [
    column("pg_catalog.text"),
    column("character varying(9)", "varchar"),
    column("character varying(3)", "varchar"),
    column("character(40)", "bpchar"),
    column("character(5)", "bpchar"),
    column("pg_catalog.name"),
]
INTEGERS = [column("smallint", "int2"), column("integer", "int4"), column("bigint", "int8")]
MOMENTS = [
    column("pg_catalog.date"),
    column("timestamp without time zone", "timestamp"),
    column("timestamp with time zone", "timestamptz"),
]
UUID_COLUMN = column("pg_catalog.uuid")
SIZES = {"smallint": 2, "integer": 4, "bigint": 8, "pg_catalog.date": 4}

texts = (
    st.text("aZ7 @.\0é\u2003漢😀", max_size=300).map(str.encode)
    | st.binary()
    | st.builds(lambda text, spaces: text.encode() + b" " * spaces, st.text("ab ", max_size=6), st.integers(0, 4))
    | st.sampled_from([0, 1, 127, 128, 129, 255, 256, 257, 4096]).map(lambda size: b"x" * size)
)
odd = st.sampled_from([b"", b"1_0", b" 7", "٣".encode(), b"+5", b"-0", b"99999999999999999999", b"\xff", b"nan"])


def days(sign: int, year: int, month: int, day: int, rest: bytes) -> bytes:
    return b"%04d-%02d-%02d%b%b" % (year, month, day, rest, b" BC" if sign else b"")


clocks = st.sampled_from([b"", b" 07:08:09", b" 23:59:59.999999+05:30", b" 00:00:00-12", b"x", b" "])
moments_text = (
    st.builds(days, st.integers(0, 1), st.integers(0, 300_000), st.integers(0, 13), st.integers(0, 32), clocks)
    | st.builds(days, st.integers(0, 1), st.integers(1990, 2030), st.integers(1, 12), st.integers(1, 28), clocks)
    | st.sampled_from([b"infinity", b"-infinity", b"2024-5-6", b"06/05/2024", b"2024-05", b"2024-05-06 BC BC", b" BC"])
    | st.sampled_from([b"0001-01-01", b"0001-01-01 BC", b"0001-12-31 BC", b"4713-01-01 BC", b"5874897-12-31", b"a-b-c"])
    | odd
)


def wide(size: int) -> st.SearchStrategy[bytes]:
    least, most = -(1 << 8 * size - 1), (1 << 8 * size - 1) - 1
    edges = st.sampled_from([least, least + 1, least + 400 * 86_400_000_000 % most, -1, 0, 1, most - 1, most])
    return (st.integers(least, most) | edges).map(lambda number: number.to_bytes(size, "big", signed=True))


uuids = st.uuids().map(lambda one: str(one).encode())
odd_uuids = uuids.map(bytes.upper) | uuids.map(lambda one: one.replace(b"-", b"")) | uuids.map(lambda one: one[:-1])


@st.composite
def cases(draw: st.DrawFn) -> tuple[LateMask, st.SearchStrategy[bytes]]:
    """A mask, and the values that it may meet: nearly all of its type."""
    is_binary = draw(st.booleans())
    kind = draw(st.sampled_from(["token", "fake", "integer", "uuid", "shift", "partial"]))
    key = draw(st.binary(min_size=1, max_size=64))
    if kind in ("token", "fake", "partial"):
        named = PARTIAL if kind == "partial" else mask(kind)
        return late_mask(named, draw(st.sampled_from(TEXTS)), key, is_binary), texts
    if kind == "integer":
        of = draw(st.sampled_from(INTEGERS))
        numbers = st.integers(-(1 << 63), (1 << 63) - 1).map(lambda number: b"%d" % number) | odd
        return late_mask(mask("token"), of, key, is_binary), (wide(SIZES[of.type]) | odd) if is_binary else numbers
    if kind == "uuid":
        raw = st.binary(min_size=16, max_size=16)
        return late_mask(mask("token"), UUID_COLUMN, key, is_binary), raw if is_binary else uuids | odd_uuids | odd
    of = draw(st.sampled_from(MOMENTS))
    span = mask("shift", days=draw(st.integers(1, 36_500)))
    return late_mask(span, of, key, is_binary), (wide(SIZES.get(of.type, 8)) | odd) if is_binary else moments_text


def both(masks: Sequence[tuple[int, LateMask]], data: bytes, start: int, end: int) -> tuple[object, object]:
    """What Python says, and what C says: the same, or None where it leaves the rows to Python."""
    plan = MaskPlan(masks)
    ordered = sorted(masks, key=lambda pair: pair[0])
    native = _rows.Masks(tuple((index, one.apply, one.recipe()) for index, one in ordered))
    expected: object
    found: object
    try:
        expected = plan.in_python(data, start, end)
    except MaskingError as defect:
        expected = str(defect)
    try:
        found = native.apply(data, start, end)
    except (ValueError, IndexError, OverflowError):
        found = None
    return expected, found


@given(st.data())
def test_rows_are_masked_alike(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 5))
    places = data.draw(st.lists(st.integers(0, width - 1), unique=True, max_size=width))
    masks, values = [], {}
    for place in places:
        late, values[place] = data.draw(cases())
        masks.append((place, late))
    fields = [st.none() | values.get(place, st.binary(max_size=20)) for place in range(width)]
    rows = data.draw(st.lists(st.tuples(*fields), max_size=6))
    before, after = data.draw(st.binary(max_size=3)), data.draw(st.binary(max_size=3))
    chunk = before + b"".join(row(*fields) for fields in rows) + after
    expected, found = both(masks, chunk, len(before), len(chunk) - len(after))
    assert found == (expected if isinstance(expected, bytes) else None)
    plan = MaskPlan(masks)
    if isinstance(expected, bytes):  # and wherever chunks end
        each = [row(*fields) for fields in rows]
        assert b"".join(plan.apply(one, 0, len(one)) for one in each) == expected
    try:
        assert plan.apply(chunk, len(before), len(chunk) - len(after)) == expected
    except MaskingError as defect:
        assert str(defect) == expected


@given(st.data())
def test_what_is_no_row_is_left_to_python_or_masked_as_python_does(data: st.DataObject) -> None:
    late, values = data.draw(cases())
    chunk = bytearray(
        b"".join(row(b"a", data.draw(st.none() | values), b"b") for _ in range(data.draw(st.integers(1, 3))))
    )
    for _ in range(data.draw(st.integers(1, 3))):
        chunk[data.draw(st.integers(0, len(chunk) - 1))] = data.draw(st.sampled_from([0, 1, 4, 0x44, 0x7F, 0x80, 0xFF]))
    cut = data.draw(st.integers(0, len(chunk)))
    expected, found = both([(1, late)], bytes(chunk), 0, cut)
    assert found == (expected if isinstance(expected, bytes) else None)


ORDINARY = [
    (mask("token"), TEXTS[0], False, [b"", b"a", "äöü".encode(), b"x" * 1000]),
    (mask("token"), TEXTS[3], True, [b"abc   "]),
    (mask("fake"), TEXTS[1], False, [b"", b"Amy Pond"]),
    (mask("token"), INTEGERS[0], False, [b"-32768", b"0"]),
    (mask("token"), INTEGERS[1], True, [struct.pack("!i", -17)]),
    (mask("token"), INTEGERS[2], True, [struct.pack("!q", 1 << 62)]),
    (mask("token"), UUID_COLUMN, False, [str(UUID(int=1 << 127)).encode()]),
    (mask("token"), UUID_COLUMN, True, [bytes(16)]),
    (mask("shift", days=30), MOMENTS[0], False, [b"2024-02-29", b"0044-03-15 BC", b"infinity", b"12024-01-01"]),
    (mask("shift", days=30), MOMENTS[0], True, [struct.pack("!i", -9000), struct.pack("!i", (1 << 31) - 1)]),
    (mask("shift", days=30), MOMENTS[1], False, [b"2024-02-29 23:59:59.123456"]),
    (mask("shift", days=30), MOMENTS[2], False, [b"2024-02-29 23:59:59+05:30", b"0001-01-01 00:00:00+00 BC"]),
    (mask("shift", days=30), MOMENTS[2], True, [struct.pack("!q", n) for n in (-1, -(1 << 63), 1 << 60)]),
]


@pytest.mark.parametrize(("named", "of", "is_binary", "values"), ORDINARY)
def test_ordinary_values_are_not_left_to_python(named: Mask, of: Column, is_binary: bool, values: list[bytes]) -> None:
    late = late_mask(named, of, KEY, is_binary)

    def never(value: bytes) -> bytes | None:
        raise AssertionError(value)

    chunk = b"".join(row(value, None, value) for value in values)
    native = _rows.Masks(((0, never, late.recipe()),))
    assert native.apply(chunk, 0, len(chunk)) == MaskPlan([(0, late)]).in_python(chunk, 0, len(chunk))


def test_what_a_python_mask_raises_comes_out_and_nothing_else_does() -> None:
    def fails(value: bytes) -> bytes | None:
        raise RuntimeError("whatever it is")

    chunk = row(b"secret", b"b")
    with pytest.raises(RuntimeError, match="whatever"):
        _rows.Masks(((0, fails, ()),)).apply(chunk, 0, len(chunk))
    with pytest.raises(TypeError, match="bytes"):
        _rows.Masks(((0, lambda value: "text", ()),)).apply(chunk, 0, len(chunk))


@pytest.mark.parametrize(
    "columns",
    [
        ((0, Token.apply, ()), (0, Token.apply, ())),
        ((1, Token.apply, ()), (0, Token.apply, ())),
        ((-1, Token.apply, ()),),
        ((0, Token.apply),),
        (None,),
        ((0, Token.apply, ("unheard of",)),),
        ((0, Token.apply, (7,)),),
        ((0, Token.apply, ("token", b"", 0, False)),),
        ((0, Token.apply, ("token", b"x" * 65, 0, False)),),
        ((0, Token.apply, ("token", KEY, -1, False)),),
        ((0, Token.apply, ("token", KEY)),),
        ((0, Token.apply, ("fake", KEY, 0, False, (), LAST)),),
        ((0, Token.apply, ("fake", KEY, 0, False, FIRST, ("é".encode(),))),),
        ((0, Token.apply, ("fake", KEY, 0, False, (b"x" * 65,), LAST)),),
        ((0, Token.apply, ("fake", KEY, 0, False, FIRST, ("text",))),),
        ((0, Token.apply, ("integer_token", KEY, 24, False)),),
        ((0, Token.apply, ("shift", KEY, 0, True, False)),),
        ((0, Token.apply, ("shift", KEY, 1 << 40, True, False)),),
    ],
)
def test_recipes_that_nobody_wrote_are_refused(columns: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        _rows.Masks(columns)


def test_nothing_is_read_beyond_the_data() -> None:
    native = _rows.Masks(((0, Token.apply, ("token", KEY, 0, False)),))
    for start, end in ((-1, 3), (2, 1), (0, 4)):
        with pytest.raises(IndexError):
            native.apply(b"abc", start, end)


def test_nothing_is_kept() -> None:
    lates = [late_mask(named, of, KEY, is_binary) for named, of, is_binary, _ in ORDINARY]
    columns = [
        (index, late.apply, late.recipe())
        for index, late in enumerate((*lates, late_mask(PARTIAL, TEXTS[0], KEY, False)))
    ]
    chunk = row(*(values[0] for *_, values in ORDINARY), b"abcdef") * 9
    invalid = chunk + row(*(values[0] for *_, values in ORDINARY), b"\xff\xfe")

    def rounds(count: int) -> None:
        for _ in range(count):
            native = _rows.Masks(tuple(columns))
            assert native.apply(chunk, 0, len(chunk)) and native.apply(chunk, 0, len(chunk) - 1) is None
            with contextlib.suppress(UnicodeDecodeError):
                native.apply(invalid, 0, len(invalid))
            with contextlib.suppress(ValueError):
                _rows.Masks((*columns, (99, len, ("token", b"", 0, False))))

    tracemalloc.start()
    try:
        rounds(20)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        rounds(100)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 3_000  # an object per round is more
    finally:
        tracemalloc.stop()

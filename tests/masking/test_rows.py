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
from tidewaiter.masking.spans import DETECTORS, Detector
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
JSONS = [column("pg_catalog.json"), column("pg_catalog.jsonb")]
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


clocks = st.sampled_from(
    [b"", b" 07:08:09", b" 23:59:59.999999+05:30", b" 00:00:00-12", b" 9:00+00", b" +00:30", b"x", b" "]
)
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


spans = st.one_of(*(st.from_regex(one.pattern.replace(rb"\z", rb"\Z")) for one in DETECTORS))
words = st.sampled_from(
    b"order,12 pieces,a.b,a@b,@c.de,x@y.z,info@mail.example.,Ann_Lee,8:30,12:30:45,1.2.3.4,::1,AB12,eyJ,-----,+49,"
    b"christopherjohnson@mail.example,internationalization,ya29.abcdefghijklmnopqrst,0123456,01234567,a@b@c.de".split(b",")
) | st.builds(
    lambda local, label, last: local * b"a" + b"@" + label * b"b" + b"." + last * b"c",
    *(st.sampled_from([1, 2, 63, 64, 65, 130]) for _ in range(3)),
)  # fmt: skip
notes = st.lists(words | spans | texts, max_size=8).map(b" ".join) | st.lists(words | spans, max_size=4).map(b"".join)
addresses = st.builds(lambda one, other: one + b"@" + other, texts, texts) | texts | words
decimals = st.builds(
    lambda sign, whole, places: sign + b"%d" % whole + (b"." + places if places else b""),
    st.sampled_from([b"", b"-"]),
    st.integers(0, 10**6) | st.integers(0, 10**40) | st.sampled_from([10**18 - 1, 10**18, 10**19]),
    st.text("0123456789", max_size=4).map(str.encode),
) | st.sampled_from([b"NaN", b"Infinity", b"-Infinity", b"-0.00", b"007.50", b"1.", b".5", b"-", b"1e5", b"--1"])


def sent(weight: int, sign: int, places: int, digits: list[int]) -> bytes:
    """A numeric in binary format."""
    return struct.pack(f"!HhHH{len(digits)}H", len(digits), weight, sign, places, *digits)


decimals_sent = st.builds(
    sent,
    st.integers(-2, 6),
    st.sampled_from([0, 0x4000, 0xC000, 0xD000, 0xF000, 0x1234]),
    st.integers(0, 20),
    st.lists(st.sampled_from([0, 1, 42, 9999, 65535]) | st.integers(0, 9999), max_size=8),
)
partials = st.builds(
    lambda first, last, char: mask("partial", keep_first=first, keep_last=last, char=char),
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from("*x•é😀\\"),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[LateMask, st.SearchStrategy[bytes]]:
    """A mask, and the values that it may meet: nearly all of its type."""
    is_binary = draw(st.booleans())
    kind = draw(st.sampled_from(["token", "fake", "partial", "email", "free", "integer", "uuid", "bucket", "moment"]))
    key = draw(st.binary(min_size=1, max_size=64))
    of, named, values = draw(st.sampled_from(TEXTS)), mask(kind), texts
    if kind == "partial":
        named = draw(partials)
    elif kind == "email":
        values = addresses
    elif kind == "free":
        of, named, values = draw(st.sampled_from([*TEXTS, *JSONS])), mask("free_text"), notes
    elif kind == "integer":
        of, named = draw(st.sampled_from(INTEGERS)), mask("token")
        numbers = st.integers(-(1 << 63), (1 << 63) - 1).map(lambda number: b"%d" % number)
        values = (wide(SIZES[of.type]) if is_binary else numbers) | odd
    elif kind == "uuid":
        of, named = UUID_COLUMN, mask("token")
        values = st.binary(min_size=16, max_size=16) if is_binary else uuids | odd_uuids | odd
    elif kind == "bucket":
        of = column("numeric")
        named = mask("bucket", size=draw(st.sampled_from([1, 2, 1000, 12345, 10_000, 10**17]) | st.integers(1, 10**12)))
        values = (decimals_sent if is_binary else decimals) | odd
    elif kind == "moment":
        units = [mask("truncate", unit=unit) for unit in ("year", "month", "day")]
        named = draw(st.builds(lambda days: mask("shift", days=days), st.integers(1, 36_500)) | st.sampled_from(units))
        of = draw(st.sampled_from(MOMENTS))
        values = (wide(SIZES.get(of.type, 8)) | odd) if is_binary else moments_text
    return late_mask(named, of, key, is_binary), values


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
    rows = data.draw(st.lists(st.tuples(*fields), max_size=6)) * data.draw(st.sampled_from([1, 3, 14]))
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


SHORTEST = [
    b"xoxb-abcdefghij", b"AKIAABCDEFGHIJKLMNOP", b"sk-abcdefghijklmnopqrst", b"ya29.abcdefghijklmnopqrst",
    b"SG.abcdefghijklmnop.abcdefghijklmnop", b"hf_abcdefghijklmnopqrstuvwxyzabcd", b"eyJabcdefgh.eyJabcdefgh.",
    b"-----BEGIN PRIVATE KEY-----", b"+49 123 456", b"078-05-1120", b"4222222222222", b"1.2.3.4", b"a::1",
    b"NO9386011117947", b"XB33 BCDE FGHI JKLM", b"a@b.c",
]  # fmt: skip


@pytest.mark.parametrize("value", SHORTEST)
@pytest.mark.parametrize("around", [(b"", b""), (b"call ", b" on monday"), (b"(", b")")])
def test_the_shortest_of_what_is_found_is_found(value: bytes, around: tuple[bytes, bytes]) -> None:
    chunk = row(around[0] + value + around[1])
    expected, found = both([(0, late_mask(mask("free_text"), TEXTS[0], KEY, False))], chunk, 0, len(chunk))
    assert found == expected != chunk


@pytest.mark.parametrize("local", [0, 1, 63, 64, 65, 130])
@pytest.mark.parametrize("label", [0, 1, 62, 63, 64])
@pytest.mark.parametrize("last", [0, 1, 63, 64, 130])
def test_addresses_end_where_their_detector_ends_them(local: int, label: int, last: int) -> None:
    value = b"%b@%b.%b" % (local * b"l", label * b"d", last * b"e")
    values = [value, value + b".", value + b"," + value, b"a@b.c" + value, b"!" + value + b"@b.c", value + b".x..y"]
    chunk = b"".join(map(row, values))
    expected, found = both([(0, late_mask(mask("free_text"), TEXTS[0], KEY, False))], chunk, 0, len(chunk))
    assert found == expected


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: one.kind)
@given(data=st.data())
def test_what_a_detector_finds_is_never_taken_for_nothing(detector: Detector, data: st.DataObject) -> None:
    around = st.sampled_from([b"", b" ", b"x", b".", b"-", b"call him on monday ", b" 12 pieces, a@b.cd"])
    pattern = st.from_regex(detector.pattern.replace(rb"\z", rb"\Z"), fullmatch=True)
    value = data.draw(around) + data.draw(pattern) + data.draw(around)
    of = data.draw(st.sampled_from([TEXTS[0], column("character varying(60)", "varchar"), *JSONS]))
    chunk = row(value)
    expected, found = both([(0, late_mask(mask("free_text"), of, KEY, False))], chunk, 0, len(chunk))
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
    (
        PARTIAL,
        TEXTS[0],
        False,
        [b"", b"abc", b"4111222233334444", "Übergrößenträger".encode(), "漢字かな交じり文".encode()],
    ),
    (PARTIAL, TEXTS[1], True, [b"abcdefghi", "äöüßäöüßä".encode()]),
    (PARTIAL, TEXTS[3], False, [b"abcdef".ljust(40), "äöüß".encode() + b" " * 36]),
    (PARTIAL, TEXTS[5], False, [b"x" * 63, "ä".encode() * 31]),
    (mask("partial", keep_first=0, keep_last=4, char="•"), TEXTS[1], False, [b"123456789"]),
    (mask("email"), TEXTS[0], False, [b"amy@x.example", b"", b"none", b"@x", "a@bücher.example".encode(), b"a@b@c"]),
    (mask("email"), TEXTS[1], False, [b"amy@x.exa", b"amy@x"]),
    (mask("email"), TEXTS[3], True, [b"amy@x.example".ljust(40)]),
    (
        mask("free_text"),
        TEXTS[0],
        False,
        [b"", b"came late, 12 pieces at 8:30", b"christopherjohnson@mail.example, a@b.cd!"],
    ),
    (mask("free_text"), JSONS[0], False, [b'{"a": ["b", 12.5]}', b'{"to": "a@b.cd"}']),
    (mask("free_text"), JSONS[1], True, [b'\x01{"a": 7}']),
    (mask("bucket", size=1000), column("numeric"), False, [b"0", b"-999.99", b"123456.789", b"9" * 18]),
    (mask("bucket", size=1000), column("numeric"), True, [sent(0, 0, 2, []), sent(2, 0x4000, 2, [1, 2345, 6789, 100])]),
    (mask("truncate", unit="year"), MOMENTS[0], False, [b"2024-02-29", b"0044-03-15 BC", b"infinity", b"12024-12-31"]),
    (mask("truncate", unit="month"), MOMENTS[0], True, [struct.pack("!i", n) for n in (-9000, 0, (1 << 31) - 1)]),
    (mask("truncate", unit="day"), MOMENTS[1], False, [b"2024-02-29 23:59:59.123456", b"0001-01-01 00:00:01 BC"]),
    (mask("truncate", unit="month"), MOMENTS[1], True, [struct.pack("!q", n) for n in (-1, -(1 << 63), 1 << 60)]),
    (mask("truncate", unit="year"), MOMENTS[2], False, [b"2024-02-29 23:59:59.5+00", b"0044-03-15 01:02:03+00 BC"]),
    (mask("truncate", unit="day"), MOMENTS[2], True, [struct.pack("!q", n) for n in (-1, -(1 << 63), 1 << 60)]),
]


UTF8_OR_NOT = (
    b"\xc2\x80,\xe0\xa0\x80,\xed\x9f\xbf,\xee\x80\x80,\xef\xbf\xbf,\xf0\x90\x80\x80,\xf4\x8f\xbf\xbf,\xc2\x80\xbf,\xc0\xaf,"
    b"\xc1\xbf,\xe0\x9f\xbf,\xed\xa0\x80,\xf0\x8f\xbf\xbf,\xf4\x90\x80\x80,\xf5\x80\x80\x80,\xff,\x80,\xc2,\xe0\xa0,"
    b"\xf0\x90\x80,\xc2AB,\xe0\xa0A,\xf0\x90\x80A,\xf0A\x80\x80"
).split(b",")
EDGES = [
    (
        PARTIAL,
        TEXTS[0],
        False,
        [b"abc" + some for some in UTF8_OR_NOT] + [some + b"abcdefghijk" for some in UTF8_OR_NOT],
    ),
    (mask("email"), TEXTS[0], False, [b"a@" + some for some in UTF8_OR_NOT] + [some + b"@b" for some in UTF8_OR_NOT]),
    (mask("email"), TEXTS[2], False, [b"a@" + some for some in UTF8_OR_NOT]),
    (mask("partial", keep_first=0, keep_last=1, char="•"), TEXTS[5], False, [b"x" * size for size in (20, 21, 22, 63)]),
    (mask("email"), TEXTS[5], False, [b"a@" + b"x" * 61, b"a@" + "é".encode() * 30]),
    (
        mask("bucket", size=7),
        column("numeric"),
        False,
        [b"%d" % (bits + 6) for bits in (10**18, 1 << 63, 1 << 64, 10**20)],
    ),
    (mask("bucket", size=7), column("numeric"), True, [sent(weight, 0, 0, [9999] * 9) for weight in range(-3, 9)]),
    (mask("bucket", size=7), column("numeric"), True, [sent(weight, 0, 0, [65535] * 9) for weight in range(-3, 9)]),
    (
        mask("bucket", size=7),
        column("numeric"),
        True,
        [sent(0, sign, 2, [of]) for sign in (0, 0x4000) for of in (6, 7)],
    ),
]


@pytest.mark.parametrize(("named", "of", "is_binary", "values"), EDGES)
def test_values_at_the_edges_are_masked_alike(named: Mask, of: Column, is_binary: bool, values: list[bytes]) -> None:
    for value in values:
        chunk = row(value)
        expected, found = both([(0, late_mask(named, of, KEY, is_binary))], chunk, 0, len(chunk))
        assert found == (expected if isinstance(expected, bytes) else None), value


@pytest.mark.parametrize("sizes", [range(70, 0, -1), range(0, 300, 7), [9] * 8, [9] * 31, [128, 129, 127, 0] * 20])
def test_values_of_one_lot_do_not_touch_each_other(sizes: Sequence[int]) -> None:
    masks = [(n, late_mask(mask(name), TEXTS[0], KEY, False)) for n, name in enumerate(("token", "fake", "token"))]
    chunk = b"".join(row(b"a" * size, None if size % 5 else b"b" * size, b"%d" % size) for size in sizes)
    expected, found = both(masks, chunk, 0, len(chunk))
    assert found == expected


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
        ((0, Token.apply, ("partial", 0, False, False, 0, -1, b"*")),),
        ((0, Token.apply, ("partial", 0, False, False, 0, 1, b"")),),
        ((0, Token.apply, ("partial", 0, False, False, 0, 1, b"12345")),),
        ((0, Token.apply, ("email", -1, False)),),
        ((0, Token.apply, ("bucket", 0, False)),),
        ((0, Token.apply, ("truncate", "week", True, False)),),
        ((0, Token.apply, ("truncate", 7, True, False)),),
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
    chunk += row(*(values[0] for *_, values in ORDINARY), "é".encode() * 70)
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

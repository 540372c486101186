"""What is written in C beside its twin in Python, on the same input: the same result, or the same refusal.

Each target takes any bytes and raises AssertionError where the two differ. `native.py` runs them under a fuzzer and the
sanitizers, `tests/test_twins.py` on a few inputs.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from draws import Draws

from tidewaiter.ledger import _crypto
from tidewaiter.ledger.batch import InPython
from tidewaiter.ledger.entry import Unfinished, encode_body_in_python, joined_in_python
from tidewaiter.ledger.seal import BodyKey, DataKey
from tidewaiter.ledger.tree import HASH_BYTES, Tree
from tidewaiter.masking import late
from tidewaiter.masking.late import LateMask, Length
from tidewaiter.masking.plan import MaskingError, MaskPlan
from tidewaiter.sql import _skeleton
from tidewaiter.sql.skeleton import skeleton_in_python

KEY = bytes(range(32))

# -- skeletons --------------------------------------------------------------------------------------------------------
SQL = (
    b"select ", b"insert ", b"update ", b"delete ", b"SELECT", b"'", b"''", b"'a'",
    b'"', b'"a"', b'"1a"', b"e'", b"U&'",
    b"$1", b"$", b"$a$", b"1$", b"1", b"1.", b".1", b"1e", b"1e+", b"1e5", b"0x1f", b"1_0", b"--", b"/*", b"*/", b"\\",
    b"float", b"FLOAT", b"float(", b"float (1)", b"(", b"(1", b" ", b"\n", b"\v", b"\x00", b"\x01", b"\x02", b"\x80",
    b"\xc3\xa9", b"a", b"_", b"9", b".", b"&", b"-", b"/", b"+", b"n1", b"'1", b"1'", b'"1', b'1"', b"\xff1", b"1\xff",
)  # fmt: skip


def skeletons(data: bytes) -> None:
    """A text of SQL's pieces, or of any bytes."""
    draws = Draws(data)
    text = draws.pick(SQL[:5])
    if draws.flag():
        text += draws.rest()
    while not draws.is_over:
        text += draws.pick(SQL)
    assert _skeleton.skeleton(text) == skeleton_in_python(text), text


# -- the ledger -------------------------------------------------------------------------------------------------------
def entries(data: bytes) -> None:
    """Entries in one batch after another: sealed, with a ciphertext, too long. Bodies are short enough to be inline."""
    draws, key, other = Draws(data), BodyKey(DataKey("2026-11-22-1", KEY)), BodyKey(DataKey("", KEY[::-1]))
    native, python = _crypto.Batch(), InPython()
    while not draws.is_over:
        if draws.below(8) == 0:
            assert native.take() == python.take()
            continue
        sealed = draws.pick([key, other, None])
        fresh = draws.take(44).ljust(44, b"\x07") if sealed is not None else draws.some(44)
        seq, t_ns = (draws.pick([0, 1, 255, -1, -(1 << 63), (1 << 63) - 1, 1 << 32]) for _ in "ab")
        given = (seq, t_ns, draws.pick(["intent", "é", "", "k" * 300]))
        late_, members = draws.some(9) * draws.pick([1, 1, 1, 5000]), draws.some(200)
        member, body = draws.some(9), draws.some(300) * draws.pick([1, 1, 1, 200])
        entry = (*given, late_, members, b"" if sealed is not None else member, body)
        wanted = outcome(python.add, *entry, sealed, fresh)
        found = outcome(native.add, *entry, None if sealed is None else sealed.inline, fresh)
        if wanted is not found is None:  # C looks at what it needs at most, which is a little more
            assert len(late_ + members + member) > 60_000
            return
        assert found == wanted, (found, wanted, entry)
    assert native.take() == python.take()


def outcome(call: Callable[..., object], *given: object) -> object:
    """What a call returns; None where it refuses."""
    try:
        return call(*given)
    except (ValueError, OverflowError, Unfinished, struct.error):
        return None


def trees(data: bytes) -> None:
    """A tree of any size grows by whole hashes, and refuses what is none."""
    draws = Draws(data)
    size = draws.below(1 << draws.below(62))
    edge = [bytes([n, draws.below(256)]) * 16 for n in range(size.bit_count())]
    tree = Tree(size, edge)
    joined = b"".join(edge)
    for _ in range(1 + draws.below(4)):
        leaves = b"".join(draws.take(1) * HASH_BYTES for _ in range(draws.below(70)))
        odd = leaves + draws.some(40)
        found = outcome(_crypto.extend, tree.size, joined, odd)
        assert (found is None) == (len(odd) % HASH_BYTES != 0)
        if found is None:
            continue
        stored = tree.extend(odd[at : at + HASH_BYTES] for at in range(0, len(odd), HASH_BYTES))
        assert isinstance(found, tuple)
        joined, native = found
        assert native == b"".join(stored)
        assert tree.size.bit_count() * HASH_BYTES == len(joined)
    cut = joined[: draws.below(len(joined) + 1)]
    assert outcome(_crypto.extend, tree.size, cut, b"") == ((joined, b"") if cut == joined else None)


def bodies(data: bytes) -> None:
    """Bodies, and members out of parts."""
    draws = Draws(data)
    oids = tuple(draws.pick([0, 23, (1 << 32) - 1, 1 << 32, 1 << 64, -1]) for _ in range(draws.below(5)))
    body = (draws.some(300), draws.some(300), oids)
    found = outcome(_crypto.encode_body, *body)
    assert found == outcome(encode_body_in_python, *body), body
    parts: list[bytes | str | int] = []
    while not draws.is_over:
        number = draws.pick([0, -1, 9, 10, -(1 << 63), (1 << 63) - 1, draws.below(1 << 32)])
        text = draws.some(9).decode("utf-8", "replace")
        parts.append((draws.some(40), text, number)[draws.below(3)])
    assert _crypto.joined(parts) == _crypto.joined(tuple(parts)) == joined_in_python(parts), parts


# -- masked rows ------------------------------------------------------------------------------------------------------
TEXTS = (
    b"a", b"Z", b"7", b" ", b"  ", b"@", b".", b"-", b"_", b"+", b"%", b":", b"::", b"\0", b"\n", b"ab@c.de",
    b"@c.de", b"eyJ",
    b"-----BEGIN PRIVATE KEY-----", b"AB12", b"GB82WEST12345698765432", b"4111111111111111", b"123-45-6789",
    b"+49 30 1234567",
    b"10.0.0.1", b"::1", b"fe80::1", b"ghp_", b"abcdefghijklmno", b"A" * 63, b"b" * 64, b"x" * 128, b"\xc3\xa9",
    b"\xe6\xbc\xa2", b"\xf0\x9f\x98\x80", b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"{\"k\": \"v\"}",
    b"sk_live_",
)  # fmt: skip
NUMBERS = (
    b"0",
    b"-",
    b"1",
    b"9" * 18,
    b"9" * 19,
    b".",
    b".5",
    b"00",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"e5",
    b" ",
    b"1" * 40,
)
MOMENTS = (
    b"2024-05-06", b" 07:08:09.5+00", b" BC", b"infinity", b"-infinity", b"0001-01-01", b"5874897-12-31", b"-", b"0",
    b"9",
    b"294276-12-31", b"4713-01-01 BC", b"2024-02-30", b"0000-00-00", b" ", b"+05:30", b"-00:00:01", b"23:59:59.999999",
)  # fmt: skip
UUIDS = (b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", b"-", b"A0", b"g", b" ", b"a0eebc999c0b4ef8bb6d6bb9bd380a11", b"f")
JSONB = (*TEXTS, b"{}")
Pieces = tuple[bytes, ...]


def masked_rows(data: bytes) -> None:
    """Rows of values of their types, or nearly, with NULLs, of other widths than described, cut and damaged."""
    draws = Draws(data)
    index, masks, pieces = 0, [], {}
    for _ in range(1 + draws.below(3)):
        index += draws.below(3)
        mask, of = _mask(draws)
        masks.append((index, mask))
        pieces[index] = of
        index += 1
    plan = MaskPlan(masks)
    before = draws.some(3)
    rows = b""
    while not draws.is_over and len(rows) < 20_000:
        width = index if draws.below(16) else draws.below(index + 2)
        rows += _row([_value(draws, pieces.get(n, TEXTS)) for n in range(width)], draws)
        if draws.below(16) == 0:
            rows *= 1 + draws.below(40)  # more than are digested at once
    given = before + rows + draws.some(3)
    start, end = len(before), len(before) + len(rows)
    assert _applied(plan.apply, given, start, end) == _applied(plan.in_python, given, start, end), (masks, given)


def _applied(apply: Callable[[bytes, int, int], bytes], data: bytes, start: int, end: int) -> bytes | str:
    try:
        return apply(data, start, end)
    except MaskingError as why:
        return str(why)


def _row(values: list[bytes | None], draws: Draws) -> bytes:
    fields = (b"\xff\xff\xff\xff" if one is None else struct.pack("!I", len(one)) + one for one in values)
    body = struct.pack("!H", len(values)) + b"".join(fields)
    row = b"D" + struct.pack("!I", 4 + len(body)) + body
    match draws.below(24):
        case 1:
            return row[: draws.below(len(row) + 1)]
        case 2:
            at = draws.below(len(row))
            return row[:at] + draws.take(1) + row[at + 1 :]
        case 3:
            at = draws.below(len(row))
            return row[:at] + draws.take(4) + row[at + 4 :]
        case _:
            return row


def _value(draws: Draws, pieces: Pieces) -> bytes | None:
    if pieces is JSONB:  # no server sends another version
        return b"\1" + b"".join(draws.pick(pieces) for _ in range(draws.below(9)))
    match draws.below(8):
        case 1:
            return None
        case 2:
            return draws.some(20)
        case 3:
            return draws.take(draws.pick([2, 4, 8, 16]))
        case 4:
            count = draws.below(7)
            head = struct.pack("!HHHH", count, draws.below(6) - 2 & 0xFFFF, draws.pick([0, 0x4000, 0xC000]), 3)
            return head + draws.take(2 * count)
        case _:
            return b"".join(draws.pick(pieces) for _ in range(draws.below(9)))


def _mask(draws: Draws) -> tuple[LateMask, Pieces]:
    limit = draws.pick([0, 0, 1, 3, 9, 40, 63])
    length = (Length(limit), Length(limit, is_padded=True), Length(63, counts_bytes=True))[draws.below(3)]
    is_binary, base = draws.flag(), draws.pick(["date", "timestamp", "timestamptz"])
    key = KEY[: 1 + draws.below(32)]
    return draws.pick(
        (
            (late.Partial(length, draws.below(5), draws.below(5), draws.pick("*x•é😀")), TEXTS),
            (late.Email(length), TEXTS),
            (late.Token(length, key), TEXTS),
            (late.Fake(length, key), TEXTS),
            (late.FreeText(length, draws.flag()), TEXTS),
            (late.FreeJsonb(), JSONB),
            (late.IntegerToken(draws.pick([16, 32, 64]), is_binary, key), NUMBERS),
            (late.UuidToken(is_binary, key), UUIDS),
            (late.NumericBucket(draws.pick([1, 7, 1000, 10**15]), is_binary), NUMBERS),
            (late.Truncate(base, is_binary, draws.pick(["year", "month", "day"])), MOMENTS),
            (late.Shift(base, is_binary, draws.pick([1, 9, 400, 100_000]), key), MOMENTS),
            (late.Null(), TEXTS),
        )
    )


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (skeletons, entries, trees, bodies, masked_rows)
}

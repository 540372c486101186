from __future__ import annotations

import hashlib
import struct
from base64 import b32encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskkit import KEY, PARTIAL, column, mask, masked

TEXT = column("pg_catalog.text")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"4111222233334444", b"41************44"), (b"abcd", b"****"), (b"", b""), ("äöüßé".encode(), "äö*ßé".encode())],
)
def test_partial_counts_characters_and_masks_short_values_whole(value: bytes, expected: bytes) -> None:
    assert masked(PARTIAL, TEXT, value) == expected


def test_email_keeps_the_first_character_and_the_domain() -> None:
    assert masked(mask("email"), TEXT, b"amy@x.example") == b"a***@x.example"
    assert masked(mask("email"), TEXT, "öl@x".encode()) == "ö***@x".encode()
    assert masked(mask("email"), TEXT, b"@x") == b"***"
    assert masked(mask("email"), TEXT, b"none") == b"***"


def test_what_comes_out_has_the_length_of_the_type() -> None:
    assert masked(mask("email"), column("character varying(2)", "varchar"), b"abc") == b"**"
    assert masked(mask("email"), column("character varying(5)", "varchar"), "a@ü.example".encode()) == b"a***@"
    assert masked(mask("email"), column("character(8)", "bpchar"), b"a@bc    ") == b"a***@bc "
    assert masked(mask("email"), column("character(8)", "bpchar"), "a@ü     ".encode()) == "a***@ü  ".encode()
    assert masked(PARTIAL, column("character(8)", "bpchar"), b"abcdef  ") == b"ab**ef  "
    assert len(masked(mask("token"), column("character varying(9)", "varchar"), b"abc") or b"") == 9


def test_tokens_are_equal_for_equal_values_in_both_formats() -> None:
    token = masked(mask("token"), TEXT, b"abc")
    assert token == masked(mask("token"), TEXT, b"abc")
    assert token != masked(mask("token"), TEXT, b"abd")
    number = column("integer", "int4")
    text = masked(mask("token"), number, b"-17")
    binary = masked(mask("token"), number, struct.pack("!i", -17), is_binary=True)
    assert text is not None and binary is not None
    assert int(text) == struct.unpack("!i", binary)[0] > 0
    uuid = column("pg_catalog.uuid")
    said = masked(mask("token"), uuid, b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
    raw = masked(mask("token"), uuid, bytes.fromhex("a0eebc999c0b4ef8bb6d6bb9bd380a11"), is_binary=True)
    assert said is not None and raw is not None
    assert said.replace(b"-", b"").decode() == raw.hex()
    assert said[14:15] == b"8"


def test_shifted_days_differ_by_no_more_than_the_span_and_never_by_nothing() -> None:
    date = column("pg_catalog.date")
    for day in range(400):
        binary = masked(mask("shift", days=5), date, struct.pack("!i", day), is_binary=True)
        assert binary is not None
        assert 1 <= abs(struct.unpack("!i", binary)[0] - day) <= 5
    assert masked(mask("shift", days=5), date, b"infinity") == b"infinity"
    moment = column("timestamp without time zone", "timestamp")
    shifted = masked(mask("shift", days=5), moment, b"2024-05-06 07:08:09.5")
    assert shifted is not None and shifted.endswith(b" 07:08:09.5")


def test_a_date_in_another_style_raises() -> None:
    with pytest.raises(ValueError, match="ISO"):
        masked(mask("truncate", unit="year"), column("pg_catalog.date"), b"06/05/2024")


def test_a_moment_in_another_time_zone_raises() -> None:
    of, to = column("timestamp with time zone", "timestamptz"), mask("truncate", unit="month")
    assert masked(to, of, b"2024-05-06 07:08:09.5+00") == b"2024-05-01 00:00:00+00"
    assert masked(to, of, b"0044-03-15 01:02:03+00 BC") == b"0044-03-01 00:00:00+00 BC"
    assert masked(to, of, b"-infinity") == b"-infinity"
    for value in (b"2024-05-06 07:08:09+02", b"2024-05-06 07:08:09+00:30", b"2024-05-06 07:08:09"):
        with pytest.raises(ValueError, match="UTC"):
            masked(to, of, value)


def test_free_text_loses_what_is_found_and_types_without_a_form_are_null() -> None:
    assert masked(mask("free_text"), TEXT, b"write to amy@x.example") == b"write to [email]"
    assert masked(mask("free_text"), column("pg_catalog.jsonb"), b'\x01"a@b.cd"', is_binary=True) == b'\x01"[email]"'
    assert masked(mask("null"), TEXT, b"x") is None
    assert masked(mask("redact"), column("pg_catalog.inet"), b"10.0.0.1") is None


def test_names_are_cut_between_characters_by_bytes() -> None:
    of = column("pg_catalog.name")
    dots = mask("partial", keep_first=0, keep_last=1, char="•")
    assert masked(dots, of, b"x" * 30) == "•".encode() * 21
    assert masked(dots, of, b"x" * 20) == "•".encode() * 19 + b"x"
    assert masked(mask("email"), of, b"a@" + "ü".encode() * 30) == b"a***@" + "ü".encode() * 29


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"123456.78", b"123000.00"), (b"-1999.9", b"-1000.0"), (b"-999.99", b"0.00"), (b"0", b"0"), (b"NaN", b"NaN"),
        (b"-Infinity", b"NaN"), (b"%d" % (10**30 + 7), b"%d" % 10**30), (b"1.", None), (b"1e5", None), (b"", None),
    ],
)  # fmt: skip
def test_a_bucket_of_numeric_keeps_its_places(value: bytes, expected: bytes | None) -> None:
    of = column("numeric")
    if expected is None:
        with pytest.raises(ValueError, match="number"):
            masked(mask("bucket", size=1000), of, value)
    else:
        assert masked(mask("bucket", size=1000), of, value) == expected


def test_a_bucket_of_numeric_in_binary_format_is_what_the_server_would_send() -> None:
    def sent(weight: int, sign: int, places: int, *digits: int) -> bytes:
        return struct.pack(f"!HhHH{len(digits)}H", len(digits), weight, sign, places, *digits)

    of = column("numeric")
    for value, expected in (
        (sent(1, 0, 2, 12, 3456, 7800), sent(1, 0, 2, 12, 3000)),
        (sent(1, 0x4000, 1, 20, 0, 9000), sent(1, 0x4000, 1, 20)),
        (sent(0, 0x4000, 2, 999, 9900), sent(0, 0, 2)),
        (sent(-1, 0, 3, 1230), sent(0, 0, 3)),
        (sent(0, 0xF000, 32), sent(0, 0xC000, 0)),
        (sent(9, 0, 0, 1), sent(9, 0, 0, 1)),
    ):
        assert masked(mask("bucket", size=1000), of, value, is_binary=True) == expected
    with pytest.raises(ValueError, match="number"):
        masked(mask("bucket", size=1000), of, sent(0, 0, 0, 1)[:-1], is_binary=True)
    assert masked(mask("bucket", size=1000), of, sent(1074, 0, 0, 9), is_binary=True) is not None
    with pytest.raises(ValueError, match="4,300 digits"):
        masked(mask("bucket", size=1000), of, sent(1075, 0, 0, 9), is_binary=True)


@given(st.binary(max_size=40).map(lambda some: some.hex().encode()))
def test_a_token_is_the_digest_in_base_32(value: bytes) -> None:
    digest = hashlib.blake2b(value, key=KEY, digest_size=17).digest()
    assert masked(mask("token"), TEXT, value) == b"tok_" + b32encode(digest)[:26].lower()

from __future__ import annotations

import struct

import pytest

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire import postgres_parts as parts


def test_frame_counts_its_own_length_but_not_the_type_byte() -> None:
    assert parts.frame(ord("Q"), b"abc") == b"Q\0\0\0\x07abc"


def test_string_refuses_a_nul_that_would_end_it_early() -> None:
    assert parts.string(b"a") == b"a\0"
    with pytest.raises(ValueError, match="NUL"):
        parts.string(b"a\0b")


def test_text_end_is_the_offset_of_the_first_nul() -> None:
    assert parts.text_end(b"ab\0cd\0", 3, "X") == 5
    with pytest.raises(ProtocolViolation, match=r"X: .*NUL"):
        parts.text_end(b"ab\0cd", 3, "X")


@pytest.mark.parametrize("body", [b"", b"a", b"a\0b", b"a\0b\0", b"\0\0"])
def test_only_text_refuses_anything_but_one_terminated_string(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parts.only_text(body, "X")


def test_counts_are_unsigned_as_the_server_reads_them() -> None:
    assert parts.read_count(b"\xff\xff", 0, "X") == 65_535
    with pytest.raises(ProtocolViolation):
        parts.read_count(b"\xff", 0, "X")


def test_more_than_65535_values_cannot_be_packed() -> None:
    assert len(parts.pack_values([None] * 65_535)) == 2 + 4 * 65_535
    with pytest.raises(struct.error):
        parts.pack_values([None] * 65_536)
    with pytest.raises(struct.error):
        parts.pack_formats([0] * 65_536)


@pytest.mark.parametrize("tail", [b"\xff\xff\xff\xfe", b"\0\0\0\x02a", b"\0\0\0", b""])
def test_lengths_that_do_not_fit_are_refused(tail: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parts.read_values(b"\0\x01" + tail, 0, "X")


def test_values_end_where_their_lengths_say() -> None:
    body = parts.pack_values([b"ab", None, b""]) + b"rest"
    assert parts.read_values(body, 0, "X") == ([b"ab", None, b""], len(body) - 4)


def test_format_codes_other_than_text_and_binary_are_refused() -> None:
    assert parts.read_formats(b"\0\x02\0\0\0\x01", 0, "X") == ((0, 1), 6)
    for codes in ([2], [-1], [0, 7]):
        with pytest.raises(ProtocolViolation, match="format code"):
            parts.read_formats(parts.pack_formats(codes), 0, "X")
    with pytest.raises(ProtocolViolation, match="fit"):
        parts.read_formats(b"\0\x02\0\0", 0, "X")


def test_one_format_holds_for_all_values_and_none_means_text() -> None:
    two = parts.pack_values([b"a", None])
    assert parts.read_parameters(parts.pack_formats([]) + two, 0, "X")[0] == ((0, b"a"), (0, None))
    assert parts.read_parameters(parts.pack_formats([1]) + two, 0, "X")[0] == ((1, b"a"), (1, None))
    assert parts.read_parameters(parts.pack_formats([1, 0]) + two, 0, "X")[0] == ((1, b"a"), (0, None))
    with pytest.raises(ProtocolViolation, match="3 formats for 2 values"):
        parts.read_parameters(parts.pack_formats([1, 0, 1]) + two, 0, "X")


def test_copy_messages() -> None:
    assert parts.copy_data(b"1\t2\n") == b"d\0\0\0\x081\t2\n"
    assert parts.copy_done() == b"c\0\0\0\x04"

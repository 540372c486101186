"""Entry format v1: strict headers, bodies, spilling, frames."""

from __future__ import annotations

import contextlib
import json
from hashlib import sha256

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgerkit import flipped

from tidewaiter.ledger import entry
from tidewaiter.ledger.entry import (
    Body,
    Unfinished,
    decode,
    frame,
    joined,
    members,
    parameters,
    read_frame,
    restore,
    spill,
)

DIGEST = "a" * 64
START = b'{"v":1,"seq":7,"t_ns":9,"kind":"intent"'


def header(more: bytes = b"") -> bytes:
    return START + more + b"}"


def body_member(**changes: object) -> bytes:
    told = {"dek": "2026-11-22-1", "ct": DIGEST, "commit": DIGEST, "n": 5} | changes
    return b',"body":' + orjson.dumps({name: value for name, value in told.items() if value is not None})


def test_parts_are_joined_into_one_text() -> None:
    parts = (b"a", "ä", 7, -12, "", b"\xff")
    assert joined(parts) == joined(list(parts)) == b"a\xc3\xa47-12\xff"
    assert joined(()) == b""


def test_members_are_json_without_braces() -> None:
    assert members({}) == b""
    assert members({"a": 1, "b": "x", "c": [None, {"d": True}]}) == b'"a":1,"b":"x","c":[null,{"d":true}]'


@pytest.mark.parametrize("name", ["v", "seq", "t_ns", "t_src", "kind", "body", "spilled"])
def test_members_may_not_take_the_ledgers_own_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"reserved member names: {name}"):
        members({name: 1})


@pytest.mark.parametrize("value", [object(), 1 << 70, "\ud800"])
def test_values_that_json_cannot_hold_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not expressible"):
        members({"a": value})


def test_header_is_decoded() -> None:
    got = decode(header(b',"t_src":8,"a":[1]' + body_member()))
    assert (got.seq, got.t_ns, got.kind, got.t_src, got.fields) == (7, 9, "intent", 8, {"a": [1]})
    assert got.body == ("2026-11-22-1", DIGEST, DIGEST, 5, False)
    assert got.body is not None
    assert got.body.ciphertext_bytes == 5 + 12 + 32 + 16


def test_unusual_but_strict_spelling_is_accepted() -> None:
    assert decode(header(b', "a" : "\\u0041", "b": 1.50, "c": 18446744073709551616')).fields["a"] == "A"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "JSON|input|document"),
        (b"[]", "JSON object"),
        (header()[:-1], "JSON|expected|end"),
        (header() + b" x", "JSON|trailing|unexpected"),
        (header(b',"a":1,"a":1'), "twice"),
        (header(b',"a":1,"\\u0061":1'), "twice"),
        (header(b',"a":{"b":[{"c":1,"c" :2}]}'), "twice"),
        (header(b',"seq":7'), "twice"),
        (header(b',"a":NaN'), "JSON|unexpected|expected"),
        (header(b',"a":"\xff"'), "UTF-8|utf-8"),
        (header(b',"a":"' + b"x" * 20_000 + b'"'), "at most 16384"),
        (header(b',"a":' + b"[" * 900 + b"]" * 900), "deep"),
        (b'{"v":2,"seq":7,"t_ns":9,"kind":"x"}', "version"),
        (b'{"v":true,"seq":7,"t_ns":9,"kind":"x"}', "'v'"),
        (b'{"v":1,"seq":-1,"t_ns":9,"kind":"x"}', "'seq'"),
        (b'{"v":1,"seq":1.0,"t_ns":9,"kind":"x"}', "'seq'"),
        (b'{"v":1,"seq":9223372036854775808,"t_ns":9,"kind":"x"}', "'seq'"),
        (b'{"v":1,"seq":7,"kind":"x"}', "'t_ns'"),
        (b'{"v":1,"seq":7,"t_ns":9,"kind":1}', "'kind'"),
        (header(b',"t_src":"8"'), "'t_src'"),
        (header(b',"body":1'), "'body'"),
        (header(body_member(ct="A" * 64)), "'body'"),
        (header(body_member(ct=DIGEST + "\n")), "'body'"),
        (header(body_member(commit="a")), "'body'"),
        (header(body_member(dek="../../etc/passwd")), "'body'"),
        (header(body_member(n=None)), "'n'"),
        (header(body_member(more=1)), "'body'"),
        (header(body_member(at="moon")), "'body'"),
        (header(body_member(at="blob")), "wrong place"),
        (header(body_member(n=70_000)), "wrong place"),
        (header(b',"spilled":{"members":["a"],"sha256":"' + DIGEST.encode() + b'"}'), "without a body"),
        (header(b',"spilled":{"members":[],"sha256":"' + DIGEST.encode() + b'"}' + body_member()), "'spilled'"),
        (header(b',"spilled":{"members":[1],"sha256":"' + DIGEST.encode() + b'"}' + body_member()), "'spilled'"),
        (header(b',"spilled":{"members":["a"],"sha256":"x"}' + body_member()), "'spilled'"),
    ],
)
def test_loose_header_is_refused_with_the_reason(raw: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
fields = st.dictionaries(st.text(max_size=6).filter(lambda name: name not in entry._RESERVED), json_values, max_size=5)


@given(fields)
def test_decode_gives_back_what_members_took(told: dict[str, object]) -> None:
    raw = members(told)
    assert decode(header(b"," + raw if raw else b"")).fields == told


@given(st.binary(max_size=80))
def test_any_bytes_are_an_entry_or_a_value_error(raw: bytes) -> None:
    for decoder in (decode, Body.decode, parameters):
        with contextlib.suppress(ValueError):
            decoder(raw)
    with contextlib.suppress(ValueError):
        read_frame(raw, 0)


@given(st.binary(max_size=50), st.binary(max_size=50), st.lists(st.integers(0, (1 << 32) - 1), max_size=4), st.binary())
def test_body_round_trips(sql: bytes, binds: bytes, types: list[int], told: bytes) -> None:
    body = Body(sql, binds, tuple(types), told)
    assert Body.decode(body.encode()) == body


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "version"),
        (b"\x02S\0\0\0\0", "version"),
        (b"\x01S\0\0\0\x02x", "cut short"),
        (b"\x01S\0\0", "cut short"),
        (b"\x01X\0\0\0\0", "sections"),
        (b"\x01S\0\0\0\0S\0\0\0\0", "sections"),
        (b"\x01B\0\0\0\0S\0\0\0\0", "sections"),
        (b"\x01S\0\0\0\0T\0\0\0\x03abc", "four bytes"),
    ],
)
def test_malformed_body_is_refused_with_the_reason(raw: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Body.decode(raw)


def test_parameters_of_a_bind_message_are_read() -> None:
    values = b"\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\x02\0\x07"
    assert parameters(b"\0\0" + values) == [(0, b"a"), (0, None), (0, b"\0\x07")]
    assert parameters(b"\0\x01\0\x01" + values) == [(1, b"a"), (1, None), (1, b"\0\x07")]
    assert parameters(b"\0\x03\0\0\0\0\0\x01" + values) == [(0, b"a"), (0, None), (1, b"\0\x07")]
    assert parameters(b"\0\0\0\0") == []
    with pytest.raises(ValueError, match="cut short"):
        parameters(b"\0\0" + values[:-1])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        parameters(b"\0\x02\0\0\0\0" + values)


def test_spilling_moves_the_longest_members_whole_into_the_body() -> None:
    touches = [{"relation": f"public.t{number}"} for number in range(3000)]
    told = {"session": "s", "sql_like": "x" * 9000, "touches": touches, "other": "y" * 9000}
    spilled = spill(members(told), 10_000)
    got = decode(header(b"," + spilled.short + body_member()))
    assert got.spilled == ("touches", "sql_like") or got.spilled == ("touches", "other")
    assert got.fields["touches"] == {"count": 3000}
    assert got.fields["session"] == "s"
    assert got.spill_sha256 == sha256(spilled.full).hexdigest()
    assert restore(got, Body(b"", members=spilled.full)) == told


def test_scalars_spill_with_a_count_of_one() -> None:
    spilled = spill(b'"a":12345678901234567890123,"b":1', 142)
    assert json.loads(b"{" + spilled.short + b"}")["a"] == {"count": 1}


def test_members_that_cannot_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        spill(members({f"member{number}": 1 for number in range(2000)}), 1000)
    with pytest.raises(ValueError, match="reserved"):
        spill(b'"seq":1', 1000)
    with pytest.raises(ValueError, match="twice"):
        spill(b'"a":1,"a":2', 1000)


def test_entry_that_did_not_spill_restores_to_its_own_fields() -> None:
    got = decode(header(b',"a":1'))
    assert restore(got, Body(b"")) is got.fields


def test_body_that_is_not_the_spilled_one_is_refused() -> None:
    short, full = spill(members({"a": "x" * 500}), 300)
    got = decode(header(b"," + short + body_member()))
    with pytest.raises(ValueError, match="does not hold"):
        restore(got, Body(b"", members=full + b" "))
    other = b'{"b":1}'
    digest = sha256(other).hexdigest()
    with pytest.raises(ValueError, match="names that were spilled"):
        restore(got._replace(spill_sha256=digest), Body(b"", members=other))


@given(st.binary(min_size=1, max_size=60), st.binary(max_size=60), st.binary(max_size=20))
def test_frame_round_trips(head: bytes, ciphertext: bytes, before: bytes) -> None:
    raw = frame(head, ciphertext)
    assert read_frame(before + raw + b"more", len(before)) == (head, ciphertext, len(before) + len(raw))
    for cut in range(len(raw)):
        with pytest.raises(Unfinished):
            read_frame(raw[:cut], 0)
    for at in range(len(raw)):
        with pytest.raises(ValueError, match=r"damaged|checksum") as error:
            read_frame(flipped(raw, at), 0)
        assert not isinstance(error.value, Unfinished), "damage never looks like an unfinished frame"

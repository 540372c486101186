from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire import postgres_frontend as frontend
from tidewaiter.wire.postgres_parts import NAME_BYTES

TEXT = st.binary(max_size=40).map(lambda text: text.replace(b"\0", b""))
NAME = TEXT
OID = st.integers(0, 2**32 - 1)
VALUES = st.lists(st.none() | st.binary(max_size=20), max_size=6)
KIND = st.sampled_from("SP")


def body_of(message: bytes, kind: int) -> bytes:
    """The body of one whole message of this type."""
    assert message[0] == kind
    assert int.from_bytes(message[1:5], "big") == len(message) - 1
    return message[5:]


@given(TEXT)
def test_query_comes_back(sql: bytes) -> None:
    assert frontend.parse_query(body_of(frontend.query(sql), frontend.QUERY)) == sql


@pytest.mark.parametrize("body", [b"", b"select 1", b"select 1\0;drop table t\0", b"a\0\0"])
def test_query_with_missing_or_embedded_nul_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        frontend.parse_query(body)


def test_empty_query_is_an_empty_text() -> None:
    assert frontend.parse_query(b"\0") == b""


@given(NAME, TEXT, st.lists(OID, max_size=5))
def test_parse_comes_back(name: bytes, sql: bytes, oids: list[int]) -> None:
    body = body_of(frontend.parse(name, sql, oids), frontend.PARSE)
    assert frontend.parse_parse(body) == (name, sql, tuple(oids))


@pytest.mark.parametrize(
    "body",
    [b"", b"s", b"s\0", b"s\0select 1", b"s\0q\0", b"s\0q\0\0", b"s\0q\0\0\0x", b"s\0q\0\0\1\0\0\0", b"s\0q\0\xff\xff"],
)
def test_malformed_parse_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        frontend.parse_parse(body)


@given(NAME, NAME, VALUES, st.sampled_from(["none", "one", "each"]), st.data())
def test_bind_comes_back(
    portal: bytes, statement: bytes, values: list[bytes | None], how: str, data: st.DataObject
) -> None:
    size = {"none": 0, "one": 1, "each": len(values)}[how]
    formats = data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
    results = data.draw(st.lists(st.integers(0, 1), max_size=3))
    body = body_of(frontend.bind(portal, statement, formats, values, results), frontend.BIND)
    found_portal, found_statement, offset = frontend.parse_bind_head(body)
    assert (found_portal, found_statement) == (portal, statement)
    every = formats * len(values) if len(formats) == 1 else formats or [0] * len(values)
    assert frontend.parse_bind_values(body[offset:]) == tuple(zip(every, values, strict=True))


def test_bind_names_are_read_from_the_beginning_of_a_long_body() -> None:
    body = frontend.bind(b"p", b"s", (), (b"x" * 1000,), ())[5:]
    assert frontend.parse_bind_head(memoryview(body)[:20]) == (b"p", b"s", 4)


@pytest.mark.parametrize("body", [b"", b"p", b"p\0", b"p\0s"])
def test_bind_without_two_names_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        frontend.parse_bind_head(body)


def test_bytes_after_the_parameter_section_are_refused() -> None:
    with pytest.raises(ProtocolViolation, match="left over"):
        frontend.parse_bind_values(b"\0\0\0\0\0\0x")


@given(NAME, st.integers(-(2**31), 2**31 - 1))
def test_execute_comes_back_and_negative_limits_are_none(portal: bytes, max_rows: int) -> None:
    body = body_of(frontend.execute(portal, max_rows), frontend.EXECUTE)
    assert frontend.parse_execute(body) == (portal, max(max_rows, 0))


@pytest.mark.parametrize("body", [b"", b"p", b"p\0", b"p\0\0\0\0", b"p\0\0\0\0\0\0", b"\0\0\0"])
def test_malformed_execute_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        frontend.parse_execute(body)


@given(KIND, NAME)
def test_describe_and_close_come_back(kind: str, name: bytes) -> None:
    assert frontend.parse_describe(body_of(frontend.describe(kind, name), frontend.DESCRIBE)) == (kind, name)
    assert frontend.parse_close(body_of(frontend.close(kind, name), frontend.CLOSE)) == (kind, name)


@pytest.mark.parametrize("body", [b"", b"S", b"X\0", b"s\0", b"Sname", b"Sname\0x", b"\0"])
def test_malformed_describe_and_close_are_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        frontend.parse_describe(body)
    with pytest.raises(ProtocolViolation):
        frontend.parse_close(body)


def test_names_that_are_one_to_the_server_are_one_to_us() -> None:
    """PostgreSQL keys statements and portals by their first 63 bytes; so `long + a` and `long + b` are the same."""
    long = b"n" * NAME_BYTES
    for name in (long, long + b"a", long + b"bbbb"):
        assert frontend.parse_parse(frontend.parse(name, b"select 1")[5:])[0] == long
        portal, statement, offset = frontend.parse_bind_head(frontend.bind(name, name, (), (b"v",), ())[5:])
        assert (portal, statement) == (long, long)
        assert offset == 2 * len(name) + 2
        assert frontend.parse_execute(frontend.execute(name)[5:])[0] == long
        assert frontend.parse_describe(frontend.describe("S", name)[5:])[1] == long
        assert frontend.parse_close(frontend.close("P", name)[5:])[1] == long
    assert frontend.parse_bind_head(frontend.bind(b"p", long + b"a", (), (), ())[5:])[:2] == (b"p", long)


@given(OID, VALUES, st.integers(0, 1), st.integers(0, 1))
def test_function_call_comes_back(oid: int, arguments: list[bytes | None], code: int, result: int) -> None:
    body = body_of(frontend.function_call(oid, [code], arguments, result), frontend.FUNCTION_CALL)
    assert frontend.parse_function_call(body) == oid


@pytest.mark.parametrize("body", [b"", b"\0\0\0", b"\0\0\0\1", b"\0\0\0\1\0\0\0\0", b"\0\0\0\1\0\0\0\0\0\2"])
def test_malformed_function_call_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        frontend.parse_function_call(body)


def test_copy_fail_comes_back() -> None:
    assert frontend.parse_copy_fail(body_of(frontend.copy_fail(b"changed my mind"), frontend.COPY_FAIL)) == (
        b"changed my mind"
    )


def test_messages_without_content() -> None:
    assert frontend.sync() == b"S\0\0\0\x04"
    assert frontend.flush() == b"H\0\0\0\x04"
    assert frontend.terminate() == b"X\0\0\0\x04"
    frontend.parse_empty(b"")
    with pytest.raises(ProtocolViolation):
        frontend.parse_empty(b"\0")


def test_builders_refuse_a_nul_inside_a_name() -> None:
    with pytest.raises(ValueError, match="NUL"):
        frontend.parse(b"a\0b", b"select 1")


def test_a_query_is_read_where_it_stands() -> None:
    chunk = b"\0before\0" + b"select 1\0" + b"behind\0"
    assert frontend.parse_query(chunk, 8, 17) == b"select 1"
    for start, end in ((8, 16), (8, 18), (7, 17), (8, 8), (17, 8)):
        with pytest.raises(ProtocolViolation):
            frontend.parse_query(chunk, start, end)

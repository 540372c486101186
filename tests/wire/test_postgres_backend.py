from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire import postgres_backend as backend

INT32 = st.integers(-(2**31), 2**31 - 1)
INT16 = st.integers(-(2**15), 2**15 - 1)
NAME = st.binary(max_size=20).map(lambda text: text.replace(b"\0", b""))
# what a server can send, decoded by surrogateescape
TOLD = NAME.map(lambda text: text.decode("utf-8", "surrogateescape"))
COLUMN = st.builds(
    backend.Column, NAME, st.integers(0, 2**32 - 1), INT16, st.integers(0, 2**32 - 1), INT16, INT32, st.integers(0, 1)
)


def body_of(message: bytes, kind: int) -> bytes:
    assert message[0] == kind
    assert int.from_bytes(message[1:5], "big") == len(message) - 1
    return message[5:]


def test_error_response_has_the_fields_in_the_servers_order() -> None:
    message = backend.error_response("ERROR", "42501", "no", detail="d", hint="h", position=8)
    assert message == b"E\0\0\0\x27SERROR\0VERROR\0C42501\0Mno\0Dd\0Hh\0P8\0\0"
    assert backend.error_response("FATAL", "28P01", "no")[5:] == b"SFATAL\0VFATAL\0C28P01\0Mno\0\0"


@given(TOLD, TOLD, TOLD, st.none() | st.integers(1, 10**9))
def test_error_and_notice_come_back(message: str, detail: str, hint: str, position: int | None) -> None:
    expected = {"S": "ERROR", "V": "ERROR", "C": "42501", "M": message}
    expected |= {code: text for code, text in (("D", detail), ("H", hint)) if text}
    expected |= {"P": str(position)} if position is not None else {}
    error = backend.error_response("ERROR", "42501", message, detail=detail, hint=hint, position=position)
    notice = backend.notice_response("ERROR", "42501", message, detail=detail, hint=hint, position=position)
    body = body_of(error, backend.ERROR_RESPONSE)
    assert backend.parse_error_fields(body) == expected
    assert body_of(notice, backend.NOTICE_RESPONSE) == body
    assert backend.sqlstate_of(body) == "42501"
    assert backend.error_fields(expected) == error


@given(st.text(st.characters(codec=None), max_size=20))
def test_telling_of_an_error_never_fails_on_its_text(text: str) -> None:
    fields = backend.parse_error_fields(backend.error_response("ERROR", "XX000", text)[5:])
    assert len(fields["M"]) == len(text)


def test_nul_and_lone_surrogates_in_an_error_are_replaced() -> None:
    assert backend.parse_error_fields(backend.error_response("ERROR", "XX000", "a\0b")[5:])["M"] == "a\ufffdb"
    assert backend.parse_error_fields(backend.error_response("ERROR", "XX000", "a\ud800b")[5:])["M"] == "a?b"


@pytest.mark.parametrize("body", [b"", b"SERROR\0", b"SERROR\0\0x", b"SERROR", b"C1\0C2\0\0", b"S"])
def test_malformed_error_fields_are_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        backend.parse_error_fields(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"\0", b"SERROR\0Mno\0\0", b"C4250\0\0", b"C425011\0\0", b"C42-01\0\0", b"C42501", b"C\xc3\xa9501\0\0"],
)
def test_an_error_without_a_usable_sqlstate_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        backend.sqlstate_of(body)


@pytest.mark.parametrize(
    ("tag", "rows"),
    [
        ("INSERT 0 5", 5), ("SELECT 7", 7), ("COPY 9", 9), ("MOVE 2", 2), ("UPDATE 0", 0), ("MERGE 3", 3),
        ("FETCH 1", 1), ("CREATE TABLE", 0), ("BEGIN", 0), ("", 0), ("123", 0), ("SELECT ", 0), ("SELECT -1", 0),
        ("SELECT 18446744073709551615", 2**64 - 1),
    ],
)  # fmt: skip
def test_command_complete_comes_back_with_its_rows(tag: str, rows: int) -> None:
    body = body_of(backend.command_complete(tag), backend.COMMAND_COMPLETE)
    assert backend.parse_command_complete(body) == (tag, rows)


@pytest.mark.parametrize(
    "body", [b"", b"SELECT 1", b"SELECT\0 1\0", b"SEL\xc3\x89CT 1\0", b"SELECT " + b"9" * 5000 + b"\0"]
)
def test_malformed_command_complete_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        backend.parse_command_complete(body)


@pytest.mark.parametrize("status", ["I", "T", "E"])
def test_ready_for_query_comes_back(status: str) -> None:
    assert backend.parse_ready_for_query(body_of(backend.ready_for_query(status), backend.READY_FOR_QUERY)) == status


@pytest.mark.parametrize("status", ["", "X", "IT", "i"])
def test_unknown_transaction_statuses_are_refused_in_both_directions(status: str) -> None:
    with pytest.raises(ProtocolViolation):
        backend.parse_ready_for_query(status.encode())
    with pytest.raises(ValueError, match="transaction status"):
        backend.ready_for_query(status)


@given(NAME, NAME)
def test_parameter_status_comes_back(name: bytes, value: bytes) -> None:
    body = body_of(backend.parameter_status(name, value), backend.PARAMETER_STATUS)
    assert backend.parse_parameter_status(body) == (name, value)


@pytest.mark.parametrize("body", [b"", b"a", b"a\0", b"a\0b", b"a\0b\0c"])
def test_malformed_parameter_status_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        backend.parse_parameter_status(body)


@given(INT32, st.binary(min_size=4, max_size=256))
def test_backend_key_data_comes_back(pid: int, secret: bytes) -> None:
    body = body_of(backend.backend_key_data(pid, secret), backend.BACKEND_KEY_DATA)
    assert backend.parse_backend_key_data(body) == (pid, secret)


@pytest.mark.parametrize("size", [0, 3, 257])
def test_cancel_keys_of_impossible_size_are_refused_in_both_directions(size: int) -> None:
    with pytest.raises(ProtocolViolation):
        backend.parse_backend_key_data(bytes(4 + size))
    with pytest.raises(ValueError, match="cancel key"):
        backend.backend_key_data(1, bytes(size))


@given(st.integers(0, 0xFFFF), st.lists(st.sampled_from(["_pq_.a", "_pq_.b", "_pq_.é"]), max_size=3))
def test_negotiate_protocol_version_comes_back(minor: int, options: list[str]) -> None:
    body = body_of(backend.negotiate_protocol_version(minor, options), backend.NEGOTIATE_PROTOCOL_VERSION)
    assert int.from_bytes(body[:4], "big") == 0x30000 + minor
    assert backend.parse_negotiate_protocol_version(body) == (minor, tuple(options))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\0\3\0\0\0\0\0", b"\0\2\0\0\0\0\0\0", b"\0\0\0\2\0\0\0\0", b"\0\3\0\0\0\0\0\1", b"\0\3\0\0\0\0\0\1ab",
        b"\0\3\0\0\0\0\0\0a\0", b"\0\3\0\0\xff\xff\xff\xff", b"\0\3\0\0\0\0\0\1a\0b",
    ],
)  # fmt: skip
def test_malformed_negotiate_protocol_version_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        backend.parse_negotiate_protocol_version(body)


@given(st.lists(COLUMN, max_size=4))
def test_row_description_comes_back(columns: list[backend.Column]) -> None:
    body = body_of(backend.row_description(columns), backend.ROW_DESCRIPTION)
    assert backend.parse_row_description(body) == tuple(columns)


@pytest.mark.parametrize("body", [b"", b"\0\1", b"\0\1a\0", b"\0\1a\0" + bytes(17), b"\0\1a\0" + bytes(19), b"\0\0x"])
def test_malformed_row_description_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        backend.parse_row_description(body)


@given(st.lists(st.none() | st.binary(max_size=20), max_size=5))
def test_data_row_comes_back(row: list[bytes | None]) -> None:
    assert backend.parse_data_row(body_of(backend.data_row(row), backend.DATA_ROW)) == tuple(row)


def test_bytes_after_a_data_row_are_refused() -> None:
    with pytest.raises(ProtocolViolation, match="left over"):
        backend.parse_data_row(b"\0\0x")


def test_messages_without_content() -> None:
    built = (
        backend.parse_complete(),
        backend.bind_complete(),
        backend.close_complete(),
        backend.no_data(),
        backend.empty_query_response(),
        backend.portal_suspended(),
    )
    assert built == tuple(kind + b"\0\0\0\x04" for kind in (b"1", b"2", b"3", b"n", b"I", b"s"))


def test_ever_new_and_overlong_tags_are_read() -> None:
    for number in range(3 * backend.TAGS):
        tag = f"SELECT {number}"
        assert backend.parse_command_complete(tag.encode() + b"\0") == (tag, number)
        assert backend.parse_command_complete(b"x" * backend.TAG_BYTES + tag.encode() + b"\0")[1] == number


def test_parameter_description_comes_back() -> None:
    for oids in ((), (23,), (25, 4_294_967_295)):
        body = body_of(backend.parameter_description(oids), backend.PARAMETER_DESCRIPTION)
        assert backend.parse_parameter_description(body) == oids


@pytest.mark.parametrize("body", [b"", b"\0", b"\0\1", b"\0\1\0\0\0", b"\0\0\0"])
def test_malformed_parameter_description_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        backend.parse_parameter_description(body)

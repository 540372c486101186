"""Every parser at once: whatever the bytes, a value or ProtocolViolation, whole or as memoryview."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire import postgres

PARSERS: dict[str, Callable[[bytes | memoryview], object]] = {
    name: getattr(postgres, name) for name in postgres.__all__ if name.startswith("parse_") or name == "sqlstate_of"
}
del PARSERS["parse_complete"]  # a builder: ParseComplete

LETTERS = {
    "AUTHENTICATION": "R", "BACKEND_KEY_DATA": "K", "BIND": "B", "BIND_COMPLETE": "2", "CLOSE": "C",
    "CLOSE_COMPLETE": "3", "COMMAND_COMPLETE": "C", "COPY_BOTH_RESPONSE": "W", "COPY_DATA": "d", "COPY_DONE": "c",
    "COPY_FAIL": "f", "COPY_IN_RESPONSE": "G", "COPY_OUT_RESPONSE": "H", "DATA_ROW": "D", "DESCRIBE": "D",
    "EMPTY_QUERY_RESPONSE": "I", "ERROR_RESPONSE": "E", "EXECUTE": "E", "FLUSH": "H", "FUNCTION_CALL": "F",
    "FUNCTION_CALL_RESPONSE": "V", "NEGOTIATE_PROTOCOL_VERSION": "v", "NO_DATA": "n", "NOTICE_RESPONSE": "N",
    "NOTIFICATION_RESPONSE": "A", "PARAMETER_DESCRIPTION": "t", "PARAMETER_STATUS": "S", "PARSE": "P",
    "PARSE_COMPLETE": "1", "PASSWORD": "p", "PORTAL_SUSPENDED": "s", "QUERY": "Q", "READY_FOR_QUERY": "Z",
    "ROW_DESCRIPTION": "T", "SYNC": "S", "TERMINATE": "X",
}  # fmt: skip

# Bytes that look like messages: strings, small counts, lengths, so that parsers are led past their first check.
PARTS = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"\0", b"\0\0", b"S1\0", b"P\0", b"CERROR\0", b"C42501\0", b"SELECT 5\0", b"Mno\0"]),
    st.integers(0, 3).map(lambda n: n.to_bytes(2, "big")),
    st.integers(-2, 12).map(lambda n: n.to_bytes(4, "big", signed=True)),
    st.sampled_from([0x30000, 0x30002, 0x20000, 80877102, 80877103, 80877104]).map(lambda n: n.to_bytes(4, "big")),
)
BODIES = st.one_of(st.binary(max_size=64), st.lists(PARTS, max_size=10).map(b"".join))


@pytest.mark.parametrize("name", PARSERS)
@given(body=BODIES)
@example(body=b"")
@example(body=b"\0")
@example(body=b"\xff" * 40)
def test_any_bytes_give_a_value_or_a_protocol_violation(name: str, body: bytes) -> None:
    parser = PARSERS[name]
    try:
        value = parser(body)
    except ProtocolViolation:
        with pytest.raises(ProtocolViolation):
            parser(memoryview(body))
    else:
        assert parser(memoryview(body)) == value


def test_message_types_are_the_letters_of_the_documentation() -> None:
    assert {name: chr(getattr(postgres, name)) for name in LETTERS} == LETTERS


def test_everything_exported_exists_once() -> None:
    assert len(set(postgres.__all__)) == len(postgres.__all__)
    assert all(hasattr(postgres, name) for name in postgres.__all__)

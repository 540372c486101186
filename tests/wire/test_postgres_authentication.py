from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire import postgres_authentication as authentication


def body_of(message: bytes, kind: int) -> bytes:
    assert message[0] == kind
    assert int.from_bytes(message[1:5], "big") == len(message) - 1
    return message[5:]


@given(st.binary(max_size=30))
def test_every_request_comes_back(data: bytes) -> None:
    built: list[tuple[bytes, authentication.Authentication]] = [
        (authentication.authentication_ok(), authentication.AuthenticationOk()),
        (authentication.authentication_cleartext_password(), authentication.AuthenticationCleartextPassword()),
        (authentication.authentication_md5_password(b"salt"), authentication.AuthenticationMD5Password(b"salt")),
        (authentication.authentication_sasl(["A-PLUS", "A"]), authentication.AuthenticationSASL(("A-PLUS", "A"))),
        (authentication.authentication_sasl_continue(data), authentication.AuthenticationSASLContinue(data)),
        (authentication.authentication_sasl_final(data), authentication.AuthenticationSASLFinal(data)),
    ]
    for message, value in built:
        assert authentication.parse_authentication(body_of(message, authentication.AUTHENTICATION)) == value


@pytest.mark.parametrize(("code", "method"), [(2, "KerberosV5"), (7, "GSSAPI"), (9, "SSPI"), (99, "")])
def test_methods_not_spoken_here_are_named(code: int, method: str) -> None:
    found = authentication.parse_authentication(code.to_bytes(4, "big") + b"rest")
    assert found == authentication.AuthenticationUnsupported(code, method)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\0\0\0", b"\0\0\0\0x", b"\0\0\0\3x", b"\0\0\0\5abc", b"\0\0\0\5abcde", b"\0\0\0\n", b"\0\0\0\n\0",
        b"\0\0\0\nA\0", b"\0\0\0\nA\0B", b"\0\0\0\nA\0\0B\0\0", b"\0\0\0\n\0A\0\0", b"\0\0\0\n\xc3\xa9\0\0",
    ],
)  # fmt: skip
def test_malformed_requests_are_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        authentication.parse_authentication(body)


def test_password_message_comes_back() -> None:
    body = body_of(authentication.password_message("gehéim\udcff"), authentication.PASSWORD)
    assert authentication.parse_password_message(body) == "gehéim".encode() + b"\xff"
    with pytest.raises(ValueError, match="NUL"):
        authentication.password_message("a\0b")


@given(st.none() | st.binary(max_size=30))
def test_sasl_initial_response_comes_back(data: bytes | None) -> None:
    body = body_of(authentication.sasl_initial_response("SCRAM-SHA-256", data), authentication.PASSWORD)
    assert authentication.parse_sasl_initial_response(body) == ("SCRAM-SHA-256", data)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"A", b"A\0", b"A\0\0\0\0", b"A\0\0\0\0\1", b"A\0\0\0\0\1ab", b"A\0\xff\xff\xff\xffx",
        b"A\0\xff\xff\xff\xfe", b"\0\0\0\0\0", b"\xc3\xa9\0\0\0\0\0",
    ],
)  # fmt: skip
def test_malformed_sasl_initial_responses_are_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        authentication.parse_sasl_initial_response(body)


@given(st.binary(max_size=30))
def test_sasl_response_comes_back(data: bytes) -> None:
    assert authentication.parse_sasl_response(body_of(authentication.sasl_response(data), 0x70)) == data


def test_a_salt_of_the_wrong_size_is_not_sent() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        authentication.authentication_md5_password(b"abc")

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.errors import ProtocolViolation
from tidewaiter.wire import postgres_startup as startup

VERSION = b"\0\3\0\0"
TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)


def packet_of(message: bytes) -> bytes:
    assert int.from_bytes(message[:4], "big") == len(message)
    return message[4:]


@given(st.dictionaries(TEXT.filter(bool), TEXT, max_size=5), st.integers(0, 0xFFFF))
def test_startup_message_comes_back(params: dict[str, str], minor: int) -> None:
    found = startup.parse_startup(packet_of(startup.startup_message(params, minor)))
    assert found == startup.Startup(3, minor, params)


@given(st.integers(-(2**31), 2**31 - 1), st.binary(min_size=4, max_size=256))
def test_cancel_request_comes_back(pid: int, secret: bytes) -> None:
    assert startup.parse_startup(packet_of(startup.cancel_request(pid, secret))) == startup.Cancel(pid, secret)


def test_encryption_requests_come_back() -> None:
    assert startup.ssl_request() == b"\0\0\0\x08\x04\xd2\x16\x2f"
    assert startup.parse_startup(startup.ssl_request()[4:]) == startup.SslRequest()
    assert startup.parse_startup(startup.gss_request()[4:]) == startup.GssRequest()


def test_the_last_of_a_repeated_parameter_counts_as_in_the_server() -> None:
    found = startup.parse_startup(VERSION + b"user\0a\0user\0b\0\0")
    assert found == startup.Startup(3, 0, {"user": "b"})


def test_no_parameters_and_empty_values_are_understood() -> None:
    assert startup.parse_startup(VERSION + b"\0") == startup.Startup(3, 0, {})
    assert startup.parse_startup(VERSION + b"options\0\0\0") == startup.Startup(3, 0, {"options": ""})


@pytest.mark.parametrize(
    "packet",
    [
        b"", b"\0\3\0", VERSION, VERSION + b"user\0a\0", VERSION + b"user\0a", VERSION + b"user\0\0", VERSION + b"\0\0",
        VERSION + b"\0a\0b\0\0", VERSION + b"a\0b\0\0c\0d\0\0", VERSION + b"a\0b\0\0x", VERSION + b"x",
        VERSION + b"user\0\xff\0\0", VERSION + b"\xff\0a\0\0",
    ],
)  # fmt: skip
def test_malformed_startup_packets_are_refused(packet: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        startup.parse_startup(packet)


def test_startup_packets_are_bounded_as_in_the_server() -> None:
    fits = VERSION + b"user\0" + b"a" * (startup.STARTUP_BYTES_MAX - 11) + b"\0\0"
    assert len(fits) == startup.STARTUP_BYTES_MAX
    assert isinstance(startup.parse_startup(fits), startup.Startup)
    with pytest.raises(ProtocolViolation, match="invalid length"):
        startup.parse_startup(fits[:-2] + b"a\0\0")


@pytest.mark.parametrize("version", [b"\0\2\0\0", b"\0\4\0\0", b"\0\0\0\0", b"\x04\xd2\x16\x2a", b"\xff\xff\xff\xff"])
def test_other_protocols_are_refused(version: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="unsupported frontend protocol"):
        startup.parse_startup(version + b"\0")


@pytest.mark.parametrize(
    "packet",
    [
        startup.ssl_request()[4:] + b"x",
        startup.cancel_request(1, bytes(4))[4:-1],
        startup.cancel_request(1, bytes(256))[4:] + b"x",
    ],
)
def test_requests_of_wrong_length_are_refused(packet: bytes) -> None:
    with pytest.raises(ProtocolViolation, match="invalid length"):
        startup.parse_startup(packet)


@pytest.mark.parametrize("params", [{"": "a"}, {"a": "b\0c"}, {"a": "x" * 10_000}])
def test_startup_messages_that_no_server_understands_are_not_built(params: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"name|NUL|longer"):
        startup.startup_message(params)


def test_cancel_keys_of_impossible_size_are_not_sent() -> None:
    with pytest.raises(ValueError, match="cancel key"):
        startup.cancel_request(1, b"abc")

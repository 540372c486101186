"""What a client hears of what a server says while the gateway logs in."""

from __future__ import annotations

import pytest

from tidewaiter.errors import ProtocolViolation
from tidewaiter.proxy.greeting import GREETING_BYTES, WITHHELD, Greeting, LoginFailed
from tidewaiter.wire import postgres
from tidewaiter.wire.frames import HEADER, length_at

LET_IN = postgres.authentication_ok()
ENCODING = postgres.parameter_status(b"client_encoding", b"UTF8")
SERVERS_KEY = postgres.backend_key_data(7, b"server's key of 32 bytes or less")
WARNED = postgres.error_fields({"S": "WARNING", "V": "WARNING", "C": "01000", "M": "mind eve@example.com"}, ord("N"))
NOTIFIED = b"A\0\0\0\x10\0\0\0\7eve\0ssn\0"
CHANGED = postgres.parameter_status(b"client_encoding", b"LATIN1")
READY = postgres.ready_for_query("I")
CLIENTS_KEY = b"ours"


def heard(*messages: bytes) -> Greeting:
    greeting = Greeting()
    for data in messages:
        greeting.take(data[0], data[HEADER:])
    return greeting


def kinds(data: bytes) -> str:
    found, at = "", 0
    while at < len(data):
        found += chr(data[at])
        at += length_at(data, at)
    return found


def failed(sqlstate: str, *before: bytes, message: str = "eve@example.com may not") -> LoginFailed:
    return LoginFailed("shop", heard(*before, postgres.error_response("FATAL", sqlstate, message)))


def fields(answer: bytes) -> dict[str, str]:
    assert kinds(answer) == "E"
    return postgres.parse_error_fields(answer[HEADER:])


def test_everything_comes_in_the_servers_order_with_a_key_of_the_gateways_own() -> None:
    greeting = heard(LET_IN, ENCODING, SERVERS_KEY, WARNED, CHANGED, NOTIFIED, READY)
    expected = LET_IN + ENCODING + postgres.backend_key_data(7, CLIENTS_KEY) + WARNED + CHANGED + NOTIFIED + READY
    assert greeting.relayed(CLIENTS_KEY, is_veiled=False) == expected


def test_who_sees_masks_hears_nothing_that_code_of_the_database_may_have_said() -> None:
    unheard_of = postgres.parameter_status(b"my_extension.last_seen", b"eve@example.com")
    greeting = heard(WARNED, LET_IN, WARNED, ENCODING, unheard_of, SERVERS_KEY, WARNED, NOTIFIED, CHANGED, READY)
    expected = LET_IN + ENCODING + postgres.backend_key_data(7, CLIENTS_KEY) + CHANGED + READY
    assert greeting.relayed(CLIENTS_KEY, is_veiled=True) == expected


def test_a_server_that_gives_no_key_leaves_its_client_without_one() -> None:
    assert kinds(heard(LET_IN, ENCODING, READY).relayed(CLIENTS_KEY, is_veiled=False)) == "RSZ"


def test_a_server_cannot_be_ready_without_having_let_anybody_in() -> None:
    with pytest.raises(ProtocolViolation, match="without having let anybody in"):
        heard(ENCODING, READY)


def test_what_belongs_to_no_login_ends_it() -> None:
    with pytest.raises(ProtocolViolation, match="'D' during login"):
        heard(LET_IN, postgres.data_row([b"1"]))


def test_what_is_said_has_a_bound() -> None:
    line = postgres.error_fields({"S": "NOTICE", "C": "00000", "M": "x" * 60_000}, ord("N"))
    within = GREETING_BYTES // len(line)
    heard(*[line] * within)
    with pytest.raises(ProtocolViolation, match="1048576 bytes"):
        heard(*[line] * (within + 1))
    with pytest.raises(ProtocolViolation, match="1048576 bytes"):
        heard(*[b"N\0\0\0\4"] * (GREETING_BYTES // HEADER + 1))


@pytest.mark.parametrize("sqlstate", ["57P03", "53300", "55000", "22023", "42501"])
@pytest.mark.parametrize("is_veiled", [False, True])
def test_before_anybody_is_let_in_the_servers_words_are_its_own(sqlstate: str, *, is_veiled: bool) -> None:
    answer = failed(sqlstate, message="the database system is starting up").farewell(is_veiled=is_veiled)
    assert fields(answer) == {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": "the database system is starting up"}


def test_what_a_login_trigger_said_before_it_failed_comes_first() -> None:
    refused = failed("P0001", LET_IN, ENCODING, SERVERS_KEY, WARNED)
    said = postgres.error_response("FATAL", "P0001", "eve@example.com may not")
    assert refused.farewell(is_veiled=False) == LET_IN + ENCODING + WARNED + said


@pytest.mark.parametrize("sqlstate", ["P0001", "28000", "3D000"])
def test_a_login_trigger_gives_its_own_sqlstate(sqlstate: str) -> None:
    refused = failed(sqlstate, LET_IN, SERVERS_KEY)
    assert b"C" + sqlstate.encode() + b"\0" in refused.farewell(is_veiled=False)
    assert fields(refused.farewell(is_veiled=True))["C"] == sqlstate


@pytest.mark.parametrize("before", [(LET_IN, ENCODING, WARNED), (LET_IN, ENCODING, SERVERS_KEY, WARNED)])
def test_who_sees_masks_hears_of_an_error_its_sqlstate_alone(before: tuple[bytes, ...]) -> None:
    answer = failed("P0001", *before).farewell(is_veiled=True)
    assert fields(answer) == {"S": "FATAL", "V": "FATAL", "C": "P0001", "M": WITHHELD}


@pytest.mark.parametrize("sqlstate", ["28P01", "28000", "3D000"])
def test_trouble_with_the_gateways_own_login_is_no_trouble_with_its_clients(sqlstate: str) -> None:
    """28P01 would have psql ask for another password, and a tool that hears 3D000 may create the database."""
    refused = failed(sqlstate, message='password authentication failed for user "tidewaiter"')
    told = fields(refused.farewell(is_veiled=False))
    assert told["C"] == "08006"
    assert told["M"] == 'datasource shop refused the login: password authentication failed for user "tidewaiter"'
    assert "datasource test" in told["H"]
    assert fields(failed(sqlstate, LET_IN).farewell(is_veiled=True))["C"] == "08006"
    assert fields(failed(sqlstate, LET_IN).farewell(is_veiled=True))["M"] == WITHHELD


def test_what_the_log_says_can_be_written_whatever_the_server_said() -> None:
    body = b"SFATAL\0CP0001\0M\xff\xfe\0\0"
    greeting = heard(LET_IN, b"E" + (len(body) + 4).to_bytes(4, "big") + body)
    assert str(LoginFailed("shop", greeting)) == "datasource shop refused the login: ??"
    assert LoginFailed("shop", greeting).farewell(is_veiled=False).endswith(body)


def test_an_error_without_a_sqlstate_is_no_answer() -> None:
    with pytest.raises(ProtocolViolation, match="SQLSTATE"):
        LoginFailed("shop", heard(b"E\0\0\0\x0cSFATAL\0\0"))

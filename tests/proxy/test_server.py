"""A gateway on real sockets: who is let in, who is told why not, what is recorded of it, and that others go on."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gatehouse import LOOPS, WELCOME, House
from modelserver import NAMES, SLEEP
from playstage import RULES, policies
from rawwire import PROTOCOL_3_0, SSL_REQUEST, SYNC, Client, Refused, errors_of, message, query, rows_of

from tidewaiter.policy import Policies
from tidewaiter.wire import postgres as pg

READ = query(NAMES.sql)
NAMED = [["ada"], ["bob"], ["cyd"]]
DEADLINE_S = 2  # for logins, in tests that wait for it to pass


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A gateway that its test opens."""
    made = House(tmp_path)
    yield made
    if made.is_open:
        made.close()


@pytest.fixture(params=LOOPS)
def either(request: pytest.FixtureRequest, house: House) -> House:
    """One on each of the event loops."""
    house.loop_factory = LOOPS[request.param]
    return house


@pytest.fixture
def hasty(either: House) -> House:
    """One that does not wait long for logins."""
    either.settings["login_timeout_s"] = DEADLINE_S
    return either.open()


def still_serves(house: House) -> None:
    with house.client() as client:
        assert client.rows(NAMES.sql.decode()) == NAMED


# -- sessions --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("tls", [False, True])
def test_a_session_is_recorded_from_its_beginning_to_its_end(either: House, tls: bool) -> None:
    either.open()
    with either.client(options={"application_name": "psql"}, tls=either.tls() if tls else None) as client:
        assert client.rows(NAMES.sql.decode()) == NAMED
        assert client.parameters["server_version"] == "18.1"
        assert client.key[:4] == b"\0\0\0\7" and client.key[4:] != b"kkkk", "the server's own cancel key is not told"
    either.close()
    (start,), (ran,), (end,) = either.of("session.start"), either.of("execution"), either.of("session.end")
    assert (start["principal"], start["datasource"], start["credential"]) == ("ada", "shop", either.credential)
    assert (start["client_address"], start["application"], start["backend_pid"]) == ("127.0.0.1", "psql", 7)
    assert (start["protocol"], start["mode"], start["masks"], bool(start["tls"])) == ("3.0", "enforce", False, tls)
    assert (ran["session"], ran["rows"]) == (start["session"], 3)
    assert (end["reason"], end["statements"], end["rows"]) == ("client said good-bye", 1, 3)
    assert either.reasons == []
    (started,) = either.database.started
    assert started.params["application_name"] == f"tidewaiter:ada:{start['session']}:psql"


def test_a_database_that_goes_away_ends_the_session_with_a_word(house: House) -> None:
    house.open()
    with house.client() as client:
        house.do(lambda: house.database.writers[0].transport.abort())
        assert errors_of(client.ends()) == ["08006"]
    still_serves(house)
    house.close()
    assert [end["reason"] for end in house.of("session.end")] == [
        "server closed the connection",
        "client said good-bye",
    ]


def test_a_client_that_goes_away_while_its_statement_runs_has_it_cancelled(house: House) -> None:
    house.open()
    client = house.client()
    client.send(query(SLEEP.sql))
    assert house.database.asleep.wait(30)
    client.sock.close()
    deadline = time.monotonic() + 30
    while not house.database.cancelled:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    house.close()
    assert house.database.cancelled == [pg.Cancel(7, b"kkkk")]
    (lost,) = [entry for kind, entry in house.entries if kind in ("execution", "outcome")]
    assert lost["status"] == "lost"


def test_a_cancel_reaches_the_database_with_the_right_key_only(house: House) -> None:
    house.open()
    with house.client() as client:
        client.send(query(SLEEP.sql))
        assert house.database.asleep.wait(30)
        for wrong in (client.key[:4] + b"\0" * len(client.key[4:]), b"\0\0\0\x08" + client.key[4:], client.key + b"x"):
            assert house.told(struct.pack("!II", 8 + len(wrong), 80877102) + wrong) == []
        assert house.database.cancelled == []
        client.cancel("127.0.0.1", house.port)
        assert house.database.cancelled == [pg.Cancel(7, b"kkkk")]
        house.do(house.database.wakes.set)
        assert errors_of(list(client.until())) == ["57014"]
    house.close()
    assert len(house.of("cancel")) == 1


# -- logins that come to nothing -------------------------------------------------------------------------------------
STARTUP = b"user\0ada\0database\0shop\0\0"
HELLO = struct.pack("!II", len(STARTUP) + 8, PROTOCOL_3_0) + STARTUP


@pytest.mark.parametrize(
    ("data", "sqlstates", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", ["08P01"], "no startup: invalid length of startup packet: 1195725856 bytes"),
        (b"\0\0\0\7....", ["08P01"], "no startup: invalid length of startup packet: 7 bytes"),
        (b"\xff" * 64, ["08P01"], "no startup: invalid length of startup packet: 4294967295 bytes"),
        (
            struct.pack("!II", 9, 2 << 16) + b"\0",
            ["08P01"],
            "no startup: unsupported frontend protocol 2.0: server supports 3.0 to 3.2",
        ),
        (
            struct.pack("!II", 16, PROTOCOL_3_0) + b"user\0\xff\0\0",
            ["08P01"],
            "no startup: a startup parameter is not valid UTF-8",
        ),
        (SSL_REQUEST + HELLO, ["08P01"], "no startup: received unencrypted data after an encryption request"),
        (struct.pack("!II", 9, PROTOCOL_3_0) + b"\0", ["28000"], "no user name"),
        (HELLO + READ, ["08P01"], "protocol violation: expected SASL response, got message type 81"),
        (HELLO + b"p\0\0\0\3", ["08P01"], "protocol violation: "),
        (HELLO + b"p\xff\xff\xff\xff", ["08P01"], "protocol violation: "),
        (HELLO + message(b"p", b"NO-SUCH\0\0\0\0\0"), ["08P01"], "protocol violation: "),
        (HELLO + message(b"p", b"SCRAM-SHA-256\0\0\0\0\3n,,"), ["08P01"], "protocol violation: "),
    ],
    ids=lambda told: repr(told)[:30],
)
def test_what_is_no_login_is_told_so_counted_and_nobody_else_notices(
    house: House, data: bytes, sqlstates: list[str], reason: str
) -> None:
    house.open()
    with house.client() as bystander:
        assert errors_of([got for got in house.told(data) if got.type == b"E"]) == sqlstates
        assert list(rows_of(bystander.ask(READ))) == NAMED
    still_serves(house)
    house.close()
    (told,) = house.reasons
    assert told == reason or (reason.endswith(": ") and told.startswith(reason) and told != reason)
    assert house.of("login.failed")[0]["source"] == "127.0.0.1"


def test_a_wrong_password_is_told_and_counted(house: House) -> None:
    house.open()
    with pytest.raises(Refused, match='password authentication failed for user "ada"'):
        Client.connect("127.0.0.1", house.port, "ada", "wrong", "shop")
    house.close()
    (failed,) = house.of("login.failed")
    assert (failed["user"], failed["reason"]) == ("ada", "login refused")


@pytest.mark.parametrize("reset", [False, True])
def test_who_goes_away_instead_of_proving_anything_is_no_defect(either: House, reset: bool) -> None:
    """As psql does when it is asked for a password that it does not have yet."""
    either.open()
    with socket.create_connection(("127.0.0.1", either.port)) as sock:
        sock.sendall(HELLO)
        assert sock.recv(1) == b"R"
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    still_serves(either)
    either.close()
    assert either.reasons == ["went away during login"]


def test_more_than_a_startup_packet_holds_is_told(house: House) -> None:
    """What the gateway adds to the client's own parameters must fit with them."""
    house.open()
    with pytest.raises(Refused) as refused:
        house.client(options={"search_path": "x" * 9_950})
    assert "startup" in str(refused.value)
    assert refused.value.sqlstate != "XX000"
    house.close()
    assert not [reason for reason in house.reasons if reason.startswith("defect")]


def test_what_a_database_says_in_its_own_encoding_harms_nobody(house: House) -> None:
    """Before it knows whose session it will be, a server speaks as its own locale does."""
    house.open()
    said = b"f\xfcr Benutzer"
    house.database.welcome = pg.error_fields({"S": "FATAL", "C": "28P01", "M": said.decode("utf-8", "surrogateescape")})
    with pytest.raises(Refused) as refused:
        house.client()
    assert refused.value.sqlstate == "08006"
    house.database.welcome = WELCOME
    time.sleep(1.1)  # until what was counted in that second is written
    still_serves(house)
    house.close()
    assert "f?r Benutzer" in house.reasons[0]


@pytest.mark.parametrize("welcome", [b"", b"HTTP/1.1 400 Bad Request\r\n", b"\xff" * 99, WELCOME[:-3]])
def test_a_database_that_is_none_is_told_and_counted(hasty: House, welcome: bytes) -> None:
    hasty.database.welcome = welcome
    with pytest.raises(Refused) as refused:
        hasty.client()
    assert refused.value.sqlstate in ("08006", "08P01")
    hasty.database.welcome = WELCOME
    still_serves(hasty)
    hasty.close()
    assert len(hasty.reasons) == 1


def test_a_datasource_that_must_not_be_used_is_not_connected_to(house: House) -> None:
    house.watch.refuses = "user tidewaiter of datasource shop is a superuser, whom no policy holds"
    house.open()
    with pytest.raises(Refused, match="is a superuser"):
        house.client()
    assert house.database.started == []


# -- those who are slow, and those who are many ----------------------------------------------------------------------
BEGINNINGS = [b"", HELLO[:3], HELLO[:20], HELLO, HELLO + b"p\0\0", SSL_REQUEST]


def all_end(house: House, wait: Callable[..., None], each: Sequence[tuple[object, ...]]) -> None:
    """The gateway ends what each of them waits for, all at once; it serves others, and has counted each of them."""
    with ThreadPoolExecutor(len(each)) as threads:
        for done in [threads.submit(wait, house, *what) for what in each]:
            done.result()
    for _ in range(5):  # whatever descriptors they had serve others
        still_serves(house)
    house.close()
    assert sum(entry["count"] for entry in house.of("login.failed")) == len(each)


def begun(house: House, begin: bytes, drips: bool) -> None:
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as sock:
        sock.sendall(begin)
        if drips:
            sock.settimeout(DEADLINE_S / 10)
        rest = iter(b"p\0\0\xff\xff" * 1000 if begin.endswith(b"ada\0database\0shop\0\0") else HELLO * 100)
        told = b"x"
        while told:
            with contextlib.suppress(TimeoutError):
                told = sock.recv(65536)
                continue
            with contextlib.suppress(ConnectionError):
                sock.sendall(bytes([next(rest)]))


@pytest.mark.parametrize("drips", [False, True])
def test_logins_that_do_not_come_to_their_end_are_not_waited_for(hasty: House, drips: bool) -> None:
    """Another byte now and then must not be enough to be waited for."""
    all_end(hasty, begun, [(begin, drips) for begin in BEGINNINGS])


def begun_in_tls(house: House, begin: bytes, direct: bool) -> None:
    context = house.tls()
    context.set_alpn_protocols(["postgresql"])
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as bare:
        if not direct:
            bare.sendall(SSL_REQUEST)
            assert bare.recv(1) == b"S"
        with context.wrap_socket(bare, server_hostname="localhost") as sock:
            sock.sendall(begin)
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                while sock.recv(65536):
                    pass


@pytest.mark.parametrize("direct", [False, True])
def test_silence_inside_tls_is_not_waited_for_either(hasty: House, direct: bool) -> None:
    all_end(hasty, begun_in_tls, [(begin, direct) for begin in (b"", HELLO[:5], HELLO)])


@pytest.mark.parametrize("begin", [b"\0\0\0\7....", b"\xff" * 64, SSL_REQUEST, struct.pack("!II", 9, 2 << 16) + b"\0"])
def test_what_is_no_login_inside_tls_is_told_so_inside_tls(either: House, begin: bytes) -> None:
    either.open()
    with Client.reach("127.0.0.1", either.port, either.tls()) as client:
        client.send(begin)
        assert errors_of(client.ends()) == ["08P01"]
    still_serves(either)
    either.close()
    (reason,) = either.reasons
    assert re.match(
        "no startup: (invalid length|encryption was requested inside|unsupported frontend protocol)", reason
    )


def test_a_handshake_that_fails_and_who_leaves_before_it_are_told_apart(either: House) -> None:
    either.open()
    with socket.create_connection(("127.0.0.1", either.port), timeout=30) as sock:
        sock.sendall(SSL_REQUEST)
        assert sock.recv(1) == b"S"
        sock.sendall(b"\x16\x03\x01\0\5hello")
        while sock.recv(100):
            pass
    either.do(lambda: None)
    time.sleep(1.1)  # of one source only the first reason of a second is kept
    with socket.create_connection(("127.0.0.1", either.port)) as sock:
        sock.sendall(b"\0\0")
    still_serves(either)
    either.close()
    handshake, gone = either.reasons
    assert handshake.startswith("no startup: TLS: ")
    assert gone == "no startup: went away"


def test_direct_tls_for_another_protocol_is_refused(either: House) -> None:
    either.open()
    context = either.tls()
    bare = socket.create_connection(("127.0.0.1", either.port), timeout=30)
    with bare, context.wrap_socket(bare, server_hostname="localhost") as sock:
        assert errors_of(Client(sock).ends()) == ["08P01"]
    either.close()
    assert either.reasons == [
        "no startup: received direct TLS connection request without ALPN protocol negotiation extension"
    ]


def test_more_sessions_than_fit_are_told_and_counted_and_later_ones_fit(house: House) -> None:
    house.settings["connections"] = 2
    house.open()
    with house.client() as one, house.client() as other:
        with pytest.raises(Refused, match="too many clients") as refused:
            house.client()
        assert refused.value.sqlstate == "53300"
        assert list(rows_of(one.ask(READ))) == list(rows_of(other.ask(READ))) == NAMED
    eventually_serves(house)
    house.close()
    assert "too many connections" in house.reasons


def test_no_more_sessions_than_fit_come_in_at_once(house: House) -> None:
    """All of them see an empty gateway when they begin to log in."""
    house.settings["connections"] = 2
    house.open()
    came: list[Client] = []
    refused: list[str] = []

    def come() -> None:
        try:
            came.append(house.client())
        except Refused as told:
            refused.append(told.sqlstate)

    crowd = [threading.Thread(target=come) for _ in range(12)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert (len(came), refused) == (2, ["53300"] * 10)
    for client in came:
        client.close()
    eventually_serves(house)


def eventually_serves(house: House) -> None:
    """Once the gateway has noticed that others are gone."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return still_serves(house)
        except (Refused, ConnectionError):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_flood_of_them_is_few_entries(house: House) -> None:
    house.open()
    for _ in range(200):
        house.told(b"\0\0\0\7....")
    house.close()
    failed = house.of("login.failed")
    assert sum(entry["count"] for entry in failed) == 200
    assert len(failed) < 100
    assert {entry["source"] for entry in failed} == {"127.0.0.1"}


# -- the end ---------------------------------------------------------------------------------------------------------
def test_when_it_stops_who_is_idle_is_told_and_who_is_busy_gets_an_answer(either: House) -> None:
    either.open()
    idle, busy = either.client(), either.client()
    with idle, busy:
        busy.send(query(SLEEP.sql))
        assert either.database.asleep.wait(30)
        closing = threading.Thread(target=either.close)  # which wakes who sleeps
        closing.start()
        assert errors_of(idle.ends()) == ["57P01"]
        assert errors_of(busy.ends()) == ["57014", "57P01"]
        closing.join(30)
        with pytest.raises(ConnectionError):
            either.client()
    assert len(either.of("session.end")) == 2


def test_a_ledger_that_cannot_be_written_lets_nobody_in(house: House) -> None:
    house.open()
    house.disk.is_full = True
    for _ in range(2):
        with pytest.raises(Refused, match="no session can begin") as refused:
            house.client()
        assert refused.value.sqlstate == "58030"
    house.disk.is_full = False
    eventually_serves(house)
    house.close()
    assert [ran["rows"] for ran in house.of("execution")] == [3]


def test_a_defect_ends_one_connection_and_is_counted(house: House) -> None:
    house.open()
    with house.client() as bystander:
        house.policies = broken
        with pytest.raises(Refused, match="this is a bug") as refused:
            house.client()
        assert refused.value.sqlstate == "XX000"
        house.policies = lambda: policies(RULES)
        assert list(rows_of(bystander.ask(READ))) == NAMED
    still_serves(house)
    house.close()
    assert house.reasons == ["defect: ZeroDivisionError()"]


def broken() -> Policies:
    raise ZeroDivisionError


def test_a_taken_address_is_an_error(house: House) -> None:
    house.open()
    with pytest.raises(OSError):
        house.gateway.listen()


@pytest.mark.parametrize(
    "data",
    [
        message(b"p", b"again"),
        message(b"R", b"\0\0\0\0"),
        b"y\0\0\0\4",
        b"\0\0\0\0\4",
        b"Q\0\0\0\3",
        b"Q\xff\xff\xff\xff",
        HELLO,
        b"\x16\x03\x01\0\x05hello",
    ],
    ids=repr,
)
def test_bytes_that_no_message_has_end_their_session_and_no_other(house: House, data: bytes) -> None:
    house.open()
    with house.client() as bystander, house.client() as client:
        client.send(data, SYNC)
        assert errors_of(client.ends()) == ["08P01"]
        assert list(rows_of(bystander.ask(READ))) == NAMED
    still_serves(house)
    house.close()
    ended = [end["reason"] for end in house.of("session.end")]
    assert len(ended) == 3
    assert sum(reason.startswith("protocol violation: ") for reason in ended) == 1
    assert house.reasons == []


@pytest.mark.parametrize(
    "data",
    [message(b"Q", b"select 1"), message(b"P", b"\0"), message(b"D", b"x\0"), message(b"S", b"extra"),
     message(b"F", b"\0\0"), message(b"Q", b"select 1\0; drop table orders\0")],
    ids=repr,
)  # fmt: skip
def test_messages_that_are_cut_short_or_too_long_are_refused(house: House, data: bytes) -> None:
    house.open()
    with house.client() as bystander, house.client() as client:
        client.send(data, SYNC)
        assert set(errors_of(client.ends())) == {"08P01"}
        assert list(rows_of(bystander.ask(READ))) == NAMED
    house.close()
    assert [entry["verdict"] for entry in house.of("execution")] == ["allow"]

"""Who gets in, how those who do not are answered, and how sessions are ended from outside."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from rawwire import Client, Refused, Scram, errors_of, message, query, types_of
from rig import MASKED, PATIENCE, Deployment, Issued, configure, copy_of, eventually, running

from tidewaiter.demo.deployment import Upstream
from tidewaiter.demo.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def gate(workshop: Path, template: Deployment) -> Iterator[Deployment]:
    """One for this file: its failed logins would throttle the address that the other tests come from."""
    more = ("[limits]", "failed_logins_per_minute = 1000")
    yield from running(copy_of(template, workshop / "login", template.postgres, *more))


def refusal(attempt: Callable[[], Client]) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        attempt()
    return refused.value.fields


def attempt(gate: Deployment, user: str, password: str, database: str = "shop") -> Callable[[], Client]:
    return lambda: Client.connect("127.0.0.1", gate.port, user, password, database)


def test_wrong_unknown_expired_and_revoked_look_alike(gate: Deployment) -> None:
    expired, revoked = gate.issue("alice", "--ttl", "1s"), gate.issue("alice")
    gate.cli("credential", "revoke", revoked.id)
    time.sleep(1.1)
    answers = [
        refusal(attempt(gate, "alice", "wrong")),
        refusal(attempt(gate, "alice", expired.password)),
        refusal(attempt(gate, "alice", revoked.password)),
    ]
    nobody = refusal(attempt(gate, "nobody-at-all", "wrong"))
    assert {answer["C"] for answer in [*answers, nobody]} == {"28P01"}
    assert answers[0] == answers[1] == answers[2]
    assert nobody == {code: text.replace("alice", "nobody-at-all") for code, text in answers[0].items()}


def test_unknown_users_cost_as_many_round_trips_and_iterations(gate: Deployment) -> None:
    """The challenge for an unknown name must look like one for a known name, every time the same."""
    with Client.reach("127.0.0.1", gate.port) as first, Client.reach("127.0.0.1", gate.port) as second:
        salts = [_challenge(client, "ghost") for client in (first, second)]
    with Client.reach("127.0.0.1", gate.port) as third:
        known = _challenge(third, "alice")
    assert salts[0] == salts[1] != known
    assert salts[0].split(",")[1] == known.split(",")[1]


def test_live_credentials_of_one_principal_all_work(gate: Deployment) -> None:
    for issued in (gate.issue("alice"), gate.issue("alice"), gate.issued["alice"]):
        with Client.connect("127.0.0.1", gate.port, "alice", issued.password, "shop") as client:
            assert client.rows("select 1") == [["1"]]


def test_credential_for_one_datasource_opens_no_other(gate: Deployment) -> None:
    issued = gate.issue("alice", "--datasource", "shop")
    attempt(gate, "alice", issued.password)().close()
    assert refusal(attempt(gate, "alice", issued.password, "watched"))["C"] in ("28P01", "28000")


def test_unknown_datasource_is_refused(gate: Deployment) -> None:
    assert refusal(attempt(gate, "alice", gate.issued["alice"].password, "nowhere"))["C"] == "3D000"


def test_revoking_ends_the_sessions_at_once(gate: Deployment) -> None:
    issued = gate.issue("alice")
    with Client.connect("127.0.0.1", gate.port, "alice", issued.password, "shop") as client:
        client.ask(query("begin; insert into analyst_notes (note) values ('by a revoked hand')"))
        client.send(query("select pg_sleep(60)"))
        began = time.monotonic()
        gate.cli("credential", "revoke", issued.id)
        told = client.ends()
        assert time.monotonic() - began < 5 * PATIENCE
        assert errors_of(told)[-1:] in (["57P01"], ["28000"], ["42501"], ["28P01"])
    eventually(lambda: not gate.backends("state = 'active' and query like '%pg_sleep(60)%'"))
    assert gate.psql("select count(*) from analyst_notes where note = 'by a revoked hand'").stdout == "0\n"


def test_session_kill_and_ls(gate: Deployment) -> None:
    with gate.raw("dora") as client:
        client.rows("select 1")
        (told,) = [found for found in gate.json("session", "ls") if found["principal"] == "dora"]
        gate.cli("session", "kill", told["id"])
        assert client.ends() is not None
    eventually(lambda: not [found for found in gate.json("session", "ls") if found["principal"] == "dora"])


def test_disabled_owner_takes_the_agent_along(gate: Deployment) -> None:
    gate.cli("principal", "disable", "alice")
    try:
        for name in ("alice", "reporter"):
            assert refusal(attempt(gate, name, gate.issued[name].password))["C"] == "28P01"
    finally:
        gate.cli("principal", "enable", "alice")
    attempt(gate, "reporter", gate.issued["reporter"].password)().close()


def test_group_change_holds_for_the_next_statement_of_a_live_session(gate: Deployment) -> None:
    with gate.raw("alice") as client:
        assert errors_of(client.ask(query("select name from employees limit 1"))) == ["42501"]
        gate.cli("principal", "group", "add", "alice", "dba")
        try:
            assert errors_of(client.ask(query("select name from employees limit 1"))) == []
        finally:
            gate.cli("principal", "group", "rm", "alice", "dba")
        assert errors_of(client.ask(query("select name from employees limit 1"))) == ["42501"]


def test_a_session_does_not_outlive_the_group_that_gave_it_its_role(gate: Deployment) -> None:
    gate.cli("principal", "add", "temp", "--kind", "user", "--group", "dba")
    issued = gate.issue("temp")
    with Client.connect("127.0.0.1", gate.port, "temp", issued.password, "shop") as client:
        assert client.rows("select current_user") == [["shop_admin"]]
        gate.cli("principal", "group", "rm", "temp", "dba")
        assert errors_of(client.ends())[-1:] == ["57P01"]


def test_failed_logins_are_recorded_with_their_source(gate: Deployment) -> None:
    def is_recorded() -> bool:
        """Of one source the first reason of a second is kept: another test's, perhaps."""
        refusal(attempt(gate, "mallory", "guess"))
        done = gate.cli("audit", "tail", "--json", check=False).stdout
        return "login.failed" in done and "mallory" in done

    eventually(is_recorded)


def test_flood_of_failed_logins_is_slowed_down_and_bounded(own_gateway: Deployment) -> None:
    configure(own_gateway, "[limits]", "failed_logins_per_minute = 10")
    own_gateway.start()
    size = _ledger_bytes(own_gateway)
    codes = [refusal(attempt(own_gateway, f"guess{number}", "x"))["C"] for number in range(150)]
    assert set(codes) <= {"28P01", "53300"}
    assert _ledger_bytes(own_gateway) - size < 100_000
    assert own_gateway.stop() == 0
    assert own_gateway.verify()["ok"]


def test_replication_and_unlisted_startup_parameters_are_refused(gate: Deployment) -> None:
    who: Issued = gate.issued["dora"]
    for options in ({"replication": "database"}, {"session_replication_role": "replica"}, {"_pq_.x": "1", "role": "x"}):
        with pytest.raises(Refused):
            Client.connect("127.0.0.1", gate.port, who.user, who.password, "shop", options=options).close()


@pytest.mark.parametrize(
    ("option", "hint"),
    [("replication=database", "no statements to decide on"), ("options=-cenable_sort=off", "SET asks")],
)
def test_who_is_refused_a_startup_parameter_hears_what_to_do(gate: Deployment, option: str, hint: str) -> None:
    name, _, value = option.partition("=")
    with pytest.raises(psycopg.OperationalError, match=hint):
        psycopg.connect(gate.dsn("dora", **{name: value})).close()


def test_gss_encryption_is_declined_and_the_login_goes_on(gate: Deployment) -> None:
    with psycopg.connect(gate.dsn(gssencmode="prefer")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as bare:
        bare.sendall(b"\0\0\0\x08\x04\xd2\x16\x30")
        assert bare.recv(1) == b"N"


def test_tls_can_be_demanded_of_everyone(own_gateway: Deployment) -> None:
    text = (own_gateway.folder / "tidewaiter.toml").read_text()
    (own_gateway.folder / "tidewaiter.toml").write_text(
        text.replace("[gateway]", '[gateway]\nrequire_tls = "always"', 1)
    )
    own_gateway.start()
    with pytest.raises(psycopg.OperationalError, match=r"TLS|SSL|encrypt"):
        psycopg.connect(own_gateway.dsn(sslmode="disable")).close()
    with psycopg.connect(own_gateway.dsn(sslmode="require")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_bytes_before_tls_are_refused(gate: Deployment) -> None:
    """CVE-2021-23214: what comes in the same packet as SSLRequest must not be taken for part of the secured session."""
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as bare:
        bare.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f" + b"\0\0\0\x10\0\x03\0\0user\0x\0\0")
        answer = bare.recv(1000)
        assert answer[:1] != b"S" or bare.recv(1000) == b""


def test_upstream_certificate_is_verified(postgres15: EmbeddedPostgres, own_gateway: Deployment) -> None:
    root = own_gateway.folder / "keys" / "upstream.crt"
    root.write_bytes(postgres15.certificate.read_bytes())
    at = f"localhost:{postgres15.port}"
    secured = Upstream("shop", at, tls="verify-full", tls_root="keys/upstream.crt")
    wrong_root = Upstream("watched", at, tls="verify-full", tls_root="keys/gateway.crt", mode="observe")
    configure(own_gateway, upstreams=[secured, wrong_root])
    own_gateway.start()
    with own_gateway.raw("dora") as client:
        pid = int.from_bytes(client.key[:4], "big")
        assert postgres15.execute(f"select ssl from pg_stat_ssl where pid = {pid}").strip() == "t"
    with pytest.raises(Refused) as refused:
        own_gateway.raw("dora", "watched")
    assert refused.value.sqlstate.startswith("08")


def test_upstream_that_is_down_is_said_to_be_down(own_gateway: Deployment) -> None:
    configure(own_gateway, upstreams=[Upstream("shop", "127.0.0.1:1")])
    own_gateway.start()
    with pytest.raises(Refused) as refused:
        own_gateway.raw("dora")
    assert refused.value.sqlstate.startswith("08")
    assert "of the gateway only" not in str(refused.value.fields)


GREETING = """
create function greet() returns event_trigger language plpgsql security definer as $$
declare one text; said text := substring(current_setting('application_name') from '[a-z ]*$');
begin
    if said not in ('greet', 'forbid') then return; end if;
    select email into one from public.customers order by id limit 1;
    raise notice 'the first is %', one using hint = 'mind the step';
    set timezone = 'Asia/Tokyo';
    listen doors;
    notify doors, 'somebody came';
    raise warning 'and %', one;
    if said = 'forbid' then raise exception 'not today, %', one using errcode = 'TW042'; end if;
end $$;
create event trigger greeting on login execute function greet();
"""


@pytest.fixture
def greeting(postgres18: EmbeddedPostgres) -> Iterator[str]:
    """A login event trigger on PostgreSQL 18 that says a secret: the secret. It greets who calls itself `greet`."""
    postgres18.execute(GREETING, database="shop")
    yield postgres18.execute("select email from customers order by id limit 1", database="shop").strip()
    postgres18.execute("drop event trigger greeting; drop function greet()", database="shop")


def said_at_login(client: Client) -> list[tuple[bytes, dict[str, str] | bytes]]:
    """All that came at login but what differs between any two sessions: keys, pids, application_name, who is asked."""
    return [
        (got.type, got.fields if got.type == b"N" else got.body[4:] if got.type == b"A" else got.body)
        for got in client.greeting
        if got.type != b"K" and not got.body.startswith((b"application_name\0", b"session_authorization\0"))
    ]


@pytest.mark.parametrize("database", ["shop", "watched"])
def test_what_a_login_trigger_says_is_heard_where_the_server_says_it(
    gate: Deployment, greeting: str, database: str
) -> None:
    named = {"application_name": "greet"}
    with gate.raw_direct(options=named) as direct, gate.raw("dora", database, options=named) as client:
        assert types_of(client.greeting) == types_of(direct.greeting)
        assert types_of(client.greeting).endswith("KNNAS")
        assert said_at_login(client) == said_at_login(direct)
        assert f"the first is {greeting}" in str(said_at_login(client))
        assert client.parameters["TimeZone"] == "Asia/Tokyo"
        assert client.rows("show timezone") == [["Asia/Tokyo"]]
        client.ask(query("notify doors, 'another'"))


def test_psql_prints_what_a_login_trigger_says(gate: Deployment, greeting: str) -> None:
    who = gate.issued["dora"]
    told = gate.run("psql", "-XAtqc", "show timezone", principal="dora", database="shop")
    assert told.stdout != "Asia/Tokyo\n" and told.stderr == ""
    program = gate.tool("psql", "-XAtqc", "show timezone", principal="dora")
    environment = gate.environment(PGPASSWORD=who.password, PGAPPNAME="greet")
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('Asia/Tokyo\nAsynchronous notification "doors" with payload "somebody came"')
    assert done.stderr == f"NOTICE:  the first is {greeting}\nHINT:  mind the step\nWARNING:  and {greeting}\n"


def test_a_login_that_a_trigger_forbids_fails_with_its_words(gate: Deployment, greeting: str) -> None:
    named = {"application_name": "forbid"}
    with pytest.raises(Refused) as direct:
        gate.raw_direct(options=named)
    for database in ("shop", "watched"):
        with pytest.raises(Refused) as refused:
            gate.raw("dora", database, options=named)
        assert refused.value.fields == direct.value.fields
        assert (refused.value.sqlstate, str(refused.value)) == ("TW042", f"not today, {greeting}")


def test_who_sees_masks_hears_of_a_login_trigger_no_more_than_an_sqlstate(gate: Deployment, greeting: str) -> None:
    with gate.raw(MASKED, options={"application_name": "greet"}) as client:
        assert set(types_of(client.greeting)) == set("RSK")
        assert client.parameters["TimeZone"] == "Asia/Tokyo"
        assert greeting not in str(client.ask(query("notify doors, 'again'")))
    with pytest.raises(Refused) as refused:
        gate.raw(MASKED, options={"application_name": "forbid"})
    assert refused.value.sqlstate == "TW042"
    assert set(refused.value.fields) == {"S", "V", "C", "M"}
    assert greeting not in str(refused.value.fields)


def test_a_database_at_its_limit_says_so_itself(own_gateway: Deployment, postgres18: EmbeddedPostgres) -> None:
    """As one that is full does: drivers and pools know 53300, and try again."""
    own_gateway.start()
    postgres18.execute("alter database shop connection limit 1")
    try:
        for principal, told in (("dora", "too many connections"), (MASKED, "withheld")):
            with pytest.raises(Refused) as refused:
                own_gateway.raw(principal)
            assert refused.value.sqlstate == "53300"
            assert told in str(refused.value)
    finally:
        postgres18.execute("alter database shop connection limit -1")
    own_gateway.raw("dora").close()


def test_the_gateways_own_login_is_not_its_clients(own_gateway: Deployment) -> None:
    (own_gateway.folder / "keys" / "shop.password").write_text("another")
    own_gateway.start()
    with pytest.raises(Refused) as refused:
        own_gateway.raw("dora")
    assert refused.value.sqlstate == "08006"
    assert "refused the login" in str(refused.value)


def test_ssl_context_of_python_verifies_the_gateway(gate: Deployment) -> None:
    context = ssl.create_default_context(cafile=str(gate.folder / "keys" / "gateway.crt"))
    who = gate.issued["alice"]
    with Client.connect("127.0.0.1", gate.port, who.user, who.password, "shop", tls=context) as client:
        assert client.rows("select 1") == [["1"]]


def _challenge(client: Client, user: str) -> str:
    """The salt and iteration count that the server shows before it knows the secret."""
    client.startup({"user": user, "database": "shop"})
    client.receive()
    first = Scram("x").first()
    client.send(message(b"p", b"SCRAM-SHA-256\0" + len(first).to_bytes(4, "big") + first))
    return client.sasl(11).decode().split(",", 1)[1]


def _ledger_bytes(gate: Deployment) -> int:
    return sum(path.stat().st_size for path in (gate.folder / "state" / "ledger").rglob("*") if path.is_file())


READ_WRITE = "default_transaction_read_only"


@pytest.mark.parametrize(
    "options",
    [{READ_WRITE: "off"}, {"options": f"-c {READ_WRITE}=off"}, {"options": f"-c work_mem=1MB --{READ_WRITE}=off"}],
)
def test_what_may_not_be_set_may_not_be_set_at_startup(gate: Deployment, options: dict[str, str]) -> None:
    told = refusal(
        lambda: Client.connect("127.0.0.1", gate.port, "alice", gate.issued["alice"].password, "shop", options=options)
    )
    assert told["C"] == "42501"
    assert READ_WRITE in told["M"] and "no-unsafe-settings" in told["M"]
    with gate.raw("dora", options=options) as client:
        assert client.rows(f"show {READ_WRITE}") == [["off"]]


def test_what_drivers_send_at_startup_is_not_asked(gate: Deployment) -> None:
    options = {"DateStyle": "ISO", "TimeZone": "UTC", "extra_float_digits": "3", "options": "-c search_path=public"}
    with gate.raw("alice", options=options) as client:
        assert client.rows("show search_path") == [["public"]]


def test_the_way_back_from_other_quotes_is_open(gate: Deployment) -> None:
    with gate.raw("alice") as client:
        client.ask(query("begin"))
        assert errors_of(client.ask(query("set standard_conforming_strings = off"))) == []
        assert errors_of(client.ask(query("select 'x'"))) == ["42501"]
        assert errors_of(client.ask(query("rollback"))) == []
        assert client.rows("select 'x'") == [["x"]]
        client.ask(query("set standard_conforming_strings = off"))
        assert errors_of(client.ask(query("set standard_conforming_strings = 'on'"))) == ["42501"]
        assert errors_of(client.ask(query("SET standard_conforming_strings TO on;"))) == []
        assert client.rows("select 'x'") == [["x"]]
        client.ask(query("set client_encoding = sjis"))
        assert errors_of(client.ask(query("select 'x'"))) == ["42501"]
        assert errors_of(client.ask(query("reset client_encoding"))) == []
        assert client.rows("select 'x'") == [["x"]]

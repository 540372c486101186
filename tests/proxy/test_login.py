"""What a startup packet may say, and what of it goes on to the server."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.app.certificates import self_signed
from tidewaiter.model import Kind, Principal, Resource, ResourceType
from tidewaiter.proxy.login import (
    APPLICATION_BYTES,
    Admitted,
    Turned,
    certificate_of,
    read_startup,
    refused_parameter,
    setting_facts,
    split_options,
    upstream_parameters,
    why_refused,
)
from tidewaiter.wire import postgres

ADA = Principal("ada", Kind.USER)


def test_the_certificate_is_found_whatever_stands_around_it() -> None:
    certificate, key = self_signed(["localhost"], datetime.now(UTC))
    other = self_signed(["localhost"], datetime.now(UTC))[0]
    der = ssl.PEM_cert_to_DER_cert(certificate.decode())
    for pem in (
        certificate,
        b"Certificate:\n    Data: caf\xe9\n" + certificate,
        b"Bag Attributes\n  friendlyName: gate\n" + certificate + other,
        key + certificate,
        certificate.replace(b"\n", b"\r\n") + b"\n# the end\n",
    ):
        assert certificate_of(pem) == der


def packet(minor: int = 0, **params: str) -> postgres.Startup:
    found = postgres.parse_startup(postgres.startup_message(params, minor)[4:])
    assert isinstance(found, postgres.Startup)
    return found


def admitted(**parameters: str) -> Admitted:
    return Admitted(ADA, "c1", "shop", parameters.get("application_name", ""), parameters, 0)


def test_the_database_is_the_datasource_and_the_user_where_it_is_left_out() -> None:
    hello, negotiation = read_startup(packet(user="ada", database="shop", application_name="psql"))
    assert (hello.user, hello.datasource, hello.application, negotiation) == ("ada", "shop", "psql", b"")
    assert hello.parameters == {"application_name": "psql"}
    assert read_startup(packet(user="ada"))[0].datasource == "ada"


def test_without_a_user_nobody_is_let_on() -> None:
    with pytest.raises(Turned) as turned:
        read_startup(packet(database="shop"))
    assert turned.value.sqlstate == "28000"


def test_a_newer_protocol_and_unknown_extensions_are_negotiated() -> None:
    hello, negotiation = read_startup(packet(minor=7, user="ada", **{"_pq_.new": "1"}))
    assert hello.minor == 2
    assert negotiation == postgres.negotiate_protocol_version(2, ("_pq_.new",))
    assert "_pq_.new" not in hello.parameters


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("-c geqo=off", ["-c", "geqo=off"]),
        (" \t-c\n\vgeqo=off\f\r", ["-c", "geqo=off"]),
        (r"-c search_path=a,\ b", ["-c", "search_path=a, b"]),
        (r"a\\b c\ d e\'f", [r"a\b", "c d", "e'f"]),
        ("a\\", ["a"]),
        ("a'b c'd \"e f\"", ["a'b", "c'd", '"e', 'f"']),
        ("a\u00a0b\u2003c", ["a\u00a0b\u2003c"]),
    ],
)
def test_options_are_split_as_the_server_does(text: str, words: list[str]) -> None:
    assert split_options(text) == words


@given(st.text(alphabet="ab=-c'\" \t\\\n\u00a0", max_size=40))
def test_options_are_split_as_its_source_says(text: str) -> None:
    """pg_split_opts, letter by letter."""
    words, at = [], 0
    while at < len(text):
        while at < len(text) and text[at] in " \t\n\v\f\r":
            at += 1
        if at == len(text):
            break
        word, is_escaped = "", False
        while at < len(text):
            if text[at] in " \t\n\v\f\r" and not is_escaped:
                break
            if not is_escaped and text[at] == "\\":
                is_escaped = True
            else:
                is_escaped, word = False, word + text[at]
            at += 1
        words.append(word)
    assert split_options(text) == words


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ("-c role=dba", "role"),
        ("-crole=dba", "role"),
        ("--role=dba", "role"),
        ("--session-authorization=dba", "session_authorization"),
        ("-c Role=dba", "role"),
        ("-c application_name=' -c role=dba -c client_encoding='", "role"),
        ('-c application_name=" -c role=dba -c client_encoding="', "role"),
        (r"-c application_name=\' -c role=dba", "role"),
        ("-c row_security=off", "row_security"),
        ("-e", "-e"),
        ("-W 5", "-W"),
        ("-c geqo=off --jit=off", None),
        (r"-c search_path=a\ b", None),
    ],
)
def test_settings_inside_options_count_whatever_quotes_are_around_them(options: str, refused: str | None) -> None:
    assert refused_parameter({"options": options}, observe=False) == refused


@pytest.mark.parametrize("name", ["role", "Session_Authorization", "replication", "row_security"])
def test_a_parameter_that_is_not_among_those_that_drivers_send_is_refused(name: str) -> None:
    assert refused_parameter({"application_name": "x", name: "on"}, observe=False) == name.lower()


def test_each_refused_parameter_has_a_way_out() -> None:
    ways = [why_refused(name) for name in ("replication", "role", "session_authorization", "row_security")]
    assert len(set(ways)) == 3 and "connect to the database itself" in ways[0] and "SET" in ways[3]


def test_where_nothing_is_enforced_only_who_one_is_stays_refused() -> None:
    assert refused_parameter({"row_security": "off"}, observe=True) is None
    assert refused_parameter({"options": "-c row_security=off -c role=x"}, observe=True) == "role"


def test_what_a_session_begins_with_is_asked_as_set_but_for_what_every_driver_sends() -> None:
    facts = setting_facts({"DateStyle": "ISO", "statement_timeout": "5s", "options": "-c lock_timeout=1s"})
    assert [touch.resource for touch in facts.touches] == [
        Resource(ResourceType.SETTING, ("statement_timeout",)),
        Resource(ResourceType.SETTING, ("lock_timeout",)),
    ]
    assert facts.verbs == ("set",)
    assert setting_facts({"DateStyle": "ISO"}).verbs == ()


def test_the_server_hears_whose_session_it_is_whatever_the_client_calls_itself() -> None:
    given = admitted(application_name="psql", **{"Application_Name": "somebody:else"}, TimeZone="UTC")
    assert upstream_parameters(given, "s1", "reader", observe=False) == {
        "TimeZone": "UTC",
        "application_name": "tidewaiter:ada:s1:psql",
        "role": "reader",
    }


def test_the_name_is_cut_where_the_server_would_cut_it_and_between_letters() -> None:
    said = upstream_parameters(admitted(application_name="é" * 80), "s1", None, observe=False)["application_name"]
    assert said.startswith("tidewaiter:ada:s1:é")
    assert APPLICATION_BYTES - 1 <= len(said.encode()) <= APPLICATION_BYTES


def test_where_nothing_is_enforced_the_clients_own_name_stays() -> None:
    assert upstream_parameters(admitted(application_name="psql"), "s1", None, observe=True) == {
        "application_name": "psql"
    }

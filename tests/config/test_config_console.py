"""Under which addresses people may sign in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.config import Address, ConsoleConfig, TlsPair, addresses, request_link
from tidewaiter.config.console import is_origin, normal

PAIR = TlsPair(Path("c"), Path("k"))
LOOPBACK = Address("127.0.0.1", 8480)


@pytest.mark.parametrize(
    ("console", "expected"),
    [
        (ConsoleConfig(LOOPBACK), ("http://127.0.0.1:8480", "http://localhost:8480", "http://[::1]:8480")),
        (
            ConsoleConfig(Address("::1", 80), "https://Gate.Example:443/"),
            ("https://gate.example", "http://[::1]", "http://localhost", "http://127.0.0.1"),
        ),
        (ConsoleConfig(Address("0.0.0.0", 8480)), ()),
        (ConsoleConfig(Address("10.0.0.1", 8480)), ()),
        (ConsoleConfig(Address("0.0.0.0", 8480), "http://localhost:9000"), ("http://localhost:9000",)),
        (ConsoleConfig(Address("10.0.0.1", 443), tls=PAIR), ("https://10.0.0.1",)),
        (ConsoleConfig(Address("0.0.0.0", 8480), tls=PAIR), ()),
        (ConsoleConfig(Address("::", 8480), "https://gate.example:8480", PAIR), ("https://gate.example:8480",)),
    ],
)
def test_plain_http_is_for_this_machine_only(console: ConsoleConfig, expected: tuple[str, ...]) -> None:
    assert addresses(console) == expected


def test_a_port_that_the_system_chose_counts() -> None:
    assert addresses(ConsoleConfig(Address("127.0.0.1", 0)), 7)[0] == "http://127.0.0.1:7"


def test_a_link_leads_to_the_first_address_or_nowhere() -> None:
    assert request_link(ConsoleConfig(LOOPBACK), "AR-1") == "http://127.0.0.1:8480/requests/AR-1"
    assert request_link(ConsoleConfig(LOOPBACK, "https://gate"), "AR-1") == "https://gate/requests/AR-1"
    assert request_link(ConsoleConfig(Address("127.0.0.1", 0)), "AR-1") == ""
    assert request_link(ConsoleConfig(Address("0.0.0.0", 1)), "AR-1") == ""


def test_an_origin_is_scheme_host_and_port() -> None:
    assert [is_origin(url) for url in ("https://a", "https://a:1/", "https://a/b", "https://a?q", "https://u@a")] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert normal("HTTPS://A.example:443") == "https://a.example"

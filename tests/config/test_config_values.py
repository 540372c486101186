"""How single values are read, and what is said of those that cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.config import Address, values


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("127.0.0.1:15432", Address("127.0.0.1", 15432)),
        ("[::1]:80", Address("::1", 80)),
        ("db.internal:5432", Address("db.internal", 5432)),
        ("db_1-x.internal", Address("db_1-x.internal", 5432)),
        ("[fe80::1]", Address("fe80::1", 5432)),
    ],
)
def test_an_address_is_read(written: str, address: Address) -> None:
    assert values.parse_address(written, lowest_port=1, default_port=5432) == address


@pytest.mark.parametrize(
    "written",
    ["", ":1", "host", "host:", "host:x", "::1", "[::1", "[::1]x:1", "a b:1", "[1.2.3.4]x", "h:123456", "[x:y]:1", 1,
     "a..b:1", "a.:1", f"{'x' * 64}.internal:1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="host:port"):
        values.parse_address(written, lowest_port=0)


@pytest.mark.parametrize(("written", "lowest"), [("h:65536", 0), ("h:0", 1)])
def test_a_port_out_of_range_is_refused(written: str, lowest: int) -> None:
    with pytest.raises(ValueError, match="port must be from"):
        values.parse_address(written, lowest_port=lowest)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_an_address_reads_back_what_it_prints(host: object, port: int) -> None:
    address = Address(str(host), port)
    assert values.parse_address(str(address), lowest_port=0) == address


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.8.9.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("db", False)],
)
def test_loopback_is_recognised(host: str, loopback: bool) -> None:
    assert values.is_loopback(Address(host, 1)) is loopback


@pytest.mark.parametrize(
    ("field", "good", "bad", "allowed"),
    [
        (values.text(), "x y", "", "must be text"),
        (values.text(), "x", "a\nb", "must be text"),
        (values.text(), "x", 1, "must be text, not 1"),
        (values.name(), "a-b_1", "A", "must match"),
        (values.name(), "a", "1a", "must match"),
        (values.name(), "a" * 63, "a" * 64, "at most 63"),
        (values.name(), "a", 3, "must match"),
        (values.word(("a", "b")), "a", "c", 'must be one of a, b, not "c"'),
        (values.word(("a", "b")), "a", True, "not true"),
        (values.flag(False), True, "true", 'must be true or false, not "true"'),
        (values.whole(1, 1, 9), 9, 10, "from 1 to 9, not 10"),
        (values.whole(1, 1, 9), 1, True, "not true"),
        (values.whole(1, 1, 9), 1, "1", 'not "1"'),
        (values.seconds(1, 0, 9), 0.5, 9.5, "from 0 to 9, not 9.5"),
        (values.seconds(1, 0, 9), 3, False, "not false"),
        (values.seconds(1, 0, 9), 3, float("nan"), "not nan"),
        (values.listen(Address("h", 1)), "h:0", "h", "host:port"),
        (values.upstream(), "h", "h:0", "port must be"),
        (values.strings(), {"a": "b"}, "a", "must be a table"),
        (values.strings(), {}, {"a": 1}, "must be text, not 1"),
        (values.functions(), ["public.f", '"Odd s".g'], "public.f", "must be a list"),
        (values.functions(), [], ["f"], 'schema and function, as in "public.touch", not "f"'),
        (values.timezone("UTC"), "Europe/Berlin", "Mars/Olympus", "time zone"),
        (values.timezone("UTC"), "UTC", "../etc/passwd", "time zone"),
        (values.timezone("UTC"), "UTC", 1, "time zone"),
        (values.timezone("UTC"), "UTC", "Europe", "time zone"),
        (values.origin(None), "example.com/log", "a b", "neither spaces nor +"),
        (values.origin(None), "x", "a+b", "neither spaces nor +"),
        (values.store_url("sqlite:///x"), "postgresql://h/d", "mysql://h", "must begin with"),
        (values.store_url("sqlite:///x"), "sqlite:///a", 1, "must begin with"),
        (values.secret(), "env:X", 1, "must be a reference"),
        (values.secret(), "file:x", "hunter2", "never the secret itself"),
    ],
)
def test_a_field_takes_what_is_allowed_and_says_so_of_the_rest(
    field: values.Field, good: object, bad: object, allowed: str
) -> None:
    field.parse(good)
    with pytest.raises(ValueError) as refused:
        field.parse(bad)
    assert allowed in str(refused.value)


def test_what_may_be_a_secret_is_not_repeated() -> None:
    for field in (values.secret(), values.store_url("sqlite:///x")):
        with pytest.raises(ValueError) as refused:
            field.parse("hunter2")
        assert "hunter2" not in str(refused.value)


def test_long_values_are_shown_shortened() -> None:
    with pytest.raises(ValueError) as refused:
        values.name().parse("X" * 500)
    assert len(str(refused.value)) < 160


@pytest.mark.parametrize(
    ("field", "raw", "value"),
    [
        (values.flag(False), "true", True),
        (values.flag(False), "yes", "yes"),
        (values.whole(1, 1, 9), "-7", -7),
        (values.whole(1, 1, 9), "7x", "7x"),
        (values.seconds(1, 0, 9), "1.5", 1.5),
        (values.seconds(1, 0, 9), "inf", "inf"),
        (values.seconds(1, 0, 9), "x", "x"),
        (values.text(), "7", "7"),
    ],
)
def test_text_from_the_environment_becomes_what_toml_would_hold(field: values.Field, raw: str, value: object) -> None:
    assert field.from_text(raw) == value


def test_networks_are_addresses_or_ranges_each_once() -> None:
    field = values.networks()
    assert field.parse(["10.0.0.7", "10.0.0.7/32", "10.1.0.0/16", "fd00::/8"]) == (
        "10.0.0.7/32", "10.1.0.0/16", "fd00::/8",
    )  # fmt: skip
    assert field.parse(field.from_text("10.0.0.7, 10.0.0.8")) == ("10.0.0.7/32", "10.0.0.8/32")
    for wrong in ("10.0.0.7", ["10.0.0.1/16"], ["gate.example"], [7], ["*"], [""]):
        with pytest.raises(ValueError, match="must be a list of addresses and networks"):
            field.parse(wrong)

"""Names, types and values weighed against each other: what convicts, and what does not."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import pytest
from discoverykit import sample
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.discovery.kinds import Sureness
from tidewaiter.discovery.score import best

MAILS = [f"user{n}@mail.example" for n in range(20)]
SSNS = [f"219-09-{n:04}" for n in range(1, 50)]
CARDS = ["4111111111111111", "4012888888881881", "5555555555554444", "5105105105105100", "378282246310005",
         "6011111111111117", "4222222222222"]  # fmt: skip
DAYS = [datetime.date(1940, 1, 1) + datetime.timedelta(days=n * 500) for n in range(48)]
NOTES = [f"Customer number {n} called and wants us to call back" for n in range(20)]


@pytest.mark.parametrize(
    ("name", "base", "values", "kind"),
    [
        ("c1", "text", MAILS, "email"),
        ("c1", "text", SSNS, "ssn"),
        ("ref", "text", [c for c in CARDS if c[0] != "3"], "card"),
        ("c1", "text", ["DE89370400440532013000", "GB82WEST12345698765432"] * 3, "iban"),
        ("c1", "text", [f"+1 415-555-{n:04}" for n in range(9)], "phone"),
        ("c1", "inet", ["10.0.0.1"], "ip"),
        ("c1", "text", [f"10.2.3.{n}" for n in range(9)], "ip"),
        ("c1", "text", ["$2b$12$" + "a" * 53], "secret"),
        ("born", "date", DAYS, "birth"),
        ("birth_year", "int4", range(1950, 1990), "birth"),
        ("c1", "text", [f"{n} Main Street" for n in range(9)], "address"),
        ("c1", "text", ["Amy Winter", "Paul Summer", "Anna Berg", "Peter Stone", "Maria Lund"], "name"),
        ("cpf", "text", ["111.444.777-35"], "national_id"),
        ("salary", "numeric", [100, 200], "salary"),
        ("blood_type", "text", ["A+"], "special"),
        ("ssn", "int8", [219099999, 78051120], "ssn"),
        ("client_secret", "text", ["s3cr3t-4-you-only"], "secret"),
        ("reset_token", "uuid", [], "secret"),
        ("notes", "text", [*NOTES, "Write to amy@mail.example or call her there"], "free_text"),
        ("contact", "text", [*MAILS, *(f"call {n}" for n in range(20))], "free_text"),
    ],
)  # fmt: skip
def test_what_is_likely(name: str, base: str, values: Iterable[object], kind: str) -> None:
    found = best(sample(name, values, base))
    assert found is not None
    assert (found.kind, found.sureness) == (kind, Sureness.LIKELY)
    assert found.reasons


@pytest.mark.parametrize(
    ("name", "base", "values"),
    [
        ("email_verified", "bool", []),
        ("email", "text", ["yes", "no"] * 5),
        ("order_no", "text", [f"{n:016}" for n in range(4 * 10**15, 4 * 10**15 + 50)]),
        ("part_no", "text", [f"{n % 999:03}-{n % 77:02}-{n:04}" for n in range(990, 1090)]),
        ("version", "text", [f"1.2.3.{n}" for n in range(9)]),
        ("token_type", "text", ["bearer", "basic"] * 10),
        ("password_changed_at", "timestamptz", ["2026-01-01"]),
        ("checksum", "text", [f"{n:064x}" for n in range(9)]),
        ("created_on", "date", DAYS),
        ("company", "text", ["Winter and Sons", "Berg Group"]),
        ("name", "text", ["Blue Kettle", "Brass Lantern", "Folding Tent", "Quiet Clock"]),
        ("net_income", "text", ["12"]),
        ("c1", "text", NOTES),
        ("c1", "int4", range(50)),
        ("c1", "text", []),
    ],
)
def test_what_is_nothing(name: str, base: str, values: Iterable[object]) -> None:
    assert best(sample(name, values, base)) is None


@pytest.mark.parametrize(
    ("name", "base", "values", "kind"),
    [
        ("passport_no", "text", ["AB123456", "CD345678"], "national_id"),
        ("password", "text", [], "secret"),
        ("notes", "text", NOTES, "free_text"),
        ("pin", "int4", [1234, 4321], "secret"),
        ("c1", "date", DAYS, "birth"),
    ],
)
def test_what_is_only_possible(name: str, base: str, values: Iterable[object], kind: str) -> None:
    found = best(sample(name, values, base))
    assert found is not None and (found.kind, found.sureness) == (kind, Sureness.POSSIBLE)


def test_a_table_of_people_has_people_s_names() -> None:
    names = ["Wyn Aberforth", "Una Ostrander", "Bo Villanova", "Ty Kirkwood"]
    assert best(sample("name", names, table="products")) is None
    found = best(sample("name", names, table="customers"))
    assert found is not None and found.kind == "name"


def test_elements_of_arrays_are_values() -> None:
    found = best(
        sample("c1", ["{a@mail.example,b@mail.example}", "{c@mail.example,d@x.example,e@x.example}"], is_array=True)
    )
    assert found is not None and found.kind == "email"


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["c1", "password", "ssn", "birth", "name", "phone", "notes", "salary", "card", "ip", "address"]),
    st.sampled_from(["text", "int4", "int8", "numeric", "date", "inet", "uuid", "bytea", "bool", "float8"]),
    st.lists(st.text(st.characters(), max_size=30), max_size=8),
    st.booleans(),
)
def test_no_sample_is_too_strange(name: str, base: str, values: list[str], is_array: bool) -> None:
    best(sample(name, values, base, is_array=is_array))


def test_reasons_hold_no_value() -> None:
    for name, base, values in (("c1", "text", MAILS), ("notes", "text", [*NOTES, *MAILS]), ("c1", "text", SSNS)):
        found = best(sample(name, values, base))
        assert found is not None
        assert not any(str(value) in reason for value in values for reason in found.reasons)

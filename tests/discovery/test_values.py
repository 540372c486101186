"""Single values."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.discovery import values as look


@pytest.mark.parametrize(
    ("holds", "yes", "no"),
    [
        (look.is_card_number, ("4111 1111 1111 1111", "5555555555554444"), ("4111111111111112", "41111111 11111111 x")),
        (look.is_bare_ssn, ("219099999", "78051120"), ("000123456", "21909999999", "abc")),
        (look.is_dashed_ssn, ("219-09-9999",), ("219-00-9999", "219099999")),
        (
            look.is_phone_like,
            ("+47 22 33 44 55", "(415) 555-0132 x12", "01 23 45 67 89"),
            ("2024-05-06", "31.12.1999", "12"),
        ),
        (
            look.is_grouped_phone,
            ("+1-415-555-0132", "0047 22334455", "415.555.0132"),
            ("0123456789", "978-3-16-148410-0"),
        ),
        (
            look.is_hash,
            ("$2b$12$" + "a" * 53, "md5" + "0" * 32, "{SSHA}abcdefghijk", "SCRAM-SHA-256$4096:x"),
            ("$5.00", "md5"),
        ),
        (look.is_url_with_login, ("postgresql://u:p@h/db",), ("https://example.com/a@b", "postgresql://u@h/db")),
        (
            look.is_street,
            ("12 Main Street", "Hauptstraße 5", "12 bis rue de la Paix", "Calle Mayor, 3", "Storgata 14"),
            ("12 red lanterns", "Oslo", "the road to nowhere"),
        ),
        (look.is_numbered_name, ("2111 Miranda Ville Suite 007",), ("12 red lanterns", "Miranda 12")),
        (
            look.is_names,
            ("Amy O'Brien", "José María Núñez", "山田 太郎"),
            ("amy", "X1", "one two three four five six", "a@b"),
        ),
        (look.has_given_name, ("Dr. Amy Winter", "josé"), ("Blue Kettle",)),
        (look.introduces_somebody, ("please call Amy Winter today",), ("Blue Kettle of amy",)),
        (look.is_prose, ("one two three four five", "商" * 40), ("one two", "01 23 45 67 89")),
        (
            look.is_opaque,
            ("aB3dE5gH7jK9mN1pQ3sT5vW7",),
            ("deadbeef" * 5, "this is text", "lowercaseonlyletters1234567"),
        ),
        (look.is_key_material, ("deadbeef" * 4,), ("deadbeef", "builds/0001/abcdef")),
        (look.is_random, ("k4j5h6g7f8d9",), ("aaaaaaaaaaaaaa", "short")),
    ],
)
def test_forms(holds: Callable[[str], bool], yes: tuple[str, ...], no: tuple[str, ...]) -> None:
    assert [value for value in yes if not holds(value)] == []
    assert [value for value in no if holds(value)] == []


def test_years_of_days() -> None:
    assert [look.year_of(day) for day in ("1980-02-03", "3.2.1980", "02/03/1980", "1980-02-03 10:00:00+00", "80")] == [
        1980, 1980, 1980, 1980, None,
    ]  # fmt: skip


def test_elements_of_arrays() -> None:
    assert list(look.elements('{a,"b, c",NULL,"say \\"hi\\"",{d}}')) == ["a", "b, c", 'say "hi"', "d"]
    assert list(look.elements("{}")) == []


@given(st.text(max_size=60))
def test_a_shape_keeps_no_letter_and_no_digit(value: str) -> None:
    shown = look.shape(value)
    assert {c for c in shown if c.isalpha()} <= {"x", "X"}
    assert {c for c in shown if c.isdigit()} <= {"9"}
    assert len(shown) <= 41


@given(st.text(max_size=200))
def test_no_value_is_too_strange_to_look_at(value: str) -> None:
    for holds in (look.is_card_number, look.is_phone_like, look.is_street, look.is_names, look.is_opaque, look.national,
                  look.span, look.is_hash, look.introduces_somebody):  # fmt: skip
        holds(value)
    list(look.elements(value))

"""What names say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.discovery.words import hints, plain, tokens


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("customerEMail_2", ("customer", "e", "mail", "2")),
        ("HTTPAddr", ("http", "addr")),
        ("Straße", ("strasse",)),
        ("fødselsnummer", ("fodselsnummer",)),
        ("date-of birth", ("date", "of", "birth")),
        ("氏名", ("氏名",)),
        ("", ()),
    ],
)
def test_names_are_parted_into_plain_words(name: str, parts: tuple[str, ...]) -> None:
    assert tokens(name) == parts


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("emailAddress", "email"),
        ("kundentelefonnummer", "phone"),
        ("date_of_birth", "birth"),
        ("Geburtsdatum", "birth"),
        ("primer_apellido", "name"),
        ("mot_de_passe", "secret"),
        ("codice_fiscale", "national_id"),
        ("gross_pay", "salary"),
    ],
)
def test_names_of_several_languages_say_what_they_mean(column: str, kind: str) -> None:
    assert kind in hints("t", column).strong


@pytest.mark.parametrize(
    ("column", "kind"),
    [("token_type", "secret"), ("ip_address", "address"), ("city_name", "name"), ("email_sent_count", "email")],
)
def test_a_word_beside_it_turns_the_meaning(column: str, kind: str) -> None:
    assert kind in hints("t", column).against


def test_tables_of_people_are_known() -> None:
    assert hints("crm_Customers", "name").is_of_people and not hints("products", "name").is_of_people
    assert "name" in hints("products", "name").weak


@given(st.text(max_size=40))
def test_any_name_is_read(name: str) -> None:
    assert all(part == plain(part) or part.isdigit() for part in tokens(name))
    hints(name, name)

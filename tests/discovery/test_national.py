"""Check digits of national identification numbers: published examples hold, altered ones do not."""

from __future__ import annotations

import pytest

from tidewaiter.discovery.national import CHECKS

EXAMPLES = {
    "Norwegian fødselsnummer": "15076500565",
    "Brazilian CPF": "111.444.777-35",
    "Dutch burgerservicenummer": "111222333",
    "Polish PESEL": "44051401359",
    "French NIR": "1 84 12 76 451 089 46",
    "Spanish DNI or NIE": "12345678Z",
    "Italian codice fiscale": "RSSMRA85T10A562S",
    "Swedish personnummer": "811228-9874",
    "Finnish henkilötunnus": "131052-308T",
    "British national insurance number": "AB 12 34 56 C",
}


@pytest.mark.parametrize("name", CHECKS)
def test_an_example_holds_and_none_of_the_other_rules_takes_it(name: str) -> None:
    assert [other for other, holds in CHECKS.items() if holds(EXAMPLES[name])] == [name]


@pytest.mark.parametrize("name", [name for name in CHECKS if "British" not in name])
def test_one_wrong_digit_is_noticed(name: str) -> None:
    value = EXAMPLES[name]
    for place in range(8, len(value)):
        if value[place].isdigit():
            wrong = value[:place] + str((int(value[place]) + 1) % 10) + value[place + 1 :]
            assert not CHECKS[name](wrong), wrong


def test_a_british_number_has_letters_that_are_given_out() -> None:
    holds = CHECKS["British national insurance number"]
    assert not holds("BG123456A") and not holds("AB123456E") and not holds("DA123456A")


@pytest.mark.parametrize("value", ["", "00000000000", "000000000", "99999999999", "123-45-6789", "abc"])
def test_fillers_are_no_numbers(value: str) -> None:
    assert not any(holds(value) for holds in CHECKS.values())

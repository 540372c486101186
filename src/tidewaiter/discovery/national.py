"""National identification numbers whose own check digits tell them from other numbers.

Sources: the issuing authorities' published rules. A number that no rule knows is found by its column's name only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def _is_day(day: int, month: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


def is_norwegian(value: str) -> bool:
    """Fødselsnummer or D-nummer: a date and two check digits, mod 11."""
    if not re.fullmatch(r"[0-9]{6} ?[0-9]{5}", value, re.ASCII):
        return False
    digits = value.replace(" ", "")
    day, month = int(digits[:2]), int(digits[2:4])
    return (
        _is_day(day - 40 if day > 40 else day, month)
        and _weighted(digits[:10], (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
        and _weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


def is_brazilian(value: str) -> bool:
    """CPF: two check digits, mod 11."""
    if not re.fullmatch(r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}", value, re.ASCII):
        return False
    digits = re.sub(r"[.-]", "", value)
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        check = _weighted(digits[:length], range(length + 1, 1, -1)) * 10 % 11 % 10
        if check != int(digits[length]):
            return False
    return True


def is_dutch(value: str) -> bool:
    """Burgerservicenummer: the eleven test."""
    if not re.fullmatch(r"[0-9]{9}", value, re.ASCII) or value == "000000000":
        return False
    return _weighted(value, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def is_polish(value: str) -> bool:
    """PESEL: a date with the century in its month, and a check digit."""
    if not re.fullmatch(r"[0-9]{11}", value, re.ASCII) or not _is_day(int(value[4:6]), int(value[2:4]) % 20):
        return False
    return _weighted(value, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def is_french(value: str) -> bool:
    """Numéro d'inscription au répertoire: mod 97."""
    compact = value.replace(" ", "")
    if not re.fullmatch(r"[1-478][0-9]{2}[0-9]{2}(?:[0-9]{2}|2[AB])[0-9]{6}[0-9]{2}", compact, re.ASCII):
        return False
    number = compact[:13].replace("2A", "19").replace("2B", "18")
    return int(compact[13:]) == 97 - int(number) % 97


def is_spanish(value: str) -> bool:
    """DNI or NIE: a letter that follows from the number."""
    if not re.fullmatch(r"[0-9XYZ][0-9]{7}-?[A-Z]", value, re.ASCII):
        return False
    number = {"X": "0", "Y": "1", "Z": "2"}.get(value[0], value[0]) + value[1:8]
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == value[-1]


def is_italian(value: str) -> bool:
    """Codice fiscale: letters, a date, and a check letter."""
    if not re.fullmatch(r"[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]", value, re.ASCII):
        return False
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    places = [int(char) if char.isdigit() else ord(char) - 65 for char in value[:15]]
    total = sum(odd[place] if number % 2 == 0 else place for number, place in enumerate(places))
    return chr(65 + total % 26) == value[15]


def is_swedish(value: str) -> bool:
    """Personnummer: a date and a check digit by Luhn."""
    found = re.fullmatch(r"(?:19|20)?([0-9]{6})[-+]([0-9]{4})", value, re.ASCII)
    if found is None:
        return False
    digits = found[1] + found[2]
    day = int(digits[4:6])
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(digits))
    return _is_day(day - 60 if day > 60 else day, int(digits[2:4])) and total % 10 == 0


def is_finnish(value: str) -> bool:
    """Henkilötunnus: a date, a sign for the century, and a check character, mod 31."""
    found = re.fullmatch(r"([0-9]{6})[-+A-FU-Y]([0-9]{3})([0-9A-Y])", value, re.ASCII)
    if found is None or not _is_day(int(found[1][:2]), int(found[1][2:4])):
        return False
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(found[1] + found[2]) % 31] == found[3]


def is_british(value: str) -> bool:
    """National insurance number. It has no check digit: letters that are not given out are refused."""
    compact = value.replace(" ", "")
    if not re.fullmatch(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]", compact, re.ASCII):
        return False
    return compact[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType({
    "Norwegian fødselsnummer": is_norwegian,
    "Brazilian CPF": is_brazilian,
    "Dutch burgerservicenummer": is_dutch,
    "Polish PESEL": is_polish,
    "French NIR": is_french,
    "Spanish DNI or NIE": is_spanish,
    "Italian codice fiscale": is_italian,
    "Swedish personnummer": is_swedish,
    "Finnish henkilötunnus": is_finnish,
    "British national insurance number": is_british,
})  # fmt: skip

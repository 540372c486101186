"""What single values look like. Each test is about a whole value; patterns and checksums are those of span masking."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Final

from tidewaiter.discovery.national import CHECKS
from tidewaiter.discovery.words import plain
from tidewaiter.masking.spans import digits_of, is_card, is_ssn, kind_of

PROSE_WORDS: Final = 5  # a value of so many words is a text, not a datum

_PHONE: Final = re.compile(r"\+?[0-9(][0-9 ().\-/]{5,22}[0-9](?: ?(?:x|ext\.?) ?[0-9]{1,6})?", re.ASCII)
_GROUPED: Final = re.compile(r"(?:\+|00)[1-9]|\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4}", re.ASCII)
_DAY: Final = re.compile(r"([0-9]{4})-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[./-][0-9]{1,2}[./-]([0-9]{4})", re.ASCII)
_HASH: Final = re.compile(
    r"\$(?:2[abxy]|argon2(?:id?|d)|scrypt|[156y]|pbkdf2(?:-sha\d+)?|7|gy)\$[^\s]{8,}|pbkdf2_sha\d+\$\d+\$[^\s]+"
    r"|(?:bcrypt_sha256|argon2|scrypt)\$[^\s]{8,}|SCRAM-SHA-256\$[^\s]+|\{(?:S|SS)?(?:SHA|MD5|CRYPT)[0-9]*\}[^\s]{8,}"
    r"|md5[0-9a-f]{32}"
)
_URL_LOGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@[^\s]+", re.IGNORECASE)
_ENGLISH: Final = (
    "street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|way|place|pl|square|sq|terrace|circle|cir|"
    "parkway|pkwy|trail|highway|hwy|crescent|close|plaza|alley|loop|junction|crossing"
)
_ROMANCE: Final = (
    r"rue|avenue|boulevard|chemin|impasse|quai|via|viale|piazza|corso|vicolo|contrada|strada|calle|avenida|av\.|paseo|"
    r"plaza|ronda|c/|camino|carretera|glorieta|pasaje|callejon|cuesta|rambla|travesia|rua|travessa|praca|ladeira|estrada|"
    r"ulica|ul\.|aleja|al\.|plac|pl\.|os\."
)
_GERMANIC: Final = (
    r"strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|straat|laan|plein|gracht|kade|singel|dijk|steeg|gata|gatan|gaten|"
    r"gate|vei|veien|vagen|vej|vejen|gade|stien|bakken|haugen|svingen|katu|tie|polku|kuja"
)
_STREET: Final = re.compile(
    rf"\b[0-9]{{1,6}}[a-z]?,? (?:[^\W\d_][\w.'-]* ){{1,4}}(?:{_ENGLISH})\b"
    r"|\b[0-9]{1,5}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|place|chemin|impasse|allee|quai|cours|route) "
    rf"|\b(?:{_ROMANCE}) ?[^\d]{{2,40}},? ?(?:de |n[º°o.]* ?)?[0-9]{{1,5}}"
    rf"|[^\W\d_]{{2,}} ?(?:{_GERMANIC}) [0-9]{{1,4}}"
)
_WORD: Final = re.compile(r"[^\W\d_][^\W\d_'’.\-]*\.?(?:['’\-][^\W\d_]+)*")
_OPAQUE: Final = re.compile(r"[A-Za-z0-9_+/.~=:-]{16,}")
_HEX: Final = re.compile(r"[0-9a-fA-F-]+")


@lru_cache(maxsize=1)
def given_names() -> frozenset[str]:
    """Common given names, plain."""
    text = files("tidewaiter.discovery").joinpath("given_names.txt").read_text(encoding="ascii")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def span(value: str) -> str | None:
    """The kind of span that a value is from end to end."""
    return kind_of(value.encode())


def is_card_number(value: str) -> bool:
    """A card number with its check digit, grouped or not."""
    return re.fullmatch(r"[0-9](?:[ -]?[0-9]){12,18}", value, re.ASCII) is not None and is_card(value.encode())


def is_bare_ssn(value: str) -> bool:
    """Nine digits that can be a social security number; leading zeros may be lost in a number."""
    if not re.fullmatch(r"[0-9]{7,9}", value, re.ASCII):
        return False
    digits = value.zfill(9)
    return is_ssn(f"{digits[:3]}-{digits[3:5]}-{digits[5:]}".encode())


def is_dashed_ssn(value: str) -> bool:
    """A social security number as it is written."""
    return re.fullmatch(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", value, re.ASCII) is not None and is_ssn(value.encode())


def national(value: str) -> str | None:
    """The country's name for a number whose check digits hold."""
    return next((name for name, holds in CHECKS.items() if holds(value)), None)


def is_phone_like(value: str) -> bool:
    """Digits in the groups of a telephone number; dates are none."""
    if _DAY.fullmatch(value) or not _PHONE.fullmatch(value):
        return False
    return 7 <= len(digits_of(re.split("x|e", value)[0].encode())) <= 15


def is_grouped_phone(value: str) -> bool:
    """A telephone number that nothing else is written like: international, or grouped as in North America."""
    return is_phone_like(value) and _GROUPED.match(value) is not None


def year_of(value: str) -> int | None:
    """The year of a day, in ISO or with the day first or month first."""
    found = _DAY.match(value)
    return int(found[1] or found[2]) if found else None


def is_hash(value: str) -> bool:
    """A password hash in a form that names its method."""
    return _HASH.fullmatch(value) is not None


def is_url_with_login(value: str) -> bool:
    """A URL that holds a password."""
    return _URL_LOGIN.fullmatch(value) is not None


def is_street(value: str) -> bool:
    """A street with a number, as several countries write it."""
    return len(value) <= 200 and _STREET.search(plain(value)) is not None


def is_numbered_name(value: str) -> bool:
    """A number and capitalised words, as many streets are written whose kind no list has."""
    return re.match(r"[0-9]{1,6}[A-Za-z]?,? (?:[A-Z][\w.'-]+,? ?){2,5}", value) is not None


def is_names(value: str) -> bool:
    """One to five words that can be a person's name: letters, capitalised where the script has capitals."""
    words = value.split()
    if not 1 <= len(words) <= 5 or len(value) > 60:
        return False
    return all(_WORD.fullmatch(word) for word in words) and not words[0][0].islower()


def has_given_name(value: str) -> bool:
    """Whether one of the words is a common given name."""
    return any(word in given_names() for word in re.findall(r"[^\W\d_]+", plain(value)))


def introduces_somebody(value: str) -> bool:
    """Whether a text has a given name followed by another capitalised word."""
    return any(plain(one) in given_names() for one in re.findall(r"\b([A-Z][a-z]+) [A-Z][a-z]+", value))


def is_prose(value: str) -> bool:
    """Several words; groups of digits are none, and some scripts part no words."""
    words = sum(1 for word in value.split() if any(map(str.isalpha, word)))
    return words >= PROSE_WORDS or (len(value) >= 80 and " " in value) or (len(value) >= 40 and not value.isascii())


def entropy(value: str) -> float:
    """Shannon's, in bits per character."""
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())


def is_opaque(value: str) -> bool:
    """A long word that looks drawn at random from letters of both cases and digits: no identifier that people read."""
    if not _OPAQUE.fullmatch(value) or _HEX.fullmatch(value) or len(value) < 24:
        return False
    classes = [any(c.isupper() for c in value), any(c.islower() for c in value), any(c.isdigit() for c in value)]
    return all(classes) and entropy(value) >= 3.7


def is_key_material(value: str) -> bool:
    """A word of 32 or more hexadecimal digits, or one that `is_opaque`."""
    return is_opaque(value) or re.fullmatch(r"[0-9a-fA-F]{32,}", value) is not None


def is_random(value: str) -> bool:
    """As `is_opaque`, hexadecimal, short and single-case words too: for columns whose name says secret."""
    return len(value) >= 12 and " " not in value and entropy(value) >= 2.8


def elements(value: str) -> Iterator[str]:
    """The elements of an array as the server writes it, of any number of dimensions; NULLs left out."""
    for quoted, bare in re.findall(r'"((?:[^"\\]|\\.)*)"|([^,{}"]+)', value):
        if quoted:
            yield re.sub(r"\\(.)", r"\1", quoted)
        elif bare != "NULL":
            yield bare


def shape(value: str, limit: int = 40) -> str:
    """What a value looks like without any of its letters or digits: `Xxxx.xx9@xxxxxxx.xxx`. Other signs stay."""
    cut = value[:limit]
    shown = "".join("9" if c.isdigit() else ("X" if c.isupper() else "x") if c.isalpha() else c for c in cut)
    return shown + ("…" if len(value) > limit else "")

"""Passwords as PostgreSQL prepares them before hashing: by SASLprep (RFC 4013) where it applies, else left alone.

PostgreSQL departs from the RFC in two ways, and a verifier made by a server only matches when we depart alike: ASCII
passwords are never refused, and the prohibition and bidirectional checks look at the text before NFKC, not after it.
"""

from __future__ import annotations

import stringprep
import unicodedata
from typing import Final

_PROHIBITED: Final = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def saslprep(password: str) -> bytes:
    """The bytes that PBKDF2 is given for a password. What SASLprep refuses is used as it is, in UTF-8.

    Bytes that were never UTF-8 come out again if surrogateescape kept them; other lone surrogates raise ValueError.
    """
    if password.isascii():
        return password.encode("ascii")
    mapped = "".join([_mapped(character) for character in password])
    if not mapped or _is_prohibited(mapped):
        return password.encode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFKC", mapped).encode("utf-8")


def _mapped(character: str) -> str:
    """Non-ASCII spaces become spaces, what is commonly mapped to nothing vanishes (RFC 4013 §2.1)."""
    if stringprep.in_table_c12(character):
        return " "
    return "" if stringprep.in_table_b1(character) else character


def _is_prohibited(text: str) -> bool:
    """RFC 4013 §2.3 and §2.5 (prohibited and unassigned characters), and RFC 3454 §6 (bidirectional text)."""
    if any(is_in(character) for character in text for is_in in _PROHIBITED):
        return True
    if not any(stringprep.in_table_d1(character) for character in text):
        return False
    if any(stringprep.in_table_d2(character) for character in text):
        return True
    return not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1]))

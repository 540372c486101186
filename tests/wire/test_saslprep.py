from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.wire.saslprep import saslprep


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("user", "user"),
        ("USER", "USER"),
        ("I\u00adX", "IX"),  # soft hyphen is mapped to nothing; RFC 4013 §3
        ("\u00aa", "a"),  # NFKC; RFC 4013 §3
        ("\u2168", "IX"),  # NFKC; RFC 4013 §3
        ("a\u00a0b", "a b"),  # non-ASCII space
        ("\u0627a\u0628", "\u0627a\u0628"),  # left-to-right among right-to-left: refused, so left alone
        ("\u06271", "\u06271"),  # RFC 4013 §3: does not end right-to-left
        ("1\u0628", "1\u0628"),
        ("\u0627\u0628", "\u0627\u0628"),
        ("\u06271\u0628", "\u06271\u0628"),
        ("\u00aa\u0007", "\u00aa\u0007"),  # a control character: refused, so not even normalised
        ("\u00aa\U0001f600", "\u00aa\U0001f600"),  # not assigned in Unicode 3.2
        ("\u00aa\ue000", "\u00aa\ue000"),  # private use
        ("\u00ad", "\u00ad"),  # nothing would be left
        ("\u0007", "\u0007"),  # RFC 4013 refuses it, PostgreSQL takes all of ASCII
        ("", ""),
    ],
)
def test_passwords_are_prepared_as_postgresql_does(password: str, prepared: str) -> None:
    assert saslprep(password) == prepared.encode()


def test_checks_look_at_the_text_before_nfkc_as_postgresql_does() -> None:
    """U+FDFA becomes several words with spaces under NFKC; the check of its ends sees the one character."""
    assert saslprep("\ufdfa") != "\ufdfa".encode()


def test_bytes_that_are_not_utf8_stay_as_they_were() -> None:
    assert saslprep(b"caf\xe9\xaa".decode("utf-8", "surrogateescape")) == b"caf\xe9\xaa"


@given(st.text())
def test_any_text_gives_bytes(password: str) -> None:
    prepared = saslprep(password)
    assert bool(prepared) == bool(password)
    if password.isascii():
        assert prepared == password.encode()

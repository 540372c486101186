from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.masking.spans import is_card, is_iban, is_ip, is_luhn, is_phone, is_ssn, redact_spans


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail amy.b+c@mail.example.org now", "mail [email] now"),
        ("ssn 219-09-9999.", "ssn [ssn]."),
        ("no ssn 000-12-3456, 666-12-3456, 900-12-3456", "no ssn 000-12-3456, 666-12-3456, 900-12-3456"),
        ("card 4111 1111 1111 1111 ok", "card [card] ok"),
        ("order 4111111111111112", "order 4111111111111112"),
        ("iban GB82 WEST 1234 5698 7654 32!", "iban [iban]!"),
        ("from 10.20.30.40 and 2001:db8::1", "from [ip] and [ip]"),
        ("version 1.2.3.999", "version 1.2.3.999"),
        ("call +47 22 33 44 55 or (415) 555-2671", "call [phone] or [phone]"),
        ("call 01 23 45 67 89, (0151) 1234567 or 03-1234-5678", "call [phone], [phone] or [phone]"),
        ("call (415)555-2671, 001-415-555-2671x12345 or 1.415.555.2671", "call [phone], [phone] or [phone]"),
        ("call +49(0)1234 567890 or 0047 22 33 44 55", "call [phone] or [phone]"),
        (
            "on 01.02.2024, 05-06-2024, 07/08/2024 and 2024-01-02 03",
            "on 01.02.2024, 05-06-2024, 07/08/2024 and 2024-01-02 03",
        ),
        ("from 09:00 to 17:30, 0.25 of 012345678", "from 09:00 to 17:30, 0.25 of 012345678"),
        ("key AKIAIOSFODNN7EXAMPLE", "key [token]"),
        ("ghp_" + "a1B2" * 9, "[token]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_123", "[jwt]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- rest", "[private key] rest"),
        ("nothing to see on 2024-05-06 at 10:20", "nothing to see on 2024-05-06 at 10:20"),
    ],
)
def test_what_is_found_is_replaced_by_its_kind(text: str, expected: str) -> None:
    assert redact_spans(text.encode()).decode() == expected


def test_json_stays_json() -> None:
    document = b'{"card": 4111111111111111, "mail": "a@b.example", "n": 12}'
    assert json.loads(redact_spans(document, is_json=True)) == {"card": 9999999999999999, "mail": "[email]", "n": 12}


def test_checksums_and_ranges_confirm() -> None:
    assert is_luhn(b"79927398713") and not is_luhn(b"79927398710")
    assert is_card(b"5555-5555-5555-4444") and not is_card(b"9555555555554444")
    assert is_iban(b"DE89370400440532013000") and not is_iban(b"DE88370400440532013000")
    assert is_ssn(b"219-09-9999") and not is_ssn(b"219-00-9999")
    assert is_ip(b"::1") and not is_ip(b"1.1.1.256")
    assert is_phone(b"+4722334455") and not is_phone(b"+47 22")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (rb'"first\nann@example.org"', "first\n[email]"),
        (rb'"\u0041nn@example.org"', "[email]"),
        (rb'"ann\u0040example.org"', "[email]"),
        (rb'"card\t4111 1111 1111 1111"', "card\t9999 9999 9999 9999"),
        (rb'"\ud83d\ude00 ann@example.org"', "\U0001f600 [email]"),
        (rb'"\ud800 ann@example.org"', "\ud800 [email]"),
        (rb'"a\\nb@example.org"', "a\\[email]"),
        (rb'"\u00e9"', "\u00e9"),
        (rb'"-----BEGIN PRIVATE KEY-----\nMII"', "[private key]"),
    ],
)  # fmt: skip
def test_strings_of_json_are_looked_through_as_what_their_escapes_mean(document: bytes, expected: str) -> None:
    for text in (document, b'{"a": [' + document + b', 1, "b"]}'):
        told = json.loads(redact_spans(text, is_json=True))
        assert (told if isinstance(told, str) else told["a"]) == (expected if text == document else [expected, 1, "b"])


@given(
    words=st.lists(st.sampled_from(["ann@example.org", "\n", '"', "\\", "\t", "é", "4111111111111111", " ", "x", "/"])),
    is_ascii=st.booleans(),
)
def test_json_stays_json_and_its_strings_are_what_redacted_texts_are(words: list[str], is_ascii: bool) -> None:
    text = "".join(words)
    document = json.dumps({"a": [text, 7]}, ensure_ascii=is_ascii).encode()
    assert json.loads(redact_spans(document, is_json=True)) == {"a": [_redacted_string(text), 7]}


def _redacted_string(text: str) -> str:
    return redact_spans(text.encode()).decode().replace("[card]", "9999999999999999")


def test_what_is_no_json_is_redacted_as_it_is() -> None:
    assert redact_spans(rb'"\x a@b.cd" "', is_json=True) == rb'"\x [email]" "'

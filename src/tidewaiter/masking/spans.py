"""Find personal data and secrets inside free text. Best effort: what no pattern knows is not found.

RE2 runs in time linear in the text, whatever the text is. Candidates with a checksum or ranges are confirmed: a
16-digit order number is no card, 999-00-1234 is no SSN. Nothing found here is a reason to leave a column untagged.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import re2

_DIGITS: Final = frozenset(b"0123456789")
_NUMBER_BYTES: Final = frozenset(b"0123456789 -.+()")


def digits_of(value: bytes) -> bytes:
    """The digits of a value."""
    return bytes(byte for byte in value if byte in _DIGITS)


def is_luhn(digits: bytes) -> bool:
    """Whether digits end in the check digit of ISO/IEC 7812."""
    total = 0
    for place, byte in enumerate(reversed(digits)):
        number = byte - 48
        if place & 1:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


def is_card(value: bytes) -> bool:
    """A payment card: 13 to 19 digits of a known first digit, with its check digit."""
    digits = digits_of(value)
    return 13 <= len(digits) <= 19 and digits[:1] in (b"2", b"3", b"4", b"5", b"6") and is_luhn(digits)


def is_iban(value: bytes) -> bool:
    """An IBAN whose check digits hold (ISO 13616: mod 97)."""
    compact = value.replace(b" ", b"")
    if not 15 <= len(compact) <= 34:
        return False
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(chr(byte), 36)) for byte in turned)) % 97 == 1


def is_ssn(value: bytes) -> bool:
    """A US social security number that the administration may have given out."""
    area, group, serial = value[:3], value[4:6], value[7:]
    return area not in (b"000", b"666") and area < b"900" and group != b"00" and serial != b"0000"


def is_ip(value: bytes) -> bool:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(value.decode("ascii"))
    except ValueError:
        return False
    return True


_DAY: Final = re.compile(rb"[0-9]{1,2}([./ -])[0-9]{1,2}\1[0-9]{2,4}(?![0-9])")


def is_phone(value: bytes) -> bool:
    """As many digits as a telephone number has (E.164: 15 at most), and no day at the beginning."""
    number = value.partition(b"x")[0]  # the extension is not part of it
    return 8 <= len(digits_of(number)) <= 15 and (_DAY.match(value) is None or value.count(b" ") > 2)


def _always(value: bytes) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of data: `pattern` finds candidates, `confirms` says whether one is real."""

    kind: str
    pattern: bytes
    confirms: Callable[[bytes], bool] = _always


_TOKENS: Final = (
    rb"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[opsur]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"
    rb"|xox[abeoprs]-[A-Za-z0-9-]{10,255}|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,255}"
    rb"|sk-(?:proj-|ant-|svcacct-)?[A-Za-z0-9_-]{20,255}|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,255}"
    rb"|glpat-[A-Za-z0-9_-]{20,255}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{32,255}|hf_[A-Za-z0-9]{30,64}"
    rb"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}|dop_v1_[a-f0-9]{64}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})"
)

_EXTENSION: Final = rb"(?: ?(?:x|ext\.?) ?[0-9]{1,6}\b|\b)"

DETECTORS: Final = (
    Detector("private key", rb"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)"),
    Detector("jwt", rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    Detector("token", _TOKENS),
    Detector("email", rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"),
    Detector("iban", rb"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", is_iban),
    Detector("card", rb"\b[2-6](?:[ -]?[0-9]){12,18}\b", is_card),
    Detector("ssn", rb"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", is_ssn),
    Detector("ip", rb"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b|\b(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}\b", is_ip),
    Detector(
        "phone",
        rb"(?:\+|\b00)[1-9][0-9]{0,2}(?:[ ./-]?\(?[0-9]{1,4}\)?){2,6}"
        + _EXTENSION
        + rb"|(?:\b(?:001|1)[ .-]?)?(?:\([2-9][0-9]{2}\)[ .-]?|\b[2-9][0-9]{2}[ .-])[0-9]{3}[ .-][0-9]{4}"
        + _EXTENSION
        + rb"|(?:\(0[1-9][0-9]{0,4}\)|\b0[1-9][0-9]{0,4})(?:[ /.-]{1,2}[0-9]{2,8}){1,5}\b",
        is_phone,
    ),
)
"""In the order in which they take what they find: a card is looked for before a telephone number."""


def _compile() -> tuple[Any, tuple[Any, ...]]:
    together = re2.Set.SearchSet()  # type: ignore[no-untyped-call]
    for detector in DETECTORS:
        together.Add(detector.pattern)
    together.Compile()
    return together, tuple(re2.compile(one.pattern) for one in DETECTORS)  # type: ignore[no-untyped-call]


_TOGETHER, _PATTERNS = _compile()


def kinds_in(text: bytes) -> frozenset[str]:
    """The kinds of everything that `redact_spans` would replace."""
    kinds = set()
    for found in _TOGETHER.Match(text) or ():
        detector, pattern = DETECTORS[found], _PATTERNS[found]
        if any(detector.confirms(text[slice(*match.span())]) for match in pattern.finditer(text)):
            kinds.add(detector.kind)
    return frozenset(kinds)


def kind_of(value: bytes) -> str | None:
    """The kind of a value that is one span from end to end."""
    for found in sorted(_TOGETHER.Match(value) or ()):
        if _PATTERNS[found].fullmatch(value) and DETECTORS[found].confirms(value):
            return DETECTORS[found].kind
    return None


def redact_spans(text: bytes, is_json: bool = False) -> bytes:
    """The text with everything found replaced by its kind, as `[email]`.

    JSON stays JSON: strings are looked through one by one, as what their escapes stand for, and a number stays one:
    digits are replaced by nines where nothing but digits was found.
    """
    if not is_json:
        return _redacted(text, False)
    is_suspect = bool(_TOGETHER.Match(text))
    if not is_suspect and b"\\" not in text:
        return text
    pieces: list[bytes] = []
    done = 0
    for literal in _LITERAL.finditer(text):
        start, end = literal.span()
        if b"\\" in literal[0]:
            changed = _unescaped(literal[0])
        else:
            changed = _redacted(literal[0], True) if is_suspect else literal[0]
        pieces += (_redacted(text[done:start], True), changed)
        done = end
    return b"".join(pieces) + _redacted(text[done:], True)


_LITERAL: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def _unescaped(literal: bytes) -> bytes:
    """A JSON string with escapes, redacted: `\\n` before an address is no part of it, and `\\u0040` may be its @."""
    try:
        value: str = json.loads(literal, strict=False)
        text = value.encode("utf-8", "surrogatepass")
        redacted = _redacted(text, True)
        made = json.dumps(redacted.decode("utf-8", "surrogatepass"), ensure_ascii=b"\xed" in redacted).encode()
    except ValueError:  # not JSON at all
        return _redacted(literal, True)
    return literal if redacted == text else made


def _redacted(text: bytes, is_json: bool) -> bytes:
    for found in sorted(_TOGETHER.Match(text) or ()):
        text = _replaced(text, DETECTORS[found], _PATTERNS[found], is_json)
    return text


def _replaced(text: bytes, detector: Detector, pattern: Any, is_json: bool) -> bytes:
    pieces: list[bytes] = []
    done = 0
    for match in pattern.finditer(text):
        start, end = match.span()
        candidate = text[start:end]
        if not detector.confirms(candidate):
            continue
        pieces.append(text[done:start])
        if is_json and _NUMBER_BYTES.issuperset(candidate):
            pieces.append(bytes(57 if byte in _DIGITS else byte for byte in candidate))
        else:
            pieces.append(b"[%s]" % detector.kind.encode())
        done = end
    return b"".join(pieces) + text[done:] if done else text

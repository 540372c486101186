"""Late forms: the bytes of one field of an answer → the bytes that the client gets, in text or binary format.

What comes out is always a valid value of the column's type. A value that cannot be masked raises: the answer ends with
an error, and nothing unmasked leaves. Binary formats: `src/backend/utils/adt/*.c`, the …send and …recv functions.
"""

from __future__ import annotations

import hashlib
from typing import Final

from tidewaiter.config.shape import Mask
from tidewaiter.masking.civil import date_of, days_of, format_iso, parse_iso
from tidewaiter.masking.fake import FIRST, LAST, fake_name
from tidewaiter.masking.forms import INTEGERS, JSONS, TEXTS, base_of
from tidewaiter.masking.spans import redact_spans
from tidewaiter.model import Column

_DAY_US: Final = 86_400_000_000
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz234567"
_BASE_32: Final = [bytes((first, second)) for first in _ALPHABET for second in _ALPHABET]
"""Ten bits in base 32 (RFC 4648), lower case."""
_INFINITE: Final = (b"infinity", b"-infinity")
_NO_NUMBERS: Final = (b"NaN", b"Infinity", b"-Infinity")
_NAN: Final = b"\0\0\0\0\xc0\0\0\0"


Recipe = tuple[object, ...]
"""How `_rows.c` does what `apply` does: the name of a kind, and its arguments. Empty: it calls `apply`."""


class LateMask:
    """The late form of one column's mask."""

    def apply(self, value: bytes) -> bytes | None:
        """The masked field, None for NULL. Raises ValueError for bytes that are no value of the type."""
        raise NotImplementedError

    def recipe(self) -> Recipe:
        """How the same is done in C."""
        return ()


class Null(LateMask):
    """NULL, which is valid for every type."""

    def apply(self, value: bytes) -> bytes | None:
        """NULL."""
        return None


class Length:
    """How long values of a text type are: at most `limit` characters, or bytes where it `counts_bytes`; 0: any length.

    `is_padded`: shorter ones are filled with spaces, which are not part of the value.
    """

    def __init__(self, limit: int = 0, is_padded: bool = False, counts_bytes: bool = False) -> None:
        self.limit, self.is_padded, self.counts_bytes = limit, is_padded, counts_bytes

    def bare(self, value: bytes) -> bytes:
        """A value without what fills it up."""
        return value.rstrip(b" ") if self.is_padded else value

    def fitted(self, text: bytes) -> bytes:
        """A text cut or filled as the server's cast does it. Raises UnicodeDecodeError where that takes characters."""
        limit = self.limit
        if not limit or (len(text) <= limit and not self.is_padded):  # no more characters than bytes
            return text
        if self.counts_bytes:
            return text[:limit].decode(errors="ignore").encode()
        if text.isascii():
            return text[:limit].ljust(limit) if self.is_padded else text[:limit]
        said = text.decode()[:limit]
        return (said.ljust(limit) if self.is_padded else said).encode()


class TextMask(LateMask):
    """Masks of text: what comes out is cut or padded to the length of the type, as a cast would."""

    def __init__(self, length: Length) -> None:
        self.length = length

    def apply(self, value: bytes) -> bytes | None:
        """The masked text, in the type's length."""
        return self.length.fitted(self.masked(self.length.bare(value)))

    def masked(self, value: bytes) -> bytes:
        """The masked text."""
        raise NotImplementedError


class Partial(TextMask):
    """Keep some characters at the ends."""

    def __init__(self, length: Length, first: int, last: int, char: str) -> None:
        super().__init__(length)
        self.first, self.last, self.char_bytes = first, last, char.encode()

    def masked(self, value: bytes) -> bytes:
        """Characters are counted, not bytes; a value no longer than what is kept is masked whole."""
        first, last = self.first, self.last
        if value.isascii():
            hidden = len(value) - first - last
            if hidden <= 0:
                return self.char_bytes * len(value)
            return value[:first] + self.char_bytes * hidden + value[first + hidden :]
        text = value.decode()
        hidden = len(text) - first - last
        if hidden <= 0:
            return self.char_bytes * len(text)
        return text[:first].encode() + self.char_bytes * hidden + text[first + hidden :].encode()

    def recipe(self) -> Recipe:
        """The type's length, what is kept, and the character."""
        of = self.length
        return ("partial", of.limit, of.is_padded, of.counts_bytes, self.first, self.last, self.char_bytes)


class Email(TextMask):
    """Keep the first character and the domain."""

    def masked(self, value: bytes) -> bytes:
        """`a***@example.com`; `***` for what is no address."""
        at = value.find(b"@")
        if at <= 0:
            return b"***"
        return (value[:1] if value[0] < 128 else value.decode()[:1].encode()) + b"***" + value[at:]

    def recipe(self) -> Recipe:
        """The type's length."""
        return ("email", self.length.limit, self.length.is_padded)


class Token(TextMask):
    """A keyed digest: equal values of one tag give equal tokens."""

    def __init__(self, length: Length, key: bytes) -> None:
        super().__init__(length)
        self.key = key

    def masked(self, value: bytes) -> bytes:
        """`tok_` and 26 characters of base 32: 130 bits."""
        digest = hashlib.blake2b(value, key=self.key, digest_size=17).digest()
        out = bytearray(b"tok_")
        for at in (0, 5, 10):  # 40 bits fit a machine word: eight characters, two at a time
            bits = digest[at] << 32 | digest[at + 1] << 24 | digest[at + 2] << 16 | digest[at + 3] << 8 | digest[at + 4]
            out += _BASE_32[bits >> 30]
            out += _BASE_32[bits >> 20 & 1023]
            out += _BASE_32[bits >> 10 & 1023]
            out += _BASE_32[bits & 1023]
        out += _BASE_32[(digest[15] << 8 | digest[16]) >> 6]
        return bytes(out)

    def recipe(self) -> Recipe:
        """The key, and the type's length."""
        return ("token", self.key, self.length.limit, self.length.is_padded)


class IntegerToken(LateMask):
    """A token that is a positive integer of the type."""

    def __init__(self, bits: int, is_binary: bool, key: bytes) -> None:
        self.bits, self.is_binary, self.key = bits, is_binary, key

    def apply(self, value: bytes) -> bytes | None:
        """Text and binary format give the same number."""
        said = b"%d" % int.from_bytes(value, "big", signed=True) if self.is_binary else value
        digest = hashlib.blake2b(said, key=self.key, digest_size=8).digest()
        number = int.from_bytes(digest, "big") >> (65 - self.bits)
        return number.to_bytes(self.bits // 8, "big") if self.is_binary else b"%d" % number

    def recipe(self) -> Recipe:
        """The key, and the type's size."""
        return ("integer_token", self.key, self.bits, self.is_binary)


class UuidToken(LateMask):
    """A token that is a version 8 UUID (RFC 9562: of one's own making)."""

    def __init__(self, is_binary: bool, key: bytes) -> None:
        self.is_binary, self.key = is_binary, key

    def apply(self, value: bytes) -> bytes | None:
        """Text and binary format give the same UUID."""
        raw = value if self.is_binary else bytes.fromhex(value.replace(b"-", b"").decode("ascii"))
        digest = bytearray(hashlib.blake2b(raw, key=self.key, digest_size=16).digest())
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        if self.is_binary:
            return bytes(digest)
        said = digest.hex()
        return f"{said[:8]}-{said[8:12]}-{said[12:16]}-{said[16:20]}-{said[20:]}".encode()

    def recipe(self) -> Recipe:
        """The key."""
        return ("uuid_token", self.key, self.is_binary)


class Fake(TextMask):
    """An invented name, the same for equal values of one tag."""

    def __init__(self, length: Length, key: bytes) -> None:
        super().__init__(length)
        self.key = key

    def masked(self, value: bytes) -> bytes:
        """The name that the value's digest chooses."""
        return fake_name(hashlib.blake2b(value, key=self.key, digest_size=8).digest())

    def recipe(self) -> Recipe:
        """The key, the type's length, and the names."""
        return ("fake", self.key, self.length.limit, self.length.is_padded, FIRST, LAST)


class FreeText(TextMask):
    """Personal data and secrets inside a text are replaced where patterns find them. Best effort."""

    def __init__(self, length: Length, is_json: bool = False) -> None:
        super().__init__(length)
        self.is_json = is_json

    def masked(self, value: bytes) -> bytes:
        """The text with what was found replaced by its kind, as `[email]`."""
        return redact_spans(value, self.is_json)

    def recipe(self) -> Recipe:
        """The type's length. Only texts in which nothing can be found are C's."""
        return ("free_json" if self.is_json else "free_text", self.length.limit, self.length.is_padded)


class FreeJsonb(LateMask):
    """The same for jsonb in binary format: a version byte, then text."""

    def apply(self, value: bytes) -> bytes | None:
        """The document with what was found replaced."""
        return value[:1] + redact_spans(value[1:], True)

    def recipe(self) -> Recipe:
        """As of text: the version byte is nothing that could be found."""
        return ("free_json", 0, False)


_MOST_WEIGHT: Final = 4_300 // 4  # digits to the base of 10,000 before the point


class NumericBucket(LateMask):
    """The multiple of a whole size towards zero: as many places behind the point as before, and all of them zeros."""

    def __init__(self, size: int, is_binary: bool) -> None:
        self.size, self.is_binary = size, is_binary

    def apply(self, value: bytes) -> bytes | None:
        """The bucket's number; NaN for what is no number, infinities among them, as the server computes it."""
        return self._of_binary(value) if self.is_binary else self._of_text(value)

    def _of_text(self, value: bytes) -> bytes:
        if value in _NO_NUMBERS:
            return b"NaN"
        whole, point, places = value.removeprefix(b"-").partition(b".")
        if not whole.isdigit() or (point and not places.isdigit()):
            raise ValueError("not a number as servers write it")
        bucket = int(whole) // self.size * self.size
        sign = b"-" if bucket and value.startswith(b"-") else b""
        return b"%s%d%s%s" % (sign, bucket, point, b"0" * len(places))

    def _of_binary(self, value: bytes) -> bytes:
        """Count of digits to the base of 10,000, weight of the first, sign, places behind the point; the digits."""
        count, sign = int.from_bytes(value[:2], "big"), value[4:6]
        weight = int.from_bytes(value[2:4], "big", signed=True)
        if len(value) != 8 + 2 * count:
            raise ValueError("not a number as servers send it")
        if weight >= _MOST_WEIGHT:
            raise ValueError("a number of more than 4,300 digits")  # which int() refuses in a text too
        if sign not in (b"\0\0", b"\x40\0"):
            return _NAN
        number = 0
        for at in range(weight + 1):
            digit = int.from_bytes(value[8 + 2 * at : 10 + 2 * at], "big") if at < count else 0
            number = number * 10_000 + digit
        bucket = number // self.size * self.size
        digits: list[bytes] = []
        left = bucket
        while left:
            left, digit = divmod(left, 10_000)
            digits.append(digit.to_bytes(2, "big"))
        weight = max(len(digits) - 1, 0)
        body = b"".join(reversed(digits))
        while body.endswith(b"\0\0"):
            body = body[:-2]
        head = (len(body) // 2).to_bytes(2, "big") + weight.to_bytes(2, "big")
        return head + (sign if bucket else b"\0\0") + value[6:8] + body

    def recipe(self) -> Recipe:
        """The size."""
        return ("bucket", self.size, self.is_binary)


class Moments(LateMask):
    """Masks of date, timestamp and timestamptz: something happens to the day."""

    def __init__(self, base: str, is_binary: bool) -> None:
        self.is_date, self.is_binary = base == "date", is_binary

    def apply(self, value: bytes) -> bytes | None:
        """Infinite values stay; text must be in ISO style."""
        if not self.is_binary:
            if value in _INFINITE:
                return value
            days, rest, _ = parse_iso(value)
            return format_iso(self.moved(days), self.rest(rest))
        number = int.from_bytes(value, "big", signed=True)
        limit = 1 << len(value) * 8 - 1
        if number in (limit - 1, -limit):
            return value
        if self.is_date:
            return self.moved(number).to_bytes(4, "big", signed=True)
        days, within = divmod(number, _DAY_US)
        return (self.moved(days) * _DAY_US + self.within(within)).to_bytes(8, "big", signed=True)

    def moved(self, days: int) -> int:
        """The day that takes the place of a day."""
        return days

    def rest(self, text: bytes) -> bytes:
        """What follows the date in text."""
        return text

    def within(self, microseconds: int) -> int:
        """The time of day."""
        return microseconds


class Truncate(Moments):
    """The first day of the year or month, or the day itself; midnight."""

    def __init__(self, base: str, is_binary: bool, unit: str) -> None:
        super().__init__(base, is_binary)
        self.unit = unit
        self.is_zoned = base == "timestamptz"

    def moved(self, days: int) -> int:
        """The day on which the unit began."""
        if self.unit == "day":
            return days
        year, month, _ = date_of(days)
        return days_of(year, 1 if self.unit == "year" else month, 1)

    def rest(self, text: bytes) -> bytes:
        """Midnight; of timestamptz that of UTC, where alone it is late."""
        if self.is_zoned:
            if not text.endswith(b"+00"):
                raise ValueError("not in UTC: is TimeZone something else?")
            return b" 00:00:00+00"
        return text if self.is_date else b" 00:00:00"

    def within(self, microseconds: int) -> int:
        """Midnight."""
        return 0

    def recipe(self) -> Recipe:
        """The unit."""
        return ("truncate", self.unit, self.is_date, self.is_zoned, self.is_binary)


class Shift(Moments):
    """Move by a number of days that a keyed digest of the day chooses: at most `span` either way, never 0."""

    def __init__(self, base: str, is_binary: bool, span: int, key: bytes) -> None:
        super().__init__(base, is_binary)
        self.span, self.key = span, key

    def moved(self, days: int) -> int:
        """The shifted day: the same for the same day under one key."""
        digest = hashlib.blake2b(b"%d" % days, key=self.key, digest_size=8).digest()
        step = int.from_bytes(digest, "big") % (2 * self.span)
        return days + (step - self.span if step < self.span else step - self.span + 1)

    def recipe(self) -> Recipe:
        """The key, and how far."""
        return ("shift", self.key, self.span, self.is_date, self.is_binary)


def late_mask(mask: Mask, column: Column, key: bytes, is_binary: bool) -> LateMask:
    """The late form of a mask for a column's fields in a format; NULL where it has none, and so is never late."""
    base = base_of(column)
    if base in TEXTS:
        return _text(mask, column, key)
    if mask.name == "token":
        return UuidToken(is_binary, key) if base == "uuid" else IntegerToken(INTEGERS[base], is_binary, key)
    if mask.name == "bucket" and base == "numeric":
        return NumericBucket(int(float(mask.parameters["size"])), is_binary)  # as forms.py reads it
    if mask.name == "truncate":
        return Truncate(base, is_binary, str(mask.parameters["unit"]))
    if mask.name == "shift":
        return Shift(base, is_binary, int(mask.parameters["days"]), key)
    if mask.name == "free_text" and base in JSONS:
        return FreeJsonb() if base == "jsonb" and is_binary else FreeText(Length(), True)
    return Null()


def _text(mask: Mask, column: Column, key: bytes) -> LateMask:
    length = _length(column)
    if mask.name == "partial":
        given = mask.parameters
        return Partial(length, int(given["keep_first"]), int(given["keep_last"]), str(given["char"]).replace("\\", "*"))
    if mask.name == "email":
        return Email(length)
    if mask.name == "free_text":
        return FreeText(length)
    if mask.name == "token":
        return Token(length, key)
    return Fake(length, key) if mask.name == "fake" else Null()


def _length(column: Column) -> Length:
    if column.base == "name":
        return Length(63, counts_bytes=True)
    inside = column.type.partition("(")[2].partition(")")[0]
    limit = int(inside) if inside.isdigit() and column.base in ("varchar", "bpchar") else 0
    return Length(limit, is_padded=column.base == "bpchar")

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
from tidewaiter.masking.forms import INTEGERS, JSONS, REDACTED, TEXTS, base_of
from tidewaiter.masking.spans import redact_spans
from tidewaiter.model import Column

_DAY_US: Final = 86_400_000_000
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz234567"
_BASE_32: Final = [bytes((first, second)) for first in _ALPHABET for second in _ALPHABET]
"""Ten bits in base 32 (RFC 4648), lower case."""
_INFINITE: Final = (b"infinity", b"-infinity")


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


class Constant(LateMask):
    """The same bytes for every value."""

    def __init__(self, constant: bytes) -> None:
        self.constant = constant

    def apply(self, value: bytes) -> bytes | None:
        """The constant."""
        return self.constant


class TextMask(LateMask):
    """Masks of text: what comes out is cut or padded to the length of the type, as a cast would."""

    def __init__(self, limit: int, is_padded: bool) -> None:
        self.limit, self.is_padded = limit, is_padded

    def apply(self, value: bytes) -> bytes | None:
        """The masked text, in the type's length."""
        masked = self.masked(value.rstrip(b" ") if self.is_padded else value)
        if self.limit:
            text = masked.decode()[: self.limit]
            masked = (text.ljust(self.limit) if self.is_padded else text).encode()
        return masked

    def masked(self, value: bytes) -> bytes:
        """The masked text."""
        return REDACTED.encode()


class Partial(TextMask):
    """Keep some characters at the ends."""

    def __init__(self, limit: int, is_padded: bool, first: int, last: int, char: str) -> None:
        super().__init__(limit, is_padded)
        self.first, self.last, self.char, self.char_bytes = first, last, char, char.encode()

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


class Email(TextMask):
    """Keep the first character and the domain."""

    def masked(self, value: bytes) -> bytes:
        """`a***@example.com`; `***` for what is no address."""
        at = value.find(b"@")
        if at <= 0:
            return b"***"
        return (value[:1] if value[0] < 128 else value.decode()[:1].encode()) + b"***" + value[at:]


class Token(TextMask):
    """A keyed digest: equal values of one tag give equal tokens."""

    def __init__(self, limit: int, is_padded: bool, key: bytes) -> None:
        super().__init__(limit, is_padded)
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
        return ("token", self.key, self.limit, self.is_padded)


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

    def __init__(self, limit: int, is_padded: bool, key: bytes) -> None:
        super().__init__(limit, is_padded)
        self.key = key

    def masked(self, value: bytes) -> bytes:
        """The name that the value's digest chooses."""
        return fake_name(hashlib.blake2b(value, key=self.key, digest_size=8).digest())

    def recipe(self) -> Recipe:
        """The key, the type's length, and the names."""
        return ("fake", self.key, self.limit, self.is_padded, FIRST, LAST)


class FreeText(TextMask):
    """Personal data and secrets inside a text are replaced where patterns find them. Best effort."""

    def __init__(self, limit: int, is_padded: bool, is_json: bool = False) -> None:
        super().__init__(limit, is_padded)
        self.is_json = is_json

    def masked(self, value: bytes) -> bytes:
        """The text with what was found replaced by its kind, as `[email]`."""
        return redact_spans(value, self.is_json)


class FreeJsonb(LateMask):
    """The same for jsonb in binary format: a version byte, then text."""

    def apply(self, value: bytes) -> bytes | None:
        """The document with what was found replaced."""
        return value[:1] + redact_spans(value[1:], True)


class IntegerBucket(LateMask):
    """The multiple of a size towards zero."""

    def __init__(self, size: int, width: int, is_binary: bool) -> None:
        self.size, self.width, self.is_binary = size, width, is_binary

    def apply(self, value: bytes) -> bytes | None:
        """The bucket's number."""
        number = int.from_bytes(value, "big", signed=True) if self.is_binary else int(value)
        bucket = abs(number) // self.size * self.size
        if number < 0:
            bucket = -bucket
        return bucket.to_bytes(self.width, "big", signed=True) if self.is_binary else b"%d" % bucket


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

    def moved(self, days: int) -> int:
        """The day on which the unit began."""
        if self.unit == "day":
            return days
        year, month, _ = date_of(days)
        return days_of(year, 1 if self.unit == "year" else month, 1)

    def rest(self, text: bytes) -> bytes:
        """Midnight."""
        return text if self.is_date else b" 00:00:00"

    def within(self, microseconds: int) -> int:
        """Midnight."""
        return 0


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
    """The late form of a mask for a column's fields in a format. Types without one get NULL."""
    base = base_of(column)
    if base in TEXTS:
        return _text(mask, column, key)
    if mask.name == "redact" and not column.is_array:
        return _redact(base, column, is_binary)
    if mask.name == "token":
        return UuidToken(is_binary, key) if base == "uuid" else IntegerToken(INTEGERS[base], is_binary, key)
    if mask.name == "bucket" and base in INTEGERS:
        return IntegerBucket(int(mask.parameters["size"]), INTEGERS[base] // 8, is_binary)
    if mask.name == "truncate" and base in ("date", "timestamp"):
        return Truncate(base, is_binary, str(mask.parameters["unit"]))
    if mask.name == "shift":
        return Shift(base, is_binary, int(mask.parameters["days"]), key)
    if mask.name == "free_text" and base in JSONS:
        return FreeJsonb() if base == "jsonb" and is_binary else FreeText(0, False, True)
    return Null()


def _text(mask: Mask, column: Column, key: bytes) -> LateMask:
    limit, is_padded = _length(column), column.base == "bpchar"
    if mask.name == "redact":
        return TextMask(limit, is_padded)
    if mask.name == "partial":
        given = mask.parameters
        return Partial(
            limit, is_padded, int(given["keep_first"]), int(given["keep_last"]), str(given["char"]).replace("\\", "*")
        )
    if mask.name == "email":
        return Email(limit, is_padded)
    if mask.name == "free_text":
        return FreeText(limit, is_padded)
    if mask.name == "token":
        return Token(limit, is_padded, key)
    return Fake(limit, is_padded, key) if mask.name == "fake" else Null()


def _length(column: Column) -> int:
    """The length that the type allows, in characters; 0 for any."""
    if column.base == "name":
        return 63
    inside = column.type.partition("(")[2].partition(")")[0]
    return int(inside) if inside.isdigit() and column.base in ("varchar", "bpchar") else 0


def _redact(base: str, column: Column, is_binary: bool) -> LateMask:
    if base in INTEGERS:
        return Constant(bytes(INTEGERS[base] // 8) if is_binary else b"0")
    if base in ("float4", "float8"):
        return Constant(bytes(int(base[5:])) if is_binary else b"0")
    if base == "numeric":
        scale = column.type.partition(",")[2].rstrip(")")
        places = int(scale) if scale.isdigit() else 0
        text = b"0." + b"0" * places if places else b"0"
        return Constant(bytes(6) + places.to_bytes(2, "big") if is_binary else text)
    if base in JSONS:
        text = b'"%s"' % REDACTED.encode()
        return Constant(b"\x01" + text if is_binary and base == "jsonb" else text)
    return Null()

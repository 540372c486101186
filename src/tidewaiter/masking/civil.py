"""Days and calendar dates, beyond what datetime holds: PostgreSQL's dates run from 4713 BC to 5874897.

Algorithm: https://howardhinnant.github.io/date_algorithms.html (proleptic Gregorian, as PostgreSQL counts).
"""

from __future__ import annotations

_EPOCH = 10957
"""Days from 1970-01-01 to 2000-01-01, where PostgreSQL's day 0 is."""


def days_of(year: int, month: int, day: int) -> int:
    """Days since 2000-01-01. Year 0 is 1 BC."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468 - _EPOCH


def date_of(days: int) -> tuple[int, int, int]:
    """(year, month, day) of a number of days since 2000-01-01."""
    days += 719468 + _EPOCH
    era = days // 146097
    of_era = days - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    at = (5 * of_year + 2) // 153
    month = at + (3 if at < 10 else -9)
    return year + era * 400 + (month <= 2), month, of_year - (153 * at + 2) // 5 + 1


def parse_iso(text: bytes) -> tuple[int, bytes, bool]:
    """(days, what follows the date, is BC) of a date or timestamp in ISO style. Raises ValueError for anything else."""
    body = text
    is_bc = text.endswith(b" BC")
    if is_bc:
        body = text[:-3]
    date, space, rest = body.partition(b" ")
    parts = date.split(b"-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise ValueError("not a date in ISO style: is DateStyle something else?")
    year = int(parts[0])
    return days_of(1 - year if is_bc else year, int(parts[1]), int(parts[2])), space + rest, is_bc


def format_iso(days: int, rest: bytes) -> bytes:
    """A date with what follows it, in ISO style."""
    year, month, day = date_of(days)
    if year > 0:
        return b"%04d-%02d-%02d%s" % (year, month, day, rest)
    return b"%04d-%02d-%02d%s BC" % (1 - year, month, day, rest)

"""Days, moments and durations as people type them, resolved to exact instants. Pure: now and zone are arguments.

A DAY is half-open, [00:00, 24:00) of the given time zone, so it is 23 or 25 hours long where the clocks change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tidewaiter.errors import UsageError

DAY_FORMS = "an ISO date (2026-11-17), today, yesterday or `last tuesday`"
MOMENT_FORMS = f"an ISO date and time (2026-11-17T09:30), `now`, `2h ago`, or a day: {DAY_FORMS}"
DURATION_FORMS = "a number and a unit: 90s, 15m, 8h, 7d or 2w"

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,9})\s*([smhdw])")
_AGO = re.compile(r"(.+?)\s+ago")
_YEARS = range(1971, 2262)  # what signed 64-bit nanoseconds since 1970 hold, whatever the zone's offset
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of Unix time in nanoseconds: `from_ns` belongs to it, `to_ns` does not."""

    from_ns: int
    to_ns: int


def zone(name: str) -> ZoneInfo:
    """The IANA time zone `name`. UsageError when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UsageError(f"{name!r} is not a time zone: use an IANA name such as Europe/Berlin or UTC") from None


def day(text: str, today: date) -> date:
    """The calendar day that `text` names, seen from `today`. `last tuesday` is strictly before today.

    UsageError lists what is understood.
    """
    words = text.strip().lower().split()
    match words:
        case ["today"]:
            return today
        case ["yesterday"]:
            return today - timedelta(days=1)
        case ["last", weekday] if weekday in _WEEKDAYS:
            days_back = (today.weekday() - _WEEKDAYS.index(weekday) - 1) % 7 + 1
            return today - timedelta(days=days_back)
        case [text_of_date] if found := _date(text_of_date):
            return found
    raise UsageError(f"{text!r} is not a day: use {DAY_FORMS}")


def day_span(which: date, tz: ZoneInfo) -> Span:
    """The instants of one calendar day in `tz`: from its first to the first of the next day."""
    return Span(_midnight_ns(which, tz), _midnight_ns(which + timedelta(days=1), tz))


def span(on: str | None, since: str | None, until: str | None, now_ns: int, tz: ZoneInfo) -> Span:
    """The range that `--on`, `--from` and `--to` mean together; without any, everything up to now.

    A day given as `until` counts to its end. UsageError when `on` is combined or the range is reversed.
    """
    if on is not None:
        if since is not None or until is not None:
            raise UsageError("--on names a whole day: use either --on, or --from and --to")
        return day_span(day(on, _today(now_ns, tz)), tz)
    first = 0 if since is None else moment(since, now_ns, tz, end=False)
    last = now_ns + 1 if until is None else moment(until, now_ns, tz, end=True)
    if last < first:
        raise UsageError("the range ends before it begins: --from must not be later than --to")
    return Span(first, last)


def moment(text: str, now_ns: int, tz: ZoneInfo, *, end: bool) -> int:
    """The instant that `text` names, Unix nanoseconds. A day is its start, or with `end` its end.

    A time without an offset is local to `tz`; one that occurs twice is the first. UsageError lists what is understood.
    """
    words = text.strip()
    if words.lower() == "now":
        return now_ns
    if ago := _AGO.fullmatch(words.lower()):
        return max(0, now_ns - duration_s(ago.group(1)) * 1_000_000_000)
    if "t" in words.lower() or ":" in words:
        stamp = _timestamp(words)
        if stamp is not None:
            return _ns(stamp if stamp.tzinfo else stamp.replace(tzinfo=tz))
    try:
        which = day_span(day(words, _today(now_ns, tz)), tz)
    except UsageError:
        raise UsageError(f"{text!r} is not a time: use {MOMENT_FORMS}") from None
    return which.to_ns if end else which.from_ns


def duration_s(text: str) -> int:
    """Seconds of a duration such as 15m or 8h. UsageError lists what is understood; zero is refused."""
    match = _DURATION.fullmatch(text.strip().lower())
    if not match or not int(match.group(1)):
        raise UsageError(f"{text!r} is not a duration: use {DURATION_FORMS}")
    return int(match.group(1)) * _UNIT_S[match.group(2)]


def iso(at_ns: int, tz: ZoneInfo) -> str:
    """ISO 8601 with microseconds and offset in `tz`; nanoseconds are cut, never rounded up."""
    return (_EPOCH + timedelta(microseconds=at_ns // 1_000)).astimezone(tz).isoformat(timespec="microseconds")


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def _timestamp(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def _today(now_ns: int, tz: ZoneInfo) -> date:
    return (_EPOCH + timedelta(microseconds=now_ns // 1_000)).astimezone(tz).date()


def _midnight_ns(which: date, tz: ZoneInfo) -> int:
    # fold=0: a midnight that occurs twice is the first; one that is skipped is the instant of the change (PEP 495).
    return _ns(datetime.combine(which, time(0), tz))


def _ns(stamp: datetime) -> int:
    return (stamp - _EPOCH) // timedelta(microseconds=1) * 1_000

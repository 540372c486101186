"""Which premises of late masks a session meets."""

from __future__ import annotations

import pytest

from tidewaiter.model import Effect, EffectKind
from tidewaiter.proxy.met import Met

TOLD = (
    (b"server_encoding", b"UTF8"),
    (b"client_encoding", b"UTF8"),
    (b"DateStyle", b"ISO, DMY"),
    (b"TimeZone", b"Etc/UTC"),
)


def met(*but: tuple[bytes, bytes]) -> Met:
    found = Met()
    for name, value in (*TOLD, *but):
        found.told(name, value)
    return found


def test_what_the_server_has_not_told_is_not_met() -> None:
    assert Met().now == {""}
    assert met().now == {"", "utf8", "iso", "utc"}
    assert met((b"TimeZone", b"UTC"), (b"application_name", b"x")).now is met().now


@pytest.mark.parametrize("name", [b"server_encoding", b"client_encoding"])
@pytest.mark.parametrize("encoding", [b"SQL_ASCII", b"LATIN1"])
def test_characters_are_counted_as_the_server_does_in_utf8_alone(name: bytes, encoding: bytes) -> None:
    assert met((name, encoding)).now == {"", "iso", "utc"}


@pytest.mark.parametrize("style", [b"German, DMY", b"SQL, MDY", b"Postgres, MDY", b""])
def test_dates_are_read_in_iso_style_alone(style: bytes) -> None:
    assert met((b"DateStyle", style)).now == {"", "utf8"}


@pytest.mark.parametrize("zone", [b"Europe/Berlin", b"Europe/London", b"<+00>-00", b"Etc/GMT-1", b"utc", b""])
def test_days_begin_with_those_of_utc_in_its_time_zone_alone(zone: bytes) -> None:
    assert met((b"TimeZone", zone)).now == {"", "utf8", "iso"}


@pytest.mark.parametrize(
    ("kind", "name", "is_doubtful"),
    [
        (EffectKind.SETTING, "datestyle", True),
        (EffectKind.SETTING, "timezone", True),
        (EffectKind.SETTING, "", True),
        (EffectKind.DISCARD, "all", True),
        (EffectKind.SETTING, "work_mem", False),
        (EffectKind.PREPARE, "datestyle", False),
    ],
)
def test_the_style_is_in_doubt_until_the_server_has_told_all(kind: EffectKind, name: str, is_doubtful: bool) -> None:
    found = met()
    found.changed(Effect(kind, name))
    assert found.now == ({"", "utf8"} if is_doubtful else {"", "utf8", "iso", "utc"})
    found.settled()
    assert found.now == {"", "utf8", "iso", "utc"}
    found.changed(Effect(kind, name))
    found.told(b"TimeZone", b"Asia/Tokyo")
    assert found.now == ({"", "utf8"} if is_doubtful else {"", "utf8", "iso"}), "it may tell of more"
    found.told(b"DateStyle", b"German, DMY")
    found.settled()
    assert found.now == {"", "utf8"}

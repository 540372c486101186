from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.identity.failed_logins import FailedLogins, source_of

KEY = b"0123456789abcdef"


def failures_until_refused(limiter: FailedLogins, source: str, now_s: float, most: int = 1000) -> int:
    for failures in range(most):
        if not limiter.allow(source, now_s):
            return failures
        limiter.failed(source, now_s)
    return most


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("/run/tidewaiter", "/run/tidewaiter"),
        ("", ""),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_subscriber(address: str, source: str) -> None:
    assert source_of(address) == source


def test_a_source_may_fail_its_limit_at_once_and_then_at_its_rate() -> None:
    limiter = FailedLogins(30, KEY)
    assert failures_until_refused(limiter, "10.0.0.1", 100.0) == 30
    assert not limiter.allow("10.0.0.1", 101.9)
    assert failures_until_refused(limiter, "10.0.0.1", 102.0) == 1
    assert failures_until_refused(limiter, "10.0.0.1", 162.0) == 30


def test_other_sources_are_not_affected() -> None:
    limiter = FailedLogins(30, KEY)
    failures_until_refused(limiter, "10.0.0.1", 100.0)
    assert failures_until_refused(limiter, "10.0.0.2", 100.0) == 30


def test_one_subscriber_cannot_use_all_addresses_of_its_network() -> None:
    limiter = FailedLogins(30, KEY)
    for host in range(30):
        limiter.failed(f"2001:db8::{host:x}", 100.0)
    assert not limiter.allow("2001:db8::ffff", 100.0)
    assert limiter.allow("2001:db8:0:1::1", 100.0)


def test_asking_costs_nothing() -> None:
    limiter = FailedLogins(1, KEY)
    assert all(limiter.allow("10.0.0.1", 100.0) for _ in range(100))


def test_a_clock_that_goes_back_gives_no_extra_tries() -> None:
    limiter = FailedLogins(30, KEY)
    failures_until_refused(limiter, "10.0.0.1", 100.0)
    assert not limiter.allow("10.0.0.1", 50.0)


def test_a_flood_of_sources_neither_frees_one_nor_locks_out_the_rest() -> None:
    limiter = FailedLogins(2, KEY)
    attackers = [f"10.{number >> 8}.{number & 255}.1" for number in range(1000)]
    for source in attackers:
        failures_until_refused(limiter, source, 100.0)
    assert not any(limiter.allow(source, 100.0) for source in attackers)
    strangers = [f"192.168.{number >> 8}.{number & 255}" for number in range(2000)]
    assert sum(not limiter.allow(source, 100.0) for source in strangers) <= 2  # expected: 0.03


def test_an_attacker_cannot_choose_whom_to_collide_with() -> None:
    """Which strangers a flood hits by chance depends on the key, so it cannot be aimed."""
    strangers = [f"192.168.{number >> 8}.{number & 255}" for number in range(2000)]
    hit = set()
    for key in (b"one", b"two", b"three"):
        limiter = FailedLogins(1, key)
        for number in range(8000):
            limiter.failed(f"10.{number >> 8}.{number & 255}.1", 100.0)
        hit.add(tuple(source for source in strangers if not limiter.allow(source, 100.0)))
    assert len(hit) == 3


def test_by_default_every_process_has_a_key_of_its_own() -> None:
    limiter = FailedLogins(1)
    limiter.failed("10.0.0.1", 100.0)
    assert not limiter.allow("10.0.0.1", 100.0)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.floats(0, 30)), max_size=60))
def test_no_source_ever_gets_more_than_its_rate(tries: list[tuple[str, float]]) -> None:
    limiter = FailedLogins(6, KEY)
    now_s = 1000.0
    allowed: dict[str, list[float]] = {"a": [], "b": [], "c": []}
    for source, after_s in tries:
        now_s += after_s
        if limiter.allow(source, now_s):
            limiter.failed(source, now_s)
            allowed[source].append(now_s)
    for moments in allowed.values():
        for index, start_s in enumerate(moments):
            for count, end_s in enumerate(moments[index:], 1):
                assert count <= 6 + (end_s - start_s) * 6 / 60 + 1e-6

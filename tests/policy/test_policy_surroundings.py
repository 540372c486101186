"""The context of a question."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tidewaiter.model import Context, Facts, Indirect, Lock
from tidewaiter.policy.rules import ALL_ATTRIBUTES
from tidewaiter.policy.surroundings import SESSION, Actor, Surroundings, told_indirect, told_locks

AT_NS = int(datetime(2026, 11, 22, 23, 30, 15, tzinfo=UTC).timestamp()) * 1_000_000_000 + 7
CONTEXT = Context("10.0.0.1", "psql", True, AT_NS, "password", 7)
BOT = Actor("agent", "ada", "bot")
ADA = Actor("user")
FACTS = Facts(
    verbs=("select",),
    unknown=("why",),
    parts=2,
    has_where=False,
    indirect=(Indirect("cascade", "fk", "delete", ("public", "lines"), ("public", "orders")),),
    locks=(Lock(("public", "orders"), "ShareLock"),),
)


def surroundings(*attributes: str, zone: str = "Europe/Berlin") -> Surroundings:
    return Surroundings(frozenset(attributes), ZoneInfo(zone))


def test_everything_that_is_mentioned_is_told_in_the_deployments_zone() -> None:
    told = json.loads(surroundings(*ALL_ATTRIBUTES).value(CONTEXT, FACTS, BOT))
    assert told == {
        "at": {"__extn": {"fn": "datetime", "arg": "2026-11-22T23:30:15Z"}},
        "date": "2026-11-23",
        "weekday": "monday",
        "hour": 0,
        "minute": 30,
        "client_address": {"__extn": {"fn": "ip", "arg": "10.0.0.1"}},
        "application": "psql",
        "in_transaction": True,
        "verbs": ["select"],
        "statements": 2,
        "unknown": ["why"],
        "has_where": False,
        "indirect_writes": ["cascade", "cascade delete public.lines"],
        "locks": ["ShareLock", "ShareLock public.orders"],
        "principal_kind": "agent",
        "owner": "ada",
        "agent": "bot",
        "evidence": "password",
        "estimated_rows": 7,
    }


def test_what_is_not_mentioned_is_not_told() -> None:
    assert surroundings().value(CONTEXT, FACTS, BOT) == "{}"
    assert json.loads(surroundings("application").value(CONTEXT, FACTS, BOT)) == {"application": "psql"}


def test_connecting_has_no_statement() -> None:
    told = json.loads(surroundings("verbs", "statements", "unknown", "agent", "owner").value(CONTEXT, None, ADA))
    assert told == {"verbs": [], "statements": 0, "unknown": []}


def test_triggers_are_named_by_their_table_and_cascades_by_what_they_write() -> None:
    orders = ("public", "orders")
    audit = Indirect("trigger", "Audit it", "function", ("public", "log"), orders)
    rule = Indirect("rule", "copy", "insert", ("hr", "copies"), orders)
    assert told_indirect((audit, audit, rule)) == (
        "trigger",
        'trigger public.orders."Audit it"',
        "rule",
        "rule insert hr.copies",
    )
    assert told_indirect(()) == ()


def test_of_the_locks_on_a_table_the_strongest_is_told() -> None:
    orders, lines = ("public", "orders"), ("public", "lines")
    locks = (Lock(orders, "ShareLock"), Lock(lines, "ShareLock"), Lock(orders, "AccessExclusiveLock"))
    for told in (locks, locks[::-1]):
        assert set(told_locks(told)) == {
            "AccessExclusiveLock",
            "AccessExclusiveLock public.orders",
            "ShareLock",
            "ShareLock public.lines",
        }


@pytest.mark.parametrize(
    ("written", "told"),
    [("10.0.0.1", "10.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("fe80::1%eth0", "fe80::1"), ("2001:db8::1",) * 2],
)  # fmt: skip
def test_addresses_mean_what_ranges_say(written: str, told: str) -> None:
    value = json.loads(surroundings("client_address").value(Context(written), None, ADA))
    assert value["client_address"]["__extn"]["arg"] == told


def test_a_unix_socket_has_no_address() -> None:
    assert surroundings("client_address").value(Context(), None, ADA) == "{}"


def test_what_cannot_be_is_an_error_only_where_policies_look_at_it() -> None:
    with pytest.raises(ValueError, match="time is not known"):
        surroundings("hour").value(Context(), None, ADA)
    with pytest.raises(ValueError, match="IPv4 or IPv6"):
        surroundings("client_address").value(Context("somewhere"), None, ADA)
    assert surroundings("application").value(Context("somewhere"), None, ADA) == '{"application":""}'


def test_keys_differ_where_policies_can_see_a_difference() -> None:
    later = Context("10.0.0.2", "other", False, AT_NS + 1_000_000_000, "")
    assert surroundings().key(CONTEXT) == surroundings().key(later) == ()
    for attribute in SESSION - {"date", "weekday", "hour", "minute"}:
        assert surroundings(attribute).key(CONTEXT) != surroundings(attribute).key(later)
    assert surroundings("hour").key(CONTEXT) == surroundings("hour").key(later)
    next_minute = Context(at_ns=AT_NS + 60_000_000_000)
    assert surroundings("minute").key(CONTEXT) != surroundings("minute").key(next_minute)


def test_facts_count_where_policies_look_at_them() -> None:
    assert surroundings("hour").facts_key(FACTS) == ()
    assert surroundings("verbs").facts_key(FACTS) == (("select",),)
    assert surroundings("has_where", "statements").facts_key(FACTS) == (2, False)
    assert surroundings("verbs").facts_key(None) == ()

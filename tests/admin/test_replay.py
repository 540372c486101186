"""Recorded statements against other policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.admin.replay import EXAMPLES, Change, Fields, Place, Replay, recorded_facts
from tidewaiter.config import Address, Classification, Datasource, Mask
from tidewaiter.model import (
    Allow,
    Deny,
    Facts,
    Indirect,
    Kind,
    Lock,
    Principal,
    Resource,
    ResourceType,
    SyntaxFault,
    Touch,
    Verdict,
)
from tidewaiter.policy import Policies
from tidewaiter.proxy.pipeline import statement_members
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.declared import declared
from tidewaiter.sql.facts import Scope, understand

ADA = Principal("ada", Kind.USER)
READ = '@id("read") permit (principal, action in Action::"read", resource);\n'
ORDERS = Facts(("select",), (Touch("select", Resource(ResourceType.TABLE, ("public", "orders"))),))
AT_NS = 1_795_000_000_000_000_000

names = st.text(min_size=1, max_size=5).filter(lambda text: "\x00" not in text and text.isprintable())
paths = st.tuples(names, names)
touches = st.one_of(
    st.builds(
        Touch,
        st.just("select"),
        st.builds(Resource, st.just(ResourceType.TABLE), paths),
        st.lists(names, max_size=2).map(tuple),
        st.booleans(),
        st.lists(names, max_size=2).map(tuple),
        st.integers(0, 2),
    ),
    st.builds(
        Touch,
        st.just("function"),
        st.builds(Resource, st.just(ResourceType.FUNCTION), paths),
        traits=st.sets(st.sampled_from(["opaque", "volatile"])).map(lambda found: tuple(sorted(found))),
    ),
    st.just(Touch("do", Resource(ResourceType.DATASOURCE))),
)
statements = st.builds(
    Facts,
    verbs=st.lists(names, max_size=2).map(tuple),
    touches=st.lists(touches, max_size=3).map(tuple),
    unknown=st.lists(names, max_size=2).map(tuple),
    parts=st.integers(1, 3),
    control=st.sampled_from([None, "begin", "commit"]),
    fault=st.sampled_from([None, SyntaxFault("42601", "")]),
    has_where=st.booleans(),
    indirect=st.lists(
        st.builds(Indirect, st.sampled_from(["trigger", "cascade"]), names, names, paths, paths), max_size=2
    ).map(tuple),
    locks=st.lists(st.builds(Lock, paths, st.just("ShareLock")), max_size=2).map(tuple),
)


def entry(facts: Facts, verdict: Verdict = Allow(), would_be: Verdict | None = None, **more: Any) -> Fields:  # noqa: B008 - frozen
    told = orjson.loads(b"{%b}" % statement_members(facts, verdict, would_be))
    return {"session": "s", "principal": "ada", "datasource": "shop", **told, **more}


def replay(*policies: str, **more: Any) -> Replay:
    asked = Policies.parse({"p.cedar": "".join(policies)}, ["shop"])
    return Replay(asked, {"ada": ADA}, **more)


@given(statements)
def test_an_entry_tells_all_that_policies_can_look_at(facts: Facts) -> None:
    assert recorded_facts(entry(facts)) == facts


def test_what_would_change_is_counted_by_who_and_which_rule() -> None:
    run = replay('@id("never") forbid (principal, action, resource);')
    for seq in range(EXAMPLES + 2):
        run.take(seq, AT_NS, "execution", entry(ORDERS))
    run.take(9, AT_NS, "intent", entry(ORDERS, Deny("x", "")))
    run.take(10, AT_NS, "outcome", {"session": "s", "status": "ok"})
    (change, seen), *none = run.changes.items()
    assert (change, none) == (Change("allow", "deny", "ada", "shop", "never"), [])
    assert (seen.count, seen.entries) == (EXAMPLES + 2, list(range(EXAMPLES)))
    assert (run.statements, run.unchanged) == (EXAMPLES + 3, 1)


def test_what_observe_mode_let_through_counts_as_what_it_would_have_been() -> None:
    run = replay(READ)
    run.take(1, AT_NS, "execution", entry(ORDERS, Allow(), Deny("x", "")))
    assert list(run.changes) == [Change("deny", "allow", "ada", "shop", "read")]


def test_a_row_limit_that_observe_mode_noted_is_no_verdict() -> None:
    run = replay(READ)
    run.take(1, AT_NS, "execution", {**entry(ORDERS), "would_be": "limited"})
    assert (run.unchanged, run.changes) == (1, {})


def test_what_no_policy_permits_is_by_no_policy() -> None:
    run = replay(READ)
    run.take(1, AT_NS, "execution", entry(Facts(("drop",), (Touch("drop", ORDERS.touches[0].resource),))))
    assert list(run.changes) == [Change("allow", "deny", "ada", "shop", "default-deny")]


def test_statements_of_those_who_are_gone_are_counted_apart() -> None:
    run = replay(READ)
    run.take(1, AT_NS, "execution", entry(ORDERS, principal="eve"))
    assert (run.strangers, run.changes, run.unchanged) == ({"eve": 1}, {}, 0)


@pytest.mark.parametrize("is_found", [True, False])
def test_a_statement_is_judged_where_its_session_was(is_found: bool) -> None:
    there = '@id("psql") forbid (principal, action, resource) when { context.application == "psql" };'
    start = {"session": "s", "application": "psql", "client_address": "10.0.0.1"}
    asked: list[str] = []

    def find(session: str) -> Fields | None:
        asked.append(session)
        return start if is_found else None

    run = replay(READ, there, find_session=find)
    run.take(1, AT_NS, "execution", entry(ORDERS))
    run.take(2, AT_NS, "execution", entry(ORDERS))
    assert (len(run.changes), asked) == (is_found, ["s"])
    run = replay(READ, there)
    run.take(0, AT_NS, "session.start", start)
    run.take(1, AT_NS, "execution", entry(ORDERS))
    run.take(2, AT_NS, "session.end", {"session": "s"})
    run.take(3, AT_NS, "execution", entry(ORDERS))
    assert [(seen.count, seen.entries) for seen in run.changes.values()] == [(1, [1])]


def test_a_statement_is_judged_in_the_transaction_and_at_the_time_it_was_made() -> None:
    busy = '@id("busy") forbid (principal, action, resource) when { context.in_transaction };'
    run = replay(READ, busy)
    for seq, control in enumerate(("", "begin", "", "rollback_to", "", "commit", "")):
        facts = Facts(control=control) if control else ORDERS
        run.take(seq, AT_NS, "execution", entry(facts))
    assert [seen.entries for seen in run.changes.values()] == [[2, 4]]
    run = replay(READ, '@id("then") forbid (principal, action, resource) when { context.date == "2026-11-18" };')
    run.take(1, AT_NS, "execution", entry(ORDERS))
    run.take(2, AT_NS + 86_400 * 10**9, "execution", entry(ORDERS))
    assert [seen.entries for seen in run.changes.values()] == [[1]]


def test_facts_that_are_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewaiter.admin.replay.FACTS", 3)
    monkeypatch.setattr("tidewaiter.admin.replay.VERDICTS", 2)
    run = replay(READ)
    for seq in range(5):
        run.take(seq, AT_NS, "execution", entry(Facts((f"v{seq}",))))
    assert run.unchanged == 5


# -- masking ---------------------------------------------------------------------------------------------------------
SHOP = Datasource(
    "shop", "postgres", Address("127.0.0.1", 1), "shop", "gate", "disable", "env:P", "enforce", {}, False, "detect"
)
CATALOG = declared({("public", "orders"): ("id integer", "buyer")})
ALL = '@id("all") permit (principal, action, resource) unless { action == Action::"unmask" };'
BY_MASKING = Deny("masking", "", rules=("masking",))


def facts_of(sql: str) -> Facts:
    return understand(sql, CATALOG, Scope(("pg_catalog", "public"), {}, {}, {}))


def masked(
    sql: str,
    verdict: Verdict = Allow(),  # noqa: B008 - frozen
    *,
    catalog: Catalog | None = CATALOG,
    source: Datasource = SHOP,
    **more: Any,
) -> tuple[list[Change], int]:
    """What changes about a statement of somebody who sees `buyer` masked, and how many are not known."""
    tags = Classification({"buyer": Mask("redact")}, {"shop": {"public.orders": {"buyer": ("buyer",)}}})
    policies = Policies.parse({"p.cedar": ALL}, ["shop"], classification=tags)
    run = Replay(policies, {"ada": ADA}, places={"shop": Place(source, catalog)}, find_text=lambda seq: sql)
    run.take(7, AT_NS, "execution", entry(facts_of(sql), verdict, **more))
    return list(run.changes), run.unsure


def changed(before: str, after: str, rule: str) -> list[Change]:
    return [Change(before, after, "ada", "shop", rule)]


def test_what_masking_would_refuse_is_denied_where_the_catalog_is_known() -> None:
    assert masked("select buyer from orders") == ([], 0)
    assert masked("listen x") == (changed("allow", "deny", "masking"), 0)
    assert masked("listen x", BY_MASKING) == ([], 0)
    assert masked("select buyer from orders", BY_MASKING) == (changed("deny", "allow", "all"), 0)


def test_a_denial_for_a_value_stays() -> None:
    assert masked("update orders set buyer = $1 where id = 1", BY_MASKING, binds=1) == ([], 0)


def test_without_a_catalog_only_what_was_refused_is_known() -> None:
    assert masked("listen x", catalog=None) == ([], 1)
    assert masked("listen x", BY_MASKING, catalog=None) == ([], 0)
    assert masked("select buyer from orders", catalog=None, masked=[]) == ([], 0)
    assert masked("select nowhere()", catalog=None) == (changed("allow", "deny", "masking"), 0)


def test_in_observe_mode_nothing_is_masked() -> None:
    assert masked("listen x", source=replace(SHOP, mode="observe")) == ([], 0)

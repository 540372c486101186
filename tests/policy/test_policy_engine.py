"""Asking Cedar: answers, holds, errors, row limits, slices and what is remembered."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.model import Context, Kind, Principal, Resource, ResourceType
from tidewaiter.policy import engine as engine_module
from tidewaiter.policy.engine import Answer, Engine, make_room
from tidewaiter.policy.names import Target
from tidewaiter.policy.rules import mentions, read_rules
from tidewaiter.policy.surroundings import Actor, Surroundings

CUSTOMERS = Target(Resource(ResourceType.TABLE, ("public", "customers")))
ADA = Principal("ada", Kind.USER, frozenset({"g"}))
READ = '@id("read") permit (principal, action in Action::"read", resource);'
WRITE = '@id("write") permit (principal, action in Action::"write", resource);'
HOLD = '@id("hold") @hold("dba") forbid (principal, action in Action::"destructive", resource);'
NEVER = '@id("never") forbid (principal, action in Action::"delete", resource);'


def engine(*texts: str) -> Engine:
    rules = read_rules({"p.cedar": "\n".join(texts)})
    return Engine(rules, Surroundings(mentions(rules).attributes, ZoneInfo("UTC")), {})


def answer(asked: Engine, action: str, principal: Principal = ADA, context: Context | None = None) -> Answer:
    (found,) = asked.answers(principal, "shop", [(action, CUSTOMERS)], None, context or Context(), Actor("user"))
    return found


def test_nothing_is_allowed_that_no_policy_permits() -> None:
    assert answer(engine(), "select") == Answer("deny")
    assert answer(engine(READ), "insert") == Answer("deny")


def test_what_is_permitted_names_the_permits_in_the_order_of_the_files() -> None:
    more = READ.replace('"read")', '"again")', 1)
    assert answer(engine(READ, more), "select") == Answer("allow", ("read", "again"))


def test_a_forbid_outweighs_permits() -> None:
    assert answer(engine(WRITE, NEVER), "delete_all") == Answer("deny", ("never",))


def test_a_hold_turns_a_denial_into_waiting() -> None:
    assert answer(engine(WRITE, HOLD), "delete_all") == Answer("hold", ("hold",))
    assert answer(engine(WRITE, HOLD), "delete") == Answer("allow", ("write",))


def test_a_hold_lifts_no_other_denial() -> None:
    assert answer(engine(HOLD), "delete_all") == Answer("deny")
    assert answer(engine(WRITE, HOLD, NEVER), "delete_all") == Answer("deny", ("never",))


def test_the_row_limit_is_the_largest_of_the_permits() -> None:
    def permit(name: str, rows: str) -> str:
        return f'@id("{name}") {rows} permit (principal, action in Action::"write", resource);'

    small, large = permit("s", '@max_rows("10")'), permit("l", '@max_rows("20")')
    assert answer(engine(small, large), "insert").max_rows == 20
    assert answer(engine(small, WRITE), "insert").max_rows is None
    assert answer(engine(small, HOLD), "delete_all") == Answer("hold", ("hold",), 10, limited_by="s")


def test_a_forbid_that_errs_denies_although_cedar_would_skip_it() -> None:
    forbid = '@id("f") forbid (principal, action, resource) when { 9223372036854775807 + context.minute > 0 };'
    at_ns = 61_000_000_000
    asked = engine(READ, forbid)
    found = answer(asked, "select", context=Context(at_ns=at_ns))
    assert found.decision == "deny"
    assert found.rules == ("policy-error",)
    assert "overflow" in found.error


def test_a_permit_that_errs_denies_too() -> None:
    permit = '@id("p") permit (principal, action, resource) when { 9223372036854775807 + context.minute > 0 };'
    assert answer(engine(READ, permit), "select", context=Context(at_ns=61_000_000_000)).decision == "deny"


def test_a_question_that_does_not_fit_the_schema_is_denied() -> None:
    found = answer(engine(READ), "selct")
    assert (found.decision, found.rules) == ("deny", ("policy-error",))
    assert "does not exist in the supplied schema" in found.error


def test_no_decision_without_a_reason_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    def undecided(requests: list[object], *_: object) -> list[cedarpy.AuthzResult]:
        return [cedarpy.AuthzResult({"decision": "NoDecision", "diagnostics": {}}) for _ in requests]

    asked = engine(READ)
    monkeypatch.setattr(cedarpy, "is_authorized_batch", undecided)
    assert answer(asked, "select") == Answer("deny", ("policy-error",), error="no decision")


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many questions were put to Cedar, call by call."""
    sizes: list[int] = []
    real = cedarpy.is_authorized_batch

    def counted(requests: list[dict[str, object]], *rest: object) -> list[cedarpy.AuthzResult]:
        sizes.append(len(requests))
        return real(requests, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(cedarpy, "is_authorized_batch", counted)
    return sizes


def test_an_answer_is_asked_once_and_remembered_by_what_policies_can_see(batches: list[int]) -> None:
    asked = engine(READ, '@id("psql") forbid (principal, action, resource) when { context.application == "psql" };')
    assert answer(asked, "select").decision == "allow"
    assert answer(asked, "select", context=Context(client_address="10.0.0.1")).decision == "allow"
    assert answer(asked, "select", context=Context(application="psql")).decision == "deny"
    other = Principal("ada", Kind.USER, frozenset({"g", "h"}))
    assert answer(asked, "select", other).decision == "allow"
    both = [("select", CUSTOMERS), ("explain", CUSTOMERS)]
    assert [one.decision for one in asked.answers(ADA, "shop", both, None, Context(), Actor("user"))] == [
        "allow",
        "allow",
    ]
    assert batches == [1, 1, 1, 1]


def test_a_full_cache_drops_its_oldest_quarter() -> None:
    cache = {number: number for number in range(8)}
    make_room(cache, 9)
    assert len(cache) == 8
    make_room(cache, 8)
    assert list(cache) == [2, 3, 4, 5, 6, 7]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch, batches: list[int]) -> None:
    monkeypatch.setattr(engine_module, "ANSWERS", 4)
    monkeypatch.setattr(engine_module, "SLICES", 4)
    asked = engine(READ)
    people = [Principal(f"p{number}", Kind.USER, frozenset({f"g{number}"})) for number in range(20)]
    for principal in (*people, people[-1], people[0]):
        assert answer(asked, "select", principal).decision == "allow"
    assert len(batches) == 21, "the last one was remembered, the first one forgotten"


SCOPES = ["principal", "principal is User", "principal is Agent", *(f'principal in Group::"{g}"' for g in "ghi"),
          'principal == User::"ada"', 'principal is Agent in Group::"g"', 'principal in Agent::"bob"']  # fmt: skip
POLICIES = st.tuples(
    st.sampled_from(SCOPES), st.sampled_from(["permit", "forbid", '@hold("d") forbid']),
    st.sampled_from(['action in Action::"read"', 'action == Action::"select"', "action"]),
)  # fmt: skip
PRINCIPALS = st.builds(
    Principal,
    st.sampled_from(["ada", "bob"]),
    st.sampled_from([Kind.USER, Kind.AGENT]),
    st.frozensets(st.sampled_from("ghi")),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(POLICIES, max_size=6), PRINCIPALS)
def test_leaving_out_policies_about_others_changes_no_answer(
    written: list[tuple[str, str, str]], principal: Principal
) -> None:
    texts = [
        f'@id("p{number}") {effect} ({scope}, {action}, resource);'
        for number, (scope, effect, action) in enumerate(written)
    ]
    sliced = answer(engine(*texts), "select", principal)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_module, "may_apply", lambda *_: True)
        assert answer(engine(*texts), "select", principal) == sliced

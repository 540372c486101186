"""Who sees how much of a request, and why they may not decide."""

from __future__ import annotations

from dataclasses import replace

import pytest
from consolekit import DRAFT, NOW, POLICY

from tidewaiter.console.rights import NOTHING, Rights, rights_on
from tidewaiter.model import Kind, Principal
from tidewaiter.policy import Policies

POLICIES = Policies.parse({"console.cedar": POLICY}, ["shop"])
REQUEST = replace(DRAFT, id="AR-1")
ALICE = Principal("alice", Kind.USER, frozenset({"dba"}))
DORA = Principal("dora", Kind.USER, frozenset({"dba"}))
ADA = Principal("ada", Kind.USER, frozenset({"auditors"}))
EVE = Principal("eve", Kind.USER, frozenset({"analysts"}))


def rights(who: Principal, *datasources: str, asked_by: str = "reporter") -> Rights:
    return rights_on(replace(REQUEST, principal=asked_by), who, frozenset(datasources), POLICIES, NOW)


@pytest.mark.parametrize(
    ("who", "sees", "numbers", "rows", "decides"),
    [
        (DORA, True, True, True, True),
        (ADA, True, True, False, False),
        (ALICE, True, False, False, False),  # who owns the agent that asked, approver or not
        (EVE, False, False, False, False),
    ],
)
def test_everybody_sees_as_much_as_they_may(
    who: Principal, sees: bool, numbers: bool, rows: bool, decides: bool
) -> None:
    found = rights(who)
    assert (found.sees, found.sees_numbers, found.sees_rows, found.may_decide) == (sees, numbers, rows, decides)


def test_a_credential_for_another_datasource_shows_nothing() -> None:
    assert rights(DORA, "other") == NOTHING
    assert rights(DORA, "other", "shop").may_decide


def test_the_reason_is_the_one_that_a_decision_would_be_refused_with() -> None:
    assert "nobody decides on their own request" in rights(DORA, asked_by="dora").why_not
    assert "in none of the groups" in rights(ADA).why_not
    silent = Policies.parse({}, ["shop"])
    assert "dora may not approve on shop" in rights_on(REQUEST, DORA, frozenset(), silent, NOW).why_not

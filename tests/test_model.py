"""The nouns: what their few look-ups say, that they are values, and that secrets stay out of what is printed."""

from __future__ import annotations

import dataclasses

import pytest

from tidewaiter import model
from tidewaiter.model import Facts, Hold, Kind, Need, Principal, Secret

ANA = Principal("ana", Kind.USER)


def test_an_agent_acts_on_behalf_of_its_owner_and_others_of_nobody() -> None:
    assert Principal("bot", Kind.AGENT, owner=ANA).on_behalf_of == "ana"
    assert ANA.on_behalf_of is None


@pytest.mark.parametrize(
    ("need", "told"),
    [(Need(("dba",)), "dba"), (Need(("dba", "security")), "dba or security"), (Need(("dba",), 2), "2 of dba")],
)
def test_a_need_says_who_may_approve(need: Need, told: str) -> None:
    assert str(need) == told


def test_a_need_accepts_who_is_in_one_of_its_groups() -> None:
    need = Need(("dba", "security"))
    assert need.accepts({"security", "other"})
    assert not need.accepts({"other"})
    assert not need.accepts(())


def test_the_approvers_of_a_hold_are_the_groups_of_all_its_needs_once() -> None:
    held = Hold("r", (Need(("dba", "security")), Need(("legal", "dba"))), "wait")
    assert held.approvers == ("dba", "security", "legal")


def test_what_a_secret_holds_is_not_printed() -> None:
    assert "hunter2" not in f"{Secret('hunter2')} {Secret('hunter2')!r}"
    assert Secret("hunter2").value == "hunter2"


def test_facts_of_nothing_are_strict_about_sharing_and_free_of_claims() -> None:
    nothing = Facts()
    assert nothing.literals_matter and not nothing.reads_only
    assert (nothing.verbs, nothing.touches, nothing.unknown, nothing.has_where) == ((), (), (), True)


def test_nouns_are_frozen_values() -> None:
    nouns = [one for one in vars(model).values() if isinstance(one, type) and dataclasses.is_dataclass(one)]
    assert len(nouns) > 15
    for noun in nouns:
        assert noun.__dataclass_params__.frozen, noun  # type: ignore[attr-defined]
        assert noun.__dataclass_params__.eq, noun  # type: ignore[attr-defined]

"""The two-world oracle as a test: nothing leaks, nothing harmless is refused. `make worlds` prints more."""

from __future__ import annotations

import pytest
from generator import statements
from oracle import HERE, Case, attack, cases, harmless, rewriting, unprotected
from world import worlds

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


def test_no_attack_tells_two_worlds_apart_and_nothing_harmless_is_refused() -> None:
    with worlds() as pair:
        told = attack(cases(HERE / "attacks"), pair, rewriting)
        assert told.outcomes.get("leak", []) == []
        assert told.count("answered") > 450
        fine = harmless(cases(HERE / "harmless"), pair)
        assert {name: found for name, found in fine.outcomes.items() if name != "answered"} == {}
        made = [Case("random", number, (text,)) for number, text in enumerate(statements(1, 150))]
        assert attack(made, pair, rewriting).outcomes.get("leak", []) == []


def test_the_oracle_finds_leaks_where_nothing_protects() -> None:
    with worlds() as pair:
        found = [Case("raw", 1, ("select ssn from customers",)), Case("raw", 2, ("select id from orders",))]
        told = attack(found, pair, unprotected)
        assert (told.count("leak"), told.count("answered")) == (1, 1)

"""The two-world oracle as a test: nothing leaks, nothing harmless is refused. `make worlds` prints more."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from conversations import leaks, unfinished
from gateways import gateways, through
from generator import statements
from oracle import HERE, Case, attack, cases, harmless, rewriting, unprotected
from world import World, worlds

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
SHARE = 13  # every so many-th case goes through real gateways; `oracle.py --gateway` runs all of them


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[World, World]]:
    with worlds() as found:
        yield found


def test_no_attack_tells_two_worlds_apart_and_nothing_harmless_is_refused(pair: tuple[World, World]) -> None:
    told = attack(cases(HERE / "attacks"), pair, rewriting)
    assert told.outcomes.get("leak", []) == []
    assert told.count("answered") > 800
    fine = harmless(cases(HERE / "harmless"), pair)
    assert {name: found for name, found in fine.outcomes.items() if name != "answered"} == {}
    made = [Case("random", number, tuple(text.split(" ;; "))) for number, text in enumerate(statements(1, 150))]
    assert attack(made, pair, rewriting).outcomes.get("leak", []) == []


def test_no_attack_through_gateways_tells_two_worlds_apart(pair: tuple[World, World]) -> None:
    attacks, fine = cases(HERE / "attacks")[::SHARE], cases(HERE / "harmless")[::SHARE]
    with gateways(pair) as found:
        told = attack(attacks, pair, partial(through, found))
        assert told.outcomes.get("leak", []) == []
        assert told.count("answered") > len(attacks) / 2
        assert leaks(found["a"], pair[0]) == []
        assert unfinished(found["a"]) == []
        answered = harmless(fine, pair, partial(through, found))
        assert {name: cases for name, cases in answered.outcomes.items() if name != "answered"} == {}


def test_the_oracle_finds_leaks_where_nothing_protects(pair: tuple[World, World]) -> None:
    found = [Case("raw", 1, ("select ssn from customers",)), Case("raw", 2, ("select id from orders",))]
    told = attack(found, pair, unprotected)
    assert (told.count("leak"), told.count("answered")) == (1, 1)

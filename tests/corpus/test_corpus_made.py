"""Thousands of random statements: their facts name every column that the maker wrote into them, and what they write."""

from __future__ import annotations

import pytest
from sqlmaker import Made, made

from corpus import catalog
from tidewaiter.model import Facts, ResourceType
from tidewaiter.sql.facts import Scope, understand

WRITES = {"update": {"update", "update_all"}, "delete": {"delete", "delete_all"}, "insert": {"insert"}}


@pytest.fixture(scope="module")
def understood() -> list[tuple[Made, Facts]]:
    return [(one, understand(one.text, catalog(), Scope())) for one in made(seed=7, count=2500)]


def missing(one: Made, facts: Facts) -> list[str]:
    """What the maker knows and the facts do not say."""
    columns: dict[tuple[str, ...], set[str] | None] = {}
    actions: dict[tuple[str, ...], set[str]] = {}
    for touch in facts.touches:
        if touch.resource.type is ResourceType.TABLE:
            known = columns.setdefault(touch.resource.path, set())
            columns[touch.resource.path] = None if touch.star or known is None else known | set(touch.columns)
            actions.setdefault(touch.resource.path, set()).add(touch.action)
    found = [f"unknown: {reason}" for reason in facts.unknown]
    found += [f"relation {path}" for path in one.relations if path not in actions]
    for path, column in one.reads:
        known = columns.get(path, set())
        found += [f"column {column} of {path}"] if known is not None and column not in known else []
    for path, word in one.writes:
        found += [f"{word} of {path}"] if not actions.get(path, set()) & WRITES[word] else []
    return found


def test_facts_name_what_the_maker_wrote(understood: list[tuple[Made, Facts]]) -> None:
    for one, facts in understood:
        assert missing(one, facts) == [], one.text


def test_maker_writes_all_kinds_of_statements(understood: list[tuple[Made, Facts]]) -> None:
    verbs = {verb for _, facts in understood for verb in facts.verbs}
    assert verbs >= {
        "select", "insert", "update", "update_all", "delete", "delete_all", "merge", "merge_all", "explain", "copy_out",
        "create", "drop", "alter", "alter_destructive", "truncate", "lock", "function", "refresh", "call", "analyze",
    }  # fmt: skip

"""Every statement of tests/corpus/facts gives exactly the facts that are written below it."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from corpus import Case, cases, catalog, told
from tidewaiter.sql.facts import understand

CASES = cases()
LEAST = 800


@pytest.mark.parametrize("case", CASES, ids=str)
def test_statement_gives_the_written_facts(case: Case) -> None:
    assert told(understand(case.statement, catalog(), case.scope)) == case.facts


def test_corpus_is_not_shrinking() -> None:
    assert len(CASES) >= LEAST


def test_no_statement_that_changes_something_looks_read_only() -> None:
    changing = (
        "insert",
        "update",
        "delete",
        "merge",
        "drop",
        "alter",
        "create",
        "truncate",
        "grant",
        "function",
        "do",
        "call",
    )
    for case in CASES:
        facts = understand(case.statement, catalog(), case.scope)
        assert not (facts.reads_only and any(verb.startswith(changing) for verb in facts.verbs)), case.statement


def _applies() -> dict[str, set[str]]:
    """Action → resource types, from the published policy schema."""
    text = (files("tidewaiter.policy") / "schema.cedarschema").read_text()
    found: dict[str, set[str]] = {}
    for names, types in re.findall(r'action ((?:"\w+",? ?)+)[^;]*?resource: \[([\w, ]+)\]', text):
        for name in re.findall(r"\w+", names):
            found[name] = set(types.split(", "))
    return found


def test_every_touch_is_a_question_that_policies_can_be_asked() -> None:
    applies = _applies()
    for case in CASES:
        for touch in understand(case.statement, catalog(), case.scope).touches:
            assert touch.resource.type.value in applies[touch.action], f"{case}: {touch}"
            depth = {"Datasource": 0, "Table": 2, "Function": 2}.get(touch.resource.type.value, 1)
            assert len(touch.resource.path) == depth, f"{case}: {touch}"


def test_every_action_of_the_vocabulary_occurs() -> None:
    asked = {touch.action for case in CASES for touch in understand(case.statement, catalog(), case.scope).touches}
    not_of_statements = {"connect", "unmask", "approve", "audit", "administer", "break_glass", "unknown"}
    assert _applies().keys() - asked == not_of_statements

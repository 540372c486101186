"""Every statement of tests/corpus/facts gives exactly the facts that are written below it."""

from __future__ import annotations

import pytest

from corpus import Case, cases, catalog, told
from tidewaiter.sql.facts import understand

CASES = cases()
LEAST = 500


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

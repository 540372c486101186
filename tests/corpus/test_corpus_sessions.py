"""Every evasion gets the verdict that is written below it, and every harmless statement passes the default policies."""

from __future__ import annotations

import pytest
from sessions import Session, beyond_analysts, findings, sessions, statements

EVASIONS, HARMLESS = sessions("evasions"), sessions("harmless")
LEAST_EVASIONS, LEAST_HARMLESS = 150, 500


@pytest.mark.parametrize("session", EVASIONS, ids=str)
def test_evasion_gets_the_written_verdict(session: Session) -> None:
    found = findings(session)
    assert [str(one) for one in found if not one.step.beyond] == []
    # What is marked as beyond a text's analysis must really be: a mark that is no longer true goes.
    assert [one.step for one in found] == [step for step in session.steps if step.beyond]


@pytest.mark.parametrize("session", HARMLESS, ids=str)
def test_harmless_statement_passes(session: Session) -> None:
    assert [str(one) for one in findings(session)] == []


def test_corpus_is_not_shrinking() -> None:
    assert statements(EVASIONS) >= LEAST_EVASIONS
    assert statements(HARMLESS) - beyond_analysts(HARMLESS) >= LEAST_HARMLESS

"""Precision and recall on the tables that the rules were written with do not fall."""

from __future__ import annotations

from discovery_report import counts, judged, lines, misses
from truth import cases
from tuned import TUNED

from tidewaiter.discovery.kinds import Sureness


def test_what_is_tagged_deserves_it_and_little_is_missed() -> None:
    found = judged(cases(TUNED, 100))
    likely = counts(found, Sureness.LIKELY)
    told = "\n".join([*lines(found), *misses(found)])
    assert likely.tagged_for_nothing <= 1, told
    assert likely.untagged <= 5, told
    assert likely.wrong.total() <= 4, told
    assert counts(found, Sureness.POSSIBLE).untagged <= 2, told

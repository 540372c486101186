"""Precision and recall on the tables that the rules were written with do not fall."""

from __future__ import annotations

from discovery_report import counts, judged, lines, misses
from truth import cases
from tuned import TUNED
from tuned_more import TUNED_MORE

from tidewaiter.discovery.kinds import Sureness


def test_what_is_tagged_deserves_it_and_little_is_missed() -> None:
    found = judged(cases((*TUNED, *TUNED_MORE), 100))
    likely = counts(found, Sureness.LIKELY)
    told = "\n".join([*lines(found), *misses(found)])
    assert likely.tagged_for_nothing <= 2, told
    assert likely.untagged <= 8, told
    assert likely.wrong.total() <= 6, told
    assert counts(found, Sureness.POSSIBLE).untagged <= 4, told

"""Texts in which personal data occurs here and there."""

from __future__ import annotations

from tidewaiter.discovery.kinds import Sureness
from tidewaiter.discovery.prose import prose

TEXTS = [f"The parcel number {n} has arrived in good order" for n in range(40)]


def test_one_text_in_forty_is_enough() -> None:
    found = prose([*TEXTS, "Write to amy@mail.example, please, as soon as you can"], False)
    assert found is not None and found.sureness is Sureness.LIKELY
    assert found.reasons == ("1 of 41 texts hold e-mail addresses",)


def test_texts_about_people_say_that_the_mask_does_not_find_names() -> None:
    found = prose([*TEXTS[:10], *(f"On day {n} we spoke with Peter Stone about it" for n in range(10))], False)
    assert found is not None and "does not find" in found.reasons[0]


def test_texts_that_hold_nothing_are_possible_by_name_only() -> None:
    assert prose(TEXTS, False) is None
    named, empty = prose(TEXTS, True), prose([], True)
    assert named is not None and named.sureness is Sureness.POSSIBLE
    assert empty is not None and empty.sureness is Sureness.POSSIBLE
    assert prose([], False) is None


def test_short_values_are_mixed_only_by_what_is_no_accident() -> None:
    assert prose(["4111111111111111", *(f"{n:016}" for n in range(30))], False) is None
    found = prose(["a@mail.example", "b@mail.example", "c@mail.example", *(f"{n:016}" for n in range(200))], False)
    assert found is not None and found.sureness is Sureness.POSSIBLE

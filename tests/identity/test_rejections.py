from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.identity.rejections import (
    BURST_ENTRIES,
    DISTINCT_SOURCES,
    ENTRIES_PER_S,
    THE_REST,
    Rejected,
    Rejections,
)

WRONG = "wrong credential"


def test_rejections_of_one_source_and_second_are_one_entry() -> None:
    counted = Rejections()
    assert counted.note("10.0.0.1", "alice", WRONG, 100.1) == []
    assert counted.note("10.0.0.1", "bob", "unknown", 100.7) == []
    assert counted.drain(100.9) == []
    assert counted.drain(101.0) == [Rejected("10.0.0.1", 2, "alice", WRONG, 100.1, 100.7)]
    assert counted.drain(102.0) == []


def test_the_next_seconds_rejection_returns_the_finished_second() -> None:
    counted = Rejections()
    counted.note("10.0.0.1", "alice", WRONG, 100.1)
    counted.note("10.0.0.2", "alice", WRONG, 100.2)
    finished = counted.note("10.0.0.1", "carol", WRONG, 101.0)
    assert [rejected.source for rejected in finished] == ["10.0.0.1", "10.0.0.2"]
    assert counted.close() == [Rejected("10.0.0.1", 1, "carol", WRONG, 101.0, 101.0)]


def test_a_clock_that_goes_back_loses_nothing() -> None:
    counted = Rejections()
    counted.note("10.0.0.1", "alice", WRONG, 100.0)
    assert counted.note("10.0.0.1", "alice", WRONG, 50.0) == [Rejected("10.0.0.1", 1, "alice", WRONG, 100.0, 100.0)]
    assert [rejected.from_s for rejected in counted.close()] == [50.0]


def test_more_sources_than_a_second_names_share_one_entry() -> None:
    counted = Rejections()
    for number in range(ENTRIES_PER_S + 7):
        counted.note(f"10.0.0.{number}", f"user{number}", WRONG, 100.0)
        counted.note(f"10.0.0.{number}", "again", WRONG, 100.5)
    finished = counted.close()
    assert len(finished) == ENTRIES_PER_S + 1
    assert finished[-1] == Rejected(THE_REST, 14, f"user{ENTRIES_PER_S}", WRONG, 100.0, 100.5, 7)


def test_a_flood_without_end_writes_two_entries_a_second() -> None:
    counted = Rejections()
    entries: list[Rejected] = []
    for second in range(300):
        for number in range(50):
            entries += counted.note(f"10.{second & 255}.0.{number}", "alice", WRONG, 1000.0 + second)
    entries += counted.close()
    assert sum(rejected.count for rejected in entries) == 300 * 50
    assert len(entries) <= BURST_ENTRIES + 2 * 300
    in_the_end = Counter(int(rejected.from_s) for rejected in entries if rejected.from_s >= 1200)
    assert set(in_the_end.values()) == {2}


def test_quiet_times_give_the_allowance_back() -> None:
    counted = Rejections()
    for second in range(200):
        for number in range(50):
            counted.note(f"10.0.0.{number}", "alice", WRONG, 1000.0 + second)
    for number in range(10):
        counted.note(f"10.0.0.{number}", "alice", WRONG, 2000.0)
    assert len(counted.close()) == 10


def test_memory_is_bounded_however_many_sources_come() -> None:
    counted = Rejections()
    for number in range(DISTINCT_SOURCES + ENTRIES_PER_S + 500):
        counted.note(f"source{number}", "alice", WRONG, 100.0)
    rest = counted.close()[-1]
    assert (rest.count, rest.sources) == (DISTINCT_SOURCES + 500, DISTINCT_SOURCES)


def test_an_overlong_user_name_is_cut_and_says_so() -> None:
    counted = Rejections()
    counted.note("10.0.0.1", "u" * 9000, WRONG, 100.0)
    assert counted.close()[0].user == "u" * 63 + "… (9000 characters)"


def test_an_overlong_reason_is_cut_and_says_so() -> None:
    counted = Rejections()
    counted.note("10.0.0.1", "alice", "r" * 201, 100.0)
    assert counted.close()[0].reason == "r" * 200 + "… (201 characters)"


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 2)), max_size=200))
def test_every_rejection_is_in_exactly_one_entry(noted: list[tuple[int, float]]) -> None:
    counted, entries, now_s = Rejections(), list[Rejected](), 1000.0
    for source, after_s in noted:
        now_s += after_s
        entries += counted.note(str(source), "alice", WRONG, now_s)
    entries += counted.close()
    assert sum(rejected.count for rejected in entries) == len(noted)
    keys = Counter((rejected.source, int(rejected.from_s)) for rejected in entries)
    assert all(count == 1 for count in keys.values())
    assert all(int(rejected.from_s) == int(rejected.to_s) for rejected in entries)


def test_what_is_no_text_can_be_written_all_the_same() -> None:
    """A database's own refusal may be quoted, in whatever encoding it speaks before it knows whose session it is."""
    counted = Rejections()
    counted.note("10.0.0.1", "a\udcffb", "f\udcfcr", 100.0)
    (entry,) = counted.close()
    assert (entry.user.encode(), entry.reason.encode()) == (b"a\\udcffb", b"f\\udcfcr")

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bookkit import NOW, draft, opened

from tidewaiter.approvals.book import KEEP_S, Book, Readable
from tidewaiter.approvals.desk import State, Vote
from tidewaiter.errors import NotFound
from tidewaiter.model import Need


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with opened(tmp_path) as made:
        yield made


def test_a_request_comes_back_as_it_was_entered(book: Book) -> None:
    vote = Vote("dora", False, ("dba", "security"), NOW, "shell", "uid 0", "no: use the archive")
    request = replace(
        draft("c" * 64, Need(("dba", "security"), 2)), id=book.fresh_id(), votes=(vote,), blast_radius={"rows": 7}
    )
    assert book.add(request)
    assert book.find(request.id)[0] == request
    assert book.find(request.id.lower())[0] == request


def test_ids_can_be_read_aloud(book: Book) -> None:
    assert re.fullmatch(r"AR-[2-9A-HJ-NP-Z]{7}", book.fresh_id())


def test_what_is_not_there_is_not_found(book: Book) -> None:
    with pytest.raises(NotFound, match="AR-NOTHERE"):
        book.find("AR-NOTHERE")


def test_one_live_request_per_statement(book: Book) -> None:
    first = replace(draft(), id="AR-1")
    assert book.add(first)
    assert not book.add(replace(draft(), id="AR-2"))
    _, version = book.find("AR-1")
    assert book.replace(replace(first, state=State.DENIED), version)
    assert book.add(replace(draft(), id="AR-2"))
    assert [one.id for one in book.all()] == ["AR-1", "AR-2"]
    assert [one.id for one in book.all([State.OPEN])] == ["AR-2"]


def test_of_two_gateways_that_change_a_request_one_wins(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        request = replace(draft(), id="AR-1")
        one.add(request)
        (_, mine), (_, theirs) = one.find("AR-1"), other.find("AR-1")
        assert one.replace(replace(request, state=State.CONSUMED), mine)
        assert not other.replace(replace(request, state=State.WITHDRAWN), theirs)
        assert other.find("AR-1")[0].state is State.CONSUMED


def test_a_change_elsewhere_shows_in_the_stamp(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        before = one.stamp()
        assert one.stamp() == before
        other.add(replace(draft(), id="AR-1"))
        assert one.stamp() != before


def test_the_live_request_of_a_statement_is_found_until_it_is_over(book: Book) -> None:
    assert book.live("b" * 64) is None
    request = replace(draft(), id="AR-1")
    book.add(request)
    found = book.live("b" * 64)
    assert found is not None and found[0] == request
    book.replace(replace(request, state=State.CONSUMED), found[1])
    assert book.live("b" * 64) is None


def test_due_are_those_whose_time_is_up(book: Book) -> None:
    book.add(replace(draft(), id="AR-1"))
    assert book.due(NOW + 59) == []
    assert [one.id for one, _ in book.due(NOW + 60)] == ["AR-1"]


def test_what_is_over_for_long_is_forgotten_and_what_is_live_is_not(book: Book) -> None:
    book.add(replace(draft("c" * 64), id="AR-1"))
    book.add(replace(draft("d" * 64), id="AR-2", state=State.DENIED))
    assert book.prune(NOW + 60 + KEEP_S) == 0
    assert book.prune(NOW + 61 + KEEP_S) == 1
    assert [one.id for one in book.all()] == ["AR-1"]


def test_older_requests_come_page_by_page_each_once(book: Book) -> None:
    for number in range(7):
        at_s = NOW + number // 2  # two at a time
        book.add(replace(draft(f"{number}" * 64), id=f"AR-{number}", created_s=at_s))
    pages, before = [], ""
    while found := [one.id for one in book.newest(3, before)]:
        pages.append(found)
        before = found[-1]
    assert pages == [["AR-6", "AR-4", "AR-5"], ["AR-2", "AR-3", "AR-0"], ["AR-1"]]
    assert [one.id for one in book.newest(None, "ar-2")] == ["AR-3", "AR-0", "AR-1"]
    with pytest.raises(NotFound):
        book.newest(3, "AR-NOTHERE")


def test_a_reader_gets_what_is_theirs_to_see_and_no_hint_of_the_rest(book: Book) -> None:
    mine = Readable(frozenset(), "alice")
    for number, (who, owner, datasource) in enumerate(
        (("bot", "alice", "shop"), ("alice", None, "other"), ("bob", None, "shop"), ("bob", None, "other"))
    ):
        one = replace(draft(f"{number}" * 64), principal=who, on_behalf_of=owner, datasource=datasource)
        book.add(replace(one, id=f"AR-{number}", created_s=NOW + number))

    def seen(readable: Readable) -> list[str]:
        return [one.id for one in book.newest(9, "", readable)]

    assert seen(mine) == ["AR-1", "AR-0"]
    assert seen(replace(mine, within=frozenset({"shop"}))) == ["AR-0"]
    assert seen(replace(mine, of=frozenset({"shop"}))) == ["AR-2", "AR-1", "AR-0"]
    assert seen(Readable(None, "", frozenset({"other"}))) == ["AR-3", "AR-1"]
    for hidden in ("AR-2", "AR-9"):  # there, or not
        with pytest.raises(NotFound, match=f"^there is no request '{hidden}'$"):
            book.newest(9, hidden, mine)


def test_of_those_asked_for_the_decided_ones_are_told(book: Book) -> None:
    for id_, state in (("AR-1", State.OPEN), ("AR-2", State.DENIED), ("AR-3", State.DENIED)):
        book.add(replace(draft(id_[-1] * 64), id=id_, state=state))
    assert [one.id for one in book.decided(["AR-1", "AR-2", "AR-9"])] == ["AR-2"]


def test_what_changed_comes_in_the_order_of_its_changes(book: Book) -> None:
    first, second = (replace(draft(letter * 64), id=f"AR-{letter}") for letter in "bc")
    book.add(first), book.add(second)
    (_, before), (_, last) = book.changed(-1)
    assert book.changed(last) == []
    book.replace(replace(first, state=State.DENIED), before)
    ((changed, _),) = book.changed(last)
    assert (changed.id, changed.state) == ("AR-b", State.DENIED)
    assert [one.id for one, _ in book.changed(-1)] == ["AR-c", "AR-b"]


IN_THREADS = """
import sys, threading
from tidewaiter.approvals.book import request_of
import msgspec
sys.setswitchinterval(1e-7)
barrier = threading.Barrier(8)
def use():
    barrier.wait()
    for _ in range(50):
        try:
            request_of({"unknown": 1})
        except msgspec.ValidationError:
            pass
threads = [threading.Thread(target=use) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_the_first_requests_that_are_read_are_read_by_several_threads() -> None:
    """Three fresh processes: where msgspec learns the class only then, each crashes four times out of five."""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", IN_THREADS], check=True, timeout=60)

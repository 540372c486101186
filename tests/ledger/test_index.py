"""The index is derived: whatever it went through, it is what a new one would be."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgerkit import BODY, KEYS, Snapshot, fill, flipped, open_log

from tidewaiter.errors import Tampered
from tidewaiter.ledger.entry import Body, members
from tidewaiter.ledger.index import Index, Touched, split_name, touched_of

TABLES = ("entries", "touches")
NAMES = st.sampled_from(["public.orders", 'public."My Table"', "orders", "hr.employees", 'a"b', ""])
touches = st.fixed_dictionaries(
    {"verbs": st.lists(st.sampled_from(["select", "delete"]), max_size=2), "relation": NAMES},
    optional={
        "columns": st.just(["id"]),
        "star": st.booleans(),
        "via": st.lists(NAMES, max_size=1),
        "part": st.integers(0, 2),
    },
)
statements = st.fixed_dictionaries(
    {"session": st.sampled_from("st"), "verdict": st.sampled_from(["allow", "deny"])},
    optional={
        "principal": st.sampled_from(["ada", "bob"]),
        "touches": st.lists(touches, max_size=3),
        "verbs": st.just(["select"]),
        "unknown": st.lists(st.text(max_size=3), max_size=1),
        "status": st.sampled_from(["ok", "error"]),
        "rows": st.integers(0, (1 << 64) - 1),
        "results": st.just([["SELECT 1", 1]]),
        "intent": st.integers(0, 20),
        "long": st.just("x" * 20_000),
    },
)
kinds = st.sampled_from(["intent", "execution", "outcome", "session.end", "log.start", "heartbeat"])
logs = st.lists(st.tuples(kinds, statements, st.booleans()), max_size=25)


def contents(index: Index) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that questions can see."""
    return {table: sorted(index.db.execute(f"select * from {table}"), key=repr) for table in TABLES}


def indexed(path: Path, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    with Index(path, folder, KEYS.kek) as index:
        index.catch_up()
        return contents(index)


@settings(max_examples=30, deadline=None)
@given(log=logs, cuts=st.lists(st.integers(0, 24), max_size=3))
def test_an_index_that_followed_the_log_is_the_one_that_is_built_anew(
    log: list[tuple[str, dict[str, Any], bool]], cuts: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_log(folder / "l", segment_bytes=4096) as ledger, Index(folder / "i", folder / "l", KEYS.kek) as index:
            for number, (kind, fields, has_body) in enumerate(log):
                ledger.append(kind, members(fields), BODY if has_body else None)
                if number in cuts:
                    ledger.write()
                    index.catch_up()
            ledger.write()
            assert index.catch_up() == len(log)
            followed = contents(index)
            assert index.rebuild() == len(log)
            assert contents(index) == followed == indexed(folder / "new", folder / "l")
            assert [row[0] for row in sorted(followed["entries"])] == list(range(len(log)))


def test_what_was_cut_off_and_written_differently_is_indexed_again(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log, Index(tmp_path / "i", tmp_path / "l", KEYS.kek) as index:
        fill(log, 3)
        log.write()
        index.catch_up()
        before = Snapshot.of(tmp_path / "l")
        log.append("intent", b'"session":"s","verdict":"allow"', BODY)
        log.append("outcome", b'"session":"s","intent":3,"status":"ok"')
        log.write()
        assert index.catch_up() == 5
    shutil.rmtree(tmp_path / "l")
    before.write(tmp_path / "l")
    with open_log(tmp_path / "l") as log:
        log.append("heartbeat", b"")
        log.write()
        assert indexed(tmp_path / "i", tmp_path / "l") == indexed(tmp_path / "new", tmp_path / "l")


def test_an_index_of_another_log_forgets_it(tmp_path: Path) -> None:
    for name, count in (("one", 5), ("two", 2)):
        with open_log(tmp_path / name) as log:
            fill(log, count)
    indexed(tmp_path / "i", tmp_path / "one")
    assert indexed(tmp_path / "i", tmp_path / "two") == indexed(tmp_path / "new", tmp_path / "two")


def test_an_outcome_that_was_cut_off_leaves_its_statement_open(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        log.append("intent", b'"session":"s","verdict":"allow"', BODY)
        log.write()
        indexed(tmp_path / "i", tmp_path / "l")
        before = Snapshot.of(tmp_path / "l")
        log.append("outcome", b'"session":"s","intent":0,"status":"ok","rows":3')
        log.write()
        assert indexed(tmp_path / "i", tmp_path / "l")["entries"][0][13:15] == ("ok", 3)
    shutil.rmtree(tmp_path / "l")
    before.write(tmp_path / "l")
    assert indexed(tmp_path / "i", tmp_path / "l")["entries"][0][13:15] == (None, None)


def test_an_outcome_of_another_session_settles_nothing(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        log.append("intent", b'"session":"s","verdict":"allow"', BODY)
        log.append("outcome", b'"session":"other","intent":0,"status":"ok"')
        log.append("outcome", b'"session":"s","intent":0,"status":"error"')
        log.append("outcome", b'"session":"s","intent":0,"status":"ok"')
        log.write()
        (intent,) = [row for row in indexed(tmp_path / "i", tmp_path / "l")["entries"] if row[2] == "intent"]
        assert (intent[13], intent[17]) == ("error", 2)


def test_an_index_of_an_older_format_is_made_anew(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        fill(log, 2)
    with Index(tmp_path / "i", tmp_path / "l") as index:
        index.db.execute("pragma user_version = 0")
        index.db.execute("drop table touches")
    assert len(indexed(tmp_path / "i", tmp_path / "l")["entries"]) == 2
    assert (tmp_path / "i").stat().st_mode & 0o777 == 0o600


def test_members_that_were_spilled_are_indexed_from_the_body_and_missed_without_its_key(tmp_path: Path) -> None:
    told = members(
        {"verdict": "allow", "touches": [{"relation": "public.t", "verbs": ["select"], "via": ["v" * 20_000]}]}
    )
    with open_log(tmp_path / "l") as log:
        log.append("intent", told, Body(b"select").encode())
    known = indexed(tmp_path / "i", tmp_path / "l")
    assert [row[0] for row in known["touches"]] == ["t", "v" * 20_000]
    assert known["entries"][0][12] == 0
    with Index(tmp_path / "blind", tmp_path / "l") as index:
        index.catch_up()
        assert contents(index)["touches"] == []
        assert contents(index)["entries"][0][12] == 1, "whatever it touched, it is not known"


def test_damage_is_not_indexed(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        fill(log, 3)
    whole = Snapshot.of(tmp_path / "l")
    name = next(name for name in whole.files if name.startswith("segments/"))
    shutil.rmtree(tmp_path / "l")
    whole.changed(name, flipped(whole.files[name], len(whole.files[name]) // 2)).write(tmp_path / "l")
    with Index(tmp_path / "i", tmp_path / "l") as index, pytest.raises(Tampered):
        index.catch_up()
    shutil.rmtree(tmp_path / "l")
    raw = whole.files[name]
    size = len(raw) // 3
    whole.changed(name, raw[size:]).write(tmp_path / "l")
    with Index(tmp_path / "j", tmp_path / "l") as index, pytest.raises(Tampered, match="calls itself"):
        index.catch_up()


def test_progress_is_told_after_each_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewaiter.ledger.index.BATCH", 2)
    with open_log(tmp_path / "l") as log:
        fill(log, 5)
    told: list[int] = []
    with Index(tmp_path / "i", tmp_path / "l") as index:
        assert index.catch_up(told.append) == 5
    assert told == [2, 4, 5]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("orders", ("orders",)),
        ("public.orders", ("public", "orders")),
        ('public."My ""Table"""', ("public", 'My "Table"')),
        ('"a.b".c', ("a.b", "c")),
    ],
)
def test_names_are_split_at_dots_outside_quotes(text: str, parts: tuple[str, ...]) -> None:
    assert split_name(text) == parts


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", 'a"b', '"a', '"a"b', "a..b"])
def test_what_is_no_name_is_said_so(text: str) -> None:
    with pytest.raises(ValueError, match="not a dotted name"):
        split_name(text)


def test_touches_of_one_relation_are_one_and_views_on_the_way_count() -> None:
    touches = [
        {"relation": "public.t", "verbs": ["select"], "columns": ["a"]},
        {"relation": "public.t", "verbs": ["select", "update"], "columns": ["b"], "via": ["public.v"]},
        {"relation": "t", "verbs": ["delete"], "star": True, "part": 1},
        {"type": "Function", "name": "pg_sleep"},
        "not a touch",
        {"relation": "t", "part": "not a number"},
    ]
    assert touched_of({"touches": touches}) == [
        Touched("public", "t", 0, ["select", "update"], ["a", "b"], ["public.v"]),
        Touched("", "t", 1, ["delete"], ["*"], []),
        Touched("public", "v", 0, ["select", "update"], [], []),
    ]
    assert touched_of({"touches": "none"}) == []

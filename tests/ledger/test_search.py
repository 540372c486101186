"""Questions to the index: who touched what, what was asked, what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ledgerkit import KEYS, NOON_NS, ORIGIN, Clock, open_log

from tidewaiter.errors import UsageError
from tidewaiter.ledger.entry import Body, members
from tidewaiter.ledger.index import Index
from tidewaiter.ledger.search import Filters, Search, iso

BINDS = b"\0\2\0\0\0\1" + b"\0\3" + b"\0\0\0\1a" + b"\0\0\0\2\xff\0" + b"\xff\xff\xff\xff"
NUMBERED = b"\0\0\0\1\0\0\0\0017"


def touch(relation: str, verb: str = "select", **more: object) -> dict[str, object]:
    return {"relation": relation, "verbs": [verb], **more}


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Search]:
    """A morning of two people; each entry a nanosecond after the one before."""
    common: dict[str, object] = {"session": "s1", "principal": "ada", "datasource": "shop"}
    bob: dict[str, object] = {"session": "s2", "principal": "bob", "on_behalf_of": "ada", "datasource": "hr"}
    told: list[tuple[str, dict[str, object], bytes | None]] = [
        ("session.start", common, None),
        (
            "execution",
            {
                **common,
                "verdict": "allow",
                "rule": "r",
                "verbs": ["select"],
                "touches": [touch("public.t", columns=["id"])],
                "masked": [{"relation": "public.t", "columns": ["id"], "tags": ["key"]}],
                "status": "ok",
                "rows": 2,
                "results": [["SELECT 2", 2]],
            },
            Body(b"SELECT id FROM t", NUMBERED).encode(),
        ),
        (
            "intent",
            {**common, "verdict": "deny", "rule": "n", "verbs": ["drop"], "touches": [touch("public.t", "drop")]},
            Body(b"drop table t").encode(),
        ),
        (
            "intent",
            {
                **bob,
                "verdict": "allow",
                "verbs": ["delete"],
                "touches": [touch("hr.t", "delete", part=1), touch("hr.v", via=["hr.w"])],
                "unknown": ["what f does"],
            },
            Body(b"delete from t", b"\0\0").encode(),
        ),
        (
            "outcome",
            {
                **bob,
                "intent": 3,
                "status": "error",
                "rows": 3,
                "sqlstate": "23503",
                "results": [["SELECT 1", 1], ["DELETE 2", 2]],
            },
            None,
        ),
        (
            "intent",
            {**common, "verdict": "allow", "verbs": ["select"], "touches": [touch("public.u")]},
            Body(b"select 1").encode(),
        ),
        ("intent", {**bob, "verdict": "allow", "verbs": ["select"], "touches": [touch('hr."T x"')]}, None),
        ("session.end", common, None),
        ("heartbeat", {}, None),
    ]
    with open_log(tmp_path / "l", clock=Clock(NOON_NS - 1)) as log:
        for kind, fields, body in told:
            log.append(kind, members(fields), body)
    with Index(tmp_path / "i", tmp_path / "l", KEYS.kek) as index:
        index.catch_up()
        yield Search(index, ORIGIN)


def seqs(rows: list[dict[str, object]]) -> list[object]:
    return [row["seq"] for row in rows]


def test_the_last_entries_are_told_oldest_first(search: Search) -> None:
    rows = search.tail(2)
    assert [row["kind"] for row in rows] == ["session.end", "heartbeat"]
    assert rows[0]["fields"]["principal"] == "ada"
    assert seqs(search.tail(3, after=1)) == [2, 3, 4]
    assert search.tail(5, after=8) == []


def test_a_row_says_who_what_when_and_how_it_ended(search: Search) -> None:
    (row,) = search.search(Filters(text="select ID"))
    assert row == {
        "log": ORIGIN, "seq": 1, "at": iso(NOON_NS + 1), "t_ns": NOON_NS + 1, "kind": "execution", "principal": "ada",
        "on_behalf_of": None, "datasource": "shop", "rows": 2, "verdict": "allow", "rule": "r", "session": "s1",
        "status": "ok", "sqlstate": None, "is_unknown": False, "statement": "SELECT id FROM t", "verbs": ["select"],
        "columns": ["id"], "relations": ["public.t"], "unknown": [], "parameters": ["7"], "would_be": None,
        "masked": [{"relation": "public.t", "columns": ["id"], "tags": ["key"]}], "unmasked": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), [1, 2, 3, 5, 6]),
        (Filters(limit=2), [5, 6]),
        (Filters(principal="bob"), [3, 6]),
        (Filters(datasource="hr"), [3, 6]),
        (Filters(session="s1"), [1, 2, 5]),
        (Filters(verdict="deny"), [2]),
        (Filters(sqlstate="23503"), [3]),
        (Filters(verb="delete"), [3]),
        (Filters(relation="t"), [1, 2, 3]),
        (Filters(relation="public.t"), [1, 2]),
        (Filters(relation="hr.hr.t"), [3]),
        (Filters(relation="shop.hr.t"), []),
        (Filters(relation='"T x"'), [6]),
        (Filters(relation="T"), [1, 2, 3]),
        (Filters(relation="w"), [3]),
        (Filters(since_ns=NOON_NS + 2, until_ns=NOON_NS + 5), [2, 3]),
        (Filters(kinds=("session.start", "session.end")), [0, 7]),
        (Filters(text="DROP"), [2]),
        (Filters(text="nowhere"), []),
    ],
)
def test_filters_find_what_passes_all_of_them(search: Search, filters: Filters, found: list[int]) -> None:
    assert seqs(search.search(filters)) == found


def test_who_touched_a_relation_includes_who_was_not_let(search: Search) -> None:
    rows = search.touched("t", 0, 1 << 62)
    assert [(row["principal"], row["relation"], row["verdict"], row["status"], row["rows"]) for row in rows] == [
        ("ada", "public.t", "allow", "ok", 2),
        ("ada", "public.t", "deny", "refused", None),
        ("bob", "hr.t", "allow", "error", 2),
    ]
    assert seqs(search.touched("public.t", NOON_NS + 2, 1 << 62)) == [2]
    assert seqs(search.touched("t", 0, 1 << 62, by="bob")) == [3]
    assert search.touched("t", 1 << 62, 1 << 62) == []


def test_what_became_of_statements_without_an_outcome(search: Search) -> None:
    status = {row["seq"]: row["status"] for row in search.search(Filters())}
    assert status == {1: "ok", 2: "refused", 3: "error", 5: "lost", 6: "open"}


def test_statements_that_were_not_wholly_understood_are_counted(search: Search) -> None:
    assert search.unknown_statements(0, 1 << 62) == 1
    assert search.unknown_statements(0, NOON_NS + 3) == 0


@pytest.mark.parametrize("name", ["a.b.c.d", "", 'a"', "a..b"])
def test_a_malformed_name_is_a_usage_error(search: Search, name: str) -> None:
    with pytest.raises(UsageError):
        search.touched(name, 0, 1)
    with pytest.raises(UsageError):
        search.search(Filters(relation=name))


def test_parameters_are_text_or_bytea_and_unreadable_ones_are_none(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        for binds in (b"\0\3" + b"\0\0\0\1\0\0" + BINDS[6:], b"\0\1\0"):
            log.append("execution", b'"verdict":"allow"', Body(b"q", binds).encode())
    with Index(tmp_path / "i", tmp_path / "l", KEYS.kek) as index:
        index.catch_up()
        assert [row["parameters"] for row in Search(index, ORIGIN).search(Filters())] == [["a", "\\xff00", None], []]


def test_without_the_key_everything_but_the_text_is_told(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        log.append("execution", members({"verdict": "allow", "touches": [touch("public.t")]}), Body(b"secret").encode())
    with Index(tmp_path / "i", tmp_path / "l") as index:
        index.catch_up()
        (row,) = Search(index, ORIGIN).touched("t", 0, 1 << 62)
        assert (row["statement"], row["parameters"], row["relation"]) == (None, [], "public.t")


def test_statements_under_way_when_the_server_died_are_lost(tmp_path: Path) -> None:
    with open_log(tmp_path / "l") as log:
        log.append("intent", b'"session":"s","verdict":"allow"')
    with open_log(tmp_path / "l", announce=True), Index(tmp_path / "i", tmp_path / "l") as index:
        index.catch_up()
        assert [row["status"] for row in Search(index, ORIGIN).search(Filters())] == ["lost"]


def test_times_are_told_in_utc_to_the_microsecond() -> None:
    assert iso(1_795_000_000_123_456_789) == "2026-11-18T11:06:40.123456Z"


def test_what_reads_tagged_columns_is_found_by_how_it_sees_them(search: Search) -> None:
    assert seqs(search.search(Filters(tagged="masked"))) == [1]
    assert search.search(Filters(tagged="unmasked")) == []


def test_who_touched_a_relation_says_which_columns_were_masked_there(search: Search) -> None:
    rows = search.touched("t", NOON_NS, NOON_NS + 60)
    assert [(row["relation"], row["masked"], row["unmasked"]) for row in rows][:2] == [
        ("public.t", ["id"], []),
        ("public.t", [], []),
    ]

"""The document that approvers see: numbers called what they are, rows without tagged values."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from tidewaiter.approvals.blast import lines
from tidewaiter.config import Classification
from tidewaiter.model import Facts, Hold, Indirect, Lock, Relation, Resource, ResourceType, Touch
from tidewaiter.proxy.estimates import Question
from tidewaiter.proxy.findings import Findings, Run, Size, Subject
from tidewaiter.proxy.holding import Held
from tidewaiter.proxy.radius import HIDDEN, MOST_LISTED, SessionGauge, document, formatted
from tidewaiter.proxy.standing import Standing
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.sampling import Sample

T, U, PART = ("public", "t"), ("public", "u"), ("public", "part")
CATALOG = Catalog(
    relations={T: Relation(*T, "p"), U: Relation(*U, "r"), PART: Relation(*PART, "r")}, partitions={T: (PART,)}
)


def subject(text: bytes, *touches: Touch, **more: object) -> Subject:
    facts = Facts(tuple(dict.fromkeys(one.action for one in touches)), touches, **more)  # type: ignore[arg-type]
    return Subject(Question(text, (), b"", (), None), text, facts, CATALOG, "shop", Classification())


def table(path: tuple[str, str], action: str, *columns: str) -> Touch:
    return Touch(action, Resource(ResourceType.TABLE, path), columns)


DELETE = subject(b"delete from t where id = 1", table(T, "delete", "id"), indirect=(
    Indirect("cascade", "k", "delete", U, T), Indirect("trigger", "x", "function", ("public", "f"), T),
))  # fmt: skip


def test_a_measured_run_tells_its_rows_the_share_and_what_it_set_off() -> None:
    run = Run({PART: (0, 0, 5), U: (0, 0, 20)}, 5)
    told = document(DELETE, Findings({T: Size(10, 100), U: Size(20, 50, True)}, 3, run), 7.0)
    assert (told["basis"], told["rows"], told["total_rows"], told["estimated_rows"]) == ("measured", 5, 25, 3)
    tables = {one["table"]: one for one in told["tables"]}
    assert tables["public.t"] == {
        "table": "public.t", "does": ["delete"], "columns": ["id"], "rows": 10, "rows_are": "estimated", "bytes": 100,
        "share": 0.5,
    }  # fmt: skip
    assert tables["public.u"]["changes"] == {"insert": 0, "update": 0, "delete": 20}
    assert tables["public.u"]["share"] == 1.0
    (cascade,) = told["cascades"]
    assert (cascade["because_of"], cascade["rows"]) == ("public.t", 20)
    assert told["triggers"] == [{"kind": "trigger", "name": "x", "table": "public.t", "function": "public.f"}]


def test_a_run_without_a_number_in_its_tag_counts_what_changed() -> None:
    told = document(DELETE, Findings(run=Run({PART: (0, 0, 5)}, None)), 0.0)
    assert (told["rows"], told["basis"]) == (5, "measured")


def test_an_estimate_is_called_one_and_says_why() -> None:
    told = document(DELETE, Findings({T: Size(10, 100)}, 4, None, ("because",)), 0.0)
    assert (told["basis"], told["rows"], told["total_rows"], told["not_measured"]) == (
        "estimated",
        4,
        None,
        ["because"],
    )
    assert told["tables"][0]["share"] == 0.4


def test_what_would_fail_has_no_measured_number() -> None:
    told = document(DELETE, Findings(estimate=4, run=Run(failure=("23503", "still referenced"))), 0.0)
    assert (told["fails"], told["basis"]) == ({"sqlstate": "23503", "message": "still referenced"}, "estimated")


def test_truncate_loses_all_rows_of_its_tables() -> None:
    found = document(subject(b"truncate u", table(U, "truncate")), Findings({U: Size(9, 100, True)}), 0.0)
    assert (found["basis"], found["rows"], found["tables"][0]["share"]) == ("counted", 9, 1.0)


@pytest.mark.parametrize("action", ["delete_all", "update_all"])
def test_a_write_without_a_where_changes_all_rows_of_its_table(action: str) -> None:
    facts = subject(b"delete from u", table(U, action), has_where=False)
    found = document(facts, Findings({U: Size(2, 100, True)}, 78), 0.0)
    assert (found["basis"], found["rows"], found["tables"][0]["share"]) == ("counted", 2, 1.0)
    joined = subject(b"delete from u using t", table(U, action), table(T, "select"), has_where=False)
    assert document(joined, Findings({U: Size(2, 100, True)}, 78), 0.0)["basis"] == "estimated"


def test_nothing_known_is_said_to_be_unknown() -> None:
    told = document(
        subject(b"vacuum full u", table(U, "vacuum"), locks=(Lock(U, "AccessExclusiveLock"),)), Findings(), 0.0
    )
    assert (told["basis"], told["rows"]) == ("unknown", None)
    assert told["locks"] == [{"mode": "AccessExclusiveLock", "table": "public.u", "bytes": None}]
    assert told["storage"] == ["rewrites u: VACUUM FULL"]


def test_hidden_columns_stay_hidden_and_untagged_ones_are_scrubbed() -> None:
    sample = Sample(
        T,
        "",
        ("id", "email", "note"),
        ("note", "email"),
        frozenset({"email"}),
        frozenset({"email"}),
        frozenset({"note"}),
    )
    row = (b"1", b"leak@example.com", b"write to ann@example.com", None, b"leak@example.com")
    told = document(DELETE, Findings(shown=[(sample, [row])]), 0.0)
    (shown,) = told["sample"]
    assert shown["before"] == {"id": "1", "email": HIDDEN, "note": "write to [email]"}
    assert shown["after"] == {"note": None, "email": HIDDEN}
    plain = document(replace(DELETE, untagged="plain"), Findings(shown=[(sample, [row])]), 0.0)
    assert plain["sample"][0]["before"]["note"] == "write to ann@example.com"


def test_long_lists_are_cut_and_say_so() -> None:
    many = tuple(Indirect("cascade", f"k{n}", "delete", U, T) for n in range(MOST_LISTED + 4))
    told = document(subject(b"delete from t", table(T, "delete"), indirect=many), Findings(), 0.0)
    assert (len(told["cascades"]), told["cascades"][-1]) == (MOST_LISTED + 1, "and 4 more")


@pytest.mark.parametrize("text", ["no sql at all", "delete from t where a = '" + "x" * 5000 + "'"])
def test_what_cannot_be_formatted_is_shown_as_it_came(text: str) -> None:
    assert formatted(text) == text


def test_a_statement_is_formatted_if_it_means_the_same() -> None:
    assert formatted("delete from t where a=1 and b=2").splitlines()[0] == "DELETE FROM t"


class Stands:
    def subject(self, held: Held) -> Subject:
        return DELETE


class Measures:
    async def measure(self, subject: Subject) -> Findings:
        return Findings(estimate=4)


class Broken:
    async def measure(self, subject: Subject) -> Findings:
        raise KeyError("a defect")


def test_a_defect_in_measuring_is_told_and_nothing_is_known() -> None:
    gauge = SessionGauge(cast(Standing, Stands()), Broken(), lambda: 5.0)
    told = asyncio.run(gauge.radius(Held(Hold("h", (), ""), Facts(), b"", b"", "", 0.0)))
    assert (told["rows"], told["not_measured"]) == (None, ["a defect of the gateway: KeyError"])
    assert told.keys() - {"formatted"} == document(DELETE, Findings(), 5.0).keys() - {"formatted"}
    assert next(iter(lines(told))) == "rows: not known"


def test_a_gauge_tells_the_document_of_what_it_measured() -> None:
    gauge = SessionGauge(cast(Standing, Stands()), Measures(), lambda: 5.0)
    told = asyncio.run(gauge.radius(Held(Hold("h", (), ""), Facts(), b"", b"", "", 0.0)))
    assert (told["rows"], told["at_s"]) == (4, 5.0)

"""Who may read what: the answers of queries as values, and what tags flow to."""

from __future__ import annotations

from dataclasses import replace

from tidewaiter.config import check_classification
from tidewaiter.floor.rights import PUBLIC, Grant, Rights, tagged
from tidewaiter.model import Column, Relation
from tidewaiter.sql.catalog import Catalog, Reach

PEOPLE, SHOWN, COUNTED, OURS = (
    ("public", "people"),
    ("public", "shown"),
    ("public", "counted"),
    ("masked_public", "people"),
)
TAGS = """
[tags.ssn]
mask = { name = "partial", keep_last = 4 }
[tags.wrong]
mask = "email"
[datasource.shop."public.people"]
ssn = ["ssn"]
n = ["wrong"]
"""


def catalog() -> Catalog:
    columns = (Column("id", 1, "integer", 23, "int4"), Column("ssn", 2, "text", 25, "text"),
               Column("n", 3, "integer", 23, "int4"))  # fmt: skip
    views = {
        SHOWN: "SELECT people.id, people.ssn FROM public.people",
        COUNTED: "SELECT count(people.ssn) AS n FROM public.people",
        OURS: "SELECT people.id, left(people.ssn, 2) AS ssn FROM public.people",
    }
    rows = {
        "relations": [
            [*PEOPLE, "r", ["id", "ssn", "n"], [], False],
            [*SHOWN, "v", ["id", "ssn"], [], False],
            [*COUNTED, "v", ["n"], [], False],
            [*OURS, "v", ["id", "ssn"], [], False],
        ],
    }
    return replace(
        Catalog.from_rows(rows),
        columns={PEOPLE: columns, SHOWN: columns[:2], COUNTED: (columns[2],), OURS: columns[:2]},
        view_definitions=views,
        reaches={path: (Reach(PEOPLE, (), star=True),) for path in views},
    )


def test_tags_flow_to_views_and_masks_that_do_not_fit_become_null() -> None:
    found = tagged(catalog(), check_classification("c.toml", TAGS, ["shop"]), "shop", [OURS])
    assert found.columns == [("public", "people", "n"), ("public", "people", "ssn"), ("public", "shown", "ssn")]
    assert found.masks[PEOPLE]["n"].sql == "NULL::integer"
    assert "repeat" in found.masks[SHOWN]["ssn"].sql
    assert found.closed == {COUNTED}


def test_nothing_tagged_is_nothing() -> None:
    found = tagged(
        Catalog(relations={PEOPLE: Relation(*PEOPLE, "r", ("id",))}), check_classification("c", "", ["shop"]), "shop"
    )
    assert (found.columns, found.closed) == ([], frozenset())


def test_rows_become_values() -> None:
    rights = Rights.of({
        "roles": [["amy", False, False, False, True, ["amy", "readers"]]],
        "grants": [[*PEOPLE, "owner", "", "SELECT", None], [*PEOPLE, "owner", "amy", "SELECT", "id"]],
        "functions": [["public", "peek", "f", "integer", "owner", [""]]],
        "exposed": [["amy", *PEOPLE, "id"]],
    })  # fmt: skip
    assert rights.roles["amy"].reaches == {"amy", "readers"}
    assert rights.grants[PEOPLE] == (Grant(PUBLIC, "SELECT", None), Grant("amy", "SELECT", "id"))
    assert rights.owners == {PEOPLE: "owner"}
    assert rights.functions[0].grantees == ("",)
    assert rights.exposed == (("amy", "public", "people", "id"),)

"""Samples: the same rows as the statement, and no way for a tagged value to show."""

from __future__ import annotations

import pytest

from tidewaiter.model import Column, ColumnMask, Relation
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.sampling import MOST_BYTES, MOST_COLUMNS, Sample, samples

C, O = ("public", "c"), ("public", "o")  # noqa: E741


def columns(*names: str) -> tuple[Column, ...]:
    return tuple(
        Column(name, number, "integer" if name == "id" else "pg_catalog.text", 25, "text")
        for number, name in enumerate(names, 1)
    )


CATALOG = Catalog(
    relations={C: Relation(*C, "r", ("id", "name", "email", "ssn")), O: Relation(*O, "r", ("note", "id")),
               ("public", "v"): Relation("public", "v", "v", ("id",))},
    columns={C: columns("id", "name", "email", "ssn"), O: columns("note", "id")},
    primary_keys={C: ("id",), O: ("id",)},
)  # fmt: skip
MASKS = {C: {"email": ColumnMask("email", "upper({})::text"), "ssn": ColumnMask("ssn", "NULL::text", is_late=True)}}
EMAIL = "pg_catalog.left((upper({})::text)::pg_catalog.text, 120)"


def only(text: str, **more: bool) -> Sample:
    (found,) = samples(text, CATALOG, ("public",), MASKS, **more)
    return found


def test_a_delete_shows_the_rows_of_its_own_where_through_masks() -> None:
    found = only('delete from only c as "K" using o where o.id = "K".id and "K".ssn = $1 returning "K".*')
    assert found.text.startswith('SELECT pg_catalog.left(("K"."id")::pg_catalog.text, 120), ')
    assert EMAIL.format('"K"."email"') + ", NULL FROM ONLY c" in found.text
    assert found.text.endswith('WHERE o.id = "K".id AND "K".ssn = $1 LIMIT 3')
    assert (found.before, found.hidden) == (("id", "name", "email", "ssn"), frozenset({"ssn"}))
    assert found.plain == {"id", "name"}


def test_an_update_shows_new_values_and_computes_those_that_it_hides() -> None:
    found = only("update c set name = $1, email = $2, ssn = default where id = $3")
    assert (found.after, found.hidden_after) == (("name", "email"), frozenset({"email"}))
    assert "pg_catalog.left((($1)::pg_catalog.text)::pg_catalog.text, 120)" in found.text
    assert "CASE WHEN (($2)::pg_catalog.text) IS NULL THEN NULL::pg_catalog.text END" in found.text


@pytest.mark.parametrize(
    "value",
    ["email", "c.email", "name || email", "(select min(email) from c)", "c::text", "(c).email", "x.email", "x",
     "md5(c.*::text)"],
)  # fmt: skip
def test_a_new_value_that_a_tagged_column_may_have_gone_into_is_hidden(value: str) -> None:
    found = only(f"update c set name = {value} from c as x where x.id = c.id")
    assert found.hidden_after == {"name"}


@pytest.mark.parametrize("value", ["'a'", "$1", "name || '!'", "c.name", "upper(name)", "NULL", "id::text"])
def test_a_new_value_of_untagged_columns_is_shown(value: str) -> None:
    assert only(f"update c set name = {value}").hidden_after == frozenset()
    assert only(f"update c set name = {value}", shows_new=False).hidden_after == {"name"}


def test_where_nobody_classified_nothing_is_shown_if_so_configured() -> None:
    found = only("delete from o", shows_untagged=False)
    assert (found.hidden, found.plain) == (frozenset({"note", "id"}), frozenset[str]())
    assert found.text == "SELECT NULL, NULL FROM o LIMIT 3"


def test_truncate_and_drop_show_rows_of_each_table() -> None:
    found = samples("truncate c, o", CATALOG, ("public",), MASKS)
    assert [one.path for one in found] == [C, O]
    assert EMAIL.format('"email"') in found[0].text
    assert only("drop table public.o").text.endswith('FROM "public"."o" LIMIT 3')


def test_the_key_and_what_changes_come_first_and_not_all_is_shown() -> None:
    wide = columns(*(f"c{n}" for n in range(40)), "id")
    catalog = Catalog(relations={O: Relation(*O, "r")}, columns={O: wide}, primary_keys={O: ("id",)})
    (found,) = samples("update o set c30 = '1'", catalog, ("public",), {})
    assert (found.before[:3], len(found.before)) == (("id", "c30", "c0"), MOST_COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "insert into o values ('x', 1)",
        "delete from v",
        "delete from nowhere",
        "with x as (delete from o returning id) delete from c using x where c.id = x.id",
        "delete from c where current of k",
        "delete from c; delete from o",
        "drop view v",
        "select 1",
        "not sql",
        "delete from c where name in ('" + "x" * MOST_BYTES + "')",
    ],
)
def test_what_cannot_be_shown_is_not(text: str) -> None:
    assert samples(text, CATALOG, ("public",), MASKS) == ()


def test_a_cte_that_reads_goes_along() -> None:
    assert only("with x as (select 1 as i) delete from c using x where x.i = c.id").text.startswith("WITH x AS")

from __future__ import annotations

from dataclasses import replace

from rewritekit import SHOP

from tidewaiter.model import Relation
from tidewaiter.sql.entities import Trigger
from tidewaiter.sql.rewrite.through import base_of, is_by_trigger

VIEW = ("public", "shown")
TEXTS = {
    VIEW: " SELECT c.id AS number,\n    c.name FROM public.customers c WHERE c.id > 5;",
    ("public", "above"): " SELECT shown.name AS title,\n    1 AS one FROM public.shown;",
    ("public", "joined"): " SELECT c.id FROM public.customers c, public.orders o;",
    ("public", "counted"): " SELECT count(*) AS count FROM public.customers;",
}
COLUMNS = {
    "shown": ("number", "name"),
    "above": ("title", "one"),
    "joined": ("id",),
    "counted": ("count",),
}
CATALOG = replace(
    SHOP,
    relations={
        **SHOP.relations,
        **{("public", name): Relation("public", name, "v", columns=columns) for name, columns in COLUMNS.items()},
    },
    view_definitions=TEXTS,
    remembered={},
)


def test_the_table_below_a_view_is_found_at_any_depth() -> None:
    assert base_of(CATALOG, VIEW) == (("public", "customers"), {"number": "id", "name": "name"})
    assert base_of(CATALOG, ("public", "above")) == (("public", "customers"), {"title": "name"})
    assert base_of(CATALOG, ("public", "above")) is base_of(CATALOG, ("public", "above"))


def test_what_is_no_view_over_one_table_has_none() -> None:
    assert base_of(CATALOG, ("public", "joined")) is None
    assert base_of(CATALOG, ("public", "counted")) is None
    assert base_of(CATALOG, ("public", "customers")) is None
    assert base_of(CATALOG, ("public", "nosuch")) is None


def test_a_view_is_written_by_triggers_when_they_do_all_that_is_done() -> None:
    trigger = Trigger("t", ("public", "f"), frozenset({"update"}), is_instead=True)
    catalog = replace(CATALOG, triggers={VIEW: (trigger, replace(trigger, events=frozenset({"delete"})))})
    assert is_by_trigger(catalog, VIEW, frozenset({"update", "delete"}))
    assert not is_by_trigger(catalog, VIEW, frozenset({"update", "insert"}))
    after = replace(trigger, is_instead=False)
    assert not is_by_trigger(replace(CATALOG, triggers={VIEW: (after,)}), VIEW, frozenset({"update"}))

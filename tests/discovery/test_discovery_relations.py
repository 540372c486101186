"""Each row is looked at once, where it is kept."""

from __future__ import annotations

from tidewaiter.discovery.relations import Classified, sources, unclassified
from tidewaiter.model import Column, Relation
from tidewaiter.sql.catalog import Catalog


def catalog() -> Catalog:
    shapes = {
        "people": ("r", ("id", "name", "initial")),
        "readers": ("r", ("id", "name", "initial", "card_no")),
        "events": ("p", ("id", "at")),
        "events_2026": ("r", ("id", "at")),
        "adults": ("v", ("id",)),
        "summary": ("m", ("n",)),
        "imported": ("m", ("n",)),
        "elsewhere": ("f", ("n",)),
        "numbers": ("S", ()),
    }
    paths = {name: ("public", name) for name in shapes}
    relations = {paths[name]: Relation("public", name, kind, columns) for name, (kind, columns) in shapes.items()}
    relations[paths["summary"]] = Relation("public", "summary", "m", ("n",), (paths["people"],))
    relations["pg_catalog", "pg_class"] = Relation("pg_catalog", "pg_class", "r", ("oid",))
    columns = {
        path: tuple(Column(name, number, "text", 25, "text") for number, name in enumerate(one.columns, 1))
        for path, one in relations.items()
    }
    return Catalog(
        relations=relations,
        columns=columns,
        generated={paths["people"]: (("initial", "name"),)},
        inheritance=((paths["readers"], paths["people"]), (paths["events_2026"], paths["events"])),
    )


def test_views_partitions_inherited_and_generated_columns_are_left_to_where_they_come_from() -> None:
    found = {one.path[1]: tuple(column.name for column in one.columns) for one in sources(catalog())}
    assert found == {
        "people": ("id", "name"),
        "readers": ("card_no",),
        "events": ("id", "at"),
        "imported": ("n",),
        "elsewhere": ("n",),
    }
    assert [one.path[1] for one in sources(catalog()) if one.is_foreign] == ["elsewhere"]


def test_what_is_not_written_down_is_unclassified() -> None:
    written: Classified = {("public", "people"): {"id": (), "name": ("name",)}, ("public", "events"): {"id": ()}}
    left = [f"{path[1]}.{column}" for path, column in unclassified(catalog(), written)]
    assert left == ["readers.card_no", "events.at", "imported.n", "elsewhere.n"]

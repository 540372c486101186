from __future__ import annotations

from tidewaiter.model import Relation, Resource, ResourceType
from tidewaiter.sql.levels import Entry, Level, Source, words

TABLE = Resource(ResourceType.TABLE, ("public", "t"))


def source(name: str, *columns: str) -> tuple[Source, Entry]:
    entry = Entry("select", TABLE, (), 0)
    return Source(name, Relation("public", "t", "r", columns), (entry,), schema="public"), entry


def test_a_column_belongs_to_the_innermost_level_that_has_it() -> None:
    outer, outer_entry = source("o", "a", "b")
    inner, inner_entry = source("i", "a")
    level = Level([inner], Level([outer]))
    level.refer("a")
    level.refer("b")
    assert list(inner_entry.columns) == ["a"]
    assert list(outer_entry.columns) == ["b"]


def test_an_unexplained_column_counts_for_every_relation_here() -> None:
    one, entry = source("t", "a")
    Level([one]).refer("new")
    assert list(entry.columns) == ["new"]


def test_an_unexplained_column_may_be_a_subquerys() -> None:
    one, entry = source("t", "a")
    Level([one, Source("q")]).refer("x")
    assert not entry.columns


def test_a_source_of_unknown_columns_has_any() -> None:
    one, entry = source("t")
    assert one.knows("anything")
    Level([one]).refer("anything")
    assert list(entry.columns) == ["anything"]


def test_system_columns_are_not_listed() -> None:
    one, entry = source("t", "a")
    Level([one]).refer("ctid")
    assert not entry.columns


def test_a_joined_source_is_open_when_a_part_is() -> None:
    one, _ = source("t", "a")
    assert Source("j", parts=(one, Source("q"))).is_open
    assert not Source("j", parts=(one,)).is_open


def test_renaming_a_subquery_changes_nothing() -> None:
    query = Source("q")
    query.rename(("a",))
    assert query.renames is None


def test_a_schema_tells_sources_of_one_name_apart() -> None:
    one, _ = source("t", "a")
    assert Level([one]).named("t", "public") is one
    assert Level([one]).named("t", "other") is None


def test_words_are_a_set() -> None:
    assert words("a b  a") == {"a", "b"}

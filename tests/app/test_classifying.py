"""From samples to classification.toml."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tidewaiter.app import classifying
from tidewaiter.app.classifying import FILE, Discovery, discover, judged, write
from tidewaiter.app.sampling import Reading
from tidewaiter.config import Config, load
from tidewaiter.discovery.kinds import Sample
from tidewaiter.discovery.relations import Source
from tidewaiter.errors import ConfigError, NotFound
from tidewaiter.model import Column, Relation
from tidewaiter.sql.catalog import Catalog

TOML = '[[datasource]]\nname = "shop"\naddress = "127.0.0.1:1"\nuser = "tidewaiter"\n'
HEAD = "# ours\n[tags.email]\nmask = 'null'\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "tidewaiter.toml").write_text(TOML)
    (tmp_path / FILE).write_text(HEAD)
    return load(tmp_path / "tidewaiter.toml", {})


def sample(name: str, values: tuple[str, ...], base: str = "text", *, is_read: bool = True) -> Sample:
    return Sample(("public", "people"), Column(name, 1, base, 25, base), values, 0, is_read)


SAMPLES = (
    sample("c1", tuple(f"u{n}@mail.example" for n in range(9))),
    sample("passport_no", ("AB123456", "CD345678")),
    sample("colour", ("red", "blue")),
    sample("flag", (), "bool"),
    sample("nothing", ()),
    sample("closed", (), is_read=False),
)


def test_what_was_not_seen_is_neither_empty_nor_proposed(config: Config) -> None:
    found = judged(SAMPLES, config, 3, ["told"])
    assert [(one.column, one.tag, one.mask.name) for one in found.proposals] == [
        ("c1", "email", "null"),
        ("passport_no", "national_id", "redact"),
    ]
    assert [column for _, column in found.empty] == ["colour", "flag"]
    assert [column for _, column in found.unread] == ["nothing", "closed"]
    assert (found.classified, found.problems) == (3, ("told",))


class Reader:
    """A sampler that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: dict[str, set[str]] = {}

    async def read(self, source: Source, names: Collection[str]) -> Reading:
        self.asked[".".join(source.path)] = set(names)
        samples = (Sample(source.path, column, ("red",)) for column in source.columns if column.name in names)
        return Reading(tuple(samples), (f"{source.path[1]}: told",))


@pytest.fixture
def reader(config: Config, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A database with two tables and a view."""
    made = Reader()
    shapes = {("public", "people"): "r", ("public", "orders"): "r", ("public", "seen"): "v"}
    catalog = Catalog(
        relations={path: Relation(*path, kind, ("id", "name")) for path, kind in shapes.items()},
        columns={path: (Column("id", 1, "text", 25, "text"), Column("name", 2, "text", 25, "text")) for path in shapes},
    )

    async def catalog_once(*arguments: object) -> Catalog:
        return catalog

    @asynccontextmanager
    async def sampler(*arguments: object) -> AsyncIterator[Reader]:
        yield made

    monkeypatch.setattr(classifying, "catalog_once", catalog_once)
    monkeypatch.setattr(classifying, "sampler", sampler)
    return made


def discovered(config: Config, only: Collection[str] = (), *, again: bool = False) -> Discovery:
    return asyncio.run(discover(config, "shop", {}, rows=5, only=only, again=again))


def test_only_what_nobody_classified_is_read(config: Config, reader: Reader) -> None:
    (config.folder / FILE).write_text(HEAD + '[datasource.shop."public.people"]\nid = []\n')
    config = load(config.folder / "tidewaiter.toml", {})
    found = discovered(config)
    assert reader.asked == {"public.people": {"name"}, "public.orders": {"id", "name"}}
    assert (len(found.empty), found.classified, found.problems) == (3, 1, ("people: told", "orders: told"))
    discovered(config, again=True)
    assert reader.asked["public.people"] == {"id", "name"}


def test_relations_can_be_chosen_but_not_views(config: Config, reader: Reader) -> None:
    discovered(config, ["public.orders"])
    assert set(reader.asked) == {"public.orders"}
    with pytest.raises(NotFound, match=r"public\.seen"):
        discovered(config, ["public.seen"])


def test_likely_ones_are_written_others_when_asked(config: Config) -> None:
    found = judged(SAMPLES, config, 0, ())
    (config.folder / FILE).chmod(0o640)
    write(config, "shop", found)
    assert tomllib.loads((config.folder / FILE).read_text())["datasource"]["shop"] == {
        "public.people": {"c1": ["email"]}
    }
    write(config, "shop", found, possible=True, untagged=True)
    text = (config.folder / FILE).read_text()
    assert text.startswith(HEAD)
    assert tomllib.loads(text)["datasource"]["shop"]["public.people"] == {
        "c1": ["email"], "colour": [], "flag": [], "passport_no": ["national_id"],
    }  # fmt: skip
    assert (config.folder / FILE).stat().st_mode & 0o777 == 0o640
    assert [path.name for path in config.folder.iterdir() if path.name.startswith(".class")] == []


def test_a_file_that_is_not_valid_stays_as_it_is(config: Config) -> None:
    (config.folder / FILE).write_text("[tags.email]\nmask = 'nonsense'\n")
    with pytest.raises(ConfigError):
        write(config, "shop", judged(SAMPLES, config, 0, ()))
    assert "c1" not in (config.folder / FILE).read_text()

"""From samples to classification.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tidewaiter.app.classifying import FILE, judged, write
from tidewaiter.config import Config, load
from tidewaiter.discovery.kinds import Sample
from tidewaiter.errors import ConfigError
from tidewaiter.model import Column

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

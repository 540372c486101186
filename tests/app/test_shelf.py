"""The policies in force."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from tidewaiter.app.shelf import POLICY_BYTES, PolicyShelf, edition_on_disk
from tidewaiter.config import Config, load
from tidewaiter.errors import ConfigError

GOOD = '@id("everyone") permit (principal, action == Action::"connect", resource);\n'


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "tidewaiter.toml").write_text("")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "good.cedar").write_text(GOOD)
    return load(tmp_path / "tidewaiter.toml", {})


def test_an_edition_names_each_file_by_its_digest(config: Config) -> None:
    (config.policies / "notes.txt").write_text("not a policy")
    edition = edition_on_disk(config)
    assert edition.digests == {"good.cedar": sha256(GOOD.encode()).hexdigest()}
    assert edition.fields() == {"digest": edition.policies.version, "files": edition.digests, "classification": ""}
    assert PolicyShelf(edition).policies() is edition.policies


def test_every_problem_is_reported_at_once(config: Config) -> None:
    (config.policies / "binary.cedar").write_bytes(b"\xff\xfe")
    (config.policies / "folder.cedar").mkdir()
    (config.policies / "huge.cedar").write_bytes(b"/" * (POLICY_BYTES + 1))
    with pytest.raises(ConfigError) as caught:
        edition_on_disk(config)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "policies/binary.cedar",
        "policies/folder.cedar",
        "policies/huge.cedar",
    ]


def test_bytes_that_are_no_text_are_told_with_their_line(config: Config) -> None:
    (config.policies / "latin.cedar").write_bytes(b"// one\n// caf\xe9\n")
    with pytest.raises(ConfigError, match=r"^policies/latin.cedar:2: is not UTF-8$"):
        edition_on_disk(config)


def test_a_byte_order_mark_does_no_harm(config: Config) -> None:
    (config.policies / "good.cedar").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert edition_on_disk(config).digests["good.cedar"] == sha256(b"\xef\xbb\xbf" + GOOD.encode()).hexdigest()


def test_a_folder_that_cannot_be_read_is_refused(config: Config) -> None:
    (config.policies / "good.cedar").unlink()
    config.policies.rmdir()
    config.policies.write_text("")
    with pytest.raises(ConfigError, match="policies: cannot be read: Not a directory"):
        edition_on_disk(config)


def test_a_policy_that_does_not_validate_is_refused(config: Config) -> None:
    (config.policies / "bad.cedar").write_text('@id("x") permit (principal, action == Action::"fly", resource);')
    with pytest.raises(ConfigError, match=r"bad\.cedar"):
        edition_on_disk(config)


CLASSIFIED = """
[tags.email]
mask = "email"
[datasource.shop."public.customers"]
email = ["email"]
"""


def test_the_classification_is_part_of_an_edition(config: Config) -> None:
    config = replace(config, datasources={"shop": config.datasources.get("shop")})  # type: ignore[dict-item]
    before = edition_on_disk(config)
    (config.folder / "classification.toml").write_text(CLASSIFIED)
    after = edition_on_disk(config)
    assert after.classification_digest == sha256(CLASSIFIED.encode()).hexdigest()
    assert (set(before.policies.tagged("shop")), set(after.policies.tagged("shop"))) == (
        set(),
        {("public", "customers")},
    )
    (config.folder / "classification.toml").write_text(CLASSIFIED.replace('mask = "email"', 'mask = "redact"'))
    assert len({before.policies.version, after.policies.version, edition_on_disk(config).policies.version}) == 3


def test_problems_of_policies_and_classification_are_reported_together(config: Config) -> None:
    (config.policies / "binary.cedar").write_bytes(b"\xff\xfe")
    (config.folder / "classification.toml").write_text("[nonsense]")
    with pytest.raises(ConfigError) as caught:
        edition_on_disk(config)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "policies/binary.cedar",
        "classification.toml",
    ]


def test_an_unreadable_classification_is_a_problem(config: Config) -> None:
    (config.folder / "classification.toml").mkdir()
    with pytest.raises(ConfigError, match=r"classification\.toml"):
        edition_on_disk(config)


def test_policies_of_another_folder_can_be_read(config: Config, tmp_path: Path) -> None:
    other = tmp_path / "new"
    other.mkdir()
    (other / "one.cedar").write_text(GOOD)
    assert list(edition_on_disk(config, other).digests) == ["one.cedar"]
    (other / "one.cedar").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="new/one"):
        edition_on_disk(config, other)


def test_a_folder_without_policies_is_refused(config: Config) -> None:
    (config.policies / "good.cedar").unlink()
    with pytest.raises(ConfigError, match=r"no \*\.cedar file"):
        edition_on_disk(config)

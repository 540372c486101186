"""`tidewaiter policy test`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Said

from tidewaiter.model import Secret
from tidewaiter.sql.catalog import Catalog
from tidewaiter.sql.declared import declared

ONE = """
datasource = "shop"
[people]
ada = { groups = ["analysts"] }
[[test]]
name = "reads"
principal = "ada"
sql = "select id from there"
expect = "allow"
"""


def test_the_tests_that_init_wrote_pass(tidewaiter: Callable[..., Said]) -> None:
    said = tidewaiter("policy", "test")
    assert said.code == 0, said.out
    assert said.out.splitlines()[-1].startswith("0 failed, ")
    told = tidewaiter("policy", "test", "-k", "AGENTS", "--json").json()
    assert (told["failed"], told["passed"]) == (0, len(told["tests"]))
    assert all("agents" in test["name"] for test in told["tests"])


def test_a_failing_test_says_what_is_different(tidewaiter: Callable[..., Said], folder: Path) -> None:
    (folder / "policies" / "agents.cedar").unlink()
    said = tidewaiter("policy", "test", "-k", "few rows")
    assert said.code == 1
    assert "FAILED  tests.toml:" in said.out
    assert "expected allow, got deny by default-deny" in said.out
    assert "deselected" in said.out.splitlines()[-1]


def test_other_tests_and_other_policies_can_be_named(tidewaiter: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(ONE)
    assert tidewaiter("policy", "test", str(tmp_path / "mine.toml")).code == 1, "there is no such table"
    new = tmp_path / "new"
    new.mkdir()
    (new / "all.cedar").write_text('@id("all") permit (principal, action, resource);')
    assert tidewaiter("policy", "test", str(tmp_path / "mine.toml"), "--policies", str(new)).code == 0
    assert tidewaiter("policy", "test", "--policies", str(new)).code == 1, "it has no tests of its own"
    assert tidewaiter("policy", "test", "--policies", str(new / "nowhere")).code == 2


def test_live_names_mean_what_the_database_says(
    tidewaiter: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def catalog(source: object, secret: Secret) -> Catalog:
        return declared({("public", "there"): ("id",)})

    monkeypatch.setattr("tidewaiter.app.upstreams.catalog_once", catalog)
    (tmp_path / "mine.toml").write_text(ONE)
    assert tidewaiter("policy", "test", str(tmp_path / "mine.toml"), "--live").code == 0


def test_a_file_that_makes_no_sense_is_refused_with_its_lines(tidewaiter: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(ONE.replace("allow", "perhaps"))
    said = tidewaiter("policy", "test", str(tmp_path / "bad.toml"))
    assert (said.code, said.err.startswith("error: bad.toml:9: ")) == (2, True)
    assert tidewaiter("policy", "test", "-k", "no such test").code == 1
    (tmp_path / "bad.toml").write_text("")
    assert tidewaiter("policy", "test", str(tmp_path / "bad.toml")).code == 1

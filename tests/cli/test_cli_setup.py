"""`tidewaiter init`, `check`, `reload`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from commandline import Said, run


def test_init_makes_a_deployment_and_says_what_to_keep(tmp_path: Path) -> None:
    said = run("init", str(tmp_path / "gw"))
    assert said.code == 0
    assert str(tmp_path / "gw" / "tidewaiter.toml") in said.out.splitlines()
    vkey = (tmp_path / "gw" / "keys" / "ledger.vkey").read_text().strip()
    assert vkey in said.err
    assert "tidewaiter check" in said.err


def test_init_overwrites_nothing(folder: Path) -> None:
    said = run("init", str(folder))
    assert said.code == 1
    assert "init overwrites nothing" in said.err


def test_init_takes_a_name(tmp_path: Path) -> None:
    run("init", str(tmp_path / "gw"), "--name", "eu-west")
    assert (tmp_path / "gw" / "keys" / "ledger.vkey").read_text().startswith("tidewaiter/eu-west+")


def test_check_of_a_new_deployment_without_a_datasource_is_fine(tmp_path: Path) -> None:
    run("init", str(tmp_path))
    said = run("check", "--config", str(tmp_path), "--json")
    assert said.code == 0, said.out
    told = said.json()
    assert told["ok"]
    assert {finding["what"] for finding in told["findings"]} >= {
        "configuration", "policies", "certificate", "control store", "datasources", "ledger",
    }  # fmt: skip


def test_check_names_what_does_not_work(tidewaiter: Callable[..., Said], folder: Path) -> None:
    (folder / "policies" / "broken.cedar").write_text("permit (nonsense")
    said = tidewaiter("check")
    assert said.code == 1
    failed = [line for line in said.out.splitlines() if line.startswith("FAILED")]
    assert any("policies" in line and "broken.cedar" in line for line in failed)
    assert any("datasource shop" in line for line in failed)


def test_reload_without_a_server_says_so(tidewaiter: Callable[..., Said]) -> None:
    said = tidewaiter("reload")
    assert said.code == 1
    assert "no server is running" in said.err

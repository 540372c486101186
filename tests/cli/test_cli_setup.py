"""`tidewaiter init`, `check`, `reload`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Said, process, run

from tidewaiter import demo
from tidewaiter.app import serving
from tidewaiter.config import Config


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


def test_check_prints_what_it_found(tmp_path: Path) -> None:
    run("init", str(tmp_path))
    said = run("check", "--config", str(tmp_path))
    assert said.code == 0
    marks = {line.split()[1]: line.split()[0] for line in said.out.splitlines()[1:]}
    assert (marks["ledger"], marks["datasources"]) == ("ok", "warning")


def test_serve_says_ready_on_stdout_and_the_rest_aside(
    tidewaiter: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(config: Config, environ: object, on_ready: Callable[[], None], say: Callable[[str], None]) -> None:
        say(f"warning: serving {config.name}")
        on_ready()

    monkeypatch.setattr(serving, "run", serve)
    assert tidewaiter("serve") == Said(0, "ready\n", "warning: serving tidewaiter\n")


def test_demo_ends_with_the_code_of_its_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "main", lambda tour: 1 if tour else 0)
    assert (run("demo").code, run("demo", "--tour").code) == (0, 1)


def serve(folder: Path) -> list[str]:
    """What a real `serve` says, that must not start."""
    before = sorted(path for path in folder.rglob("*"))
    done = process("serve", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert sorted(path for path in folder.rglob("*")) == before, "something was begun"
    return [line for line in done.stderr.splitlines() if line.startswith("error: ")]


def test_serve_tells_every_error_of_its_files_with_its_line_and_starts_nothing(tmp_path: Path) -> None:
    run("init", str(tmp_path))
    file = tmp_path / "tidewaiter.toml"
    text = file.read_text().replace('"127.0.0.1:15432"', '"nowhere"').replace('"remote"', '"perhaps"')
    file.write_text(text.replace("connections = 500", "connections = -1") + "\n[nonsense]\n")
    (tmp_path / "classification.toml").write_text('[tags.email]\nmask = "no-such-mask"\n')
    (tmp_path / "policies" / "bad.cedar").write_text("\npermit (nonsense")
    errors = serve(tmp_path)
    lines = file.read_text().splitlines()
    wrong = [1 + next(at for at, line in enumerate(lines) if word in line)
             for word in ('"nowhere"', '"perhaps"', "connections = -1", "[nonsense]")]  # fmt: skip
    told = [error.removeprefix("error: ").split(": ")[0] for error in errors]
    assert told == [*(f"tidewaiter.toml:{line}" for line in wrong), "classification.toml:2", "bad.cedar:2"]


def test_serve_tells_what_is_wrong_beside_its_files_at_once_too(tmp_path: Path) -> None:
    run("init", str(tmp_path))
    with (tmp_path / "tidewaiter.toml").open("a") as file:
        for name in ("shop", "crm"):
            password = f'password = "env:TW_NOT_SET_{name.upper()}"'
            file.write(
                f'[[datasource]]\nname = "{name}"\naddress = "127.0.0.1:1"\nuser = "x"\ntls = "disable"\n{password}\n'
            )
    (tmp_path / "policies" / "bad.cedar").write_text("permit (nonsense")
    (tmp_path / "policies" / "worse.cedar").write_text(
        '@id("x") permit (principal, action == Action::"fly", resource);'
    )
    (tmp_path / "keys" / "ledger.key").chmod(0o644)
    errors = "\n".join(serve(tmp_path))
    for word in ("bad.cedar", "worse.cedar", "TW_NOT_SET_SHOP", "TW_NOT_SET_CRM", "ledger.key"):
        assert word in errors

"""Channels as a deployment is configured."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tidewaiter.app import channelling
from tidewaiter.app.channelling import SECRETS, channel_of, findings, lines_of, switchboard_of
from tidewaiter.channels.webhook import Webhook
from tidewaiter.config import Config, load
from tidewaiter.config.channels import KINDS
from tidewaiter.errors import ConfigError
from tidewaiter.identity import Directory
from tidewaiter.model import Receipt
from tidewaiter.store import open_store

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = """
[approvals]
url = "https://gate.example"
[[channel]]
name = "hook"
kind = "webhook"
url = "env:URL"
secret = "env:NEW"
previous_secret = "env:OLD"
authorization = "env:AUTH"
template = "body.json"
groups = ["dba"]
"""
ENVIRON = {"URL": "https://h.example/in", "NEW": SECRET, "OLD": SECRET, "AUTH": "Token x"}


class Memory:
    async def record(self, kind: str, fields: Mapping[str, object]) -> Receipt:
        return Receipt(0)


def configured(folder: Path, template: str = '{"text": "${title}"}') -> Config:
    (folder / "body.json").write_text(template)
    (folder / "tidewaiter.toml").write_text(HOOK)
    return load(folder / "tidewaiter.toml", {})


def built(folder: Path, config: Config, environ: Mapping[str, str]) -> str:
    """Where the links of the deployment's channels lead."""
    store = open_store(config.store.url, folder)
    try:
        lines = lines_of(config, environ, lambda: 0.0)
        board = switchboard_of(config, lines, store, Directory(store, 0), Memory(), lambda: 0.0, print)
        asyncio.run(board.close())
        return board.links.of("AR-2222222")
    finally:
        store.close()


def test_a_webhook_gets_its_secrets_and_its_template(tmp_path: Path) -> None:
    config = configured(tmp_path)
    made = channel_of(config, "hook", ENVIRON, lambda: 0.0)
    assert isinstance(made, Webhook)
    assert (made.name, made.kind) == ("hook", "webhook")
    (finding,) = findings(config, ENVIRON, lambda: 0.0)
    assert (finding.what, finding.is_ok) == ("channel hook", True)
    assert built(tmp_path, config, ENVIRON).startswith("https://gate.example/requests/AR-2222222?key=")


def test_github_gets_its_token(tmp_path: Path) -> None:
    file = tmp_path / "tidewaiter.toml"
    file.write_text(
        '[[channel]]\nname = "issues"\nkind = "github"\nrepository = "a/b"\ntoken = "env:T"\nwebhook_secret = "env:S"\n'
    )
    made = channel_of(load(file, {}), "issues", {"T": "t", "S": "s"}, lambda: 0.0)
    assert (made.name, made.kind) == ("issues", "github")
    asyncio.run(made.close())


def test_a_github_app_needs_its_key(tmp_path: Path) -> None:
    file = tmp_path / "tidewaiter.toml"
    file.write_text(
        '[[channel]]\nname = "issues"\nkind = "github"\nrepository = "a/b"\ntoken = "env:KEY"\napp = "Iv1.app"\n'
    )
    (finding,) = findings(load(file, {}), {"KEY": "ghp_hunter2"}, lambda: 0.0)
    assert not finding.is_ok
    assert finding.said.startswith("tidewaiter.toml:1: [channel]: issues: with `app`,")
    key = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (finding,) = findings(load(file, {}), {"KEY": key.decode()}, lambda: 0.0)
    assert finding.is_ok


def test_jira_gets_its_token(tmp_path: Path) -> None:
    file = tmp_path / "tidewaiter.toml"
    file.write_text(
        '[[channel]]\nname = "jira"\nkind = "jira"\nurl = "https://a.example"\nproject = "OPS"\ntoken = "env:T"\n'
    )
    made = channel_of(load(file, {}), "jira", {"T": "t"}, lambda: 0.0)
    assert (made.name, made.kind) == ("jira", "jira")
    asyncio.run(made.close())


def test_slack_gets_its_tokens_and_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tidewaiter.toml"
    file.write_text(
        '[[channel]]\nname = "ops"\nkind = "slack"\nchannel = "C1"\nbot_token = "env:BOT"\napp_token = "env:APP"\n'
    )
    config = load(file, {})
    made = channel_of(config, "ops", {"BOT": "xoxb-1", "APP": "xapp-1"}, lambda: 0.0)
    assert (made.name, made.kind) == ("ops", "slack")
    monkeypatch.setattr(channelling, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"tidewaiter.toml:1: \[channel\]: ops: slack needs more packages: pip install"
    ):
        built(tmp_path, config, {"BOT": "xoxb-1", "APP": "xapp-1"})


@pytest.mark.parametrize(
    ("change", "template", "said"),
    [
        ({"NEW": ""}, "{}", "8: [channel] secret: env:NEW: the environment variable is empty"),
        ({"OLD": "hunter2"}, "{}", "4: [channel]: hook: a webhook secret is whsec_ and 24 to 64 bytes in base64"),
        ({"URL": "http://hunter2.example"}, "{}", "4: [channel]: hook: must be an address such as"),
        ({}, '{\n"x"', "4: [channel]: hook: body.json:2: is not JSON: Expecting ':' delimiter"),
        ({}, '["${nothing}"]', "4: [channel]: hook: body.json names nothing; known are"),
        ({}, json.dumps("x" * (1 << 17)), "4: [channel]: hook: body.json:1: is not JSON"),
    ],
)
def test_what_keeps_a_channel_from_working_keeps_the_server_from_starting(
    tmp_path: Path, change: dict[str, str], template: str, said: str
) -> None:
    config = configured(tmp_path, template)
    with pytest.raises(ConfigError) as refused:
        built(tmp_path, config, ENVIRON | change)
    (problem,) = refused.value.problems
    assert problem.startswith(f"tidewaiter.toml:{said}")
    assert "hunter2" not in problem
    (finding,) = findings(config, ENVIRON | change, lambda: 0.0)
    assert (finding.is_ok, finding.said) == (False, problem)


def test_every_secret_of_a_channel_that_cannot_be_had_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        lines_of(configured(tmp_path), {"OLD": SECRET}, lambda: 0.0)
    unset = "the environment variable is not set"
    assert sorted(refused.value.problems) == [
        f"tidewaiter.toml:10: [channel] authorization: env:AUTH: {unset}",
        f"tidewaiter.toml:7: [channel] url: env:URL: {unset}",
        f"tidewaiter.toml:8: [channel] secret: env:NEW: {unset}",
    ]


def test_every_key_that_may_refer_to_a_secret_is_known() -> None:
    found = {key for _, keys in KINDS.values() for key, one in keys.items() if "secret" in one.parse.__qualname__}
    assert found == set(SECRETS)

"""`[[channel]]` tables, as written and as wrong as they can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidewaiter.config import GithubConfig, JiraConfig, SlackConfig, WebhookConfig, differing, load
from tidewaiter.errors import ConfigError

SHOP = """
[[datasource]]
name = "shop"
address = "db:5432"
user = "tidewaiter"
"""
HOOK = """
[[channel]]
name = "hook"
kind = "webhook"
url = "https://h.example/in"
secret = "env:HOOK_SECRET"
"""


SLACK = """
[[channel]]
name = "ops"
kind = "slack"
channel = "C1"
bot_token = "env:BOT"
app_token = "env:APP"
"""


GITHUB = """
[[channel]]
name = "issues"
kind = "github"
repository = "acme/approvals"
token = "env:TOKEN"
"""


JIRA = """
[[channel]]
name = "jira"
kind = "jira"
url = "https://acme.atlassian.net"
project = "OPS"
token = "env:TOKEN"
"""


def written(folder: Path, text: str, environ: dict[str, str] | None = None) -> WebhookConfig:
    file = folder / "tidewaiter.toml"
    file.write_text(SHOP + text)
    config = load(file, environ or {})
    (channel,) = config.channels.values()
    assert isinstance(channel, WebhookConfig)
    return channel


def test_slack_with_its_defaults(tmp_path: Path) -> None:
    file = tmp_path / "tidewaiter.toml"
    file.write_text(SLACK)
    assert load(file, {}).channels["ops"] == SlackConfig(
        name="ops", kind="slack", datasources=(), groups=(), channel="C1", bot_token="env:BOT", app_token="env:APP",
        signing_secret=None, api="https://slack.com/api/",
    )  # fmt: skip


def test_github_with_its_defaults(tmp_path: Path) -> None:
    file = tmp_path / "tidewaiter.toml"
    file.write_text(GITHUB)
    assert load(file, {}).channels["issues"] == GithubConfig(
        name="issues", kind="github", datasources=(), groups=(), repository="acme/approvals", token="env:TOKEN",
        app=None, webhook_secret=None, poll_s=15.0, api="https://api.github.com",
    )  # fmt: skip


def test_jira_with_its_defaults(tmp_path: Path) -> None:
    file = tmp_path / "tidewaiter.toml"
    file.write_text(JIRA)
    assert load(file, {}).channels["jira"] == JiraConfig(
        name="jira", kind="jira", datasources=(), groups=(), url="https://acme.atlassian.net", project="OPS",
        token="env:TOKEN", user=None, issue_type="Task", approve_status="Approved", deny_status="Declined",
        webhook_secret=None, poll_s=20.0,
    )  # fmt: skip


def problems(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        written(folder, text, environ)
    return refused.value.problems


def test_a_webhook_with_its_defaults(tmp_path: Path) -> None:
    assert written(tmp_path, HOOK) == WebhookConfig(
        name="hook", kind="webhook", datasources=(), groups=(), url="https://h.example/in", secret="env:HOOK_SECRET",
        previous_secret=None, authorization=None, template=None, template_over=None, speaks_for=(),
    )  # fmt: skip


def test_files_are_found_from_the_folder_and_an_address_may_be_secret(tmp_path: Path) -> None:
    (tmp_path / "teams.json").write_text("{}")
    found = written(
        tmp_path,
        HOOK.replace('"https://h.example/in"', '"env:TEAMS_URL"')
        + 'template = "teams.json"\ndatasources = ["shop", "shop"]\ngroups = ["dba"]\nspeaks_for = ["dba"]\n',
    )
    assert (found.url, found.template) == ("env:TEAMS_URL", tmp_path / "teams.json")
    assert (found.datasources, found.groups, found.speaks_for) == (("shop",), ("dba",), ("dba",))


def test_the_environment_overrides_single_keys(tmp_path: Path) -> None:
    found = written(tmp_path, HOOK, {"TIDEWAITER_CHANNEL_HOOK_URL": "https://other.example/"})
    assert found.url == "https://other.example/"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[channel]\nname = "x"\n', "must be written with double brackets: [[channel]]"),
        ('[[channel]]\nname = "x"\nkind = "fax"\nnumber = 7\n', "kind: must be one of"),
        ('[[channel]]\nname = "x"\n', "kind: is required"),
        (
            SLACK.replace('app_token = "env:APP"\n', ""),
            "app_token: give either app_token (Socket Mode) or signing_secret",
        ),
        (SLACK + 'signing_secret = "env:S"\n', "app_token: give either app_token (Socket Mode) or signing_secret"),
        (SLACK.replace("env:BOT", "xoxb-hunter2"), "bot_token: must be a reference to the secret"),
        (GITHUB.replace("acme/approvals", "approvals"), 'repository: must be a repository such as "acme/approvals"'),
        (GITHUB.replace("acme/approvals", "acme/../secrets"), "repository: must be a repository"),
        (GITHUB + "poll_s = 0\n", "poll_s: must be a number of seconds from 1 to 3600"),
        (JIRA.replace("OPS", "ops"), 'project: must be the key of a project, such as "OPS", not "ops"'),
        (JIRA + 'deny_status = "approved"\n', "deny_status: must be another status than approve_status"),
        (HOOK + HOOK, 'name: "hook" is taken by another channel'),
        (HOOK + 'chanel = "C1"\n', "chanel: unknown key"),
        (HOOK.replace("env:HOOK_SECRET", "whsec_hunter2"), "secret: must be a reference to the secret"),
        (HOOK.replace("https://h", "http://h"), "url: must be an address such as"),
        (HOOK.replace("https://h.example/in", "hunter2"), "url: must be a reference to the secret"),
        (HOOK.replace("https://h.example/in", "https://h.example:hunter2/"), "url: must be an address"),
        (HOOK + 'template = "missing.json"\n', "missing.json is not a file"),
        (HOOK + 'datasources = ["shoop"]\n', 'there is no datasource "shoop"; did you mean "shop"?'),
        (HOOK + 'groups = "dba"\n', "groups: must be a list of names"),
        (HOOK.replace('url = "https://h.example/in"\n', ""), "url: is needed for requests to go out, or speaks_for"),
    ],
)
def test_what_is_wrong_is_said_where_it_is(tmp_path: Path, text: str, said: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert said in problem
    assert problem.startswith("tidewaiter.toml:")
    assert "hunter2" not in problem


def test_an_unencrypted_address_is_for_this_machine_only(tmp_path: Path) -> None:
    assert written(tmp_path, HOOK.replace("https://h.example", "http://127.0.0.1:9")).url == "http://127.0.0.1:9/in"


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, HOOK, {"TIDEWAITER_CHANNEL_HOOK_SECRET": "hunter2"})
    assert problem.startswith("environment TIDEWAITER_CHANNEL_HOOK_SECRET: must be a reference")


def test_changes_that_need_a_restart_are_named(tmp_path: Path) -> None:
    file = tmp_path / "tidewaiter.toml"
    configs = []
    for text in (HOOK, HOOK.replace("h.example", "i.example"), ""):
        file.write_text(SHOP + text)
        configs.append(load(file, {}))
    assert differing(configs[0], configs[1]) == ["[[channel]] hook: url"]
    assert differing(configs[0], configs[2]) == ["[[channel]] hook"]


@pytest.mark.parametrize("name", ["console", "shell", "socket"])
def test_no_channel_is_called_like_another_way_to_decide(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, HOOK.replace('"hook"', f'"{name}"'))
    assert f'[channel] name: "{name}" is what decisions from there are recorded as' in problem

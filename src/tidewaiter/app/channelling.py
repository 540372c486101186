"""Approval channels as a deployment is configured: the only place that knows every kind."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tidewaiter.admin.site import Finding
from tidewaiter.channels import signing, template
from tidewaiter.channels.contract import Channel
from tidewaiter.channels.courier import Ledger
from tidewaiter.channels.github import Github
from tidewaiter.channels.github_app import AppAuth
from tidewaiter.channels.jira import Jira
from tidewaiter.channels.links import Links
from tidewaiter.channels.outbox import Outbox
from tidewaiter.channels.switchboard import Line, Switchboard
from tidewaiter.channels.webhook import Bodies, Webhook
from tidewaiter.config import (
    ChannelConfig,
    Config,
    GithubConfig,
    JiraConfig,
    SlackConfig,
    WebhookConfig,
    resolve_secret,
)
from tidewaiter.config.values import web_address
from tidewaiter.errors import ConfigError
from tidewaiter.identity import Directory
from tidewaiter.identity.accounts import Accounts
from tidewaiter.model import Kind, Principal
from tidewaiter.store import Store

TEMPLATE_BYTES = 1 << 16

Reveal = Callable[[str], str]
"""The secret behind a reference. Raises ValueError."""


def switchboard_of(
    config: Config,
    environ: Mapping[str, str],
    store: Store,
    directory: Directory,
    ledger: Ledger,
    now_s: Callable[[], float],
    report: Callable[[str], None],
) -> Switchboard:
    """The deployment's channels, none of them at work yet. Raises ConfigError with every problem."""
    lines, problems = [], []
    for channel in config.channels.values():
        try:
            made = channel_of(channel, config.folder, environ, now_s)
            lines.append(Line(made, frozenset(channel.datasources), frozenset(channel.groups)))
        except ConfigError as error:
            problems += [f"[[channel]] {channel.name}: {problem}" for problem in error.problems]
        except ValueError as error:
            problems.append(f"[[channel]] {channel.name}: {error}")
    if problems:
        raise ConfigError(problems)

    def members(groups: frozenset[str]) -> list[Principal]:
        found = [one.principal for one in directory.principals() if one.can_log_in and one.principal.kind is Kind.USER]
        return [one for one in found if one.groups & groups]

    return Switchboard(
        lines,
        Outbox(store),
        Accounts(store),
        lambda name: directory.account(name).principal.groups,
        ledger,
        Links(config.approvals.url, store.salt_key),
        now_s,
        secrets.SystemRandom().random,
        report,
        members,
    )


def findings(config: Config, environ: Mapping[str, str], now_s: Callable[[], float]) -> list[Finding]:
    """What `check` says of channels: whether each has its secrets and files. `channel test` asks their vendors."""
    found = []
    for channel in config.channels.values():
        what = f"channel {channel.name}"
        try:
            made = channel_of(channel, config.folder, environ, now_s)
            found.append(Finding(what, True, f"{made.kind}; `tidewaiter channel test {channel.name}` tries it"))
        except ConfigError as error:
            found += [Finding(what, False, problem) for problem in error.problems]
        except ValueError as error:
            found.append(Finding(what, False, str(error)))
    return found


def channel_of(channel: ChannelConfig, folder: Path, environ: Mapping[str, str], now_s: Callable[[], float]) -> Channel:
    """One channel with its secrets. Raises ConfigError for a secret, ValueError for what is in it or in a file."""

    def reveal(reference: str) -> str:
        return resolve_secret(reference, folder, environ).value

    match channel:
        case GithubConfig():
            return _github(channel, reveal, now_s)
        case JiraConfig():
            return _jira(channel, reveal)
        case SlackConfig():
            return _slack(channel, reveal, now_s)
        case WebhookConfig():
            return _webhook(channel, reveal, now_s)
        case _:
            raise TypeError(type(channel))


def _github(channel: GithubConfig, reveal: Reveal, now_s: Callable[[], float]) -> Github:
    token = reveal(channel.token)
    return Github(
        channel.name,
        channel.repository,
        AppAuth(channel.api, channel.repository, channel.app, token, now_s) if channel.app else token,
        webhook_secret=reveal(channel.webhook_secret) if channel.webhook_secret else "",
        poll_s=channel.poll_s,
        api=channel.api,
    )


def _jira(channel: JiraConfig, reveal: Reveal) -> Jira:
    return Jira(
        channel.name,
        channel.url,
        channel.project,
        reveal(channel.token),
        user=channel.user or "",
        issue_type=channel.issue_type,
        approve_status=channel.approve_status,
        deny_status=channel.deny_status,
        webhook_secret=reveal(channel.webhook_secret) if channel.webhook_secret else "",
        poll_s=channel.poll_s,
    )


def _slack(channel: SlackConfig, reveal: Reveal, now_s: Callable[[], float]) -> Channel:
    if find_spec("slack_sdk") is None or find_spec("aiohttp") is None:
        raise ValueError("slack needs more packages: pip install 'tidewaiter[slack]'")
    from tidewaiter.channels.slack import Slack

    return Slack(
        channel.name,
        channel.channel,
        reveal(channel.bot_token),
        now_s,
        app_token=reveal(channel.app_token) if channel.app_token else "",
        signing_secret=reveal(channel.signing_secret) if channel.signing_secret else "",
        api=channel.api,
    )


def _webhook(channel: WebhookConfig, reveal: Reveal, now_s: Callable[[], float]) -> Webhook:
    references = [channel.secret, *([channel.previous_secret] if channel.previous_secret else [])]
    url = channel.url or ""
    if url and not url.startswith(("https://", "http://")):
        url = web_address(reveal(url))
    over = channel.template_over or channel.template
    return Webhook(
        channel.name,
        url,
        [signing.key_of(reveal(reference)) for reference in references],
        now_s,
        bodies=Bodies(_template(channel.template), _template(over)),
        authorization=reveal(channel.authorization) if channel.authorization else "",
        speaks_for=frozenset(channel.speaks_for),
    )


def _template(path: Path | None) -> Any:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return template.parsed(file.read(TEMPLATE_BYTES).decode())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name}:{error.lineno}: is not JSON: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path.name} {error}") from None

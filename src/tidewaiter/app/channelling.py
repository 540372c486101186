"""Approval channels as a deployment is configured: the only place that knows every kind."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
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

SECRETS = (
    "token", "webhook_secret", "bot_token", "app_token", "signing_secret", "secret", "previous_secret", "authorization",
)  # fmt: skip
"""Keys of channels that are references to secrets; a webhook's url may be one."""

Secrets = Mapping[str, str]
"""What a channel's references stand for, by key."""


def lines_of(config: Config, environ: Mapping[str, str], now_s: Callable[[], float]) -> list[Line]:
    """The deployment's channels with their secrets, none of them at work yet. Raises ConfigError with every problem."""
    lines, problems = [], []
    for channel in config.channels.values():
        try:
            made = channel_of(config, channel.name, environ, now_s)
            lines.append(Line(made, frozenset(channel.datasources), frozenset(channel.groups)))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return lines


def switchboard_of(
    config: Config,
    lines: Sequence[Line],
    store: Store,
    directory: Directory,
    ledger: Ledger,
    now_s: Callable[[], float],
    report: Callable[[str], None],
) -> Switchboard:
    """What connects the deployment's channels, made by `lines_of`, with its requests."""

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
            made = channel_of(config, channel.name, environ, now_s)
            found.append(Finding(what, True, f"{made.kind}; `tidewaiter channel test {channel.name}` tries it"))
        except ConfigError as error:
            found += [Finding(what, False, problem) for problem in error.problems]
    return found


def channel_of(config: Config, name: str, environ: Mapping[str, str], now_s: Callable[[], float]) -> Channel:
    """One channel with its secrets. Raises ConfigError for secrets, and for what is in them or in a file."""
    channel = config.channels[name]
    revealed: dict[str, str] = {}
    problems: list[str] = []
    for key, reference in references(channel).items():
        try:
            revealed[key] = resolve_secret(reference, config.folder, environ).value
        except ConfigError as error:
            problems += [f"{config.place('channel', name, key)}{problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    try:
        return _made(channel, revealed, now_s)
    except ValueError as error:
        raise ConfigError([f"{config.place('channel', name)}{name}: {error}"]) from error


def references(channel: ChannelConfig) -> dict[str, str]:
    """The references to secrets in a channel's configuration, by key."""
    found = {key: getattr(channel, key, None) for key in SECRETS}
    url = channel.url if isinstance(channel, WebhookConfig) else None
    if url and not url.startswith(("https://", "http://")):
        found["url"] = url
    return {key: reference for key, reference in found.items() if reference}


def _made(channel: ChannelConfig, secret: Secrets, now_s: Callable[[], float]) -> Channel:
    match channel:
        case GithubConfig():
            return _github(channel, secret, now_s)
        case JiraConfig():
            return _jira(channel, secret)
        case SlackConfig():
            return _slack(channel, secret, now_s)
        case WebhookConfig():
            return _webhook(channel, secret, now_s)
        case _:
            raise TypeError(type(channel))


def _github(channel: GithubConfig, secret: Secrets, now_s: Callable[[], float]) -> Github:
    token = secret["token"]
    return Github(
        channel.name,
        channel.repository,
        AppAuth(channel.api, channel.repository, channel.app, token, now_s) if channel.app else token,
        webhook_secret=secret.get("webhook_secret", ""),
        poll_s=channel.poll_s,
        api=channel.api,
    )


def _jira(channel: JiraConfig, secret: Secrets) -> Jira:
    return Jira(
        channel.name,
        channel.url,
        channel.project,
        secret["token"],
        user=channel.user or "",
        issue_type=channel.issue_type,
        approve_status=channel.approve_status,
        deny_status=channel.deny_status,
        webhook_secret=secret.get("webhook_secret", ""),
        poll_s=channel.poll_s,
    )


def _slack(channel: SlackConfig, secret: Secrets, now_s: Callable[[], float]) -> Channel:
    if find_spec("slack_sdk") is None or find_spec("aiohttp") is None:
        raise ValueError("slack needs more packages: pip install 'tidewaiter[slack]'")
    from tidewaiter.channels.slack import Slack

    return Slack(
        channel.name,
        channel.channel,
        secret["bot_token"],
        now_s,
        app_token=secret.get("app_token", ""),
        signing_secret=secret.get("signing_secret", ""),
        api=channel.api,
    )


def _webhook(channel: WebhookConfig, secret: Secrets, now_s: Callable[[], float]) -> Webhook:
    url = web_address(secret["url"]) if "url" in secret else channel.url or ""
    over = channel.template_over or channel.template
    return Webhook(
        channel.name,
        url,
        [signing.key_of(secret[key]) for key in ("secret", "previous_secret") if key in secret],
        now_s,
        bodies=Bodies(_template(channel.template), _template(over)),
        authorization=secret.get("authorization", ""),
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

"""`[[channel]]`: where requests are announced. Which keys there are depends on `kind`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from tidewaiter.config import values
from tidewaiter.config.document import Document, suggestion
from tidewaiter.config.sections import Section, overrides_of, read_section
from tidewaiter.config.shape import ChannelConfig, GithubConfig, JiraConfig, SlackConfig, WebhookConfig
from tidewaiter.config.values import Field

COMMON: dict[str, Field] = {
    "name": values.name(),
    "datasources": values.names(),
    "groups": values.names(),
}
KINDS: dict[str, tuple[type[ChannelConfig], dict[str, Field]]] = {
    "github": (
        GithubConfig,
        {
            "repository": values.repository(),
            "token": values.secret(),
            "app": values.text(None),
            "webhook_secret": values.secret(None),
            "poll_s": values.seconds(15.0, 1, 3600),
            "api": values.url("https://api.github.com"),
        },
    ),
    "jira": (
        JiraConfig,
        {
            "url": values.url(),
            "project": values.project(),
            "token": values.secret(),
            "user": values.text(None),
            "issue_type": values.text("Task"),
            "approve_status": values.text("Approved"),
            "deny_status": values.text("Declined"),
            "webhook_secret": values.secret(None),
            "poll_s": values.seconds(20.0, 1, 3600),
        },
    ),
    "slack": (
        SlackConfig,
        {
            "channel": values.text(),
            "bot_token": values.secret(),
            "app_token": values.secret(None),
            "signing_secret": values.secret(None),
            "api": values.url("https://slack.com/api/"),
        },
    ),
    "webhook": (
        WebhookConfig,
        {
            "url": values.url(None, may_be_secret=True),
            "secret": values.secret(),
            "previous_secret": values.secret(None),
            "authorization": values.secret(None),
            "template": values.text(None),
            "template_over": values.text(None),
            "speaks_for": values.names(),
        },
    ),
}
COMMON["kind"] = values.word(tuple(KINDS))  # last, as KINDS is written below COMMON
RESERVED = ("console", "shell", "socket")
FILES = ("template", "template_over")


def read_channels(
    document: Document, folder: Path, environ: Mapping[str, str], datasources: Collection[str]
) -> tuple[dict[str, ChannelConfig], list[Section]]:
    """The channels by name, and the tables that they were read from. Problems are reported to the document."""
    tables = document.root.get("channel", [])
    if not isinstance(tables, list):
        document.report(("channel",), "must be written with double brackets: [[channel]]")
        return {}, []
    found: dict[str, ChannelConfig] = {}
    sections: list[Section] = []
    for number, table in enumerate(tables):
        section = _section(document, number, table, environ)
        sections.append(section)
        name = section.get("name")
        if name in RESERVED:
            section.report("name", f'"{name}" is what decisions from there are recorded as: choose another')
        if name in found:
            section.report("name", f'"{name}" is taken by another channel')
        _check(section, folder, datasources)
        made = _channel(section, folder)
        if made is not None:
            found[made.name] = made
    return found, sections


def _section(document: Document, number: int, table: object, environ: Mapping[str, str]) -> Section:
    place = ("channel", number)
    kind = table.get("kind") if isinstance(table, dict) else None
    known = COMMON | (KINDS[kind][1] if isinstance(kind, str) and kind in KINDS else {})
    name = table.get("name") if isinstance(table, dict) else None
    overridable = {key: field for key, field in known.items() if key not in COMMON and not _is_list(field)}
    overrides = overrides_of(environ, ("channel", name), overridable) if isinstance(name, str) else {}
    if kind not in KINDS and isinstance(table, dict):  # which other keys are right is not known then
        table = {key: value for key, value in table.items() if key in COMMON}
    return read_section(document, place, table, known, overrides)


def _check(section: Section, folder: Path, datasources: Collection[str]) -> None:
    for name in section.get("datasources") or ():
        if name not in datasources:
            section.report("datasources", f'there is no datasource "{name}"{suggestion(name, datasources)}')
    for key in FILES:
        if section.get(key) is not None and not (folder / section.get(key)).is_file():
            section.report(key, f"{folder / section.get(key)} is not a file")
    _check_kind(section)


def _check_kind(section: Section) -> None:
    match section.get("kind"):
        case "slack":
            ways = [key for key in ("app_token", "signing_secret") if section.get(key) is not None]
            if len(ways) != 1 and {"app_token", "signing_secret"} <= set(section.values):
                section.report("app_token", "give either app_token (Socket Mode) or signing_secret (HTTP)")
        case "jira":
            approve, deny = section.get("approve_status"), section.get("deny_status")
            if approve is not None and deny is not None and approve.lower() == deny.lower():
                section.report("deny_status", "must be another status than approve_status")
        case "webhook":
            if section.get("url") is None and not section.get("speaks_for") and "url" in section.values:
                section.report("url", "is needed for requests to go out, or speaks_for for decisions to come in")


def _channel(section: Section, folder: Path) -> ChannelConfig | None:
    """The value, None where something is missing, which is reported already."""
    kind = section.get("kind")
    if kind not in KINDS:
        return None
    shape = KINDS[kind][0]
    told: dict[str, Any] = {one.name: section.get(one.name) for one in fields(shape)}
    if any(key not in section.values for key in told):
        return None
    for key in FILES:
        if told.get(key) is not None:
            told[key] = folder / told[key]
    return shape(**told)


def _is_list(field: Field) -> bool:
    return isinstance(field.default, tuple)

"""What users can rely on is written down: keys, commands, errors, actions, entry kinds, routes; and no link is dead."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer
from typer.core import TyperGroup

from tidewaiter import config, errors
from tidewaiter.channels import web as channels
from tidewaiter.channels.links import Links
from tidewaiter.cli import app
from tidewaiter.config.channels import KINDS
from tidewaiter.console.app import console
from tidewaiter.console.views import House
from tidewaiter.model import Secret
from tidewaiter.policy import SCHEMA_TEXT

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src" / "tidewaiter"
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SECTIONS: dict[str, type] = {
    "[gateway]": config.GatewayConfig,
    "[console]": config.ConsoleConfig,
    "[ledger]": config.LedgerConfig,
    "[approvals]": config.ApprovalsConfig,
    "[limits]": config.Limits,
    "[store]": config.StoreConfig,
    "[[datasource]]": config.Datasource,
    "[[channel]]": config.ChannelConfig,
}


async def nobody(*arguments: Any) -> Any:
    raise AssertionError


def page(name: str) -> str:
    return (DOCS / "reference" / name).read_text()


def source_texts(pattern: str) -> Iterator[str]:
    return (path.read_text() for path in sorted(SOURCES.glob(pattern)))


def documented_keys(section: str) -> set[str]:
    """First cells of the table under a heading of config.md."""
    _, _, rest = page("config.md").partition(f"\n## {section}\n")
    rows = re.findall(r"^\| (`[^|]+) \|", rest.partition("\n## ")[0], re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """Every command that does something, by its whole name, with its long options."""
    if isinstance(command, TyperGroup):
        for name, sub in command.commands.items():
            yield from commands(sub, (*path, name))
    else:
        yield " ".join(path), {word for option in command.params for word in option.opts if word.startswith("--")}


ALL_COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_every_kind_of_channel_is_documented(kind: str) -> None:
    shape, _ = KINDS[kind]
    common = {field.name for field in dataclasses.fields(config.ChannelConfig)}
    assert (
        documented_keys(f'[[channel]] kind = "{kind}"') == {field.name for field in dataclasses.fields(shape)} - common
    )


def faults() -> Iterator[type[errors.TidewaiterError]]:
    """Every error that errors.py defines."""
    for found in vars(errors).values():
        if isinstance(found, type) and issubclass(found, errors.TidewaiterError):
            yield found


@pytest.mark.parametrize("section", SECTIONS)
def test_every_configuration_key_is_documented_and_none_is_invented(section: str) -> None:
    assert documented_keys(section) == {field.name for field in dataclasses.fields(SECTIONS[section])}


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_every_command_and_each_of_its_options_is_documented(name: str) -> None:
    text = page("cli.md")
    assert f"tidewaiter {name}" in text
    assert {option for option in ALL_COMMANDS[name] if option not in text} == set()


def test_every_error_is_documented_with_its_sqlstate_exit_code_and_status() -> None:
    text = page("errors.md")
    for error in faults():
        fault = error.fault
        name = "any other" if error is errors.TidewaiterError else error.__name__
        assert f"| {name} | {fault.sqlstate} | {fault.exit_code} | {fault.http_status} |" in text


def test_every_sqlstate_that_the_proxy_sends_is_documented() -> None:
    states = re.compile(r'(?<!b)"((?:[0-5][0-9A-Z]|XX)[0-9A-Z]{3})"')
    sent = {state for text in source_texts("proxy/*.py") for state in states.findall(text)}
    assert "42501" in sent
    assert {state for state in sent if state not in page("errors.md")} == set()


def test_every_policy_action_is_documented() -> None:
    declared = re.findall(r'^action ((?:"\w+"(?:, )?)+)', SCHEMA_TEXT, re.MULTILINE)
    actions = {name.strip('"') for names in declared for name in names.split(", ")}
    assert {"select", "destructive", "unknown", "connect"} <= actions
    assert {action for action in actions if f"`{action}`" not in page("policy.md")} == set()


def test_every_kind_of_entry_is_documented() -> None:
    call = re.compile(r'(?:\._?record|\.event|_change|log\.append)\(\s*(?:site, by, )?"([a-z]+(?:\.[a-z]+)?)"')
    kinds = {kind for text in source_texts("**/*.py") for kind in call.findall(text)}
    assert {"intent", "outcome", "execution", "session.start"} <= kinds
    assert {kind for kind in kinds if f"`{kind}`" not in page("ledger-format.md")} == set()


def test_every_route_of_the_console_is_documented() -> None:
    more = channels.routes(nobody, nobody, Links(None, b""), float)
    directory = SimpleNamespace(key_for=Secret)
    house = cast(House, SimpleNamespace(addresses=(), sessions=None, directory=directory, now_s=float))
    routes = {getattr(route, "path", "/") for route in console("0", list, more, house).routes} - {"/"}
    assert routes
    assert {route for route in routes if f"`{route}`" not in page("config.md")} == set()


def test_every_module_is_in_the_layout() -> None:
    layout = (DOCS / "architecture.md").read_text().partition("## Layout")[2]
    modules = {path.stem for path in SOURCES.rglob("*.py") if "migrations" not in path.parts} - {"__init__", "__main__"}
    assert {module for module in modules if not re.search(rf"\b{module}\b", layout)} == set()


def test_the_commands_of_the_readme_are_in_the_makefile() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for verb in ("demo", "test"):
        assert f"make {verb}" in readme.partition("\n## ")[0]
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("path", [ROOT / "README.md", *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", [ROOT / "README.md", *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_options_that_pages_show_exist(path: Path) -> None:
    shown = re.findall(r"^ *tidewaiter ([a-z].*?)(?: #.*)?$", path.read_text(), re.MULTILINE)
    for line in shown:
        words = line.split()
        name = max((name for name in ALL_COMMANDS if words[: len(name.split())] == name.split()), default="", key=len)
        assert name, f"there is no command: tidewaiter {line}"
        options = set(re.findall(r"(?<= )--[a-z-]+", line.partition(" -- ")[0]))
        assert options <= ALL_COMMANDS[name] | {"--config"}, line

"""`tidewaiter policy test`: the tests file beside the policies, run against them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, load
from tidewaiter.errors import EXIT_NO, NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tidewaiter.admin.trials import Outcome
    from tidewaiter.config import Config
    from tidewaiter.sql.catalog import Catalog

TESTS = "tests.toml"


def test(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The tests.", show_default="policies/tests.toml")
    ] = None,
    policies: Annotated[
        Path | None, typer.Option("--policies", metavar="DIR", help="Test these policies instead.")
    ] = None,
    only: Annotated[str, typer.Option("-k", metavar="TEXT", help="Only tests with this in their name.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Names mean what they mean in the databases.")] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Judge the statements of a tests file and compare with what it expects. Exit code 1 when a test fails."""
    from tidewaiter.admin.trials import read_trials, run_trial
    from tidewaiter.app.shelf import edition_on_disk
    from tidewaiter.cli import days

    settings = load(config)
    if policies is not None and not policies.is_dir():
        raise UsageError(f"--policies {policies}: there is no such folder")
    path = file or (policies or settings.policies) / TESTS
    if not path.is_file():
        raise NotFound(f"{path}: there are no tests; see docs/how-to/write-and-test-a-policy.md")
    edition = edition_on_disk(settings, policies)
    found = read_trials(path.name, path.read_text(), settings.datasources, days.zone(settings.timezone))
    chosen = [trial for trial in found.trials if only.casefold() in trial.name.casefold()]
    if not chosen:
        raise NotFound(f"{path}: no test has {only!r} in its name" if only else f"{path}: there are no tests in it")
    catalogs = catalogs_of(settings, {trial.datasource for trial in chosen}) if live else {}
    began = time.monotonic()
    outcomes = [
        run_trial(
            trial,
            edition.policies,
            catalogs.get(trial.datasource, found.catalog),
            settings.limits.analyse_bytes,
            settings.datasources[trial.datasource],
        )
        for trial in chosen
    ]
    if as_json:
        _print_json(outcomes)
    else:
        _print(outcomes, len(found.trials) - len(chosen), time.monotonic() - began)
    if any(outcome.complaints for outcome in outcomes):
        raise typer.Exit(EXIT_NO)


def catalogs_of(settings: Config, names: Iterable[str]) -> dict[str, Catalog]:
    """The present catalogs of some datasources. Raises UpstreamError."""
    import asyncio

    from tidewaiter.app.upstreams import catalog_once, secret_of
    from tidewaiter.config import environment

    environ = environment()
    found = {}
    for name in sorted(names):
        source = settings.datasources[name]
        found[name] = asyncio.run(catalog_once(source, secret_of(settings, source, environ)))
    return found


def _print_json(outcomes: Sequence[Outcome]) -> None:
    show.json_out(
        {
            "passed": sum(not outcome.complaints for outcome in outcomes),
            "failed": sum(bool(outcome.complaints) for outcome in outcomes),
            "tests": [
                {
                    "name": outcome.trial.name,
                    "place": outcome.trial.place,
                    "principal": outcome.trial.principal.name,
                    "passed": not outcome.complaints,
                    "complaints": list(outcome.complaints),
                    "statements": list(outcome.told),
                }
                for outcome in outcomes
            ],
        }
    )


def _print(outcomes: Sequence[Outcome], deselected: int, took_s: float) -> None:
    for outcome in outcomes:
        trial = outcome.trial
        word = "FAILED" if outcome.complaints else "passed"
        show.say(f"{word}  {trial.place}  {trial.name} ({trial.principal.name})")
        for complaint in outcome.complaints:
            show.say(f"        {complaint}")
    failed = sum(bool(outcome.complaints) for outcome in outcomes)
    left_out = f", {deselected} deselected" if deselected else ""
    show.say(f"{failed} failed, {len(outcomes) - failed} passed{left_out} in {took_s:.2f} s")

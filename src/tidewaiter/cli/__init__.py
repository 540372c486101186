"""The command line: parses, calls, prints. Each command imports what it needs when it runs, so that help is instant."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from tidewaiter.cli import (
    audit,
    channel,
    classify,
    connect,
    credential,
    datasource,
    floor,
    policy,
    principal,
    replay,
    request,
    session,
    setup,
    shell,
    trials,
)

app = typer.Typer(
    name="tidewaiter",
    help="Identity-aware PostgreSQL gateway: who touched the data, decided by policy, provable to outsiders.",
    cls=shell.Shell,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    setup.init, setup.check, setup.serve, setup.reload, setup.demo, classify.classify, floor.floor,
    connect.connect, connect.whoami,
):  # fmt: skip
    app.command()(command)
policy.policy.command("test")(trials.test)
policy.policy.command("replay")(replay.replay)
policy.policy.command("report")(replay.report)
for commands in (
    principal.principal,
    credential.credential,
    datasource.datasource,
    policy.policy,
    request.request,
    channel.channel,
    session.session,
    audit.audit,
):
    app.add_typer(commands)


def _version(is_asked: bool) -> None:
    if is_asked:
        from tidewaiter import __version__

        print(f"tidewaiter {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="PATH", help="tidewaiter.toml; each command takes it too.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it and end.")
    ] = False,
) -> None:
    shell.before.set(config)


def main() -> None:
    """Run the command line of this process and end it with the exit code."""
    try:
        app(prog_name="tidewaiter")
    finally:
        _flush()


def _flush() -> None:
    """Write what is buffered now: at the end of the interpreter nobody could be quiet about a reader that went away."""
    stdout = sys.__stdout__  # typer may have put a wrapper into the place of sys.stdout by now
    if stdout is None:
        return
    try:
        stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())

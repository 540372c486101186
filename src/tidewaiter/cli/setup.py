"""Commands on a whole deployment: `init`, `check`, `serve`, `reload`, `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, chosen, load
from tidewaiter.errors import EXIT_NO, ConfigError

if TYPE_CHECKING:
    from tidewaiter.config import Config


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make; it may exist.")],
    name: Annotated[str, typer.Option(help="Name of the deployment, and of its log.")] = "tidewaiter",
) -> None:
    """Make a deployment folder.

    It holds configuration to edit, policies, keys and a TLS pair. Nothing is ever overwritten.
    """
    import socket
    from datetime import UTC, datetime

    from tidewaiter.app.founding import found
    from tidewaiter.config import environment

    made = found(folder, name, socket.gethostname(), datetime.now(UTC), environment())
    for path in made.files:
        show.say(str(folder / path))
    show.note(f"public key of the log, to keep outside this machine for `tidewaiter audit verify --key`: {made.vkey}")
    show.note(f"next: put your database into {folder / 'tidewaiter.toml'}, then run `tidewaiter check`")


def check(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Look at all that has to work.

    That is files, keys, policies, databases and the ledger. Exit code 1 if one of them does not work.
    """
    found = call(_load_whole(config), "check")
    is_fine = all(finding["is_ok"] for finding in found)
    if as_json:
        show.json_out({"ok": is_fine, "findings": found})
    else:
        show.table(("", "what", "said"), [(_mark(f), f["what"], f["said"]) for f in found])
    if not is_fine:
        raise typer.Exit(EXIT_NO)


def serve(config: ConfigPath = None) -> None:
    """Run the gateway.

    Prints `ready` once it accepts connections. SIGTERM or Ctrl-C ends it, a second one at once; SIGHUP does what
    `tidewaiter reload` does.
    """
    from tidewaiter.app.serving import run
    from tidewaiter.config import environment

    run(_load_whole(config), environment(), lambda: print("ready", flush=True), show.note)


def _load_whole(path: Path | None) -> Config:
    """As `load`; where that fails, its ConfigError says what is wrong with the policies too."""
    try:
        return load(path)
    except ConfigError as error:
        from tidewaiter.app.shelf import problems_of_policies

        policies = chosen(path).absolute().parent / "policies"
        raise ConfigError(error.problems + (problems_of_policies(policies) if policies.is_dir() else [])) from None


def reload(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Put new policies in force.

    The running server takes the policies on disk, or keeps those it has if the new ones are not valid.
    """
    told = call(load(config), "reload")
    if as_json:
        show.json_out(told)
        return
    show.say("new policies are in force" if told["changed"] else "the policies did not change")
    for name in told["needs_restart"]:
        show.note(f"{name} was changed: restart the server to put it in force")
    for problem in told["problems"]:
        show.note(f"warning: {problem}")


def demo(
    tour: Annotated[
        bool, typer.Option("--tour", help="Run the whole story unattended; exit 0 if each step held.")
    ] = False,
) -> None:
    """Show all of it at work.

    Starts a database with company data, the gateway and the console, and prints lines to paste.
    """
    from tidewaiter.demo import main

    raise typer.Exit(main(tour=tour))


def _mark(finding: dict[str, object]) -> str:
    if not finding["is_ok"]:
        return "FAILED"
    return "warning" if finding["is_warning"] else "ok"

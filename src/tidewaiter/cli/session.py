"""`tidewaiter session`: who is connected now."""

from __future__ import annotations

from typing import Annotated

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, group, load

COLUMNS = (
    "id", "principal", "on_behalf_of", "datasource", "state", "client_address", "application", "began_at", "statements",
)  # fmt: skip

session = group("session", "Sessions that are open now.")

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the session.")]


@session.command()
def ls(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """List live sessions, oldest first."""
    found = call(load(config), "session.ls")
    if as_json:
        show.json_out(found)
        return
    rows = [[told.get(column) for column in COLUMNS] for told in found]
    show.table([column.replace("_", " ") for column in COLUMNS], rows, empty="no live sessions")


@session.command("show")
def show_(id: Id, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Show all that is known of one live session."""
    told = call(load(config), "session.show", {"id": id})
    if as_json:
        show.json_out(told)
        return
    show.table(("what", "value"), [(key.replace("_", " "), value) for key, value in told.items()])


@session.command()
def kill(id: Id, config: ConfigPath = None) -> None:
    """End a session now; what it runs is cancelled."""
    call(load(config), "session.kill", {"id": id})
    show.say(f"session {id} ended")

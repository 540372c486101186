"""`tidewaiter datasource`: the databases behind the gateway."""

from __future__ import annotations

from typing import Annotated

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, group, load

COLUMNS = ("name", "kind", "address", "database", "user", "tls", "mode")

datasource = group("datasource", "Databases that clients reach through the gateway, by name.")


@datasource.command()
def ls(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """List datasources."""
    found = call(load(config), "datasource.ls")
    if as_json:
        show.json_out(found)
        return
    show.table(COLUMNS, [[d[c] for c in COLUMNS] for d in found], empty="no datasource in tidewaiter.toml")


@datasource.command()
def test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the datasource.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Log in to a datasource as the gateway does."""
    told = call(load(config), "datasource.test", {"name": name})
    if as_json:
        show.json_out(told)
        return
    show.say(f"{name}: PostgreSQL {told['server_version']}, {told['tls']}, logged in within {told['connect_ms']} ms")
    for warning in told["warnings"]:
        show.note(f"warning: {warning}")

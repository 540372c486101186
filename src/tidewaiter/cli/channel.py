"""`tidewaiter channel`: where requests for approval are announced."""

from __future__ import annotations

from typing import Annotated

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, group, load

COLUMNS = ("name", "kind", "told", "waiting", "waiting since", "given up", "problem")

channel = group("channel", "Approval channels: how they stand, and whether they work.")


@channel.command()
def ls(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """List channels: how many requests each was told of, what waits to be told, what is wrong."""
    found = call(load(config), "channel.ls", {})
    if as_json:
        show.json_out(found)
        return
    rows = [[one[key.replace(" ", "_")] for key in COLUMNS[:-1]] + [one["problem"] or one["hears"]] for one in found]
    show.table(COLUMNS, rows, empty="no channels are configured")


@channel.command()
def test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The channel's name.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Find out whether a channel would work: its address, its token, its rights."""
    told = call(load(config), "channel.test", {"name": name})
    if as_json:
        show.json_out(told)
    else:
        show.say(f"channel {told['name']} works: {told['said']}")

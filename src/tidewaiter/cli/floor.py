"""`tidewaiter floor`: what makes the database itself refuse."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, load
from tidewaiter.errors import EXIT_NO


def floor(
    datasource: Annotated[str, typer.Argument(metavar="DATASOURCE", help="Name of the datasource.")],
    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role", metavar="ROLE", help="Role to hold; may be repeated.", show_default="the datasource's roles"
        ),
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Print SQL with which the database itself keeps roles from tagged columns.

    Nothing is run: read it, then run it yourself. Exits 1 if rights can hold none of the roles.
    """
    from tidewaiter.sql.catalog import quoted

    told = call(load(config), "datasource.floor", {"name": datasource, "roles": role or []})
    if as_json:
        show.json_out(told)
    else:
        sys.stdout.write(told["sql"])
        for name, reasons in told["not_held"].items():
            show.note(f"warning: {quoted((name,))} cannot be held: it {', it '.join(reasons)}")
    if not told["held"]:
        raise typer.Exit(EXIT_NO)

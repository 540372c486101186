"""`tidewaiter classify`: which columns hold personal data or secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, load
from tidewaiter.errors import EXIT_NO

if TYPE_CHECKING:
    from tidewaiter.app.classifying import Discovery
    from tidewaiter.discovery.proposals import Merged

COLUMNS = ("column", "tag", "mask", "", "why", "looks like")


def classify(
    datasource: Annotated[str, typer.Argument(metavar="DATASOURCE", help="Name of the datasource.")],
    relation: Annotated[
        list[str] | None, typer.Option("--relation", metavar="SCHEMA.TABLE", help="Only this table; may be repeated.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, max=10_000, help="Rows of each table that are looked at.")] = 500,
    again: Annotated[bool, typer.Option("--again", help="Look at columns that are classified, too.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Add the likely ones to classification.toml.")] = False,
    possible: Annotated[bool, typer.Option("--possible", help="With --write: the possible ones, too.")] = False,
    untagged: Annotated[
        bool, typer.Option("--untagged", help="With --write: [] for columns in which nothing was found.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Propose tags for columns that nobody classified.

    Samples the database as the gateway logs in: read-only, within time limits. Shows no value, only what values look
    like. Nothing that is in classification.toml is ever changed.
    """
    import asyncio

    from tidewaiter.app import classifying
    from tidewaiter.config import environment

    if (possible or untagged) and not write:
        raise typer.BadParameter("--possible and --untagged need --write")
    deployment, only = load(config), relation or []
    arguments = {"name": datasource, "rows": rows, "relations": only, "write": write}
    call(deployment, "datasource.classify", arguments)
    with show.progress("tables looked at") as step:
        found = asyncio.run(
            classifying.discover(deployment, datasource, environment(), rows=rows, only=only, again=again, step=step)
        )
    merged = None
    if write:
        merged = classifying.write(deployment, datasource, found, possible=possible, untagged=untagged)
    if as_json:
        show.json_out(_document(found, merged))
    else:
        _print(datasource, found, merged)
    if found.problems and not (found.proposals or found.empty):
        raise typer.Exit(EXIT_NO)


def _print(datasource: str, found: Discovery, merged: Merged | None) -> None:
    from tidewaiter.sql.catalog import quoted

    rows = [
        (
            quoted((*one.path, one.column)),
            one.tag,
            one.mask.name,
            one.sureness.value,
            "; ".join(one.reasons),
            "   ".join(one.examples[:2]),
        )
        for one in found.proposals
    ]
    show.table(COLUMNS, rows, empty="nothing to tag was found")
    for problem in found.problems:
        show.note(f"warning: {problem}")
    show.note(
        f"{show.counted(len(found.proposals), 'proposal')}; nothing found in {len(found.empty)} columns; "
        f"{len(found.unread)} without values; {found.classified} classified before"
    )
    if merged is None:
        show.note("add the likely ones to classification.toml with --write; then `tidewaiter reload`")
    else:
        show.note(f"classification.toml: {show.counted(len(merged.columns), 'column')} added"
                  + (f", new tags: {', '.join(merged.tags)}" if merged.tags else "")
                  + ("; read them, then `tidewaiter reload`" if merged.columns else ""))  # fmt: skip


def _document(found: Discovery, merged: Merged | None) -> dict[str, object]:
    return {
        "proposals": [
            {
                "schema": one.path[0],
                "table": one.path[1],
                "column": one.column,
                "tag": one.tag,
                "mask": {"name": one.mask.name, **one.mask.parameters},
                "sureness": one.sureness.value,
                "reasons": list(one.reasons),
                "examples": list(one.examples),
            }
            for one in found.proposals
        ],
        "empty": [[*path, column] for path, column in found.empty],
        "unread": [[*path, column] for path, column in found.unread],
        "classified": found.classified,
        "problems": list(found.problems),
        "written": None if merged is None else [[*path, column] for path, column in merged.columns],
    }

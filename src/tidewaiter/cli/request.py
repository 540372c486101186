"""`tidewaiter request`: statements that wait for somebody's approval."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tidewaiter.cli import show
from tidewaiter.cli.shell import AsJson, ConfigPath, call, group, load
from tidewaiter.errors import TidewaiterError

if TYPE_CHECKING:
    from tidewaiter.config import Config

COLUMNS = (
    "id",
    "state",
    "who",
    "on behalf of",
    "datasource",
    "rule",
    "approvers",
    "rows",
    "expires",
    "link",
    "statement",
)
WATCH_S = 1.0
STATEMENT_CHARACTERS = 80

request = group("request", "Statements that wait for approval.")

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the request, such as AR-7K3F9QX.")]
As = Annotated[
    str | None, typer.Option("--as", metavar="PRINCIPAL", help="Who decides; needs [approvals] shell = true.")
]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="json is the same as --json.")]


@request.command()
def ls(
    is_all: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on and print each change, until Ctrl-C.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="The newest N of them.")] = None,
    before: Annotated[str | None, typer.Option("--before", metavar="ID", help="Those older than this one.")] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """List requests that wait for somebody, oldest first."""
    loaded = load(config)
    if watch and (limit is not None or before is not None):
        raise typer.BadParameter("--watch goes on with what changes: it knows neither --limit nor --before")
    if watch:
        _watch(loaded, as_json=as_json)
        return
    found = call(loaded, "request.ls", {"is_live": not is_all, "limit": limit, "before": before})
    if as_json:
        show.json_out(found)
    else:
        show.table(COLUMNS, [_row(one) for one in found], empty="no requests")
        if limit is not None and len(found) == limit:
            show.note(f"for older ones: --before {found[0]['id']}")


@request.command("show")
def show_one(id: Id, format_: Format = "text", config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Show a request: who asks, exactly what would run, what it would do, who may decide."""
    from tidewaiter.approvals.blast import lines
    from tidewaiter.approvals.desk import Event
    from tidewaiter.approvals.presentation import happened

    told = call(load(config), "request.show", {"id": id})
    if as_json or format_ == "json":
        show.json_out(told)
        return
    whose = f", on behalf of {told['on_behalf_of']}" if told["on_behalf_of"] else ""
    show.say(f"{told['id']} is {told['state']}" + (f": {told['reason']}" if told["reason"] else ""))
    show.say(f"{told['principal']}{whose} asks on {told['datasource']}, at {told['created_at']}")
    show.say(told["message"])
    if told["glass"]:
        show.say(f"BREAK GLASS: {told['glass']}")
    radius = told["blast_radius"] or {}
    for line in radius.get("formatted", told["statement"]).splitlines() or [""]:
        show.say(f"    {line}")
    for number, value in enumerate(told["parameters"], 1):
        show.say(f"    ${number} = {value if value is not None else 'NULL'}")
    for line in lines(radius) if radius else ():
        show.say(line)
    for one in told["history"]:
        said, where = happened(Event(one["what"], None, one["who"] or "", one["channel"] or "", one["place"]))
        note = f": {one['note']}" if one["note"] else ""
        show.say(f"{one['at'] or '(not noted when)'}  {said}{f', {where}' if where else ''}{note}")
    for one in told["deliveries"]:
        tried = (
            f" after {show.counted(one['attempts'], 'attempt')}" if one["state"] == "waiting" and one["problem"] else ""
        )
        problem = f": {one['problem']}" if one["problem"] else ""
        to = f" to {one['member']}" if one["member"] else ""
        show.say(f"channel {one['channel']}{to}: {one['state']}{tried}{problem}")
    if told["link"] and told["state"] in ("open", "approved", "review"):
        show.say(f"in the console: {told['link']}")
    if told["state"] == "review":
        show.say(f"waits for {' or '.join(told['approvers'])} to close it: tidewaiter request close {told['id']}")
        return
    show.say(f"needs {' and '.join(told['needs'])}; expires {told['expires_at']}")


@request.command()
def approve(
    id: Id,
    note: Annotated[str, typer.Option(metavar="TEXT", help="A remark for the record.")] = "",
    as_: As = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Let a held statement run, once, as it is."""
    told = call(load(config), "request.approve", {"id": id, "principal": _named(as_), "note": note})
    _report(told, as_json=as_json)


@request.command()
def deny(
    id: Id,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; whoever asked reads it.")],
    as_: As = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a held statement, or take back an approval that was not used yet."""
    told = call(load(config), "request.deny", {"id": id, "principal": _named(as_), "reason": reason})
    _report(told, as_json=as_json)


@request.command()
def close(
    id: Id,
    note: Annotated[str, typer.Option(metavar="TEXT", help="What the review found.")],
    as_: As = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """End the review of a statement that ran under break glass."""
    told = call(load(config), "request.close", {"id": id, "principal": _named(as_), "note": note})
    _report(told, as_json=as_json)


def _named(principal: str | None) -> str:
    if principal is None:
        raise typer.BadParameter("say who decides: --as PRINCIPAL")
    return principal


def _report(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show.json_out(told)
        return
    missing = f"; still needs {' and '.join(told['missing'])}" if told["state"] == "open" else ""
    show.say(f"request {told['id']} is now {told['state']}{missing}")


def _watch(config: Config, *, as_json: bool) -> None:
    """Print each change as it happens. A server that goes away and comes back in between is waited for."""
    after: int | None = None
    problem = ""
    while True:
        try:
            told = call(config, "request.changes", {"after": after})
            for one in told["requests"]:
                show.json_line(one) if as_json else show.say("  ".join(str(cell or "-") for cell in _row(one)))
            after, problem = told["version"], ""
            time.sleep(WATCH_S)
        except KeyboardInterrupt:
            return
        except TidewaiterError as error:
            if after is None:
                raise
            if str(error) != problem:
                show.note(f"{error}; still watching")
            problem = str(error)
            time.sleep(WATCH_S)


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    statement = " ".join(one["statement"].split())
    shown = statement if len(statement) <= STATEMENT_CHARACTERS else statement[: STATEMENT_CHARACTERS - 1] + "…"
    approvers = ", ".join(one["approvers"])
    radius = one["blast_radius"] or {}
    rows = f"{radius['rows']} {radius['basis']}" if radius.get("rows") is not None else None
    return (
        one["id"], one["state"], one["principal"], one["on_behalf_of"], one["datasource"], one["rule"], approvers, rows,
        one["expires_at"], one["link"], shown,
    )  # fmt: skip

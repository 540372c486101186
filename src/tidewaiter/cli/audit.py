"""`tidewaiter audit`: what was done, by whom, and proof that the log is whole. Needs no server.

Questions are answered from the ledger's files. While a server runs, it records that they were asked; without
one nothing is written, as when anybody reads the files by other means.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tidewaiter.cli import show
from tidewaiter.cli.questions import index_of, searching, short, tell_server
from tidewaiter.cli.shell import AsJson, ConfigPath, ZoneName, group, load, zone
from tidewaiter.errors import EXIT_TAMPERED, UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tidewaiter.cli.days import Span
    from tidewaiter.config import Config
    from tidewaiter.ledger.search import Search

FOLLOW_S = 0.5  # how often `tail --follow` looks for new entries
PAGE = 1000  # entries in memory at once, each with its statement's text
OF_ALL = ("principal", "on_behalf_of", "datasource", "session")  # what columns show, or a filter asks for
EXPORTED = (
    "log", "seq", "at", "principal", "on_behalf_of", "datasource", "verbs", "relations", "rows", "verdict", "rule",
    "status", "sqlstate", "session", "statement",
)  # fmt: skip

audit = group("audit", "What was done, by whom, and proof that the log is whole.")

Principal = Annotated[
    str | None, typer.Option("--by", "--principal", metavar="PRINCIPAL", help="Only what this principal did.")
]
Datasource = Annotated[str | None, typer.Option("--datasource", metavar="D", help="Only in this datasource.")]
Since = Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this time or day on.")]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Up to this time, or the end of this day.")]
On = Annotated[
    str | None, typer.Option("--on", metavar="DAY", help="One day: 2026-11-17, today, yesterday, last tuesday.")
]


@audit.command()
def tail(
    count: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many entries.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")] = False,
    tz: ZoneName = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest entries of any kind."""
    settings = load(config)
    shown = zone(settings, tz)
    tell_server(settings, "tail", lines=count, follow=follow or None)
    with searching(settings) as search:
        rows = search.tail(count)
        if as_json and not follow:
            show.json_out(rows)
            return
        _print_entries(rows, shown, as_json)
        if follow:
            with suppress(KeyboardInterrupt):
                _follow(search, rows[-1]["seq"] if rows else -1, shown, as_json)


def _follow(search: Search, last: int, tz: ZoneInfo, as_json: bool) -> None:
    while True:
        sys.stdout.flush()
        time.sleep(FOLLOW_S)
        search.index.catch_up()
        while rows := search.tail(PAGE, after=last):
            _print_entries(rows, tz, as_json)
            last = rows[-1]["seq"]


def _said(row: dict[str, Any]) -> str:
    """What an entry says beyond the columns that all have: a statement's text, or each field of another kind."""
    if row["statement"] is not None:
        return short(row["statement"])
    told = row.get("fields", {}) if row["status"] is None else {"verdict": row["verdict"], "status": row["status"]}
    shown = {key: value for key, value in told.items() if key not in OF_ALL and value not in (None, "", {}, [])}
    return short(", ".join(f"{key} {_plain(value)}" for key, value in shown.items()))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _print_entries(rows: Sequence[dict[str, Any]], tz: ZoneInfo, as_json: bool) -> None:
    for row in rows:
        if as_json:
            show.json_line(row)
        else:
            what = _said(row)
            who = _who(row)
            show.say(f"{row['seq']:>8}  {_at(row, tz)}  {row['kind']:<14}  {who:<24}  {what}".rstrip())


@audit.command()
def search(
    by: Principal = None,
    datasource: Datasource = None,
    session: Annotated[str | None, typer.Option("--session", help="Only this session.")] = None,
    verdict: Annotated[str | None, typer.Option("--verdict", help="allow, deny or hold.")] = None,
    would_be: Annotated[
        Literal["deny", "hold", "limited", "any"] | None,
        typer.Option("--would-be", help="Only what observe mode let through and enforcement would not have."),
    ] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Entries of this kind, not statements.")] = None,
    relation: Annotated[str | None, typer.Option("--relation", help="Only what touched this relation.")] = None,
    verb: Annotated[str | None, typer.Option("--verb", help="Only statements with this verb.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Only statements that contain this text.")] = None,
    sqlstate: Annotated[str | None, typer.Option("--sqlstate", help="Only what ended with this SQLSTATE.")] = None,
    tagged: Annotated[
        Literal["masked", "unmasked"] | None,
        typer.Option("--tagged", help="Only what reads tagged columns masked, or as they are."),
    ] = None,
    since: Since = None,
    until: Until = None,
    on: On = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only so many, the newest.")] = None,
    tz: ZoneName = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Find statements, or entries of a kind, by any combination of filters."""
    from tidewaiter.cli import days
    from tidewaiter.ledger.search import Filters

    settings = load(config)
    where = days.span(on, since, until, time.time_ns(), zone(settings, tz))
    asked = Filters(
        by, datasource, session, verdict, tuple(kind or ()), relation, verb, where.from_ns, where.to_ns, text, sqlstate,
        would_be, limit or sys.maxsize, tagged,
    )  # fmt: skip
    tell_server(settings, "search", principal=by, datasource=datasource, session=session, verdict=verdict,
                 would_be=would_be, kinds=" ".join(kind or ()) or None, relation=relation, verb=verb, text=text,
                 sqlstate=sqlstate, tagged=tagged, **_limits(where, settings))  # fmt: skip
    with searching(settings) as index:
        rows = index.search(asked)
    if as_json:
        show.json_out(rows)
        return
    columns = ("entry", "at", "who", "datasource", "verdict", "rule", "rows", "status", "statement")
    shown = zone(settings, tz)
    show.table(
        columns,
        [
            (row["seq"], _at(row, shown), _who(row), row["datasource"], row["verdict"], row["rule"], row["rows"],
             row["status"], _said(row)) for row in rows
        ],
        empty="nothing found",
    )  # fmt: skip
    if len(rows) == limit:
        show.note(f"there may be more: these are the newest {limit}; raise --limit or narrow the range")


@audit.command()
def touched(
    relation: Annotated[str, typer.Argument(metavar="RELATION", help="name, schema.name or datasource.schema.name.")],
    on: On = None,
    since: Since = None,
    until: Until = None,
    by: Principal = None,
    datasource: Datasource = None,
    tz: ZoneName = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Who touched a table: every statement in the range, through views too, refused ones included."""
    from tidewaiter.cli import days
    from tidewaiter.ledger.search import datasource_of

    settings = load(config)
    shown = zone(settings, tz)
    where = days.span(on, since, until, time.time_ns(), shown)
    tell_server(settings, "touched", relation=relation, by=by, datasource=datasource, **_limits(where, settings))
    with searching(settings) as index:
        found = index.touched(relation, where.from_ns, where.to_ns, by)
        rows = [row for row in found if datasource in (None, row["datasource"])]
        counted = datasource or datasource_of(relation)
        unknown = index.unknown_statements(where.from_ns, where.to_ns, counted)
    limits = {"from": days.iso(where.from_ns, shown), "to": days.iso(where.to_ns, shown)}
    if as_json:
        show.json_out({"range": limits, "unknown_statements": unknown, "rows": rows})
        return
    columns = ("entry", "at", "who", "on behalf of", "relation", "verbs", "columns", "rows", "verdict", "session")
    show.table(
        columns,
        [
            (row["seq"], _at(row, shown), row["principal"], row["on_behalf_of"], row["relation"],
             ", ".join(row["verbs"]), _columns(row), row["rows"], row["verdict"], row["session"])
            for row in rows
        ],
        empty=f"nobody touched {relation} from {limits['from']} to {limits['to']}",
    )  # fmt: skip
    told = f"datasource {counted}" if counted else "all datasources"
    show.note(f"touches: {len(rows)}; statements of {told} in this range not wholly understood: {unknown}")


@audit.command()
def verify(
    path: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="A ledger or deployment folder.", show_default="this one")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="VKEY", help="Public key, or a file with it.")] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FILE", help="An older checkpoint that the log must extend.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Compute the whole log again from its bytes. Exit code 3 when anything is not as it was written."""
    from tidewaiter.ledger.reader import FolderSource
    from tidewaiter.ledger.verify import verify as verify_log

    folder = _ledger_of(path) if path is not None else load(config).state / "ledger"
    trusted = _key(key) if key is not None else None
    older = against.read_bytes() if against is not None else None
    with show.progress("verifying") as step:
        found = verify_log(FolderSource.of(folder), key=trusted, against=older, progress=step)
    problems = [{"where": problem.where, "what": problem.what} for problem in found.problems]
    if as_json:
        told = {"ok": found.ok, "entries": found.entries, "checkpoints": found.checkpoints, "problems": problems}
        more = {"origin": found.origin, "checkpointed": found.checkpointed, "notes": found.notes}
        show.json_out(told | more | {"more_problems": found.more_problems})
    else:
        for problem in problems:
            show.say(f"TAMPERED  {problem['where']}: {problem['what']}")
        if found.more_problems:
            show.say(f"and {found.more_problems} more problems")
        for note in found.notes:
            show.say(f"note: {note}")
        word = "whole" if found.ok else "NOT whole"
        show.say(
            f"{found.origin or folder}: {word}; {found.entries} entries, {found.checkpointed} of them under"
            f" {found.checkpoints} signed checkpoints"
        )
    if not found.ok:
        raise typer.Exit(EXIT_TAMPERED)


def _ledger_of(path: Path) -> Path:
    """The log folder that a person means by a path. UsageError when there is none."""
    for folder in (path, path / "state" / "ledger", path / "ledger"):
        if (folder / "segments").is_dir():
            return folder
    if path.suffix == ".zip":
        raise UsageError(f"{path}: evidence archives are not read by this release; give the ledger's folder")
    raise UsageError(f"{path} is neither a ledger nor a deployment: it has no folder `segments`")


def _key(text: str) -> Any:
    from tidewaiter.ledger.note import Verifier

    spoken = Path(text).read_text().strip() if "+" not in text else text
    try:
        return Verifier.parse(spoken)
    except ValueError as error:
        raise UsageError(f"--key: {error}") from None


@audit.command()
def reindex(config: ConfigPath = None) -> None:
    """Forget the index and make it again from the log."""
    with index_of(load(config)) as index, show.progress("indexing the ledger") as step:
        entries = index.rebuild(step)
    show.say(f"{entries} entries indexed")


@audit.command()
def export(
    format: Annotated[str, typer.Option("--format", help="json (one object per line) or csv.")] = "json",
    since: Since = None,
    until: Until = None,
    on: On = None,
    by: Principal = None,
    tz: ZoneName = None,
    config: ConfigPath = None,
) -> None:
    """Write all statements of a range to stdout."""
    from tidewaiter.cli import days

    if format not in ("json", "csv"):
        raise UsageError(f"--format {format}: this release writes json and csv")
    settings = load(config)
    where = days.span(on, since, until, time.time_ns(), zone(settings, tz))
    tell_server(settings, "export", format=format, by=by, **_limits(where, settings))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if format == "csv":
        writer.writerow(EXPORTED)
    with searching(settings) as search:
        for row in _statements(search, where):
            if by not in (None, row["principal"]):
                continue
            if format == "json":
                show.json_line(row)
            else:
                writer.writerow([" ".join(v) if isinstance(v := row[name], list) else v for name in EXPORTED])


def _statements(search: Search, where: Span) -> Iterator[dict[str, Any]]:
    """Every statement of a range in log order, a page in memory at a time."""
    from tidewaiter.ledger.search import STATEMENTS

    last = search.seq_at(where.from_ns) - 1
    while rows := search.tail(PAGE, after=last):
        for row in rows:
            if row["t_ns"] >= where.to_ns:
                return
            if row["kind"] in STATEMENTS:
                yield row
        last = rows[-1]["seq"]


def _limits(where: Span, config: Config) -> dict[str, str]:
    """How an entry says which range was asked for."""
    from tidewaiter.cli import days

    tz = days.zone(config.timezone)
    return {"from": days.iso(where.from_ns, tz), "to": days.iso(where.to_ns, tz)}


def _at(row: dict[str, Any], tz: ZoneInfo) -> str:
    from tidewaiter.cli import days

    return days.iso(row["t_ns"], tz)


def _columns(row: dict[str, Any]) -> str:
    """The touched columns, masked ones marked; those of a star that are tagged are named."""
    named = dict.fromkeys([*row["columns"], *row["masked"], *row["unmasked"]])
    return ", ".join(f"{column} (masked)" if column in row["masked"] else column for column in named)


def _who(row: dict[str, Any]) -> str:
    owner = f" for {row['on_behalf_of']}" if row["on_behalf_of"] else ""
    return f"{row['principal'] or ''}{owner}"

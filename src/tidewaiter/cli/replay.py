"""`tidewaiter policy replay` and `policy report`: what recorded statements say about policies."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidewaiter.cli import show
from tidewaiter.cli.questions import principals, searching, short, tell_server
from tidewaiter.cli.shell import AsJson, ConfigPath, load
from tidewaiter.cli.trials import catalogs_of
from tidewaiter.errors import EXIT_NO, UsageError

if TYPE_CHECKING:
    from tidewaiter.ledger.entry import Entry
    from tidewaiter.ledger.index import Index
    from tidewaiter.ledger.search import Search

STEP = 5_000  # entries between two looks at the progress bar

Since = Annotated[str, typer.Option("--since", metavar="7d", help="How far back: 90m, 12h, 7d, 2w.")]


def replay(
    since: Since = "7d",
    policies: Annotated[
        Path | None, typer.Option("--policies", metavar="DIR", help="Policies to try.", show_default="those on disk")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the databases for their catalogs, to know what can be masked.")
    ] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Judge recorded statements by a set of policies: what would be denied, held or allowed that was not. Exit code 1
    if anything would change."""
    from tidewaiter.admin.replay import Place, Replay
    from tidewaiter.app.shelf import edition_on_disk

    settings = load(config)
    if policies is not None and not policies.is_dir():
        raise UsageError(f"--policies {policies}: there is no such folder")
    edition = edition_on_disk(settings, policies)
    catalogs = catalogs_of(settings, settings.datasources) if live else {}
    places = {name: Place(source, catalogs.get(name)) for name, source in settings.datasources.items()}
    began = time.monotonic()
    tell_server(settings, "policy replay", since=since)
    with searching(settings) as search:
        run = Replay(
            edition.policies,
            principals(settings),
            lambda session: _start_of(search.index, session),
            places,
            lambda seq: _statement(search.index, seq),
        )
        with show.progress("replaying") as step:
            for number, entry in enumerate(_entries(search, _from_ns(since)), 1):
                run.take(entry.seq, entry.t_ns, entry.kind, _fields(search.index, entry))
                if not number % STEP:
                    step(number)
        changes = sorted(run.changes.items(), key=lambda item: -item[1].count)
        rows = [asdict(change) | _examples(search.index, seen.count, seen.entries) for change, seen in changes]
    took_s = time.monotonic() - began
    if as_json:
        told = {"statements": run.statements, "unchanged": run.unchanged, "changes": rows}
        told |= {"unknown_principals": run.strangers, "unsure": run.unsure, "policies": edition.policies.version}
        show.json_out(told)
    else:
        _print_replay(rows)
        for name, count in run.strangers.items():
            show.note(f"not judged: {show.counted(count, 'statement')} of {name}, who is no principal any more")
        if run.unsure:
            show.note(
                f"{show.counted(run.unsure, 'statement')} would read masks, or be refused where they cannot be masked: "
                "--live tells"
            )
        show.say(f"{show.counted(run.statements, 'statement')} in {took_s:.1f} s: {run.unchanged} as before")
    if rows:
        raise typer.Exit(EXIT_NO)


def _print_replay(rows: list[dict[str, Any]]) -> None:
    show.table(
        ("was", "would be", "who", "datasource", "rule", "statements", "for example"),
        [
            (row["before"], row["after"], row["principal"], row["datasource"], row["rule"], row["count"],
             short(row["examples"][0]["statement"])) for row in rows
        ],
    )  # fmt: skip


def report(since: Since = "7d", config: ConfigPath = None, as_json: AsJson = False) -> None:
    """What observe mode let through: would-be verdicts by principal, rule and shape of statement."""
    settings = load(config)
    tell_server(settings, "policy report", since=since)
    counts: Counter[tuple[str, ...]] = Counter()
    entries: dict[tuple[str, ...], int] = {}
    observed = 0
    with searching(settings) as search:
        with show.progress("reading") as step:
            for number, entry in enumerate(_entries(search, _from_ns(since)), 1):
                if entry.kind in ("intent", "execution"):
                    fields = _fields(search.index, entry)
                    observed += 1
                    if fields.get("would_be") in ("deny", "hold"):
                        key = _shape(search.index, entry.seq, fields)
                        counts[key] += 1
                        entries[key] = entry.seq
                if not number % STEP:
                    step(number)
        names = ("would_be", "principal", "on_behalf_of", "datasource", "rule", "fingerprint")
        rows = [
            dict(zip(names, key, strict=True)) | _examples(search.index, count, [entries[key]])
            for key, count in counts.most_common()
        ]
    if as_json:
        show.json_out({"statements": observed, "would_be_refused": sum(counts.values()), "rows": rows})
        return
    show.table(
        ("would be", "who", "datasource", "rule", "statements", "for example"),
        [
            (row["would_be"], row["principal"] + (f" for {row['on_behalf_of']}" if row["on_behalf_of"] else ""),
             row["datasource"], row["rule"], row["count"], short(row["examples"][0]["statement"])) for row in rows
        ],
        empty="nothing would have been refused",
    )  # fmt: skip
    show.say(f"{show.counted(observed, 'statement')}: {sum(counts.values())} would have been denied or held")


def _shape(index: Index, seq: int, fields: dict[str, Any]) -> tuple[str, ...]:
    """What rows of the report are counted by. A text without a fingerprint stands for itself."""
    from tidewaiter.sql.fingerprint import fingerprint

    text = _statement(index, seq)
    shape = (fingerprint(text) or text) if text is not None else ""
    named = ("would_be", "principal", "on_behalf_of", "datasource", "rule")
    return (*(str(fields.get(name) or "") for name in named), shape)


def _from_ns(since: str) -> int:
    from tidewaiter.cli import days

    return max(0, time.time_ns() - days.duration_s(since) * 10**9)


def _entries(search: Search, from_ns: int) -> Iterator[Entry]:
    """Every entry from a time on, in the order of the log."""
    from tidewaiter.ledger.entry import decode
    from tidewaiter.ledger.reader import Position

    first = search.index.db.execute(
        "select segment, offset from entries where seq >= ? order by seq limit 1", (search.seq_at(from_ns),)
    ).fetchone()
    if first is not None:
        for stored in search.index.reader.frames(Position(*first)):
            yield decode(stored.header)


def _fields(index: Index, entry: Entry) -> dict[str, Any]:
    """All members of an entry, those that were too long for its header too."""
    from tidewaiter.ledger.entry import restore

    if not entry.spilled:
        return entry.fields
    body = _body(index, entry.seq)
    return restore(entry, body) if body is not None else entry.fields


def _start_of(index: Index, session: str) -> dict[str, Any] | None:
    found = index.db.execute(
        "select seq from entries where session = ? and kind = 'session.start'", (session,)
    ).fetchone()
    return _read(index, found[0])[0].fields if found is not None else None


def _examples(index: Index, count: int, seqs: list[int]) -> dict[str, Any]:
    return {"count": count, "examples": [{"seq": seq, "statement": _statement(index, seq)} for seq in seqs]}


def _statement(index: Index, seq: int) -> str | None:
    """A statement's text; None where its key was shredded."""
    body = _body(index, seq)
    return body.sql.decode("utf-8", "replace") if body is not None else None


def _body(index: Index, seq: int) -> Any:
    from tidewaiter.ledger.seal import Unreadable

    entry, stored = _read(index, seq)
    try:
        return index.reader.body(stored, entry)
    except Unreadable:
        return None


def _read(index: Index, seq: int) -> tuple[Entry, Any]:
    from tidewaiter.errors import Tampered
    from tidewaiter.ledger.entry import decode
    from tidewaiter.ledger.reader import Position

    at = index.db.execute("select segment, offset from entries where seq = ?", (seq,)).fetchone()
    stored = index.reader.at(Position(*at)) if at is not None else None
    if stored is None:
        raise Tampered(f"entry {seq} is not where the index has it")
    return decode(stored.header), stored

"""Results for eyes and for pipes: tables, JSON, one-line errors. Nothing that came from a client can move the cursor.

On a terminal a table is drawn with rich; elsewhere it is plain aligned text, nothing cut, for grep and awk.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from tidewaiter.visible import harmless


class Step(Protocol):
    """Tells a progress bar that `done` units are finished; of how many is not known."""

    def __call__(self, done: int, /) -> None: ...


def json_out(value: object) -> None:
    """Print one JSON document to stdout, indented, UTF-8 text as it is."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def json_line(value: object) -> None:
    """Print one JSON document on one line: JSON lines, for streams."""
    print(json.dumps(value, ensure_ascii=False, default=str))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "") -> None:
    """Print rows under headings; `empty` is said on stderr when there are none."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        if empty:
            note(empty)
        return
    if sys.stdout.isatty():
        _rich_table(columns, cells)
    else:
        for line in plain_lines(columns, cells):
            print(line)


def plain_lines(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Aligned text: headings, then rows, columns two spaces apart, nothing cut."""
    widths = [max(len(row[i]) for row in (columns, *cells)) for i in range(len(columns))]
    for row in (columns, *cells):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def say(text: str) -> None:
    """Print one line of result to stdout."""
    print(harmless(text))


def note(text: str) -> None:
    """Print a remark to stderr, so that stdout stays the result."""
    print(harmless(text), file=sys.stderr)


def failure(message: str, remedy: str) -> None:
    """Print what went wrong to stderr, one `error:` line per problem, then how to go on."""
    for line in message.splitlines() or [""]:
        print(f"error: {harmless(line)}", file=sys.stderr)
    if remedy:
        print(f"hint: {harmless(remedy)}", file=sys.stderr)


@contextmanager
def progress(what: str) -> Iterator[Step]:
    """A progress bar on stderr while a long work runs; silent when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done: bar.update(task, completed=done)


def counted(count: int, noun: str) -> str:
    """`1 session`, `2 sessions`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple() | set() | frozenset():
            return ", ".join(harmless(str(item)) for item in value)
        case _:
            return harmless(str(value))


def _rich_table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        drawn.add_column(name, overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)

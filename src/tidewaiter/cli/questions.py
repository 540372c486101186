"""What commands share that look at recorded statements: the index, the entry about the question, who there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidewaiter.cli import show
from tidewaiter.cli.shell import call
from tidewaiter.errors import TidewaiterError

if TYPE_CHECKING:
    from tidewaiter.config import Config
    from tidewaiter.ledger.index import Index
    from tidewaiter.ledger.search import Search
    from tidewaiter.model import Principal

STATEMENT_WIDTH = 100  # of a statement in a table; --json has all of it


@contextmanager
def searching(config: Config) -> Iterator[Search]:
    """The deployment's index, brought up to date."""
    from tidewaiter.ledger.search import Search

    with index_of(config) as index:
        with show.progress("indexing the ledger") as step:
            index.catch_up(step)
        yield Search(index, config.ledger.origin)


def index_of(config: Config) -> Index:
    """The deployment's index as it is."""
    from tidewaiter.ledger.index import Index
    from tidewaiter.ledger.keys import load_kek

    kek = load_kek(config.keys)
    return Index(config.state / "index.sqlite", config.state / "ledger", kek)


def tell_server(config: Config, command: str, **arguments: object) -> None:
    """Let the running server record the question. If it cannot, the reader is told, and answered."""
    from tidewaiter.admin import channel

    told = {name: str(value) for name, value in arguments.items() if value is not None}
    try:
        channel.ask(config.state / channel.SOCKET, "audit.query", {"command": command, "arguments": told})
    except channel.NoServer:
        return
    except TidewaiterError as error:
        show.note(f"warning: the server did not record this question: {error}")


def short(statement: str | None) -> str:
    """A statement on one line of a table."""
    line = " ".join((statement or "").split())
    return line if len(line) <= STATEMENT_WIDTH else line[: STATEMENT_WIDTH - 1] + "…"


def principals(settings: Config, *, only_enabled: bool = False) -> dict[str, Principal]:
    """Everybody as they are now by name; disabled ones too, unless only those are wanted who can log in."""
    from tidewaiter.model import Kind, Principal

    told = {one["name"]: one for one in call(settings, "principal.ls")}

    def principal(name: str) -> Principal:
        one = told[name]
        owner = principal(one["owner"]) if one["owner"] else None
        return Principal(name, Kind(one["kind"]), frozenset(one["groups"]), owner)

    return {name: principal(name) for name, one in told.items() if one["can_log_in"] or not only_enabled}

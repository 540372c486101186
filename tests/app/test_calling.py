"""Where an operation runs: on the server that runs, or on the folder when none does. Never on both, never twice."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tidewaiter.admin import channel
from tidewaiter.admin.actor import Actor
from tidewaiter.app.calling import call
from tidewaiter.app.deployment import open_log
from tidewaiter.app.founding import found
from tidewaiter.app.web import Web
from tidewaiter.config import Config, load
from tidewaiter.errors import Conflict, LedgerBusy, NotFound, TidewaiterError, UsageError
from tidewaiter.ledger.entry import decode
from tidewaiter.ledger.reader import LogReader


@pytest.fixture
def config(tmp_path: Path) -> Config:
    found(tmp_path, "tidewaiter", "localhost", datetime.now(UTC), {})
    return load(tmp_path / "tidewaiter.toml", {})


@contextmanager
def server(config: Config, run: Callable[[str, Mapping[str, object], Actor], Any]) -> Iterator[None]:
    """A server that answers operations on the folder's socket with what `run` returns or raises."""
    ready = threading.Event()
    stop: list[Callable[[], object]] = []

    async def answer(name: str, arguments: Mapping[str, object], by: Actor) -> object:
        return run(name, arguments, by)

    async def serve() -> None:
        with channel.listening(config.state / channel.SOCKET) as sock:
            web = Web(channel.application(answer), sock, channel.peer_protocol())
            loop = asyncio.get_running_loop()
            stop.append(lambda: loop.call_soon_threadsafe(web.stop))
            loop.call_later(0, ready.set)
            await web.run_until_stopped()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(30)
    try:
        yield
    finally:
        stop[0]()
        thread.join(30)


def changes(config: Config) -> list[str]:
    """Kinds of what is recorded in the folder's own ledger."""
    if not (config.state / "ledger").exists():
        return []
    return [decode(stored.header).kind for stored in LogReader(config.state / "ledger").frames()]


def test_a_running_server_does_it_and_the_folder_is_left_alone(config: Config) -> None:
    asked: list[tuple[str, object, int]] = []

    def run(name: str, arguments: Mapping[str, object], by: Actor) -> object:
        asked.append((name, dict(arguments), by.os_uid))
        return [{"name": "of the server"}]

    with server(config, run):
        assert call(config, "principal.add", {"name": "alice"}) == [{"name": "of the server"}]
    assert asked == [("principal.add", {"name": "alice"}, os.getuid())]
    assert changes(config) == []
    assert call(config, "principal.ls", {}) == []


def test_without_a_server_the_folder_is_changed_by_who_asks(config: Config) -> None:
    assert call(config, "principal.add", {"name": "alice"})["name"] == "alice"
    assert [one["name"] for one in call(config, "principal.ls", {})] == ["alice"]
    (stored,) = LogReader(config.state / "ledger").frames()
    by = decode(stored.header).fields["by"]
    assert (by["channel"], by["os_uid"]) == ("shell", os.getuid())


@pytest.mark.parametrize("error", [Conflict("there already"), NotFound("not there"), UsageError("makes no sense")])
def test_what_the_server_refuses_is_refused_and_not_tried_on_the_folder(config: Config, error: TidewaiterError) -> None:
    def run(name: str, arguments: Mapping[str, object], by: Actor) -> object:
        raise error

    with server(config, run), pytest.raises(type(error), match=str(error)):
        call(config, "principal.add", {"name": "alice"})
    assert changes(config) == []


@pytest.mark.parametrize(
    ("operation", "arguments", "error"),
    [("principal.add", {"name": "a b"}, UsageError), ("principal.disable", {"name": "nobody"}, NotFound),
     ("no.such", {}, NotFound), ("reload", {}, NotFound)],
)  # fmt: skip
def test_the_folder_refuses_as_the_server_would(
    config: Config, operation: str, arguments: Mapping[str, object], error: type[TidewaiterError]
) -> None:
    with pytest.raises(error):
        call(config, operation, arguments)
    assert call(config, "principal.ls", {}) == []


def test_a_socket_that_a_killed_server_left_behind_is_no_server(config: Config) -> None:
    config.state.mkdir(exist_ok=True)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(config.state / channel.SOCKET))
    assert call(config, "principal.add", {"name": "alice"})["name"] == "alice"


def test_a_server_that_starts_or_stops_holds_the_ledger(config: Config) -> None:
    """It does not answer yet, or not any more, and what it has not written yet must not be passed over."""
    log = open_log(config, lambda: 1, announce=False)
    with pytest.raises(LedgerBusy):
        call(config, "principal.add", {"name": "alice"})
    log.close()
    assert call(config, "principal.ls", {}) == []


def test_a_server_that_goes_away_in_the_middle_is_not_asked_twice(
    config: Config, deserted: Callable[[Path], None]
) -> None:
    """Nobody knows whether it did it, so doing it on the folder might do it twice."""
    config.state.mkdir(exist_ok=True)
    deserted(config.state / channel.SOCKET)
    with pytest.raises(TidewaiterError, match=r"look whether principal\.add was done"):
        call(config, "principal.add", {"name": "alice"})
    assert changes(config) == []

"""The admin socket: who may open it, what it answers, and what the asker learns when nobody or nothing answers."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tidewaiter.admin import channel
from tidewaiter.admin.actor import Actor, Channel
from tidewaiter.app.web import Web
from tidewaiter.errors import ConfigError, Conflict, NotFound, TidewaiterError, UsageError

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


class Unheard(TidewaiterError):
    """An error that the asker's errors.py does not have."""


class Fault(TidewaiterError):
    """An error whose name means something else in the asker's errors.py."""


async def run(operation: str, arguments: Mapping[str, object], actor: Actor) -> object:
    match operation:
        case "echo":
            return {"arguments": arguments, "by": actor.fields()}
        case "conflict":
            raise Conflict("it is there already")
        case "broken-config":
            raise ConfigError(["a.toml:1: wrong", "b.toml:2: wrong too"])
        case "other-version":
            raise Unheard("from a newer server")
        case "odd-name":
            raise Fault("named like something else in errors.py")
        case "defect":
            raise ZeroDivisionError
        case _:
            raise NotFound(f"no operation {operation}")


def asked(path: Path, operation: str, arguments: Mapping[str, object] | None = None, loop: int = 0) -> Any:
    """What a client learns from a real server on `path`."""

    return served(path, lambda: channel.ask(path, operation, arguments or {}, 10.0), loop)


def served(path: Path, visit: Callable[[], Any], loop: int = 0) -> Any:
    """What `visit` returns or raises while a real server runs on `path`."""

    async def go() -> Any:
        with channel.listening(path) as sock:
            web = Web(channel.application(run), sock, channel.peer_protocol())
            async with asyncio.TaskGroup() as group:
                group.create_task(web.run_until_stopped())
                await web.accepts.wait()
                answer: Any
                (answer,) = await asyncio.gather(asyncio.to_thread(visit), return_exceptions=True)
                web.stop()
        return answer

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        answer = runner.run(go())
    if isinstance(answer, BaseException):
        raise answer
    return answer


@pytest.mark.parametrize("loop", [0, 1], ids=["asyncio", "uvloop"])
def test_an_answer_comes_with_who_the_kernel_says_asked(tmp_path: Path, loop: int) -> None:
    answer = asked(tmp_path / "admin.sock", "echo", {"name": "zoë", "groups": ["a"]}, loop)
    assert answer["arguments"] == {"name": "zoë", "groups": ["a"]}
    assert answer["by"] == Actor.of(Channel.SOCKET, os.getuid()).fields()


def test_an_error_arrives_as_the_error_it_was(tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="it is there already"):
        asked(tmp_path / "admin.sock", "conflict")
    with pytest.raises(NotFound, match="no operation nonsense"):
        asked(tmp_path / "admin.sock", "nonsense")
    with pytest.raises(ConfigError) as caught:
        asked(tmp_path / "admin.sock", "broken-config")
    assert caught.value.problems == ["a.toml:1: wrong", "b.toml:2: wrong too"]


def test_an_error_that_this_version_does_not_know_is_still_an_expected_one(tmp_path: Path) -> None:
    with pytest.raises(TidewaiterError, match="from a newer server"):
        asked(tmp_path / "admin.sock", "other-version")
    with pytest.raises(TidewaiterError, match="named like something else"):
        asked(tmp_path / "admin.sock", "odd-name")


def test_a_defect_in_the_server_is_an_error_that_points_to_its_stderr(tmp_path: Path) -> None:
    with pytest.raises(TidewaiterError, match="HTTP status 500; its stderr says why"):
        asked(tmp_path / "admin.sock", "defect")


def test_arguments_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the arguments exceed"):
        asked(tmp_path / "admin.sock", "echo", {"sql": "x" * channel.BODY_BYTES})


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b"\xff"])
def test_arguments_that_are_no_json_object_are_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "admin.sock"

    def post() -> bytes:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))
            peer.sendall(b"POST /v1/echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ")
            peer.sendall(b"%d\r\n\r\n%b" % (len(body), body))
            return b"".join(iter(lambda: peer.recv(65536), b""))

    answer = served(path, post)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"error":"UsageError"' in answer


def test_nobody_listening_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(channel.NoServer):
        channel.ask(tmp_path / "admin.sock", "echo", {})
    left_behind = socket.socket(socket.AF_UNIX)
    left_behind.bind(str(tmp_path / "admin.sock"))
    left_behind.close()
    with pytest.raises(channel.NoServer):
        channel.ask(tmp_path / "admin.sock", "echo", {})


def test_a_path_that_is_no_socket_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises((UsageError, channel.NoServer)):
        channel.ask(tmp_path / "file", "echo", {})
    with pytest.raises(UsageError, match="cannot be opened"):
        channel.ask(tmp_path / "file" / "admin.sock", "echo", {})


def test_a_server_that_goes_away_leaves_the_outcome_open(tmp_path: Path, deserted: Callable[[Path], None]) -> None:
    deserted(tmp_path / "admin.sock")
    with pytest.raises(TidewaiterError, match=r"did not answer .* look whether echo was done"):
        channel.ask(tmp_path / "admin.sock", "echo", {})


def test_the_socket_is_for_its_owner_only_replaces_a_stale_one_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    with channel.listening(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_a_folder_with_a_very_long_name_works_too(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    assert asked(folder / "admin.sock", "echo")["arguments"] == {}
    with pytest.raises(channel.NoServer):
        channel.ask(tmp_path / ("gone" * 40) / "admin.sock", "echo", {})


def test_a_socket_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"the admin socket .* cannot be made"),
        channel.listening(tmp_path / "no" / "s"),
    ):
        pass


def test_an_unknown_user_id_is_named_by_its_number() -> None:
    assert Actor.of(Channel.SHELL, 4_000_000).fields() == {
        "channel": "shell",
        "os_user": "4000000",
        "os_uid": 4_000_000,
    }


def test_where_the_kernel_does_not_tell_it_is_the_owner() -> None:
    assert channel.actor_of(None).os_uid == os.getuid()

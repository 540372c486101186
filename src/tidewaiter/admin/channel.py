"""The admin socket: `POST /v1/{operation}` over a unix socket that only its owner may open.

The request body is a JSON object of arguments; the answer is `{"result": …}` or, with the HTTP status of the error,
`{"error": name, "message": text, "problems": […]}`, where name is a class of errors.py. Who asks is taken from the
kernel (SO_PEERCRED, unix(7)), never from the request.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tidewaiter import errors
from tidewaiter.admin.actor import Actor, Channel
from tidewaiter.errors import ConfigError, TidewaiterError, UsageError

if TYPE_CHECKING:
    from asyncio import BaseTransport

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

SOCKET = "admin.sock"
BODY_BYTES = 8 << 20  # the longest statement that is analysed (1 MiB by default) as JSON, which escapes up to sixfold
PATH_BYTES = 100  # sun_path holds 108 bytes on Linux and 104 on macOS (unix(7))

Run = Callable[[str, Mapping[str, object], Actor], Awaitable[object]]


class NoServer(Exception):
    """Nobody listens on the admin socket."""


# -- asking -------------------------------------------------------------------------------------------------------
def ask(path: Path, operation: str, arguments: Mapping[str, object], timeout_s: float = 60.0) -> Any:
    """The running server's answer to an operation.

    Raises NoServer when nobody listens: nothing happened then. Raises the TidewaiterError that the operation raised,
    and TidewaiterError when the server goes away without an answer: then the operation may have happened.
    """
    connection = _connected(path, timeout_s)
    try:
        connection.request("POST", f"/v1/{operation}", json.dumps(arguments), {"content-type": "application/json"})
        response = connection.getresponse()
        status, body = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        said = type(error).__name__
        raise TidewaiterError(f"the server did not answer ({said}); look whether {operation} was done") from error
    finally:
        connection.close()
    return _result(status, body)


def _connected(path: Path, timeout_s: float) -> http.client.HTTPConnection:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(timeout_s)
    try:
        with reachable(path) as short:
            peer.connect(short)
    except (FileNotFoundError, ConnectionRefusedError):
        peer.close()
        raise NoServer(str(path)) from None
    except OSError as error:
        peer.close()
        raise UsageError(f"the admin socket {path} cannot be opened: {error.strerror or error}") from None
    connection = http.client.HTTPConnection("localhost", timeout=timeout_s)
    connection.sock = peer
    return connection


def _result(status: int, body: bytes) -> Any:
    try:
        answer = json.loads(body)
    except ValueError:
        raise TidewaiterError(f"the server failed with HTTP status {status}; its stderr says why") from None
    if "error" not in answer:
        return answer["result"]
    known = getattr(errors, str(answer["error"]), TidewaiterError)
    if known is ConfigError:
        raise ConfigError([str(problem) for problem in answer["problems"]])
    if not (isinstance(known, type) and issubclass(known, TidewaiterError)):
        known = TidewaiterError
    raise known(str(answer["message"]))


# -- answering ----------------------------------------------------------------------------------------------------
def application(run: Run) -> Starlette:
    """The ASGI application that runs operations for whoever may open the socket."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    async def operation(request: Request) -> Response:
        from starlette.responses import JSONResponse

        try:
            arguments = _arguments(await _body(request))
            actor = actor_of(getattr(request.state, "uid", None))
            return JSONResponse({"result": await run(request.path_params["operation"], arguments, actor)})
        except TidewaiterError as error:
            problems = error.problems if isinstance(error, ConfigError) else []
            told = {"error": type(error).__name__, "message": str(error), "problems": problems}
            return JSONResponse(told, error.fault.http_status)

    return Starlette(routes=[Route("/v1/{operation}", operation, methods=["POST"])])


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise UsageError(f"the arguments exceed {BODY_BYTES} bytes")
    return body


def _arguments(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body or b"{}")
    except ValueError as error:
        raise UsageError(f"the arguments are not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("the arguments are not a JSON object")
    return found


def peer_protocol() -> type:
    """uvicorn's HTTP protocol that puts the peer's user id into each request's state as `uid`."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class PeerProtocol(H11Protocol):
        def connection_made(self, transport: BaseTransport) -> None:
            super().connection_made(cast(Any, transport))
            self.app_state = {**self.app_state, "uid": _peer_uid(transport)}

    return PeerProtocol


def _peer_uid(transport: BaseTransport) -> int | None:
    """The user id at the other end when it connected; None where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):  # pragma: no cover - not Linux
        return None
    # uvloop's socket has no getsockopt, so ask through a duplicate.
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as peer:
        _pid, uid, _gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)


def actor_of(uid: int | None) -> Actor:
    """Who is behind the other end of the socket. None means the owner, whom this process runs as."""
    return Actor.of(Channel.SOCKET, os.getuid() if uid is None else uid)


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """The listening socket, owner only, replacing what a killed server left behind; removed at the end.

    The caller holds the ledger's lock, so nobody else serves this folder. Raises ConfigError when it cannot be made.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with reachable(path) as short:
            path.unlink(missing_ok=True)
            sock.bind(short)
            path.chmod(0o600)  # before listen: until then nobody can connect
            sock.listen(16)
    except OSError as error:
        sock.close()
        raise ConfigError([f"the admin socket {path} cannot be made: {error.strerror or error}"]) from error
    sock.setblocking(False)
    try:
        yield sock
    finally:
        sock.close()
        path.unlink(missing_ok=True)


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A name for `path` that is short enough for a unix socket's address. ConfigError where there is none."""
    if len(os.fsencode(path)) <= PATH_BYTES:
        yield str(path)
        return
    if not Path("/proc/self/fd").is_dir():  # pragma: no cover - not Linux
        raise ConfigError([f"{path}: longer than the {PATH_BYTES} bytes that a unix socket's address can have"])
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)

"""Everything that the demo runs, started in order and stopped in reverse: database, deployment, gateway, console."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tidewaiter import config
from tidewaiter.app.calling import call
from tidewaiter.app.founding import found
from tidewaiter.demo import data
from tidewaiter.demo.deployment import NAME, PERSONAS, Listeners, Upstream, furnish
from tidewaiter.demo.postgres import EmbeddedPostgres, bundled, free_port
from tidewaiter.errors import TidewaiterError
from tidewaiter.model import Secret

HOST, GATEWAY_PORT, CONSOLE_PORT = "127.0.0.1", 15432, 8480
COMMAND = (sys.executable, "-c", "from tidewaiter.cli import main; main()")
READY_S = 30.0
PATIENCE_S = 3.0  # for running statements when the demo ends; a second SIGTERM does not wait for them


class NotStarted(TidewaiterError):
    """A part of the demo did not come up."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running demo. `credentials` are what `credential issue --format json` prints, by principal."""

    folder: Path
    database: EmbeddedPostgres
    gateway: subprocess.Popen[str]
    host: str
    port: int
    console: str
    psql: Path
    customers: int
    credentials: Mapping[str, Mapping[str, Any]]
    environment: Mapping[str, str] = field(repr=False)

    def operate(self, operation: str, **arguments: object) -> Any:
        """Run an operation on the gateway's admin socket, as the command line does."""
        return call(config.load(self.folder / "tidewaiter.toml", self.environment), operation, arguments)


@contextlib.contextmanager
def running(size: data.Size) -> Iterator[Stack]:
    """Start the whole demo in a temporary folder; stop it and delete the folder afterwards. Raises TidewaiterError."""
    with contextlib.ExitStack() as opened:
        room = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="tidewaiter-demo-")))
        room.chmod(0o711)  # the database's user must pass through, see demo.postgres
        password = Secret(secrets.token_urlsafe(18))
        server = EmbeddedPostgres(room / "database", Secret(secrets.token_urlsafe(18)))
        database = opened.enter_context(server)
        data.load(database, password, size)
        folder = room / "deployment"
        settings = _found(folder, database, password)
        environment = config.environment()
        credentials = _people(config.load(settings, environment))
        gateway = opened.enter_context(_serving(folder))
        loaded = config.load(settings, environment)
        yield Stack(
            folder=folder,
            database=database,
            gateway=gateway,
            host=loaded.gateway.postgres.host,
            port=loaded.gateway.postgres.port,
            console=f"http://{loaded.console.listen}",
            psql=bundled().tool("psql"),
            customers=size.customers,
            credentials=credentials,
            environment=environment,
        )


def _found(folder: Path, database: EmbeddedPostgres, password: Secret) -> Path:
    """What `tidewaiter init` does, then the demo's own configuration. Returns the path of tidewaiter.toml."""
    found(folder, NAME, socket.gethostname(), datetime.now(UTC), config.environment())
    folder.chmod(0o700)
    listeners = Listeners(f"{HOST}:{_preferred(GATEWAY_PORT)}", f"{HOST}:{_preferred(CONSOLE_PORT)}")
    furnish(folder, listeners, [Upstream("shop", f"{database.host}:{database.port}")], password)
    return folder / "tidewaiter.toml"


def _people(loaded: config.Config) -> dict[str, dict[str, Any]]:
    """What `tidewaiter principal add` and `tidewaiter credential issue` do."""
    issued = {}
    for persona in PERSONAS:
        who = {"name": persona.name, "kind": persona.kind.value, "groups": [persona.group]}
        call(loaded, "principal.add", who | ({"owner": persona.owner} if persona.owner else {}))
        issued[persona.name] = call(loaded, "credential.issue", {"principal": persona.name})
    return issued


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`tidewaiter serve` in a session of its own: Ctrl-C reaches the demo, which stops the parts in order."""
    with (folder / "serve.log").open("w") as log:
        gateway = subprocess.Popen(
            [*COMMAND, "serve"], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
    try:
        _require_ready(gateway, folder / "serve.log")
        yield gateway
    finally:
        _stop(gateway)


def _require_ready(gateway: subprocess.Popen[str], log: Path) -> None:
    assert gateway.stdout is not None
    deadline = threading.Timer(READY_S, gateway.kill)
    deadline.start()
    try:
        said = gateway.stdout.readline().strip()
    finally:
        deadline.cancel()
    if said != "ready":
        raise NotStarted(f"the gateway did not start:\n{log.read_text().strip()}")


def _stop(gateway: subprocess.Popen[str]) -> None:
    for impatience in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        if gateway.poll() is None:
            gateway.send_signal(impatience)
            with contextlib.suppress(subprocess.TimeoutExpired):
                gateway.wait(PATIENCE_S)
    gateway.wait()
    if gateway.stdout:
        gateway.stdout.close()


def _preferred(port: int) -> int:
    """The port that documentation names if it can be had, else a free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return free_port()
    return port


def installed(program: str) -> str:
    """How to type a program: its name when the shell finds it, else the path beside this Python."""
    beside = Path(sys.executable).with_name(program)
    return program if shutil.which(program) or not beside.exists() else str(beside)


def shown(words: Sequence[str]) -> str:
    """A command as one would type it."""
    return " ".join(
        word if word.isascii() and not set(word) & set(" \"'$;&|<>()*\\`!") else _quoted(word) for word in words
    )


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' if "'" in word else f"'{word}'"

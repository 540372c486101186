"""Held statements: how long from a decision to the run, and what a thousand of them cost in memory.

    python -m bench.holding [--held 1000] [--decisions 20] [--fleet]

One PostgreSQL, one gateway with its control store in SQLite, `balanced` ledger. With `--fleet` two gateways share a
control store in a PostgreSQL of its own: what is held at the first is decided at the second. Each held statement is
another text, so that each has a request of its own. Memory is what the gateway's process has resident beyond the same
sessions idle.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import machine, targets
from bench.client import IDLE, Client, Login
from tidewaiter import config
from tidewaiter.app.calling import call
from tidewaiter.demo.postgres import EmbeddedPostgres, free_port
from tidewaiter.model import Secret

POLICY = """
@id("bench-may-change")
permit (principal == User::"bench", action in [Action::"write", Action::"connect", Action::"read"], resource);
@id("deletes-wait") @hold("dba") @wait("1h")
forbid (principal, action in Action::"delete", resource in Datasource::"bench");
@id("dbas-approve")
permit (principal in Group::"dba", action == Action::"approve", resource == Datasource::"bench");
"""
PATIENCE_S = 300.0
SQLITE = "sqlite:///state/control.sqlite"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.holding", description=__doc__)
    parser.add_argument("--held", type=int, default=1000, help="statements held at once (default 1000)")
    parser.add_argument("--decisions", type=int, default=20, help="decisions whose latency is measured (default 20)")
    parser.add_argument("--fleet", action="store_true", help="decide at another gateway; memory is not measured")
    given = parser.parse_args()
    machine.raise_file_limit(8 * given.held)
    with tempfile.TemporaryDirectory(prefix="tidewaiter-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with targets.upstream(folder / "postgres") as server:
            for line in fleet(server, folder, given.decisions) if given.fleet else one(server, folder, given):
                print(line)


def one(server: EmbeddedPostgres, folder: Path, given: argparse.Namespace) -> Iterator[str]:
    """One gateway."""
    with holding(server, folder / "gateway") as (login, pid, loaded):
        yield from latency(login, pid, loaded, given.decisions)
        yield from memory(login, pid, loaded, given.held)


def fleet(server: EmbeddedPostgres, folder: Path, decisions: int) -> Iterator[str]:
    """Held at one gateway, decided at another."""
    with EmbeddedPostgres(folder / "store", Secret("bench"), durable=True) as store:
        url = store.dsn()
        with (
            holding(server, folder / "first", url) as (login, pid, _),
            holding(server, folder / "second", url, is_first=False) as (_, _, elsewhere),
        ):
            yield from latency(login, pid, elsewhere, decisions)


@contextlib.contextmanager
def holding(
    server: EmbeddedPostgres, folder: Path, store: str = SQLITE, *, is_first: bool = True
) -> Iterator[tuple[Login, int, config.Config]]:
    """A gateway that holds every DELETE; decisions from the shell. Only the first one fills the store."""
    port, environment = free_port(), {**os.environ, "BENCH_PASSWORD": server.password.value}
    targets.deploy(folder, port, server, environment)
    file = folder / "tidewaiter.toml"
    written = file.read_text().replace("[limits]", "[approvals]\nshell = true\n[limits]").replace(SQLITE, store)
    file.write_text(written)
    (folder / "policies" / "bench.cedar").write_text(POLICY)
    at = ["--config", str(file)]
    issued = {"user": "bench", "password": ""}
    if is_first:
        targets.tidewaiter(["principal", "add", "bench", *at], environment)
        targets.tidewaiter(["principal", "add", "dora", "--group", "dba", *at], environment)
        told = targets.tidewaiter(["credential", "issue", "--principal", "bench", "--format", "json", *at], environment)
        issued = json.loads(told)
    with targets.running([*targets.TIDEWAITER, "serve", *at], folder / "log", environment) as process:
        targets.await_ready(process, folder / "log")
        login = Login("127.0.0.1", port, issued["user"], issued["password"], targets.DATABASE)
        yield login, process.pid, config.load(file, environment)


def latency(login: Login, pid: int, loaded: config.Config, decisions: int) -> Iterator[str]:
    """From the beginning and from the end of the operation `request.approve` to the end of the statement."""
    begun, ended, worked = list[float](), list[float](), list[float]()
    client = Waiting(login)
    for number in range(decisions):
        client.ask(f"delete from narrow where id = {-1 - number}")
        (request,) = waiting(loaded, 1)
        at, before = time.perf_counter(), machine.processor_s(pid)
        call(loaded, "request.approve", {"id": request["id"], "principal": "dora"})
        decided = time.perf_counter()
        client.answered()
        begun.append((time.perf_counter() - at) * 1e3)
        ended.append((time.perf_counter() - decided) * 1e3)
        worked.append((machine.processor_s(pid) - before) * 1e3)
    client.close()
    for name, took in (("begins", begun), ("has returned", ended)):
        told = f"median {statistics.median(took):.1f} ms, most {max(took):.1f} ms"
        yield f"from when request.approve {name} to the statement's end: {told}"
    yield f"processor time of the gateway per decision and run: mean {statistics.mean(worked):.1f} ms"


def memory(login: Login, pid: int, loaded: config.Config, held: int) -> Iterator[str]:
    """Resident memory with so many sessions idle, and with a statement held in each."""
    clients = [Waiting(login) for _ in range(held)]
    time.sleep(2.0)
    idle = machine.resident_bytes(pid)
    began = time.perf_counter()
    for number, client in enumerate(clients):
        client.ask(f"delete from narrow where id = {-1_000_000 - number}")
    waiting(loaded, held)
    took = time.perf_counter() - began
    time.sleep(2.0)
    now = machine.resident_bytes(pid)
    yield (
        f"{held:,} statements held at once: {(now - idle) / 1e6:.1f} MB beyond the same sessions idle "
        f"({idle / 1e6:.0f} MB → {now / 1e6:.0f} MB resident); all asked for and held within {took:.0f} s"
    )
    for client in clients:
        client.close()


def waiting(loaded: config.Config, count: int) -> list[dict[str, Any]]:
    """The open requests, once there are so many. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = [one for one in call(loaded, "request.ls", {}) if one["state"] == "open"]
        if len(found) >= count:
            return found
        time.sleep(0.02 if count == 1 else 2.0)
    raise TimeoutError(f"{count} statements were not held in {PATIENCE_S:g} s")


class Waiting(Client):
    """A client that does something else while its statement is held."""

    def ask(self, text: str) -> None:
        """Send a simple query."""
        body = text.encode() + b"\0"
        self._socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)

    def answered(self) -> None:
        """Read to the end of the answer."""
        tail = b""
        while tail != IDLE:
            chunk = self._socket.recv(65536)
            if not chunk:
                raise ConnectionError("the gateway hung up")
            tail = (tail + chunk)[-len(IDLE) :]

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


if __name__ == "__main__":
    main()

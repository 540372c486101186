"""What is measured: the server itself, pgbouncer, a bare relay and the gateway, all in front of one PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.client import Login
from tidewaiter.demo.postgres import NOBODY, EmbeddedPostgres, free_port
from tidewaiter.model import Secret

DATABASE = "bench"
ROLE = "bench"
SCALE = 10  # 1,000,000 accounts: more texts than any cache of the gateway holds
CONNECTIONS = 1200  # the idle connections that are measured, with some to spare
START_S = 30.0
STOP_S = 15.0
TIDEWAITER = [sys.executable, "-c", "from tidewaiter.cli import main; main()"]

ROWS_SQL = """
create table narrow (id int primary key, name text, email text, city text, amount numeric(10, 2), at timestamptz);
insert into narrow select n, 'name ' || n, 'person' || n || '@example.com', 'city ' || n % 100, n / 100.0,
  timestamptz '2026-01-01' + n * interval '1 minute' from generate_series(1, 5000) n;
vacuum analyze narrow;
"""

CONFIG = """
[gateway]
postgres = "127.0.0.1:{port}"
workers = 1
require_tls = "never"
[console]
listen = "127.0.0.1:{console}"
[ledger]
durability = "balanced"
binds = "full"
[limits]
connections = {connections}
[store]
url = "sqlite:///state/control.sqlite"
[[datasource]]
name = "{database}"
kind = "postgres"
address = "{host}:{upstream}"
database = "{database}"
user = "{role}"
tls = "disable"
password = "env:BENCH_PASSWORD"
mode = "enforce"
"""

POLICY = """
@id("bench-may-connect")
permit (principal == User::"bench", action == Action::"connect", resource == Datasource::"bench");
@id("bench-may-read")
permit (principal == User::"bench", action in Action::"read", resource in Datasource::"bench");
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that speaks PostgreSQL at `login`. `pid` is the process between client and server, None for none."""

    name: str
    login: Login
    pid: int | None = None


@contextlib.contextmanager
def upstream(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL with pgbench's tables and the 5,000 rows, owned by an ordinary role."""
    password = secrets.token_urlsafe(18)
    settings = {"max_connections": str(CONNECTIONS), "shared_buffers": "256MB", "max_wal_size": "2GB", "jit": "off"}
    server = EmbeddedPostgres(folder, Secret(password), settings=settings)
    with server:
        server.execute(f"create role {ROLE} login password '{password}'")
        server.execute(f"create database {DATABASE} owner {ROLE}")
        built = server.run("pgbench", "-i", "-I", "dtGvp", "-q", "-s", str(SCALE), database=DATABASE, user=ROLE)
        if built.returncode:
            raise RuntimeError(f"pgbench -i failed: {built.stderr}")
        made = server.run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", database=DATABASE, user=ROLE, text_in=ROWS_SQL)
        if made.returncode:
            raise RuntimeError(f"the tables could not be made: {made.stderr}")
        yield server


def direct(server: EmbeddedPostgres) -> Target:
    """The server itself."""
    return Target("direct", Login(server.host, server.port, ROLE, server.password.value, DATABASE))


@contextlib.contextmanager
def pgbouncer(server: EmbeddedPostgres, folder: Path) -> Iterator[Target | None]:
    """pgbouncer with session pooling, SCRAM on both sides and no TLS; None when it is not installed."""
    program = shutil.which("pgbouncer", path=os.pathsep.join((os.defpath, "/usr/sbin", "/usr/local/sbin")))
    if program is None:
        yield None
        return
    folder.mkdir()
    port, password = free_port(), server.password.value
    (folder / "users.txt").write_text(f'"{ROLE}" "{password}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{DATABASE} = host={server.host} port={server.port} dbname={DATABASE}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\npool_mode = session\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users.txt\n"
        f"max_client_conn = {CONNECTIONS}\ndefault_pool_size = {CONNECTIONS}\n"
        "ignore_startup_parameters = extra_float_digits\nlog_connections = 0\nlog_disconnections = 0\n"
    )
    owner = NOBODY if os.geteuid() == 0 else None  # pgbouncer refuses to run as root
    if owner is not None:
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner, owner)
    command = [program, "-q", str(folder / "pgbouncer.ini")]
    with running(command, folder / "log", user=owner) as process:
        _await_port(port, process)
        yield Target("pgbouncer", Login("127.0.0.1", port, ROLE, password, DATABASE), process.pid)


@contextlib.contextmanager
def relay(server: EmbeddedPostgres, folder: Path) -> Iterator[Target]:
    """The bare relay of `bench/relay.py`."""
    port = free_port()
    command = [sys.executable, "-m", "bench.relay", str(port), server.host, str(server.port)]
    folder.mkdir()
    with running(command, folder / "log") as process:
        _await_port(port, process)
        yield Target("relay", Login("127.0.0.1", port, ROLE, server.password.value, DATABASE), process.pid)


@contextlib.contextmanager
def gateway(
    server: EmbeddedPostgres, folder: Path, program: list[str] | None = None, classification: str = ""
) -> Iterator[Target]:
    """`tidewaiter serve` on a deployment of its own: balanced ledger, enforce mode, one permitting policy, no tags.

    `program` runs the command line under something else, a profiler for instance. Nobody may `unmask` what
    `classification` tags.
    """
    port = free_port()
    environment = {**os.environ, "BENCH_PASSWORD": server.password.value}
    deploy(folder, port, server, environment)
    (folder / "classification.toml").write_text(classification)
    config = ["--config", str(folder / "tidewaiter.toml")]
    tidewaiter(["principal", "add", "bench", *config], environment)
    issued = json.loads(
        tidewaiter(["credential", "issue", "--principal", "bench", "--format", "json", *config], environment)
    )
    with running([*(program or TIDEWAITER), "serve", *config], folder / "log", environment) as process:
        await_ready(process, folder / "log")
        login = Login("127.0.0.1", port, issued["user"], issued["password"], DATABASE)
        yield Target("gateway", login, process.pid)


def deploy(folder: Path, port: int, server: EmbeddedPostgres, environment: dict[str, str]) -> None:
    """Make the deployment folder with `tidewaiter init`, then put the benchmark's configuration and policy in it."""
    tidewaiter(["init", str(folder)], environment)
    (folder / "tidewaiter.toml").write_text(
        CONFIG.format(
            port=port,
            console=free_port(),
            connections=CONNECTIONS,
            host=server.host,
            upstream=server.port,
            database=DATABASE,
            role=ROLE,
        )
    )
    for policy in (folder / "policies").glob("*.cedar"):
        policy.unlink()
    (folder / "policies" / "bench.cedar").write_text(POLICY)


def tidewaiter(arguments: list[str], environment: dict[str, str]) -> str:
    """Run the command line; return what it prints. Raises RuntimeError."""
    done = subprocess.run([*TIDEWAITER, *arguments], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"tidewaiter {' '.join(arguments[:2])} failed: {done.stderr or done.stdout}")
    return done.stdout


@contextlib.contextmanager
def running(
    command: list[str], log: Path, environment: dict[str, str] | None = None, user: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, its output in `log`; SIGTERM at the end, SIGKILL when it does not follow."""
    groups: list[int] | None = [] if user is not None else None
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, stdout=sink, stderr=sink, env=environment, user=user, group=user, extra_groups=groups
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def await_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when `serve` has said ready. Raises RuntimeError."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if b"ready\n" in log.read_bytes():
            return
        time.sleep(0.05)
    raise RuntimeError(f"the gateway did not become ready:\n{log.read_text(errors='replace')}")
